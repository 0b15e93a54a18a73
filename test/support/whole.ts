/** Owns the comparison of two archives: what each id tells last, and what counts, must be the same. */
import { expect } from "bun:test";
import type { WeirRecord } from "../../src/record/schema.ts";
import { archived, counted, lastTellings, toldTwice } from "./archive.ts";

/** What an archive tells in the end, as the cut law compares it. */
export interface Whole {
  readonly records: readonly WeirRecord[];
  readonly last: Readonly<Record<string, string>>;
  readonly counted: readonly string[];
}

/** Reads an archive whole; nothing may stand in it twice. */
export function wholeOf(data: string): Whole {
  const records = archived(data);
  expect(toldTwice(records)).toEqual([]);
  return { records, last: Object.fromEntries(lastTellings(records)), counted: counted(records) };
}

/** Shows some of what differs and nothing else: a home tells hundreds of records. */
export function expectSame(found: Whole, whole: Whole): void {
  const keys = [...new Set([...Object.keys(found.last), ...Object.keys(whole.last)])];
  const differing = keys.filter((key) => found.last[key] !== whole.last[key]);
  const some = differing.slice(0, 3);
  expect(some.map((key) => found.last[key] ?? `no ${key}`)).toEqual(some.map((key) => whole.last[key] ?? `no ${key}`));
  const added = found.counted.filter((line) => !whole.counted.includes(line));
  const lost = whole.counted.filter((line) => !found.counted.includes(line));
  expect({ added: added.slice(0, 3), lost: lost.slice(0, 3) }).toEqual({ added: [], lost: [] });
  expect(found.counted).toHaveLength(whole.counted.length);
}
