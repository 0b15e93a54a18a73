/** Proves that the validator of conventions finds nothing in a right span, and each thing that is wrong in others. */
import { expect, test } from "bun:test";
import { texts } from "../../src/export/attributes.ts";
import type { WeirRecord } from "../../src/record/schema.ts";
import type { ReadSpan } from "../support/otlp.ts";
import { contentViolations, violations } from "./semconv.ts";

const good: ReadSpan = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  parentSpanId: "",
  name: "chat gpt-5",
  kind: 3,
  start: 1n,
  end: 2n,
  status: 0,
  attributes: {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-5",
    "gen_ai.usage.input_tokens": 10,
    "gen_ai.usage.cache_read.input_tokens": 4,
  },
  events: [],
  resource: { "service.name": "codex" },
};

const withAttributes = (more: Record<string, unknown>): Partial<ReadSpan> => ({
  attributes: { ...good.attributes, ...more },
});

test("the validator finds nothing in a span as it should be, and each thing that is wrong in others", () => {
  expect(violations(good)).toEqual([]);
  const wrong: readonly [Partial<ReadSpan>, string][] = [
    [{ spanId: "0000000000000000" }, "span id"],
    [{ traceId: "abc" }, "trace id"],
    [{ parentSpanId: good.spanId }, "own parent"],
    [{ end: 0n }, "times"],
    [{ kind: 1 }, "kind"],
    [{ name: "chat" }, "name"],
    [{ status: 2 }, "error.type"],
    [{ resource: {} }, "service.name"],
    [withAttributes({ "gen_ai.provider.name": undefined }), "required"],
    [withAttributes({ "gen_ai.usage.input_tokens": "10" }), "no int"],
    [withAttributes({ "gen_ai.tool.name": "Bash" }), "does not belong"],
    [withAttributes({ "gen_ai.made.up": 1 }), "no convention"],
    [withAttributes({ "gen_ai.response.id": "" }), "empty"],
    [withAttributes({ "gen_ai.usage.cache_creation.input_tokens": 7 }), "caches exceed"],
    [withAttributes({ "gen_ai.operation.name": "think" }), "unknown operation"],
  ];
  for (const [change, what] of wrong) expect(violations({ ...good, ...change }).join("\n")).toContain(what);
});

test("it knows the message schema", () => {
  const texts = (key: string, value: unknown): string =>
    contentViolations({ ...good, attributes: { [`gen_ai.${key}`]: JSON.stringify(value) } }).join("\n");
  const parts = [
    { type: "text", content: "" },
    { type: "made-up", x: 1 },
  ];
  expect(texts("output.messages", [{ role: "assistant", parts, finish_reason: "stop" }])).toBe("");
  expect(texts("input.messages", [{ role: "user", parts }])).toBe("");
  expect(texts("output.messages", [{ role: "assistant", parts }])).toContain("no finish_reason");
  expect(texts("input.messages", [{ parts }])).toContain("no role");
  expect(texts("input.messages", [{ role: "user" }])).toContain("no parts");
  expect(texts("input.messages", [{ role: "user", parts: [{ content: "x" }] }])).toContain("no type");
  expect(texts("system_instructions", [{ type: "text" }])).toContain("a part text has no content");
  expect(texts("tool.definitions", [{ type: "function" }])).toContain("a tool has no name");
});

test("what was answered says why it ended, also where the agent does not", () => {
  const parts = [{ type: "text", content: "x" }];
  const reasonOf = (more: Partial<WeirRecord>, message: object): unknown => {
    const record = { operation: "chat", content: { output_messages: [{ role: "assistant", parts, ...message }] } };
    const out: Record<string, unknown> = {};
    texts({ ...record, ...more } as unknown as WeirRecord, out, (value) => value);
    return (out["gen_ai.output.messages"] as { finish_reason: string }[])[0]?.finish_reason;
  };
  expect(reasonOf({}, { finish_reason: "length" })).toBe("length");
  expect(reasonOf({}, { parts: [{ type: "tool_call", name: "Bash" }] })).toBe("tool_call");
  expect(reasonOf({ status: "error" }, {})).toBe("error");
  expect(reasonOf({}, {})).toBe("unknown");
  expect(reasonOf({}, { parts: undefined })).toBe("unknown");
});
