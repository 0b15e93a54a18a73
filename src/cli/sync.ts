/** Owns `weir sync`: flags in, the core called, the result shown. */
import { agents } from "../agents/index.ts";
import type { PruneResult } from "../archive/prune.ts";
import type { Limits } from "../archive/retention.ts";
import type { Capture } from "../sync/capture.ts";
import type { Choice } from "../sync/discover.ts";
import { isIncomplete, type Summary } from "../sync/summary.ts";
import { sync } from "../sync/sync.ts";
import { wordsFor } from "../system/errors.ts";
import { uptime } from "../system/process.ts";
import { type OptionsOf, UsageError } from "./args.ts";
import { choiceOf, sourcesText } from "./choice.ts";
import type { syncArgs } from "./commands.ts";
import { EXIT } from "./exit.ts";
import type { Io } from "./io.ts";
import { openForWriting } from "./open.ts";
import { documentOf, limitsOf, refusal, tellPruned, tellRemoval } from "./prune.ts";
import { bytes, count, jsonLine, plural } from "./text.ts";
import { type RoundState, watch } from "./watch.ts";

/** Problems of one kind that are named one by one; the rest is counted. */
const NAMED = 10;

type Options = OptionsOf<typeof syncArgs>;

export async function run(options: Options, io: Io): Promise<number> {
  const choice = choiceOf(options);
  if (!options.prune && (options["max-age"] ?? options["max-size"]) !== undefined)
    throw new UsageError("--max-age and --max-size are limits of --prune", "add --prune, or use weir prune");
  const limits = options.prune ? limitsOf(io, false) : undefined;
  if (options.watch && options["dry-run"])
    throw new UsageError("--watch archives, --dry-run does not", "give one of them");
  for (const conflict of io.configuration.conflicts) io.log.warn(conflict);
  const capture = captureOf(options, io);
  const request = { options, choice, limits, capture };
  if (options.watch) return await watch(rounds(request, io), io);
  return await round(request, io, { read: () => 0, archived: 0 });
}

interface Request {
  readonly options: Options;
  readonly choice: Choice;
  /** Retention after the sync, where it is asked for. */
  readonly limits?: Limits;
  /** Which texts are archived, where any are. */
  readonly capture?: Capture;
}

/** The rounds of a watch; only the first that ends well reads everything again. */
function rounds(request: Request, io: Io): (state: RoundState) => Promise<number> {
  let { capture } = request;
  return async (state) => {
    const code = await round({ ...request, capture }, io, state);
    capture = capture && { ...capture, again: false };
    return code;
  };
}

/** What the settings say of texts. Throws `usage` where there is nothing to read again for. */
function captureOf({ recapture }: Options, { configuration }: Io): Capture | undefined {
  const { capture: level, content_limit_bytes: limit } = configuration.settings;
  if (level !== "metadata") return { level, limit, again: recapture };
  if (!recapture) return undefined;
  throw new UsageError(
    "--recapture reads texts again, and at capture level metadata there are none",
    "add --capture content, or set capture in the configuration",
  );
}

/** One sync, from the lock to its end; returns the exit code. */
async function round({ options, choice, limits, capture }: Request, io: Io, state: RoundState): Promise<number> {
  const started = uptime();
  const dryRun = options["dry-run"];
  const stopped = (): boolean => io.stopSignal() !== undefined;
  const archive = await openForWriting(io, {
    wait: options.wait,
    segmentMaxBytes: io.configuration.settings.segment_max_bytes,
    dryRun,
    onFirstTexts: dryRun ? undefined : () => io.log.warn(...FIRST_TEXTS),
    onCommitted(lines) {
      state.archived = state.read();
      if (options.print) io.stdout.write(lines);
    },
  });
  const isFirst = archive.isEmpty;
  let summary: Summary | undefined;
  let pruned: PruneResult | undefined;
  try {
    const onProgress = (done: number, of: number, s: Summary): void => {
      state.read = () => s.records.added + s.records.revised;
      io.log.progress(() => progressText(done, of, s));
    };
    summary = await sync(agents, io.environment, archive, { choice, stopped, capture, onProgress });
    if (limits && !stopped()) pruned = archive.prune(limits);
  } finally {
    io.log.progressEnd();
    archive.close(summary);
  }
  if (options.json) {
    const prune = pruned && documentOf(pruned, dryRun);
    io.stdout.write(jsonLine({ schema: "weir.sync", version: 1, ...summary, prune }));
  }
  tell(summary, options, choice, uptime() - started, io);
  if (isFirst && !dryRun && summary.records.added > 0)
    io.log.info(`the archive is ${io.dataDir}/archive; weir export reads it`);
  if (capture && !capture.again && !isFirst && !archive.hasTexts)
    io.log[levelFor(options)]("what was archived before has no texts; --recapture reads it again");
  if (pruned) tellRetention(pruned, options, io);
  else tellRemoval(archive.leftover, io.log);
  const signal = io.stopSignal();
  if (signal) return EXIT[signal];
  if (pruned && pruned.failed.length > 0) return EXIT.write;
  return isIncomplete(summary) ? EXIT.incomplete : EXIT.done;
}

