/** Owns locks (the writer's, and one a destination): one process at a time, for exactly as long as it lives. */
import { type Database, isBusy, openOwnDatabase, orClosed } from "../system/database.ts";
import { systemReason, WeirError } from "../system/errors.ts";
import { sleep, uptime } from "../system/process.ts";
import { errorCode, lstatIfPresent, openForWriting, openingError, type Stat } from "../system/system.ts";
import { linked } from "./folder.ts";

const RETRY_MS = 50;
const PINNED = Symbol.for("weir.lock");

/**
 * Takes an exclusive SQLite transaction on the lock file, trying again until `waitMs` have passed or `stopped` says so.
 * False when another process still holds it. The kernel frees it with the process, so there is nothing to clean up after a kill. The
 * handle is pinned to the process: a collected handle would free the lock, and so would opening and closing the file
 * by any other call, which is why nothing else ever touches it (reliability H91, H92). Throws `refused` for a link,
 * `write` for a file that cannot be locked.
 */
export async function takeLock(path: string, waitMs: number, stopped: () => boolean = () => false): Promise<boolean> {
  refuseLink(path);
  const deadline = uptime() + waitMs;
  for (;;) {
    if (takesNow(path)) return true;
    if (uptime() >= deadline || stopped()) return false;
    await sleep(Math.min(RETRY_MS, Math.max(1, deadline - uptime())));
  }
}

function refuseLink(path: string): void {
  let stat: Stat | undefined;
  try {
    stat = lstatIfPresent(path);
  } catch (error) {
    throw cannotLock(path, error);
  }
  if (stat?.kind === "link") throw linked(path);
}

function cannotLock(path: string, cause: unknown): WeirError {
  const hint = "fix the rights of the folder and of the file, then run the same command again";
  return new WeirError("write", `cannot lock ${path}: ${systemReason(cause)}`, hint, { cause });
}

/** Why SQLite cannot open or make a lock's file: it does not say. Nobody here holds the lock, so closing the file frees nothing. */
function reasonFor(path: string, error: unknown): unknown {
  if (errorCode(error) !== "SQLITE_CANTOPEN") return error;
  return openingError(() => openForWriting(path, lstatIfPresent(path) === undefined)) ?? error;
}

function takesNow(path: string): boolean {
  try {
    const db = openOwnDatabase(path, 0);
    orClosed(db, () => db.run("BEGIN EXCLUSIVE"));
    pinned().set(path, db);
    return true;
  } catch (error) {
    if (isBusy(error)) return false;
    throw cannotLock(path, reasonFor(path, error));
  }
}

function pinned(): Map<string, Database> {
  const all = globalThis as unknown as { [PINNED]?: Map<string, Database> };
  all[PINNED] ??= new Map();
  return all[PINNED];
}

/** Gives a lock back before the process ends. */
export function releaseLock(path: string): void {
  pinned().get(path)?.close();
  pinned().delete(path);
}
