/** Proves which source of an earlier sync a file is: by its path and its identity, so that moved files are not read again. */
import { describe, expect, test } from "bun:test";
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Summary } from "../../src/sync/summary.ts";
import { archived, syncInto } from "../support/archive.ts";
import { callLine, callLines, callNumbers, numbersTo, sessionPath } from "../support/claude.ts";
import { type Scratch, scratch } from "../support/home.ts";

/** A session of ten calls that an earlier sync has read. */
async function known(): Promise<Scratch> {
  const place = scratch();
  place.write(sessionPath("s1"), callLines(0, 10, "s1"));
  await syncInto(place.data, place.home);
  return place;
}

const sync = (place: Scratch): Promise<Summary> => syncInto(place.data, place.home);
const at = (place: Scratch, name: string): string => join(place.home, sessionPath(name));
const numbersOf = (place: Scratch): number[] => callNumbers(archived(place.data));

describe("a file that was moved", () => {
  test("goes on at its cursor under its new name, also in another folder", async () => {
    using place = await known();
    const moved = join(place.home, ".claude/projects/renamed/s1.jsonl");
    mkdirSync(dirname(moved));
    renameSync(at(place, "s1"), moved);
    appendFileSync(moved, callLine(10, "s1"));
    expect(await sync(place)).toMatchObject({ restarted: 0, bytes: { read: callLine(10, "s1").length } });
    expect(numbersOf(place)).toEqual(numbersTo(11));
  });

  test("and whose name another took: both are read, each from where it was", async () => {
    using place = await known();
    renameSync(at(place, "s1"), at(place, "s0"));
    place.write(sessionPath("s1"), callLines(50, 52, "s1"));
    expect(await sync(place)).toMatchObject({ restarted: 0 });
    expect(numbersOf(place)).toEqual([...numbersTo(10), 50, 51]);
  });

  test("onto another known file: the one that is gone stays archived, nothing is told twice", async () => {
    using place = await known();
    place.write(sessionPath("s2"), callLines(20, 25, "s2"));
    await sync(place);
    renameSync(at(place, "s1"), at(place, "s2"));
    appendFileSync(at(place, "s2"), callLine(10, "s1"));
    await sync(place);
    expect(numbersOf(place)).toEqual([...numbersTo(11), 20, 21, 22, 23, 24]);
  });

  test("and back, with syncs between, is never read again", async () => {
    using place = await known();
    for (const [from, to] of [
      ["s1", "s2"],
      ["s2", "s1"],
    ] as const) {
      renameSync(at(place, from), at(place, to));
      expect(await sync(place)).toMatchObject({ restarted: 0, records: { added: 0, revised: 0 } });
    }
    expect(numbersOf(place)).toEqual(numbersTo(10));
  });

  test("two files that changed names are each known again", async () => {
    using place = await known();
    place.write(sessionPath("s2"), callLines(20, 25, "s2"));
    await sync(place);
    renameSync(at(place, "s1"), at(place, "s3"));
    renameSync(at(place, "s2"), at(place, "s1"));
    renameSync(at(place, "s3"), at(place, "s2"));
    expect(await sync(place)).toMatchObject({ restarted: 0, records: { added: 0, revised: 0 } });
  });
});

describe("a file that was replaced under its name", () => {
  test("is read from its start, and what is known of it is not told again", async () => {
    using place = await known();
    place.replace(sessionPath("s1"), callLines(0, 12, "s1"));
    expect(await sync(place)).toMatchObject({ restarted: 1, records: { added: 2, revised: 0 } });
    expect(numbersOf(place)).toEqual(numbersTo(12));
  });
});

describe("a file that was deleted", () => {
  test("leaves its records; one that comes back is known again", async () => {
    using place = await known();
    rmSync(at(place, "s1"));
    await sync(place);
    expect(numbersOf(place)).toEqual(numbersTo(10));
    place.write(sessionPath("s1"), callLines(0, 11, "s1"));
    expect(await sync(place)).toMatchObject({ records: { added: 1, revised: 0 } });
    expect(numbersOf(place)).toEqual(numbersTo(11));
  });
});

