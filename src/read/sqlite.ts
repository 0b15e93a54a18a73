/** Owns opening somebody else's SQLite database: never a byte is created, changed or left beside it (reliability 3.6). */
import {
  Asker,
  type Database,
  fileUri,
  type Given,
  isBusy,
  isDamaged,
  openPrivateCopy,
  openReadOnlyUri,
} from "../system/database.ts";
import { cannotWrite } from "../system/errors.ts";
import {
  copyFile,
  errorCode,
  lstatIfPresent,
  openForReading,
  readAt,
  removeFolder,
  type Stat,
  sys,
} from "../system/system.ts";
import { type Stamp, sameFile, stampOf } from "./identity.ts";
import type { Row } from "./types.ts";

const BUSY_TIMEOUT_MS = 3000;
/** A file that changed this shortly ago may change again within the same tick of its clock. */
const TICK_MS = 20;
/** The last bytes of a rollback journal that names another file, which SQLite would open and may delete. */
const JOURNAL_MAGIC = "d9d505f920a163d7";

/** Why a database cannot be read now. `changed`: look again at once; `gone`: nothing is there any more. */
type Trouble = "changed" | "busy" | "gone" | "unreadable";

/** A database that cannot be read now; the message is the reason in words. */
export class UnreadableDatabase extends Error {
  constructor(
    readonly trouble: Trouble,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = "UnreadableDatabase";
  }
}

/** What lies at a database's path at one moment. */
interface Moment {
  readonly db: Stamp;
  readonly wal: Stat | undefined;
  readonly shm: Stat | undefined;
  readonly journal: Stat | undefined;
  readonly takenAt: number;
}

function momentOf(path: string): Moment {
  const takenAt = sys.now();
  const stat = lstatIfPresent(path);
  if (!stat) throw new UnreadableDatabase("gone", "it is gone");
  const wal = lstatIfPresent(`${path}-wal`);
  const shm = lstatIfPresent(`${path}-shm`);
  const journal = lstatIfPresent(`${path}-journal`);
  for (const part of [stat, wal, journal])
    if (part && part.kind !== "file") throw new UnreadableDatabase("unreadable", "it is not a regular file");
  return { db: stampOf(stat), wal, shm, journal, takenAt };
}

/** True when neither moment can hide a change from the other. */
function isSameContent(a: Moment, b: Moment): boolean {
  if (!isSamePart(a.db, b.db) || !isSamePart(a.wal, b.wal) || !isSamePart(a.journal, b.journal)) return false;
  return [a.db, a.wal, a.journal].every((s) => !s || !isFresh(s, a.takenAt));
}

function isSamePart(a: Stamp | undefined, b: Stamp | undefined): boolean {
  if (!a || !b) return a === b;
  return sameFile(a, b) && a.size === b.size && a.mtime === b.mtime && a.ctime === b.ctime;
}

function isFresh({ mtime, ctime }: Pick<Stamp, "mtime" | "ctime">, now: number): boolean {
  const age = now - Math.max(mtime, ctime);
  return age >= 0 && age < TICK_MS;
}

type Way = "shared" | "immutable" | "copy";

/** How a database can be opened without a trace: nothing pending, a WAL in use, or whatever else there may be. */
function wayOf({ wal, shm, journal }: Moment): Way {
  if (journal && journal.size > 0) return "copy";
  if (!wal?.size) return "immutable";
  return shm?.kind === "file" ? "shared" : "copy";
}

const WAL_MAGIC = 0x377f0682;
const LEAST_PAGE = 512;
const LARGEST_PAGE = 65536;

/**
 * True unless the WAL begins as no WAL does: read-only beside its index, SQLite would then ask again for ten seconds
 * and give up (measured). What cannot be looked at is SQLite's to judge.
 */
function beginsAsWal(path: string): boolean {
  try {
    const fd = openForReading(`${path}-wal`);
    try {
      const header = Buffer.from(readAt(fd, 0, 12));
      const pageSize = header.readUInt32BE(8);
      const isSize = (pageSize & (pageSize - 1)) === 0 && pageSize >= LEAST_PAGE && pageSize <= LARGEST_PAGE;
      return isSize && (header.readUInt32BE(0) | 1) === (WAL_MAGIC | 1);
    } finally {
      sys.close(fd);
    }
  } catch {
    return true;
  }
}

