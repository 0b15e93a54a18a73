/** Owns the proof that Pi's calls are counted once, whatever forks, migrations and extensions write. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Files, figuresOf, syncHome, tellOf, tellTextsOf, toldIn } from "../support/agent.ts";
import { scratch } from "../support/home.ts";
import { agentRoots } from "../support/places.ts";
import { assistantSays, textsByOperation, userSays } from "../support/texts.ts";

const fixture = join(import.meta.dir, "../../fixtures/agents/pi");
const FOLDER = ".pi/agent/sessions/--src-app--";
const fileOf = (session: string): string => `${FOLDER}/2026-03-01T09-00-00-000Z_${session}.jsonl`;
const at = (second: number): string => new Date(Date.UTC(2026, 2, 1, 9, 0, second)).toISOString();

const header = (id: string, second: number, more = {}) => ({
  type: "session",
  version: 3,
  id,
  timestamp: at(second),
  ...more,
});
const user = (id: string, second: number) => ({
  type: "message",
  id,
  timestamp: at(second),
  message: { role: "user", content: "go on", timestamp: Date.parse(at(second)) },
});
const answer = (id: string, second: number, more = {}) => ({
  type: "message",
  id,
  timestamp: at(second),
  message: {
    role: "assistant",
    content: [{ type: "text", text: "done" }],
    api: "x",
    provider: "p",
    model: "m",
    usage: { input: 10, output: 5, cacheRead: 3, cacheWrite: 2, cost: { total: 0.5 } },
    stopReason: "stop",
    timestamp: Date.parse(at(second)) - 900,
    ...more,
  },
});
const chats = (told: { records: readonly { operation: string }[] }) =>
  told.records.filter((r) => r.operation === "chat");

for (const folder of ["", "older", "1.6"]) {
  test(`counts exactly what stands in fixtures/agents/pi/${folder}`, async () => {
    using place = scratch();
    const expected = JSON.parse(readFileSync(join(fixture, folder, "expected.json"), "utf8")).on_disk;
    const { records, summary } = toldIn(place.data, await syncHome("pi", join(fixture, folder, "home"), place.data));
    const figures = figuresOf(records);
    for (const model of Object.values(expected.by_model) as Record<string, number>[])
      for (const field of expected.not_recorded ?? []) delete model[field];
    expect(figures).toMatchObject({
      by_model: expected.by_model,
      tool_calls: expected.tool_calls,
      sessions: expected.sessions,
    });
    expect(Object.keys(figures.by_model as object).sort()).toEqual(Object.keys(expected.by_model).sort());
    expect(summary.unknown).toEqual({});
  });
}

test("a fork's copies count in the session they were made in, in whatever order the files are read", async () => {
  const copied = [user("u1", 1), answer("e1", 2, { responseId: "msg_AbCdEfGhIjKlMnOp" }), answer("e2", 3)];
  const original: Files = { [fileOf("aaaa")]: [header("aaaa", 0), ...copied] };
  const parentSession = `/home/u/${fileOf("aaaa")}`;
  const fork: Files = { [fileOf("bbbb")]: [header("bbbb", 10, { parentSession }), ...copied, answer("e3", 11)] };
  for (const steps of [[original, fork], [fork, original], [{ ...original, ...fork }]]) {
    const told = await tellOf("pi", ...steps);
    expect(
      chats(told)
        .map((r) => (r as { session_id?: string }).session_id)
        .sort(),
    ).toEqual(["aaaa", "aaaa", "bbbb"]);
    expect(told.records.filter((r) => r.operation === "user_message")).toHaveLength(1);
    expect(told.records.find((r) => r.operation === "session" && r.session_id === "bbbb")?.forked_from).toBe("aaaa");
  }
});

test("a migration that gives entries new ids tells nothing twice", async () => {
  const { id: _u, ...oldUser } = user("", 1);
  const { id: _a, ...oldAnswer } = answer("", 2);
  const told = await tellOf(
    "pi",
    { [fileOf("aaaa")]: [{ type: "session", id: "aaaa", timestamp: at(0) }, oldUser, oldAnswer] },
    { [`${FOLDER}/2026-03-01T09-00-01-000Z_aaaa.jsonl`]: [header("aaaa", 0), user("n1", 1), answer("n2", 2)] },
  );
  expect(told.records.map((r) => r.operation).sort()).toEqual(["chat", "session", "user_message"]);
});

test("usage inside retainedTail is not read, a compaction's own usage is one more call", async () => {
  const usage = { input: 7, output: 3, cacheRead: 0, cacheWrite: 0 };
  const compaction = {
    type: "compaction",
    id: "c",
    timestamp: at(3),
    tokensBefore: 9,
    usage,
    retainedTail: [answer("e1", 2)],
  };
  const told = await tellOf("pi", { [fileOf("aaaa")]: [header("aaaa", 0), answer("e1", 2), compaction] });
  expect(chats(told)).toHaveLength(2);
  expect(chats(told)[1]).toMatchObject({ usage: { input_tokens: 7, output_tokens: 3 }, request_model: "m" });
});

test("the usage of a tool's result is a call of its own, with no model made up", async () => {
  const call = answer("e1", 1, { content: [{ type: "toolCall", id: "call_1", name: "task", arguments: {} }] });
  const usage = { input: 4, output: 2, cacheRead: 0, cacheWrite: 0 };
  const message = { role: "toolResult", toolCallId: "call_1", toolName: "task", content: [], usage, isError: true };
  const told = await tellOf("pi", {
    [fileOf("aaaa")]: [header("aaaa", 0), call, { type: "message", id: "e2", timestamp: at(4), message }],
  });
  expect(chats(told)).toHaveLength(2);
  expect(chats(told)[1]).not.toContainKey("model");
  expect(told.records.find((r) => r.operation === "execute_tool")).toMatchObject({
    status: "error",
    error_type: "tool_error",
    duration_ms: 3000,
    tool: { name: "task", call_id: "call_1" },
  });
});

test("a short response id is not known without its time, a long one is", async () => {
  const files: Files = {
    [fileOf("aaaa")]: [header("aaaa", 0), answer("e1", 1, { responseId: "chatcmpl-7" })],
    [fileOf("bbbb")]: [header("bbbb", 5), answer("e2", 6, { responseId: "chatcmpl-7" })],
  };
  expect(chats(await tellOf("pi", files))).toHaveLength(2);
});

test("entries that are alike in every way but their id are two calls, a line written twice is one", async () => {
  const told = await tellOf("pi", {
    [fileOf("aaaa")]: [header("aaaa", 0), answer("e1", 1), answer("e1", 1), answer("e2", 1)],
  });
  expect(chats(told)).toHaveLength(2);
});

test("a failed request without tokens is an error and no call, its message is not kept", async () => {
  const failed = answer("e1", 1, {
    usage: { input: 0, output: 0 },
    stopReason: "error",
    errorMessage: "429 slow down, you",
  });
  const cut = answer("e2", 2, { stopReason: "aborted" });
  const told = await tellOf("pi", { [fileOf("aaaa")]: [header("aaaa", 0), failed, cut] });
  expect(told.records.find((r) => r.operation === "error")).toMatchObject({ status: "error", error_type: "429" });
  expect(chats(told)).toHaveLength(1);
  expect(chats(told)[0]).toMatchObject({ status: "error", error_type: "aborted", usage: { input_tokens: 15 } });
  expect(JSON.stringify(told.records)).not.toContain("slow down");
});

test("input is told with caches, zero cost and zero tokens are not told", async () => {
  const free = { input: 1, output: 2, cacheRead: 3, cacheWrite: 4, reasoning: 1, cost: { total: 0 } };
  const none = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, cost: { total: 0 } };
  const told = await tellOf("pi", {
    [fileOf("aaaa")]: [header("aaaa", 0), answer("e1", 1, { usage: free }), answer("e2", 2, { usage: none })],
  });
  const [first, second] = chats(told) as { usage?: object }[];
  expect(first).not.toContainKey("cost_usd");
  expect(first?.usage).toEqual({
    input_tokens: 8,
    output_tokens: 2,
    cache_read_input_tokens: 3,
    cache_creation_input_tokens: 4,
    reasoning_output_tokens: 1,
  });
  expect(second).not.toContainKey("usage");
});

test("what the agent injects is no user message, and a command run by the person is no tool call", async () => {
  const said = (role: string, second: number, more = {}) => ({
    type: "message",
    id: `x${second}`,
    timestamp: at(second),
    message: { role, content: "PLANTED", timestamp: Date.parse(at(second)), ...more },
  });
  const told = await tellOf("pi", {
    [fileOf("aaaa")]: [
      header("aaaa", 0),
      ...["custom", "hookMessage", "branchSummary", "compactionSummary"].map((role, i) => said(role, i + 1)),
      said("bashExecution", 6, { command: "PLANTED", exitCode: 2 }),
      { type: "custom_message", id: "y", timestamp: at(7), content: "PLANTED", display: true },
      { type: "weather", id: "z", timestamp: at(8) },
      user("u1", 9),
    ],
  });
  expect(told.records.map((r) => r.operation)).toEqual(["session", "other", "user_message"]);
  expect(told.records[1]).toMatchObject({ name: "user_shell", status: "error", attributes: { exitCode: 2 } });
  expect(told.summary.unknown).toEqual({ "pi/transcript: type weather": 1 });
  expect(JSON.stringify(told.all)).not.toContain("PLANTED");
});

test("a fork of the program is told apart by its folder, its subagents by their own sessions", async () => {
  const told = await tellOf("pi", {
    ".omp/agent/sessions/--src_T-app--/2026-03-01T09-00-00-000Z_aaaa.jsonl": [
      { type: "title" },
      header("aaaa", 0),
      user("u", 1),
    ],
    ".omp/agent/sessions/--src_T-app--/2026-03-01T09-00-00-000Z_aaaa/Scout.jsonl": [header("cccc", 2), answer("e", 3)],
  });
  expect(new Set(told.records.map((r) => r.stream))).toEqual(new Set(["omp_transcript"]));
  expect(told.records.find((r) => r.session_id === "aaaa")).not.toContainKey("parent_session_id");
  expect(chats(told)[0]).toMatchObject({ session_id: "cccc", parent_session_id: "aaaa", agent_name: "Scout" });
});

test("the usage of a branch's summary is a call of its own", async () => {
  const usage = { input: 8, output: 4, cacheRead: 0, cacheWrite: 0 };
  const summary = { type: "branch_summary", id: "b", timestamp: at(3), fromId: "e1", summary: "left", usage };
  const told = await tellOf("pi", { [fileOf("aaaa")]: [header("aaaa", 0), answer("e1", 2), summary, answer("e2", 4)] });
  expect(chats(told).map((r) => (r as { usage?: { input_tokens?: number } }).usage?.input_tokens)).toEqual([15, 8, 15]);
});

test("roots of forks that overlap: a session that two programs' folders hold counts once", async () => {
  const session = [
    header("aaaa", 0),
    user("u", 1),
    answer("e1", 2, { responseId: "msg_AbCdEfGhIjKlMnOp" }),
    answer("e2", 3),
  ];
  const told = await tellOf("pi", {
    [fileOf("aaaa")]: session,
    [fileOf("aaaa").replace(".pi/", ".omp/")]: session,
  });
  expect(told.records.map((r) => r.operation).sort()).toEqual(["chat", "chat", "session", "user_message"]);
});

test("the agent's own folder variables are obeyed, and forks keep their places", () => {
  const moved = agentRoots("pi", { PI_CODING_AGENT_DIR: "/agent", PI_CODING_AGENT_SESSION_DIR: "/sessions" });
  expect(moved[0]).toEqual(["/sessions", "/agent/sessions"]);
  expect(moved.flat()).toContain("/h/.omp/agent/sessions");
  expect(agentRoots("pi", {})[0]).toEqual(["/h/.pi/agent/sessions"]);
});

test("texts stand where they belong: prompts, answers, thoughts, arguments, results, errors, summaries", async () => {
  const blocks = [
    { type: "thinking", thinking: "hm", thinkingSignature: "c2ln" },
    { type: "text", text: "I look" },
    { type: "toolCall", id: "call_1", name: "bash", arguments: { command: "ls" } },
  ];
  const result = { role: "toolResult", toolCallId: "call_1", content: [{ type: "text", text: "none" }], isError: true };
  const log = [
    header("aaaa", 0),
    user("u1", 1),
    answer("e1", 2, { content: blocks, stopReason: "toolUse" }),
    { type: "message", id: "e2", timestamp: at(3), message: result },
    answer("e3", 4, { content: [], usage: {}, stopReason: "error", errorMessage: "429 slow down" }),
    { type: "compaction", id: "c", timestamp: at(5), summary: "so far" },
  ];
  const steps = log.map((line): Files => ({ [fileOf("aaaa")]: [line] }));
  const whole: Files = { [fileOf("aaaa")]: log };
  for (const told of [await tellTextsOf("pi", whole), await tellTextsOf("pi", ...steps)]) {
    const contents = textsByOperation(told.records);
    expect(contents).toEqual({
      session: undefined,
      user_message: userSays("go on"),
      chat: assistantSays(
        [
          { type: "reasoning", content: "hm" },
          "I look",
          { type: "tool_call", id: "call_1", name: "bash", arguments: { command: "ls" } },
        ],
        "tool_call",
      ),
      execute_tool: { tool_arguments: { command: "ls" }, tool_result: "none", error_message: "none" },
      error: { error_message: "429 slow down" },
      compaction: assistantSays(["so far"]),
    } as never);
    const raws = told.records.map((r) => r.raw && JSON.parse(r.raw).id);
    expect(raws.toSorted()).toEqual(["aaaa", "c", "e1", "e2", "e3", "u1"]);
  }
});
