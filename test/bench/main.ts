/** Owns `npm run bench`: weir beside ccusage on made-up homes, its totals held against the truth, and the table of results. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { cpus, release, tmpdir, totalmem, type } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { build } from "../../build.ts";
import type { Manifest, Part } from "./gen-corpus.ts";
import { type Command, type Comparison, compare, type Spread } from "./measure.ts";

const root = join(import.meta.dir, "../..");
const CCUSAGE = "20.0.24";
const ENV = { PATH: process.env.PATH ?? "", TZ: "UTC" };
/** For weir, whose homes are named on its command line: a home that is not there. */
const NOWHERE = "/dev/null/nobody";
const START_PAIRS = 25;

type Agent = "claude" | "codex";

interface Corpus {
  readonly name: string;
  readonly agent: Agent;
  readonly make: readonly string[];
  /** Size of a 1 % append in MB; only Claude Code's corpora can grow. */
  readonly appendMb?: number;
  /** The CPU ratios we aim at. */
  readonly goals: { readonly cold?: number; readonly nothingNew?: number; readonly append?: number };
}

interface Row {
  readonly title: string;
  readonly goal?: number;
  readonly result: Comparison;
}

interface Totals {
  calls: number;
  input: number;
  output: number;
  cacheRead: number;
  cacheCreation: number;
  reasoning: number;
}

interface ExportedRecord {
  readonly operation: string;
  readonly model?: string;
  readonly request_model?: string;
  readonly usage?: Readonly<Record<string, number | undefined>>;
}

const CODEX_100: Corpus = { name: "codex 100 MB", agent: "codex", make: ["--codex-mb", "100"], goals: { cold: 0.5 } };
const CLAUDE_10K: Corpus = {
  name: "claude 10,000 files",
  agent: "claude",
  make: ["--claude-mb", "200", "--claude-files", "10000"],
  goals: { cold: 0.6, nothingNew: 0.06 },
};
const QUICK: readonly Corpus[] = [
  { name: "claude 100 MB", agent: "claude", make: ["--claude-mb", "100"], appendMb: 1, goals: { cold: 0.5 } },
  CODEX_100,
  CLAUDE_10K,
];
const FULL: readonly Corpus[] = [
  {
    name: "claude 1 GB",
    agent: "claude",
    make: ["--claude-mb", "1000"],
    appendMb: 10,
    goals: { cold: 0.5, append: 0.02 },
  },
  { name: "claude 4 GB", agent: "claude", make: ["--claude-mb", "4000", "--seed", "4"], goals: { cold: 0.5 } },
  CODEX_100,
  CLAUDE_10K,
];

