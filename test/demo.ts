/** Owns `npm run demo`: the main job on a bundled fixture home into a scratch archive, then what came out. */
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { table } from "../src/cli/table.ts";
import { count } from "../src/cli/text.ts";

const root = join(import.meta.dir, "..");
const work = mkdtempSync(join(tmpdir(), "weir-demo-"));
const home = join(work, "home");
const data = join(work, "data");

/** Runs weir; what it says is shown, and its data too unless it is wanted. */
function weir(args: readonly string[], stdout: "inherit" | "pipe" = "inherit"): string {
  console.log(`\n$ weir ${args.join(" ")}`);
  const where = ["--data-dir", data, ...(args[0] === "export" ? [] : ["--home", home])];
  const env = { PATH: process.env.PATH ?? "", HOME: join(work, "nobody"), TZ: "UTC" };
  const run = Bun.spawnSync([join(root, "dist/weir"), ...args, ...where], { env, stdout, stderr: "inherit" });
  if (run.exitCode !== 0) throw new Error(`weir ${args[0]} exited ${run.exitCode}`);
  return run.stdout?.toString() ?? "";
}

try {
  for (const agent of readdirSync(join(root, "fixtures/agents"))) {
    const from = join(root, "fixtures/agents", agent, "home");
    if (existsSync(from)) cpSync(from, home, { recursive: true });
  }
  console.log(
    "A home folder with sessions of every agent, written by the agents themselves against a mock model where not said otherwise:",
  );
  weir(["scan"]);
  weir(["sync"]);
  weir(["sync"]);
  const calls = weir(["export", "--operation", "chat"], "pipe")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { agent: string; model?: string; usage?: Record<string, number> });
  const rows = new Map<
    string,
    { agent: string; model: string; calls: number; input: number; output: number; cached: number }
  >();
  for (const { agent, model = "", usage = {} } of calls) {
    const key = `${agent}\0${model}`;
    const row = rows.get(key) ?? { agent, model, calls: 0, input: 0, output: 0, cached: 0 };
    row.calls++;
    row.input += usage.input_tokens ?? 0;
    row.output += usage.output_tokens ?? 0;
    row.cached += usage.cache_read_input_tokens ?? 0;
    rows.set(key, row);
  }
  console.log(
    "Each call once, forks, resumes and subagents included; caches are part of the input, reasoning of the output:",
  );
  const counted = [...rows.values()].filter((row) => row.input + row.output > 0);
  const right = "right" as const;
  const numbers = ["CALLS", "INPUT", "OUTPUT", "CACHED"].map((header) => ({ header, align: right }));
  console.log(
    table(
      counted.map((r) => [r.agent, r.model, ...[r.calls, r.input, r.output, r.cached].map((n) => count(n))]),
      [{ header: "AGENT" }, { header: "MODEL" }, ...numbers],
      { width: process.stdout.columns ?? Number.POSITIVE_INFINITY },
    ),
  );
  console.log("The scratch folder is removed again. On your own sessions: dist/weir scan, then dist/weir sync");
} finally {
  rmSync(work, { recursive: true, force: true });
}
