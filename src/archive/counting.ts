/** Owns reading the archive as records: all of them, or those that count. */
import type { WeirRecord } from "../record/schema.ts";
import { Counter, type RankOf } from "./counts.ts";
import { Places, parseRecord } from "./places.ts";
import { linesOf, type ReadableSegment } from "./read.ts";
import type { Verdicts } from "./verdicts.ts";

/** Records between two pauses: some ten milliseconds. */
export const BETWEEN_PAUSES = 1024;

/** Every record of these segments, in the archive's order. Throws `damaged`, naming file and byte, for any other line. */
export function* allRecords(segments: readonly ReadableSegment[]): Generator<WeirRecord> {
  for (const [record] of recordLines(new Places(segments))) yield record;
}

/** The same, each with its line; the places are filled meanwhile. */
function* recordLines(places: Places): Generator<[record: WeirRecord, line: string]> {
  for (const [number, { path, bytes }] of places.segments.entries()) {
    let offset = 0;
    for (const { buffer, start, end } of linesOf(path, bytes)) {
      const line = buffer.toString("utf8", start, end);
      const record = parseRecord(line, path, offset);
      if (record.v === 1) {
        places.add(number, offset, end - start);
        yield [record, line];
      }
      offset += end - start + 1;
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
  for (const [record, line] of recordLines(places)) {
    counter.add(record, line);
    if (places.count % BETWEEN_PAUSES === 0) await pause();
  }
  return { places, verdicts: counter.verdicts() };
}

/** The records that count, in the archive's order; a usage that is a sum of calls told elsewhere is left out. */
export function* countingRecords(segments: readonly ReadableSegment[], rankOf: RankOf): Generator<WeirRecord> {
  const places = new Places(segments);
  const counter = new Counter(rankOf, (index) => places.record(index));
  for (const [record, line] of recordLines(places)) counter.add(record, line);
  yield* counted({ places, verdicts: counter.verdicts() });
}

/** The records that count, in the archive's order. */
export function* counted({ places, verdicts }: Counted): Generator<WeirRecord> {
  for (const line of places.lines(verdicts.counting())) yield verdicts.asCounted(places.parsed(line), line.index);
}
