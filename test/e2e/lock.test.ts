/** Proves that there is one writer: others wait or leave, are told who it is, and every record is archived once. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { callNumbers, numbersTo, writeCalls } from "../support/claude.ts";
import { type Scratch, scratch } from "../support/home.ts";
import { exported, hasBegun, recordsIn, runSync } from "../support/runs.ts";
import { startWeir, type Weir, weir } from "../support/weir.ts";

/** A home whose sync takes long enough to be met at work. */
const LARGE = 20_000;

function large(calls: number = LARGE): Scratch {
  const place = scratch();
  writeCalls(place, calls);
  return place;
}

function start({ home, data }: Scratch, ...args: string[]): Weir {
  return startWeir(["sync", "--home", home, "--data-dir", data, ...args]);
}

/** A sync that holds the lock and stands still, until it is let go. */
async function heldBack(place: Scratch): Promise<Weir> {
  const holder = start(place);
  await hasBegun(place, holder.pid);
  holder.kill("SIGSTOP");
  return holder;
}

test("--no-wait leaves at once with exit 75, naming the process that holds the lock and for how long", async () => {
  using place = large();
  const holder = await heldBack(place);
  const before = performance.now();
  const run = runSync(place, ["--no-wait"]);
  expect(performance.now() - before).toBeLessThan(2000);
  holder.kill("SIGCONT");
  expect(run.status).toBe(75);
  expect(run.stderr).toMatch(new RegExp(`process ${holder.pid}, for \\d+ s`));
  expect(await holder.exited).toBe(0);
  expect(callNumbers(exported(place))).toEqual(numbersTo(LARGE));
});

test("without it, a sync waits ten seconds for the other to end, then leaves with exit 75", async () => {
  using place = large();
  const holder = await heldBack(place);
  const before = performance.now();
  const run = runSync(place);
  const waited = performance.now() - before;
  holder.kill("SIGCONT");
  expect(run.status).toBe(75);
  expect(run.stderr).toContain(`process ${holder.pid}`);
  expect(waited).toBeGreaterThan(9_500);
  expect(waited).toBeLessThan(13_000);
  expect(await holder.exited).toBe(0);
}, 60_000);

test("a sync that waits goes to work when the other has ended", async () => {
  using place = large();
  const holder = await heldBack(place);
  const second = start(place);
  await Bun.sleep(500);
  expect(second.exitCode).toBeNull();
  holder.kill("SIGCONT");
  expect(await holder.exited).toBe(0);
  expect(await second.exited).toBe(0);
  expect(callNumbers(exported(place))).toEqual(numbersTo(LARGE));
}, 60_000);

test("the lock of a killed process is free within 100 ms", async () => {
  using place = large();
  const waits: number[] = [];
  for (let round = 0; round < 5; round++) {
    const holder = await heldBack(place);
    holder.kill("SIGKILL");
    const before = performance.now();
    using db = new Database(join(place.data, "writer.lock"));
    for (;;) {
      try {
        db.run("BEGIN EXCLUSIVE");
        break;
      } catch {
        await Bun.sleep(1);
      }
    }
    waits.push(performance.now() - before);
    await holder.exited;
  }
  expect(waits.sort((a, b) => a - b)[2]!).toBeLessThan(100);
}, 60_000);

test("reading needs no lock: scan, export and a dry run work beside a writer", async () => {
  using place = large();
  const holder = await heldBack(place);
  const { home, data } = place;
  for (const args of [
    ["scan", "--home", home, "--data-dir", data],
    ["export", "--data-dir", data],
    ["sync", "--dry-run", "--home", home, "--data-dir", data],
  ])
    expect({ args, status: weir(args).status }).toEqual({ args, status: 0 });
  holder.kill("SIGCONT");
  expect(await holder.exited).toBe(0);
}, 60_000);

test("an export beside a writer gives committed records only, and never a torn one", async () => {
  using place = large(3 * LARGE);
  const holder = start(place);
  await hasBegun(place, holder.pid);
  let most = 0;
  while (holder.exitCode === null) {
    const numbers = callNumbers(exported(place, "--all"));
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(numbers.length).toBeGreaterThanOrEqual(most);
    most = numbers.length;
    await Bun.sleep(1);
  }
  expect(await holder.exited).toBe(0);
  expect(most).toBeGreaterThan(0);
  expect(callNumbers(exported(place))).toEqual(numbersTo(3 * LARGE));
}, 60_000);

test("20 syncs at once: each record is archived once, and each run did its work or left with 75", async () => {
  using place = large(4000);
  const runs = Array.from({ length: 20 }, (_, at) => start(place, ...(at % 2 ? ["--no-wait"] : [])));
  const statuses = await Promise.all(runs.map((run) => run.exited));
  expect(statuses.filter((status) => status !== 0 && status !== 75)).toEqual([]);
  expect(statuses).toContain(0);
  const folder = join(place.data, "archive");
  const all = readdirSync(folder).flatMap((name) => recordsIn(readFileSync(join(folder, name), "utf8")));
  expect(callNumbers(all)).toEqual(numbersTo(4000));
}, 60_000);
