/** Proves that append-only files are read as whole lines, each once, at the right byte, whatever they hold and however large. */
import { describe, expect, test } from "bun:test";
import { closeSync, openSync, writeSync } from "node:fs";
import fc from "fast-check";
import { type BadBytes, hashBytes, LineReader } from "../../src/read/tail.ts";
import type { Reads } from "../../src/read/types.ts";
import { type Scratch, scratch } from "../support/home.ts";

const MIB = 1 << 20;

interface Read {
  readonly lines: readonly { readonly offset: number; readonly text: string }[];
  readonly bad: readonly BadBytes[];
  /** After the last line that was dealt with. */
  readonly end: number;
}

/** Reads `[from, size)` of a file, or all of it. */
function read(path: string, from = 0, size = Bun.file(path).size): Read {
  const fd = openSync(path, "r");
  const lines: Read["lines"][number][] = [];
  const bad: BadBytes[] = [];
  let end = from;
  const reader = new LineReader(fd, from, size);
  try {
    for (let piece = reader.next(); piece; piece = reader.next()) {
      expect(piece.end).toBeGreaterThan(end);
      for (const line of piece.lines)
        lines.push({ offset: line.offset, text: Buffer.from(line.bytes).toString("latin1") });
      bad.push(...piece.bad);
      end = piece.end;
    }
  } finally {
    reader.close();
    closeSync(fd);
  }
  return { lines, bad, end };
}

const textsOf = (place: Scratch, bytes: string | Uint8Array): string[] =>
  read(place.write("a.jsonl", bytes)).lines.map((line) => line.text);

/** What the lines of some bytes are, found another way. */
function expected(bytes: Buffer, from: number): Read["lines"] {
  const lines: { offset: number; text: string }[] = [];
  let start = from;
  for (let at = bytes.indexOf(10, start); at >= 0; at = bytes.indexOf(10, start)) {
    let first = start === 0 && bytes.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf])) ? 3 : start;
    let last = at;
    if (last > first && bytes[last - 1] === 13) last--;
    while (first < last && bytes[first] === 0) first++;
    if (first < last) lines.push({ offset: first, text: bytes.toString("latin1", first, last) });
    start = at + 1;
  }
  return lines;
}

describe("lines", () => {
  test("are all those that have their newline, each at its byte, from whatever line on the reading begins", () => {
    const piece = fc.oneof(
      fc.constantFrom("\n", "\r\n", "\r", "\0", "\0\0\n", '{"a":1}\n', "ü\n", "\u{feff}", '{"b":'),
      fc.string({ unit: "binary", maxLength: 10 }),
    );
    using place = scratch({ fast: true });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.nat({ max: 20 }), (pieces, which) => {
        const bytes = Buffer.from(pieces.join(""));
        fc.pre(!(bytes[0] === 0xff && bytes[1] === 0xfe) && !(bytes[0] === 0xfe && bytes[1] === 0xff));
        const path = place.write("a.jsonl", bytes);
        const ends = [0, ...[...bytes.keys()].filter((at) => bytes[at] === 10).map((at) => at + 1)];
        const from = ends[which % ends.length]!;
        const found = read(path, from);
        expect(found.lines).toEqual(expected(bytes, from));
        expect(found.end).toBe(Math.max(from, bytes.lastIndexOf(10) + 1));
        for (const { offset, length, hash, reason } of found.bad) {
          expect(reason).toBe("only NUL bytes");
          expect(bytes.subarray(offset, offset + length).every((byte) => byte === 0)).toBe(true);
          expect(hash).toBe(hashBytes(bytes.subarray(offset, offset + length)));
        }
      }),
      { numRuns: 300 },
    );
  });

  test("read in two goes are the lines read in one, wherever the first go ended", () => {
    const bytes = Buffer.from(
      Array.from({ length: 200 }, (_, at) => `${"x".repeat((at * 37) % 90)}${at}\r\n`).join(""),
    );
    using place = scratch({ fast: true });
    const path = place.write("a.jsonl", bytes);
    const whole = read(path).lines;
    for (let size = 0; size <= bytes.length; size += 61) {
      const first = read(path, 0, size);
      expect(first.lines.concat(read(path, first.end).lines)).toEqual([...whole]);
    }
  });

  test("end with CR LF or LF; empty ones are passed over", () => {
    using place = scratch();
    expect(textsOf(place, "a\r\nb\n\r\n\n\nc\r\n")).toEqual(["a", "b", "c"]);
    expect(textsOf(place, "a\rb\n")).toEqual(["a\rb"]);
  });

  test("without a newline are left for later", () => {
    using place = scratch();
    expect(read(place.write("a.jsonl", "a\nb"))).toMatchObject({ lines: [{ text: "a" }], end: 2 });
    expect(read(place.write("a.jsonl", "b"))).toMatchObject({ lines: [], end: 0 });
    expect(read(place.write("a.jsonl", ""))).toMatchObject({ lines: [], end: 0 });
  });

  test("beyond the size that was asked for are the next run's, also when they are there", () => {
    using place = scratch();
    const path = place.write("a.jsonl", "a\nb\nc\n");
    expect(read(path, 0, 3)).toMatchObject({ lines: [{ text: "a" }], end: 2 });
    expect(read(path, 2, 4)).toMatchObject({ lines: [{ text: "b", offset: 2 }], end: 4 });
  });

  test("of a file that is cut short while it is read end where it ends", () => {
    using place = scratch();
    expect(read(place.write("a.jsonl", "a\nb"), 0, 1000)).toMatchObject({ lines: [{ text: "a" }], end: 2 });
  });
});

