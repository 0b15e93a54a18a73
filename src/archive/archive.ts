/** Owns the writer's side of the archive: sources and their cursors, and the commit that moves everything together. */

import type { Encoded } from "../record/encode.ts";
import type { Database, Statement } from "../system/database.ts";
import { isBusy, isDamaged, isWriteFailure } from "../system/database.ts";
import { batchDone } from "../system/engine.ts";
import { WeirError } from "../system/errors.ts";
import { pid } from "../system/process.ts";
import { ifPresent, removeFolder, sys } from "../system/system.ts";
import { OutputBatch } from "./batch.ts";
import { WritingDigest } from "./digest.ts";
import { type DataFolder, dataFolder, prepareFolder } from "./folder.ts";
import { heldRecords } from "./held.ts";
import { Ledger } from "./ledger.ts";
import { releaseLock, takeLock } from "./lock.ts";
import {
  foreignFiles,
  markPruned,
  newestMoment,
  type PruneResult,
  planOf,
  type Removal,
  removePruned,
} from "./prune.ts";
import { rebuildState } from "./rebuild.ts";
import type { Limits } from "./retention.ts";
import {
  appendDurably,
  cutToCommitted,
  isWriteError,
  listSegments,
  parseSegmentName,
  type Segment,
  segmentName,
  startsNext,
} from "./segment.ts";
import { damagedState, FIRST_TEXTS, getMeta, openState, openStateForReading, setMeta } from "./state.ts";

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

export interface ArchiveOptions {
  /** How long to wait for another writer, in milliseconds. */
  readonly waitMs: number;
  readonly segmentMaxBytes: number;
  /** Reads everything and archives nothing: no lock, no folder, no byte is written. */
  readonly dryRun?: boolean;
  /** True as soon as waiting for another writer should end. */
  readonly stopped?: () => boolean;
  /** Called with the lines that a commit has made durable; the bytes are valid during the call. */
  readonly onCommitted?: (lines: Uint8Array) => void;
  /** Called before the first record with texts is archived that this archive has ever had. */
  readonly onFirstTexts?: () => void;
}

/** A batch is committed when it holds this many bytes of output. */
export const BATCH_BYTES: number = 4 << 20;
const KEPT_RUNS = 100;
/** Small ledger batches of a source are joined when there are this many. */
const LEDGER_BATCHES = 64;

/** Whoever is told that another holds the lock should not wait for the name, too. */
const HOLDER_WAIT_MS = 200;

/** Who holds the lock, as its run row tells. */
function holder(folder: DataFolder): string {
  try {
    using db = openStateForReading(folder.state, HOLDER_WAIT_MS);
    const run = db.query("SELECT pid, started FROM run ORDER BY id DESC LIMIT 1").get() as {
      pid: number;
      started: number;
    } | null;
    return run ? ` (process ${run.pid}, for ${Math.max(0, Math.round((sys.now() - run.started) / 1000))} s)` : "";
  } catch {
    return " (its state cannot be read yet)"; // the holder is only just making it
  }
}

export class Archive {
  readonly #db: Database;
  readonly #folder: DataFolder;
  readonly #options: ArchiveOptions;
  readonly host: string;
  #segments: Segment[];
  #run = 0;
  readonly #output = new OutputBatch();
  readonly #digest = new WritingDigest();
  #sources = new Map<number, StoredSource>();
  #cursors = new Map<number, CursorRow>();
  #ledgers = new Map<number, { readonly ledger: Ledger; batches: number }>();
  #quarantine: QuarantineRow[] = [];
  /** Sources whose ledger came from a lost state's records; it is stored whole with their first batch. */
  #adopted = new Set<number>();
  #nextSource: number;
  readonly #hasOrphans: boolean;
  readonly #hasMarks: boolean;
  /** What an earlier run pruned and this one removed, or could not. */
  leftover: Removal = { removed: [], waiting: [], failed: [] };
  #current = 0;
  readonly #newest: number | undefined;
  #hasTexts: boolean;
  #isTextsNoted: boolean;

