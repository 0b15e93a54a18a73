/** Owns the proof that Gemini's calls are counted once, however often their messages are written again. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "../../src/record/json.ts";
import { figuresOf, lines, syncHome, toldIn } from "../support/agent.ts";
import { operationsOf, tellOfDocuments, tellTextsOfDocuments, tokensOf } from "../support/documents.ts";
import { scratch } from "../support/home.ts";
import { fold, tailOf } from "../support/skimmed.ts";
import { assistantSays, userSays } from "../support/texts.ts";

const fixture = join(import.meta.dir, "../../fixtures/agents/gemini-cli");
/** Gemini CLI's own folder of projects, below the home. */
const PROJECTS = ".gemini/tmp";
const CHATS = `${PROJECTS}/app/chats`;
const SESSION = "aaaaaaaa-1111-4111-8111-000000000001";
const LOG = `${CHATS}/session-2026-03-01T09-00-aaaaaaaa.jsonl`;
const DOCUMENT = LOG.slice(0, -1);
const at = (second: number): string => new Date(Date.UTC(2026, 2, 1, 9, 0, second)).toISOString();
const id = (n: number): string => `00000000-2222-4222-8222-${String(n).padStart(12, "0")}`;
const TOKENS = { input: 100, output: 10, cached: 40, thoughts: 5, tool: 0, total: 115 };

const header = (second = 0, more = {}) => ({ sessionId: SESSION, projectHash: "x", startTime: at(second), ...more });
const user = (n: number, second: number, text = "go on") => ({
  id: id(n),
  timestamp: at(second),
  type: "user",
  content: [{ text }],
});
const answer = (n: number, second: number, more = {}) => ({
  id: id(n),
  timestamp: at(second),
  type: "gemini",
  content: "done",
  tokens: TOKENS as object | null,
  model: "m",
  ...more,
});
const tool = (status: string, more = {}) => ({
  id: "read_file__AbCdEfGhIjKl",
  name: "read_file",
  status,
  timestamp: at(9),
  ...more,
});
const results = (n: number, second: number) => ({
  ...user(n, second),
  content: [{ functionResponse: { id: "read_file__AbCdEfGhIjKl", name: "read_file", response: { output: "x" } } }],
});
const history = (second: number, ...messages: readonly JsonObject[]) => ({
  $set: {
    messages: messages.map(({ id, type, content }) => ({ id, type, content, timestamp: at(second) })),
    lastUpdated: at(second),
  },
});

for (const folder of ["", "older"]) {
  test(`counts exactly what stands in fixtures/agents/gemini-cli/${folder}`, async () => {
    using place = scratch();
    const expected = JSON.parse(readFileSync(join(fixture, folder, "expected.json"), "utf8")).on_disk;
    const summary = await syncHome("gemini-cli", join(fixture, folder, "home"), place.data);
    const figures = figuresOf(toldIn(place.data, summary).records);
    for (const model of Object.values(expected.by_model) as Record<string, number>[])
      delete model.cache_creation_input_tokens;
    expect(figures).toEqual({
      by_model: expected.by_model,
      tool_calls: expected.tool_calls,
      sessions: expected.sessions.toSorted(),
    });
    expect(summary.unknown).toEqual({});
  });
}

test("a message that is written again is one call, with the tokens and the tools that it got in the end", async () => {
  const told = [
    [header(), user(1, 1), answer(2, 5, { tokens: null })],
    [answer(2, 5)],
    [answer(2, 5, { toolCalls: [tool("executing")] })],
    [answer(2, 5, { toolCalls: [tool("error")] }), results(3, 9)],
  ];
  const steps = told.map((_, i) => ({ [LOG]: told.slice(0, i + 1).flat() }));
  for (const cut of [steps, steps.slice(-1)]) {
    const { records, all } = await tellOfDocuments("gemini-cli", ...cut);
    expect(records.filter((r) => r.operation === "chat")).toMatchObject([
      { time: at(1), end_time: at(5), turn: 0, usage: { input_tokens: 100, output_tokens: 15 } },
    ]);
    expect(records.filter((r) => r.operation === "execute_tool")).toMatchObject([
      { status: "error", error_type: "tool_error", time: at(5), end_time: at(9) },
    ]);
    expect(all).toHaveLength(records.length);
  }
});

test("cached tokens are part of the input unless the total proves that they are not; thoughts are output apart", () => {
  const usageOf = (tokens: object) =>
    fold(
      tailOf("gemini-cli"),
      LOG,
      [header(), answer(2, 5, { tokens })].map((o) => JSON.stringify(o)),
    ).drafts.find((d) => d.operation === "chat")?.usage;
  expect(usageOf(TOKENS)).toEqual({
    input_tokens: 100,
    output_tokens: 15,
    cache_read_input_tokens: 40,
    reasoning_output_tokens: 5,
  });
  expect(usageOf({ ...TOKENS, input: 60 })).toMatchObject({ input_tokens: 100, output_tokens: 15 });
  expect(usageOf({ ...TOKENS, tool: 7, total: 122 })).toMatchObject({ input_tokens: 107, output_tokens: 15 });
  expect(usageOf({ input: 3, output: 4 })).toEqual({ input_tokens: 3, output_tokens: 4 });
  expect(usageOf({ input: 0, output: 0, cached: 0, thoughts: 0, tool: 0, total: 0 })).toBeUndefined();
});

