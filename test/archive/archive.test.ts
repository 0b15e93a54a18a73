/** Proves the commit: a batch is there as a whole or not at all, and a state that cannot be written is never a source's fault. */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { cpSync, readdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Archive } from "../../src/archive/archive.ts";
import { Delivery } from "../../src/archive/delivery.ts";
import { dataFolder } from "../../src/archive/folder.ts";
import { openReader } from "../../src/archive/read.ts";
import { rebuildState } from "../../src/archive/rebuild.ts";
import { openState } from "../../src/archive/state.ts";
import { bearWitness } from "../../src/archive/witness.ts";
import type { Encoded } from "../../src/record/encode.ts";
import { errorCode } from "../../src/system/system.ts";
import { archived, syncInto } from "../support/archive.ts";
import { callLines, callNumbers, numbersTo, sessionPath } from "../support/claude.ts";
import { listing, type Scratch, scratch } from "../support/home.ts";

const OPTIONS = { waitMs: 0, segmentMaxBytes: 4096 };

function line(n: number): Encoded {
  const record = { v: 1, id: String(n), fact: "f", rev: 0, agent: "a", stream: "s", operation: "chat", turn: n };
  const text = JSON.stringify({ ...record, source: { path: "p" }, host: "h" });
  return { id: n, content: 1, when: 1, score: 1, line: () => `${text}\n` };
}

const numbersIn = ({ data }: Scratch): number[] => archived(data).map((record) => record.turn ?? Number.NaN);

describe("a batch", () => {
  test("is nothing before its commit, everything after it, and forgotten by a close", async () => {
    using place = scratch();
    const archive = await Archive.open(place.data, OPTIONS);
    archive.add(line(1), 0);
    archive.add(line(2), 0);
    expect(numbersIn(place)).toEqual([]);
    archive.commit();
    expect(numbersIn(place)).toEqual([1, 2]);
    archive.add(line(3), 0);
    archive.close({});
    expect(numbersIn(place)).toEqual([1, 2]);
  });

  test("that cannot be written leaves no byte, and the archive can go on", async () => {
    using place = scratch();
    const first = await Archive.open(place.data, OPTIONS);
    first.add(line(1), 0);
    first.commit();
    first.close({});
    const [name] = readdirSync(join(place.data, "archive"));
    const next = join(place.data, "archive", name!.replace(".jsonl", ".1.jsonl"));
    symlinkSync(join(place.root, "outside"), next);
    const broken = await Archive.open(place.data, OPTIONS);
    for (let n = 2; n < 500; n++) broken.add(line(n), 0);
    expect(() => broken.commit()).toThrow("cannot write to");
    broken.close({});
    expect(numbersIn(place)).toEqual([1]);
    rmSync(next);
    const again = await Archive.open(place.data, OPTIONS);
    again.add(line(2), 0);
    again.commit();
    again.close({});
    expect(numbersIn(place)).toEqual([1, 2]);
  });

  test("that the state does not take is an error of the archive, which ends the run and never counts as a bad source", async () => {
    using place = scratch();
    const archive = await Archive.open(place.data, OPTIONS);
    archive.add(line(1), 0);
    using other = new Database(join(place.data, "state.db"));
    other.run("BEGIN IMMEDIATE");
    let thrown: unknown;
    try {
      archive.commit();
    } catch (error) {
      thrown = error;
    }
    other.run("ROLLBACK");
    archive.close({});
    expect(thrown).toMatchObject({ name: "WeirError", failure: "write" });
    expect(errorCode(thrown)).toBeUndefined();
    expect(numbersIn(place)).toEqual([]);
    expect(readdirSync(join(place.data, "archive"))).toEqual([]);
  }, 20_000);
});

describe("what a killed run left", () => {
  test("is cut off or removed at the next start: bytes beyond the committed length, segments that were never committed", async () => {
    using place = scratch();
    place.write(sessionPath("s1"), callLines(0, 20, "s1"));
    await syncInto(place.data, place.home, { segmentMaxBytes: 1 << 20 });
    const before = listing(join(place.data, "archive"));
    const [name] = readdirSync(join(place.data, "archive"));
    const text = readFileSync(join(place.data, "archive", name!), "utf8");
    place.write(`../data/archive/${name}`, `${text}{"v":1,"torn`);
    place.write(`../data/archive/${name!.replace(".jsonl", ".1.jsonl")}`, text);
    expect(callNumbers(archived(place.data))).toEqual(numbersTo(20));
    const archive = await Archive.open(place.data, OPTIONS);
    archive.close({});
    expect(listing(join(place.data, "archive")).map((l) => l.split(" ").toSpliced(2, 1))).toEqual(
      before.map((l) => l.split(" ").toSpliced(2, 1)),
    );
  });
});

