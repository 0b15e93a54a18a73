/** Owns the proof that odd, damaged and copied sessions of Cline tell nothing wrong, and where their texts stand. */
import { describe, expect, test } from "bun:test";
import type { WeirRecord } from "../../src/record/schema.ts";
import {
  answer,
  fileOf,
  METRICS,
  manifest,
  result,
  SESSIONS,
  START,
  session,
  time,
  use,
  user,
} from "../support/cline.ts";
import { operationsOf, tellOfDocuments, tellTextsOfDocuments, tokensOf } from "../support/documents.ts";
import { agentPlaces } from "../support/places.ts";
import { userSays } from "../support/texts.ts";

const inSession = (messages: unknown, more = {}) => ({ [fileOf("s")]: session("s", messages, more) });
const sorted = (records: readonly WeirRecord[]) => records.map((r) => r.session_id).sort();

test("a document that is only a list of messages is a session", async () => {
  const told = await tellOfDocuments("cline", { [fileOf("s")]: [user(1), answer(5)] });
  expect(operationsOf(told, "chat")).toMatchObject([{ session_id: "s", usage: { input_tokens: 100 } }]);
  expect(told.summary.unknown).toEqual({});
});

test("an answer that says nothing and has the sum of its run is no call; one that has not is one", async () => {
  const twice = { ...METRICS, inputTokens: 200, outputTokens: 20, cacheReadTokens: 120, cacheWriteTokens: 40 };
  const last = (metrics: object) => answer(9, { content: [], metrics });
  const run = [user(1), answer(5, { content: [use("t1")] }), result(6, "t1", "x"), answer(7)];
  const calls = async (messages: unknown[]) =>
    operationsOf(await tellOfDocuments("cline", inSession(messages)), "chat").length;
  expect(await calls([...run, last(twice)])).toBe(2);
  expect(await calls([user(-9), answer(-5), ...run, last(twice)])).toBe(3);
  expect(await calls([...run, last({ ...twice, outputTokens: 21 })])).toBe(3);
  expect(await calls([...run, answer(9, { metrics: twice })])).toBe(3);
  expect(await calls([user(1), last(METRICS)])).toBe(1);
});

test("a fork of a fork counts each call once, in whatever order the documents are read", async () => {
  const first = [user(1), answer(5)];
  const second = [...first, user(10), answer(15)];
  const own = (id: string, messages: unknown[], from?: string) => ({
    [fileOf(id)]: session(id, messages),
    [`${SESSIONS}/${id}/${id}.json`]: manifest(
      id === "a" ? 0 : id === "b" ? 9 : 19,
      from ? { fork: { forkedFromSessionId: from } } : {},
    ),
  });
  const documents = [own("a", first), own("b", second, "a"), own("c", [...second, user(20), answer(25)], "b")];
  for (const steps of [documents, documents.toReversed(), [Object.assign({}, ...documents)]]) {
    const told = await tellOfDocuments("cline", ...steps);
    expect(sorted(operationsOf(told, "chat"))).toEqual(["a", "b", "c"]);
    expect(sorted(operationsOf(told, "user_message"))).toEqual(["a", "b", "c"]);
  }
});

test("two prompts of the same millisecond in two sessions are two, but for a copy", async () => {
  const one = (id: string, text: string) => ({ [fileOf(id)]: session(id, [user(1, text)]) });
  const told = await tellOfDocuments("cline", { ...one("a", "x"), ...one("b", "y"), ...one("c", "x") });
  expect(operationsOf(told, "user_message")).toHaveLength(2);
});

test("a clock that goes backwards tells no call that takes less than no time", async () => {
  const told = await tellOfDocuments("cline", inSession([user(100), answer(50), user(60), answer(40)]));
  expect(operationsOf(told, "chat")).toMatchObject([
    { time: time(50), end_time: time(50), duration_ms: 0 },
    { time: time(40), end_time: time(40), duration_ms: 0 },
  ]);
});

