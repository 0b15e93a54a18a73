/** Proves that what the harness once found stays mended, each by the smallest case that shows it. */
import { expect, test } from "bun:test";
import { appendFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { machine } from "../../src/system/calls.ts";
import { archived, setAside, syncInto } from "../support/archive.ts";
import { sessionPath } from "../support/claude.ts";
import { command } from "../support/command.ts";
import { chat, DATABASE, openTraces, syncCopilot } from "../support/copilot.ts";
import { factLines, factsIn } from "../support/facts.ts";
import { scratch } from "../support/home.ts";
import { withCalls } from "./images.ts";
import { destinations } from "./receivers.ts";

test("a file that takes another's place, and is then replaced itself, is not told again", async () => {
  using place = scratch({ fast: true });
  const first = place.write(sessionPath("s1"), factLines(0, 4, "s1"));
  const second = place.write(sessionPath("s2"), factLines(10, 14, "s2"));
  await syncInto(place.data, place.home);
  renameSync(first, second);
  await syncInto(place.data, place.home);
  appendFileSync(second, factLines(4, 6, "s1"));
  place.replace(sessionPath("s2"), readFileSync(second));
  await syncInto(place.data, place.home);
  const numbers = archived(place.data).flatMap(({ usage, rev }) => (rev === 0 ? (usage?.input_tokens ?? []) : []));
  expect(numbers.sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 10, 11, 12, 13]);
  expect(factsIn(archived(place.data)).facts.size).toBe(10);
});

test("a log whose header is damaged, beside its index, holds nobody up", async () => {
  using place = scratch({ fast: true });
  {
    using db = openTraces(place);
    db.put({ id: "0000000000000001", trace: "4bf92f3577b34da6a3ce929d0e0e4731", attributes: chat(1, 1) });
    db.run("PRAGMA journal_mode = WAL").run("PRAGMA wal_autocheckpoint = 0");
    db.put({ id: "0000000000000002", trace: "4bf92f3577b34da6a3ce929d0e0e4732", attributes: chat(2, 1) });
    const [wal, shm] = ["-wal", "-shm"].map((end) => readFileSync(join(place.home, DATABASE + end)));
    db.run("PRAGMA wal_checkpoint(TRUNCATE)");
    // As a loss of power may leave it: a log that begins as none does, with the index of before.
    wal!.fill(0xff, 0, 4);
    writeFileSync(join(place.home, `${DATABASE}-left`), wal!);
    writeFileSync(join(place.home, `${DATABASE}-index`), shm!);
  }
  renameSync(join(place.home, `${DATABASE}-left`), join(place.home, `${DATABASE}-wal`));
  renameSync(join(place.home, `${DATABASE}-index`), join(place.home, `${DATABASE}-shm`));
  await Bun.sleep(40);
  const before = performance.now();
  const summary = await syncCopilot(place);
  expect(performance.now() - before).toBeLessThan(5000);
  expect(summary.unreadable).toEqual([]);
  expect(summary.records.added).toBeGreaterThan(0);
});

test("an integer beyond 2^53 where a database's rows end does not end the run", async () => {
  using place = scratch({ fast: true });
  {
    using db = openTraces(place);
    db.put({ id: "0000000000000001", trace: "4bf92f3577b34da6a3ce929d0e0e4731", attributes: chat(1, 1) });
    db.run("UPDATE spans SET end_time_ms = 9223372036854775807");
  }
  place.write(sessionPath("s1"), factLines(0, 4, "s1"));
  await syncCopilot(place, "claude-code");
  await syncCopilot(place, "claude-code");
  expect(factsIn(archived(place.data).filter(({ agent }) => agent === "claude-code")).facts.size).toBe(4);
});

test("a full disk that a private copy does not fit on is the data folder's trouble, and not the source's", async () => {
  using place = scratch({ fast: true });
  {
    using db = openTraces(place);
    db.put({ id: "0000000000000001", trace: "4bf92f3577b34da6a3ce929d0e0e4731", attributes: chat(1, 1) });
  }
  writeFileSync(join(place.home, `${DATABASE}-journal`), Buffer.alloc(1024));
  const sync = ["sync", "--home", place.home, "--agent", "copilot-vscode", "--data-dir", place.data];
  const { open, write, mkdir } = machine;
  const full = (): never => {
    throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
  };
  const copies = new Set<number>();
  const failing: readonly Partial<typeof machine>[] = [
    {
      open(path, ...how) {
        const fd = open(path, ...how);
        copies[path.includes("copy.db") ? "add" : "delete"](fd);
        return fd;
      },
      write: (fd, ...bytes) => (copies.has(fd) ? full() : write(fd, ...bytes)),
    },
    { open: (path, ...how) => (path.includes("copy.db") ? full() : open(path, ...how)) },
    { mkdir: (path, ...how) => (/[\\/][0-9a-f]{16}$/.test(path) ? full() : mkdir(path, ...how)) },
  ];
  for (const calls of failing)
    expect(await withCalls(calls, () => command(sync))).toMatchObject({
      status: 4,
      stderr: expect.stringMatching(/^error: cannot write to .*: no space left on the device/m),
    });
  expect(await command(sync)).toMatchObject({ status: 0 });
  expect(archived(place.data).length).toBeGreaterThan(0);
});

