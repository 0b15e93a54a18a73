/** Owns the proof that Cline's calls are counted once, in both of its generations and between them. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { figuresOf, syncHome, type Told, toldIn } from "../support/agent.ts";
import {
  answer,
  entry,
  fileOf,
  METRICS,
  manifest,
  request,
  result,
  SESSIONS,
  START,
  STORAGE,
  sent,
  session,
  shown,
  TASK,
  time,
  USAGE,
  use,
  user,
} from "../support/cline.ts";
import { operationsOf, tellOfDocuments, tokensOf } from "../support/documents.ts";
import { scratch } from "../support/home.ts";

const fixture = join(import.meta.dir, "../../fixtures/agents/cline");
for (const folder of ["", "older"]) {
  test(`counts exactly what stands in fixtures/agents/cline/${folder}`, async () => {
    using place = scratch();
    const expected = JSON.parse(readFileSync(join(fixture, folder, "expected.json"), "utf8")).on_disk;
    const summary = await syncHome("cline", join(fixture, folder, "home"), place.data);
    for (const model of Object.values(expected.by_model) as Record<string, number>[])
      delete model.reasoning_output_tokens;
    expect(figuresOf(toldIn(place.data, summary).records)).toEqual({
      by_model: expected.by_model,
      tool_calls: expected.tool_calls,
      sessions: expected.sessions.toSorted(),
    });
    expect(summary.unknown).toEqual({});
  });
}

test("a session tells its input with the caches, a task without them", async () => {
  const told = await tellOfDocuments("cline", {
    [fileOf("s")]: session("s", [user(1), answer(5)]),
    ...shown([entry(1, "task", "x"), request(2)]),
  });
  const usage = {
    input_tokens: 100,
    output_tokens: 10,
    cache_read_input_tokens: 60,
    cache_creation_input_tokens: 20,
  };
  expect(operationsOf(told, "chat").map((r) => r.usage)).toEqual([usage, usage]);
});

test("sums over a session and its agents are not counted", async () => {
  const sums = { usage: METRICS, aggregateUsage: { ...METRICS, inputTokens: 999 }, totalCost: 9 };
  const told = await tellOfDocuments("cline", {
    [fileOf("s")]: session("s", [user(1), answer(5)]),
    [`${SESSIONS}/s/s.json`]: manifest(0, sums),
  });
  expect(tokensOf(told)).toEqual({ input: 100, output: 10 });
});

test("messages that are stored again under new ids are the same messages", async () => {
  const again = [user(1, "go on", "new"), answer(5, { id: "new too" }), user(20), answer(25)];
  const told = await tellOfDocuments(
    "cline",
    { [fileOf("s")]: session("s", [user(1), answer(5)]) },
    { [fileOf("s")]: session("s", again) },
  );
  expect(operationsOf(told, "chat")).toHaveLength(2);
  expect(operationsOf(told, "user_message").map((r) => r.turn)).toEqual([0, 1]);
});

test("two answers of the same millisecond are two calls", async () => {
  const told = await tellOfDocuments("cline", { [fileOf("s")]: session("s", [user(1), answer(5), answer(5)]) });
  expect(tokensOf(told)).toEqual({ input: 200, output: 20 });
});

test("an answer whose metrics come late is one call, with its metrics", async () => {
  const early = session("s", [user(1), answer(5, { metrics: { inputTokens: 0, outputTokens: 0 } })]);
  const told = await tellOfDocuments(
    "cline",
    { [fileOf("s")]: early },
    { [fileOf("s")]: session("s", [user(1), answer(5)]) },
  );
  expect(operationsOf(told, "chat")).toMatchObject([
    { time: time(1), end_time: time(5), usage: { input_tokens: 100 } },
  ]);
});

test("a document that is torn while it is read is read when it is whole", async () => {
  const whole = JSON.stringify(session("s", [user(1), answer(5)]));
  const told = await tellOfDocuments("cline", { [fileOf("s")]: whole.slice(0, 90) }, { [fileOf("s")]: whole });
  expect(operationsOf(told, "chat")).toHaveLength(1);
  expect(told.summary.quarantined).toEqual([]);
});

test("a checkpoint that is restored takes no call away", async () => {
  const before = [user(1), answer(5), user(10), answer(15)];
  const told = await tellOfDocuments(
    "cline",
    { [fileOf("s")]: session("s", before) },
    { [fileOf("s")]: session("s", [...before.slice(0, 2), user(30), answer(35)]) },
  );
  expect(operationsOf(told, "chat")).toHaveLength(3);
});

test("the sum of calls that a checkpoint took away is not added to the calls that are known", async () => {
  const deleted = entry(9, "deleted_api_reqs", { tokensIn: 500, tokensOut: 50 });
  const both = await tellOfDocuments("cline", shown([entry(1, "task"), request(2), deleted]));
  expect(tokensOf(both)).toEqual({ input: 100, output: 10 });
  const alone = await tellOfDocuments("cline", shown([entry(1, "task"), deleted]));
  expect(tokensOf(alone)).toEqual({ input: 500, output: 50 });
});

test("a team-mate's second document repeats the first: its calls count once", async () => {
  const first = [user(1), answer(5)];
  const child = (task: string, messages: unknown) => ({
    [fileOf("s", `mate__${task}`)]: session(`s__teamtask__mate__${task}`, messages, {
      agent: "teammate",
      origin: { parentThreadId: "s" },
    }),
  });
  const told = await tellOfDocuments("cline", child("t2", [...first, user(10), answer(15)]), child("t1", first));
  expect(operationsOf(told, "chat")).toHaveLength(2);
  expect(operationsOf(told, "user_message")).toEqual([]);
  expect(told.records.every((r) => r.parent_session_id === "s")).toBe(true);
});

test("a subagent's session goes by its own id and has one run", async () => {
  const id = "agent_1750000000001_x1y2z3";
  const document = session(`s__${id}`, [user(1), answer(5)], { agent: "subagent", origin: { parentThreadId: "s" } });
  const told = await tellOfDocuments("cline", { [fileOf("s", id)]: document });
  expect(new Set(told.records.map((r) => r.session_id))).toEqual(new Set([id]));
  expect(operationsOf(told, "invoke_agent")).toMatchObject([{ time: time(1), end_time: time(5), duration_ms: 4 }]);
});

test("a fork's copies count in the session they were made in, in whatever order they are read", async () => {
  const first = [user(1), answer(5, { content: [use("call_1")] }), result(9, "call_1", "ok")];
  const original = {
    [fileOf("s")]: session("s", first),
    [`${SESSIONS}/s/s.json`]: manifest(0, {}),
  };
  const copies = first.map((message) => ({ ...message, id: `new-${message.id}` }));
  const fork = {
    [fileOf("f")]: session("f", [...copies, user(100), answer(105)]),
    [`${SESSIONS}/f/f.json`]: manifest(90, { fork: { forkedFromSessionId: "s" } }),
  };
  for (const steps of [[original, fork], [fork, original], [{ ...original, ...fork }]]) {
    const told = await tellOfDocuments("cline", ...steps);
    expect(
      operationsOf(told, "chat")
        .map((r) => r.session_id)
        .sort(),
    ).toEqual(["f", "s"]);
    expect(operationsOf(told, "user_message")).toHaveLength(2);
    expect(operationsOf(told, "execute_tool").map((r) => r.session_id)).toEqual(["s"]);
    expect(operationsOf(told, "session").find((r) => r.session_id === "f")?.forked_from).toBe("s");
  }
});

test("a task that is opened in version 4 counts its calls once, in whatever order, and new ones beside them", async () => {
  const old = {
    ...shown([entry(1, "task", "x"), request(2)]),
    ...sent([answer(3, { content: [use("toolu_0000000000001")] })]),
  };
  const sum = answer(90, { modelInfo: { id: "m", provider: "unknown" } });
  const copies = [
    { role: "user", ts: START + 90, content: "<task>x</task>" },
    answer(90, { content: [use("toolu_0000000000001")], metrics: undefined }),
    sum,
    { role: "user", ts: START + 91, content: "[cline-legacy-resume-warning:v1]\nx" },
  ];
  const opened = { [fileOf(TASK)]: session(TASK, copies), [`${SESSIONS}/${TASK}/${TASK}.json`]: manifest(89, {}) };
  const used = { [fileOf(TASK)]: session(TASK, [...copies, user(100), answer(105, { content: [use("call_9")] })]) };
  for (const steps of [[old, opened, used], [opened, used, old], [{ ...old, ...opened, ...used }]]) {
    const told = await tellOfDocuments("cline", ...steps);
    expect(tokensOf(told)).toEqual({ input: 200, output: 20 });
    expect(operationsOf(told, "chat")).toHaveLength(2);
    expect(operationsOf(told, "user_message")).toHaveLength(2);
    expect(
      operationsOf(told, "execute_tool")
        .map((r) => r.tool?.call_id)
        .sort(),
    ).toEqual(["call_9", "toolu_0000000000001"]);
  }
  expect(tokensOf(await tellOfDocuments("cline", opened))).toEqual({ input: 100, output: 10 });
});

test("what a task was when version 4 opened it ends with the warning, whatever was answered before and after", async () => {
  const copy = (role: string, content: unknown, more = {}) => ({ role, ts: START + 90, content, ...more });
  const warnings = ["Warning: this is a legacy conversation, which means x", "[cline-legacy-resume-warning:v1]\nx"];
  const failed = request(2, { cancelReason: "streaming_failed" });
  const later = [user(100), answer(105), user(110), answer(115)];
  const prompts = (told: Told) =>
    operationsOf(told, "user_message")
      .map((r) => r.time as string)
      .sort();
  const opened = (...messages: unknown[]) => ({
    [fileOf(TASK)]: session(TASK, messages),
    [`${SESSIONS}/${TASK}/${TASK}.json`]: manifest(89, { migratedFromLegacyTask: true }),
  });
  for (const warning of warnings) {
    const unanswered = await tellOfDocuments("cline", {
      ...shown([entry(1, "task", "x"), failed]),
      ...opened(copy("user", "x"), copy("user", warning), ...later),
    });
    expect(tokensOf(unanswered)).toEqual({ input: 200, output: 20 });
    expect(prompts(unanswered)).toEqual([1, 100, 110].map(time));
    const asked = await tellOfDocuments("cline", {
      ...shown([entry(1, "task", "x"), request(2), entry(5, "user_feedback", "y")]),
      ...opened(
        copy("user", "x"),
        copy("assistant", [use("toolu_0000000000001")], { metrics: METRICS, modelInfo: { provider: "unknown" } }),
        copy("user", [{ type: "tool_result", tool_use_id: "toolu_0000000000001", content: "x" }]),
        copy("user", [{ type: "text", text: "<feedback>y</feedback>" }]),
        copy("user", [{ type: "text", text: warning }]),
        ...later,
      ),
    });
    expect(tokensOf(asked)).toEqual({ input: 300, output: 30 });
    expect(prompts(asked)).toEqual([1, 5, 100, 110].map(time));
    expect(operationsOf(asked, "execute_tool")).toMatchObject([{ status: "ok" }]);
  }
  const late = await tellOfDocuments("cline", {
    ...shown([entry(1, "task", "x"), request(2)]),
    ...opened(
      copy("user", "x"),
      answer(90, { modelInfo: { provider: "unknown" } }),
      ...later,
      copy("user", warnings[0]),
    ),
  });
  expect(tokensOf(late)).toEqual({ input: 300, output: 30 });
});

test("a request's tokens come later; what broke off with tokens is a call, what broke off without is an error", async () => {
  const running = request(2, {});
  const partial = entry(3, "text", "x", { partial: true });
  const cancelled = request(20, { ...USAGE, cancelReason: "user_cancelled" });
  const failed = request(30, { tokensIn: 0, tokensOut: 0, cancelReason: "streaming_failed" });
  const asked = { ...entry(31, "x"), type: "ask", ask: "api_req_failed" };
  const told = await tellOfDocuments(
    "cline",
    shown([entry(1, "task"), running, partial]),
    shown([entry(1, "task"), request(2), entry(3, "text", "x"), cancelled]),
    shown([entry(1, "task"), request(2), entry(3, "text", "x"), cancelled, failed, asked]),
  );
  expect(operationsOf(told, "chat")).toMatchObject([
    { time: time(2), status: "ok", ttft_ms: 1 },
    { time: time(20), status: "error", error_type: "user_cancelled" },
  ]);
  expect(operationsOf(told, "error")).toMatchObject([{ time: time(30), error_type: "streaming_failed" }]);
});

test("the oldest tasks tell a request's tokens by an entry of its own; subagents' tokens are told as a sum", async () => {
  const entries = [
    entry(1, "task"),
    entry(2, "api_req_started", { request: "x" }),
    entry(3, "api_req_finished", USAGE),
    entry(4, "subagent_usage", { source: "subagents", ...USAGE }),
  ];
  const told = await tellOfDocuments("cline", { [`.cline/data/tasks/${TASK}/claude_messages.json`]: entries });
  expect(operationsOf(told, "chat")).toMatchObject([{ time: time(2) }, { time: time(4), subagent: {} }]);
  expect(tokensOf(told)).toEqual({ input: 200, output: 20 });
});

test("of a task's tools the list that tells more of them counts", async () => {
  const entries = [entry(1, "task"), request(2), entry(3, "tool", { tool: "readFile" })];
  const calls = [
    answer(3, { content: [use("t1"), use("t2", "attempt_completion")] }),
    result(4, "t1", "x", { is_error: true }),
  ];
  const named = await tellOfDocuments("cline", { ...shown(entries), ...sent(calls) });
  expect(operationsOf(named, "execute_tool")).toMatchObject([
    { tool: { name: "editor" }, status: "error" },
    { tool: { name: "attempt_completion" }, open: true },
  ]);
  const inText = await tellOfDocuments("cline", { ...shown(entries), ...sent([answer(3)]) });
  expect(operationsOf(inText, "execute_tool")).toMatchObject([{ tool: { name: "readFile" } }]);
});

test("a tool that failed says so in its result's content, or nowhere else", async () => {
  const contents = [
    [{ query: "x", result: "", success: false }],
    JSON.stringify({ query: "x", success: false }),
    JSON.stringify([{ success: true }, { success: false }]),
    "{ no json",
    [{ success: true }],
  ];
  const messages = contents.flatMap((content, i) => [
    answer(10 * i, { content: [use(`t${i}`)] }),
    result(10 * i + 5, `t${i}`, content),
  ]);
  const told = await tellOfDocuments("cline", { [fileOf("s")]: session("s", messages) });
  expect(operationsOf(told, "execute_tool").map((r) => r.status)).toEqual(["error", "error", "error", "ok", "ok"]);
});

test("the index of tasks tells where they worked, and their sums only where nothing else tells of them", async () => {
  const item = (id: string) => ({ id, ts: 1, cwdOnTaskInitialization: "/home/dev/app", modelId: "m", ...USAGE });
  const told = await tellOfDocuments("cline", {
    [`${STORAGE}/state/taskHistory.json`]: [item(TASK), item("1740000000000")],
    ...shown([entry(1, "task"), request(2)]),
  });
  expect(operationsOf(told, "session").map((r) => [r.session_id, r.cwd, r.usage?.input_tokens])).toEqual([
    [TASK, "~/app", undefined],
    ["1740000000000", "~/app", 100],
  ]);
});

test("models and versions of a task are those of their time", async () => {
  const settings = {
    model_usage: [
      { ts: START, model_id: "old", model_provider_id: "openai-native" },
      { ts: START + 10, model_id: "new", model_provider_id: "anthropic" },
    ],
    environment_history: [
      { ts: START, cline_version: "3.1.0" },
      { ts: START + 10, cline_version: "3.2.0" },
    ],
  };
  const entries = [entry(1, "task"), entry(2, "api_req_started", USAGE), entry(12, "api_req_started", USAGE)];
  const told = await tellOfDocuments("cline", {
    ...shown(entries),
    [`${STORAGE}/tasks/${TASK}/task_metadata.json`]: settings,
  });
  expect(operationsOf(told, "chat")).toMatchObject([
    { model: "old", provider: "openai", agent_version: "3.1.0" },
    { model: "new", provider: "anthropic", agent_version: "3.2.0" },
  ]);
});

test("compactions are told by the file that they leave, or by the range that they cut out", async () => {
  const range = (ms: number, end: number) => entry(ms, "text", "x", { conversationHistoryDeletedRange: [2, end] });
  const told = await tellOfDocuments("cline", {
    [`${SESSIONS}/s/s.compaction.json`]: {
      conversation_id: "s",
      source_message_count: 3,
      updated_at: time(7),
      messages: [{ role: "user", metadata: { kind: "compaction", reason: "overflow", messagesRemoved: 2 } }],
    },
    ...shown([entry(1, "task"), range(2, 5), range(3, 5), entry(4, "compaction"), range(5, 9), range(6, 11)]),
  });
  expect(
    operationsOf(told, "compaction")
      .map((r) => r.time)
      .sort(),
  ).toEqual([2, 4, 6, 7].map(time));
  expect(operationsOf(told, "compaction").find((r) => r.session_id === "s")?.attributes).toEqual({
    reason: "overflow",
    messagesRemoved: 2,
  });
});

test("what no person typed is no prompt", async () => {
  const text = (content: string, more = {}) => ({
    role: "user",
    ts: START + 9,
    content: [{ type: "text", text: content }],
    ...more,
  });
  const told = await tellOfDocuments("cline", {
    [fileOf("s")]: session("s", [
      text("<SYSTEM_NOTICE>\nx"),
      text("x", { metadata: { kind: "compaction" } }),
      text("x", { metadata: { displayRole: "system" } }),
      result(9, "t", "x"),
    ]),
  });
  expect(operationsOf(told, "user_message")).toEqual([]);
});
