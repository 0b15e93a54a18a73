/** Owns the proof of what one OpenTelemetry GenAI span says, whoever wrote it. */
import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../src/record/json.ts";
import { hrTime, sdkSpan } from "../../src/record/sdk.ts";
import { bareSpan, isRandomSpanId, spanDraft, spanFact, spanOperation, spanUsage } from "../../src/record/spans.ts";

const IDS = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };
const spanOf = (name: string, attributes: JsonObject, more: JsonObject = {}) => ({
  ...IDS,
  name,
  start: "2026-03-30T10:00:00.000Z",
  attributes,
  events: [],
  ...more,
});
const draftOf = (name: string, attributes: JsonObject, more: JsonObject = {}) =>
  spanDraft(spanOf(name, attributes, more));

test("operations are the conventions' own; what they do not know is other, and keeps its name", () => {
  const told = (name: string, operation?: string) =>
    spanOperation({ name, attributes: operation ? { "gen_ai.operation.name": operation } : {} });
  expect(["chat", "generate_content", "text_completion"].map((op) => told("x", op))).toEqual(["chat", "chat", "chat"]);
  expect(["embeddings", "execute_tool", "invoke_agent", "execute_hook"].map((op) => told("x", op))).toEqual([
    "embeddings",
    "execute_tool",
    "invoke_agent",
    "execute_hook",
  ]);
  expect([told("x", "create_agent"), told("x", "toString"), told("chat gpt"), told("hook stop")]).toEqual([
    "other",
    "other",
    "other",
    "execute_hook",
  ]);
  expect(draftOf("plan trip", { "gen_ai.operation.name": "plan" })).toMatchObject({
    name: "plan trip",
    attributes: { "gen_ai.operation.name": "plan" },
  });
});

test("usage is found under every name it had, never added up; nothing is told as 0 that was not said", () => {
  expect(spanUsage({ "gen_ai.usage.prompt_tokens": "9", "gen_ai.usage.completion_tokens": 8 })).toEqual({
    input_tokens: 9,
    output_tokens: 8,
  });
  expect(
    spanUsage({
      "gen_ai.usage.input_tokens": 100,
      "gen_ai.usage.cache_read.input_tokens": 60,
      "gen_ai.usage.cache_creation.input_tokens": 30,
      "gen_ai.usage.cache_write.input_tokens": 30,
      "gen_ai.usage.reasoning_tokens": 5,
      "gen_ai.usage.output_tokens": 7,
    }),
  ).toEqual({
    input_tokens: 100,
    output_tokens: 7,
    cache_read_input_tokens: 60,
    cache_creation_input_tokens: 30,
    reasoning_output_tokens: 5,
  });
  expect(spanUsage({ "gen_ai.usage.input_tokens": 0, "gen_ai.usage.output_tokens": 0 })).toBeUndefined();
  expect(spanUsage({ "gen_ai.usage.input_tokens": "many", "gen_ai.usage.output_tokens": -1 })).toBeUndefined();
});

