/** Proves that a cursor holds only while its file is still the same file with the same bytes before the cursor. */
import { describe, expect, test } from "bun:test";
import { closeSync, fstatSync, linkSync, openSync, renameSync, rmSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import {
  isSettled,
  markOf,
  type Proof,
  proofAt,
  proves,
  type Stamp,
  sameFile,
  stampOf,
} from "../../src/read/identity.ts";
import { sys } from "../../src/system/system.ts";
import { archived, syncInto } from "../support/archive.ts";
import { callLine, callLines, callNumbers, numbersTo, sessionPath } from "../support/claude.ts";
import { type Scratch, scratch } from "../support/home.ts";

function withFile<T>(path: string, work: (fd: number) => T): T {
  const fd = openSync(path, "r");
  try {
    return work(fd);
  } finally {
    closeSync(fd);
  }
}

const proofOf = (path: string, offset: number): Proof => withFile(path, (fd) => proofAt(fd, offset));
const holds = (path: string, proof: Proof, offset: number): boolean =>
  withFile(path, (fd) => proves(proof, fd, offset, fstatSync(fd).size));
const stampAt = (path: string): Stamp => stampOf(sys.lstat(path));

describe("the proof of a cursor", () => {
  /** Bytes of any length around those of head and anchor, no two alike nearby. */
  const content = fc
    .tuple(fc.oneof(fc.nat({ max: 20 }), fc.nat({ max: 4000 })), fc.nat({ max: 250 }))
    .map(([length, first]) => Uint8Array.from({ length }, (_, at) => (first + at * 7) % 251));

  test("holds while the file only grows, at any cursor, also at 0", () => {
    using place = scratch({ fast: true });
    fc.assert(
      fc.property(content, content, fc.nat(), (bytes, more, at) => {
        const offset = at % (bytes.length + 1);
        const proof = proofOf(place.write("a", bytes), offset);
        expect(holds(place.write("a", Buffer.concat([bytes, more])), proof, offset)).toBe(true);
      }),
    );
  });

  test("fails when the file ends before the cursor", () => {
    using place = scratch({ fast: true });
    fc.assert(
      fc.property(content, fc.nat(), (bytes, at) => {
        fc.pre(bytes.length > 0);
        const proof = proofOf(place.write("a", bytes), bytes.length);
        expect(holds(place.write("a", bytes.subarray(0, at % bytes.length)), proof, bytes.length)).toBe(false);
      }),
    );
  });

  test("fails when any of the first 1024 or of the 256 bytes before the cursor is another", () => {
    using place = scratch({ fast: true });
    const seen = { head: 0, anchor: 0, between: 0 };
    fc.assert(
      fc.property(content, fc.nat(), (bytes, at) => {
        fc.pre(bytes.length > 0);
        const spot = at % bytes.length;
        const changed = Buffer.from(bytes);
        changed[spot] = changed[spot]! ^ 1;
        const part = spot < 1024 ? "head" : spot >= bytes.length - 256 ? "anchor" : "between";
        seen[part]++;
        const proof = proofOf(place.write("a", bytes), bytes.length);
        expect(holds(place.write("a", changed), proof, bytes.length)).toBe(part === "between");
      }),
      { numRuns: 500 },
    );
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(5);
  });
});

describe("a file is the same", () => {
  test("under another name and by a second name, but not when it was replaced, however alike", () => {
    using place = scratch();
    const path = place.write("a", "content");
    const stamp = stampAt(path);
    linkSync(path, join(place.home, "b"));
    expect(sameFile(stamp, stampAt(join(place.home, "b")))).toBe(true);
    renameSync(path, join(place.home, "c"));
    expect(sameFile(stamp, stampAt(join(place.home, "c")))).toBe(true);
    expect(sameFile(stamp, stampAt(place.write("a", "content")))).toBe(false);
  });

  test("only with its birth: a file that was given the inode of a deleted one is another", () => {
    using place = scratch();
    const path = place.write("a", "content");
    const stamp = stampAt(path);
    let isReused = false;
    for (let round = 0; round < 50 && !isReused; round++) {
      rmSync(path);
      const next = stampAt(place.write("a", "content"));
      isReused = next.ino === stamp.ino;
      expect(sameFile(stamp, next)).toBe(false);
    }
    expect(sameFile(stamp, { ...stamp, birth: stamp.birth + 0.001 })).toBe(false);
    expect(sameFile(stamp, { ...stamp, dev: stamp.dev + 1 })).toBe(false);
  });
});

describe("a file is taken for unchanged", () => {
  const old: Stamp = { dev: 1, ino: 2, birth: 3, size: 4, mtime: 1000, ctime: 1000 };

  test("only when everything about it, its reader and its sidecars is the same", () => {
    const mark = markOf(old, 1, "");
    expect(markOf({ ...old }, 1, "")).toBe(mark);
    expect(Number.isSafeInteger(mark) && mark > 0).toBe(true);
    for (const change of [{ size: 5 }, { mtime: 999 }, { ctime: 1001 }, { ino: 3 }, { dev: 2 }, { birth: 4 }])
      expect(markOf({ ...old, ...change }, 1, "")).not.toBe(mark);
    expect(markOf(old, 2, "")).not.toBe(mark);
    expect(markOf(old, 1, "-wal:7:0:5")).not.toBe(mark);
  });

  test("and it had rested before it was read", () => {
    expect(isSettled(old, 3001)).toBe(true);
    for (const readAt of [500, 1000, 2999, 3000]) expect(isSettled(old, readAt)).toBe(false);
  });
});

/** The end of it all: what an archive holds after a file was changed under its cursor in every way there is. */
describe("nothing is skipped and nothing is told twice when a file is", () => {
  const HEAD = callLines(0, 40, "s1");
  const both = (place: Scratch): Promise<unknown> => syncInto(place.data, place.home);

  async function expectAfter(change: (place: Scratch, path: string) => void, calls: number[]): Promise<void> {
    using place = scratch();
    const path = place.write(sessionPath("s1"), HEAD);
    await both(place);
    change(place, path);
    await both(place);
    await both(place);
    expect(callNumbers(archived(place.data))).toEqual(calls);
  }

  const longer = HEAD.slice(0, HEAD.indexOf("\n") + 1) + callLines(100, 160, "s1");
  const upTo = (n: number, more: number[] = []): number[] => [...numbersTo(n), ...more];
  const hundred = Array.from({ length: 60 }, (_, at) => 100 + at);

  test("cut short and grown again beyond its old size, with the same head", () =>
    expectAfter((place) => place.write(sessionPath("s1"), longer), upTo(40, hundred)));

  test("replaced by another with the same head and size", () =>
    expectAfter(
      (place) => {
        const text = longer.slice(0, HEAD.length).replace(/[^\n]*$/, (rest) => " ".repeat(rest.length));
        place.replace(sessionPath("s1"), text);
      },
      upTo(40, callNumbersOf(longer.slice(0, HEAD.length))),
    ));

  test("edited in place, same size, with its old times put back", () =>
    expectAfter(
      (place, path) => {
        const { atime, mtime } = statSync(path);
        const other = callLine(90, "s1").replace("An answer.", "An answer");
        expect(other).toHaveLength(HEAD.indexOf("\n") + 1);
        place.write(sessionPath("s1"), other + HEAD.slice(other.length));
        utimesSync(path, atime, mtime);
      },
      upTo(40, [90]),
    ));

  test("deleted and made again until it gets the old inode", () =>
    expectAfter(
      (place, path) => {
        for (let round = 0; round < 20; round++) {
          rmSync(path);
          place.write(sessionPath("s1"), callLines(100, 160, "s1"));
        }
      },
      upTo(40, hundred),
    ));

  test("moved to another folder, while a new one takes its name", () =>
    expectAfter(
      (place, path) => {
        place.write(sessionPath("s0"), "");
        renameSync(path, join(place.home, sessionPath("s0")));
        place.write(sessionPath("s1"), callLines(100, 160, "s1"));
      },
      upTo(40, hundred),
    ));
});

/** The calls whose whole lines are in a text. */
function callNumbersOf(text: string): number[] {
  const numbers = text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter(Boolean)
    .map((line) => Number(JSON.parse(line).message.usage.input_tokens));
  return numbers.filter((n) => n >= 40);
}
