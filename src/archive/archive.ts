/** Owns the writer's side of the archive: one writer at a time, and the commit that moves everything together. */
import type { Encoded } from "../record/encode.ts";
import { type Database, isWriteFailure, orClosed } from "../system/database.ts";
import { collectGarbage } from "../system/engine.ts";
import { WeirError } from "../system/errors.ts";
import { pid } from "../system/process.ts";
import { lstatIfPresent, removeFolder, sys } from "../system/system.ts";
import { OutputBatch } from "./batch.ts";
import { explaining } from "./explaining.ts";
import { type DataFolder, dataFolder, prepareFolder } from "./folder.ts";
import { heldRecords } from "./held.ts";
import { releaseLock, takeLock } from "./lock.ts";
import { foreignFiles, lastMoment, markPruned, type PruneResult, planOf, type Removal, removePruned } from "./prune.ts";
import { rebuildState } from "./rebuild.ts";
import type { Limits } from "./retention.ts";
import { installOf, type Segment } from "./segment.ts";
import { cutUncommitted, Segments } from "./segments.ts";
import { Sources } from "./sources.ts";
import { FIRST_TEXTS, getMeta, openState, openStateForReading, overwriteDeleted, setMeta } from "./state.ts";
import { bearWitness, countCommit, refuseOlder, witnessed } from "./witness.ts";

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

/** A batch is committed when it holds this many bytes of output, some 2,500 records. Twice as many take 5 MiB more. */
export const BATCH_BYTES: number = 2 << 20;
/** Garbage is collected whenever there is so much more output, as a power of two: each MiB. */
const COLLECTED_BITS = 20;
const KEPT_RUNS = 100;
/** Whoever is told that another holds the lock should not wait for the name, too. */
const HOLDER_WAIT_MS = 200;

/** The holder is only just making it. */
const UNREADABLE = " (its state cannot be read yet)";

/** Who holds the lock, as its run row tells; nothing while it has none yet. */
function holder(folder: DataFolder): string {
  try {
    using db = openStateForReading(folder.state, HOLDER_WAIT_MS);
    if (db === undefined) return UNREADABLE;
    const run = db.query("SELECT pid, started, ended FROM run ORDER BY id DESC LIMIT 1").get() as {
      pid: number;
      started: number;
      ended: number | null;
    } | null;
    if (!run || run.ended !== null) return "";
    return ` (process ${run.pid}, for ${Math.max(0, Math.round((sys.now() - run.started) / 1000))} s)`;
  } catch {
    return UNREADABLE;
  }
}

/** The archive as its one writer holds it: between two commits nothing of a batch exists, a commit makes all of it durable. */
export class Archive {
  readonly #db: Database;
  readonly #folder: DataFolder;
  readonly #options: ArchiveOptions;
  readonly host: string;
  readonly sources: Sources;
  readonly #segments: Segments;
  #run = 0;
  #commits = 0;
  readonly #output = new OutputBatch();
  /** What an earlier run pruned and this one removed, or could not. */
  leftover: Removal = { removed: [], waiting: [], failed: [] };
  readonly #last: number | undefined;
  #hasTexts: boolean;
  #isTextsNoted: boolean;