describe("a state that is made anew", () => {
  test("knows every segment at its last whole line, goes on in the newest, and keeps the installation's id", async () => {
    using place = scratch();
    place.write(sessionPath("s1"), callLines(0, 30, "s1"));
    await syncInto(place.data, place.home, { segmentMaxBytes: 4096 });
    const names = readdirSync(join(place.data, "archive"));
    const hosts = new Set(archived(place.data).map((record) => record.host));
    rmSync(join(place.data, "state.db"));
    place.write(sessionPath("s2"), callLines(30, 32, "s2"));
    await syncInto(place.data, place.home, { segmentMaxBytes: 4096 });
    expect(readdirSync(join(place.data, "archive"))).toEqual(expect.arrayContaining(names));
    const records = archived(place.data);
    expect(new Set(records.map((record) => record.host))).toEqual(hosts);
    expect(callNumbers(records)).toEqual(numbersTo(32));
  });

  test("is made in one step: a run that is killed between the steps of making it can be repeated", () => {
    using place = scratch();
    place.write("archive/weir-2026-11-21-0123abcd.jsonl", "");
    const db = openState(join(place.root, "state.db"));
    const folder = dataFolder(place.home);
    bearWitness(folder, 1);
    const host = rebuildState(db, folder);
    const { value } = db.query("SELECT value FROM meta WHERE key = 'install'").get() as { value: string };
    expect(value).toBe(host);
    expect(host).toMatch(/^0123abcd[0-9a-f]{8}$/);
    db.close();
  });

  test("beside lines that are no records takes what is one, and leaves the file as it is", async () => {
    using place = scratch();
    place.write(sessionPath("s1"), callLines(0, 5, "s1"));
    await syncInto(place.data, place.home);
    rmSync(join(place.data, "state.db"));
    const folder = join(place.data, "archive");
    const [name] = readdirSync(folder);
    const noRecords = [
      "garbage",
      "null",
      "7",
      "[]",
      "{}",
      '{"v":1}',
      '{"v":1,"id":"x","source":{}}',
      '{"v":2,"new":1}',
    ];
    const text = `${readFileSync(join(folder, name!), "utf8")}${noRecords.join("\n")}\n`;
    place.write(`../data/archive/${name}`, text);
    expect(await syncInto(place.data, place.home)).toMatchObject({ records: { added: 0, revised: 0 } });
    expect(readFileSync(join(folder, name!), "utf8")).toBe(text);
  });
});

test.skipIf(process.platform !== "linux")(
  "what cannot be opened is left closed, however often it is tried",
  async () => {
    using place = scratch();
    place.write(sessionPath("s1"), callLines(0, 5, "s1"));
    await syncInto(place.data, place.home);
    const folder = join(place.data, "archive");
    const [name] = readdirSync(folder);
    const whole = readFileSync(join(folder, name!));
    const open = (): number => readdirSync("/proc/self/fd").length;
    const attempts: readonly (() => Promise<unknown>)[] = [
      () => Archive.open(place.data, OPTIONS),
      () => Archive.open(place.data, { ...OPTIONS, dryRun: true }),
      async () => openReader(place.data),
      () => Delivery.open(place.data, "name", "origin"),
    ];
    const damages: readonly (() => void)[] = [
      () => truncateSync(join(folder, name!), 10),
      () => {
        writeFileSync(join(folder, name!), whole);
        bearWitness(dataFolder(place.data), 1000); // the state is older than its archive
      },
      () => writeFileSync(join(place.data, "state.db"), "no database".repeat(1000)),
    ];
    for (const damage of damages) {
      damage();
      const before = open();
      for (const attempt of attempts)
        for (let time = 0; time < 3; time++) {
          const opened = await attempt().catch((error) => error as unknown);
          if (opened instanceof Archive || opened instanceof Delivery) opened.close(undefined);
          else expect(opened).toMatchObject({ name: "WeirError", failure: "damaged" });
        }
      expect(open()).toBe(before);
    }
  },
);

test("segments that lay in the folder before the first commit are another installation's: never written, never pruned", async () => {
  using place = scratch();
  using other = scratch();
  other.write(sessionPath("s0"), callLines(100, 130, "s0"));
  await syncInto(other.data, other.home, { segmentMaxBytes: 4096 });
  cpSync(join(other.data, "archive"), join(place.data, "archive"), { recursive: true });
  const before = listing(join(place.data, "archive"));
  place.write(sessionPath("s1"), callLines(0, 30, "s1"));
  await syncInto(place.data, place.home, { segmentMaxBytes: 4096 });
  const archive = await Archive.open(place.data, OPTIONS);
  expect(archive.prune({ maxTotalBytes: 1 }).foreign.toSorted()).toEqual(before.map((line) => line.split(" ")[0]!));
  archive.close(undefined);
  expect(listing(join(place.data, "archive"))).toEqual(expect.arrayContaining(before));
});

test("a ledger that grew over many small syncs still knows everything", async () => {
  using place = scratch({ fast: true });
  const lines = callLines(0, 100, "s1");
  for (let n = 1; n <= 100; n++) {
    place.write(sessionPath("s1"), lines.slice(0, Math.floor((lines.length * n) / 100)));
    await syncInto(place.data, place.home);
  }
  place.replace(sessionPath("s1"), lines);
  expect(await syncInto(place.data, place.home)).toMatchObject({ restarted: 1, records: { added: 0, revised: 0 } });
  expect(callNumbers(archived(place.data))).toEqual(numbersTo(100));
});
