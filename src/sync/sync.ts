/** Owns the loop that joins the steps: discover, read, reduce, archive; one source after the other, batch by batch. */
import type { Archive } from "../archive/archive.ts";
import { BATCH_BYTES } from "../archive/archive.ts";
import type { Capturing } from "../archive/ledger.ts";
import type { Agent, Environment } from "../read/types.ts";
import type { Keeper } from "../record/keep.ts";
import { WeirError } from "../system/errors.ts";
import { uptime, yieldToEvents } from "../system/process.ts";
import { errorCode } from "../system/system.ts";
import { type Capture, keeping } from "./capture.ts";
import { type Choice, discover, homesOf } from "./discover.ts";
import { collectDocument } from "./documents.ts";
import { changedSources, type Match } from "./match.ts";
import { newSummary, type Summary } from "./summary.ts";
import { collectTables } from "./tables.ts";
import { collectTail } from "./tail.ts";

/** A loop gives way to signals at least this often. */
const SLICE_MS = 20;

export interface SyncOptions {
  readonly choice: Choice;
  /** True as soon as the run should stop; what is done by then is committed. */
  readonly stopped: () => boolean;
  /** Which texts are archived; none without it. */
  readonly capture?: Capture | undefined;
  readonly onProgress?: (done: number, of: number, summary: Summary) => void;
}

/** What each source's work gets to see of the run. */
export interface Work {
  readonly archive: Archive;
  readonly summary: Summary;
  /** What `homesOf` says. */
  readonly homes: readonly string[];
  /** What texts go through; absent at capture level metadata. */
  readonly keeper?: Keeper;
  readonly capturing?: Capturing;
  /** Every source is read again from its start. */
  readonly isRecapture: boolean;
  /** Gives way when it is time; true when the run should stop. */
  pause(): Promise<boolean>;
  /** Commits when the batch is large enough, after the caller has stored its cursor. */
  readonly isFull: () => boolean;
}

/**
 * Reads what is new in every chosen source into the archive. A source that cannot be read is told in the summary and
 * the others go on; an archive that cannot be written ends the run with the error.
 */
export async function sync(
  agents: readonly Agent[],
  environment: Environment,
  archive: Archive,
  options: SyncOptions,
): Promise<Summary> {
  const summary = newSummary();
  const { found, unreadable } = discover(agents, environment, options.choice);
  summary.unreadable.push(...unreadable);
  summary.sources.found = found.length;
  let last = uptime();
  const isRecapture = options.capture?.again === true;
  const work: Work = {
    archive,
    summary,
    homes: homesOf(environment),
    isRecapture,
    ...(options.capture && (await keeping(options.capture, archive, summary))),
    isFull: () => archive.batchBytes >= BATCH_BYTES,
    async pause() {
      if (uptime() - last >= SLICE_MS) {
        await yieldToEvents();
        last = uptime();
      }
      return options.stopped();
    },
  };
  const changed = changedSources(found, archive, { all: isRecapture, homes: work.homes });
  for (let done = 0; done < changed.length; done++) {
    if (await work.pause()) break;
    options.onProgress?.(done, changed.length, summary);
    await collect(changed[done] as Match, work);
    if (work.isFull()) archive.commit();
  }
  archive.commit();
  summary.stopped = options.stopped();
  return summary;
}

function collectSource(match: Match, work: Work): Promise<void> {
  const { stream } = match.found;
  if (stream.shape === "tail") return collectTail(match, stream, work);
  const { groups } = stream;
  if (groups.form === "sqlite") return collectTables(match, stream, groups, work);
  return collectDocument(match, stream, groups, work);
}

/** Reads one source; what is wrong with the source stays with the source. */
async function collect(match: Match, work: Work): Promise<void> {
  const { summary } = work;
  try {
    summary.sources.read++;
    await collectSource(match, work);
  } catch (error) {
    if (error instanceof WeirError) throw error;
    const code = errorCode(error);
    if (code === "ENOENT") return; // it went away between being listed and being opened
    if (code === undefined) throw error;
    summary.unreadable.push({ path: match.found.path, reason: code });
  }
}
