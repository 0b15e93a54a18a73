/** Owns the proof that the calls of Kimi Code and of the Kimi CLI are counted once, in whichever of their logs they stand. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "../../src/record/json.ts";
import { type Files, figuresOf, syncHome, type Told, tellOf, toldIn } from "../support/agent.ts";
import { scratch } from "../support/home.ts";
import { agentPlaces } from "../support/places.ts";

const fixture = join(import.meta.dir, "../../fixtures/agents/kimi-code");
const CODE = ".kimi-code/sessions/wd_app_0123456789ab";
const CLI = ".kimi/sessions/0123456789abcdef0123456789abcdef";
const T = Date.UTC(2026, 7, 1, 10);
const at = (ms: number): string => new Date(T + ms).toISOString();

const metadata = (ms = 0): JsonObject => ({ type: "metadata", protocol_version: "1.5", created_at: T + ms });
const loop = (ms: number, event: JsonObject): JsonObject => ({
  type: "context.append_loop_event",
  event,
  time: T + ms,
});
const begin = (ms: number, uuid: string, step: number): JsonObject =>
  loop(ms, { type: "step.begin", uuid, turnId: "0", step });
const request = (ms: number, step: number, more: JsonObject = {}): JsonObject => ({
  type: "llm.request",
  kind: "loop",
  provider: "anthropic",
  model: "real-model",
  modelAlias: "acme/alias",
  turnStep: `0.${step}`,
  ...more,
  time: T + ms,
});
const tokens = (inputOther: number, output: number): JsonObject => ({
  inputOther,
  output,
  inputCacheRead: 2,
  inputCacheCreation: 1,
});
const usage = (ms: number, input: number, output: number, usageScope = "turn"): JsonObject => ({
  type: "usage.record",
  model: "acme/alias",
  usage: tokens(input, output),
  usageScope,
  time: T + ms,
});
const end = (ms: number, uuid: string, step: number, more: JsonObject): JsonObject =>
  loop(ms, { type: "step.end", uuid, turnId: "0", step, ...more });
const prompt = (ms: number, promptId: string, kind = "user"): JsonObject => ({
  type: "turn.prompt",
  input: [{ type: "text", text: "PLANTED" }],
  origin: { kind },
  promptId,
  time: T + ms,
});
/** One whole call: 10 ms for the request, its end after its tools. */
const call = (ms: number, uuid: string, step: number): JsonObject[] => [
  begin(ms, uuid, step),
  request(ms, step),
  usage(ms + 10, 100 + step, 10),
  end(ms + 50, uuid, step, {
    finishReason: "end_turn",
    usage: tokens(100 + step, 10),
    messageId: `msg_AbCdEfGhIjKl-${uuid}`,
  }),
];

const message = (ms: number, type: string, payload: JsonObject = {}): JsonObject => ({
  timestamp: (T + ms) / 1000,
  message: { type, payload },
});
const status = (ms: number, input: number, message_id?: string): JsonObject =>
  message(ms, "StatusUpdate", {
    token_usage: { input_other: input, output: 5, input_cache_read: 2, input_cache_creation: 1 },
    message_id,
  });

const of = (told: Told, operation: string) => told.records.filter((r) => r.operation === operation);
const code = (...objects: JsonObject[]): Promise<Told> =>
  tellOf("kimi-code", { [`${CODE}/session_a/agents/main/wire.jsonl`]: [metadata(), ...objects] });
const cli = (...objects: JsonObject[]): Promise<Told> =>
  tellOf("kimi-code", { [`${CLI}/s-1/wire.jsonl`]: [{ type: "metadata", protocol_version: "1.10" }, ...objects] });

for (const folder of ["", "older", "code-0.10", "cli-1.49"]) {
  test(`counts exactly what stands in fixtures/agents/kimi-code/${folder}`, async () => {
    using place = scratch();
    const expected = JSON.parse(readFileSync(join(fixture, folder, "expected.json"), "utf8")).on_disk;
    const home = join(fixture, folder, "home");
    const { records, summary } = toldIn(place.data, await syncHome("kimi-code", home, place.data));
    const figures = figuresOf(records);
    for (const model of Object.values(expected.by_model) as Record<string, number>[])
      delete model.reasoning_output_tokens;
    expect(figures).toMatchObject({ by_model: expected.by_model, sessions: expected.sessions });
    // Of the tool calls that were served one stands in no file: a compaction's answer asked for it and was thrown away.
    expect(figures.tool_calls).toBe(folder === "" ? expected.tool_calls - 1 : expected.tool_calls);
    expect(summary.unknown).toEqual({});
  });
}

