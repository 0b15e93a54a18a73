/**
 * Owns the witness: a small file beside the state that tells how many batches have been committed. A state that knows of
 * fewer is an older copy, put back without its archive or without its log: what it does not know must not be cut off.
 */
import type { Database } from "../system/database.ts";
import { WeirError } from "../system/errors.ts";
import { ifPresent, openForWriting, readSmallFile, syncFolder, sys, writeFully } from "../system/system.ts";
import type { DataFolder } from "./folder.ts";
import { getMeta, REBUILD, setMeta } from "./state.ts";

const COMMITS = "commits";
/** One length for all numbers, so that the new one covers the old. */
const DIGITS = 15;
const NUMBER = new RegExp(`^\\d{${DIGITS}}\n$`);
const LONGEST = 64;

/** How many commits are witnessed; 0 where nothing can be read of it. Ask before the state is opened: it may go on. */
export function witnessed({ witness }: DataFolder): number {
  const bytes = ifPresent(() => readSmallFile(witness, LONGEST));
  const text = Buffer.from(bytes ?? "").toString("latin1");
  return NUMBER.test(text) ? Number(text) : 0;
}

/** Counts a commit; call it in the commit's own transaction. Returns the number to be witnessed when it is durable. */
export function countCommit(db: Database): number {
  const commits = commitsOf(db) + 1;
  setMeta(db, COMMITS, String(commits));
  return commits;
}

/** Gives a state that was made anew the number that stands beside it. */
export function adoptCount(db: Database, commits: number): void {
  setMeta(db, COMMITS, String(commits));
}

/** Notes that a commit is durable. Only the first note is synced: an older number just notices less. */
export function bearWitness({ path, witness }: DataFolder, commits: number): void {
  const known = ifPresent(() => openForWriting(witness, false));
  const fd = known ?? openForWriting(witness, true);
  try {
    writeFully(fd, Buffer.from(`${String(commits).padStart(DIGITS, "0")}\n`), 0);
    if (known === undefined) sys.fsync(fd);
  } finally {
    sys.close(fd);
  }
  if (known === undefined) syncFolder(path);
}

function commitsOf(db: Database): number {
  return Number(getMeta(db, COMMITS) ?? 0);
}

/**
 * What is wrong with a state that knows of fewer commits than were witnessed before it was opened; undefined if nothing,
 * or while it is only just being made.
 */
export function ageOf(db: Database, commits: number): string | undefined {
  if (getMeta(db, "install") === undefined) return undefined;
  const known = commitsOf(db);
  return known < commits ? `it knows of ${known} commits, ${commits} have been made` : undefined;
}

/** Throws `damaged` for a state that is older than its archive. */
export function refuseOlder(db: Database, { state }: DataFolder, commits: number): void {
  const age = ageOf(db, commits);
  if (age !== undefined)
    throw new WeirError("damaged", `the state database is older than its archive: ${state}: ${age}`, REBUILD);
}
