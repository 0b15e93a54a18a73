/** Proves that the lock is held as long as its process wants it: neither garbage collection nor our own files free it. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Archive } from "../../src/archive/archive.ts";
import { releaseLock, takeLock } from "../../src/archive/lock.ts";
import { openReader } from "../../src/archive/read.ts";
import { type Scratch, scratch } from "../support/home.ts";

/** What a slow machine may take where nothing is waited for; SQLite's own patience is longer. */
const SLOW_MS = 2000;

const lockOf = (place: Scratch): string => join(place.home, "writer.lock");

/** Asks from a process of its own, as another weir would. */
function isFree(path: string): boolean {
  const script = `
    const { Database } = require("bun:sqlite");
    const db = new Database(${JSON.stringify(path)});
    try { db.run("BEGIN EXCLUSIVE"); } catch { process.exit(1); }`;
  return Bun.spawnSync([process.execPath, "-e", script], { stderr: "ignore" }).exitCode === 0;
}

test("it is held until it is given back, and then free for the next", async () => {
  using place = scratch();
  expect(await takeLock(lockOf(place), 0)).toBe(true);
  expect(isFree(lockOf(place))).toBe(false);
  releaseLock(lockOf(place));
  expect(isFree(lockOf(place))).toBe(true);
  expect(await takeLock(lockOf(place), 0)).toBe(true);
  releaseLock(lockOf(place));
});

test("garbage collection does not free it", async () => {
  using place = scratch();
  await takeLock(lockOf(place), 0);
  for (let round = 0; round < 5; round++) {
    Bun.gc(true);
    await Bun.sleep(1);
  }
  expect(isFree(lockOf(place))).toBe(false);
  releaseLock(lockOf(place));
});

test("nothing that weir opens and closes while it holds the lock frees it", async () => {
  using place = scratch();
  const archive = await Archive.open(place.data, { waitMs: 0, segmentMaxBytes: 4096 });
  archive.commit();
  openReader(place.data)[Symbol.dispose]();
  expect(isFree(join(place.data, "writer.lock"))).toBe(false);
  archive.close({});
  expect(isFree(join(place.data, "writer.lock"))).toBe(true);
});

test("a plain open and close of the lock file would free it: so nothing of ours may do that", async () => {
  using place = scratch();
  await takeLock(lockOf(place), 0);
  readFileSync(lockOf(place));
  const isStillHeld = !isFree(lockOf(place));
  releaseLock(lockOf(place));
  // POSIX locks belong to the process; where they do not, the trap is not there.
  expect(isStillHeld).toBe(process.platform === "win32");
});

test("who finds it held gives up at once, or after the time that it may wait, and takes nothing", async () => {
  using place = scratch();
  using other = new Database(lockOf(place));
  other.run("BEGIN EXCLUSIVE");
  for (const waitMs of [0, 200]) {
    const before = performance.now();
    expect(await takeLock(lockOf(place), waitMs)).toBe(false);
    const waited = performance.now() - before;
    expect(waited).toBeGreaterThanOrEqual(waitMs - 10);
    expect(waited).toBeLessThan(waitMs + SLOW_MS);
  }
  other.run("ROLLBACK");
  expect(await takeLock(lockOf(place), 0)).toBe(true);
  releaseLock(lockOf(place));
});

test("who waits gets it when it is given back, and stops waiting when told to", async () => {
  using place = scratch();
  using other = new Database(lockOf(place));
  other.run("BEGIN EXCLUSIVE");
  let isStopped = false;
  const stopped = takeLock(lockOf(place), 10_000, () => isStopped);
  await Bun.sleep(80);
  isStopped = true;
  expect(await stopped).toBe(false);
  const waiting = takeLock(lockOf(place), 10_000);
  await Bun.sleep(80);
  other.run("ROLLBACK");
  expect(await waiting).toBe(true);
  releaseLock(lockOf(place));
});

test("the lock file holds nothing, however often it is taken", async () => {
  using place = scratch();
  for (let round = 0; round < 3; round++) {
    await takeLock(lockOf(place), 0);
    releaseLock(lockOf(place));
  }
  expect(statSync(lockOf(place)).size).toBe(0);
});
