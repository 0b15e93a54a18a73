/** Owns reading the archive as records: all of them, or those that count. */
import type { WeirRecord } from "../record/schema.ts";
import { Counter, type StandingOf } from "./count/counts.ts";
import { Teller } from "./count/teller.ts";
import { type Told, toldBy } from "./count/told.ts";
import type { Verdicts } from "./count/verdicts.ts";
import { Places, parseRecord } from "./places.ts";
import { CHUNK, type ReadableSegment, readSegmentLines, wholeLines } from "./read.ts";

/** Records between two pauses: some ten milliseconds. */
export const BETWEEN_PAUSES = 1024;

/** Every record of these segments with its line, in the archive's order. Throws `damaged`, naming file and byte, for any other line. */
export function* allLines(segments: readonly ReadableSegment[]): Generator<CountedRecord> {
  for (const { path, bytes } of segments) {
    let offset = 0;
    for (const line of readSegmentLines(path, bytes)) {
      const record = parseRecord(line, path, offset);
      if (record.v === 1) yield { record, line };
      offset += Buffer.byteLength(line) + 1;
    }
  }
}

/** Shows the counter what each record tells, and fills the places; yields after each chunk. */
export function* gather(places: Places, counter: Counter): Generator<void> {
  const teller = new Teller(CHUNK);
  for (const [number, { path, bytes }] of places.segments.entries()) {
    let offset = 0;
    for (const chunk of wholeLines(path, bytes, teller.bytes)) {
      teller.each(chunk, (known, start, end) => {
        const told = known ?? toldIn(chunk.toString("utf8", start, end), path, offset + start);
        if (!told) return;
        places.add(number, offset + start, end - start);
        counter.add(told);
      });
      offset += chunk.length;
      yield;
    }
  }
}

/** What a line tells; undefined for a record of a newer schema. Throws `damaged` for a line that is no record. */
function toldIn(line: string, path: string, offset: number): Told | undefined {
  const record = parseRecord(line, path, offset);
  return record.v === 1 ? toldBy(record) : undefined;
}

/** What of an archive counts, known after one pass over it. */
export interface Counted {
  readonly places: Places;
  readonly verdicts: Verdicts;
}

/** About what a record takes in an archive: tables that are too small grow, those that are too large cost memory. */
const RECORD_BYTES = 700;

/** Goes once through the archive to see what counts. `pause` is called every now and then, and may throw. */
export async function count(
  segments: readonly ReadableSegment[],
  standingOf: StandingOf,
  pause: () => Promise<void>,
): Promise<Counted> {
  const places = new Places(segments);
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  const counter = new Counter(standingOf, places, bytes / RECORD_BYTES);
  for (const _ of gather(places, counter)) {
    void _;
    await pause();
  }
  return { places, verdicts: counter.verdicts() };
}

/** A record that counts, with its line where it counts as it was archived. */
export interface CountedRecord {
  readonly record: WeirRecord;
  readonly line?: string | undefined;
}

/** The records that count, in the archive's order. */
export function* counted({ places, verdicts }: Counted): Generator<CountedRecord> {
  for (const { index, record, line } of places.records(verdicts.counting()))
    yield verdicts.change(record, index) ? { record } : { record, line };
}
