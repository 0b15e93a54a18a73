/**
 * Owns the small scenarios of the commit protocol: each proves one promise in this process within a second or two, and
 * throws `Broken` where it does not hold. `mutants.test.ts` runs them on the sources and on mutated copies of them;
 * so nothing here may need the test runner.
 */
import { Database } from "bun:sqlite";
import {
  appendFileSync,
  copyFileSync,
  readdirSync,
  readFileSync,
  renameSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { agents } from "../../src/agents/index.ts";
import { Archive } from "../../src/archive/archive.ts";
import { takeLock } from "../../src/archive/lock.ts";
import type { WeirRecord } from "../../src/record/schema.ts";
import { machine } from "../../src/system/calls.ts";
import { archived, openWriter, setAside, syncInto } from "../support/archive.ts";
import { sessionPath } from "../support/claude.ts";
import { chat, DATABASE, openTraces, syncCopilot, toldIn } from "../support/copilot.ts";
import { difference, factLine, factLines, factsIn } from "../support/facts.ts";
import { type Scratch, scratch } from "../support/home.ts";
import { random, SEED } from "../support/random.ts";
import { type Image, imaged, type Model, withCalls } from "./images.ts";

/** A promise of weir that did not hold. */
export class Broken extends Error {}

const SMALL = { agents: agents.filter(({ id }) => id === "claude-code"), segmentMaxBytes: 4096 };
const HALF = 12;
const ALL = 24;
const PATH = sessionPath("s1");
const place = (): Scratch => scratch({ fast: true });
const upTo = (n: number): Set<number> => new Set(Array.from({ length: n }, (_, at) => at));

function expectFacts(records: readonly WeirRecord[], expected: ReadonlySet<number>, when: string): void {
  const { facts, twice } = factsIn(records);
  const differs = difference(facts, expected);
  if (differs !== undefined) throw new Broken(`${when}: ${differs}`);
  if (twice.length > 0) throw new Broken(`${when}: ${twice.slice(0, 3).join("; ")}`);
}

/** Who reads the archive's files without weir finds what weir finds: whole lines, none twice, nothing after them. */
export function expectPlainFiles(data: string, when: string): void {
  const files = readdirSync(join(data, "archive")).map((name) => readFileSync(join(data, "archive", name), "utf8"));
  const told = files.join("").split("\n").slice(0, -1);
  for (const text of files)
    if (text === "" || !text.endsWith("\n")) throw new Broken(`${when}: a file ends in a torn line`);
  if (told.length !== archived(data).length || new Set(told).size !== told.length)
    throw new Broken(`${when}: the files hold ${told.length} lines, the archive ${archived(data).length} records`);
}

/** A session of numbered facts with a broken line in its second half, and the images of its two syncs. */
async function scripted(world: Scratch, models: readonly Model[]): Promise<Image[]> {
  const r = random(SEED);
  const sync = () => imaged(world.data, models, r, () => syncInto(world.data, world.home, SMALL));
  world.write(PATH, factLines(0, HALF, "s1"));
  const images = await sync();
  // The images of the first sync meet the whole session too: a recovery only ever comes later.
  appendFileSync(join(world.home, PATH), `broken\n${factLines(HALF, ALL, "s1")}`);
  images.push(...(await sync()));
  return images;
}

/** Does the work on what was left behind; whatever goes wrong in it is a broken promise. */
async function recovered(image: Image, work: (data: string, when: string) => Promise<void>): Promise<void> {
  const when = `${image.model} after call ${image.call}`;
  using again = place();
  image.restore(again.data);
  try {
    await work(again.data, when);
  } catch (error) {
    if (error instanceof Broken) throw error;
    throw new Broken(`${when}: ${(error as Error).message}`);
  }
}

async function exactAfter(models: readonly Model[]): Promise<void> {
  using world = place();
  for (const image of await scripted(world, models))
    await recovered(image, async (data, when) => {
      await syncInto(data, world.home, SMALL);
      expectFacts(archived(data), upTo(ALL), when);
      const [disorder] = factsIn(archived(data)).disordered;
      if (disorder !== undefined) throw new Broken(`${when}: ${disorder}`);
      expectPlainFiles(data, when);
      if (setAside(data).length !== 1) throw new Broken(`${when}: ${setAside(data).length} lines set aside`);
      await replacedMeanwhile(world, () => syncInto(data, world.home, SMALL));
      expectFacts(archived(data), upTo(ALL), `${when}, read again from its start`);
    });
}

/** While the work runs, a file of the same bytes stands in the place of the session's; then it is back itself. */
async function replacedMeanwhile(world: Scratch, work: () => Promise<unknown>): Promise<void> {
  const [path, aside] = [join(world.home, PATH), join(world.root, "aside")];
  renameSync(path, aside);
  copyFileSync(aside, path);
  await work();
  renameSync(aside, path);
}

/** A session that is synced, changed by the work, and synced again until nothing is new. */
async function changed(text: string, change: (path: string, world: Scratch) => void, expected: ReadonlySet<number>) {
  using world = place();
  const path = world.write(PATH, text);
  await syncInto(world.data, world.home, SMALL);
  change(path, world);
  const summary = await syncInto(world.data, world.home, SMALL);
  expectFacts(archived(world.data), expected, "after the change");
  return summary;
}

/** A process of its own asks, as another weir would. */
function isFree(path: string): boolean {
  const script = `
    const { Database } = require("bun:sqlite");
    const db = new Database(${JSON.stringify(path)});
    try { db.run("BEGIN EXCLUSIVE"); } catch { process.exit(1); }`;
  return Bun.spawnSync([process.execPath, "-e", script], { stderr: "ignore" }).exitCode === 0;
}

const TRACE = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/** The chat calls of the trace database that were told, by their input tokens: end time. */
function endsOf(world: Scratch): Map<number, string | undefined> {
  const calls = toldIn(world).filter(({ operation }) => operation === "chat");
  return new Map(calls.map(({ usage, end_time }) => [usage?.input_tokens ?? 0, end_time]));
}

function expectCalls(world: Scratch, expected: readonly number[], when: string): void {
  const differs = difference(new Set(endsOf(world).keys()), new Set(expected));
  if (differs !== undefined) throw new Broken(`${when}: ${differs}`);
}

export const scenarios = {
  "a kill after any call": () => exactAfter(["kill"]),

  async "a kill after any call, when the agent then deletes its session"() {
    using world = place();
    using nothing = place();
    for (const image of await scripted(world, ["kill"]))
      await recovered(image, async (data, when) => {
        await syncInto(data, nothing.home, SMALL);
        expectPlainFiles(data, when);
      });
  },

  "a loss of power after any call": () => exactAfter(["strict", "torn", "torn"]),

  async "a reader after any call"() {
    using world = place();
    for (const image of await scripted(world, ["kill"]))
      await recovered(image, async (data, when) => {
        using db = new Database(join(data, "state.db"), { readonly: false });
        const isMade = db.query("SELECT 1 FROM sqlite_schema WHERE name = 'segment'").get() !== null;
        const committed = isMade
          ? Number(db.query("SELECT coalesce(sum(records), 0) FROM segment").values()[0]?.[0])
          : 0;
        const read = archived(data).length;
        if (read !== committed) throw new Broken(`${when}: ${read} records are read, ${committed} are committed`);
      });
  },

  async "a kill after any call of a prune"() {
    using world = place();
    world.write(PATH, factLines(0, ALL, "s1"));
    await syncInto(world.data, world.home, SMALL);
    const prune = async (data: string): Promise<void> => {
      const archive = await Archive.open(data, { waitMs: 0, segmentMaxBytes: 4096 });
      try {
        archive.prune({ maxTotalBytes: 9000 });
      } finally {
        archive.close(undefined);
      }
    };
    const all = archived(world.data).map(({ id }) => id);
    const images = await imaged(world.data, ["kill"], random(SEED), () => prune(world.data));
    for (const image of images)
      await recovered(image, async (data, when) => {
        const isWhole = (): boolean => {
          const ids = archived(data).map(({ id }) => id);
          return ids.join() === all.slice(all.length - ids.length).join();
        };
        if (!isWhole()) throw new Broken(`${when}: records are missing`);
        await syncInto(data, world.home, SMALL);
        await prune(data);
        if (!isWhole() || archived(data).length === all.length) throw new Broken(`${when}: not pruned as planned`);
        expectPlainFiles(data, when);
      });
  },

  async "bytes that come after the committed length while weir runs"() {
    using world = place();
    const path = world.write(PATH, factLines(0, 2, "s1"));
    await using writer = await openWriter(world.data, world.home, { ...SMALL, segmentMaxBytes: 5 << 20 });
    await writer.sync();
    const [segment = ""] = readdirSync(join(world.data, "archive"));
    appendFileSync(join(world.data, "archive", segment), '{"half of a failed batch');
    appendFileSync(path, factLines(2, ALL, "s1"));
    await writer.sync();
    try {
      expectFacts(archived(world.data), upTo(ALL), "after the next batch");
    } catch (error) {
      throw error instanceof Broken ? error : new Broken(`the archive cannot be read: ${(error as Error).message}`);
    }
  },

  async "a session that is touched and has not grown"() {
    const text = `broken\n${factLines(0, HALF, "s1")}`;
    const summary = await changed(text, (path) => utimesSync(path, 1, 1), upTo(HALF));
    if (summary.restarted > 0 || summary.quarantined.length > 0)
      throw new Broken(`read again from its start, with ${summary.quarantined.length} lines set aside once more`);
  },

  async "a session that is cut off and grows longer behind the same head"() {
    const head = factLines(0, 4, "s1");
    const rest = factLines(100, 100 + ALL, "s1");
    const expected = new Set([...upTo(HALF), ...Array.from({ length: ALL }, (_, at) => 100 + at)]);
    await changed(factLines(0, HALF, "s1"), (path) => writeFileSync(path, head + rest), expected);
  },

  async "a session whose head is written anew in place"() {
    const first = factLine(100, "s1");
    const other = 200 + Array.from({ length: 100 }, (_, n) => factLine(200 + n, "s1").length).indexOf(first.length);
    if (other < 200) throw new Error("no fact has a line of the same length");
    const rest = factLines(101, 100 + HALF, "s1");
    const anew = factLine(other, "s1") + rest + factLines(100 + HALF, 100 + ALL, "s1");
    const expected = new Set([...Array.from({ length: ALL }, (_, n) => 100 + n), other]);
    await changed(first + rest, (path) => writeFileSync(path, anew), expected);
  },

  async "a session that grows while it is read, by a clock that is ahead"() {
    using world = place();
    const path = world.write(PATH, factLines(0, HALF, "s1"));
    let grown = false;
    const { read, now } = machine;
    await withCalls(
      {
        now: () => now() + 60_000,
        read(...args) {
          const got = read(...args);
          if (!grown) appendFileSync(path, factLines(HALF, ALL, "s1"));
          grown = true;
          return got;
        },
      },
      async () => {
        await syncInto(world.data, world.home, SMALL);
        await syncInto(world.data, world.home, SMALL);
      },
    );
    expectFacts(archived(world.data), upTo(ALL), "after the second sync");
  },

  async "a last line that is written in two pieces"() {
    const text = factLines(0, HALF, "s1");
    const [first, rest] = [text.slice(0, -200), text.slice(-200)];
    const summary = await changed(first, (path) => appendFileSync(path, rest), upTo(HALF));
    if (summary.quarantined.length > 0) throw new Broken("the rest of the line was set aside");
  },

  async "spans that come late with an older end"() {
    using world = place();
    const put = (n: number, end: number): void => {
      using db = openTraces(world);
      db.put({ id: `000000000000000${n}`, trace: `${TRACE}${n}`, start: 0, end, attributes: chat(n, 1) });
    };
    put(1, 5000);
    await syncCopilot(world);
    put(2, 4000);
    put(3, 5000);
    await syncCopilot(world);
    put(4, 10);
    await syncCopilot(world);
    expectCalls(world, [1, 2, 3, 4], "after three windows");
  },

  async "spans that end within one millisecond"() {
    using world = place();
    using db = openTraces(world);
    const put = (n: number, end: number) =>
      db.put({ id: `000000000000000${n}`, trace: `${TRACE}${n}`, end, attributes: chat(n, 1) });
    put(1, 100.25);
    await syncCopilot(world);
    put(2, 100.75);
    db.run("UPDATE spans SET end_time_ms = end_time_ms + 0.5 WHERE span_id = '0000000000000001'");
    await syncCopilot(world);
    expectCalls(world, [1, 2], "after two syncs");
    const ends = endsOf(world);
    for (const n of [1, 2])
      if (!ends.get(n)?.endsWith(".100750Z") && !ends.get(n)?.endsWith(".10075Z"))
        throw new Broken(`span ${n} ends at ${ends.get(n)}`);
  },

  async "a database whose rows are only in its log"() {
    using world = place();
    using db = openTraces(world);
    db.run("PRAGMA journal_mode = WAL").run("PRAGMA wal_autocheckpoint = 0");
    db.put({ id: "0000000000000001", trace: `${TRACE}1`, attributes: chat(1, 1) });
    await syncCopilot(world);
    db.put({ id: "0000000000000002", trace: `${TRACE}2`, attributes: chat(2, 1) });
    await syncCopilot(world);
    expectCalls(world, [1, 2], `after two syncs of ${DATABASE}`);
  },

  async "a lock while garbage is collected"() {
    using world = place();
    const path = join(world.home, "writer.lock");
    await takeLock(path, 0);
    for (let round = 0; round < 5; round++) {
      Bun.gc(true);
      await Bun.sleep(1);
    }
    if (isFree(path)) throw new Broken("another process got the lock");
  },

  async "a disk that takes only a part of each write"() {
    using world = place();
    world.write(PATH, factLines(0, ALL, "s1"));
    const { write } = machine;
    const short = (fd: number, from: Uint8Array, offset: number, length: number, position: number | null): number =>
      write(fd, from, offset, Math.max(1, length >> 1), position);
    try {
      await withCalls({ write: short }, () => syncInto(world.data, world.home, SMALL));
      expectFacts(archived(world.data), upTo(ALL), "after short writes");
    } catch (error) {
      throw error instanceof Broken ? error : new Broken(`after short writes: ${(error as Error).message}`);
    }
  },
} satisfies Readonly<Record<string, () => Promise<void>>>;

export type ScenarioName = keyof typeof scenarios;

/** The program that runs one scenario: exit 0 where the promise holds, 42 where it is broken, else it could not run. */
if (import.meta.main) {
  const work = scenarios[process.argv[2] as ScenarioName];
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    console.log(error.message);
    process.exitCode = 42;
  }
}
