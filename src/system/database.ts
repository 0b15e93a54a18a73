/** Owns SQLite: how weir opens its own databases, and the raw way to open somebody else's read-only. */
import { constants, Database } from "bun:sqlite";

export type { Database };

/** Opens (and creates) a database of ours: strict parameters, busy timeout in milliseconds. */
export function openOwnDatabase(path: string, busyTimeoutMs: number): Database {
  const db = new Database(path, { create: true, readwrite: true, strict: true });
  db.run(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
  return db;
}

/** Opens a database of ours that must exist, for reading only. */
export function openOwnForReading(path: string, busyTimeoutMs: number): Database {
  const db = new Database(path, { readonly: true, strict: true });
  db.run(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
  return db;
}

/**
 * Opens a `file:` URI read-only. Only the numeric flags make Bun pass the URI on, so that `immutable` and
 * `readonly_shm` work (measured with Bun 1.4.5).
 */
export function openReadOnlyUri(uri: string, busyTimeoutMs: number): Database {
  const db = new Database(uri, constants.SQLITE_OPEN_READONLY | constants.SQLITE_OPEN_URI);
  db.run(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
  return db;
}

/** True when SQLite says that another process holds the lock. */
export function isBusy(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return typeof code === "string" && code.startsWith("SQLITE_BUSY");
}

/** True when SQLite says that the file is no database or a damaged one. */
export function isDamaged(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return typeof code === "string" && (code.startsWith("SQLITE_NOTADB") || code.startsWith("SQLITE_CORRUPT"));
}

/** True when SQLite could not write: the disk is full, failing or read-only. */
export function isWriteFailure(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return typeof code === "string" && /^SQLITE_(FULL|IOERR|READONLY|CANTOPEN)/.test(code);
}