function must(cmd: readonly string[], env: Record<string, string | undefined> = process.env): string {
  const run = Bun.spawnSync({ cmd: [...cmd], cwd: root, env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  if (!run.success) throw new Error(`${cmd.join(" ")} exited ${run.exitCode}: ${run.stderr.toString().trim()}`);
  return run.stdout.toString();
}

function files(below: string): string[] {
  return readdirSync(below, { recursive: true, encoding: "utf8" })
    .map((name) => join(below, name))
    .filter((path) => statSync(path).isFile());
}

/** Installs ccusage's native program once, into a folder that git ignores, and returns its path. */
function installCcusage(): string {
  const name = `@ccusage/ccusage-${process.platform}-${process.arch}`;
  const prefix = join(root, "dist/bench", `ccusage-${CCUSAGE}`);
  const binary = join(prefix, "node_modules", name, "bin/ccusage");
  if (!existsSync(binary)) {
    mkdirSync(prefix, { recursive: true });
    must(["npm", "install", "--no-save", "--no-audit", "--no-fund", "--prefix", prefix, `${name}@${CCUSAGE}`]);
    chmodSync(binary, 0o755);
  }
  const said = must([binary, "--version"], { ...ENV, HOME: NOWHERE }).trim();
  if (said !== `ccusage ${CCUSAGE}`) throw new Error(`expected ccusage ${CCUSAGE}, got ${said}`);
  return binary;
}

function generate(home: string, args: readonly string[]): void {
  must([process.execPath, join(import.meta.dir, "gen-corpus.ts"), "--home", home, ...args]);
}

function truth(home: string): Manifest {
  return JSON.parse(readFileSync(join(home, "manifest.json"), "utf8")) as Manifest;
}

/** The truth in weir's terms: input is the total with caches. Codex's own input already is. */
function expectedTotals(agent: Agent, part: Part): Map<string, Totals> {
  return new Map(
    Object.entries(part.by_model).map(([model, t]) => [
      model,
      {
        calls: t.calls,
        input: agent === "claude" ? t.input + t.cache_creation + t.cache_read : t.input,
        output: t.output,
        cacheRead: t.cache_read,
        cacheCreation: t.cache_creation,
        reasoning: t.reasoning,
      },
    ]),
  );
}

/** What weir exports, summed by model over the calls that used any token. */
async function weirTotals(weir: string, data: string): Promise<Map<string, Totals>> {
  const child = Bun.spawn({
    cmd: [weir, "export", "--data-dir", data, "--format", "jsonl"],
    env: { ...ENV, HOME: NOWHERE },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const totals = new Map<string, Totals>();
  const add = (line: string): void => {
    if (line === "") return;
    const { operation, model, request_model, usage = {} } = JSON.parse(line) as ExportedRecord;
    if (operation !== "chat" || !Object.values(usage).some((n) => (n ?? 0) > 0)) return;
    const key = model ?? request_model ?? "?";
    const sum = totals.get(key) ?? { calls: 0, input: 0, output: 0, cacheRead: 0, cacheCreation: 0, reasoning: 0 };
    sum.calls++;
    sum.input += usage.input_tokens ?? 0;
    sum.output += usage.output_tokens ?? 0;
    sum.cacheRead += usage.cache_read_input_tokens ?? 0;
    sum.cacheCreation += usage.cache_creation_input_tokens ?? 0;
    sum.reasoning += usage.reasoning_output_tokens ?? 0;
    totals.set(key, sum);
  };
  let rest = "";
  const decoder = new TextDecoder();
  for await (const bytes of child.stdout) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) add(line);
  }
  add(rest + decoder.decode());
  const status = await child.exited;
  if (status !== 0) throw new Error(`weir export exited ${status}`);
  return totals;
}

function differences(what: string, expected: Map<string, Totals>, got: Map<string, Totals>): string[] {
  const none: Totals = { calls: 0, input: 0, output: 0, cacheRead: 0, cacheCreation: 0, reasoning: 0 };
  return [...new Set([...expected.keys(), ...got.keys()])].flatMap((model) => {
    const want = expected.get(model) ?? none;
    const have = got.get(model) ?? none;
    return (Object.keys(none) as (keyof Totals)[])
      .filter((key) => want[key] !== have[key])
      .map((key) => `${what}: ${model} ${key}: expected ${want[key]}, got ${have[key]}`);
  });
}

/** Holds ccusage's own sums against the truth, so that both sides are known to have done the same work. */
function ccusageDifferences(what: string, agent: Agent, part: Part, printed: string): string[] {
  const { totals } = JSON.parse(printed) as { totals: Record<string, number> };
  const models = Object.values(part.by_model);
  const sum = (of: (m: (typeof models)[number]) => number): number => models.reduce((n, m) => n + of(m), 0);
  const expected: Record<string, number> = {
    inputTokens: sum((m) => (agent === "codex" ? m.input - m.cache_read : m.input)),
    outputTokens: sum((m) => m.output),
    cacheReadTokens: sum((m) => m.cache_read),
    cacheCreationTokens: sum((m) => m.cache_creation),
  };
  return Object.entries(expected)
    .filter(([key, want]) => totals[key] !== want)
    .map(([key, want]) => `${what}: ccusage ${key}: expected ${want}, got ${totals[key]}`);
}

interface Bench {
  readonly weir: string;
  readonly ccusage: string;
  readonly pairs: number;
  readonly work: string;
  readonly rows: Row[];
  readonly notes: string[];
  readonly problems: string[];
}

async function benchCorpus(bench: Bench, corpus: Corpus): Promise<void> {
  const { weir, ccusage, pairs, rows, notes, problems } = bench;
  const { name, agent, appendMb, goals } = corpus;
  const home = join(bench.work, "home");
  const data = join(bench.work, "data");
  console.error(`${name}: making it`);
  generate(home, corpus.make);
  const sync: Command = { cmd: [weir, "sync", "--home", home, "--data-dir", data], env: { ...ENV, HOME: NOWHERE } };
  const theirs: Command = { cmd: [ccusage, agent, "daily", "--json", "--offline"], env: { ...ENV, HOME: home } };
  const check = async (when: string): Promise<void> => {
    const part = truth(home)[agent];
    problems.push(...differences(`${name}, ${when}`, expectedTotals(agent, part), await weirTotals(weir, data)));
    problems.push(...ccusageDifferences(`${name}, ${when}`, agent, part, must(theirs.cmd, theirs.env)));
  };
  const measure = async (when: string, ours: Command, goal?: number): Promise<void> => {
    console.error(`${name}: ${when}`);
    const result = compare(ours, theirs, pairs);
    rows.push({ title: `${name}, ${when}`, goal, result });
    await check(when);
  };
  try {
    const empty = (): void => rmSync(data, { recursive: true, force: true });
    await measure("cold", { ...sync, before: empty }, goals.cold);
    const written = files(data)
      .filter((file) => file.endsWith(".jsonl"))
      .reduce((sum, file) => sum + statSync(file).size, 0);
    notes.push(`${name}: ${(written / truth(home)[agent].bytes).toFixed(3)} archive bytes per input byte.`);
    await measure("nothing new", sync, goals.nothingNew);
    if (appendMb !== undefined) {
      const grow = (): void => generate(home, ["--append-mb", String(appendMb), "--append-files", "8"]);
      await measure("after a 1 % append", { ...sync, before: grow }, goals.append);
    }
  } finally {
    rmSync(home, { recursive: true, force: true });
    rmSync(data, { recursive: true, force: true });
  }
}

/** Compares the start with that of a program which only prints a word, built in the same way. */
async function benchStart({ weir, work, rows }: Bench): Promise<void> {
  console.error("start");
  const folder = join(work, "hello");
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), '{"version":"0.0.0"}');
  writeFileSync(join(folder, "hello.ts"), 'console.log("hello");\n');
  const hello = join(folder, "hello");
  await build({ root: folder, outfile: hello, faults: false, entrypoints: ["hello.ts"] });
  const env = { ...ENV, HOME: NOWHERE };
  const result = compare({ cmd: [weir, "--version"], env }, { cmd: [hello], env }, START_PAIRS);
  rows.push({ title: "`weir --version` / compiled hello world", goal: 1.25, result });
}

