/** Proves that what counts, worked out on rows of numbers, is what the rule said plainly gives, for any records. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { standingOf } from "../../src/agents/index.ts";
import { Counter } from "../../src/archive/count/counts.ts";
import { Numbers } from "../../src/archive/count/numbers.ts";
import { toldBy } from "../../src/archive/count/told.ts";
import type { Verdict } from "../../src/archive/count/verdicts.ts";
import { OPERATIONS } from "../../src/record/operations.ts";
import type { WeirRecord } from "../../src/record/schema.ts";
import { again, archived, syncInto } from "../support/archive.ts";
import { fixtureHomes } from "../support/fixtures.ts";
import { scratch } from "../support/home.ts";
import { PlainCounter } from "../support/plain-counts.ts";

interface Judged {
  readonly verdicts: readonly Verdict[];
  readonly parents: readonly (string | undefined)[];
}

function plainly(records: readonly WeirRecord[], rank: typeof standingOf): Judged {
  const counter = new PlainCounter(rank);
  for (const record of records) counter.add(record, JSON.stringify(record));
  const verdictOf = counter.verdicts();
  return { verdicts: records.map((_, at) => verdictOf(at)), parents: records.map((r) => counter.parentOf(r)) };
}

function compactly(records: readonly WeirRecord[], rank: typeof standingOf): Judged {
  const counter = new Counter(rank, again(records));
  for (const record of records) counter.add(toldBy(record));
  const verdicts = counter.verdicts();
  return { verdicts: records.map((_, at) => verdicts.of(at)), parents: records.map((r) => verdicts.parentOf(r)) };
}

describe("what counts is what the rule said plainly gives", () => {
  for (const { name, path } of fixtureHomes) {
    test(`${name}`, async () => {
      using place = scratch({ fast: true });
      await syncInto(place.data, path);
      const records = archived(place.data);
      expect(compactly(records, standingOf)).toEqual(plainly(records, standingOf));
    });
  }

  test("all agents in one archive", async () => {
    using place = scratch({ fast: true });
    for (const { path } of fixtureHomes) await syncInto(place.data, path);
    const records = archived(place.data);
    expect(compactly(records, standingOf)).toEqual(plainly(records, standingOf));
  });

  /** Few values of each kind, so that everything meets everything. */
  const few = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
  const record: fc.Arbitrary<WeirRecord> = fc
    .record(
      {
        id: fc.nat(12).map((n) => n.toString(16).padStart(8, "0").repeat(4)),
        fact: few("a", "b", "c", "d", "e"),
        rev: few(0, 0, 0, 1, 2),
        agent: few("x", "x", "y"),
        stream: few("s1", "s2", "s3"),
        operation: fc.oneof(few("chat" as const, "chat" as const), few(...OPERATIONS)),
        time: few("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.001Z", "2026-01-01T00:00:00.0015Z"),
        end_time: few("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.001Z", "2026-01-01T00:00:01Z"),
        session_id: few("p", "q", "é"),
        parent_session_id: few("p", "q", "r"),
        forked_from: few("p"),
        subagent: few<WeirRecord["subagent"]>(
          { id: "z" },
          { id: "z", name: "n" },
          { id: "y", name: "n" },
          { name: "m" },
          {},
        ),
        trace_id: few("t1", "t2"),
        span_id: few("1", "2", "3", "a1b2c3d4e5f60718", "b1b2c3d4e5f60718"),
        parent_span_id: few("1", "2", "3"),
        aggregate: few(true as const),
        status: few("ok" as const),
        duration_ms: few(5),
        agent_name: few("n"),
        usage: few({ input_tokens: 1 }, { output_tokens: 1 }, { input_tokens: 2 }, { input_tokens: 0 }),
        model: few("m", "mm", "mé"),
        attributes: few<WeirRecord["attributes"]>({ "gen_ai.operation.name": "core_event" }, { x: 1 }),
        host: few("h", "g"),
        path: few("f1", "f2"),
      },
      {
        requiredKeys: ["id", "fact", "rev", "agent", "stream", "operation", "host", "path"],
      },
    )
    .map(({ path, host, ...rest }) => ({ v: 1 as const, ...rest, source: { path }, host }));

  test("any records", () => {
    const rank: typeof standingOf = (agent, stream) =>
      agent === "x" ? { rank: Number(stream.slice(1)), ...(stream === "s2" && { moments: true }) } : { rank: 1 };
    fc.assert(
      fc.property(fc.array(record, { maxLength: 40 }), (records) => {
        expect(compactly(records, rank)).toEqual(plainly(records, rank));
      }),
      { numRuns: 1000 },
    );
  });

  test("many records, in blocks and tables that grow", () => {
    const made = fc.sample(record, { numRuns: 20_000, seed: 1 }).map((r, n) => {
      const id = Bun.hash(String(n % 18_000))
        .toString(16)
        .padStart(16, "0")
        .repeat(2);
      return { ...r, id, fact: `f${n % 15_000}`, session_id: `s${n % 700}` };
    });
    expect(compactly(made, standingOf)).toEqual(plainly(made, standingOf));
  });
});