describe("a draft", () => {
  test("of a call is a client's, ok when its status is unset or ok", () => {
    const call = {
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "gemini",
      "gen_ai.response.finish_reasons": '["stop"]',
    };
    expect(draftOf("chat x", call)).toMatchObject({
      kind: "client",
      status: "ok",
      provider: "gcp.gemini",
      finish_reasons: ["stop"],
    });
    expect(draftOf("chat x", call, { status: 2 })).toMatchObject({ status: "error" });
    expect(draftOf("chat x", { ...call, "gen_ai.response.finish_reasons": ["cancelled"] })).toMatchObject({
      status: "unset",
    });
  });

  test("has the class of an error, never its message", () => {
    const events = [
      { name: "exception", attributes: { "exception.type": "FetchError", "exception.message": "secret" } },
    ];
    expect(draftOf("x", {}, { status: 2, events })).toMatchObject({
      error_type: "FetchError",
      events: [{ attributes: { "exception.type": "FetchError" } }],
    });
    expect(draftOf("x", { "error.type": "cannot open /home/dev/x" }, { status: 2 }).error_type).toBeUndefined();
  });

  test("of a run has its usage as a sum, of a tool its name", () => {
    expect(
      draftOf("invoke_agent", { "gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 5 }),
    ).toMatchObject({ aggregate: true, kind: "internal" });
    expect(draftOf("execute_tool bash", { "gen_ai.operation.name": "execute_tool" }).tool).toEqual({
      name: "bash",
      call_id: undefined,
      type: undefined,
    });
  });

  test("keeps allow-listed attributes in their type, whatever type the store has, and names the unknown ones", () => {
    const unknown: string[] = [];
    const attributes = {
      "gen_ai.request.max_tokens": "16384",
      "gen_ai.request.stream": "true",
      "server.address": "h",
      "gen_ai.input.messages": "secret",
      "my.key": 1,
      "gen_ai.request.top_p": "no",
    };
    const draft = spanDraft(spanOf("x", attributes), (name) => unknown.push(name));
    expect(draft.attributes).toEqual({
      "gen_ai.request.max_tokens": 16384,
      "gen_ai.request.stream": true,
      "server.address": "h",
    });
    expect(unknown).toEqual(["my.key"]);
  });
});

test("a random span id is a fact by itself, a counter only with its trace and start", () => {
  expect([isRandomSpanId("b7ad6b7169203331"), isRandomSpanId("000000000000000c"), isRandomSpanId("c")]).toEqual([
    true,
    false,
    false,
  ]);
  expect(spanFact({ ...IDS, start: "a" })).toBe(IDS.spanId);
  const counter = { traceId: "1", spanId: "000000000000000c" };
  expect(spanFact({ ...counter, start: "a" })).not.toBe(spanFact({ ...counter, start: "b" }));
});

test("a span that is put aside keeps what its record needs, and no text", () => {
  const attributes = {
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.tool.name": "bash",
    "gen_ai.tool.call.arguments": "secret",
    "my.text": "secret",
    "my.session": "s",
  };
  const events = [{ name: "exception", attributes: { "exception.message": "secret" } }];
  const bare = bareSpan(spanOf("execute_tool bash", attributes, { events }), (name) => name === "my.session");
  expect(JSON.stringify(bare)).not.toContain("secret");
  expect(bare.attributes["my.session"]).toBe("s");
  expect(spanDraft(bare)).toMatchObject({ operation: "execute_tool", tool: { name: "bash" } });
});

test("names of events lose what looks like a secret, also where a name is cut and where a span is put aside", () => {
  const secret = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";
  const events = [`used ${secret}`, `${"x".repeat(110)} ${secret}`, "exception"].map((name) => ({
    name,
    attributes: {},
  }));
  const span = spanOf("x", {}, { events });
  const names = [spanDraft(span), bareSpan(span, () => false)].map((told) => told.events?.map(({ name }) => name));
  expect(names[1]).toEqual(names[0]!);
  expect(names[0]!.map((name) => name.includes("ghp_"))).toEqual([false, false, false]);
  expect(names[0]![2]).toBe("exception");
});

test("the SDK's own JSON keeps its nanoseconds", () => {
  expect(hrTime([1795237839, 721147132])).toBe("2026-11-21T05:10:39.721147132Z");
  expect([hrTime([1, -1]), hrTime([1]), hrTime("x")]).toEqual([undefined, undefined, undefined]);
  expect(
    sdkSpan({
      ...IDS,
      name: "x",
      startTime: [1, 0],
      endTime: [1, 295782],
      duration: [0, 295782],
      parentSpanContext: { spanId: "p" },
    }),
  ).toMatchObject({
    parentSpanId: "p",
    durationMs: 0.296,
    end: "1970-01-01T00:00:01.000295782Z",
  });
  expect(sdkSpan({ name: "x" })).toBeUndefined();
});
