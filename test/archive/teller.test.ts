/** Proves that what is told of a line without parsing it is what its record tells, whatever the line; or nothing is told. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Teller } from "../../src/archive/count/teller.ts";
import { type Told, toldBy } from "../../src/archive/count/told.ts";
import { allLines } from "../../src/archive/counting.ts";
import { recordIn } from "../../src/record/line.ts";
import { OPERATIONS } from "../../src/record/operations.ts";
import { readableSegments, syncInto } from "../support/archive.ts";
import { fixtureHomes } from "../support/fixtures.ts";
import { scratch } from "../support/home.ts";
import { random, SEED } from "../support/random.ts";

const CAPACITY = 1 << 18;
const teller = new Teller(CAPACITY);

/** What is told, as it can be compared. */
function plain(told: Told): unknown {
  const { agent, stream, session_id, parent_session_id, forked_from } = told.frame;
  const { idHigh, idLow, source, rev, operation, factHigh, factLow, time, tokens, spanHigh, spanLow } = told;
  return {
    frame: { agent, stream, session_id, parent_session_id, forked_from },
    numbers: [idHigh, idLow, source, rev, factHigh, factLow, time, tokens, spanHigh, spanLow],
    operation,
    flags: [told.isDebugOnly, told.isSidechain, told.isTraced, told.isNested, told.isAggregate],
  };
}

/** What is told of each of these lines, as many at a time as there is room for; undefined where nothing is. */
function tell(lines: readonly string[]): unknown[] {
  const told: unknown[] = [];
  for (let from = 0; from < lines.length; ) {
    let length = 0;
    const first = from;
    for (; from < lines.length; from++) {
      const bytes = Buffer.byteLength(lines[from]!) + 1;
      if (from > first && length + bytes > CAPACITY) break;
      length += bytes;
    }
    const text = `${lines.slice(first, from).join("\n")}\n`;
    const chunk = length > CAPACITY ? Buffer.from(text) : teller.bytes.subarray(0, teller.bytes.write(text));
    teller.each(chunk, (known, start, end) => {
      expect(chunk.toString("utf8", start, end)).toBe(lines[told.length]!);
      told.push(known && plain(known));
    });
  }
  return told;
}

const parsed = (line: string): unknown => {
  const record = recordIn(line);
  return record?.v === 1 ? plain(toldBy(record)) : undefined;
};

/** Nothing is told of a line, or what its record tells. Gives how many were told. */
function expectTold(lines: readonly string[]): number {
  const all = tell(lines);
  expect(all).toHaveLength(lines.length);
  let count = 0;
  for (const [at, told] of all.entries()) {
    if (told === undefined) continue;
    expect(parsed(lines[at]!)).toEqual(told);
    count++;
  }
  return count;
}

async function archivedLines(): Promise<string[]> {
  using place = scratch({ fast: true });
  for (const { path } of fixtureHomes) await syncInto(place.data, path);
  return [...allLines(readableSegments(place.data))].map(({ line }) => line!);
}

const base = {
  v: 1,
  id: "0123456789abcdef0123456789abcdef",
  fact: "msg_1",
  rev: 0,
  time: "2026-11-21T01:54:40.000Z",
  agent: "claude-code",
  stream: "transcript",
  session_id: "s",
  operation: "chat",
  usage: { input_tokens: 3, output_tokens: 4 },
  source: { path: "a/b.jsonl", offset: 5 },
  host: "h",
};

const only = (line: string): unknown => tell([line])[0];