test("values of wrong types tell nothing wrong, and what is not known is counted", async () => {
  const odd = [
    ...[null, 5, "x", [], {}],
    { role: "robot", ts: START },
    answer(1, { metrics: "x" }),
    answer(2, { content: 5, modelInfo: "x" }),
    answer(3, { metrics: { inputTokens: "100", outputTokens: 10, cacheReadTokens: null, cost: {} } }),
    answer(4, { metrics: { inputTokens: -1, outputTokens: 2.5 } }),
    answer(5, { ts: undefined }),
    answer(6, { ts: "soon" }),
    answer(7, { ts: 1e300 }),
    answer(8, { content: [null, "x", { type: "tool_use" }, { type: "tool_use", id: 7 }, use("t")] }),
    { role: "user", ts: START + 9, content: [{ type: "tool_result", tool_use_id: {}, content: 7 }, { type: 5 }] },
    user(10),
  ];
  const told = await tellOfDocuments("cline", inSession(odd));
  expect(operationsOf(told, "chat").map((r) => [r.model, r.usage?.input_tokens, r.usage?.output_tokens])).toEqual([
    [undefined, 100, 10],
    ["m", undefined, 10],
    ["m", undefined, 2],
    ["m", 100, 10],
    ["m", 100, 10],
    ["m", 100, 10],
    ["m", 100, 10],
  ]);
  expect(operationsOf(told, "execute_tool")).toMatchObject([{ tool: { call_id: "t" }, open: true }]);
  expect(told.summary.unknown).toEqual({ "cline/transcript: role ": 1, "cline/transcript: role robot": 1 });
  expect(told.summary.quarantined).toEqual([]);
});

test("a document without messages is counted; an empty one, and none at all, tell nothing", async () => {
  const told = await tellOfDocuments("cline", { [fileOf("s")]: { version: 1 } });
  expect(told.summary.unknown).toEqual({ "cline/transcript: document without messages": 1 });
  expect((await tellOfDocuments("cline", inSession([]))).records).toEqual([]);
});

test("one id of a tool that comes again is another call each time, with a result of its own", async () => {
  const told = await tellOfDocuments(
    "cline",
    inSession([
      answer(1, { content: [use("call_0"), use("call_0")] }),
      result(2, "call_0", "x"),
      answer(3, { content: [use("call_0")] }),
      result(4, "call_0", "x", { is_error: true }),
    ]),
  );
  expect(operationsOf(told, "execute_tool").map((r) => r.status)).toEqual(["ok", "ok", "error"]);
});

test("what the agent wrote among the prompts is no prompt; a picture without words is one", async () => {
  const said = (ms: number, text: string, metadata?: object) => ({
    role: "user",
    ts: START + ms,
    content: [{ type: "text", text }],
    metadata,
  });
  const wrap = (text: string) => `<user_input mode="act">${text}</user_input>`;
  const told = await tellOfDocuments(
    "cline",
    inSession([
      said(1, "[TASK RESUMPTION] x"),
      said(2, wrap("[TASK RESUMPTION] x")),
      said(3, wrap("The user approved switching to act mode. Continue with the approved plan now.")),
      said(4, "x", { displayRole: "status" }),
      said(5, "x", { userRunSpan: 0 }),
      said(6, wrap("")),
      { role: "user", ts: START + 7, content: [{ type: "image", data: "AAAA", mediaType: "image/png" }] },
      said(8, `<mode_notice>x</mode_notice>${wrap("real")}`),
    ]),
  );
  expect(operationsOf(told, "user_message").map((r) => r.time)).toEqual([time(7), time(8)]);
});

