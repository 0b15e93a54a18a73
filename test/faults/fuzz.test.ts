/**
 * Proves that no damage in an agent's stores crashes weir or holds it up, and that every byte is accounted for: each
 * line that is read is archived, ignored or set aside with its place. `WEIR_FUZZ=20` runs twenty times as many.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { agents } from "../../src/agents/index.ts";
import type { Summary } from "../../src/sync/summary.ts";
import { archived, openWriter } from "../support/archive.ts";
import { type FixtureHome, fixtureHomes } from "../support/fixtures.ts";
import { type Store, storesOf } from "../support/growth.ts";
import { scratch } from "../support/home.ts";
import { hurry } from "../support/hurry.ts";
import { type Random, SEED, setting, trial } from "../support/random.ts";
import { mutateCells, mutatedDocument, mutatedLine, mutatedPages } from "./mutate.ts";

const TIMES = setting("WEIR_FUZZ", 1);
const LINES = 10_000 * TIMES;
const DOCUMENTS = 1000 * TIMES;
const DATABASES = 1000 * TIMES;
/** No sync of so small a home takes longer, on the slowest machine; one that does hangs. */
const HANG_MS = 10_000;
const LONG = { timeout: 3_600_000 };

interface Subject {
  readonly home: FixtureHome;
  readonly stores: readonly Store[];
}

const subjects: readonly Subject[] = fixtureHomes.map((home) => ({
  home,
  stores: storesOf(
    home.path,
    agents.filter(({ id }) => id === home.agent),
  ),
}));
const withStores = (...shapes: Store["shape"][]): Subject[] =>
  subjects
    .map(({ home, stores }) => ({ home, stores: stores.filter(({ shape }) => shapes.includes(shape)) }))
    .filter(({ stores }) => stores.length > 0);

let hurried: Disposable;
beforeAll(() => {
  hurried = hurry();
});
afterAll(() => hurried[Symbol.dispose]());

/** Syncs twice what the work has made of some stores alone; the second sync may find nothing. */
async function synced(
  { home, stores }: Subject,
  mutate: (store: Store, path: string) => void,
  check: (summary: Summary, home: string, data: string) => void,
): Promise<void> {
  using place = scratch({ fast: true });
  const ofAgent = agents.filter(({ id }) => id === home.agent);
  cpSync(home.path, place.home, { recursive: true });
  for (const store of stores) mutate(store, join(place.home, store.path));
  const kinds = [...new Set(stores.flatMap((store) => store.kinds))];
  const choice = { agents: [], streams: kinds, sources: [] };
  const before = performance.now();
  await using writer = await openWriter(place.data, place.home, { agents: ofAgent, choice });
  const summary = await writer.sync();
  const took = performance.now() - before;
  if (took > HANG_MS) throw new Error(`${home.name}: a sync took ${took} ms`);
  check(summary, place.home, place.data);
  const again = await writer.sync();
  const { added, revised } = again.records;
  if (added + revised > 0) throw new Error(`${home.name}: a second sync tells ${added} new, ${revised} revised`);
}

/** Where the lines of a file lie: `[start, end)` without the newline. */
function linesOf(bytes: Buffer): [number, number][] {
  const lines: [number, number][] = [];
  for (let start = 0, end = bytes.indexOf(10); end >= 0; start = end + 1, end = bytes.indexOf(10, start))
    lines.push([start, end]);
  return lines;
}

/** Every byte that was read is a line that was archived, set aside whole and once, or ignored. */
function account(summary: Summary, home: string, data: string, stores: readonly Store[]): void {
  let whole = 0;
  const told = Map.groupBy(archived(data), ({ source }) => source.path);
  for (const store of stores) {
    const path = join(home, store.path);
    const bytes = readFileSync(path);
    const lines = linesOf(bytes);
    const size = (lines.at(-1)?.[1] ?? -1) + 1;
    whole += size * store.kinds.length;
    const aside = summary.quarantined.filter((bad) => bad.path === path);
    const places = new Map<number, number>();
    for (const { offset, length, reason } of aside) {
      const line = lines.find(([start, end]) => start <= offset && offset + length <= end);
      if (!line) throw new Error(`${store.path}: ${length} bytes at ${offset} (${reason}) are no line`);
      if (bytes.subarray(line[0], offset).some((byte) => byte !== 0 && byte < 0xbb))
        throw new Error(`${store.path}: ${offset} (${reason}) is not where its line begins`);
      places.set(offset, (places.get(offset) ?? 0) + 1);
    }
    for (const [offset, times] of places)
      if (times > store.kinds.length) throw new Error(`${store.path}: ${offset} is set aside ${times} times`);
    for (const { source } of told.get(store.path) ?? []) {
      const { offset } = source;
      if (offset === undefined) continue;
      if (!lines.some(([start, end]) => start <= offset && offset <= end))
        throw new Error(`${store.path}: a record of ${offset}`);
    }
  }
  if (summary.bytes.read !== whole) throw new Error(`${summary.bytes.read} bytes are read of ${whole}`);
  expect(summary.unreadable).toEqual([]);
}

