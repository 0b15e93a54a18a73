/**
 * Proves that a clock that jumps, stands still or runs in another time zone changes nothing of what is archived, holds
 * nobody up and lets nothing be pruned that is young.
 */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { takeLock } from "../../src/archive/lock.ts";
import { machine } from "../../src/system/calls.ts";
import { archived, openWriter, syncInto } from "../support/archive.ts";
import { callLines, callNumbers, numbersTo, sessionPath, writeCalls } from "../support/claude.ts";
import { command } from "../support/command.ts";
import { factLines, factsIn } from "../support/facts.ts";
import { scratch } from "../support/home.ts";
import { KINDS, Kinds, OF_KINDS } from "../support/kinds.ts";
import { type Random, SEED, trial } from "../support/random.ts";
import { exported, runSync } from "../support/runs.ts";
import { expectSame, wholeOf } from "../support/whole.ts";
import { withCalls } from "./images.ts";

const HISTORIES = 20;
const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;

/** Stands, then is set anywhere within a year, at any call. */
function jumping(r: Random): () => number {
  const { now } = machine;
  let offset = 0;
  return () => {
    if (r.chance(0.02)) offset = r.pick([-YEAR_MS, -HOUR_MS, 0, HOUR_MS, YEAR_MS, r.int(-YEAR_MS, YEAR_MS)]);
    return now() + offset;
  };
}

test(`${HISTORIES} histories under a clock that jumps between calls tell and count what those under a steady one do`, async () => {
  for (let at = 0; at < HISTORIES; at++)
    await trial(SEED + at, async (r) => {
      using place = scratch({ fast: true });
      using kinds = new Kinds(place.home, r);
      const now = jumping(r);
      const options = { agents: KINDS, segmentMaxBytes: 4096 };
      const steady = join(place.root, "steady");
      const both = async (): Promise<void> => {
        await withCalls({ now }, () => syncInto(place.data, place.home, options));
        await syncInto(steady, place.home, options);
      };
      for (let round = 0; round < 6; round++) {
        for (let times = r.int(1, 4); times > 0; times--) kinds.grow();
        await both();
      }
      kinds.finish();
      await both();
      const jumped = wholeOf(place.data);
      expect(factsIn(jumped.records).facts).toEqual(kinds.whole);
      expectSame(jumped, wholeOf(steady));
    });
}, 120_000);

test("a wait for another writer ends in time although the clock is set back again and again", async () => {
  using place = scratch();
  const path = join(place.home, "writer.lock");
  using other = new Database(path);
  other.run("BEGIN EXCLUSIVE");
  let time = Date.now();
  const before = performance.now();
  const now = (): number => {
    time -= HOUR_MS;
    return time;
  };
  expect(await withCalls({ now }, () => takeLock(path, 200))).toBe(false);
  expect(performance.now() - before).toBeLessThan(10_000); // by the clock it would never end
});

test("a sync gives way to a stop although the clock is set back again and again", async () => {
  using place = scratch({ fast: true });
  writeCalls(place, 40_000);
  let time = Date.now();
  const now = (): number => {
    time -= HOUR_MS;
    return time;
  };
  let isStopped = false;
  const timer = setTimeout(() => {
    isStopped = true;
  }, 30);
  await using writer = await openWriter(place.data, place.home, { stopped: () => isStopped });
  const summary = await withCalls({ now }, () => writer.sync());
  clearTimeout(timer);
  expect(summary.stopped).toBe(true);
  expect(archived(place.data).length).toBeLessThan(40_000);
});