  private constructor(db: Database, folder: DataFolder, host: string, options: ArchiveOptions) {
    this.#db = db;
    this.#folder = folder;
    this.#options = options;
    this.host = host;
    this.#segments = readSegments(db);
    this.#nextSource = (
      db
        .query(
          "SELECT max((SELECT coalesce(max(id), 0) FROM source), (SELECT coalesce(max(source), 0) FROM ledger)) + 1 AS next",
        )
        .get() as { next: number }
    ).next;
    this.#hasOrphans = db.query("SELECT 1 FROM orphan LIMIT 1").get() !== null;
    this.#hasMarks = db.query("SELECT 1 FROM pragma_table_info('source') WHERE name = 'mark'").get() !== null;
    this.#newest = newestMoment(db);
    this.#hasTexts = getMeta(db, FIRST_TEXTS) !== undefined;
    this.#isTextsNoted = this.#hasTexts;
    if (!options.dryRun)
      this.#run = Number(db.query("INSERT INTO run (pid, started) VALUES (?, ?)").run(pid, sys.now()).lastInsertRowid);
  }

  /**
   * Becomes the one writer: takes the lock, opens or rebuilds the state, cuts off what a killed run left beyond the
   * committed lengths. Throws `locked`, `write`, `damaged` or `refused`.
   */
  static async open(path: string, options: ArchiveOptions): Promise<Archive> {
    const folder = dataFolder(path);
    if (options.dryRun) return Archive.#forDryRun(folder, options);
    explaining(folder, () => prepareFolder(folder));
    if (!(await lockOrExplain(folder, options)))
      throw new WeirError(
        "locked",
        `another weir is at work in ${path}${holder(folder)}`,
        "nothing was done; the next run goes on from where that one ends",
      );
    try {
      return explaining(folder, () => Archive.#opened(folder, options));
    } catch (error) {
      releaseLock();
      throw error;
    }
  }

  static #forDryRun(folder: DataFolder, options: ArchiveOptions): Archive {
    if (ifPresent(() => sys.lstat(folder.state))?.size) {
      const db = openStateForReading(folder.state);
      return new Archive(db, folder, getMeta(db, "install") ?? "", options);
    }
    const db = openState(":memory:");
    return new Archive(db, folder, rebuildState(db, folder), options);
  }

  static #opened(folder: DataFolder, options: ArchiveOptions): Archive {
    const before = ifPresent(() => sys.lstat(folder.state));
    const isNew = before === undefined || before.size === 0;
    const db = openState(folder.state);
    let host = getMeta(db, "install");
    if (host === undefined) {
      host = rebuildState(db, folder);
    } else if (isNew) throw new WeirError("damaged", `${folder.state} is empty but not new`);
    for (const segment of readSegments(db)) cutToCommitted(folder.archive, segment.name, segment.bytes);
    removeUnborn(db, folder, host.slice(0, 8));
    const leftover = removePruned(db, folder, host.slice(0, 8));
    removeFolder(folder.temporary);
    db.run("PRAGMA synchronous = NORMAL"); // the run row only tells others who holds the lock: not synced, but a checkpoint is
    const archive = new Archive(db, folder, host, options);
    archive.leftover = leftover;
    db.run("PRAGMA synchronous = FULL");
    return archive;
  }

  /** The mark of each source of one stream that was read to its end, and when that was, by path. */
  marksOf(agent: string, stream: string): Map<string, { readonly mark: number; readonly readAt: number }> {
    if (!this.#hasMarks) return new Map(); // a dry run on an older version's state, which it cannot bring up to date
    const rows = this.#asked((db) =>
      db
        .query("SELECT path, mark, read_at FROM source WHERE agent = ? AND stream = ? AND mark <> 0 ORDER BY read_at")
        .values(agent, stream),
    ) as [string, number, number][];
    return new Map(rows.map(([path, mark, readAt]) => [path, { mark, readAt }]));
  }

  /** All sources of one stream that are or were there. */
  sourcesOf(agent: string, stream: string): SourceRow[] {
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

  /** A new source's row, with the ledger that a lost state left for it. It is stored with the next batch. */
  newSource<R extends Omit<SourceRow, "id">>(row: R): R & { readonly id: number } {
    const id = this.#nextSource++;
    const orphan = this.#hasOrphans ? this.#orphanOf(row) : undefined;
    if (orphan) this.#adopted.add(id);
    this.#ledgers.set(id, { ledger: Ledger.from(orphan ? [orphan.entries] : []), batches: 0 });
    return { ...row, id };
  }

  #orphanOf(row: Omit<SourceRow, "id">): { entries: Uint8Array } | undefined {
    const stored = this.#asked((db) =>
      db
        .query("SELECT entries FROM orphan WHERE agent = ? AND stream = ? AND relative = ?")
        .get(row.agent, row.stream, row.relative),
    );
    return (stored as { entries: Uint8Array } | null) ?? undefined;
  }

  /** Tells of a record's id whether the archive still has it; what was pruned it has not. */
  held(): (id: number) => boolean {
    return this.#asked((db) => heldRecords(db, this.#folder));
  }

  /** Adds a record's line to the batch. */
  add(record: Encoded, rev: number): void {
    if (record.captured && !this.#hasTexts) {
      this.#hasTexts = true;
      this.#options.onFirstTexts?.();
    }
    this.#output.add(record.line(rev));
  }

  quarantine(row: QuarantineRow): void {
    this.#quarantine.push(row);
  }

  /** How a source stands after what is in the batch; it moves with the batch. Without a cursor the old one stays. */
  setSource(row: StoredSource, cursor?: CursorRow): void {
    this.#sources.set(row.id, row);
    if (cursor) this.#cursors.set(row.id, cursor);
  }

  /** Where a source may be copied to while it is read; undefined in a dry run, which writes nothing. */
  get temporary(): string | undefined {
    return this.#options.dryRun ? undefined : this.#folder.temporary;
  }

  get batchBytes(): number {
    return this.#output.length;
  }

  /**
   * Makes the batch durable: its lines are written at the committed length and synced, then one transaction moves
   * cursors, ledgers, quarantine and committed lengths together. Throws `write`; then nothing of the batch exists.
   */
  commit(): void {
    if (this.#output.length === 0 && this.#sources.size === 0 && this.#quarantine.length === 0) return;
    if (!this.#options.dryRun) this.#makeDurable();
    this.#sources.clear();
    this.#cursors.clear();
    this.#quarantine = [];
    for (const id of this.#ledgers.keys()) if (id !== this.#current) this.#ledgers.delete(id);
    this.#adopted.clear();
    if (this.#output.length > 0) this.#options.onCommitted?.(this.#output.bytes());
    if (this.#output.length >= BATCH_BYTES) batchDone();
    this.#output.clear();
  }

  #makeDurable(): void {
    try {
      explaining(this.#folder, () => {
        const changed = this.#writeOutput();
        this.#inTransaction("commit", () => this.#moveState(changed));
      });
    } catch (error) {
      this.#undo();
      throw error;
    }
  }

  /** Writes the batch into as many segments as its bytes and the date ask for; returns those that changed. */
  #writeOutput(): Segment[] {
    const date = new Date(sys.now()).toISOString().slice(0, 10);
    const changed: Segment[] = [];
    let current = this.#segments.at(-1);
    let committed = current?.bytes ?? 0;
    let created = false;
    let begin = 0;
    let end = 0;
    const flush = (): void => {
      if (!current || end === begin) return;
      const bytes = this.#output.bytes(begin, end);
      appendDurably(this.#folder.archive, current.name, committed, bytes, created);
      this.#digest.wrote(current.name, committed, bytes);
      changed.push(current);
      begin = end;
    };
    for (const lineEnd of this.#output.ends) {
      if (startsNext(current, date, lineEnd - end, this.#options.segmentMaxBytes)) {
        flush();
        if (current && !current.sealed) {
          current.sealed = true;
          current.sha256 = this.#digest.sealed(current.name, `${this.#folder.archive}/${current.name}`, current.bytes);
          if (!changed.includes(current)) changed.push(current);
        }
        current = this.#nextSegment(date);
        committed = 0;
        created = true;
      }
      if (!current) throw new Error("a batch without a segment");
      current.bytes += lineEnd - end;
      current.records++;
      end = lineEnd;
    }
    flush();
    return changed;
  }

  #nextSegment(date: string): Segment {
    const install = this.host.slice(0, 8);
    const used = this.#segments
      .map((s) => parseSegmentName(s.name))
      .filter((n) => n?.date === date && n.install === install);
    const index = used.length === 0 ? 0 : Math.max(...used.map((n) => n?.index ?? 0)) + 1;
    const seq = (this.#segments.at(-1)?.seq ?? 0) + 1;
    const segment: Segment = { seq, name: segmentName({ date, install, index }), bytes: 0, records: 0, sealed: false };
    this.#segments.push(segment);
    return segment;
  }

  #moveState(changed: readonly Segment[]): void {
    const db = this.#db;
    if (this.#hasTexts && !this.#isTextsNoted) {
      setMeta(db, FIRST_TEXTS, new Date(sys.now()).toISOString());
      this.#isTextsNoted = true;
    }
    for (const s of changed) {
      db.query(
        "INSERT INTO segment (seq, name, bytes, records, sealed, sha256, written) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (seq) DO UPDATE SET bytes = excluded.bytes, records = excluded.records, sealed = excluded.sealed, sha256 = excluded.sha256, written = iif(excluded.bytes > segment.bytes, excluded.written, segment.written)",
      ).run(s.seq, s.name, s.bytes, s.records, s.sealed ? 1 : 0, s.sha256 ?? null, sys.now());
    }
    const source = db.query(
      "INSERT OR REPLACE INTO source (id, agent, stream, path, relative, dev, ino, birth, size, mtime, ctime, sidecars, read_at, version, mark, position, generation) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    );
    for (const r of this.#sources.values()) {
      const stamp = [r.dev, r.ino, r.birth, r.size, r.mtime, r.ctime];
      const read = [r.sidecars, r.readAt, r.version, r.mark, r.position, r.generation];
      source.run(r.id, r.agent, r.stream, r.path, r.relative, ...stamp, ...read);
    }
    const cursor = db.query(
      "INSERT INTO cursor (source, proof, state) VALUES (?, ?, ?) ON CONFLICT (source) DO UPDATE SET proof = excluded.proof, state = excluded.state",
    );
    for (const [id, c] of this.#cursors) cursor.run(id, c.proof, c.state);
    const entries = db.query("INSERT INTO ledger (source, seq, entries) VALUES (?, ?, ?)");
    for (const [id, held] of this.#ledgers) this.#storeLedger(id, held, entries);
    const bad = db.query(
      "INSERT INTO quarantine (source, generation, position, length, hash, reason, found) VALUES (?, ?, ?, ?, ?, ?, ?)",
    );
    for (const q of this.#quarantine)
      bad.run(q.source, q.generation, q.position, q.length, q.hash, q.reason, sys.now());
  }

  #storeLedger(source: number, held: { readonly ledger: Ledger; batches: number }, entries: Statement): void {
    const batch = held.ledger.takeBatch();
    if (!batch && !this.#adopted.has(source)) return;
    const whole = this.#adopted.has(source) || held.batches >= LEDGER_BATCHES;
    if (whole) this.#db.query("DELETE FROM ledger WHERE source = ?").run(source);
    held.batches = whole ? 1 : held.batches + 1;
    entries.run(source, held.batches, whole ? held.ledger.packed() : (batch ?? new Uint8Array()));
  }

  #inTransaction<T>(name: string, work: () => T): T {
    sys.step(`${name}: begin`);
    const result = this.#db.transaction(work).immediate();
    sys.step(`${name}: done`);
    return result;
  }

  /** Removes what the limits ask for; in a dry run it only says so. Call it with nothing uncommitted. Throws `write`. */
  prune(limits: Limits): PruneResult {
    const install = this.host.slice(0, 8);
    const foreign = foreignFiles(this.#db, this.#folder, install);
    const plan = planOf(this.#db, this.#newest, limits);
    if (this.#options.dryRun) return { plan, foreign, removed: [], waiting: [], failed: [] };
    return explaining(this.#folder, () => {
      if (plan.prune.length > 0) this.#inTransaction("prune", () => markPruned(this.#db, plan));
      this.#segments = readSegments(this.#db);
      return { plan, foreign, ...removePruned(this.#db, this.#folder, install) };
    });
  }

  /** Takes a failed batch's bytes off the disk at once. What fails here too, the next start does. */
  #undo(): void {
    try {
      for (const segment of readSegments(this.#db)) cutToCommitted(this.#folder.archive, segment.name, segment.bytes);
      removeUnborn(this.#db, this.#folder, this.host.slice(0, 8));
    } catch {
      // the first error is the one that is told; bytes beyond the committed length do not exist for any reader
    }
  }

  /** Ends the run: notes its summary and gives the lock back. What was not committed is forgotten. */
  close(summary: unknown): void {
    if (this.#options.dryRun) {
      this.#db.close();
      return;
    }
    try {
      this.#db.run("PRAGMA synchronous = NORMAL"); // not OFF: closing checkpoints, and then removes the WAL
      this.#db
        .query("UPDATE run SET ended = ?, summary = ? WHERE id = ?")
        .run(sys.now(), JSON.stringify(summary), this.#run);
      this.#db.query("DELETE FROM run WHERE id <= ?").run(this.#run - KEPT_RUNS);
    } catch (error) {
      if (!isWriteFailure(error)) throw error; // the note only informs, and must not hide why the run failed
    } finally {
      this.#db.close();
      releaseLock();
    }
  }
}

/** Runs a step on our own files; what goes wrong in it is a WeirError or ends the run: it is no source's error. */
function explaining<T>(folder: DataFolder, step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (error instanceof WeirError) throw error;
    if (isDamaged(error)) throw damagedState(folder.state, error);
    if (!(isWriteError(error) || isWriteFailure(error) || isBusy(error)))
      throw new Error((error as Error).message, { cause: error });
    throw new WeirError(
      "write",
      `cannot write to ${folder.path}: ${(error as Error).message}`,
      "what was archived before is safe; make room or fix the folder's rights, then run the same command again",
      { cause: error },
    );
  }
}

function readSegments(db: Database): Segment[] {
  const rows = db
    .query("SELECT seq, name, bytes, records, sealed FROM segment WHERE pruned = 0 ORDER BY seq")
    .all() as {
    seq: number;
    name: string;
    bytes: number;
    records: number;
    sealed: number;
  }[];
  return rows.map((r) => ({ ...r, sealed: r.sealed === 1 }));
}

/** Removes segments of ours that a killed run created but never committed. */
function removeUnborn(db: Database, folder: DataFolder, install: string): void {
  const known = new Set((db.query("SELECT name FROM segment").values() as [string][]).map(([name]) => name));
  for (const name of listSegments(folder.archive)) {
    if (!known.has(name) && parseSegmentName(name)?.install === install) sys.unlink(`${folder.archive}/${name}`);
  }
}

async function lockOrExplain(folder: DataFolder, { waitMs, stopped }: ArchiveOptions): Promise<boolean> {
  try {
    return await takeLock(folder.lock, waitMs, stopped);
  } catch (error) {
    throw new WeirError("write", `cannot write to ${folder.path}: ${(error as Error).message}`, undefined, {
      cause: error,
    });
  }
}
