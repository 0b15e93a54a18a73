/** Owns the state database: its schema, its migrations, and the few questions that are asked of it. */
import { type Database, isDamaged, openOwnDatabase, openOwnForReading, orClosed } from "../system/database.ts";
import { WeirError } from "../system/errors.ts";
import { sys } from "../system/system.ts";

/** Each entry takes the database one version further, in one transaction. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE segment (seq INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, bytes INTEGER NOT NULL,
     records INTEGER NOT NULL, sealed INTEGER NOT NULL, sha256 TEXT, written REAL NOT NULL, pruned INTEGER NOT NULL DEFAULT 0);
   CREATE TABLE source (id INTEGER PRIMARY KEY, agent TEXT NOT NULL, stream TEXT NOT NULL, path TEXT NOT NULL,
     relative TEXT NOT NULL, dev REAL NOT NULL, ino REAL NOT NULL, birth REAL NOT NULL, size REAL NOT NULL,
     mtime REAL NOT NULL, ctime REAL NOT NULL, sidecars TEXT NOT NULL, read_at REAL NOT NULL, version INTEGER NOT NULL,
     position INTEGER NOT NULL, generation INTEGER NOT NULL);
   CREATE INDEX source_stream ON source (agent, stream);
   CREATE TABLE cursor (source INTEGER PRIMARY KEY, proof TEXT NOT NULL, state BLOB NOT NULL);
   CREATE TABLE ledger (source INTEGER NOT NULL, seq INTEGER NOT NULL, entries BLOB NOT NULL, PRIMARY KEY (source, seq)) WITHOUT ROWID;
   CREATE TABLE orphan (agent TEXT NOT NULL, stream TEXT NOT NULL, relative TEXT NOT NULL, entries BLOB NOT NULL,
     PRIMARY KEY (agent, stream, relative)) WITHOUT ROWID;
   CREATE TABLE quarantine (id INTEGER PRIMARY KEY, source INTEGER NOT NULL, generation INTEGER NOT NULL, position INTEGER NOT NULL,
     length INTEGER NOT NULL, hash TEXT NOT NULL, reason TEXT NOT NULL, found REAL NOT NULL);
   CREATE TABLE run (id INTEGER PRIMARY KEY, pid INTEGER NOT NULL, started REAL NOT NULL, ended REAL, summary TEXT);`,
  // What destinations have had: `delivery.ts` says what the columns mean.
  `CREATE TABLE export (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, origin TEXT NOT NULL, begun REAL NOT NULL,
     through INTEGER NOT NULL DEFAULT 0, registered INTEGER NOT NULL DEFAULT 0);
   CREATE TABLE export_batch (id INTEGER PRIMARY KEY, destination INTEGER NOT NULL, signal TEXT NOT NULL, form TEXT NOT NULL,
     body BLOB NOT NULL, keys BLOB NOT NULL);
   CREATE TABLE export_sent (destination INTEGER NOT NULL, signal TEXT NOT NULL, seq INTEGER NOT NULL, keys BLOB NOT NULL,
     PRIMARY KEY (destination, signal, seq)) WITHOUT ROWID;`,
  // Ledger entries may hold hashes of texts, which an older weir could not read (`ledger.ts`); those of before are as they were.
  "SELECT 1",
  // What of a source is the same for as long as nothing changes, in one number; 0 where that is to be found out anew.
  "ALTER TABLE source ADD COLUMN mark REAL NOT NULL DEFAULT 0",
  // Whether a batch was made with texts; of one that was fixed before nobody knows.
  "ALTER TABLE export_batch ADD COLUMN content INTEGER NOT NULL DEFAULT 1",
  // By which else the items of a batch are known.
  "ALTER TABLE export_batch ADD COLUMN others BLOB NOT NULL DEFAULT x''",
  // What a destination has had whole, by signal. Before, it was one number for whichever had been asked for.
  `CREATE TABLE export_through (destination INTEGER NOT NULL, signal TEXT NOT NULL, through INTEGER NOT NULL,
     PRIMARY KEY (destination, signal)) WITHOUT ROWID;
   INSERT INTO export_through SELECT DISTINCT id, signal, through FROM export JOIN export_sent ON destination = id
     WHERE registered = 1 AND signal <> 'metrics';
   ALTER TABLE export DROP COLUMN through;
   ALTER TABLE export DROP COLUMN registered;`,
];

export const STATE_VERSION: number = MIGRATIONS.length;

function refuseNewer(db: Database, path: string): number {
  const version = (db.query("PRAGMA user_version").get() as { user_version: number }).user_version;
  if (version > STATE_VERSION)
    throw new WeirError(
      "refused",
      `${path} was written by a newer weir (state version ${version}, this one knows ${STATE_VERSION})`,
      "use the newer weir, or another --data-dir",
    );
  return version;
}

/** What to do about a state that cannot be used. */
export const REBUILD = "move it aside together with its -wal and -shm: the next sync rebuilds it from the archive";