test("a usage record and its step's end are one call, with the real model, whichever comes first", async () => {
  const [begun, asked, used, ended] = call(100, "u1", 1) as [JsonObject, JsonObject, JsonObject, JsonObject];
  const expected = {
    model: "real-model",
    provider: "anthropic",
    response_id: "msg_AbCdEfGhIjKl-u1",
    finish_reasons: ["end_turn"],
    time: at(100),
    end_time: at(110),
    usage: { input_tokens: 104, output_tokens: 10, cache_read_input_tokens: 2, cache_creation_input_tokens: 1 },
    attributes: { modelAlias: "acme/alias" },
  };
  const one = await code(begun, asked, used, ended);
  expect(of(one, "chat")).toMatchObject([expected]);
  const other = await code(begun, asked, ended, used);
  expect(of(other, "chat")).toMatchObject([{ ...expected, end_time: at(150) }]);
});

test("an older log that does not say which step a request is of tells each call once", async () => {
  const step = (ms: number): JsonObject[] => [
    request(ms, 0, { turnStep: undefined, kind: "chat" }),
    loop(ms + 20, { type: "step.end", finishReason: "stop", usage: tokens(7, 7) }),
    usage(ms + 30, 7, 7),
  ];
  const told = await code(...step(100), ...step(200));
  expect(of(told, "chat").map((r) => [r.model, r.time])).toEqual([
    ["real-model", at(100)],
    ["real-model", at(200)],
  ]);
});

test("without a request the alias is what was asked for, never what answered", async () => {
  const [chat] = of(await code(usage(10, 3, 3)), "chat");
  expect(chat).toMatchObject({ request_model: "acme/alias" });
  expect(chat).not.toContainKey("model");
});

test("a call that was cut off before its step ended counts, one that brought no tokens does not", async () => {
  const cut = await code(begin(1, "u1", 1), request(1, 1), usage(9, 5, 5), begin(20, "u2", 2), request(20, 2));
  expect(of(cut, "chat")).toMatchObject([{ open: true, model: "real-model", usage: { input_tokens: 8 } }]);
});

test("a compaction and the call that wrote it are told apart, and the step that follows keeps its own tokens", async () => {
  const told = await code(
    { type: "full_compaction.begin", source: "auto", time: T + 5 },
    request(6, 0, { kind: "compaction", turnStep: undefined }),
    usage(9, 50, 6, "session"),
    { type: "context.apply_compaction", summary: "PLANTED", tokensBefore: 90, tokensAfter: 20, time: T + 10 },
    ...call(20, "u1", 1),
  );
  expect(of(told, "compaction")).toMatchObject([
    { time: at(5), end_time: at(10), attributes: { trigger: "auto", tokensBefore: 90, tokensAfter: 20 } },
  ]);
  expect(of(told, "chat").map((r) => r.usage?.input_tokens)).toEqual([53, 104]);
  expect(JSON.stringify(told.all)).not.toContain("PLANTED");
});

test("a failed step is one error, told as well as it is known", async () => {
  const failed = end(10, "u1", 1, { finishReason: "error" });
  const retrying = {
    type: "turn.step.retrying",
    stepId: "u1",
    errorName: "APIStatusError",
    errorMessage: "PLANTED",
    statusCode: 500,
  };
  const interrupted = {
    type: "turn.step.interrupted",
    turnId: 0,
    step: 1,
    reason: "error",
    message: "[provider.api_error] PLANTED",
  };
  const step = [begin(1, "u1", 1), request(1, 1), failed];
  const [plain] = of(await code(...step), "error");
  expect(plain).toMatchObject({ status: "error", fact: "u1" });
  expect(plain).not.toContainKey("error_type");
  const retried = await code(...step, { ...retrying, time: T + 11 });
  expect(of(retried, "error")).toMatchObject([{ error_type: "APIStatusError", attributes: { status_code: 500 } }]);
  const ended = await code(...step, { ...interrupted, time: T + 12 });
  expect(of(ended, "error")).toMatchObject([{ error_type: "provider.api_error" }]);
  expect(of(ended, "chat")).toEqual([]);
  expect(JSON.stringify([...retried.all, ...ended.all])).not.toContain("PLANTED");
});

test("a fork's copied calls count where they were made, in whatever order the files are read", async () => {
  const copied = [metadata(), prompt(50, "msg_p1"), ...call(100, "u1", 1)];
  const log = (session: string, ...objects: JsonObject[]): Files => ({
    [`${CODE}/${session}/agents/main/wire.jsonl`]: objects,
  });
  const original = log("session_b", ...copied);
  const fork: Files = {
    ...log("session_a", ...copied, { type: "forked", time: T + 500 }, ...call(600, "u2", 2)),
    [`${CODE}/session_a/state.json`]: JSON.stringify({ createdAt: T + 490, forkedFrom: "session_b", cwd: "/w/app" }),
  };
  for (const steps of [[original, fork], [fork, original], [{ ...original, ...fork }]]) {
    const told = await tellOf("kimi-code", ...steps);
    expect(
      of(told, "chat")
        .map((r) => r.session_id)
        .sort(),
    ).toEqual(["session_a", "session_b"]);
    expect(of(told, "user_message").map((r) => r.session_id)).toEqual(["session_b"]);
    expect(of(told, "session").find((r) => r.session_id === "session_a")).toMatchObject({ forked_from: "session_b" });
  }
});

