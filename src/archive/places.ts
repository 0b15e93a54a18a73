/** Owns where each record of an archive stands, and reading records at chosen places. */
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

/** A chosen record's line in a buffer, without its newline; until the next one is asked for. */
export interface PlacedLine {
  buffer: Buffer;
  start: number;
  end: number;
  /** The record's place in the order of the archive. */
  index: number;
  /** The number of its segment. */
  segment: number;
}

export function textOf({ buffer, start, end }: PlacedLine): string {
  return buffer.toString("utf8", start, end);
}

/** The record that a line holds; undefined where it holds none. Of one of a newer schema only `v` is known. */
export function recordIn(line: string): WeirRecord | undefined {
  try {
    const value = JSON.parse(line) as Partial<WeirRecord> | null;
    return value && (value.v === 1 ? isRecord(value) : Number(value.v) > 1) ? (value as WeirRecord) : undefined;
  } catch {
    return undefined; // whoever asks says what that means
  }
}

/** Whether all is there that the archive relies on; `verify` looks at the rest. */
function isRecord({ id, fact, rev, agent, stream, operation, source, host }: Partial<WeirRecord>): boolean {
  const isTold = [id, fact, agent, stream, operation, source?.path, host].every((text) => typeof text === "string");
  return isTold && typeof rev === "number";
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
    this.#places.set(this.count, LENGTH, length);
    this.count++;
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
    for (const line of this.lines([index])) return this.parsed(line, textOf(line));
    throw new Error(`the archive has no record ${index}`);
  }

  parsed({ index, segment }: PlacedLine, text: string): WeirRecord {
    return parseRecord(text, this.#pathOf(segment), this.#offset(index));
  }

  #pathOf(segment: number): string {
    return this.segments[segment]?.path ?? "";
  }

  /** The lines of these records, whose indexes rise; what lies close together is read in one go. */
  *lines(indexes: ArrayLike<number>): Generator<PlacedLine> {
    const line = { buffer: this.#spare, start: 0, end: 0, index: 0, segment: 0 };
    this.#spare = NOTHING;
    try {
      for (let from = 0; from < indexes.length; ) {
        const first = indexes[from] as number;
        const to = this.#stretch(indexes, from);
        const start = this.#offset(first);
        const bytes = this.#end(indexes[to - 1] as number) - start;
        if (bytes > line.buffer.length)
          line.buffer = Buffer.allocUnsafeSlow(Math.max(bytes, Math.min(STRETCH, bytes * 2)));
        line.segment = this.segment(first);
        this.#read(this.#pathOf(line.segment), start, line.buffer, bytes);
        for (; from < to; from++) {
          line.index = indexes[from] as number;
          line.start = this.#offset(line.index) - start;
          line.end = line.start + this.#places.get(line.index, LENGTH);
          yield line;
        }
      }
    } finally {
      this.#spare = line.buffer;
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
