/** Owns what the state knows of sources: rows, cursors, ledgers, what was set aside. It moves with the next batch. */
import type { Database, Statement } from "../system/database.ts";
import { sys } from "../system/system.ts";
import { explaining } from "./explaining.ts";
import type { DataFolder } from "./folder.ts";
import { Ledger } from "./ledger.ts";

/** What is known of a source between syncs. */
export interface SourceRow {
  readonly id: number;
  readonly agent: string;
  readonly stream: string;
  readonly path: string;
  readonly relative: string;
  readonly dev: number;
  readonly ino: number;
  readonly birth: number;
  readonly size: number;
  readonly mtime: number;
  readonly ctime: number;
  readonly sidecars: string;
  readonly readAt: number;
  readonly version: number;
  readonly position: number;
  readonly generation: number;
}

/** A source as it is stored. */
export interface StoredSource extends SourceRow {
  /** What of it is the same for as long as nothing changes; 0 while it is not read to its end. */
  readonly mark: number;
}

/** Of a source that was read to its end its path, its mark, and when it was read, as the state has them. */
export type Mark = readonly [path: string, mark: number, readAt: number];

/** The columns of a row, under the names of its keys. */
export const SOURCE_COLUMNS =
  "id, agent, stream, path, relative, dev, ino, birth, size, mtime, ctime, sidecars, read_at AS readAt, version, position, generation";

export interface CursorRow {
  readonly proof: string;
  /** A tail's state as JSON, a database's digests as bytes. */
  readonly state: string | Uint8Array;
}

export interface QuarantineRow {
  readonly source: number;
  readonly generation: number;
  readonly position: number;
  readonly length: number;
  readonly hash: string;
  readonly reason: string;
}

const asideKey = ({ generation, position, length, hash, reason }: QuarantineRow): string =>
  `${generation} ${position} ${length} ${hash} ${reason}`;

/** Small ledger batches of a source are joined when there are this many. */
const LEDGER_BATCHES = 64;

/** What is known of every source; what changes is in memory until a commit stores it. */
export class Sources {
  readonly #db: Database;
  readonly #folder: DataFolder;
  readonly #rows = new Map<number, StoredSource>();
  readonly #cursors = new Map<number, CursorRow>();
  readonly #ledgers = new Map<number, { readonly ledger: Ledger; batches: number }>();
  #quarantine: QuarantineRow[] = [];
  /** What of one source was set aside: bytes that are read again are told once. */
  #aside: { readonly source: number; readonly keys: Set<string> } = { source: 0, keys: new Set() };
  /** Sources whose ledger came from a lost state's records; it is stored whole with their first batch. */
  readonly #adopted = new Set<number>();
  #next: number;
  /** The source that is being read. */
  #current = 0;
  readonly #hasOrphans: boolean;
  readonly #hasMarks: boolean;

  constructor(db: Database, folder: DataFolder) {
    this.#db = db;
    this.#folder = folder;
    const [[next] = []] = db
      .query(
        "SELECT max((SELECT coalesce(max(id), 0) FROM source), (SELECT coalesce(max(source), 0) FROM ledger)) + 1 AS next",
      )
      .values() as [number][];
    this.#next = next as number;
    this.#hasOrphans = db.query("SELECT 1 FROM orphan LIMIT 1").get() !== null;
    this.#hasMarks = db.query("SELECT 1 FROM pragma_table_info('source') WHERE name = 'mark'").get() !== null;
  }

  /** The marks of the sources of one stream that were read to their end, by path. */
  marksOf(agent: string, stream: string): ReadonlyMap<string, Mark> {
    const marks = new Map<string, Mark>();
    if (!this.#hasMarks) return marks; // a dry run on an older version's state, which it cannot bring up to date
    const rows = this.#asked((db) =>
      db
        .query("SELECT path, mark, read_at FROM source WHERE agent = ? AND stream = ? AND mark <> 0")
        .values(agent, stream),
    ) as unknown[] as Mark[];
    for (const row of rows) {
      const [path, , readAt] = row;
      const other = marks.get(path);
      if (other === undefined || other[2] <= readAt) marks.set(path, row);
    }
    return marks;
  }