test("what one id tells is one fact, whatever it was called while it was open, in any order", () => {
  const told = (host: string, fact: string, output_tokens: number): WeirRecord => ({
    ...{ v: 1, rev: 0, agent: "x", stream: "s", operation: "chat", session_id: "p" },
    ...{ id: "0123456789abcdef0123456789abcdef", fact, usage: { output_tokens } },
    ...{ source: { path: "f" }, host },
  });
  const records = [told("a", "print of what was known", 1), told("b", "response", 2), told("c", "response", 1)];
  for (const order of [records, records.toReversed()])
    expect(order.filter((_, at) => compactly(order, standingOf).verdicts[at] !== "no")).toEqual([
      records[1] as WeirRecord,
    ]);
});

test("of two homes that have the same file the latest revision counts, of the same the fuller one, in any order", () => {
  const told = (output_tokens: number, rev: number): WeirRecord => ({
    ...{ v: 1, rev, agent: "x", stream: "s", operation: "chat", session_id: "p" },
    ...{ id: "0123456789abcdef0123456789abcdef", fact: "f", usage: { output_tokens } },
    ...{ source: { path: "a" }, host: "h" },
  });
  const counting = (...records: WeirRecord[]): unknown[] =>
    records.filter((_, at) => compactly(records, standingOf).verdicts[at] !== "no").map((r) => r.usage?.output_tokens);
  const [a, b, c] = [told(100, 0), told(250, 0), told(50, 1)];
  for (const order of [
    [a, b],
    [b, a],
  ] as const)
    expect(counting(...order)).toEqual([250]);
  for (const order of [
    [a, b, c],
    [b, a, c],
    [c, a, b],
    [a, c, b],
  ] as const)
    expect(counting(...order)).toEqual([50]);
});

