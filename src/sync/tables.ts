/** Owns one sync of one database: compare its groups with what was told of it, read and reduce those that changed. */
import type { SourceRow } from "../archive/sources.ts";
import { BlockReader, type BlocksSql } from "../read/blocks.ts";
import { type Stamp, sameFile } from "../read/identity.ts";
import { ForeignDatabase, UnreadableDatabase } from "../read/sqlite.ts";
import { Sweep } from "../read/sweep.ts";
import { countPruned, type Fit, type Key, readCursor, readGroups, readIndex, shapeOf } from "../read/tables.ts";
import { hashBytes } from "../read/tail.ts";
import type { Emit, Group, Row, Snapshot, SourceInfo, Tables } from "../read/types.ts";
import { sleep } from "../system/process.ts";
import { sys } from "../system/system.ts";
import { emitter } from "./emitter.ts";
import type { Match } from "./match.ts";
import { infoOf, newRow, quarantine, reasonOf, rowOf } from "./source.ts";
import type { Work } from "./sync.ts";

/** A database that changes under the reader is opened again after these waits, in milliseconds; then in the next run. */
const WAITS = [30, 150];
/** Groups that are reduced before signals get their turn. */
const SLICE = 50;
/** With their texts, groups of about so many bytes are read at once. */
const PAGE_BYTES = 16 << 20;
const KEY_SHOWN = 80;
const PRUNED = "row that its program deleted or wrote again before it was read: sync more often";

/** Reads a database's changed groups into the batch. One that cannot be read now is told, and keeps its cursor. */
export async function collectTables(match: Match, stream: Snapshot, tables: Tables, work: Work): Promise<void> {
  const run = new TablesRun(match, stream, tables, work);
  for (let attempt = 0; ; attempt++) {
    try {
      return await run.collect();
    } catch (error) {
      run.keep();
      if (!(error instanceof UnreadableDatabase)) throw error;
      if (error.trouble === "gone") return;
      const wait = WAITS[attempt];
      if (error.trouble !== "changed" || wait === undefined) {
        work.summary.unreadable.push({ path: match.found.path, reason: error.message });
        return;
      }
      await sleep(wait);
    }
  }
}

/** What of one layout is to be read. */
interface Changes {
  readonly fit: Fit;
  readonly keyless: number;
  readonly keys: readonly Key[];
  /** Of the groups, one each. */
  readonly digests: readonly bigint[];
  /** Of blocks, whose groups are those of `keys`. */
  readonly blocks: readonly bigint[];
  /** Where nothing is known yet, everything is read at once. */
  readonly everything?: BlockReader;
}

class TablesRun {
  readonly #match: Match;
  readonly #stream: Snapshot;
  readonly #tables: Tables;
  readonly #work: Work;
  /** The source as it stands; undefined until a new one could be opened. */
  #row: SourceRow | undefined;
  /** Digests of the groups whose content the archive has, once they are needed. */
  #told: Set<bigint> | undefined;
  #isToldStored = true;
  /** By layout, where the newest rows ended when all of them had been read. */
  #cursors: Readonly<Record<string, Row>> = {};
  #readAt = 0;
  /** The key of the group that is being reduced. */
  #key: Key = "";
  #emit: Emit | undefined;
  #info: SourceInfo | undefined;

  constructor(match: Match, stream: Snapshot, tables: Tables, work: Work) {
    this.#match = match;
    this.#stream = stream;
    this.#tables = tables;
    this.#work = work;
    this.#row = match.known;
  }

