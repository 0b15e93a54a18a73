/** Proves how segments are named, when the next one begins, and that only their committed bytes exist. */
import { describe, expect, setSystemTime, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { Archive } from "../../src/archive/archive.ts";
import { readSegmentLines } from "../../src/archive/read.ts";
import {
  appendDurably,
  bySegmentName,
  completeLength,
  cutToCommitted,
  listSegments,
  parseSegmentName,
  segmentName,
} from "../../src/archive/segment.ts";
import type { Encoded } from "../../src/record/encode.ts";
import { WeirError } from "../../src/system/errors.ts";
import { scratch } from "../support/home.ts";

const install = fc.stringMatching(/^[0-9a-f]{8}$/);
const date = fc
  .date({ min: new Date(0), max: new Date("2999-12-31"), noInvalidDate: true })
  .map((d) => d.toISOString().slice(0, 10));
const names = fc.record({ date, install, index: fc.nat({ max: 20_000 }) });

describe("a segment's name", () => {
  test("tells date, installation and number, and nothing else is taken for one", () => {
    fc.assert(
      fc.property(names, (name) => {
        expect(parseSegmentName(segmentName(name))).toEqual(name);
        for (const other of [".bak", ".gz", "~"]) expect(parseSegmentName(segmentName(name) + other)).toBeUndefined();
        expect(parseSegmentName(`x${segmentName(name)}`)).toBeUndefined();
        expect(parseSegmentName(segmentName(name).toUpperCase())).toBeUndefined();
      }),
    );
    expect(segmentName({ date: "2026-11-21", install: "0123abcd", index: 0 })).toBe("weir-2026-11-21-0123abcd.jsonl");
    expect(segmentName({ date: "2026-11-21", install: "0123abcd", index: 2 })).toBe("weir-2026-11-21-0123abcd.2.jsonl");
    for (const none of ["weir.jsonl", "weir-2026-11-21-0123abc.jsonl", "weir-2026-11-21-0123abcd..jsonl", ""])
      expect(parseSegmentName(none)).toBeUndefined();
  });

  test("is ordered as it was written: .10 after .9, by installation within a day", () => {
    const ordered = [
      { date: "2026-11-20", install: "ffffffff", index: 3 },
      { date: "2026-11-21", install: "00000000", index: 0 },
      { date: "2026-11-21", install: "00000000", index: 9 },
      { date: "2026-11-21", install: "00000000", index: 10 },
      { date: "2026-11-21", install: "11111111", index: 0 },
    ].map(segmentName);
    expect(ordered.toReversed().sort(bySegmentName)).toEqual(ordered);
  });
});

/** An archive in which one record is one line of so many bytes. */
async function writeLines(data: string, lengths: readonly number[], segmentMaxBytes: number): Promise<void> {
  const archive = await Archive.open(data, { waitMs: 0, segmentMaxBytes });
  try {
    for (const [at, length] of lengths.entries()) {
      const line = `${JSON.stringify({ v: 1, at, pad: "" }).slice(0, -2)}${"x".repeat(length)}"}\n`;
      archive.add({ id: at, content: 1, when: 1, score: 1, line: () => line } as Encoded, 0);
    }
    archive.commit();
  } finally {
    archive.close({});
  }
}

const sizes = (data: string): number[] =>
  listSegments(join(data, "archive")).map((name) => statSync(join(data, "archive", name)).size);

describe("the next segment begins", () => {
  test("when a record would make this one larger than it may be, and never breaks a record", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 4 }),
        async (lengths, parts) => {
          using place = scratch({ fast: true });
          const size = Math.ceil(lengths.length / parts);
          for (let at = 0; at < lengths.length; at += size)
            await writeLines(place.data, lengths.slice(at, at + size), 4096);
          const texts = listSegments(join(place.data, "archive")).map((name) =>
            readFileSync(join(place.data, "archive", name), "utf8"),
          );
          for (const text of texts) {
            expect(text).toEndWith("\n");
            if (text.length > 4096) expect(text.split("\n")).toHaveLength(2);
          }
          const lines = texts.join("").split("\n").slice(0, -1);
          expect(lines.map((line) => JSON.parse(line).pad.length)).toEqual(lengths);
          for (const [at, text] of texts.entries()) {
            const next = texts[at + 1];
            if (next) expect(text.length + next.indexOf("\n") + 1).toBeGreaterThan(4096);
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  test("for a record that is larger than a segment, which gets one of its own", async () => {
    using place = scratch();
    await writeLines(place.data, [10, 9000, 10], 4096);
    expect(sizes(place.data).map((size) => size > 4096)).toEqual([false, true, false]);
  });

  test("with a new date in UTC, whatever the time zone; the number begins again", async () => {
    using place = scratch();
    try {
      setSystemTime(new Date("2026-11-21T23:59:59.999Z"));
      await writeLines(place.data, [10, 10], 1 << 20);
      setSystemTime(new Date("2026-11-22T00:00:00.000Z"));
      await writeLines(place.data, [10], 1 << 20);
      await writeLines(place.data, [10], 1 << 20);
    } finally {
      setSystemTime();
    }
    const names = listSegments(join(place.data, "archive")).map((name) => parseSegmentName(name));
    expect(names).toMatchObject([
      { date: "2026-11-21", index: 0 },
      { date: "2026-11-22", index: 0 },
    ]);
  });

  test("also when the clock goes back: no name is used twice and no byte is lost", async () => {
    using place = scratch();
    try {
      for (const time of [
        "2026-11-22T10:00:00Z",
        "2026-11-21T10:00:00Z",
        "2026-11-22T11:00:00Z",
        "2025-11-22T11:00:00Z",
      ]) {
        setSystemTime(new Date(time));
        await writeLines(place.data, [10], 1 << 20);
      }
    } finally {
      setSystemTime();
    }
    const names = listSegments(join(place.data, "archive"));
    expect(names.map((name) => parseSegmentName(name)?.date)).toEqual([
      "2025-11-22",
      "2026-11-21",
      "2026-11-22",
      "2026-11-22",
    ]);
    expect(sizes(place.data).every((size) => size > 0)).toBe(true);
  });

  test("also when the clock goes back to a day whose segments are all pruned: their names are not used again", async () => {
    using place = scratch();
    try {
      setSystemTime(new Date("2026-11-21T10:00:00Z"));
      await writeLines(place.data, [9000, 9000], 4096);
      setSystemTime(new Date("2026-11-23T10:00:00Z"));
      await writeLines(place.data, [10], 4096);
      const archive = await Archive.open(place.data, { waitMs: 0, segmentMaxBytes: 4096 });
      expect(archive.prune({ maxTotalBytes: 100 }).removed).toHaveLength(2);
      archive.close(undefined);
      setSystemTime(new Date("2026-11-21T11:00:00Z"));
      await writeLines(place.data, [10], 4096);
    } finally {
      setSystemTime();
    }
    expect(listSegments(join(place.data, "archive")).map(parseSegmentName)).toMatchObject([
      { date: "2026-11-21", index: 2 },
      { date: "2026-11-23", index: 0 },
    ]);
  });
});

describe("bytes in a segment", () => {
  test("beyond the committed length are cut off; a file that is shorter, gone or no file is damage, told with both lengths", () => {
    using place = scratch();
    const path = place.write("a.jsonl", "0123456789");
    cutToCommitted(place.home, "a.jsonl", 10);
    cutToCommitted(place.home, "a.jsonl", 7);
    expect(readFileSync(path, "utf8")).toBe("0123456");
    for (const [name, found] of [
      ["a.jsonl", "it has 7"],
      ["missing.jsonl", "it is missing"],
      ["link.jsonl", "missing"],
    ] as const) {
      if (name === "link.jsonl") symlinkSync(path, join(place.home, name));
      const told = thrownBy(() => cutToCommitted(place.home, name, 8));
      expect(told).toMatchObject({ failure: "damaged" });
      expect(told.message).toContain("should hold 8 bytes");
      expect(told.message).toContain(found);
    }
    expect(readFileSync(path, "utf8")).toBe("0123456");
  });

  test("are written at the committed length, whatever lies there; a new file never over another, never through a link", () => {
    using place = scratch();
    const path = place.write("a.jsonl", "one\ntorn");
    appendDurably(place.home, "a.jsonl", 4, Buffer.from("two\n"), false);
    expect(readFileSync(path, "utf8")).toBe("one\ntwo\n");
    expect(() => appendDurably(place.home, "a.jsonl", 0, Buffer.from("x"), true)).toThrow("EEXIST");
    symlinkSync(path, join(place.home, "link.jsonl"));
    for (const create of [true, false])
      expect(() => appendDurably(place.home, "link.jsonl", 0, Buffer.from("x"), create)).toThrow();
    expect(readFileSync(path, "utf8")).toBe("one\ntwo\n");
  });

  test("that no state knows count up to the last newline, in a file of any size", () => {
    using place = scratch();
    for (const [text, length] of [
      ["", 0],
      ["no newline", 0],
      ["one\n", 4],
      ["one\ntorn", 4],
      [`${"x".repeat(70_000)}\n${"y".repeat(140_000)}`, 70_001],
      ["y".repeat(200_000), 0],
    ] as const)
      expect(completeLength(place.write("a.jsonl", text))).toBe(length);
  });

  test("are read back as lines, over the edges of chunks, and never beyond the length that was asked for", () => {
    using place = scratch();
    const lines = ["", "one", "ü".repeat(600_000), "x".repeat(2_500_000), "last"];
    const text = lines.map((line) => `${line}\n`).join("");
    const path = place.write("a.jsonl", `${text}{"torn"`);
    expect([...readSegmentLines(path, Buffer.byteLength(text))]).toEqual(lines);
    expect([...readSegmentLines(path, 5)]).toEqual(["", "one"]);
    expect([...readSegmentLines(path, 0)]).toEqual([]);
    expect(() => [...readSegmentLines(path, Buffer.byteLength(text) + 100)]).toThrow("damaged");
  });
});

test("only regular files with a segment's name are segments, and no folder is no segment", () => {
  using place = scratch();
  const segment = "weir-2026-11-21-0123abcd.jsonl";
  place.write(segment, "x\n");
  place.write("notes.txt", "x");
  symlinkSync(join(place.home, segment), join(place.home, "weir-2026-11-22-0123abcd.jsonl"));
  mkdirSync(join(place.home, "weir-2026-11-23-0123abcd.jsonl"));
  writeFileSync(join(place.home, `${segment}.part`), "x");
  expect(listSegments(place.home)).toEqual([segment]);
  expect(listSegments(join(place.home, "absent"))).toEqual([]);
  expect(readdirSync(place.home)).toHaveLength(5);
});

function thrownBy(work: () => unknown): WeirError {
  try {
    work();
  } catch (error) {
    if (error instanceof WeirError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