/** A read that fails once, as a disk's does, when so many have gone well. */
function failingRead(after: number): { read: typeof machine.read } {
  const { read } = machine;
  let left = after;
  return {
    read(...args) {
      if (left-- === 0) throw Object.assign(new Error("EIO: i/o error, read"), { code: "EIO" });
      return read(...args);
    },
  };
}

test("a line that is no JSON is set aside once, although the file cannot be read to its end at first", async () => {
  using place = scratch({ fast: true });
  place.write(sessionPath("s1"), `broken\n${factLines(0, 1200, "s1")}`);
  const summary = await withCalls(failingRead(2), () => syncInto(place.data, place.home));
  expect(summary.unreadable).toMatchObject([{ reason: "EIO" }]);
  expect(setAside(place.data)).toHaveLength(0);
  await syncInto(place.data, place.home);
  expect(setAside(place.data)).toHaveLength(1);
  expect(factsIn(archived(place.data)).facts.size).toBe(1200);
});

test("an archive that the disk does not give is told as that, and not as a mistake of weir's", async () => {
  using place = scratch({ fast: true });
  place.write(sessionPath("s1"), factLines(0, 4, "s1"));
  await syncInto(place.data, place.home);
  const run = await withCalls(failingRead(1), () => command(["export", "--data-dir", place.data]));
  expect(run).toMatchObject({ status: 1, stderr: expect.stringContaining("the device failed (input/output error)") });
});

test("a lock that the disk does not tell of cannot be taken, and that is said", async () => {
  using place = scratch({ fast: true });
  place.write(sessionPath("s1"), factLines(0, 4, "s1"));
  const { lstat } = machine;
  let asked = 0;
  const failing: typeof lstat = (path) => {
    // The folder's check asks first, then who takes the lock.
    if (path.endsWith("writer.lock") && ++asked === 2) throw Object.assign(new Error("EIO"), { code: "EIO" });
    return lstat(path);
  };
  const sync = ["sync", "--home", place.home, "--agent", "claude-code", "--data-dir", place.data];
  expect(await withCalls({ lstat: failing }, () => command(sync))).toMatchObject({
    status: 4,
    stderr: expect.stringMatching(/^error: cannot lock .*writer\.lock: the device failed/m),
  });
  expect(await command(sync)).toMatchObject({ status: 0 });
});

test("what is appended to a segment, and seals it, while it is being sent, is not pruned as if it had been sent", async () => {
  using place = scratch({ fast: true });
  const [to] = destinations("there");
  using there = to!;
  const settings = { WEIR_SEGMENT_MAX_BYTES: "4KiB" };
  const where = ["--data-dir", place.data];
  const sync = ["sync", "--home", place.home, "--agent", "claude-code", ...where];
  const path = place.write(sessionPath("s1"), factLines(0, 3, "s1"));
  expect(await command(sync, settings)).toMatchObject({ status: 0 });
  const answer = globalThis.fetch;
  globalThis.fetch = (async (url: string, init: RequestInit) => {
    appendFileSync(path, factLines(3, 40, "s1"));
    expect(await command(sync, settings)).toMatchObject({ status: 0 });
    return answer(url, init);
  }) as typeof fetch;
  const send = ["export", "--to", there.url, "--new", ...where];
  expect(await command(send, settings)).toMatchObject({ status: 0 });
  globalThis.fetch = answer;
  expect(there.facts().size).toBe(3);
  expect(await command(["prune", "--max-size", "4KiB", ...where], settings)).toMatchObject({ status: 0 });
  expect(factsIn(archived(place.data)).facts.size).toBe(40);
  expect(await command(send, settings)).toMatchObject({ status: 0 });
  expect(there.facts().size).toBe(40);
  expect(await command(["prune", "--max-size", "4KiB", ...where], settings)).toMatchObject({ status: 0 });
  expect(factsIn(archived(place.data)).facts.size).toBeLessThan(40);
});
