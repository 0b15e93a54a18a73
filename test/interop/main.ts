/** Owns `npm run interop`: installs and starts real receivers, sends them what all fixtures hold, and compares. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "../../build.ts";
import { fixtureHomes } from "../support/fixtures.ts";
import { recordsIn } from "../support/runs.ts";

const here = import.meta.dir;
/** What is installed is kept for the next run. */
const tools = process.env.WEIR_INTEROP_DIR ?? join(tmpdir(), "weir-interop");
const work = mkdtempSync(join(tmpdir(), "weir-interop-run-"));
const weir = join(work, "weir");
const data = join(work, "data");
const ENV = { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", TZ: "UTC" };
const [HTTP, GRPC, PHOENIX] = [24_318, 24_317, 26_006];

let failed = 0;
const children: Bun.Subprocess[] = [];

function say(ok: boolean | undefined, what: string): void {
  if (ok === false) failed++;
  console.log(`${ok === undefined ? "not here" : ok ? "ok      " : "FAILED  "}  ${what}`);
}

interface Ran {
  readonly ok: boolean;
  readonly out: string;
  readonly err: string;
}

async function run(cmd: string[], options: { cwd?: string; env?: Record<string, string> } = {}): Promise<Ran> {
  const child = Bun.spawn(cmd, {
    cwd: options.cwd,
    env: { ...ENV, ...options.env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { ok: (await child.exited) === 0, out, err };
}

function start(cmd: string[], env: Record<string, string> = {}): Bun.Subprocess {
  const child = Bun.spawn(cmd, { env: { ...ENV, ...env }, stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  children.push(child);
  return child;
}

async function answers(url: string, seconds: number): Promise<boolean> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await Bun.sleep(250)) {
    try {
      await fetch(url);
      return true;
    } catch {} // not yet
  }
  return false;
}

const exported = (...args: string[]): Promise<Ran> => run([weir, "export", "--data-dir", data, ...args]);
const lastLine = (text: string): string => text.trim().split("\n").at(-1) ?? "";

interface Counts {
  readonly spans: number;
  readonly ids: number;
  readonly points: number;
  readonly logs: number;
}

/** An archive of every fixture home, and what is in it. */
async function archive(): Promise<void> {
  await build({ root: join(here, "../.."), outfile: weir, faults: false });
  const home = join(work, "home");
  for (const { path } of fixtureHomes) cpSync(path, home, { recursive: true, preserveTimestamps: true });
  const synced = await run([weir, "sync", "--home", home, "--data-dir", data]);
  console.log(lastLine(synced.err));
}

const goEnv = {
  GOPATH: join(tools, "go"),
  GOCACHE: join(tools, "gocache"),
  GOFLAGS: "-mod=mod",
  // Where modules can be had but their sums are not known, whoever runs this may do without.
  ...(process.env.GONOSUMDB && { GONOSUMDB: process.env.GONOSUMDB }),
};

/** As in `collector-builder.yaml`. */
const COLLECTOR = "v0.128.0";

/** The Collector itself, where its modules can be had. */
async function collector(expected: Counts): Promise<void> {
  const folder = join(tools, `collector-${COLLECTOR}`);
  const binary = join(folder, "collector/otelcol");
  if (!existsSync(binary)) {
    mkdirSync(folder, { recursive: true });
    const env = { ...goEnv, GOBIN: folder };
    const got = await run(["go", "install", `go.opentelemetry.io/collector/cmd/builder@${COLLECTOR}`], { env });
    cpSync(join(here, "collector-builder.yaml"), join(folder, "collector-builder.yaml"));
    const built = got.ok
      ? await run([join(folder, "builder"), "--config", "collector-builder.yaml"], { cwd: folder, env })
      : got;
    if (!existsSync(binary))
      return say(undefined, `OpenTelemetry Collector: ${lastLine(built.err) || "it does not build"}`);
  }
  const out = join(work, "collector");
  mkdirSync(out);
  const child = start([binary, "--config", join(here, "collector.yaml")], {
    HTTP_PORT: String(HTTP),
    GRPC_PORT: String(GRPC),
    OUT: out,
  });
  if (!(await answers(`http://127.0.0.1:${HTTP}/`, 60))) return say(false, "the Collector does not start");
  await sendAll("the Collector");
  await Bun.sleep(3000); // its batches
  child.kill(); // it writes out what it holds
  await child.exited;
  const sent = countsIn(join(out, "sent.json"));
  say(Bun.deepEquals(sent, thrice(expected)), `the Collector, three sends, ids equal: ${JSON.stringify(sent)}`);
  await collectorFiles(binary, expected);
}

/** The Collector's file receiver reads what `--format otlp-json` wrote. */
async function collectorFiles(binary: string, expected: Counts): Promise<void> {
  const out = join(work, "collector-files");
  mkdirSync(out);
  const child = start([binary, "--config", join(here, "collector-files.yaml")], { FILES: work, OUT: out });
  const path = join(out, "read.json");
  const read = (): Counts | undefined => (existsSync(path) ? countsIn(path) : undefined);
  for (const end = Date.now() + 60_000; Date.now() < end && !Bun.deepEquals(read(), expected); ) await Bun.sleep(1000);
  child.kill();
  await child.exited;
  say(
    Bun.deepEquals(read(), expected),
    `otlp-json files by the Collector's otlpjsonfile receiver: ${JSON.stringify(read())}`,
  );
}

const thrice = ({ spans, ids, points, logs }: Counts): Counts => ({
  spans: 3 * spans,
  ids,
  points: 3 * points,
  logs: 3 * logs,
});

interface Message {
  readonly resourceSpans?: readonly {
    readonly scopeSpans: readonly { readonly spans: readonly { readonly spanId: string }[] }[];
  }[];
  readonly resourceMetrics?: readonly { readonly scopeMetrics: readonly { readonly metrics: readonly Metric[] }[] }[];
  readonly resourceLogs?: readonly { readonly scopeLogs: readonly { readonly logRecords: readonly unknown[] }[] }[];
}

type Metric = Readonly<Record<string, { readonly dataPoints?: readonly unknown[] } | undefined>>;

/** What is in a file that the Collector wrote: one message a line, of any signal. */
function countsIn(path: string): Counts {
  const text = readFileSync(path, "utf8");
  // The last line may be one that is only just being written.
  const lines = text
    .slice(0, text.lastIndexOf("\n") + 1)
    .trim()
    .split("\n");
  const messages = lines.map((line) => JSON.parse(line) as Message);
  const spans = messages.flatMap((m) => m.resourceSpans ?? []).flatMap((r) => r.scopeSpans.flatMap((s) => s.spans));
  const metrics = messages
    .flatMap((m) => m.resourceMetrics ?? [])
    .flatMap((r) => r.scopeMetrics.flatMap((s) => s.metrics));
  const logs = messages.flatMap((m) => m.resourceLogs ?? []).flatMap((r) => r.scopeLogs.flatMap((s) => s.logRecords));
  const pointsOf = (metric: Metric): number => (metric.sum ?? metric.histogram)?.dataPoints?.length ?? 0;
  return {
    spans: spans.length,
    ids: new Set(spans.map((span) => span.spanId)).size,
    points: metrics.reduce((sum, metric) => sum + pointsOf(metric), 0),
    logs: logs.length,
  };
}

async function sendAll(name: string): Promise<void> {
  for (const protocol of ["http/protobuf", "http/json", "grpc"]) {
    const to = `http://127.0.0.1:${protocol === "grpc" ? GRPC : HTTP}`;
    const { ok, err } = await exported("--to", to, "--protocol", protocol, "--signals", "traces,metrics,logs");
    say(ok, `${name} over ${protocol}: ${lastLine(err)}`);
  }
}

/** The Collector's own data library as a receiver, and as a reader of files. Returns what the files hold. */
async function collectorLibrary(): Promise<Counts | undefined> {
  const folder = join(tools, "otlpcheck");
  const binary = join(folder, "otlpcheck");
  cpSync(join(here, "otlpcheck"), folder, { recursive: true });
  const built = await run(["go", "build", "-o", binary, "."], { cwd: folder, env: goEnv });
  if (!built.ok) {
    say(undefined, `the Collector's data library: ${lastLine(built.err)}`);
    return undefined;
  }
  await exported("--format", "otlp-json", "-o", join(work, "all.json"));
  const paths = ["traces", "metrics", "logs"].map((signal) => join(work, `all.${signal}.json`));
  const read = await run([binary, "files", ...paths]);
  if (!read.ok) {
    say(false, `the Collector's decoder does not read our files: ${read.err}`);
    return undefined;
  }
  const counts = JSON.parse(read.out) as Counts;
  say(
    counts.spans > 0 && counts.spans === counts.ids,
    `otlp-json files by the Collector's decoder: ${read.out.trim()}`,
  );
  const child = start([binary, "serve", `127.0.0.1:${HTTP}`, `127.0.0.1:${GRPC}`]);
  if (!(await answers(`http://127.0.0.1:${HTTP}/counts`, 10))) say(false, "the receiver does not start");
  await sendAll("the Collector's library");
  const got = (await (await fetch(`http://127.0.0.1:${HTTP}/counts`)).json()) as Counts;
  say(Bun.deepEquals(got, thrice(counts)), `three sends, ids equal: ${JSON.stringify(got)}`);
  child.kill();
  await child.exited;
  return counts;
}

async function python(name: string, packages: string[]): Promise<string | undefined> {
  const folder = join(tools, name);
  const binary = join(folder, "bin/python");
  if (!existsSync(join(folder, "installed"))) {
    await run(["python3", "-m", "venv", folder]);
    const installed = await run([join(folder, "bin/pip"), "install", "--quiet", ...packages]);
    if (!installed.ok) {
      say(undefined, `${packages.join(", ")}: ${lastLine(installed.err)}`);
      return undefined;
    }
    await Bun.write(join(folder, "installed"), "");
  }
  return binary;
}

/** Totals by operation as weir's own JSON Lines have them. */
function totals(text: string): Record<string, number[]> {
  const sums: Record<string, number[]> = {};
  for (const { operation, usage } of recordsIn(text)) {
    const [records = 0, input = 0, output = 0] = sums[operation] ?? [];
    sums[operation] = [records + 1, input + (usage?.input_tokens ?? 0), output + (usage?.output_tokens ?? 0)];
  }
  return sums;
}

interface Expected {
  readonly on_disk?: { readonly by_model: Readonly<Record<string, Readonly<Record<string, number | null>>>> };
}

/** Calls, input and output tokens that each agent's own home holds, as its `expected.json` tells; and those homes. */
function truth(): { readonly homes: string[]; readonly totals: Record<string, number[]> } {
  const homes: string[] = [];
  const totals: Record<string, number[]> = {};
  for (const { name, agent, path } of fixtureHomes) {
    const file = join(path, "../expected.json");
    if (name !== agent || !existsSync(file)) continue;
    const { on_disk } = JSON.parse(readFileSync(file, "utf8")) as Expected;
    if (!on_disk) continue;
    homes.push(path);
    const models = Object.values(on_disk.by_model);
    const sums = ["calls", "input_tokens", "output_tokens"].map((key) =>
      models.reduce((sum, model) => sum + (model[key] ?? 0), 0),
    );
    if (sums.some((sum) => sum > 0)) totals[agent] = sums;
  }
  return { homes, totals };
}

/** Only agents that tell tokens. */
const counted = (totals: Record<string, number[]>): Record<string, number[]> =>
  Object.fromEntries(Object.entries(totals).filter(([, sums]) => sums.some((sum) => sum > 0)));

async function databases(): Promise<void> {
  const binary = await python("databases", ["duckdb", "chdb"]);
  if (!binary) return;
  const { homes, totals: expected } = truth();
  const own = join(work, "own");
  await run([weir, "sync", ...homes.flatMap((home) => ["--home", home]), "--data-dir", own]);
  const [jsonl, parquet] = [join(work, "own.jsonl"), join(work, "own.parquet")];
  await run([weir, "export", "--data-dir", own, "-o", jsonl]);
  await run([weir, "export", "--data-dir", own, "--format", "parquet", "-o", parquet]);
  const { ok, out, err } = await run([binary, join(here, "totals.py"), jsonl, parquet]);
  if (!ok) return say(false, `DuckDB and ClickHouse: ${lastLine(err)}`);
  for (const [name, found] of Object.entries(JSON.parse(out) as Record<string, Record<string, number[]>>))
    say(
      Bun.deepEquals(counted(found), expected),
      `${name}: the calls and tokens of ${homes.length} agents, as expected`,
    );
}

async function phoenix(expected: Counts | undefined): Promise<void> {
  const binary = await python("phoenix", ["arize-phoenix"]);
  if (!binary) return;
  const env = {
    PHOENIX_WORKING_DIR: join(work, "phoenix"),
    PHOENIX_HOST: "127.0.0.1",
    PHOENIX_PORT: String(PHOENIX),
    PHOENIX_GRPC_PORT: String(PHOENIX + 1),
    PHOENIX_TELEMETRY_ENABLED: "false",
  };
  start([join(tools, "phoenix/bin/phoenix"), "serve"], env);
  const url = `http://127.0.0.1:${PHOENIX}`;
  if (!(await answers(url, 90))) return say(false, "Phoenix does not start");
  for (const round of ["first", "second"]) {
    const { ok, err } = await exported("--to", url);
    say(ok, `Phoenix, ${round} send: ${lastLine(err)}`);
  }
  const chat = totals((await exported()).out).chat ?? [];
  const wanted = [expected?.spans, chat[1], chat[2]];
  // It takes what it is sent at once, and stores it after the answer.
  let shown: PhoenixProject | undefined;
  for (const end = Date.now() + 60_000; Date.now() < end; await Bun.sleep(1000)) {
    shown = await phoenixProject(url);
    if (Bun.deepEquals([shown?.recordCount, shown?.tokenCountPrompt, shown?.tokenCountCompletion], wanted)) break;
  }
  await Bun.sleep(5000); // what comes twice would show by now
  shown = await phoenixProject(url);
  const same = Bun.deepEquals([shown?.recordCount, shown?.tokenCountPrompt, shown?.tokenCountCompletion], wanted);
  const sessions = shown?.sessions.edges.length ?? 0;
  say(
    same && sessions > 0,
    `Phoenix: ${shown?.recordCount} spans, ${shown?.tokenCountPrompt} and ${shown?.tokenCountCompletion} tokens, ${sessions} sessions; ids equal on the second send`,
  );
}

interface PhoenixProject {
  readonly recordCount: number;
  readonly tokenCountPrompt: number;
  readonly tokenCountCompletion: number;
  readonly sessions: { readonly edges: readonly unknown[] };
}

async function phoenixProject(url: string): Promise<PhoenixProject | undefined> {
  const query =
    "{projects{edges{node{recordCount tokenCountPrompt tokenCountCompletion sessions(first:1000){edges{node{sessionId}}}}}}}";
  const answer = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query }),
  });
  const { data: found } = (await answer.json()) as { data: { projects: { edges: { node: PhoenixProject }[] } } };
  return found.projects.edges[0]?.node;
}

mkdirSync(tools, { recursive: true });
try {
  await archive();
  const counts = await collectorLibrary();
  if (counts) await collector(counts);
  await databases();
  await phoenix(counts);
} finally {
  for (const child of children) child.kill();
  await Promise.all(children.map((child) => child.exited));
  rmSync(work, { recursive: true, force: true });
}
console.log(failed === 0 ? "interop: all that could be had agrees" : `interop: ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