test("a subagent's own log tells its calls, its spawner's log tells its run without their sum", async () => {
  const told = await tellOf("kimi-code", {
    [`${CODE}/session_a/agents/main/wire.jsonl`]: [
      metadata(),
      prompt(1, "msg_p1"),
      {
        type: "subagent.spawned",
        subagentId: "agent-0",
        subagentName: "coder",
        parentToolCallId: "call_7",
        time: T + 10,
      },
      {
        type: "subagent.completed",
        subagentId: "agent-0",
        resultSummary: "PLANTED",
        usage: tokens(900, 90),
        time: T + 90,
      },
    ],
    [`${CODE}/session_a/agents/agent-0/wire.jsonl`]: [
      metadata(),
      { type: "profile.bind", profileName: "coder", environmentDisclosure: { cwd: "/w/app" }, time: T + 11 },
      prompt(12, "msg_p2", "system_trigger"),
      ...call(20, "u1", 1),
      { type: "turn.ended", turnId: 0, durationMs: 5, time: T + 80 },
    ],
  });
  const subagent = { id: "agent-0", name: "coder" };
  expect(of(told, "chat")).toMatchObject([
    { session_id: "session_a", subagent, agent_name: "coder", usage: { output_tokens: 10 } },
  ]);
  expect(of(told, "invoke_agent")).toMatchObject([
    { subagent, time: at(10), duration_ms: 80, status: "ok", tool: { call_id: "call_7" } },
  ]);
  expect(of(told, "invoke_agent")[0]).not.toContainKey("usage");
  expect(of(told, "session")).toHaveLength(1);
  expect(of(told, "user_message")).toHaveLength(1);
});

test("a prompt is told once, and only a person's; the copies of messages are not read", async () => {
  const copy = {
    message: { message: { role: "user", content: "PLANTED".repeat(300) } },
    type: "agent.message.appended",
  };
  const told = await code(
    prompt(1, "msg_p1"),
    {
      type: "context.append_message",
      message: { role: "user", content: "PLANTED", origin: { kind: "user" } },
      time: T + 2,
    },
    { ...copy, time: T + 3, kind: "event" },
    prompt(4, "msg_p2", "cron_job"),
    { type: "turn.steer", input: [], origin: { kind: "user" }, promptId: "msg_p3", time: T + 5 },
    { type: "weather", time: T + 6 },
  );
  expect(of(told, "user_message").map((r) => [r.fact, r.turn])).toEqual([
    ["msg_p1", 0],
    ["msg_p3", 0],
  ]);
  expect(told.summary.unknown).toEqual({ "kimi-code/wire: type weather": 1 });
  expect(JSON.stringify(told.all)).not.toContain("PLANTED");
});

test("a migrated session tells nothing twice and names the session it was", async () => {
  const uuid = "cccccccc-0000-4000-8000-00000000000c";
  const told = await tellOf("kimi-code", {
    [`${CLI}/${uuid}/wire.jsonl`]: [
      message(1, "TurnBegin", { user_input: "hello" }),
      status(9, 7, "chatcmpl-AbCdEfGhIj"),
    ],
    [`${CODE}/ses_${uuid}/state.json`]: JSON.stringify({ createdAt: "2026-08-02T10:00:00.000Z" }),
    [`${CODE}/ses_${uuid}/agents/main/wire.jsonl`]: [
      metadata(),
      { type: "context.append_message", message: { role: "user", content: "hello" } },
    ],
  });
  expect(told.records.map((r) => r.operation).sort()).toEqual([
    "chat",
    "invoke_agent",
    "session",
    "session",
    "user_message",
  ]);
  expect(of(told, "session").find((r) => r.session_id === `ses_${uuid}`)?.forked_from).toBe(uuid);
});

