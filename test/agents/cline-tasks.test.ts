/** Owns the proof that tasks of Cline's first generation are told as their provider counts, whatever is odd in them. */
import { expect, test } from "bun:test";
import { answer, entry, request, result, START, STORAGE, sent, shown, TASK, USAGE, use } from "../support/cline.ts";
import { operationsOf, tellOfDocuments, tellTextsOfDocuments, tokensOf } from "../support/documents.ts";

const CACHED = { tokensIn: 100, tokensOut: 10, cacheReads: 60, cacheWrites: 20 };
const called = (providerId: string, told: object = CACHED) =>
  entry(2, "api_req_started", told, { modelInfo: { modelId: "m", providerId } });
const inputs = async (entries: unknown, more = {}): Promise<unknown> =>
  operationsOf(await tellOfDocuments("cline", { ...shown(entries), ...more }), "chat").map(
    (r) => r.usage?.input_tokens,
  );

test("providers of OpenAI's kind tell their input with what came from the cache, others beside it", async () => {
  for (const provider of ["anthropic", "openrouter", "cline", "openai-native", "gemini", "bedrock"])
    expect(await inputs([called(provider)])).toEqual([180]);
  for (const provider of ["openai", "litellm", "openai-codex", "xai", "requesty"])
    expect(await inputs([called(provider)])).toEqual([100]);
  expect(await inputs([called("openai", { ...CACHED, tokensIn: 5 })])).toEqual([85]);
  expect(await inputs([called("deepseek", { ...CACHED, tokensIn: 80 })])).toEqual([80]);
  expect(await inputs([called("deepseek", { ...CACHED, tokensIn: 0 })])).toEqual([80]);
});

test("the provider of older tasks stands in the file beside them", async () => {
  const settings = { model_usage: [{ ts: START, model_id: "m", model_provider_id: "litellm" }] };
  const entries = [entry(2, "api_req_started", CACHED)];
  expect(await inputs(entries, { [`${STORAGE}/tasks/${TASK}/task_metadata.json`]: settings })).toEqual([100]);
  expect(await inputs(entries, { [`${STORAGE}/tasks/${TASK}/task_metadata.json`]: "torn" })).toEqual([180]);
});

test("the oldest tasks begin with a text that is their prompt", async () => {
  const told = await tellOfDocuments("cline", shown([entry(1, "text", "x"), request(2), entry(3, "text", "y")]));
  expect(operationsOf(told, "user_message").map((r) => r.turn)).toEqual([0]);
});

test("a task that two editors hold counts once", async () => {
  const entries = [entry(1, "task", "x"), request(2), entry(3, "tool", { tool: "readFile" })];
  const other = STORAGE.replace("Code", "VSCodium");
  const told = await tellOfDocuments("cline", {
    ...shown(entries),
    [`${other}/tasks/${TASK}/ui_messages.json`]: entries,
  });
  expect(tokensOf(told)).toEqual({ input: 100, output: 10 });
  expect(operationsOf(told, "execute_tool")).toHaveLength(1);
});

test("entries of one millisecond, out of order, are all told", async () => {
  const told = await tellOfDocuments(
    "cline",
    shown([
      request(9),
      entry(9, "tool", { tool: "a" }),
      entry(9, "command", "b"),
      request(2),
      entry(1, "user_feedback"),
      request(2),
    ]),
  );
  expect(operationsOf(told, "chat")).toHaveLength(3);
  expect(operationsOf(told, "execute_tool").map((r) => r.tool?.name)).toEqual(["a", "execute_command"]);
});

test("a request in the millisecond of its subagents' usage is a call of its own", async () => {
  const told = await tellOfDocuments(
    "cline",
    shown([entry(1, "task"), entry(9, "subagent_usage", { source: "subagents", ...USAGE }), request(9)]),
  );
  expect(operationsOf(told, "chat").map((r) => r.name)).toEqual([undefined, "subagent_usage"]);
  expect(tokensOf(told)).toEqual({ input: 200, output: 20 });
});