describe("the folder of sessions", () => {
  const roots = (variables: Record<string, string>) =>
    agentPlaces("cline", variables)
      .filter(({ match }) => match.includes("*/*.messages.json"))
      .map(({ root }) => root);

  test("is the one of the first variable that is set, blank ones aside", () => {
    expect(roots({})).toEqual(["/home/dev/.cline/data/sessions"]);
    expect(roots({ CLINE_DIR: "/c" })).toEqual(["/c/data/sessions"]);
    expect(roots({ CLINE_DIR: "/c", CLINE_DATA_DIR: "/d" })).toEqual(["/d/sessions"]);
    expect(roots({ CLINE_DIR: "/c", CLINE_DATA_DIR: "/d", CLINE_SESSION_DATA_DIR: "/s" })).toEqual(["/s"]);
    expect(roots({ CLINE_DATA_DIR: " ", CLINE_SESSION_DATA_DIR: "" })).toEqual(["/home/dev/.cline/data/sessions"]);
  });

  test("of tasks is that of each editor, and that of the CLI", () => {
    const all = (variables: Record<string, string>) =>
      agentPlaces("cline", variables, "win32", "linux", "darwin").map(({ root }) => root);
    expect(all({ XDG_CONFIG_HOME: "/x", APPDATA: "C:/Roaming" })).toEqual(
      expect.arrayContaining([
        "/x/VSCodium",
        "/x/Code - Exploration",
        "/home/dev/.vscodium-server-insiders/data",
        "C:/Roaming/Cursor",
        "/home/dev/Library/Application Support/Code",
        "/home/dev/.vscode-server/data",
        "/home/dev/.cline/data",
      ]),
    );
  });
});

test("texts stand where they belong", async () => {
  const thought = { type: "thinking", thinking: "Where is it?" };
  const text = (said: string) => ({ type: "text", text: said });
  const failed = { role: "user", ts: START + 9, content: [text("no quota")], metadata: { displayRole: "error" } };
  const messages = [
    user(1, "Fix it."),
    answer(3, { content: [thought, text("I look."), { ...use("t1"), input: { path: "a.ts" } }] }),
    result(4, "t1", [{ type: "text", text: "1 | x" }]),
    answer(5, { content: [text("Fixed."), { ...use("t2"), input: { path: "b.ts" } }] }),
    result(6, "t2", "no such file", { is_error: true }),
    failed,
  ];
  const summary = { role: "user", content: "They fix.", metadata: { kind: "compaction_summary" } };
  const rest = {
    [`${SESSIONS}/s/s.compaction.json`]: { conversation_id: "s", source_message_count: 3, messages: [summary] },
    [fileOf("s", "agent_1")]: session("s__agent_1_x", [user(2, "Look around."), answer(8)], { agent: "subagent" }),
  };
  const grown = messages.map((_, at) => inSession(messages.slice(0, at + 1), { system_prompt: "Be brief." }));
  for (const steps of [[...grown, rest], [{ ...grown.at(-1), ...rest }]]) {
    const told = await tellTextsOfDocuments("cline", ...steps);
    const calls = operationsOf(told, "chat").filter((r) => r.session_id === "s");
    const content = (operation: string): unknown[] => operationsOf(told, operation).map((r) => r.content);
    const words = (content: string) => ({ type: "text", content });
    const asked = (said: string) => userSays(words(`<user_input mode="act">${said}</user_input>`));
    const answered = (...parts: unknown[]) => ({ output_messages: [{ role: "assistant", parts }] });
    const call = (id: string, path: string) => ({ type: "tool_call", id, name: "editor", arguments: { path } });
    expect(content("session")).toContainEqual({ system_instructions: [words("Be brief.")] });
    expect(content("user_message")).toEqual([asked("Fix it.")]);
    expect(calls.map((r): unknown => r.content)).toEqual([
      answered({ type: "reasoning", content: "Where is it?" }, words("I look."), call("t1", "a.ts")),
      answered(words("Fixed."), call("t2", "b.ts")),
    ]);
    const missing = "no such file";
    expect(content("execute_tool")).toEqual([
      { tool_arguments: { path: "a.ts" }, tool_result: "1 | x" },
      { tool_arguments: { path: "b.ts" }, tool_result: missing, error_message: missing },
    ]);
    expect(content("error")).toEqual([{ error_message: "no quota" }]);
    expect(content("compaction")).toEqual([answered(words("They fix."))]);
    expect(content("invoke_agent")).toEqual([asked("Look around.")]);
    expect(calls[0]?.raw).toBe(JSON.stringify(messages[1]));
  }
});

test("tokens of a session are its calls', whatever its own sum says", async () => {
  const told = await tellOfDocuments("cline", inSession([user(1), answer(5)], { usage: { inputTokens: 999 } }));
  expect(tokensOf(told)).toEqual({ input: 100, output: 10 });
});
