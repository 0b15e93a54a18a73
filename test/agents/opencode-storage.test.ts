/** Owns the proof that what OpenCode kept in JSON files before version 1.2 is counted once, in each of its layouts. */
import { expect, test } from "bun:test";
import type { JsonObject } from "../../src/record/json.ts";
import { type Documents, operationsOf, tellOfDocuments } from "../support/documents.ts";
import { answer, step, T, tokens } from "../support/opencode.ts";

const ROOT = ".local/share/opencode/storage";
const OLDER = ".local/share/opencode/project/home-dev/storage/session";

/** A message and its parts as files, from rows of the same content. */
const dataOf = (data: unknown): JsonObject => JSON.parse(String(data));
const messageFile = (id: string, more: JsonObject = {}, session = "s"): Documents => ({
  [`${ROOT}/message/${session}/${id}.json`]: { ...dataOf(answer(id, session, 10).row.data), ...more },
});
const partFiles = (of: string, ...parts: JsonObject[]): Documents =>
  Object.fromEntries(parts.map((p, at) => [`${ROOT}/part/${of}/prt_${at}.json`, p]));
const stepPart = (input: number, more: JsonObject = {}): JsonObject =>
  dataOf(step("p", "a", 20, tokens(input, 5), more).row.data);
const toolPart = (more: JsonObject = {}): JsonObject => ({
  type: "tool",
  callID: "toolu_0000000000000001",
  tool: "bash",
  state: { status: "completed", metadata: { exit: 1 }, time: { start: T + 20, end: T + 25 } },
  ...more,
});
const inputs = (told: Awaited<ReturnType<typeof tellOfDocuments>>) =>
  operationsOf(told, "chat").map((r) => r.usage?.input_tokens);

test("an answer of many steps is as many calls, in whatever order its files are written and read", async () => {
  const message = messageFile("a", { tokens: tokens(30, 5) });
  const parts = partFiles("a", stepPart(10), toolPart(), stepPart(20), stepPart(30));
  const [early, late] = [Object.entries(parts).slice(0, 3), Object.entries(parts).slice(3)].map(Object.fromEntries);
  for (const steps of [[message, parts], [parts, message], [early!, message, late!], [{ ...message, ...parts }]]) {
    const told = await tellOfDocuments("opencode", ...steps);
    expect(inputs(told)).toEqual([10, 20, 30]);
    expect(operationsOf(told, "execute_tool")).toMatchObject([{ status: "error", error_type: "exit_code" }]);
    expect(told.summary.unreadable).toEqual([]);
  }
});

test("ids are those of the path, whatever the file says", async () => {
  const told = await tellOfDocuments("opencode", messageFile("a", { id: "other", sessionID: "other" }));
  expect(operationsOf(told, "chat").map((r) => r.session_id)).toEqual(["s"]);
});

test("a prompt is one when a person gave a part of it", async () => {
  const prompt = { role: "user", tokens: undefined };
  const told = await tellOfDocuments("opencode", {
    ...messageFile("u", prompt),
    ...partFiles("u", { type: "text", text: "x" }),
    ...messageFile("v", { ...prompt, time: { created: T + 20 } }),
    ...partFiles("v", { type: "text", text: "x", synthetic: true }),
  });
  expect(operationsOf(told, "user_message")).toHaveLength(1);
});

test("what an agent asks a subagent, of whatever name, is no person's prompt", async () => {
  const asked = async (agent: string, tools?: JsonObject) => {
    const prompt = messageFile("u", { role: "user", tokens: undefined, agent, ...(tools && { tools }) });
    const told = await tellOfDocuments("opencode", { ...prompt, ...partFiles("u", { type: "text", text: "x" }) });
    return operationsOf(told, "user_message").length;
  };
  expect(await asked("reviewer")).toBe(1);
  expect(await asked("reviewer", { todowrite: false, todoread: false, task: false })).toBe(0);
  expect(await asked("general")).toBe(0);
  expect(await asked("build", { bash: false })).toBe(1);
});

