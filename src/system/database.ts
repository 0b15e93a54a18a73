/** Owns SQLite: how weir opens its own databases, and the raw way to open somebody else's read-only. */
import { constants, Database, type Statement } from "bun:sqlite";

export type { Database, Statement };

/** Opens (and creates) a database of ours: strict parameters, busy timeout in milliseconds. */
export function openOwnDatabase(path: string, busyTimeoutMs: number): Database {
  const db = new Database(path, { create: true, readwrite: true, strict: true });
  db.run(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
  return db;
}

/**
 * Opens a database of ours that must exist, for reading only. It takes part in the WAL as a writer would, so that the
 * last to close it leaves no `-wal` and `-shm` behind; where that may not be written, nobody can, and it is immutable.
 */
export function openOwnForReading(path: string, busyTimeoutMs: number): Database {
  const db = new Database(path, { readwrite: true, create: false, strict: true });
  try {
    db.run(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
    db.run("PRAGMA query_only = ON");
    db.query("SELECT 1 FROM sqlite_schema").get();
    return db;
  } catch (error) {
    db.close();
    if (!isWriteFailure(error)) throw error;
    return openReadOnlyUri(`${fileUri(path)}?immutable=1`, busyTimeoutMs);
  }
}

/** Does the first work on a database that has been opened; where it fails, the database is closed again. */
export function orClosed<T>(db: Database, work: () => T): T {
  try {
    return work();
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * Opens a `file:` URI read-only, through no link. Only the numeric flags make Bun pass the URI on, so that `immutable`
 * and `readonly_shm` work (measured with Bun 1.4.5).
 */
export function openReadOnlyUri(uri: string, busyTimeoutMs: number): Database {
  const { SQLITE_OPEN_READONLY, SQLITE_OPEN_URI, SQLITE_OPEN_NOFOLLOW } = constants;
  const db = new Database(uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOFOLLOW);
  db.run(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
  return db;
}

/** Opens our private copy of somebody else's database, so that SQLite may recover it; nothing is created. */
export function openPrivateCopy(path: string, busyTimeoutMs: number): Database {
  const db = new Database(path, { readwrite: true, create: false });
  db.run(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
  return db;
}

/** What may be given for a question's parameters. */
export type Given = string | number | bigint;

export interface NamedRows {
  readonly rows: Record<string, unknown>[];
  readonly first: string;
}

/** Asks questions of one database. Each is prepared once; integers come as bigints, so that none is rounded. */
export class Asker {
  readonly #db: Database;
  readonly #prepared = new Map<string, Statement>();

  constructor(db: Database) {
    this.#db = db;
  }

  /** A question's rows as arrays. */
  values(sql: string, ...given: Given[]): unknown[][] {
    return this.#asked(sql, (statement) => statement.values(...given) as unknown[][]);
  }

  /** A question's rows by column name, and the name of its first column. */
  rows(sql: string, ...given: Given[]): NamedRows {
    return this.#asked(sql, (statement) => ({
      rows: statement.all(...given) as Record<string, unknown>[],
      first: statement.columnNames[0] ?? "",
    }));
  }

  /** A statement that failed is not asked again as it stands. */
  #asked<T>(sql: string, ask: (statement: Statement) => T): T {
    const held = this.#prepared.get(sql);
    const statement = held ?? this.#prepare(sql);
    try {
      return ask(statement);
    } catch (error) {
      this.#prepared.delete(sql);
      statement.finalize();
      throw error;
    }
  }

  #prepare(sql: string): Statement {
    const statement = this.#db.prepare(sql) as Statement & { safeIntegers(on: boolean): void }; // not yet in Bun's types
    statement.safeIntegers(true);
    this.#prepared.set(sql, statement);
    return statement;
  }

  /** Forgets all questions: one that is left prepared would keep the file open after the database is closed. */
  close(): void {
    for (const statement of this.#prepared.values()) statement.finalize();
    this.#prepared.clear();
  }
}

/** The `file:` URI of a path. Loading node:url for it would take 1 ms of every start (measured). */
export function fileUri(path: string): string {
  return Bun.pathToFileURL(path).href;
}

function isOf(error: unknown, codes: RegExp): boolean {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return typeof code === "string" && codes.test(code);
}

/** True when SQLite says that another process holds the lock. */
export function isBusy(error: unknown): boolean {
  return isOf(error, /^SQLITE_BUSY/);
}

/** True when SQLite says that the file is no database or a damaged one. */
export function isDamaged(error: unknown): boolean {
  return isOf(error, /^SQLITE_(NOTADB|CORRUPT)/);
}

/** True when SQLite could not write: the disk is full, failing or read-only. */
export function isWriteFailure(error: unknown): boolean {
  return isOf(error, /^SQLITE_(FULL|IOERR|READONLY|CANTOPEN)/);
}