test("Kimi CLI: a subagent's usage inside its parent's log is not counted where it has a log of its own", async () => {
  const nested = (ms: number, payload: JsonObject): JsonObject => message(ms, "SubagentEvent", payload);
  const event = (status(0, 9, "chatcmpl-ChildAbCdEf").message ?? {}) as JsonObject;
  const told = await tellOf("kimi-code", {
    [`${CLI}/s-1/wire.jsonl`]: [nested(5, { parent_tool_call_id: "t", agent_id: "ag-1", event })],
    [`${CLI}/s-1/subagents/ag-1/meta.json`]: JSON.stringify({ subagent_type: "coder" }),
    [`${CLI}/s-1/subagents/ag-1/wire.jsonl`]: [
      message(1, "TurnBegin", { user_input: "x" }),
      status(4, 9, "chatcmpl-ChildAbCdEf"),
    ],
  });
  expect(of(told, "chat")).toMatchObject([{ session_id: "s-1", subagent: { id: "ag-1", name: "coder" } }]);
  expect(of(told, "user_message")).toEqual([]);
  const legacy = await cli(nested(5, { task_tool_call_id: "Task:0", event }));
  expect(of(legacy, "chat")).toMatchObject([{ subagent: { id: "Task:0" } }]);
});

test("Kimi CLI: a fork's copied lines are the same calls, with and without a message's id", async () => {
  const copied = [message(1, "TurnBegin", { user_input: "hello" }), status(5, 7, "chatcmpl-AbCdEfGhIj"), status(6, 8)];
  const told = await tellOf("kimi-code", {
    [`${CLI}/s-1/wire.jsonl`]: copied,
    [`${CLI}/s-2/wire.jsonl`]: [...copied, status(99, 9)],
  });
  expect(of(told, "chat")).toHaveLength(3);
  expect(of(told, "user_message")).toHaveLength(1);
});

test("Kimi CLI: an update without tokens is no call, and no model is made up", async () => {
  const told = await cli(
    message(1, "StepBegin", { n: 1 }),
    message(3, "StatusUpdate", { context_usage: 0.1 }),
    status(9, 7),
  );
  expect(of(told, "chat")).toMatchObject([
    { time: at(1), end_time: at(9), duration_ms: 8, usage: { input_tokens: 10 } },
  ]);
  expect(of(told, "chat")[0]).not.toContainKey("model");
  expect(of(told, "chat")[0]).not.toContainKey("request_model");
});

test("Kimi CLI: a turn without an end ends where the next begins", async () => {
  const told = await cli(
    message(0, "TurnBegin", { user_input: "PLANTED" }),
    status(50, 7),
    message(100, "TurnBegin", { user_input: [{ type: "text", text: "PLANTED" }] }),
    message(120, "SteerInput", { user_input: "PLANTED" }),
    message(130, "TurnEnd"),
  );
  expect(of(told, "invoke_agent").map((r) => r.duration_ms)).toEqual([50, 30]);
  expect(of(told, "user_message").map((r) => r.turn)).toEqual([0, 1, 1]);
  expect(JSON.stringify(told.all)).not.toContain("PLANTED");
});

test("Kimi CLI: tools, hooks, retries and compactions are told", async () => {
  const told = await cli(
    message(1, "ToolCall", { type: "function", id: "Shell:0", function: { name: "Shell", arguments: "PLANTED" } }),
    message(9, "ToolResult", { tool_call_id: "Shell:0", return_value: { is_error: true, output: "PLANTED" } }),
    message(10, "HookResolved", {
      event: "PreToolUse",
      target: "Shell",
      action: "block",
      reason: "PLANTED",
      duration_ms: 12,
    }),
    message(20, "StepRetry", { next_attempt: 2, error_type: "APIStatusError", status_code: 429 }),
    message(30, "CompactionBegin"),
    message(40, "CompactionEnd"),
    message(50, "Weather"),
  );
  expect(of(told, "execute_tool")).toMatchObject([{ status: "error", duration_ms: 8, tool: { name: "Shell" } }]);
  expect(of(told, "execute_hook")).toMatchObject([
    { name: "PreToolUse", duration_ms: 12, attributes: { action: "block" } },
  ]);
  expect(of(told, "error")).toMatchObject([{ error_type: "APIStatusError", attributes: { status_code: 429 } }]);
  expect(of(told, "compaction")).toMatchObject([{ duration_ms: 10 }]);
  expect(told.summary.unknown).toEqual({ "kimi-code/cli_wire: type Weather": 1 });
  expect(JSON.stringify(told.all)).not.toContain("PLANTED");
});

test("of the desktop app's sessions only conversations are read, and variables are obeyed", () => {
  const places = agentPlaces("kimi-code", { KIMI_CODE_HOME: "/code", KIMI_SHARE_DIR: "/cli" });
  const desktop = "/home/dev/.config/kimi-desktop/daimon-share/daimon/runtime/kimi-code/home/sessions";
  expect([...new Set(places.map(({ root }) => root))]).toEqual(["/code/sessions", desktop, "/cli/sessions"]);
  expect(places.find(({ root }) => root === desktop)?.match).toEqual(["*/conv-*/agents/*/wire.jsonl"]);
});
