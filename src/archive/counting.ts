/** Owns reading the archive as records: all of them, or those that count. */
import type { WeirRecord } from "../record/schema.ts";
import { Counter, type RankOf } from "./count/counts.ts";
import { toldBy } from "./count/told.ts";
import type { Verdicts } from "./count/verdicts.ts";
import { Places, parseRecord, textOf } from "./places.ts";
import { eachLine, type ReadableSegment, readSegmentLines, wholeLines } from "./read.ts";

/** Records between two pauses: some ten milliseconds. */
export const BETWEEN_PAUSES = 1024;

/** Every record of these segments, in the archive's order. Throws `damaged`, naming file and byte, for any other line. */
export function* allRecords(segments: readonly ReadableSegment[]): Generator<WeirRecord> {
  for (const { record } of allLines(segments)) yield record;
}

/** The same, each with its line. */
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
function* gather(places: Places, counter: Counter): Generator<void> {
  for (const [number, { path, bytes }] of places.segments.entries()) {
    let offset = 0;
    const take = (line: string, length: number): void => {
      const record = parseRecord(line, path, offset);
      if (record.v === 1) {
        places.add(number, offset, length);
        counter.add(toldBy(record, line));
      }
      offset += length + 1;
    };
    for (const chunk of wholeLines(path, bytes)) {
      eachLine(chunk, take);
      yield;
    }
  }
}

/** What of an archive counts, known after one pass over it. */
export interface Counted {
  readonly places: Places;
  readonly verdicts: Verdicts;
}

/** Goes once through the archive to see what counts. `pause` is called every now and then, and may throw. */
export async function count(
  segments: readonly ReadableSegment[],
  rankOf: RankOf,
  pause: () => Promise<void> = async () => undefined,
): Promise<Counted> {
  const places = new Places(segments);
  const counter = new Counter(rankOf, (index) => places.record(index));
  for (const _ of gather(places, counter)) {
    void _;
    await pause();
  }
  return { places, verdicts: counter.verdicts() };
}

/** The records that count, in the archive's order; a usage that is a sum of calls told elsewhere is left out. */
export function* countingRecords(segments: readonly ReadableSegment[], rankOf: RankOf): Generator<WeirRecord> {
  const places = new Places(segments);
  const counter = new Counter(rankOf, (index) => places.record(index));
  for (const _ of gather(places, counter)) void _;
  for (const { record } of counted({ places, verdicts: counter.verdicts() })) yield record;
}

/** A record that counts, with its line where it counts as it was archived. */
export interface CountedRecord {
  readonly record: WeirRecord;
  readonly line?: string | undefined;
}

/** The records that count, in the archive's order. */
export function* counted({ places, verdicts }: Counted): Generator<CountedRecord> {
  for (const placed of places.lines(verdicts.counting())) {
    const line = textOf(placed);
    const record = places.parsed(placed, line);
    yield verdicts.change(record, placed.index) ? { record } : { record, line };
  }
}