describe("what is told of a line is what its record tells", () => {
  test("for all that the fixtures' archives hold, of nearly every line", async () => {
    const lines = await archivedLines();
    expect(lines.length).toBeGreaterThan(2000);
    const others = lines.filter((line) => line.includes('"operation":"other"')).length;
    expect(expectTold(lines)).toBeGreaterThan((lines.length - others) * 0.98);
  });

  test("for lines of which any byte is another", async () => {
    const lines = await archivedLines();
    const r = random(SEED);
    const mutated = Array.from({ length: 20_000 }, () => {
      const bytes = Buffer.from(r.pick(lines));
      const at = r.int(0, bytes.length - 1);
      bytes[at] = r.chance(0.5) ? r.int(0x20, 0x7e) : r.pick([...Buffer.from('"\\{}[]:,019eE.-+tfnu ')]);
      return bytes.toString("utf8").replaceAll("\n", " ");
    });
    const held = mutated.filter((line) => parsed(line) !== undefined);
    expect(expectTold(held)).toBeGreaterThan(held.length / 2);
    tell(mutated);
  });

  test("for lines that are the line before but for one byte, which is another, more or gone", async () => {
    const lines = await archivedLines();
    const r = random(SEED);
    const near = Array.from({ length: 2000 }, () => r.pick(lines)).flatMap((line) => {
      const at = r.int(0, line.length - 1);
      const byte = r.pick([...'"\\{}[]:,0123456789abcdef']);
      const [before, after] = [line.slice(0, at), line.slice(at + 1)];
      return [line, before + byte + after, line, before + byte + line[at] + after, line, before + after, line];
    });
    expect(near.length).toBe(14_000);
    expect(expectTold(near.filter((line) => parsed(line) !== undefined))).toBeGreaterThan(7000);
    tell(near);
  });

  const any = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom('"', "\\", "a\u0000b", "x".repeat(300)));
  const odd: fc.Arbitrary<unknown> = fc.oneof(
    any,
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(any),
    fc.object(),
  );
  /** Mostly what a record has there; what else JSON may have, now and then. */
  const mostly = <T>(usual: fc.Arbitrary<T>, other: fc.Arbitrary<unknown> = odd): fc.Arbitrary<unknown> =>
    fc.oneof({ weight: 25, arbitrary: usual }, { weight: 1, arbitrary: other });
  const text = mostly(fc.stringMatching(/^[\w é-]{0,40}$/), any);
  const two = (n: number): string => String(n).padStart(2, "0");
  const moment = fc.date({ min: new Date("1969-12-30"), max: new Date("2101-01-01"), noInvalidDate: true });
  const part = fc.integer({ min: -1, max: 61 }).map(two);
  const time = mostly(
    fc
      .tuple(moment, fc.constantFrom("", ".1", ".12", ".123", ".000000001", ".999999999"))
      .map(([date, fraction]) => `${date.toISOString().slice(0, 19)}${fraction}Z`),
    fc
      .tuple(part, part, part, part, part, fc.constantFrom("Z", "+01:00", ".Z", ".1234567891Z", ".x23Z"))
      .map(([month, day, hour, minute, second, end]) => `2026-${month}-${day}T${hour}:${minute}:${second}${end}`),
  );
  const count = mostly(fc.nat(), fc.constantFrom(1e15, 1e16, 0.5, -1));
  const fields = fc.record(
    {
      v: mostly(fc.constant(1), fc.constantFrom(2, "1")),
      id: mostly(fc.constant(base.id), fc.constantFrom("ABCDEF0123456789".repeat(2), "", "0")),
      fact: mostly(text),
      rev: mostly(fc.nat(), fc.constantFrom(4294967295, 4294967296, -1, 1.5, 1e21)),
      time: mostly(time),
      agent: fc.constantFrom("a", "b"),
      stream: mostly(fc.constantFrom("s", "t")),
      session_id: mostly(text),
      parent_session_id: text,
      forked_from: text,
      operation: mostly(fc.constantFrom(...OPERATIONS)),
      subagent: odd,
      trace_id: mostly(text, fc.constant("f".repeat(2000))),
      span_id: mostly(text, fc.stringMatching(/^(000000[0-9a-f]{10}|00000[0-9a-f]{11}|[0-9a-f]{12}[0-9a-g/:A]{4})$/)),
      parent_span_id: mostly(text),
      aggregate: mostly(fc.constant(true), fc.constantFrom(false, "true", 1)),
      usage: mostly(fc.record({ input_tokens: count, output_tokens: count, more: odd }, { requiredKeys: [] })),
      source: mostly(fc.record({ path: text, offset: odd })),
      host: fc.constantFrom("h", "g"),
      extra: odd,
    },
    { requiredKeys: [] },
  );

  test("for lines with any fields, in any order", () => {
    const lines = fc.tuple(fc.array(fc.tuple(fields, fc.nat(), fc.boolean()), { minLength: 1, maxLength: 20 }));
    let told = 0;
    fc.assert(
      fc.property(lines, ([some]) => {
        told += expectTold(
          some.map(([own, turn, isSpaced]) => {
            const entries = Object.entries({ ...base, ...own });
            const turned = [...entries.slice(turn % entries.length), ...entries.slice(0, turn % entries.length)];
            return JSON.stringify(Object.fromEntries(turned), null, isSpaced ? 1 : 0).replaceAll("\n", " ");
          }),
        );
      }),
      { numRuns: 1000, seed: SEED },
    );
    expect(told).toBeGreaterThan(1000);
  }, 60_000);

  test("of every day and of every length of fraction", () => {
    const lines: string[] = [];
    for (let day = Date.UTC(1970, 0, 1); day < Date.UTC(2105, 0, 1); day += 86_400_000)
      lines.push(JSON.stringify({ ...base, time: new Date(day + (day % 86_399_999)).toISOString() }));
    expect(expectTold(lines)).toBeGreaterThan(lines.length * 0.95);
  });

  test("when a key comes twice, or is spelled with escapes, nothing is told", () => {
    const line = JSON.stringify(base);
    expect(only(line)).toEqual(parsed(line));
    expect(only(line.replace('"host":"h"', '"host":"h","host":"i"'))).toBeUndefined();
    expect(only(line.replace('"output_tokens":4', '"output_tokens":4,"output_tokens":5'))).toBeUndefined();
    expect(only(line.replace('"fact"', '"f\\u0061ct"'))).toBeUndefined();
    expect(only(`${line} `)).toBeUndefined();
    expect(only(`${line}${line}`)).toBeUndefined();
    expect(only(line.slice(0, -1))).toBeUndefined();
    expect(only("")).toBeUndefined();
  });

  test("when it has a key that the line before had not, or has not one that it had, though it were empty", () => {
    const { session_id, ...none } = base;
    const lines = [base, none, { ...none, session_id: "" }, none, { ...none, forked_from: "" }, none, base, base].map(
      (one) => JSON.stringify(one),
    );
    expect(session_id).toBe("s");
    expect(tell(lines)).toEqual(lines.map(parsed));
  });

  test("also after lines of which nothing is told, and after others that were longer than there is room for", () => {
    const line = JSON.stringify(base);
    const other = JSON.stringify({ ...base, session_id: "other" });
    const long = JSON.stringify({ ...base, session_id: "long", name: "x".repeat(CAPACITY) });
    const wide = JSON.stringify({ ...base, session_id: "y".repeat(5000) });
    const lines = [line, "garbage", line, other, wide, other, long, other, line, wide, line];
    const told = tell(lines);
    for (const at of [0, 2, 3, 5, 7, 8, 10]) expect(told[at]).toEqual(parsed(lines[at]!));
    for (const at of [1, 4, 6, 9]) expect(told[at]).toBeUndefined();
  });
});
