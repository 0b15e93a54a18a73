/** Owns the proof that Kilo Code's tasks, from before it was built on OpenCode, are told as they are. */
import { expect, test } from "bun:test";
import { operationsOf, tellOfDocuments, tellTextsOfDocuments, tokensOf } from "../support/documents.ts";

const EDITOR = ".config/Code/User/globalStorage/kilocode.kilo-code/tasks";
const CLI = ".kilocode/cli/global/tasks";
const TASK = "0a1b2c3d-1111-4222-8333-444455556666";
const OLD = Date.UTC(2025, 6, 1);
const NEW = Date.UTC(2025, 11, 1);

const shown = (entries: unknown, folder = EDITOR, task = TASK) => ({ [`${folder}/${task}/ui_messages.json`]: entries });
const sent = (messages: unknown) => ({ [`${EDITOR}/${TASK}/api_conversation_history.json`]: messages });
const say = (ts: number, kind: string, told?: unknown, more = {}) => ({
  ts,
  type: "say",
  say: kind,
  ...(told !== undefined && { text: typeof told === "string" ? told : JSON.stringify(told) }),
  ...more,
});
const ask = (ts: number, kind: string, told?: unknown) => ({ ...say(ts, "", told), type: "ask", ask: kind });
const request = (ts: number, told: object) => say(ts, "api_req_started", { tokensOut: 10, ...told });
const CACHED = { tokensIn: 100, cacheReads: 60, cacheWrites: 20 };

const inputs = async (entries: unknown): Promise<unknown> =>
  operationsOf(await tellOfDocuments("kilo-code", shown(entries)), "chat").map((r) => r.usage?.input_tokens);

test("older tasks tell Anthropic's input beside the cache, newer ones and other protocols with it", async () => {
  expect(await inputs([request(OLD, { ...CACHED, apiProtocol: "anthropic" })])).toEqual([180]);
  expect(await inputs([request(OLD, CACHED)])).toEqual([180]);
  expect(await inputs([request(OLD, { ...CACHED, apiProtocol: "openai" })])).toEqual([100]);
  expect(await inputs([request(NEW, { ...CACHED, apiProtocol: "anthropic" })])).toEqual([100]);
  expect(await inputs([request(NEW, { ...CACHED, tokensIn: 5 })])).toEqual([85]);
});

test("a task of the CLI is found, and one that two editors hold counts once", async () => {
  const entries = [say(OLD, "text", "x"), request(OLD + 1, CACHED)];
  const told = await tellOfDocuments("kilo-code", {
    ...shown(entries),
    ...shown(entries, EDITOR.replace("Code", "VSCodium")),
    ...shown(entries, CLI, "cli"),
  });
  expect(operationsOf(told, "chat").map((r) => r.session_id)).toEqual([TASK, "cli"].sort());
});

test("the model is the one that the request names, or what was sent to it", async () => {
  const sentTo = (ts: number, model: string) => ({
    role: "user",
    ts,
    content: [{ type: "text", text: `x <model>${model}</model>` }],
  });
  const told = await tellOfDocuments("kilo-code", {
    ...shown([
      request(NEW, { ...CACHED, request: "x <model>a</model>" }),
      request(NEW + 10, CACHED),
      request(NEW + 20, CACHED),
      request(NEW + 30, CACHED),
    ]),
    ...sent([sentTo(NEW + 11, "b"), { role: "user", ts: NEW + 21, content: "y" }, sentTo(NEW + 31, "c"), null, 5]),
  });
  expect(operationsOf(told, "chat").map((r) => r.model)).toEqual(["a", "b", "b", "c"]);
});

test("a call whose message was condensed keeps the model that was told of it, and has none where nothing was told before", async () => {
  const sentTo = (n: number, model: string) => ({
    role: "user",
    ts: NEW + 10 * n + 1,
    content: `<model>${model}</model>`,
  });
  const tasks = shown([1, 2, 3, 4].map((n) => request(NEW + 10 * n, CACHED)));
  const before = { ...tasks, ...sent([sentTo(1, "a"), sentTo(2, "b"), sentTo(3, "b"), sentTo(4, "b")]) };
  const summary = { role: "assistant", ts: NEW + 35, content: "so far", isSummary: true };
  const after = { ...tasks, ...sent([sentTo(1, "a"), summary, sentTo(4, "b")]) };
  const models = async (...steps: Parameters<typeof tellOfDocuments>[1][]) =>
    operationsOf(await tellOfDocuments("kilo-code", ...steps), "chat").map((r) => r.model);
  expect(await models(before, after)).toEqual(["a", "b", "b", "b"]);
  expect(await models(after)).toEqual(["a", undefined, undefined, "b"]);
});

test("where it works is read from what a request tells the model", async () => {
  const surroundings = "# Current Workspace Directory (/home/dev/app) Files\n";
  const told = await tellOfDocuments("kilo-code", shown([request(NEW, { ...CACHED, request: surroundings })]));
  expect(told.records.map((r) => r.cwd)).toEqual(told.records.map(() => "~/app"));
});

test("a task begins with a text that is its prompt; two tools of one millisecond are two", async () => {
  const told = await tellOfDocuments(
    "kilo-code",
    shown([
      say(NEW, "text", "x"),
      request(NEW + 1, CACHED),
      ask(NEW + 2, "tool", { tool: "readFile" }),
      ask(NEW + 2, "command", "ls"),
      say(NEW + 3, "text", "y"),
      say(NEW + 4, "user_feedback", "z"),
    ]),
  );
  expect(operationsOf(told, "user_message").map((r) => r.turn)).toEqual([0, 1]);
  expect(operationsOf(told, "execute_tool").map((r) => r.tool?.name)).toEqual(["readFile", "execute_command"]);
});