test("the parts stood inside the message at first", async () => {
  const parts = [
    stepPart(10),
    { ...toolPart({ id: "toolu_0000000000000001" }), callID: undefined },
    null,
    5,
    stepPart(20),
  ];
  const told = await tellOfDocuments("opencode", messageFile("a", { parts }));
  expect(inputs(told)).toEqual([10, 20]);
  expect(operationsOf(told, "execute_tool")).toMatchObject([{ tool: { call_id: "toolu_0000000000000001" } }]);
});

test("the first versions told all of an answer as its metadata", async () => {
  const call = (toolCallId: string, state: string) => ({
    type: "tool-invocation",
    toolInvocation: { toolCallId, toolName: "bash", state, args: {} },
  });
  const time = { start: T + 20, end: T + 25 };
  const message = {
    id: "a",
    role: "assistant",
    parts: [{ type: "step-start" }, call("call_1", "result"), call("call_2", "result"), call("call_3", "partial-call")],
    metadata: {
      sessionID: "s",
      time: { created: T + 10, completed: T + 90 },
      tool: { call_1: { title: "x", time }, call_2: { error: true, time } },
      assistant: { modelID: "m", providerID: "anthropic", cost: 0.5, tokens: tokens(10, 5), path: { cwd: "/src/app" } },
    },
  };
  const told = await tellOfDocuments("opencode", {
    [`${OLDER}/message/s/a.json`]: message,
    [`${OLDER}/message/s/u.json`]: { ...message, role: "user", parts: [{ type: "text", text: "x" }] },
  });
  expect(operationsOf(told, "chat")).toMatchObject([
    { model: "m", cwd: "/src/app", cost_usd: 0.5, usage: { input_tokens: 10 } },
  ]);
  expect(operationsOf(told, "chat")[0]).not.toHaveProperty("duration_ms");
  expect(operationsOf(told, "execute_tool").map((r) => [r.tool?.call_id, r.status])).toEqual([
    ["call_1", "ok"],
    ["call_2", "error"],
  ]);
  expect(operationsOf(told, "user_message")).toHaveLength(1);
});

test("the older layout has its parts by session, then by message", async () => {
  const [message] = Object.values(messageFile("a", { tokens: tokens(20, 5) }));
  const told = await tellOfDocuments("opencode", {
    [`${OLDER}/message/s/a.json`]: message,
    [`${OLDER}/part/s/a/prt_1.json`]: stepPart(10),
    [`${OLDER}/part/s/a/prt_2.json`]: stepPart(20),
    [`${OLDER}/part/other/a/prt_3.json`]: stepPart(30),
    [`${OLDER}/info/s.json`]: { id: "s", version: "0.3.1", time: { created: T } },
  });
  expect(inputs(told)).toEqual([10, 20]);
  expect(operationsOf(told, "session")).toMatchObject([{ session_id: "s", agent_version: "0.3.1" }]);
});

test("a part that is being written is read when it is whole, and takes nothing from its message", async () => {
  const torn = { [`${ROOT}/part/a/prt_9.json`]: '{"type": "to' };
  const told = await tellOfDocuments(
    "opencode",
    { ...messageFile("a"), ...torn },
    { [`${ROOT}/part/a/prt_9.json`]: toolPart() },
  );
  expect(inputs(told)).toEqual([10]);
  expect(operationsOf(told, "execute_tool")).toHaveLength(1);
});

test("files of another shape are counted as unknown, or tell nothing", async () => {
  const told = await tellOfDocuments("opencode", {
    [`${ROOT}/message/s/a.json`]: [],
    [`${ROOT}/message/s/b.json`]: { role: "assistant", metadata: { assistant: 5, tool: [] }, parts: "x" },
    [`${ROOT}/message/s/c.json`]: { role: "assistant", tokens: 5, time: "x", path: [], error: "x", model: 5 },
    [`${ROOT}/session/p/d.json`]: "null",
  });
  expect(told.records).toEqual([]);
  expect(told.summary.unknown).toEqual({ "opencode/storage: storage file": 2 });
  expect(told.summary.quarantined).toEqual([]);
});