describe("of the tellings of a fact, in any order, counts", () => {
  const told = ({ source = { path: "a" }, ...more }: Partial<WeirRecord>): WeirRecord => ({
    ...{ v: 1, id: "0123456789abcdef0123456789abcdef", fact: "f", rev: 0 },
    ...{ agent: "x", stream: "s", operation: "chat", session_id: "p" },
    ...more,
    ...{ source, host: "h" },
  });
  const session = (session_id: string, time: string): WeirRecord =>
    told({ session_id, time, operation: "session", id: session_id.repeat(32), fact: session_id });
  const rank: typeof standingOf = (_, stream) => ({ rank: stream === "believed" ? 2 : 1 });
  const counts = (expected: WeirRecord, ...others: WeirRecord[]): void => {
    for (const order of [
      [expected, ...others],
      [...others, expected],
    ]) {
      const { verdicts } = compactly(order, rank);
      expect(verdicts[order.indexOf(expected)]).toBe("counts");
      expect(order.filter((r, at) => r.operation === "chat" && verdicts[at] !== "no")).toEqual([expected]);
    }
  };

  test("one that knows tokens before one of a stream that is believed more and knows none", () => {
    counts(told({ id: "a".repeat(32), usage: { input_tokens: 1 } }), told({ id: "b".repeat(32), stream: "believed" }));
  });

  test("the original's whole call, not the part of it that a fork copied while it was answered", () => {
    const fork = told({ id: "a".repeat(32), session_id: "q", usage: { output_tokens: 1 }, source: { path: "b" } });
    counts(
      told({ usage: { output_tokens: 845 }, end_time: "2026-01-01T01:00:00Z" }),
      ...[fork, session("p", "2026-01-01T00:00:00Z"), session("q", "2026-01-01T00:00:00Z")],
    );
  });

  test("no other call of a log record whose own call its span tells", () => {
    const call = (fact: string, span_id: string, from: number, to: number): WeirRecord[] => {
      const time = (ms: number): string => new Date(Date.UTC(2026, 0, 1) + ms).toISOString();
      const of = { fact, trace_id: "t", end_time: time(to) };
      return [
        told({ ...of, id: span_id.repeat(2), span_id, time: time(from) }),
        told({ ...of, id: `${span_id}${"0".repeat(16)}`, stream: "log", time: time(to) }),
      ];
    };
    const records = [...call("a", "a1b2c3d4e5f60718", 0, 53), ...call("b", "b1b2c3d4e5f60718", 3, 50)];
    expect(compactly(records, rank).verdicts).toEqual(["counts", "no", "counts", "no"]);
  });

  test("what was seen longer, where the file has moved in between", () => {
    for (const second of [1, 2, 3, 4, 5, 6, 7, 8])
      counts(
        told({ end_time: `2026-01-01T00:00:0${second + 1}Z`, source: { path: "moved" } }),
        told({ end_time: `2026-01-01T00:00:0${second}Z` }),
      );
  });

  test("the fuller one, not the copy that was all written at one later time", () => {
    counts(
      told({ time: "2026-01-01T00:00:00Z", end_time: "2026-01-01T00:00:05Z", duration_ms: 5000 }),
      told({ time: "2026-01-01T01:00:00Z", end_time: "2026-01-01T01:00:00Z", duration_ms: 0, source: { path: "b" } }),
    );
  });
});

test("a run that is told for the sum of its calls alone counts only where no call of the session has tokens", () => {
  const told = (operation: "chat" | "invoke_agent", fact: string, more: Partial<WeirRecord>): WeirRecord => ({
    ...{ v: 1, rev: 0, agent: "x", stream: "s", operation, session_id: "p", id: fact.padEnd(32, "0"), fact },
    ...{ usage: { output_tokens: 1 }, source: { path: "f" }, host: "h", ...more },
  });
  const sum = told("invoke_agent", "a", { aggregate: true, time: "2026-01-01T00:00:00Z" });
  const runs = [{ status: "ok" as const }, { duration_ms: 1 }, { agent_name: "n" }, { trace_id: "t", span_id: "1" }];
  const records = [sum, ...runs.map((more, n) => told("invoke_agent", `b${n}`, { ...more, aggregate: true }))];
  expect(compactly(records, standingOf).verdicts).toEqual(records.map(() => "counts"));
  const call = told("chat", "c", {});
  expect(compactly([...records, call], standingOf).verdicts).toEqual([
    ...["no" as const, ...runs.map(() => "counts without usage" as const), "counts" as const],
  ]);
});

test("numbers are given in the order of coming, once for each hash", () => {
  const numbers = new Numbers();
  for (const round of [0, 1])
    for (let n = 0; n < 20_000; n++) if (numbers.of(n * 7, n % 640) !== n) throw new Error(`${n} in round ${round}`);
  expect(numbers.known(1, 1)).toBe(-1);
  expect(numbers.count).toBe(20_000);
});
