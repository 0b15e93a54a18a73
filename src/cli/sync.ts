/** Owns `weir sync`: flags in, the core called, the result shown. */
import { agents } from "../agents/index.ts";
import { Archive } from "../archive/archive.ts";
import { isIncomplete, type Summary } from "../sync/summary.ts";
import { sync } from "../sync/sync.ts";
import { sys } from "../system/system.ts";
import type { OptionsOf } from "./argv.ts";
import { choiceOf } from "./choice.ts";
import type { syncArgs } from "./commands.ts";
import { EXIT } from "./exit.ts";
import type { Io } from "./io.ts";
import { bytes, count, plural } from "./text.ts";

const WAIT_MS = 10_000;
const SEGMENT_MAX_BYTES = 5 << 20;
/** Problems of one kind that are named one by one; the rest is counted. */
const NAMED = 10;

export async function run(options: OptionsOf<typeof syncArgs>, io: Io): Promise<number> {
  const choice = choiceOf(options);
  const started = sys.now();
  const archive = await Archive.open(io.dataDir, {
    waitMs: options.wait ? WAIT_MS : 0,
    segmentMaxBytes: SEGMENT_MAX_BYTES,
    dryRun: options["dry-run"],
    onCommitted: options.print ? (lines) => void io.stdout.write(lines) : undefined,
  });
  let summary: Summary | undefined;
  try {
    summary = await sync(agents, io.environment, archive, {
      choice,
      stopped: () => io.stopSignal() !== undefined,
      onProgress: (done, of, s) => io.log.progress(progressText(done, of, s)),
    });
  } finally {
    io.log.progressEnd();
    archive.close(summary);
  }
  if (options.json) io.stdout.write(`${JSON.stringify({ schema: "weir.sync", version: 1, ...summary })}\n`);
  tell(summary, options["dry-run"], sys.now() - started, io);
  const signal = io.stopSignal();
  return signal ? EXIT[signal] : isIncomplete(summary) ? EXIT.incomplete : EXIT.done;
}

function progressText(done: number, of: number, { records }: Summary): string {
  return `reading source ${count(done + 1)} of ${count(of)}, ${plural(records.added, "new record")}`;
}

function tell(summary: Summary, dryRun: boolean, ms: number, { log, dataDir }: Io): void {
  const { records, sources } = summary;
  for (const { path, reason } of summary.unreadable.slice(0, NAMED)) log.warn(`cannot read ${path}: ${reason}`);
  for (const q of summary.quarantined.slice(0, NAMED))
    log.warn(`quarantined ${plural(q.length, "byte")} at ${q.path}:${q.offset}: ${q.reason}`);
  const more = Math.max(0, summary.unreadable.length - NAMED) + Math.max(0, summary.quarantined.length - NAMED);
  if (more > 0) log.warn(`and ${plural(more, "more problem")}; --json lists them all`);
  for (const [what, n] of Object.entries(summary.lost)) log.warn(`lost by its producer: ${what} (${count(n)})`);
  for (const [what, n] of Object.entries(summary.unknown)) log.verbose(`unknown ${what} (${count(n)})`);
  if (summary.torn > 0) log.verbose(`${plural(summary.torn, "last line")} not yet complete`);
  if (sources.found === 0) {
    log.info("no agent's sessions were found; weir scan says where it looks");
    return;
  }
  const streams = Object.entries(summary.byStream).map(([name, n]) => `${name} ${count(n)}`);
  const seconds = `${(ms / 1000).toFixed(1)} s`;
  if (records.added + records.revised === 0) log.info(`nothing new in ${plural(sources.found, "source")} (${seconds})`);
  else
    log.info(
      `${dryRun ? "would archive" : "archived"} ${plural(records.added, "record")}${records.revised > 0 ? ` and ${plural(records.revised, "revision")}` : ""} from ${plural(sources.found, "source")} (${bytes(summary.bytes.read)} in ${seconds}): ${streams.join(", ")}`,
    );
  log.verbose(`archive: ${dataDir}/archive`);
}