const CHANGED = "it changed while it was read; the next run tries again";

/** Another program's database, open for reading. */
export class ForeignDatabase {
  readonly #path: string;
  readonly #db: Database;
  readonly #asker: Asker;
  readonly #opened: Moment;
  readonly #way: Way;
  readonly #folder: string | undefined;

  private constructor(path: string, way: Way, opened: Moment, db: Database, folder?: string) {
    this.#path = path;
    this.#way = way;
    this.#opened = opened;
    this.#db = db;
    this.#asker = new Asker(db);
    this.#folder = folder;
  }

  /**
   * Opens the database at a canonical path: through its own shared memory where a WAL is in use, as immutable where
   * nothing is pending, else as a private copy in `temporary`. Throws `UnreadableDatabase`.
   */
  static open(path: string, temporary: string | undefined): ForeignDatabase {
    return named(() => {
      const moment = momentOf(path);
      const way = wayOf(moment);
      if (way === "copy" || (way === "shared" && !beginsAsWal(path)))
        return ForeignDatabase.#copied(path, moment, temporary);
      try {
        return ForeignDatabase.#inPlace(path, way, moment);
      } catch (error) {
        if (!/^SQLITE_(CANTOPEN|READONLY|PROTOCOL)/.test(errorCode(error) ?? "")) throw error;
        return ForeignDatabase.#copied(path, moment, temporary);
      }
    });
  }