  /** All sources of one stream that are or were there. */
  of(agent: string, stream: string): SourceRow[] {
    return this.#asked((db) =>
      db.query(`SELECT ${SOURCE_COLUMNS} FROM source WHERE agent = ? AND stream = ?`).all(agent, stream),
    ) as SourceRow[];
  }

  /** Asks the state; what SQLite cannot read of it is a damaged state, not a damaged source. */
  #asked<T>(question: (db: Database) => T): T {
    return explaining(this.#folder, () => question(this.#db));
  }

  cursorOf(source: number): CursorRow | undefined {
    const stored = this.#asked((db) => db.query("SELECT proof, state FROM cursor WHERE source = ?").get(source));
    return (stored as CursorRow | null) ?? undefined;
  }

  /** The source's ledger, loaded once a run. */
  ledgerOf(source: number): Ledger {
    this.#current = source;
    const held = this.#ledgers.get(source);
    if (held) return held.ledger;
    const batches = this.#asked(
      (db) => db.query("SELECT entries FROM ledger WHERE source = ? ORDER BY seq").values(source) as [Uint8Array][],
    );
    const ledger = Ledger.from(batches.map(([entries]) => entries));
    this.#ledgers.set(source, { ledger, batches: batches.length });
    return ledger;
  }

  /** A new source's id, with the ledger that a lost state left for it under one of these paths. It is stored with the next batch. */
  added(agent: string, stream: string, paths: readonly string[]): number {
    const id = this.#next++;
    const orphan = this.#hasOrphans ? this.#orphanOf(agent, stream, paths) : undefined;
    if (orphan) this.#adopted.add(id);
    this.#ledgers.set(id, { ledger: Ledger.from(orphan ? [orphan.entries] : []), batches: 0 });
    return id;
  }

  #orphanOf(agent: string, stream: string, paths: readonly string[]): { entries: Uint8Array } | undefined {
    const question =
      "SELECT entries FROM orphan WHERE agent = ? AND stream = ? AND relative IN (SELECT value FROM json_each(?))";
    const stored = this.#asked((db) => db.query(question).get(agent, stream, JSON.stringify(paths)));
    return (stored as { entries: Uint8Array } | null) ?? undefined;
  }

  /** How a source stands after what is in the batch; it moves with the batch. Without a cursor the old one stays. */
  set(row: StoredSource, cursor?: CursorRow): void {
    this.#rows.set(row.id, row);
    if (cursor) this.#cursors.set(row.id, cursor);
  }

  /** Sets bytes of a source aside; false where these were, for the same reason. */
  setAside(row: QuarantineRow): boolean {
    if (this.#aside.source !== row.source)
      this.#aside = { source: row.source, keys: new Set(this.#setAsideOf(row.source).map(asideKey)) };
    const key = asideKey(row);
    if (this.#aside.keys.has(key)) return false;
    this.#aside.keys.add(key);
    this.#quarantine.push(row);
    return true;
  }

  #setAsideOf(source: number): QuarantineRow[] {
    return this.#asked((db) =>
      db
        .query("SELECT source, generation, position, length, hash, reason FROM quarantine WHERE source = ?")
        .all(source),
    ) as QuarantineRow[];
  }

  /** True when something waits for the next batch. */
  get isChanged(): boolean {
    return this.#rows.size > 0 || this.#quarantine.length > 0;
  }

  /** Forgets what has moved, and the ledgers of sources that are read to their end. */
  moved(): void {
    this.#rows.clear();
    this.#cursors.clear();
    this.#quarantine = [];
    const current = this.#ledgers.get(this.#current);
    this.#ledgers.clear();
    if (current) this.#ledgers.set(this.#current, current);
    this.#adopted.clear();
  }

  /** Where each source stands, how it was found, and what its cursor remembers; in the batch's transaction, as the others. */
  storeCursors(): void {
    const source = this.#db.query(
      "INSERT OR REPLACE INTO source (id, agent, stream, path, relative, dev, ino, birth, size, mtime, ctime, sidecars, read_at, version, mark, position, generation) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    );
    for (const r of this.#rows.values()) {
      const stamp = [r.dev, r.ino, r.birth, r.size, r.mtime, r.ctime];
      const read = [r.sidecars, r.readAt, r.version, r.mark, r.position, r.generation];
      source.run(r.id, r.agent, r.stream, r.path, r.relative, ...stamp, ...read);
    }
    const cursor = this.#db.query(
      "INSERT INTO cursor (source, proof, state) VALUES (?, ?, ?) ON CONFLICT (source) DO UPDATE SET proof = excluded.proof, state = excluded.state",
    );
    for (const [id, c] of this.#cursors) cursor.run(id, c.proof, c.state);
  }

  storeLedgers(): void {
    const entries = this.#db.query("INSERT INTO ledger (source, seq, entries) VALUES (?, ?, ?)");
    for (const [id, held] of this.#ledgers) this.storeLedger(id, held, entries);
  }

  private storeLedger(source: number, held: { readonly ledger: Ledger; batches: number }, entries: Statement): void {
    const batch = held.ledger.takeBatch();
    if (!batch && !this.#adopted.has(source)) return;
    const whole = this.#adopted.has(source) || held.batches >= LEDGER_BATCHES;
    if (whole) this.#db.query("DELETE FROM ledger WHERE source = ?").run(source);
    held.batches = whole ? 1 : held.batches + 1;
    entries.run(source, held.batches, whole ? held.ledger.packed() : (batch ?? new Uint8Array()));
  }

  storeQuarantine(): void {
    const bad = this.#db.query(
      "INSERT INTO quarantine (source, generation, position, length, hash, reason, found) VALUES (?, ?, ?, ?, ?, ?, ?)",
    );
    for (const q of this.#quarantine)
      bad.run(q.source, q.generation, q.position, q.length, q.hash, q.reason, sys.now());
  }
}