test("values of wrong types tell nothing wrong, and what is not known is counted", async () => {
  const told = await tellOfDocuments("cline", {
    ...shown([
      ...[null, 5, "x", [], {}, { ts: "1", type: "say", say: "text" }, { ts: START, type: "say", say: 5 }],
      ...[entry(1, "api_req_started", "{torn"), entry(2, "api_req_started", [1]), entry(3, "brand_new")],
      ...[entry(4, "plan_mode_response"), entry(5, "request_limit_reached")],
      entry(6, "api_req_started", { tokensIn: "9", tokensOut: 10, cacheReads: null, cacheWrites: [3], cost: "x" }),
      entry(7, "api_req_started", { tokensIn: -5, tokensOut: 10 }, { modelInfo: "m" }),
      entry(8, "text", "x", { conversationHistoryDeletedRange: "x" }),
    ]),
    ...sent([
      null,
      5,
      { role: "user", content: 7 },
      answer(9, { content: [use("t1"), use("t1")] }),
      result(10, "t1", 5),
    ]),
    [`${STORAGE}/state/taskHistory.json`]: [null, 5, { id: 7 }, { id: "old", tokensIn: "x", ts: {} }],
  });
  expect(operationsOf(told, "chat").map((r) => r.usage)).toEqual([{ output_tokens: 10 }, { output_tokens: 10 }]);
  expect(operationsOf(told, "execute_tool").map((r) => r.status)).toEqual(["ok", "ok"]);
  expect(told.summary.unknown).toEqual({
    "cline/transcript: entry brand_new": 1,
    "cline/transcript: task without an id": 3,
  });
});

test("where a task works is read from what its requests tell the model", async () => {
  const surroundings = { ...USAGE, request: "# Current Working Directory (/home/dev/app) Files\n" };
  const told = await tellOfDocuments("cline", shown([entry(1, "task", "x"), request(2, surroundings)]));
  expect(operationsOf(told, "chat")[0]?.cwd).toBe("~/app");
});

test("texts stand where they belong", async () => {
  const asked = { ...use("toolu_0000000000000001", "read_file"), input: { path: "a.ts" } };
  const entries = [
    entry(1, "task", "Fix it."),
    request(2, { request: "<task>Fix it.</task>" }),
    entry(3, "reasoning", "Where is it?"),
    entry(4, "text", "I look."),
    entry(5, "tool", { tool: "readFile", path: "a.ts" }),
    entry(6, "completion_result", "Fixed."),
    request(7, { tokensIn: 0, tokensOut: 0, cancelReason: "streaming_failed", streamingFailedMessage: "lost" }),
  ];
  const more = sent([answer(3, { content: [asked] }), result(6, asked.id, "1 | x")]);
  const whole = shown(
    entries.map((one, at) => (at === 1 ? request(2, { ...USAGE, request: "<task>Fix it.</task>" }) : one)),
  );
  for (const steps of [[shown(entries.slice(0, 4)), whole, more], [{ ...whole, ...more }]]) {
    const told = await tellTextsOfDocuments("cline", ...steps);
    const content = (operation: string): unknown[] => operationsOf(told, operation).map((r) => r.content);
    const words = (content: string) => ({ type: "text", content });
    const said = (text: string) => [{ role: "user", parts: [words(text)] }];
    expect(content("user_message")).toEqual([{ input_messages: said("Fix it.") }]);
    const call = { type: "tool_call", name: "readFile", arguments: { tool: "readFile", path: "a.ts" } };
    const parts = [{ type: "reasoning", content: "Where is it?" }, words("I look."), call, words("Fixed.")];
    expect(content("chat")).toEqual([
      { input_messages: said("<task>Fix it.</task>"), output_messages: [{ role: "assistant", parts }] },
    ]);
    expect(content("execute_tool")).toEqual([{ tool_arguments: { path: "a.ts" }, tool_result: "1 | x" }]);
    expect(content("error")).toEqual([{ error_message: "lost" }]);
  }
});