test("a document and the log that a resume made of it tell each message once, in whatever order they are read", async () => {
  const messages = [user(1, 1), answer(2, 5, { toolCalls: [tool("success")] })];
  const document = { [DOCUMENT]: { ...header(), messages } };
  const log = { [LOG]: [header(), ...messages, user(3, 60), answer(4, 65)] };
  for (const steps of [[document], [document, log], [log, document], [{ ...document, ...log }]]) {
    const told = await tellOfDocuments("gemini-cli", ...steps);
    const calls = steps[0] === document && steps.length === 1 ? 1 : 2;
    expect(operationsOf(told, "chat")).toHaveLength(calls);
    expect(operationsOf(told, "user_message")).toHaveLength(calls);
    expect(operationsOf(told, "execute_tool")).toHaveLength(1);
    expect(operationsOf(told, "session")).toHaveLength(1);
  }
});

test("history that is told again, without tokens and with new times, takes nothing away and adds nothing", async () => {
  const first = [header(), user(1, 1), answer(2, 5, { toolCalls: [tool("success")] })];
  const again = [
    header(60),
    history(60, user(0, 60, "<session_context>x</session_context>"), user(1, 1), answer(2, 5), results(3, 9)),
  ];
  const told = await tellOfDocuments("gemini-cli", { [LOG]: first }, { [LOG]: [...first, ...again] });
  expect(operationsOf(told, "chat")).toMatchObject([{ end_time: at(5), usage: { input_tokens: 100 } }]);
  expect(operationsOf(told, "user_message")).toMatchObject([{ time: at(1), turn: 0 }]);
  expect(operationsOf(told, "session")).toMatchObject([{ time: at(0) }]);
});

test("history that is all that tells of a call, tells it", async () => {
  const masked = { $set: { messages: [user(1, 1), answer(2, 5)] } };
  const told = await tellOfDocuments("gemini-cli", { [LOG]: [header(), user(9, 9), masked] });
  expect(tokensOf(told)).toEqual({ input: 100, output: 15 });
});

test("calls that were rewound have been served all the same", async () => {
  const log = [header(), user(1, 1), answer(2, 5), { $rewindTo: id(1) }, user(3, 10), answer(4, 15)];
  const told = await tellOfDocuments("gemini-cli", { [LOG]: log });
  expect(operationsOf(told, "chat")).toHaveLength(2);
  expect(operationsOf(told, "user_message").map((r) => r.turn)).toEqual([0, 1]);
});

test("a subagent's calls are of its parent's session; its run is told once, by the one that knows its name", async () => {
  const child = "bbbbbbbb-1111-4111-8111-000000000001";
  const childLog = `${CHATS}/${SESSION}/${child}.jsonl`;
  const own = { [childLog]: [header(6, { sessionId: child, kind: "subagent" }), user(7, 6), answer(8, 8)] };
  const spawn = tool("success", { agentId: child, resultDisplay: { agentName: "reviewer", terminateReason: "GOAL" } });
  const parent = { [LOG]: [header(), user(1, 1), answer(2, 5, { toolCalls: [spawn] })] };
  for (const steps of [[own, parent], [parent, own], [own]]) {
    const told = await tellOfDocuments("gemini-cli", ...steps);
    const isAlone = steps.length === 1;
    const callers = operationsOf(told, "chat").map((r) => `${r.session_id} ${r.subagent?.id ?? "main"}`);
    expect(callers.sort()).toEqual([`${SESSION} ${child}`, ...(isAlone ? [] : [`${SESSION} main`])]);
    expect(operationsOf(told, "invoke_agent")).toMatchObject([
      isAlone ? { time: at(6), end_time: at(8) } : { agent_name: "reviewer", attributes: { terminateReason: "GOAL" } },
    ]);
    expect(operationsOf(told, "user_message")).toHaveLength(isAlone ? 0 : 1);
    expect(operationsOf(told, "session")).toHaveLength(isAlone ? 0 : 1);
  }
});

test("a subagent whose parent nothing tells is told under its own id, and is no session that a person began", async () => {
  const own = header(0, { kind: "subagent" });
  for (const files of [
    { [LOG]: [own, user(1, 1), answer(2, 5)] },
    { [DOCUMENT]: { ...own, messages: [user(1, 1), answer(2, 5)] } },
  ]) {
    const told = await tellOfDocuments("gemini-cli", files);
    expect(told.records.map((r) => [r.operation, r.session_id, r.subagent])).toEqual([
      ["chat", SESSION, { id: SESSION }],
      ["invoke_agent", SESSION, { id: SESSION }],
    ]);
  }
});