/** The error for a state that SQLite cannot read. */
export function damagedState(path: string, cause: unknown): WeirError {
  const size = sys.lstat(path).size;
  return new WeirError(
    "damaged",
    `the state database is damaged: ${path} (${size} bytes): ${(cause as Error).message}`,
    REBUILD,
    { cause },
  );
}

/**
 * Opens the state for the one writer: WAL, every commit durable, migrated to this version. Throws `damaged` for a file
 * that SQLite cannot read, `refused` for one of a newer weir.
 */
export function openState(path: string): Database {
  const open = (): Database => openOwnDatabase(path, 5000);
  return opened(path, open, (db) => {
    const from = refuseNewer(db, path);
    db.run("PRAGMA journal_mode = WAL");
    db.run("PRAGMA synchronous = FULL");
    if (from > 0 && !endedCleanly(db)) checkPages(db);
    for (let version = from; version < STATE_VERSION; version++) {
      db.transaction(() => {
        db.run(MIGRATIONS[version] ?? "");
        db.run(`PRAGMA user_version = ${version + 1}`);
      })();
    }
  });
}

/** A database that was opened and on which the first work is done. */
function opened(path: string, open: () => Database, work: (db: Database) => void): Database {
  try {
    const db = open();
    orClosed(db, () => work(db));
    return db;
  } catch (error) {
    throw isDamaged(error) ? damagedState(path, error) : error;
  }
}

/** Throws when SQLite finds a damaged page; reads the whole database. */
function checkPages(db: Database): void {
  const check = db.query("PRAGMA quick_check(1)").get() as { quick_check: string };
  if (check.quick_check !== "ok") throw Object.assign(new Error(check.quick_check), { code: "SQLITE_CORRUPT" });
}

function endedCleanly(db: Database): boolean {
  const last = db.query("SELECT ended FROM run ORDER BY id DESC LIMIT 1").get() as { ended: number | null } | null;
  return last !== null && last.ended !== null;
}

/**
 * Opens the state for reading; every question asked inside one transaction sees one moment. Undefined for one that was
 * only begun: its writer is just making it, or could not.
 */
export function openStateForReading(path: string, waitMs: number = 5000): Database | undefined {
  let version = 0;
  const open = (): Database => openOwnForReading(path, waitMs);
  const db = opened(path, open, (state) => {
    version = refuseNewer(state, path);
  });
  if (version > 0) return db;
  db.close();
  return undefined;
}

/** From now on what is deleted is overwritten with zeros: what reducers keep, and requests that wait, may be texts. */
export function overwriteDeleted(db: Database): void {
  db.run("PRAGMA secure_delete = ON");
}

/** The key of `meta` that says when texts were first archived. */
export const FIRST_TEXTS = "first_texts";

/** What the state notes of itself under a key; undefined where nothing was. */
export function getMeta(db: Database, key: string): string | undefined {
  return (db.query("SELECT value FROM meta WHERE key = ?").get(key) as { value: string } | null)?.value;
}

/** Notes it in place of what was noted before; durable with the transaction that it is called in. */
export function setMeta(db: Database, key: string, value: string): void {
  db.query("INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value").run(
    key,
    value,
  );
}
