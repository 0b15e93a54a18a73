/** Owns `npm run bench`: weir beside its peers on made-up homes, every run held against the truth, and the page of results. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir, totalmem, type } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { corpora, DUMP, measureCorpus, type Programs } from "./corpora.ts";
import { goalsTable, type Pairing, pairsTable, type Result } from "./figures.ts";
import { compare } from "./measure.ts";
import { measureSending } from "./otlp.ts";
import { CCUSAGE, ENV, hello, installCcusage, must, NOWHERE, sqliteVersion } from "./peers.ts";

const root = join(import.meta.dir, "../..");
const START_PAIRS = 25;
const LEAST_PAIRS = 9;

const HELP = `npm run bench -- [options]

Measures weir beside ccusage ${CCUSAGE}, sqlite3 and an empty program, in pairs of whole processes that take turns, and
checks the totals of every run: a wrong one ends the bench with exit code 1.

  (nothing)        every figure once: 100 MB, 1 GB and 4 GB of Claude Code, 10,000 files, Codex, spans, start, export;
                   9 pairs each, 3 of the 4 GB: 10 to 25 minutes, 6 GB of disk
  --full           9 pairs of the 4 GB too, and nothing new and the archive's size of every corpus
  --scale N        corpora of that part of their size, 0.01 for a try; never together with --write
  --pairs N        so many pairs; fewer than ${LEAST_PAIRS} never together with --write
  --only TEXT      only what has this in its name; never together with --write
  --weir PATH      this program instead of one that is built now
  --write          writes docs/benchmarks.md
`;

interface Options {
  readonly isFull: boolean;
  readonly scale: number;
  readonly pairs: number;
  readonly only: string | undefined;
  readonly weir: string | undefined;
  readonly write: boolean;
}

function optionsOf(): Options | undefined {
  const { values } = parseArgs({
    options: {
      full: { type: "boolean", default: false },
      scale: { type: "string", default: "1" },
      pairs: { type: "string" },
      only: { type: "string" },
      weir: { type: "string" },
      write: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return undefined;
  const scale = Number(values.scale);
  const pairs = Number(values.pairs ?? LEAST_PAIRS);
  if (!(scale > 0 && scale <= 1)) throw new Error("--scale is above 0 and at most 1");
  if (!(Number.isInteger(pairs) && pairs > 0)) throw new Error("--pairs is a whole number above 0");
  if (values.write && (scale !== 1 || pairs < LEAST_PAIRS || values.only !== undefined))
    throw new Error(`--write is for all figures at full size with at least ${LEAST_PAIRS} pairs`);
  return { isFull: values.full, scale, pairs, only: values.only, weir: values.weir, write: values.write };
}

class Bench {
  readonly results: Result[] = [];
  readonly pairings: Pairing[] = [];
  readonly notes: string[] = [];
  readonly #begun = performance.now();
  readonly #peaks: { readonly name: string; readonly mib: number; readonly isSized: boolean }[] = [];

  constructor(
    readonly options: Options,
    readonly programs: Programs,
  ) {}

  say = (text: string): void => {
    const seconds = Math.round((performance.now() - this.#begun) / 1000);
    console.error(`${String(seconds).padStart(5)} s  ${text}`);
  };

  #wants(name: string): boolean {
    return this.options.only === undefined || name.toLowerCase().includes(this.options.only.toLowerCase());
  }

  async all(): Promise<void> {
    // The only figure that is no ratio comes first: a machine that has been at work for minutes is a third slower.
    if (this.#wants("export")) await this.#sending();
    if (this.#wants("start")) await this.#start();
    for (const corpus of corpora(this.options.scale, this.options.isFull)) {
      if (!this.#wants(corpus.name)) continue;
      const { results, pairings, peakMiB } = await measureCorpus(corpus, this.programs, this.say);
      this.results.push(...results);
      this.pairings.push(...pairings);
      this.#peaks.push({ name: corpus.name, mib: peakMiB, isSized: corpus.isSized === true });
    }
    this.#memory();
    this.say("done");
  }

  /** Compares the start with that of a program which only prints a word, built in the same way. */
  async #start(): Promise<void> {
    this.say("start");
    const env = { ...ENV, HOME: NOWHERE };
    const program = await hello(join(this.programs.work, "hello"));
    const result = await compare(
      { cmd: [this.programs.weir, "--version"], env },
      { cmd: [program], env },
      START_PAIRS,
      "short",
    );
    this.pairings.push({ title: "start", result });
    this.results.push({ figure: "start", of: "`--version`", value: result.cpuRatio });
  }

  async #sending(): Promise<void> {
    const { weir, work, pairs } = this.programs;
    const calls = Math.max(1000, Math.round((100_000 * this.options.scale) / 1000) * 1000);
    const sizes = calls > 10_000 ? [10_000, calls] : [calls];
    const memory: string[] = [];
    for (const size of sizes) {
      this.say(`export, ${size} calls`);
      const sent = await measureSending(weir, size, join(work, `export-${size}`), pairs);
      const of = `${sent.spans.toLocaleString("en-US")} spans of 12 attributes, protobuf, gzip`;
      memory.push(`${sent.peakMiB.toFixed(0)} MiB for ${sent.spans.toLocaleString("en-US")} spans`);
      if (size === calls)
        this.results.push({
          figure: "export",
          of,
          value: sent.perCpuSecond,
          note: `median of ${sent.rounds} sends, ${sent.cpuMs.toFixed(0)} ms CPU, ${sent.wallMs.toFixed(0)} ms`,
        });
    }
    this.notes.push(`Memory while sending: ${memory.join(", ")}.`);
  }

  #memory(): void {
    const most = this.#peaks.toSorted((a, b) => b.mib - a.mib)[0];
    if (most) this.results.push({ figure: "peak", of: most.name, value: most.mib, note: "median of its runs" });
    const sized = this.#peaks.filter(({ isSized }) => isSized);
    const [small, large] = [sized[0], sized.at(-1)];
    if (!small || !large || small === large) return;
    const note = `${large.mib.toFixed(0)} ÷ ${small.mib.toFixed(0)} MiB`;
    this.results.push({ figure: "growth", of: `${large.name} ÷ ${small.name}`, value: large.mib / small.mib, note });
  }
}