test(
  `${LINES} mutated lines`,
  async () => {
    const some = withStores("tail");
    let lines = 0;
    let aside = 0;
    for (let at = 0; lines < LINES; at++)
      await trial(SEED + at, async (r) => {
        const subject = some[at % some.length]!;
        await synced(
          subject,
          (store, path) => {
            const parts = linesOf(store.bytes).map(([start, end]) => {
              const line = store.bytes.subarray(start, end);
              if (!r.chance(0.4)) return [line, NEWLINE];
              lines++;
              return [mutatedLine(line, r), NEWLINE];
            });
            const bytes = Buffer.concat(parts.flat());
            // Another encoding is the whole file's, and has its own test.
            writeFileSync(path, bytes[0] === 0xff || bytes[0] === 0xfe ? store.bytes : bytes);
          },
          (summary, home, data) => {
            aside += summary.quarantined.length;
            account(summary, home, data, subject.stores);
          },
        );
      });
    console.log(`${lines} mutated lines, ${aside} set aside, seed ${SEED}`);
    expect(aside).toBeGreaterThan(lines / 100);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  },
  LONG,
);

const NEWLINE = Buffer.from("\n");

/** Mutates one store after the other until so many are done. */
async function each(
  subjects: readonly Subject[],
  many: number,
  work: (one: Subject, store: Store, r: Random) => Promise<void>,
) {
  const stores = subjects.flatMap(({ home, stores }) => stores.map((store) => ({ home, store })));
  for (let at = 0; at < many; at++)
    await trial(SEED + at, async (r) => {
      const { home, store } = stores[at % stores.length]!;
      await work({ home, stores: [store] }, store, r);
    });
}

test(
  `${DOCUMENTS} mutated documents`,
  async () => {
    let aside = 0;
    await each(withStores("json", "jsonl"), DOCUMENTS, async (subject, store, r) => {
      let size = 0;
      await synced(
        subject,
        (_, path) => {
          const bytes = mutatedDocument(store.bytes, r);
          size = bytes.length;
          writeFileSync(path, bytes);
        },
        (summary, home) => {
          const path = join(home, store.path);
          const bad = summary.quarantined.filter((q) => q.path === path);
          aside += bad.length;
          if (store.shape === "json" && bad.some(({ offset, length }) => offset !== 0 || length !== size))
            throw new Error(`${store.path}: ${JSON.stringify(bad)} of ${size} bytes`);
          expect(summary.unreadable).toEqual([]);
        },
      );
    });
    console.log(`${DOCUMENTS} mutated documents, ${aside} times set aside, seed ${SEED}`);
    expect(aside).toBeGreaterThan(DOCUMENTS / 50);
  },
  LONG,
);

test(
  `${DATABASES} mutated databases`,
  async () => {
    let unreadable = 0;
    await each(withStores("sqlite"), DATABASES, async (subject, store, r) => {
      await synced(
        subject,
        (_, path) => {
          if (r.chance(0.3)) return mutateCells(path, r);
          const wal = store.beside.find((name) => name.endsWith("-wal"));
          if (wal !== undefined && r.chance(0.4)) {
            const beside = `${path}-wal`;
            writeFileSync(beside, mutatedPages(readFileSync(beside), r));
          } else writeFileSync(path, mutatedPages(store.bytes, r));
        },
        (summary) => {
          unreadable += summary.unreadable.length;
        },
      );
    });
    console.log(`${DATABASES} mutated databases, ${unreadable} unreadable, seed ${SEED}`);
    expect(unreadable).toBeGreaterThan(DATABASES / 50);
  },
  LONG,
);
