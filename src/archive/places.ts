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
const STRETCH = 1 << 18;

/** A chosen record. */
export interface PlacedRecord {
  /** Its place in the order of the archive. */
  readonly index: number;
  readonly record: WeirRecord;
  readonly line: string;
}

type Use = (index: number, record: WeirRecord, line: string) => void;

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

  #path(index: number): string {
    return this.segments[this.segment(index)]?.path ?? "";
  }

  /** Reads one record. */
  record(index: number): WeirRecord {
    let found: WeirRecord | undefined;
    this.each([index], (_, record) => {
      found = record;
    });
    if (!found) throw new Error(`the archive has no record ${index}`);
    return found;
  }

  /** Reads these records, whose indexes rise. */
  *records(indexes: ArrayLike<number>): Generator<PlacedRecord> {
    for (let from = 0; from < indexes.length; ) {
      const records: PlacedRecord[] = [];
      from = this.#eachNear(indexes, from, (index, record, line) => records.push({ index, record, line }));
      yield* records;
    }
  }

  /** The same, all at once: `use` is given each of them. */
  each(indexes: ArrayLike<number>, use: Use): void {
    for (let from = 0; from < indexes.length; ) from = this.#eachNear(indexes, from, use);
  }

  /** Reads, in one go, the record at `from` and those near behind it; returns where among the indexes the next ones begin. */
  #eachNear(indexes: ArrayLike<number>, from: number, use: Use): number {
    const first = indexes[from] as number;
    const to = this.#stretch(indexes, from);
    const start = this.#offset(first);
    const bytes = this.#end(indexes[to - 1] as number) - start;
    // Whoever uses a record may ask for others meanwhile.
    let buffer = this.#spare;
    this.#spare = NOTHING;
    if (bytes > buffer.length) buffer = Buffer.allocUnsafeSlow(Math.max(bytes, Math.min(STRETCH, bytes * 2)));
    const path = this.#path(first);
    this.#read(path, start, buffer, bytes);
    for (let at = from; at < to; at++) {
      const index = indexes[at] as number;
      const offset = this.#offset(index);
      const line = buffer.toString("utf8", offset - start, this.#end(index) - start);
      use(index, parseRecord(line, path, offset), line);
    }
    this.#spare = buffer;
    return to;
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