describe("bytes that are no text", () => {
  test("a byte order mark at the file's begin is no part of the first line, and one elsewhere is", () => {
    using place = scratch();
    const path = place.write("a.jsonl", "\u{feff}a\n\u{feff}b\n");
    expect(read(path).lines).toEqual([
      { offset: 3, text: "a" },
      { offset: 5, text: "\u00ef\u00bb\u00bfb" },
    ]);
    expect(read(path, 5).lines).toMatchObject([{ offset: 5 }]);
  });

  test("NULs before a line are passed over; a line of nothing else is set aside", () => {
    using place = scratch();
    const found = read(place.write("a.jsonl", Buffer.from(`${"\0".repeat(70_000)}{"a":1}\n\0\0\0\nb\n`)));
    expect(found.lines).toEqual([
      { offset: 70_000, text: '{"a":1}' },
      { offset: 70_012, text: "b" },
    ]);
    expect(found.bad).toEqual([
      { offset: 70_008, length: 3, hash: hashBytes(Buffer.alloc(3)), reason: "only NUL bytes" },
    ]);
  });

  test("UTF-16 is set aside as a whole, by its byte order mark", () => {
    using place = scratch();
    const little = Buffer.from('\u{feff}{"a":1}\n', "utf16le");
    const big = Buffer.from(little).swap16();
    for (const [bytes, encoding] of [
      [little, "UTF-16LE"],
      [big, "UTF-16BE"],
    ] as const)
      expect(read(place.write("a.jsonl", bytes))).toEqual({
        lines: [],
        bad: [{ offset: 0, length: bytes.length, hash: "", reason: `encoded as ${encoding}` }],
        end: bytes.length,
      });
  });
});

describe("long lines", () => {
  test("over the edges of chunks are whole, and the lines around them too", () => {
    using place = scratch();
    for (const length of [MIB - 2, MIB - 1, MIB, MIB + 1, 2 * MIB, 5 * MIB + 3]) {
      const long = "x".repeat(length);
      const path = place.write("a.jsonl", `before\n${long}\nafter\n${long}\nlast\n`);
      const { lines, bad, end } = read(path);
      expect(lines.map((line) => line.text.length)).toEqual([6, length, 5, length, 4]);
      expect(lines.map((line) => line.offset)).toEqual([0, 7, length + 8, length + 14, 2 * length + 15]);
      expect(bad).toEqual([]);
      expect(end).toBe(2 * length + 20);
    }
  });

  test("of exactly 64 MiB are lines; longer ones are set aside with their place, length and hash, and what follows is read", () => {
    using place = scratch();
    const limit = 64 * MIB;
    for (const [length, isBad] of [
      [limit - 1, false],
      [limit + 1, true],
      [200 * MIB, true],
    ] as const) {
      const path = place.write("a.jsonl", "before\n{");
      const fd = openSync(path, "r+");
      const end = Buffer.from("}\nafter\n");
      writeSync(fd, end, 0, end.length, 7 + length - 1);
      closeSync(fd);
      const found = read(path);
      expect(found.end).toBe(7 + length + 7);
      expect(found.lines.filter((line) => line.text.length < 10).map((line) => line.text)).toEqual(["before", "after"]);
      if (isBad) {
        expect(found.bad).toMatchObject([{ offset: 7, length: length + 1, reason: "a line of more than 64 MiB" }]);
        expect(found.bad[0]?.hash).toMatch(/^[0-9a-f]{16}$/);
      } else expect(found.bad).toEqual([]);
    }
  }, 60_000);

  test("that are too long and have no newline yet are left for later", () => {
    using place = scratch();
    const path = place.write("a.jsonl", "before\n{");
    const fd = openSync(path, "r+");
    writeSync(fd, Buffer.from("x"), 0, 1, 80 * MIB);
    closeSync(fd);
    expect(read(path)).toMatchObject({ lines: [{ text: "before" }], bad: [], end: 7 });
    expect(read(path, 7)).toMatchObject({ lines: [], bad: [], end: 7 });
  }, 60_000);
});

describe("skimmed lines", () => {
  /** What is read of the lines of several files, which take turns piece by piece. */
  function skimmed(paths: readonly string[], reads: readonly Reads[]): unknown[][] {
    const found: unknown[][] = paths.map(() => []);
    const fds = paths.map((path) => openSync(path, "r"));
    const readers = fds.map((fd, at) => new LineReader(fd, 0, Bun.file(paths[at]!).size, reads[at]));
    for (let left = new Set(readers); left.size > 0; )
      readers.forEach((reader, at) => {
        const piece = reader.next();
        if (piece) found[at]!.push(...piece.lines.map((line) => line.json()));
        else left.delete(reader);
      });
    for (const reader of readers) reader.close();
    fds.forEach(closeSync);
    return found;
  }

  test("of any length are read no further than asked for, also while other files are being read", () => {
    using place = scratch({ fast: true });
    const lengths = [10, 200_000, 262_100, 262_140, 300_000, 5, 1 << 21, 3 << 20, 7, 17 << 20, 100, 2_097_100];
    const text = lengths.map((length, a) => `{"a":${a},"text":"${"x".repeat(length)}","b":${-a}}\n`).join("");
    const paths = [0, 1, 2].map((at) => place.write(`${at}.jsonl`, text));
    const one: Reads = { keys: { a: true } };
    const other: Reads = { keys: { b: true, text: 2 } };
    const expected = { one: lengths.map((_, a) => ({ a })), other: lengths.map((_, a) => ({ text: "xx", b: 0 - a })) };
    expect(skimmed(paths, [one, one, other])).toEqual([expected.one, expected.one, expected.other]);
    expect(skimmed(paths.slice(1), [other, one])).toEqual([expected.other, expected.one]);
  });
});
