/** Owns carrying out retention: marks in the state first, then removes the files, and finishes what a killed run left. */
import type { Database } from "../system/database.ts";
import { errorCode, ifPresent, syncFolder, sys } from "../system/system.ts";
import { deliveredSegments } from "./delivery.ts";
import type { DataFolder } from "./folder.ts";
import { type KeptSegment, type Limits, type Plan, planRetention } from "./retention.ts";
import { bySegmentName, parseSegmentName } from "./segment.ts";
import { FIRST_TEXTS, getMeta } from "./state.ts";

/** How long a removal waits for readers; what stays then, the next run removes. */
const READERS_MS = 200;

export interface Unremoved {
  readonly path: string;
  readonly reason: string;
}

export interface Removal {
  /** Names of the files that are gone now. */
  readonly removed: readonly string[];
  /** Names of files that stay until a reader that began before has ended. */
  readonly waiting: readonly string[];
  readonly failed: readonly Unremoved[];
}

export interface PruneResult extends Removal {
  readonly plan: Plan;
  /** What lies in the archive folder and is not this installation's; never touched. */
  readonly foreign: readonly string[];
}

/**
 * When weir last ran, by the clock of then; asked before a run notes itself, it says whether the clock can be right. Of
 * all runs only the last: a clock that was ahead for a day must not stop retention until that day comes.
 */
export function lastMoment(db: Database): number | undefined {
  const { last } = db
    .query(
      "SELECT coalesce((SELECT max(started, coalesce(ended, 0)) FROM run ORDER BY id DESC LIMIT 1), (SELECT max(written) FROM segment)) AS last",
    )
    .get() as { last: number | null };
  return last ?? undefined;
}

/** What retention would remove now; `last` is when weir ran before. */
export function planOf(db: Database, last: number | undefined, limits: Limits): Plan {
  const segments = db
    .query("SELECT seq, name, bytes, records, written FROM segment WHERE pruned = 0 ORDER BY seq")
    .all() as KeptSegment[];
  return planRetention({ segments, now: sys.now(), last, delivered: deliveredSegments(db) }, limits);
}

/**
 * Takes the planned segments out of the archive; call it in a transaction. Their records stay in the ledger. What a
 * reducer keeps for later lines may be their texts, so it goes too: a source that changes is then read from its start,
 * and the ledger suppresses what was told.
 */
export function markPruned(db: Database, plan: Plan): void {
  const mark = db.query("UPDATE segment SET pruned = 1 WHERE seq = ?");
  for (const { seq } of plan.prune) mark.run(seq);
  if (getMeta(db, FIRST_TEXTS) !== undefined) db.run("DELETE FROM cursor WHERE typeof(state) = 'text'"); // databases' are digests
}

/**
 * Removes the files of pruned segments that are still there. A file that is gone is fine. While a reader may still see
 * a segment, the files stay: a full checkpoint succeeds only when no read transaction is older than the last commit.
 */
export function removePruned(db: Database, folder: DataFolder, install: string): Removal {
  const pruned = new Set((db.query("SELECT name FROM segment WHERE pruned <> 0").values() as [string][]).flat());
  const names = pruned.size === 0 ? [] : filesIn(folder).filter((name) => pruned.has(name));
  if (names.length === 0) return { removed: [], waiting: [], failed: [] };
  if (hasOldReaders(db)) return { removed: [], waiting: names, failed: [] };
  const removed: string[] = [];
  const failed: Unremoved[] = [];
  for (const name of names) {
    const path = `${folder.archive}/${name}`;
    try {
      if (parseSegmentName(name)?.install !== install) throw new Error("it is no segment of this installation");
      ifPresent(() => sys.unlink(path));
      removed.push(name);
    } catch (error) {
      failed.push({ path, reason: errorCode(error) ?? (error as Error).message });
    }
  }
  if (removed.length > 0) syncFolder(folder.archive);
  return { removed, waiting: [], failed };
}

function hasOldReaders(db: Database): boolean {
  const { timeout } = db.query("PRAGMA busy_timeout").get() as { timeout: number };
  db.run(`PRAGMA busy_timeout = ${READERS_MS}`);
  try {
    return (db.query("PRAGMA wal_checkpoint(FULL)").get() as { busy: number }).busy !== 0;
  } finally {
    db.run(`PRAGMA busy_timeout = ${timeout}`);
  }
}

/** Files of the archive folder that are not this installation's: other installations' segments, and anything else. */
export function foreignFiles(db: Database, folder: DataFolder, install: string): string[] {
  const own = new Set((db.query("SELECT name FROM segment").values() as [string][]).flat());
  return filesIn(folder).filter((name) => !own.has(name) && parseSegmentName(name)?.install !== install);
}

function filesIn(folder: DataFolder): string[] {
  return (ifPresent(() => sys.names(folder.archive)) ?? []).sort(bySegmentName);
}