function tellRetention(pruned: PruneResult, options: Options, io: Io): void {
  if (!options.watch || pruned.plan.prune.length > 0) tellPruned(pruned, options["dry-run"], io);
  if (pruned.plan.refused === undefined) return;
  const { message, hint } = refusal(pruned.plan.refused);
  io.log.warn(message, hint);
}

/** Told once a data folder. */
const FIRST_TEXTS = [
  "from now on the archive holds what people typed, models answered and tools gave back",
  "known kinds of secrets are taken out first, others are not; weir export leaves texts out unless --content is given",
] as const;

function progressText(done: number, of: number, { records }: Summary): string {
  return `reading source ${count(done + 1)} of ${count(of)}, ${plural(records.added, "new record")}`;
}

/** How what is no news is told: each round of a watch would say it again. */
function levelFor({ watch: isWatch }: Options): "verbose" | "info" {
  return isWatch ? "verbose" : "info";
}

function tell(summary: Summary, options: Options, choice: Choice, ms: number, { log, dataDir }: Io): void {
  const { records, sources } = summary;
  for (const { path, reason } of summary.unreadable.slice(0, NAMED))
    log.warn(`cannot read ${path}: ${wordsFor(reason)}`);
  for (const q of summary.quarantined.slice(0, NAMED))
    log.warn(`quarantined ${plural(q.length, "byte")} at ${q.path}:${q.offset}: ${q.reason}`);
  const more = Math.max(0, summary.unreadable.length - NAMED) + Math.max(0, summary.quarantined.length - NAMED);
  if (more > 0) log.warn(`and ${plural(more, "more problem")}; --json lists them all`);
  for (const [what, n] of Object.entries(summary.lost)) log.warn(`lost by its producer: ${what} (${count(n)})`);
  for (const [what, n] of Object.entries(summary.unknown)) log.verbose(`unknown ${what} (${count(n)})`);
  tellUnskimmed(summary, log);
  const redacted = Object.entries(summary.redacted).map(([rule, n]) => `${rule} ${count(n)}`);
  if (redacted.length > 0) log.info(`secrets taken out of texts: ${redacted.join(", ")}`);
  if (summary.torn > 0) log.verbose(`${plural(summary.torn, "last line")} not yet complete`);
  if (sources.found === 0) {
    const where = summary.unreadable.length > 0 ? "" : "; weir scan says where it looks";
    log[levelFor(options)](
      choice.sources.length > 0
        ? `no sessions were found in ${sourcesText(choice)}`
        : `no agent's sessions were found${where}`,
    );
    return;
  }
  const seconds = `${(ms / 1000).toFixed(1)} s`;
  if (records.added + records.revised === 0)
    log[levelFor(options)](`nothing new in ${plural(sources.found, "source")} (${seconds})`);
  else
    log.info(
      `${options["dry-run"] ? "would archive" : "archived"} ${newsOf(summary)} from ${plural(sources.found, "source")} (${bytes(summary.bytes.read)} in ${seconds}): ${byAgent(summary)}`,
    );
  log.verbose(`archive: ${dataDir}/archive`);
}

/** A revision tells a known record again, with more. */
function newsOf({ records: { added, revised } }: Summary): string {
  const news = [added > 0 ? plural(added, "record") : "", revised > 0 ? plural(revised, "revision") : ""];
  return news.filter((part) => part !== "").join(" and ");
}

/** The lines that cost as much as they are long. */
function tellUnskimmed({ lines, unskimmed }: Summary, log: Io["log"]): void {
  const streams = Object.entries(unskimmed).map(([name, n]) => `${name} ${count(n)}`);
  const all = Object.values(unskimmed).reduce((sum, n) => sum + n, 0);
  if (all > 0) log.verbose(`parsed whole: ${count(all)} of ${plural(lines.read, "line")} (${streams.join(", ")})`);
}

/** New records and revisions by agent, the most first. */
function byAgent({ byStream }: Summary): string {
  const agents = new Map<string, number>();
  for (const [name, n] of Object.entries(byStream)) {
    const agent = name.slice(0, name.indexOf("/"));
    agents.set(agent, (agents.get(agent) ?? 0) + n);
  }
  return [...agents]
    .sort((a, b) => b[1] - a[1])
    .map(([agent, n]) => `${agent} ${count(n)}`)
    .join(", ");
}