  get #captures(): boolean {
    return this.#work.keeper !== undefined;
  }

  async collect(): Promise<void> {
    const { stamp, path, sidecars } = this.#match.found;
    if (stamp.size === 0 && sidecars.every((sidecar) => sidecar.isContent || sidecar.stamp.size === 0)) {
      this.#adopt(stamp, sys.now());
      this.#save(stamp.size);
      return;
    }
    const db = ForeignDatabase.open(path, this.#work.archive.temporary);
    try {
      const { layouts, strict } = this.#tables;
      const { fits, unknown } = shapeOf(db, layouts, this.#captures);
      if (unknown !== undefined && strict)
        throw new UnreadableDatabase("unreadable", `of no known layout (${unknown})`);
      this.#adopt(db.stamp, db.openedAt);
      const cursors = this.#advance(db, fits);
      const changes = await this.#compare(db, fits);
      if (unknown !== undefined) this.#emitter().unknown(`schema ${unknown}`);
      const isWhole = changes !== undefined && (await this.#read(db, changes));
      if (isWhole && JSON.stringify(cursors) !== JSON.stringify(this.#cursors)) {
        this.#cursors = cursors;
        this.#isToldStored = false;
      }
      this.#save(isWhole ? db.stamp.size : -1);
    } finally {
      db.close();
    }
  }

  /** Keeps what was told before an error: its records are in the batch, and their ledger needs the row. */
  keep(): void {
    if (this.#row !== this.#match.known || !this.#isToldStored) this.#save(-1);
  }

  /** Takes this for the database whose groups were told, unless it is another one or weir reads it anew. */
  #adopt(stamp: Stamp, readAt: number): void {
    const { found, known } = this.#match;
    const { archive, summary, isRecapture } = this.#work;
    const before = this.#row;
    const row = before ?? newRow(found, this.#work);
    const isSame = before === undefined || (sameFile(stamp, before) && before.version === this.#stream.version);
    if (isSame) {
      const kept = this.#told ? undefined : known && archive.sources.cursorOf(known.id);
      this.#told ??= isRecapture ? new Set() : unpacked(kept?.state);
      if (kept?.proof) this.#cursors = JSON.parse(kept.proof) as Record<string, Row>;
    } else {
      summary.restarted++;
      this.#told = new Set();
      this.#cursors = {};
      this.#isToldStored = false;
    }
    this.#row = { ...row, ...stamp, generation: row.generation + (isSame ? 0 : 1), version: this.#stream.version };
    this.#readAt = readAt;
  }

  /** Where the rows end now, to be kept once they are read. What came after the kept end and is gone again is told. */
  #advance(db: ForeignDatabase, fits: readonly Fit[]): Readonly<Record<string, Row>> {
    const cursors = { ...this.#cursors };
    for (const fit of fits) {
      const before = this.#cursors[fit.name];
      for (let lost = before ? countPruned(db, fit, before) : 0; lost > 0; lost--) this.#emitter().lost(PRUNED);
      const now = readCursor(db, fit);
      if (now) cursors[fit.name] = now;
    }
    return cursors;
  }

  /**
   * What changed since it was told; undefined when the run was stopped meanwhile. Groups that are gone are forgotten;
   * their records stay.
   */
  async #compare(db: ForeignDatabase, fits: readonly Fit[]): Promise<Changes[] | undefined> {
    const told = this.#told ?? new Set();
    const still = new Set<bigint>();
    const all: Changes[] = [];
    for (const fit of fits) {
      const changes = fit.blocks
        ? await this.#compareBlocks(db, fit, fit.blocks, still)
        : compareGroups(db, fit, told, still);
      if (!changes) return undefined;
      all.push(changes);
    }
    if (still.size !== told.size) this.#isToldStored = false;
    this.#told = still;
    return all;
  }

  async #compareBlocks(
    db: ForeignDatabase,
    fit: Fit,
    sql: BlocksSql,
    still: Set<bigint>,
  ): Promise<Changes | undefined> {
    const told = this.#told ?? new Set();
    const reader = new BlockReader(db, sql);
    const nothing = { fit, keyless: 0, keys: [], digests: [], blocks: [] };
    // Texts are asked for by the groups' keys.
    if (told.size === 0 && !this.#captures) return { ...nothing, everything: reader };
    const keys = new Set<Key>();
    const blocks: bigint[] = [];
    for (const block of reader.all()) {
      if (told.has(block.digest)) still.add(block.digest);
      else {
        blocks.push(block.digest);
        for (const key of reader.groupsIn(block)) keys.add(key);
      }
      if (await this.#work.pause()) return undefined;
    }
    return { ...nothing, keys: [...keys], blocks };
  }

  /** Reads and reduces what changed; false when the run was stopped before the last of it. */
  async #read(db: ForeignDatabase, all: readonly Changes[]): Promise<boolean> {
    const total = all.reduce((sum, { keys }) => sum + keys.length, this.#told?.size ?? 0);
    for (const changes of all) {
      if (changes.keyless > 0) this.#emitter().unknown(`${changes.fit.name} without a key`);
      const isWhole = changes.everything
        ? await this.#readAll(db, changes.fit, changes.everything)
        : await this.#readKeys(db, changes, db.bytes / total);
      if (!isWhole) return false;
    }
    return true;
  }

  /** Reads and reduces everything at once, and then by their keys the groups that were left out by that. */
  async #readAll(db: ForeignDatabase, fit: Fit, reader: BlockReader): Promise<boolean> {
    const sweep = new Sweep(reader);
    for (const groups of sweep.groups()) if (!(await this.#reduceAll(groups)) || (await this.#rest())) return false;
    this.#work.summary.bytes.read += db.bytes;
    const left = sweep.isWhole ? [] : readIndex(db, fit).keys.filter((key) => !sweep.isTold(String(key)));
    const keys = [...new Set([...left, ...reader.groupsOf(sweep.strays)])];
    if (sweep.keyless > 0) this.#emitter().unknown(`${fit.name} without a key`);
    return this.#readKeys(db, { fit, keyless: 0, keys, digests: [], blocks: sweep.digests }, 0);
  }

  /** Reads and reduces the groups with these keys page by page; each has so many bytes. */
  async #readKeys(db: ForeignDatabase, { fit, keys, digests, blocks }: Changes, bytes: number): Promise<boolean> {
    const told = this.#told ?? new Set();
    const size = this.#captures ? Math.max(1, Math.min(fit.page, Math.floor(PAGE_BYTES / bytes))) : fit.page;
    for (let at = 0; at < keys.length; at += size) {
      const page = keys.slice(at, at + size);
      const found = readGroups(db, fit, page);
      this.#work.summary.bytes.read += Math.round(bytes * page.length);
      const groups = page.flatMap((key): [Key, Group][] => {
        const group = found.get(key);
        return group ? [[key, group]] : [];
      });
      if (!(await this.#reduceAll(groups))) return false;
      for (const digest of digests.slice(at, at + size)) told.add(digest);
      this.#isToldStored = false;
      if (await this.#rest()) return false;
    }
    for (const digest of blocks) told.add(digest);
    if (blocks.length > 0) this.#isToldStored = false;
    return true;
  }

  /** Reduces whole groups; false when the run was stopped meanwhile. */
  async #reduceAll(groups: readonly (readonly [Key, Group])[]): Promise<boolean> {
    for (const [i, [key, group]] of groups.entries()) {
      this.#reduce(key, group);
      if (i % SLICE === SLICE - 1 && (await this.#work.pause())) return false;
    }
    return true;
  }

  /** Commits what has been told when it is enough for a batch; true when the run was stopped. */
  #rest(): Promise<boolean> {
    if (this.#work.isFull()) {
      this.#save(-1);
      this.#work.archive.commit();
    }
    return this.#work.pause();
  }

  #reduce(key: Key, group: Group): void {
    const { found } = this.#match;
    this.#key = key;
    this.#info ??= infoOf(found, this.#work).source;
    try {
      this.#stream.reduce(group, this.#info, this.#emitter());
    } catch (error) {
      const name = `${group.layout} ${group.key.slice(0, KEY_SHOWN)}`;
      const reason = `not understood: ${name}: ${reasonOf(error)}`;
      const bad = { offset: 0, length: 0, hash: hashBytes(Buffer.from(group.key)), reason };
      quarantine(found, this.#row as SourceRow, bad, this.#work);
    }
  }

  #emitter(): Emit {
    if (this.#emit) return this.#emit;
    const ledger = this.#work.archive.sources.ledgerOf((this.#row as SourceRow).id);
    const at = (): { row: string | number } => ({ row: typeof this.#key === "bigint" ? `${this.#key}` : this.#key });
    const manner = { soft: true, monotone: false, capture: this.#work.capturing };
    this.#emit = emitter(this.#match.found, this.#work, ledger, manner, { at });
    return this.#emit;
  }

  /** Stores how this source stands. `size` is -1 while not everything in it was looked at. */
  #save(size: number): void {
    const row = this.#row as SourceRow;
    const { id, generation, dev, ino, birth, mtime, ctime } = row;
    const found = { ...this.#match.found, stamp: { dev, ino, birth, mtime, ctime, size } };
    const stored = rowOf(found, { id, size, position: Math.max(0, size), generation, readAt: this.#readAt });
    const proof = Object.keys(this.#cursors).length > 0 ? JSON.stringify(this.#cursors) : "";
    const cursor = { proof, state: packed(this.#told ?? new Set()) };
    this.#work.archive.sources.set(stored, this.#isToldStored ? undefined : cursor);
    this.#isToldStored = true;
  }
}

function packed(digests: ReadonlySet<bigint>): Uint8Array {
  return new Uint8Array(BigUint64Array.from(digests).buffer);
}

function unpacked(state: string | Uint8Array | undefined): Set<bigint> {
  return new Set(state instanceof Uint8Array ? new BigUint64Array(state.slice().buffer) : []);
}

/** Compares the groups of a layout with those that were told; adds the digests of those that are the same to `still`. */
function compareGroups(db: ForeignDatabase, fit: Fit, told: ReadonlySet<bigint>, still: Set<bigint>): Changes {
  const { keys: all, digests: found, keyless } = readIndex(db, fit);
  const keys: Key[] = [];
  const digests: bigint[] = [];
  found.forEach((digest, i) => {
    if (told.has(digest)) still.add(digest);
    else {
      keys.push(all[i] as Key);
      digests.push(digest);
    }
  });
  return { fit, keyless, keys, digests, blocks: [] };
}
