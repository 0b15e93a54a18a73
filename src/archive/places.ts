/** Owns where each record of an archive stands, and reading records at chosen places. */
import { recordIn } from "../record/line.ts";
import type { WeirRecord } from "../record/schema.ts";
import { WeirError } from "../system/errors.ts";
import { sys } from "../system/system.ts";
import { Rows } from "./count/rows.ts";
import type { ReadableSegment } from "./read.ts";

/** An offset takes two places, a length one; rows with offsets are even. */
const OFFSET = 0;
const LENGTH = 2;
const WIDTH = 4;
const NOTHING = Buffer.alloc(0);
/** Lines that lie this close are read in one go. */
const GAP = 1 << 16;
/** The most that is read in one go. */
const STRETCH = 1 << 20;

/** A chosen record. */
export interface PlacedRecord {
  /** Its place in the order of the archive. */
  readonly index: number;
  readonly record: WeirRecord;
  readonly line: string;
}

/** Chosen records of one segment that lie close together. */
export interface Stretch {
  /** The segment's number. */
  readonly segment: number;
  readonly records: readonly PlacedRecord[];
}

/** A line of the archive as a record; throws `damaged`, naming file and byte, when it is none. */
export function parseRecord(line: string, path: string, offset: number): WeirRecord {
  const record = recordIn(line);
  if (record) return record;
  const message = `the archive is damaged: ${path} holds no record at byte ${offset}`;
  throw new WeirError("damaged", message, "weir verify says what can be done");
}

/** The places of records, in the archive's order: 16 bytes each. */
export class Places {
  /** The index of each segment's first record. */
  readonly #begins: number[] = [];
  readonly #places = new Rows(WIDTH);
  count = 0;
  /** What lines are read into, while nobody reads any. */
  #spare = NOTHING;

  constructor(readonly segments: readonly ReadableSegment[]) {}

  /** Adds the next record; segments come in their order. */
  add(segment: number, offset: number, length: number): void {
    while (this.#begins.length <= segment) this.#begins.push(this.count);
    this.#places.setDouble(this.count, OFFSET, offset);
    this.#places.set(this.count++, LENGTH, length);
  }

  #offset(index: number): number {
    return this.#places.getDouble(index, OFFSET);
  }

  /** The number of the segment that holds a record. */
  segment(index: number): number {
    let [low, high] = [0, this.#begins.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#begins[middle] as number) <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  path(index: number): string {
    return this.#pathOf(this.segment(index));
  }

  /** Reads one record. */
  record(index: number): WeirRecord {
    for (const { record } of this.records([index])) return record;
    throw new Error(`the archive has no record ${index}`);
  }

  /** Reads these records, whose indexes rise. */
  *records(indexes: ArrayLike<number>): Generator<PlacedRecord> {
    for (const { records } of this.stretches(indexes)) yield* records;
  }

  #pathOf(segment: number): string {
    return this.segments[segment]?.path ?? "";
  }

  /** The same, by stretches, each of which is read in one go. */
  *stretches(indexes: ArrayLike<number>): Generator<Stretch> {
    let buffer = this.#spare;
    this.#spare = NOTHING;
    try {
      for (let from = 0; from < indexes.length; ) {
        const first = indexes[from] as number;
        const to = this.#stretch(indexes, from);
        const start = this.#offset(first);
        const bytes = this.#end(indexes[to - 1] as number) - start;
        if (bytes > buffer.length) buffer = Buffer.allocUnsafeSlow(Math.max(bytes, Math.min(STRETCH, bytes * 2)));
        const segment = this.segment(first);
        const path = this.#pathOf(segment);
        this.#read(path, start, buffer, bytes);
        const records: PlacedRecord[] = [];
        for (; from < to; from++) {
          const index = indexes[from] as number;
          const offset = this.#offset(index);
          const line = buffer.toString("utf8", offset - start, this.#end(index) - start);
          records.push({ index, record: parseRecord(line, path, offset), line });
        }
        yield { segment, records };
      }
    } finally {
      this.#spare = buffer;
    }
  }

  /** How far what is read in one go reaches among the indexes. */
  #stretch(indexes: ArrayLike<number>, from: number): number {
    const first = indexes[from] as number;
    const last = (this.#begins[this.segment(first) + 1] ?? this.count) - 1;
    const begin = this.#offset(first);
    let end = this.#end(first);
    let to = from + 1;
    for (; to < indexes.length; to++) {
      const next = indexes[to] as number;
      if (next > last || this.#offset(next) - end > GAP || this.#end(next) - begin > STRETCH) break;
      end = this.#end(next);
    }
    return to;
  }

  #end(index: number): number {
    return this.#offset(index) + this.#places.get(index, LENGTH);
  }

  #read(path: string, offset: number, into: Buffer, length: number): void {
    const fd = sys.open(path, 0);
    try {
      for (let done = 0; done < length; ) {
        const got = sys.read(fd, into, done, length - done, offset + done);
        if (got === 0)
          throw new WeirError("damaged", `the archive is damaged: ${path} ends before byte ${offset + length}`);
        done += got;
      }
    } finally {
      sys.close(fd);
    }
  }
}
