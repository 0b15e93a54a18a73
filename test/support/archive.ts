/** Owns how tests sync inside their own process, and how they look at what an archive holds. */
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { agents as registry, standingOf } from "../../src/agents/index.ts";
import { Archive } from "../../src/archive/archive.ts";
import { type Again, Counter } from "../../src/archive/count/counts.ts";
import { toldBy } from "../../src/archive/count/told.ts";
import { allLines, counted as countedIn, gather } from "../../src/archive/counting.ts";
import { type Families, familiesOf } from "../../src/archive/families.ts";
import { Places } from "../../src/archive/places.ts";
import { openReader, type ReadableSegment } from "../../src/archive/read.ts";
import { environmentOf } from "../../src/config/environment.ts";
import type { Agent, Environment } from "../../src/read/types.ts";
import type { WeirRecord } from "../../src/record/schema.ts";
import type { Capture } from "../../src/sync/capture.ts";
import type { Choice } from "../../src/sync/discover.ts";
import type { Summary } from "../../src/sync/summary.ts";
import { sync } from "../../src/sync/sync.ts";

export const EVERYTHING: Choice = { agents: [], streams: [], sources: [] };

/** Only these homes, with all platforms' layouts; no variable of this process applies. */
export function environmentAt(...homes: string[]): Environment {
  return environmentOf(homes, { platform: "linux", home: "/nobody", variables: {} });
}

export interface SyncOptions {
  readonly agents?: readonly Agent[];
  readonly segmentMaxBytes?: number;
  readonly choice?: Choice;
  readonly capture?: Capture | undefined;
  /** True as soon as the sync should stop. */
  readonly stopped?: () => boolean;
}

export interface Writer extends AsyncDisposable {
  sync(): Promise<Summary>;
}

/** An open archive that can sync again and again, as a process that watches does. */
export async function openWriter(
  data: string,
  homes: string | readonly string[],
  options: SyncOptions = {},
): Promise<Writer> {
  const { agents = registry, segmentMaxBytes = 5 << 20, choice = EVERYTHING } = options;
  const { capture, stopped = () => false } = options;
  const environment = environmentAt(...(typeof homes === "string" ? [homes] : homes));
  const archive = await Archive.open(data, { waitMs: 0, segmentMaxBytes });
  let summary: Summary | undefined;
  return {
    async sync() {
      summary = await sync(agents, environment, archive, { choice, capture, stopped });
      return summary;
    },
    async [Symbol.asyncDispose]() {
      archive.close(summary);
    },
  };
}

/** One sync as `weir sync` does it: open, read what is new, close. */
export async function syncInto(
  data: string,
  homes: string | readonly string[],
  options: SyncOptions = {},
): Promise<Summary> {
  await using writer = await openWriter(data, homes, options);
  return await writer.sync();
}

/** The segments of an archive, not held: for an archive that nobody prunes meanwhile. */
export function readableSegments(data: string): readonly ReadableSegment[] {
  using reader = openReader(data);
  return reader.segments;
}

/** Every committed record of an archive, in its order. */
export function archived(data: string): WeirRecord[] {
  return [...allLines(readableSegments(data))].map(({ record }) => record);
}

/** What counts of an archive, in its order. */
export function counting(data: string): WeirRecord[] {
  return countingOf(readableSegments(data));
}

/** The same of these segments. */
export function countingOf(segments: readonly ReadableSegment[]): WeirRecord[] {
  const places = new Places(segments);
  const counter = new Counter(standingOf, places);
  for (const _ of gather(places, counter)) void _;
  return [...countedIn({ places, verdicts: counter.verdicts() })].map(({ record }) => record);
}

/** What counts of an archive, a family at a time. */
export async function familiesOfArchive(data: string): Promise<Families> {
  return await familiesOf(readableSegments(data), standingOf, async () => undefined);
}

/** What was set aside, as the state remembers it, in a fixed order. */
export function setAside(data: string): unknown[] {
  using db = new Database(join(data, "state.db"), { readonly: true });
  return db
    .query(
      "SELECT s.relative, q.generation, q.position, q.length, q.hash, q.reason FROM quarantine q JOIN source s ON s.id = q.source ORDER BY 1, 2, 3",
    )
    .values();
}

/** A record as the cut law compares it: without what may differ between two ways of reading the same. */
export function comparable({ rev, open, source, host, ...rest }: WeirRecord): string {
  void [rev, open, source, host];
  return JSON.stringify(rest);
}

/** The last telling of each id by each source, comparable. */
export function lastTellings(records: readonly WeirRecord[]): Map<string, string> {
  const last = new Map<string, WeirRecord>();
  for (const record of records) {
    const key = `${record.id} of ${record.source.path}`;
    if ((last.get(key)?.rev ?? -1) < record.rev) last.set(key, record);
  }
  return new Map([...last].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, record]) => [key, comparable(record)]));
}

/** Records that are at hand, as the counter asks for them. */
export function again(records: readonly WeirRecord[]): Again {
  const recordAt = (index: number): WeirRecord => records[index] as WeirRecord;
  return {
    record: recordAt,
    each(indexes, use) {
      for (const index of indexes) use(index, recordAt(index), JSON.stringify(recordAt(index)));
    },
  };
}

/** What counts, comparable and in a fixed order, each with its verdict. */
export function counted(records: readonly WeirRecord[]): string[] {
  const counter = new Counter(standingOf, again(records));
  for (const record of records) counter.add(toldBy(record));
  const verdicts = counter.verdicts();
  return records
    .flatMap((record, at) => (verdicts.of(at) === "no" ? [] : [`${verdicts.of(at)} ${comparable(record)}`]))
    .sort();
}

/** Tellings that stand in the archive twice: one id in one revision by one source. */
export function toldTwice(records: readonly WeirRecord[]): string[] {
  const seen = new Set<string>();
  return records
    .map(({ id, rev, source, host }) => `${id} rev ${rev} of ${source.path} by ${host}`)
    .filter((key) => seen.size === seen.add(key).size);
}
