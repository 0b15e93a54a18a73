/** Proves the record's line: valid by its own schema, the same from anywhere, and giving back what the ledger knew of it. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import * as v from "valibot";
import type { Draft } from "../../src/record/draft.ts";
import { encode, ledgerFactsOf, type Origin } from "../../src/record/encode.ts";
import { OPERATIONS } from "../../src/record/operations.ts";
import { recordSchema, type WeirRecord } from "../../src/record/schema.ts";

const origin: Origin = {
  agent: "claude-code",
  stream: "transcript",
  path: ".claude/projects/p/s.jsonl",
  host: "0123456789abcdef",
  homes: ["/home/dev"],
};

const call: Draft = {
  key: "msg_01",
  fact: "msg_01",
  operation: "chat",
  session_id: "s",
  time: "2026-11-21T05:20:29.192Z",
  end_time: "2026-11-21T05:20:30Z",
  duration_ms: 808,
  turn: 0,
  model: "claude-sonnet-4-5",
  usage: { input_tokens: 10, output_tokens: 5 },
  cwd: "/home/dev/project-a",
  at: { offset: 17 },
};

const parsed = (line: string): WeirRecord => JSON.parse(line) as WeirRecord;

const text = fc.oneof(fc.string({ unit: "grapheme", maxLength: 20 }), fc.string({ unit: "binary", maxLength: 8 }));
const count = fc.nat({ max: 2 ** 40 });
const time = fc
  .date({ min: new Date(0), max: new Date("2100-01-01"), noInvalidDate: true })
  .map((date) => date.toISOString());
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq: 2 });
const scalars = maybe(
  fc.dictionary(text, fc.oneof(text, fc.boolean(), fc.double({ noNaN: true, noDefaultInfinity: true }))),
);

/** Any draft that a reducer may give: any text anywhere, any field missing. */
const drafts: fc.Arbitrary<Draft> = fc.record({
  key: text,
  scope: maybe(text),
  fact: maybe(text),
  operation: fc.constantFrom(...OPERATIONS),
  open: maybe(fc.constant(true as const)),
  time: maybe(time),
  end_time: maybe(time),
  duration_ms: maybe(fc.double({ min: 0, max: 1e9, noNaN: true })),
  turn: maybe(count),
  agent_version: maybe(text),
  kind: maybe(fc.constantFrom("client", "internal")),
  session_id: maybe(text),
  parent_session_id: maybe(text),
  forked_from: maybe(text),
  conversation_id: maybe(text),
  subagent: maybe(fc.record({ id: maybe(text), name: maybe(text) })),
  name: maybe(text),
  trace_id: maybe(text),
  status: maybe(fc.constantFrom("ok", "error", "unset")),
  error_type: maybe(text),
  model: maybe(text),
  response_id: maybe(text),
  finish_reasons: maybe(fc.array(text, { maxLength: 3 })),
  usage: maybe(
    fc.record({ input_tokens: maybe(count), output_tokens: maybe(count), reasoning_output_tokens: maybe(count) }),
  ),
  aggregate: maybe(fc.constant(true as const)),
  cost_usd: maybe(fc.double({ min: 0, max: 1e6, noNaN: true })),
  tool: maybe(fc.record({ name: maybe(text), call_id: maybe(text), type: maybe(text) })),
  cwd: maybe(text),
  repository: maybe(text),
  branch: maybe(text),
  attributes: scalars,
  resource: scalars,
  at: maybe(fc.record({ offset: maybe(count), index: maybe(count), row: maybe(fc.oneof(text, count)) })),
}) as fc.Arbitrary<Draft>;

