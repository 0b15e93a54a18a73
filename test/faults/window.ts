/**
 * Owns the law of an archive over time: whatever happens, its own segments hold the end of one sequence of tellings that
 * only ever grows. So nothing is told twice, nothing that was pruned comes back, and only the oldest is pruned.
 */

import { join } from "node:path";
import { type ReadableSegment, readSegmentLines } from "../../src/archive/read.ts";
import type { WeirRecord } from "../../src/record/schema.ts";
import { openOwnForReading } from "../../src/system/database.ts";
import { comparable, countingOf, readableSegments } from "../support/archive.ts";
import { difference, factOf } from "../support/facts.ts";
import { isOfKinds } from "../support/kinds.ts";

/** One look at an archive. */
export interface Look {
  /** Facts that are kept. */
  readonly kept: ReadonlySet<number>;
  /** Facts that were there at the last look and are not any more. */
  readonly gone: ReadonlySet<number>;
}

export class Window {
  readonly #told = new Map<string, number>();
  /** By fact, how often it was told for the first time: in revision 0. */
  readonly #first = new Map<number, number>();
  /** By id and source, what was told last. */
  readonly #last = new Map<string, { readonly rev: number; readonly text: string }>();
  readonly #numberOf: (record: WeirRecord) => number | undefined;
  #from = 0;
  #kept: ReadonlySet<number> = new Set();

  /** `hasFacts` is false for stores whose calls are no numbered facts. */
  constructor(hasFacts = true) {
    this.#numberOf = hasFacts ? numberOf : () => undefined;
  }

  /** All facts that were ever archived. Throws when one was told first by more than one telling. */
  get facts(): ReadonlySet<number> {
    const often = [...this.#first].find(([, times]) => times > 1);
    if (often) throw new Error(`fact ${often[0]} is told ${often[1]} times`);
    return new Set(this.#first.keys());
  }

  /** What was told last by each id of each source that an agent's files are, as the cut law compares it. */
  lastOf(agent: string): Map<string, string> {
    const told = [...this.#last].filter(([, { text }]) => text.includes(`"agent":"${agent}"`));
    return new Map(told.map(([key, { text }]): [string, string] => [key, text]).sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Looks at an archive; throws where it is not the end of the sequence, or what it counts is not each fact once. */
  look(data: string): Look {
    const segments = segmentsOf(data);
    const records = asWritten(segments, data).flatMap(({ path, bytes }) =>
      [...readSegmentLines(path, bytes)].map((line) => JSON.parse(line) as WeirRecord),
    );
    const keys = records.map(({ id, rev, source }) => `${id} rev ${rev} of ${source.path}`);
    const begin = keys.length === 0 ? this.#told.size : (this.#told.get(keys[0] ?? "") ?? this.#told.size);
    if (begin < this.#from) throw new Error(`${keys[0]} was pruned and is there again`);
    keys.forEach((key, at) => {
      const known = this.#told.get(key);
      if (known === undefined && begin + at === this.#told.size) this.#add(key, records[at]!);
      else if (known !== begin + at) throw new Error(`${key} stands at ${begin + at}, it was told as ${known}`);
    });
    if (begin + keys.length !== this.#told.size)
      throw new Error(`the last ${this.#told.size - begin - keys.length} are lost`);
    this.#from = begin;
    const kept = new Set(records.flatMap((record) => this.#numberOf(record) ?? []));
    const gone = new Set([...this.#kept].filter((n) => !kept.has(n)));
    this.#kept = kept;
    this.#expectCounted(segments, kept);
    return { kept, gone };
  }

  #add(key: string, record: WeirRecord): void {
    this.#told.set(key, this.#told.size);
    const of = `${record.id} of ${record.source.path}`;
    if ((this.#last.get(of)?.rev ?? -1) < record.rev) this.#last.set(of, { rev: record.rev, text: comparable(record) });
    const n = this.#numberOf(record);
    if (n !== undefined && record.rev === 0) this.#first.set(n, (this.#first.get(n) ?? 0) + 1);
  }

  /** What counts is each fact that is kept, once; so the sums of tokens are theirs, which their checksums vouch for. */
  #expectCounted(segments: readonly ReadableSegment[], kept: ReadonlySet<number>): void {
    const counted = countingOf(segments).flatMap((record) => this.#numberOf(record) ?? []);
    const differs = difference(new Set(counted), kept);
    if (differs !== undefined) throw new Error(`what counts is wrong: ${differs}`);
    if (counted.length !== kept.size) throw new Error(`${counted.length} calls count instead of ${kept.size}`);
  }
}

/** Samples may lie beside the facts. */
function numberOf(record: WeirRecord): number | undefined {
  return isOfKinds(record.agent, record.response_id) ? factOf(record) : undefined;
}

/** This installation's segments as they were written: a clock that jumps gives them names that tell another order. */
function asWritten(segments: readonly ReadableSegment[], data: string): readonly ReadableSegment[] {
  if (segments.length < 2) return segments;
  using db = openOwnForReading(join(data, "state.db"), 0);
  const names = (db.query("SELECT name FROM segment ORDER BY seq").values() as [string][]).flat();
  const placeOf = ({ name }: ReadableSegment): number => names.indexOf(name);
  return segments.filter((each) => placeOf(each) >= 0).sort((a, b) => placeOf(a) - placeOf(b));
}

/** None where there is no archive yet. */
function segmentsOf(data: string): readonly ReadableSegment[] {
  try {
    return readableSegments(data);
  } catch (error) {
    if (/there is no archive/.test((error as Error).message)) return [];
    throw error;
  }
}
