/** Owns the segments that are written: which one a batch goes into, and what the state knows of them. */
import type { Database } from "../system/database.ts";
import { sys } from "../system/system.ts";
import type { OutputBatch } from "./batch.ts";
import { WritingDigest } from "./digest.ts";
import type { DataFolder } from "./folder.ts";
import {
  appendDurably,
  cutToCommitted,
  listSegments,
  parseSegmentName,
  type Segment,
  segmentName,
  startsNext,
} from "./segment.ts";

/** This installation's segments: those of the state, and what a batch adds to them. What is written exists once it is stored. */
export class Segments {
  readonly #db: Database;
  readonly #folder: DataFolder;
  readonly #install: string;
  readonly #maxBytes: number;
  readonly #digest = new WritingDigest();
  #all: Segment[];

  /** `install` begins the names of this installation's segments; `maxBytes` fill one. */
  constructor(db: Database, folder: DataFolder, install: string, maxBytes: number) {
    this.#db = db;
    this.#folder = folder;
    this.#install = install;
    this.#maxBytes = maxBytes;
    this.#all = readSegments(db);
  }

  get isEmpty(): boolean {
    return this.#all.length === 0;
  }

  /** Looks at the state again, which retention has changed. */
  reload(): void {
    this.#all = readSegments(this.#db);
  }

  /** Writes the batch into as many segments as its bytes and the date ask for; returns those that changed. */
  write(output: OutputBatch): Segment[] {
    const date = new Date(sys.now()).toISOString().slice(0, 10);
    const changed: Segment[] = [];
    let current = this.#all.at(-1);
    let committed = current?.bytes ?? 0;
    let created = false;
    let begin = 0;
    let end = 0;
    const flush = (): void => {
      if (!current || end === begin) return;
      const bytes = output.bytes(begin, end);
      appendDurably(this.#folder.archive, current.name, committed, bytes, created);
      this.#digest.wrote(current.name, committed, bytes);
      changed.push(current);
      begin = end;
    };
    for (const lineEnd of output.ends) {
      if (startsNext(current, date, lineEnd - end, this.#maxBytes)) {
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
    const install = this.#install;
    const pruned = (this.#db.query("SELECT name FROM segment WHERE pruned <> 0").values() as [string][]).flat();
    const used = [...this.#all.map(({ name }) => name), ...pruned]
      .map(parseSegmentName)
      .filter((n) => n?.date === date && n.install === install);
    const index = used.length === 0 ? 0 : Math.max(...used.map((n) => n?.index ?? 0)) + 1;
    const seq = (this.#all.at(-1)?.seq ?? 0) + 1;
    const segment: Segment = { seq, name: segmentName({ date, install, index }), bytes: 0, records: 0, sealed: false };
    this.#all.push(segment);
    return segment;
  }

  /** Moves the committed lengths; call it in the batch's transaction. */
  store(changed: readonly Segment[]): void {
    for (const s of changed) {
      this.#db
        .query(
          "INSERT INTO segment (seq, name, bytes, records, sealed, sha256, written) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (seq) DO UPDATE SET bytes = excluded.bytes, records = excluded.records, sealed = excluded.sealed, sha256 = excluded.sha256, written = iif(excluded.bytes > segment.bytes, excluded.written, segment.written)",
        )
        .run(s.seq, s.name, s.bytes, s.records, s.sealed ? 1 : 0, s.sha256 ?? null, sys.now());
    }
  }

  /** Takes off the disk what was written and never committed. */
  cut(): void {
    cutUncommitted(this.#db, this.#folder, this.#install);
  }
}

/** Takes off the disk what this installation wrote and never committed: bytes beyond the committed lengths, whole segments. */
export function cutUncommitted(db: Database, folder: DataFolder, install: string): void {
  for (const segment of readSegments(db)) cutToCommitted(folder.archive, segment.name, segment.bytes);
  removeUnborn(db, folder, install);
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
