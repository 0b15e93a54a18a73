/** Owns what an export gets to see: the records that count and pass the filter, without texts unless they are wanted. */
import { Counter, type RankOf } from "../archive/counts.ts";
import { type ReadableSegment, readSegmentLines } from "../archive/read.ts";
import type { WeirRecord } from "../record/schema.ts";
import { WeirError } from "../system/errors.ts";
import { type Filter, passes } from "./filter.ts";

export interface Selection {
  readonly filter: Filter;
  readonly rankOf: RankOf;
  /** Everything that is archived, not only what counts. */
  readonly all: boolean;
  readonly content: boolean;
}

/** The records of these segments, in the archive's order, that an export is to have. */
export function* select(segments: readonly ReadableSegment[], selection: Selection): Generator<WeirRecord> {
  let verdictOf: ReturnType<Counter["verdicts"]> | undefined;
  if (!selection.all) {
    const counter = new Counter(selection.rankOf);
    for (const record of records(segments)) counter.add(record);
    verdictOf = counter.verdicts();
  }
  let index = 0;
  for (const record of records(segments)) {
    const verdict = verdictOf?.(index++) ?? "counts";
    if (verdict === "no" || !passes(record, selection.filter)) continue;
    if (verdict === "counts without usage") {
      delete record.usage;
      delete record.aggregate;
    }
    if (!selection.content) {
      delete record.content;
      delete record.raw;
    }
    yield record;
  }
}

function* records(segments: readonly ReadableSegment[]): Generator<WeirRecord> {
  for (const { path, bytes } of segments) {
    let offset = 0;
    for (const line of readSegmentLines(path, bytes)) {
      const record = parsed(line, path, offset);
      offset += Buffer.byteLength(line) + 1;
      if (record.v === 1) yield record;
    }
  }
}

function parsed(line: string, path: string, offset: number): WeirRecord {
  try {
    return JSON.parse(line) as WeirRecord;
  } catch (cause) {
    const message = `the archive is damaged: ${path} holds no record at byte ${offset}`;
    throw new WeirError("damaged", message, "restore the file from a backup", { cause });
  }
}
