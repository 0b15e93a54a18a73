/** Owns numbered facts: calls whose input tokens are a number and whose output tokens are its checksum, and their exact count. */
import type { WeirRecord } from "../../src/record/schema.ts";
import { callLine } from "./claude.ts";

/** A checksum that fits a count of tokens: never 0, and different for neighbouring numbers. */
export function checksum(n: number): number {
  return 1 + (Bun.hash.crc32(`fact ${n}`) % 1_000_000);
}

/** Fact `n` as a line of a session; the text makes the line longer. */
export function factLine(n: number, session: string, text?: string): string {
  return callLine(n, session, text).replace('"output_tokens":1,', `"output_tokens":${checksum(n)},`);
}

/** Facts `from` to `to` (excluded) as lines. */
export function factLines(from: number, to: number, session: string, text?: string): string {
  return Array.from({ length: to - from }, (_, at) => factLine(from + at, session, text)).join("");
}

/** The number of a record's fact; undefined where it tells no tokens. Throws when number and checksum do not agree. */
export function factOf({ id, response_id, usage }: WeirRecord): number | undefined {
  if (usage === undefined) return undefined;
  const n = usage.input_tokens ?? Number.NaN;
  const named = /^msg_0000000000(\d{8})$/.exec(response_id ?? "")?.[1] ?? n;
  if (usage.output_tokens !== checksum(n) || Number(named) !== n)
    throw new Error(`${response_id ?? id} is garbled: ${JSON.stringify(usage)}`);
  return n;
}

export interface Found {
  /** The facts that are there, each once. */
  readonly facts: ReadonlySet<number>;
  /** Tellings that stand there twice: one fact in one revision by one source. */
  readonly twice: readonly string[];
  /** First tellings that come before a smaller number of their source; wrong where its numbers only rise. */
  readonly disordered: readonly string[];
}

/** Looks at every telling of every fact, with its checksum. */
export function factsIn(records: readonly WeirRecord[]): Found {
  const facts = new Set<number>();
  const twice: string[] = [];
  const disordered: string[] = [];
  const told = new Set<string>();
  const latest = new Map<string, number>();
  for (const record of records) {
    const n = factOf(record);
    if (n === undefined) continue;
    facts.add(n);
    const key = `fact ${n} rev ${record.rev} of ${record.source.path}`;
    if (told.has(key)) twice.push(`${key} is told twice`);
    told.add(key);
    if (record.rev > 0) continue;
    const { path } = record.source;
    if (n < (latest.get(path) ?? -1)) disordered.push(`fact ${n} of ${path} comes after ${latest.get(path)}`);
    latest.set(path, n);
  }
  return { facts, twice, disordered };
}

/** What two sets of numbers do not share, shortly; undefined when they are the same. */
export function difference(found: ReadonlySet<number>, expected: ReadonlySet<number>): string | undefined {
  const lost = [...expected.difference(found)];
  const more = [...found.difference(expected)];
  if (lost.length === 0 && more.length === 0) return undefined;
  return `lost ${lost.length} (${lost.slice(0, 5)}), unexpected ${more.length} (${more.slice(0, 5)})`;
}
