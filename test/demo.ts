/** Owns `npm run demo`: the main job on a bundled fixture home into a scratch archive, then what came out. */
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "..");
const work = mkdtempSync(join(tmpdir(), "weir-demo-"));
const home = join(work, "home");
const data = join(work, "data");

function weir(...args: string[]): string {
  console.log(`\n$ weir ${args.join(" ")}`);
  const where = ["--data-dir", data, ...(args[0] === "export" ? [] : ["--home", home])];
  const env = { PATH: process.env.PATH ?? "", HOME: join(work, "nobody"), TZ: "UTC" };
  const run = Bun.spawnSync([join(root, "dist/weir"), ...args, ...where], { env, stderr: "inherit" });
  if (run.exitCode !== 0) throw new Error(`weir ${args[0]} exited ${run.exitCode}`);
  return run.stdout.toString();
}

try {
  for (const agent of readdirSync(join(root, "fixtures/agents"))) {
    const from = join(root, "fixtures/agents", agent, "home");
    if (existsSync(from)) cpSync(from, home, { recursive: true });
  }
  console.log("A home folder with sessions that real agents wrote against a mock model:");
  console.log(weir("scan"));
  weir("sync");
  weir("sync");
  const calls = weir("export", "--operation", "chat")
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
  console.log("Each call once, forks, resumes and subagents included; tokens as the model served them:");
  console.log(Bun.inspect.table([...rows.values()].filter((row) => row.input + row.output > 0)));
} finally {
  rmSync(work, { recursive: true, force: true });
}