  static #inPlace(path: string, way: Exclude<Way, "copy">, moment: Moment): ForeignDatabase {
    const parameters = way === "shared" ? "mode=ro&readonly_shm=1" : "immutable=1";
    sys.step("database: open");
    const db = prepared(openReadOnlyUri(`${fileUri(path)}?${parameters}`, BUSY_TIMEOUT_MS));
    if (way === "immutable") refuseCut(db, moment.db.size);
    return new ForeignDatabase(path, way, moment, db);
  }

  static #copied(path: string, moment: Moment, temporary: string | undefined): ForeignDatabase {
    if (temporary === undefined)
      throw new UnreadableDatabase("unreadable", "it needs a private copy, which a dry run does not make");
    const folder = `${temporary}/${Buffer.from(sys.random(8)).toString("hex")}`;
    makeFolder(folder);
    try {
      const copy = `${folder}/copy.db`;
      for (const [end, part] of [
        ["", moment.db] as const,
        ["-wal", moment.wal] as const,
        ["-journal", moment.journal] as const,
      ])
        if (part) copyFile(path + end, copy + end);
      if (!isSameContent(moment, momentOf(path))) throw new UnreadableDatabase("changed", CHANGED);
      if (moment.journal) refuseLinkedJournal(`${copy}-journal`, moment.journal.size);
      sys.step("database: open copy");
      return new ForeignDatabase(path, "copy", moment, prepared(openPrivateCopy(copy, BUSY_TIMEOUT_MS)), folder);
    } catch (error) {
      removeFolder(folder);
      throw error;
    }
  }

  /** The database file's stamp, taken before anything of it was read. */
  get stamp(): Stamp {
    return this.#opened.db;
  }

  /** When that stamp was taken. */
  get openedAt(): number {
    return this.#opened.takenAt;
  }

  /** The bytes of the database and its WAL. */
  get bytes(): number {
    return this.#opened.db.size + (this.#opened.wal?.size ?? 0);
  }

  /**
   * Runs questions that all see one moment of the database; what they answered is only handed over if the files held
   * still as far as the way of opening needs it. Throws `UnreadableDatabase`.
   */
  page<T>(questions: (db: Questions) => T): T {
    const db = this.#db;
    return named(() => {
      let answer: T;
      try {
        sys.step("database: page");
        db.run("BEGIN");
        answer = questions({
          values: (sql, ...given) => values(this.#asker, sql, given),
          rows: (sql, ...given) => rows(this.#asker, sql, given),
        });
        db.run("COMMIT");
      } catch (error) {
        if (db.inTransaction) db.run("ROLLBACK");
        if (!this.#holds()) throw new UnreadableDatabase("changed", CHANGED, { cause: error });
        throw error;
      }
      if (!this.#holds()) throw new UnreadableDatabase("changed", CHANGED);
      return answer;
    });
  }

  /** True when what was read so far is what the database holds: one moment of one file. */
  #holds(): boolean {
    if (this.#way === "copy") return true;
    const now = momentOf(this.#path);
    return this.#way === "shared" ? sameFile(now.db, this.#opened.db) : isSameContent(this.#opened, now);
  }

  close(): void {
    this.#asker.close();
    this.#db.close(true);
    if (this.#folder) removeFolder(this.#folder);
  }
}

/** The questions that a page may ask: rows as arrays, or by column name with the name of the first column. */
export interface Questions {
  values(sql: string, ...given: Given[]): unknown[][];
  rows(sql: string, ...given: Given[]): { readonly rows: readonly Row[]; readonly first: string };
}

/** Makes a connection harmless and finds out whether the file can be read at all. */
function prepared(db: Database): Database {
  try {
    db.run("PRAGMA trusted_schema = OFF");
    db.run("PRAGMA cell_size_check = ON");
    db.run("PRAGMA temp_store = MEMORY");
    db.run("PRAGMA cache_size = -512"); // KiB: what is read goes by once
    db.run("PRAGMA query_only = ON");
    askedOnce(db, "SELECT count(*) FROM sqlite_schema");
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function askedOnce(db: Database, sql: string): unknown[][] {
  const asker = new Asker(db);
  try {
    return asker.values(sql);
  } finally {
    asker.close();
  }
}

/** Makes a folder of ours; what goes wrong there is not the source's fault. */
function makeFolder(path: string): void {
  try {
    sys.mkdir(path, 0o700);
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

/** A resting database is whole pages; SQLite would take what is missing of the last one for zeros. */
function refuseCut(db: Database, size: number): void {
  const [[pageSize] = []] = askedOnce(db, "PRAGMA page_size");
  if (size % Number(pageSize) === 0) return;
  db.close(true);
  throw new UnreadableDatabase("unreadable", "damaged (it is cut short)");
}

/** A journal of several databases names a file that SQLite would follow out of the private copy. */
function refuseLinkedJournal(path: string, size: number): void {
  const fd = sys.open(path, 0);
  try {
    const end = Buffer.from(readAt(fd, Math.max(0, size - 8), 8)).toString("hex");
    if (end === JOURNAL_MAGIC && size > 8)
      throw new UnreadableDatabase("unreadable", "it has an unfinished transaction over several databases");
  } finally {
    sys.close(fd);
  }
}

/** Runs a step; what goes wrong in it gets its reason in words. What is no error of the machine is thrown as it is. */
function named<T>(step: () => T): T {
  try {
    return step();
  } catch (error) {
    const code = errorCode(error);
    if (/^SQLITE_(?:FULL|IOERR_WRITE|IOERR_SHMSIZE)$/.test(code ?? "")) throw cannotWrite("a private copy", error);
    if (error instanceof UnreadableDatabase || !/^(SQLITE_|E[A-Z0-9]+$)/.test(code ?? "")) throw error;
    const { message } = error as Error;
    if (code === "ENOENT") throw new UnreadableDatabase("gone", "it is gone", { cause: error });
    if (isBusy(error))
      throw new UnreadableDatabase("busy", "it is locked by another program; the next run tries again", {
        cause: error,
      });
    const reason = isDamaged(error)
      ? `damaged (${message})`
      : code?.startsWith("SQLITE_")
        ? `${code}: ${message}`
        : code;
    throw new UnreadableDatabase("unreadable", reason ?? message, { cause: error });
  }
}

function values(asker: Asker, sql: string, given: Given[]): unknown[][] {
  const found = asker.values(sql, ...given);
  for (const row of found)
    for (let i = 0; i < row.length; i++) if (typeof row[i] === "bigint") row[i] = asNumber(row[i]);
  return found;
}

function rows(asker: Asker, sql: string, given: Given[]): ReturnType<Questions["rows"]> {
  const found = asker.rows(sql, ...given);
  for (const row of found.rows)
    for (const name in row) if (typeof row[name] === "bigint") row[name] = asNumber(row[name]);
  return found;
}

/** An integer as a number where that is exact. */
function asNumber(value: unknown): unknown {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