test("retention by age removes nothing while the clock is a year ahead of or behind the last run", async () => {
  using place = scratch({ fast: true });
  place.write(sessionPath("s1"), factLines(0, 60, "s1"));
  const settings = { WEIR_SEGMENT_MAX_BYTES: "4KiB" };
  const where = ["--data-dir", place.data];
  const sync = ["sync", "--home", place.home, "--agent", "claude-code", ...where];
  expect(await command(sync, settings)).toMatchObject({ status: 0 });
  const { now } = machine;
  for (const [args, jump, status] of [
    [["prune", "--max-age", "30d", ...where], YEAR_MS, 1],
    [["prune", "--max-age", "30d", ...where], -YEAR_MS, 1],
    [[...sync, "--prune", "--max-age", "30d"], YEAR_MS, 0],
    [[...sync, "--prune", "--max-age", "30d"], -YEAR_MS, 0],
  ] as const) {
    using again = scratch({ fast: true });
    again.copyHome(place.data);
    const moved = args.map((arg) => (arg === place.data ? again.home : arg));
    const run = await withCalls({ now: () => now() + jump }, () => command(moved, settings));
    expect({ args, jump, ...run }).toMatchObject({ status, stderr: expect.stringContaining("by age") });
    expect(factsIn(archived(again.home)).facts.size).toBe(60);
  }
});

test("a clock that was a year ahead for one run stops retention by age once, and not for a year", async () => {
  using place = scratch({ fast: true });
  const settings = { WEIR_SEGMENT_MAX_BYTES: "4KiB" };
  const where = ["--data-dir", place.data];
  const sync = ["sync", "--home", place.home, "--agent", "claude-code", ...where];
  const { now } = machine;
  const path = place.write(sessionPath("s1"), factLines(0, 60, "s1"));
  expect(await withCalls({ now: () => now() - YEAR_MS }, () => command(sync, settings))).toMatchObject({ status: 0 });
  appendFileSync(path, factLines(60, 61, "s1"));
  expect(await withCalls({ now: () => now() + YEAR_MS }, () => command(sync, settings))).toMatchObject({ status: 0 });
  const prune = ["prune", "--max-age", "30d", ...where];
  expect(await command(prune, settings)).toMatchObject({ status: 1 });
  expect(factsIn(archived(place.data)).facts.size).toBe(61);
  expect(await command(prune, settings)).toMatchObject({ status: 0 });
  expect([...factsIn(archived(place.data)).facts]).toEqual([60]);
});

test("times of 1970 and of 2100 are kept as they are, and hide nothing that comes later", async () => {
  using place = scratch({ fast: true });
  const path = place.write(sessionPath("s1"), callLines(0, 2, "s1").replaceAll("2026-11-21", "2100-01-01"));
  await syncInto(place.data, place.home);
  appendFileSync(path, callLines(2, 4, "s1").replaceAll("2026-11-21", "1970-01-01"));
  await syncInto(place.data, place.home);
  appendFileSync(path, callLines(4, 6, "s1"));
  await syncInto(place.data, place.home);
  const records = archived(place.data);
  expect(callNumbers(records)).toEqual(numbersTo(6));
  const years = records.flatMap(({ response_id, end_time, time }) =>
    response_id ? [(end_time ?? time)?.slice(0, 4)] : [],
  );
  expect(years).toEqual(["2100", "2100", "1970", "1970", "2026", "2026"]);
});

test("syncs in other time zones, over the hour that a summer ends, archive the same", () => {
  using place = scratch();
  using steady = scratch();
  const zones = ["UTC", "America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Berlin"];
  // 2026-10-25T01:00Z: clocks in Europe are set back.
  const lines = callLines(0, 50, "s1").replaceAll("2026-11-21T00", "2026-10-25T01");
  const step = lines.length / zones.length;
  let path = "";
  for (const [at, TZ] of zones.entries()) {
    if (at === 0) path = place.write(sessionPath("s1"), lines.slice(0, step));
    else appendFileSync(path, lines.slice(at * step, (at + 1) * step));
    expect(runSync(place, OF_KINDS, { env: { TZ } }).status).toBe(0);
  }
  steady.copyHome(place.home);
  expect(runSync(steady, OF_KINDS).status).toBe(0);
  expectSame(wholeOf(place.data), wholeOf(steady.data));
  expect(callNumbers(exported(place))).toEqual(numbersTo(50));
});
