/** Owns reading the archive as records: all of them, or those that count. */
import type { WeirRecord } from "../record/schema.ts";
import { WeirError } from "../system/errors.ts";
import { Counter, type RankOf, type Verdict } from "./counts.ts";
import { type ReadableSegment, readSegmentLines } from "./read.ts";

/** Records between two pauses: some ten milliseconds. */
export const BETWEEN_PAUSES = 1024;

/** Every record of these segments, in the archive's order. Throws `damaged`, naming file and byte, for any other line. */
export function* allRecords(segments: readonly ReadableSegment[]): Generator<WeirRecord> {
  for (const [record] of recordLines(segments)) yield record;
}

/** The same, each with its line. */
function* recordLines(segments: readonly ReadableSegment[]): Generator<[record: WeirRecord, line: string]> {
  for (const { path, bytes } of segments) {
    let offset = 0;
    for (const line of readSegmentLines(path, bytes)) {
      const record = parseRecord(line, path, offset);
      offset += Buffer.byteLength(line) + 1;
      if (record.v === 1) yield [record, line];
    }
  }
}

/** The records that count, in the archive's order; a usage that is a sum of calls told elsewhere is left out. */
export function* countingRecords(segments: readonly ReadableSegment[], rankOf: RankOf): Generator<WeirRecord> {
  const counter = new Counter(rankOf);
  for (const [record, line] of recordLines(segments)) counter.add(record, line);
  yield* counted(segments, counter);
}

/** The same for a program that must hear a stop signal meanwhile: `pause` is called every now and then. */
export async function countingRecordsWithPauses(
  segments: readonly ReadableSegment[],
  rankOf: RankOf,
  pause: () => Promise<void>,
): Promise<Generator<WeirRecord>> {
  const counter = new Counter(rankOf);
  let number = 0;
  for (const [record, line] of recordLines(segments)) {
    counter.add(record, line);
    if (++number % BETWEEN_PAUSES === 0) await pause();
  }
  return counted(segments, counter);
}

function* counted(segments: readonly ReadableSegment[], counter: Counter): Generator<WeirRecord> {
  const verdictOf = counter.verdicts();
  let index = 0;
  for (const record of allRecords(segments)) {
    const verdict = verdictOf(index++);
    if (verdict !== "no") yield asCounted(record, verdict, counter);
  }
}

/** The record as it counts: without its usage where that is a sum of what others tell, below a parent that counts. */
export function asCounted(record: WeirRecord, verdict: Verdict, counter: Counter): WeirRecord {
  if (record.parent_span_id !== undefined) {
    const parent = counter.parentOf(record);
    if (parent === undefined) delete record.parent_span_id;
    else record.parent_span_id = parent;
  }
  if (verdict === "counts without usage") {
    delete record.usage;
    delete record.aggregate;
  }
  return record;
}

/** A line of the archive as a record; throws `damaged`, naming file and byte, when it is none. */
export function parseRecord(line: string, path: string, offset: number): WeirRecord {
  try {
    return JSON.parse(line) as WeirRecord;
  } catch (cause) {
    const message = `the archive is damaged: ${path} holds no record at byte ${offset}`;
    throw new WeirError("damaged", message, "restore the file from a backup", { cause });
  }
}