describe("a record's line", () => {
  test("is one line of JSON that its own schema accepts, whatever stands in the draft", () => {
    fc.assert(
      fc.property(drafts, fc.nat({ max: 9 }), (draft, rev) => {
        const line = encode(draft, origin).line(rev);
        expect(line.indexOf("\n")).toBe(line.length - 1);
        const record = parsed(line);
        expect(v.safeParse(v.strictObject(recordSchema.entries), record).issues).toBeUndefined();
        expect(record.rev).toBe(rev);
        expect(line).not.toContain("null");
      }),
      { numRuns: 500 },
    );
  });

  test("gives the ledger back exactly what it knew, so that a lost state can be made anew", () => {
    fc.assert(
      fc.property(drafts, fc.nat({ max: 9 }), (draft, rev) => {
        const encoded = encode(draft, origin);
        const { id, content, when, score, captured } = encoded;
        expect(ledgerFactsOf(parsed(encoded.line(rev)))).toEqual({ id, content, when, score, captured, rev });
      }),
      { numRuns: 500 },
    );
  });

  test("is the same whatever was encoded before it", () => {
    fc.assert(
      fc.property(fc.array(drafts, { minLength: 1, maxLength: 4 }), (list) => {
        const alone = list.map((draft) => encode(draft, { ...origin }).line(0));
        expect(list.map((draft) => encode(draft, origin).line(0))).toEqual(alone);
      }),
    );
  });

  test("keeps the id and the content's hash on another host, and the id from another file", () => {
    fc.assert(
      fc.property(drafts, (draft) => {
        const here = encode(draft, origin);
        const there = encode(draft, { ...origin, host: "fedcba9876543210", path: "elsewhere/s.jsonl" });
        expect({ id: there.id, content: there.content, when: there.when }).toEqual({
          id: here.id,
          content: here.content,
          when: here.when,
        });
        expect(parsed(there.line(0)).id).toBe(parsed(here.line(0)).id);
      }),
    );
  });

  test("is known to differ in its content, or only in its times", () => {
    const known = encode(call, origin);
    const later = encode({ ...call, end_time: "2026-11-21T05:20:31Z", duration_ms: 1808, turn: 1, open: true }, origin);
    const other = encode({ ...call, model: "claude-opus-4-8" }, origin);
    expect(later).toMatchObject({ id: known.id, content: known.content });
    expect(later.when).not.toBe(known.when);
    expect(other).toMatchObject({ id: known.id, when: known.when });
    expect(other.content).not.toBe(known.content);
  });

  test("says nothing where nothing is known, and where it was read", () => {
    const record = parsed(encode({ key: "k", operation: "session" }, origin).line(0));
    expect(Object.keys(record)).toEqual(["v", "id", "fact", "rev", "agent", "stream", "operation", "source", "host"]);
    expect(record.fact).toBe(record.id);
    expect(record.source).toEqual({ path: origin.path });
    expect(parsed(encode(call, origin).line(0)).source).toEqual({ path: origin.path, offset: 17 });
    expect(parsed(encode({ ...call, at: { row: "r", index: 3 } }, origin).line(0)).source).toEqual({
      path: origin.path,
      row: "r",
      index: 3,
    });
  });

  test("writes the home folder as ~ and an address without its password", () => {
    const record = parsed(encode({ ...call, repository: "https://me:token@example.com/r.git" }, origin).line(0));
    expect(record.cwd).toBe("~/project-a");
    expect(record.repository).toBe("https://example.com/r.git");
  });

  test("writes the home folder as ~ in a repository's address too", () => {
    for (const [repository, told] of [
      ["/home/dev/git/app.git", "~/git/app.git"],
      ["file:///home/dev/git/my%20app.git", "~/git/my app.git"],
      ["file:///c%3A/Users/ana/r", "~/r"],
      ["C:\\Users\\ana\\r", "~\\r"],
      ["/srv/git/app.git", "/srv/git/app.git"],
      ["git@example.com:dev/app.git", "git@example.com:dev/app.git"],
    ] as const)
      expect(parsed(encode({ ...call, repository }, origin).line(0)).repository).toBe(told);
  });
});

describe("what a telling knows", () => {
  const score = (draft: Partial<Draft>): number => encode({ ...call, ...draft }, origin).score;

  test("is more with more tokens, whatever else is known", () => {
    expect(score({ usage: { input_tokens: 11, output_tokens: 5 }, model: undefined, cwd: undefined })).toBeGreaterThan(
      score({}),
    );
  });

  test("is more with more fields of the same tokens", () => {
    expect(score({ status: "ok" })).toBeGreaterThan(score({}));
    expect(score({ tool: { name: "Bash" } })).toBeGreaterThan(score({ tool: {} }));
    expect(score({ time: undefined, end_time: undefined, duration_ms: undefined })).toBe(score({}));
  });
});