const ms = ({ median, min, max }: Spread): string => `${median.toFixed(0)} (${min.toFixed(0)}-${max.toFixed(0)})`;

function table(rows: readonly Row[]): string {
  const head = [
    "what",
    "CPU ratio",
    "aim",
    "wall ratio",
    "peak ratio",
    "CPU ms",
    "its CPU ms",
    "wall ms",
    "its wall ms",
    "MiB",
    "its MiB",
  ];
  const cells = rows.map(({ title, goal, result: r }) => [
    title,
    r.cpuRatio.toFixed(3),
    goal === undefined ? "" : `${goal} ${r.cpuRatio <= goal ? "met" : "MISSED"}`,
    r.wallRatio.toFixed(3),
    r.peakRatio.toFixed(2),
    ms(r.ours.cpuMs),
    ms(r.theirs.cpuMs),
    ms(r.ours.wallMs),
    ms(r.theirs.wallMs),
    r.ours.peakMiB.median.toFixed(0),
    r.theirs.peakMiB.median.toFixed(0),
  ]);
  const widths = head.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i]!.length)));
  const line = (row: readonly string[]): string => `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  return [line(head), `| ${widths.map((w) => "-".repeat(w)).join(" | ")} |`, ...cells.map(line)].join("\n");
}

function page(bench: Bench, corpora: readonly Corpus[], command: string): string {
  const version = must([bench.weir, "--version"], { ...ENV, HOME: NOWHERE }).trim();
  const commands = corpora.map((c) => `bun test/bench/gen-corpus.ts --home H ${c.make.join(" ")}   # ${c.name}`);
  return `# Benchmarks

weir beside [ccusage](https://www.npmjs.com/package/ccusage) on made-up homes, written by \`${command}\`.

- Machine: ${cpus()[0]?.model.trim() ?? "unknown processor"}, ${cpus().length} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB; ${type()} ${release().split("-")[0]}
- ${version}; Bun ${Bun.version}; ccusage ${CCUSAGE} (its native program, called directly)
- ${bench.pairs} pairs, run in turn as whole processes, page cache warm; ${START_PAIRS} pairs for the start. CPU is user + system time.
  A ratio is weir / the other, the median of the pairs; figures are median (least-most). Peak memory comes from runs of its own.
- Every total was held against the corpus's truth: calls and tokens of every model, exact.

${table(bench.rows)}

${bench.notes.map((note) => `- ${note}`).join("\n")}

On the first run both read every byte. Afterwards ccusage reads the whole history again and prints a priced report, while
weir reads what is new and keeps records: cold and later figures answer different questions.

## Commands

\`\`\`sh
${commands.join("\n")}
bun test/bench/gen-corpus.ts --home H --append-mb N --append-files 8

weir sync --home H --data-dir D
HOME=H ccusage claude daily --json --offline
HOME=H ccusage codex daily --json --offline
\`\`\`
`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      write: { type: "boolean", default: false },
      pairs: { type: "string" },
      only: { type: "string" },
      weir: { type: "string" },
    },
  });
  const weir = resolve(values.weir ?? join(root, "dist/weir"));
  if (values.weir === undefined) {
    console.error("building");
    must([process.execPath, "run", "build.ts"]);
  }
  const { only } = values;
  const corpora = (values.quick ? QUICK : FULL).filter(({ name }) => only === undefined || name.includes(only));
  const bench: Bench = {
    weir,
    ccusage: installCcusage(),
    pairs: Number(values.pairs ?? (values.quick ? 5 : 9)),
    work: mkdtempSync(join(tmpdir(), "weir-bench-")),
    rows: [],
    notes: [],
    problems: [],
  };
  try {
    await benchStart(bench);
    for (const corpus of corpora) await benchCorpus(bench, corpus);
  } finally {
    rmSync(bench.work, { recursive: true, force: true });
  }
  console.log(table(bench.rows));
  for (const note of bench.notes) console.log(note);
  for (const problem of bench.problems) console.error(`WRONG ${problem}`);
  if (bench.problems.length > 0) {
    process.exitCode = 1;
    return;
  }
  console.log("every total is exact");
  if (values.write) {
    const out = join(root, "docs/benchmarks.md");
    mkdirSync(join(root, "docs"), { recursive: true });
    writeFileSync(out, page(bench, corpora, `npm run bench -- --write${values.quick ? " --quick" : ""}`));
  }
}

await main();