describe("files that are alike", () => {
  test("a copy with the same first bytes is a source of its own, and each fact counts once", async () => {
    using place = await known();
    copyFileSync(at(place, "s1"), at(place, "s2"));
    appendFileSync(at(place, "s2"), callLine(10, "s1"));
    await sync(place);
    const records = archived(place.data);
    expect(new Set(records.map((record) => record.source.path)).size).toBe(2);
    expect([...new Set(callNumbers(records))]).toEqual(numbersTo(11));
    expect(await sync(place)).toMatchObject({ records: { added: 0, revised: 0 } });
  });

  test("a hard link that comes later, and sorts first, is the source that is known", async () => {
    using place = await known();
    linkSync(at(place, "s1"), at(place, "a-second-name"));
    expect(await sync(place)).toMatchObject({ sources: { found: 1 }, restarted: 0, records: { added: 0, revised: 0 } });
    rmSync(at(place, "a-second-name"));
    expect(await sync(place)).toMatchObject({ sources: { found: 1 }, restarted: 0, records: { added: 0, revised: 0 } });
  });

  test("ten files with the same first four kilobytes are ten sources", async () => {
    using place = scratch();
    const head = `${JSON.stringify({ type: "summary", summary: "x".repeat(4096) })}\n`;
    for (let n = 0; n < 10; n++) place.write(sessionPath(`s${n}`), head + callLines(n * 10, n * 10 + 10, `s${n}`));
    await sync(place);
    expect(numbersOf(place)).toEqual(numbersTo(100));
    for (let n = 0; n < 10; n++) appendFileSync(at(place, `s${n}`), callLine(100 + n, `s${n}`));
    expect(await sync(place)).toMatchObject({ restarted: 0 });
    expect(numbersOf(place)).toEqual(numbersTo(110));
  });
});

describe("a home that was copied to another path, with the times of its files,", () => {
  const copy = (from: string, to: string): void => cpSync(from, to, { recursive: true, preserveTimestamps: true });
  const nothing = { added: 0, revised: 0 };

  test("and is gone from the old one goes on there: nothing is told again", async () => {
    using place = await known();
    const other = join(place.root, "elsewhere");
    copy(place.home, other);
    rmSync(place.home, { recursive: true });
    expect(await syncInto(place.data, other)).toMatchObject({ restarted: 1, records: nothing });
    appendFileSync(join(other, sessionPath("s1")), callLine(10, "s1"));
    expect(await syncInto(place.data, other)).toMatchObject({ restarted: 0, records: { added: 1, revised: 0 } });
    expect(numbersOf(place)).toEqual(numbersTo(11));
  });

  test("beside the old one is another home; when both are gone, each of their copies is one of them", async () => {
    using place = await known();
    const [other, a, b] = ["elsewhere", "a", "b"].map((name) => join(place.root, name)) as [string, string, string];
    copy(place.home, other);
    expect(await syncInto(place.data, other)).toMatchObject({ restarted: 0, records: { added: 11, revised: 0 } });
    copy(place.home, a);
    copy(other, b);
    for (const home of [place.home, other]) rmSync(home, { recursive: true });
    for (const home of [a, b, a, b]) expect(await syncInto(place.data, home)).toMatchObject({ records: nothing });
  });

  test("is not where the old one lies when that may come back: it is in use, or cannot be looked at", async () => {
    using place = await known();
    const [away, other] = ["away", "other"].map((name) => join(place.root, name)) as [string, string];
    copy(place.home, other);
    renameSync(place.home, away);
    await syncInto(place.data, [place.home, other]);
    renameSync(away, place.home);
    expect(await sync(place)).toMatchObject({ restarted: 0, records: nothing });
    const another = join(place.root, "another");
    copy(place.home, another);
    rmSync(place.home, { recursive: true });
    symlinkSync(place.home, place.home); // a link to itself
    expect(await syncInto(place.data, another)).toMatchObject({ unreadable: [], records: { added: 11, revised: 0 } });
  });

  test("is another one where somebody else's store lies at the same place", async () => {
    using place = await known();
    rmSync(place.home, { recursive: true });
    const other = join(place.root, "elsewhere");
    mkdirSync(dirname(join(other, sessionPath("s1"))), { recursive: true });
    writeFileSync(join(other, sessionPath("s1")), callLines(50, 52, "s1"));
    expect(await syncInto(place.data, other)).toMatchObject({ restarted: 0 });
  });
});