  private constructor(db: Database, folder: DataFolder, host: string, options: ArchiveOptions) {
    this.#db = db;
    this.#folder = folder;
    this.#options = options;
    this.host = host;
    this.sources = new Sources(db, folder);
    this.#segments = new Segments(db, folder, installOf(host), options.segmentMaxBytes);
    this.#hasTexts = getMeta(db, FIRST_TEXTS) !== undefined;
    this.#isTextsNoted = this.#hasTexts;
    if (this.#hasTexts) overwriteDeleted(db);
    this.#last = lastMoment(db);
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
    if (!(await takeLock(folder.lock, options.waitMs, options.stopped)))
      throw new WeirError(
        "locked",
        `another weir is at work in ${path}${holder(folder)}`,
        "nothing was done; the next run goes on from where that one ends",
      );
    try {
      return explaining(folder, () => Archive.#opened(folder, options));
    } catch (error) {
      releaseLock(folder.lock);
      throw error;
    }
  }

  static #forDryRun(folder: DataFolder, options: ArchiveOptions): Archive {
    const commits = witnessed(folder);
    const stored = lstatIfPresent(folder.state)?.size ? openStateForReading(folder.state) : undefined;
    const db = stored ?? openState(":memory:");
    return orClosed(db, () => {
      if (stored === undefined) return new Archive(db, folder, rebuildState(db, folder), options);
      refuseOlder(db, folder, commits);
      return new Archive(db, folder, getMeta(db, "install") ?? "", options);
    });
  }

  static #opened(folder: DataFolder, options: ArchiveOptions): Archive {
    const commits = witnessed(folder);
    const db = openState(folder.state);
    return orClosed(db, () => {
      const host = getMeta(db, "install") ?? rebuildState(db, folder);
      refuseOlder(db, folder, commits);
      cutUncommitted(db, folder, installOf(host));
      const leftover = removePruned(db, folder, installOf(host));
      removeFolder(folder.temporary);
      db.run("PRAGMA synchronous = NORMAL"); // the run row only tells others who holds the lock: not synced, but a checkpoint is
      const archive = new Archive(db, folder, host, options);
      archive.leftover = leftover;
      db.run("PRAGMA synchronous = FULL");
      return archive;
    });
  }

  /** True when no segment is left, or none was ever written. */
  get isEmpty(): boolean {
    return this.#segments.isEmpty;
  }

  /** Whether any record that it has ever had came with texts. */
  get hasTexts(): boolean {
    return this.#hasTexts;
  }

  /** Tells of a record's id whether the archive still has it; what was pruned it has not. */
  held(): (id: number) => boolean {
    return explaining(this.#folder, () => heldRecords(this.#db, this.#folder));
  }

  /** Adds a record's line to the batch. */
  add(record: Encoded, rev: number): void {
    if (record.captured && !this.#hasTexts) {
      this.#hasTexts = true;
      overwriteDeleted(this.#db);
      this.#options.onFirstTexts?.();
    }
    const before = this.#output.length;
    this.#output.add(record.line(rev));
    if (before >> COLLECTED_BITS !== this.#output.length >> COLLECTED_BITS) collectGarbage();
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
    if (this.#output.length === 0 && !this.sources.isChanged) return;
    if (!this.#options.dryRun) this.#makeDurable();
    this.sources.moved();
    if (this.#output.length > 0) this.#options.onCommitted?.(this.#output.bytes());
    this.#output.clear();
  }

  #makeDurable(): void {
    try {
      explaining(this.#folder, () => {
        const changed = this.#segments.write(this.#output);
        this.#inTransaction("commit", () => this.#moveState(changed));
        bearWitness(this.#folder, this.#commits);
      });
    } catch (error) {
      this.#undo();
      throw error;
    }
  }

  #moveState(changed: readonly Segment[]): void {
    const db = this.#db;
    if (this.#hasTexts && !this.#isTextsNoted) {
      setMeta(db, FIRST_TEXTS, new Date(sys.now()).toISOString());
      this.#isTextsNoted = true;
    }
    this.#commits = countCommit(db);
    this.#segments.store(changed);
    this.sources.storeCursors();
    this.sources.storeLedgers();
    this.sources.storeQuarantine();
  }

  #inTransaction<T>(name: string, work: () => T): T {
    sys.step(`${name}: begin`);
    const result = this.#db.transaction(work).immediate();
    sys.step(`${name}: done`);
    return result;
  }

  /** Removes what the limits ask for; in a dry run it only says so. Call it with nothing uncommitted. Throws `write`. */
  prune(limits: Limits): PruneResult {
    const install = installOf(this.host);
    const foreign = foreignFiles(this.#db, this.#folder, install);
    const plan = planOf(this.#db, this.#last, limits);
    if (this.#options.dryRun) return { plan, foreign, removed: [], waiting: [], failed: [] };
    return explaining(this.#folder, () => {
      if (plan.prune.length > 0) this.#inTransaction("prune", () => markPruned(this.#db, plan));
      this.#segments.reload();
      return { plan, foreign, ...removePruned(this.#db, this.#folder, install) };
    });
  }

  /** Takes a failed batch's bytes off the disk at once. What fails here too, the next start does. */
  #undo(): void {
    try {
      this.#segments.cut();
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
      releaseLock(this.#folder.lock);
    }
  }
}