function page(bench: Bench): string {
  const { options, programs, results, pairings, notes } = bench;
  const version = must([programs.weir, "--version"], { ...ENV, HOME: NOWHERE }).trim();
  const made = corpora(options.scale, options.isFull).map(
    (c) => `bun test/bench/gen-corpus.ts --home H ${c.make.join(" ")}   # ${c.name}`,
  );
  return `# Benchmarks

Measured by \`npm run bench -- ${options.isFull ? "--full " : ""}--write\`, which writes this page.

- Machine: ${cpus()[0]?.model.trim() ?? "unknown processor"}, ${cpus().length} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB; ${type()} ${release().split("-")[0]}
- ${version}; Bun ${Bun.version}; [ccusage](https://www.npmjs.com/package/ccusage) ${CCUSAGE} (its native program, called directly); sqlite3 ${sqliteVersion()}
- Pairs of whole processes that take turns, page cache warm; their number is in the second table. CPU is user + system
  time. A ratio is weir ÷ the other, the median of the pairs.
- Every run's totals were held against the truth that is made with the corpus: calls and tokens of every model, exact, of
  weir's archive and of ccusage's sums; of exports, that each span arrived once.

${goalsTable(results)}

## In pairs

Figures are median (least-most); "its" is the other program: ccusage, \`sqlite3\` for the database, hello world for the start.

${pairsTable(pairings)}

${notes.map((note) => `- ${note}`).join("\n")}

On the first run both read every byte. Afterwards ccusage reads the whole history again and prints a priced report, while
weir reads what is new and keeps records: cold and later figures answer different questions.

## Commands

\`\`\`sh
${made.join("\n")}
bun test/bench/gen-corpus.ts --home H --append-mb N --append-files 8

weir sync --quiet --home H --data-dir D
HOME=H ccusage claude daily --json --offline
HOME=H ccusage codex daily --json --offline
sqlite3 -readonly agent-traces.db '${DUMP}'
weir export --quiet --data-dir D --to http://127.0.0.1:PORT
\`\`\`
`;
}

async function main(): Promise<void> {
  const options = optionsOf();
  if (!options) {
    console.log(HELP);
    return;
  }
  const weir = resolve(options.weir ?? join(root, "dist/weir"));
  if (options.weir === undefined) must([process.execPath, "run", "build.ts"]);
  const work = mkdtempSync(join(tmpdir(), "weir-bench-"));
  const bench = new Bench(options, { weir, ccusage: installCcusage(), pairs: options.pairs, work });
  try {
    await bench.all();
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  console.log(`${goalsTable(bench.results)}\n\n${pairsTable(bench.pairings)}\n`);
  for (const note of bench.notes) console.log(note);
  console.log("every total is exact");
  if (options.write) writeFileSync(join(root, "docs/benchmarks.md"), page(bench));
}

await main();