test("a project's folder that got a new name, or that was copied, counts once", async () => {
  const log = [header(), user(1, 1), answer(2, 5)];
  const old = `.gemini/tmp/${"0".repeat(64)}/chats/session-2026-03-01T09-00-aaaaaaaa.jsonl`;
  for (const left of [{ [old]: null }, {}]) {
    const told = await tellOfDocuments("gemini-cli", { [old]: log }, { ...left, [LOG]: log });
    expect(told.records.map((r) => r.operation).sort()).toEqual(["chat", "session", "user_message"]);
  }
});

test("what a resume leaves behind in a new minute is no session", async () => {
  const stub = [header(60), history(60, user(0, 60, "<session_context>x</session_context>"))];
  const told = await tellOfDocuments("gemini-cli", { [LOG.replace("09-00", "09-01")]: stub });
  expect(told.all).toEqual([]);
});

test("what no person typed is no prompt; a summary that replaces history is a compaction, told once", async () => {
  const snapshot = user(5, 20, "<state_snapshot>x</state_snapshot>");
  const log = [
    header(),
    user(1, 1, "<session_context>x\n- **Workspace Directories:**\n  - /home/dev/app\n</session_context>"),
    user(2, 2, "<hook_context>x</hook_context>"),
    user(3, 3, "/chat save x"),
    results(4, 4),
    snapshot,
    history(30, snapshot),
    history(40, snapshot),
    { ...user(6, 50), content: "as a text" },
    { ...user(7, 60), content: { text: "as one part" } },
  ];
  const told = await tellOfDocuments("gemini-cli", { [LOG]: log });
  expect(operationsOf(told, "user_message")).toMatchObject([
    { turn: 0, cwd: "~/app" },
    { turn: 1, cwd: "~/app" },
  ]);
  expect(operationsOf(told, "compaction")).toMatchObject([{ time: at(20) }]);
});

test("a failed request is an error by its class and no call; what is not known is counted", async () => {
  const error = { id: id(3), timestamp: at(6), type: "error", content: '[API Error: {"error":{"code":503}}]' };
  const log = [header(), user(1, 1), error, { ...error, id: id(4), type: "dream" }, { $news: 1 }];
  const told = await tellOfDocuments("gemini-cli", { [LOG]: log });
  expect(operationsOf(told, "error")).toMatchObject([{ error_type: "503", status: "error" }]);
  expect(operationsOf(told, "chat")).toEqual([]);
  expect(told.summary.unknown).toEqual({
    "gemini-cli/transcript: type dream": 1,
    "gemini-cli/transcript: line without an id": 1,
  });
});

test("a log that was set aside as unreadable is still read, as far as it can be", async () => {
  const log = `${lines([header(), user(1, 1)])}{"id":"torn\n${lines([answer(2, 5)])}`;
  const told = await tellOfDocuments("gemini-cli", { [`${LOG}.unreadable-1`]: log });
  expect(operationsOf(told, "chat")).toHaveLength(1);
  expect(told.summary.quarantined).toHaveLength(1);
});

test("texts stand where they belong, in the log and in the older document alike", async () => {
  const called = tool("error", { args: { path: "a" }, result: results(3, 9).content });
  const messages = [
    user(1, 1),
    answer(2, 5, { thoughts: [{ subject: "Plan", description: "look" }], content: "I look", toolCalls: [called] }),
    { id: id(4), timestamp: at(10), type: "error", content: "[API Error: slow down]" },
    user(5, 20, "<state_snapshot>so far</state_snapshot>"),
  ];
  const expected = {
    session: undefined,
    user_message: userSays("go on"),
    chat: assistantSays(
      [
        { type: "reasoning", content: "Plan\nlook" },
        "I look",
        { type: "tool_call", id: "read_file__AbCdEfGhIjKl", name: "read_file", arguments: { path: "a" } },
      ],
      "tool_call",
    ),
    execute_tool: { tool_arguments: { path: "a" }, tool_result: "x", error_message: "x" },
    error: { error_message: "[API Error: slow down]" },
    compaction: assistantSays(["<state_snapshot>so far</state_snapshot>"]),
  };
  const log = [header(), ...messages];
  const steps = log.map((_, i) => ({ [LOG]: log.slice(0, i + 1) }));
  for (const cut of [[{ [LOG]: log }], steps, [{ [DOCUMENT]: { ...header(), messages } }]]) {
    const { records } = await tellTextsOfDocuments("gemini-cli", ...cut);
    expect(Object.fromEntries(records.map((r) => [r.operation, r.content]))).toEqual(expected as never);
    const raws = records.filter((r) => r.operation !== "session").map((r) => r.raw && JSON.parse(r.raw).id);
    expect(raws.toSorted()).toEqual([id(1), id(2), id(2), id(4), id(5)]);
  }
});

test("history that is told again takes no text away", async () => {
  const first = [header(), user(1, 1), answer(2, 5)];
  const again = { $set: { messages: [user(1, 1), { ...answer(2, 5), content: "(masked)" }] } };
  const told = await tellTextsOfDocuments("gemini-cli", { [LOG]: first }, { [LOG]: [...first, again] });
  expect(operationsOf(told, "chat")[0]?.content?.output_messages?.[0]?.parts).toEqual([
    { type: "text", content: "done" },
  ]);
});