test("calls that a restored checkpoint took away are a sum, and none where their task has calls", async () => {
  const deleted = say(NEW + 9, "api_req_deleted", { tokensIn: 500, tokensOut: 50 });
  expect(tokensOf(await tellOfDocuments("kilo-code", shown([deleted])))).toEqual({ input: 500, output: 50 });
  const both = await tellOfDocuments("kilo-code", shown([request(NEW, CACHED), deleted]));
  expect(tokensOf(both)).toEqual({ input: 100, output: 10 });
});

test("condensing is a compaction with its cost, announced or not; a task that broke off is an error", async () => {
  const told = await tellOfDocuments(
    "kilo-code",
    shown([
      say(NEW, "text", "x"),
      say(NEW + 1, "condense_context", "", { contextCondense: { cost: 0.5, summary: "s" } }),
      say(NEW + 2, "sliding_window_truncation", "", { contextTruncation: { truncationId: "t" } }),
      request(NEW + 3, { tokensIn: 0, tokensOut: 0, cancelReason: "streaming_failed" }),
      request(NEW + 4, { tokensIn: 0, tokensOut: 0 }),
      ask(NEW + 5, "api_req_failed", "quota"),
    ]),
  );
  expect(operationsOf(told, "compaction").map((r) => r.cost_usd)).toEqual([0.5, undefined]);
  expect(operationsOf(told, "error").map((r) => r.error_type)).toEqual(["streaming_failed", "api_req_failed"]);
});

test("values of wrong types tell nothing wrong, and what is not known is counted", async () => {
  const told = await tellOfDocuments(
    "kilo-code",
    shown([
      ...[null, 5, "x", [], {}, { ts: "1", type: "say", say: "text" }, { ts: NEW, type: "say", say: 5 }],
      ...[say(NEW, "api_req_started", "{broken"), say(NEW + 1, "api_req_started", [1])],
      ...[{ ...say(NEW + 2, "api_req_started"), text: 7 }, say(1e300, "text", "x"), say(NEW + 3, "brand_new")],
      request(NEW + 4, { tokensIn: "100", tokensOut: 10, cacheReads: null, cost: "x" }),
      request(NEW + 5, { tokensIn: -5, tokensOut: 10, cacheReads: [3] }),
    ]),
  );
  expect(operationsOf(told, "chat").map((r) => r.usage)).toEqual([{ output_tokens: 10 }, { output_tokens: 10 }]);
  expect(told.summary.unknown).toEqual({ "kilo-code/tasks: entry brand_new": 1 });
  const broken = await tellOfDocuments("kilo-code", shown({ messages: [] }), shown(""), shown("[]"), shown("null"));
  expect(broken.records).toEqual([]);
});

test("texts stand where they belong", async () => {
  const steps = [
    shown([say(NEW, "text", "Tidy up.", { images: ["data:image/png;base64,AAAA"] })]),
    shown([
      say(NEW, "text", "Tidy up.", { images: ["data:image/png;base64,AAAA"] }),
      request(NEW + 1, { ...CACHED, request: "<task>Tidy up.</task>" }),
      say(NEW + 2, "reasoning", "Where to begin?"),
      say(NEW + 3, "text", "With the parser."),
      ask(NEW + 4, "tool", { tool: "readFile", path: "a.ts" }),
      ask(NEW + 5, "command", "make"),
      say(NEW + 6, "command_output", "all "),
      say(NEW + 7, "command_output", "well"),
      say(NEW + 8, "user_feedback", "More."),
      request(NEW + 9, { tokensIn: 0, tokensOut: 0, cancelReason: "streaming_failed", streamingFailedMessage: "lost" }),
      say(NEW + 10, "condense_context", "", { contextCondense: { summary: "They tidy." } }),
    ]),
  ];
  for (const documents of [steps, steps.slice(1)]) {
    const told = await tellTextsOfDocuments("kilo-code", ...documents);
    const content = (operation: string): unknown[] => operationsOf(told, operation).map((r) => r.content);
    const picture = { type: "blob", modality: "image", mime_type: "image/png", content: "AAAA" };
    const user = (...parts: unknown[]) => [{ role: "user", parts }];
    const words = (content: string) => ({ type: "text", content });
    expect(content("user_message")).toEqual([
      { input_messages: user(words("Tidy up."), picture) },
      { input_messages: user(words("More.")) },
    ]);
    const call = (name: string, given: object) => ({ type: "tool_call", name, arguments: given });
    const parts = [
      ...[{ type: "reasoning", content: "Where to begin?" }, words("With the parser.")],
      ...[call("readFile", { tool: "readFile", path: "a.ts" }), call("execute_command", { command: "make" })],
    ];
    expect(content("chat")).toEqual([
      { input_messages: user(words("<task>Tidy up.</task>")), output_messages: [{ role: "assistant", parts }] },
    ]);
    expect(content("execute_tool")).toEqual([
      { tool_arguments: { tool: "readFile", path: "a.ts" } },
      { tool_arguments: { command: "make" }, tool_result: "all well" },
    ]);
    expect(content("error")).toEqual([{ error_message: "lost" }]);
    const summary = [{ role: "assistant", parts: [words("They tidy.")] }];
    expect(content("compaction")).toEqual([{ output_messages: summary }]);
    expect(JSON.stringify(operationsOf(told, "chat")[0]?.raw)).toContain("tokensIn");
  }
});
