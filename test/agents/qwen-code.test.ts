/** Owns the proof that Qwen Code's calls are counted once, though events, lines, branches and subagents tell them again. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { agents } from "../../src/agents/index.ts";
import type { JsonObject } from "../../src/record/json.ts";
import { figuresOf, lines, syncHome, type Told, tellOf, tellTextsOf, toldIn } from "../support/agent.ts";
import { tellOfDocuments } from "../support/documents.ts";
import { scratch } from "../support/home.ts";
import { agentRoots } from "../support/places.ts";
import { assistantSays, textsByOperation, userSays } from "../support/texts.ts";

const fixture = join(import.meta.dir, "../../fixtures/agents/qwen-code");
const CHATS = ".qwen/projects/-w-app/chats";
/** Where versions before kept theirs. */
const PROJECTS = ".qwen/tmp";
const CHILD = ".qwen/projects/-w-app/subagents/s-1/agent-explore-9.jsonl";
const at = (second: number): string => new Date(Date.UTC(2026, 7, 1, 10) + second * 1000).toISOString();

const record = (uuid: string, second: number, type: string, more: JsonObject = {}): JsonObject => ({
  uuid,
  sessionId: "s-1",
  timestamp: at(second),
  type,
  cwd: "/w/app",
  version: "0.21.14",
  ...more,
});
const user = (uuid: string, second: number, more: JsonObject = {}): JsonObject =>
  record(uuid, second, "user", { message: { role: "user", parts: [{ text: "PLANTED" }] }, ...more });
const counts = (prompt: number, candidates: number, thoughts = 0, total = prompt + candidates): JsonObject => ({
  promptTokenCount: prompt,
  candidatesTokenCount: candidates,
  thoughtsTokenCount: thoughts,
  cachedContentTokenCount: 1,
  totalTokenCount: total,
});
const answer = (uuid: string, second: number, usageMetadata?: JsonObject, more: JsonObject = {}): JsonObject =>
  record(uuid, second, "assistant", {
    model: "m",
    message: { role: "model", parts: [{ text: "PLANTED" }] },
    usageMetadata,
    ...more,
  });
const call = (id: string): JsonObject => ({
  message: { role: "model", parts: [{ functionCall: { id, name: "edit", args: {} } }] },
});
const event = (uuid: string, second: number, name: string, e: JsonObject): JsonObject =>
  record(uuid, second, "system", {
    subtype: "ui_telemetry",
    systemPayload: { uiEvent: { "event.name": `qwen-code.${name}`, "event.timestamp": at(second), ...e } },
  });
const response = (uuid: string, second: number, input: number, output: number, more: JsonObject = {}): JsonObject =>
  event(uuid, second, "api_response", {
    response_id: `chatcmpl-AbCdEfGhIj-${uuid}`,
    model: "m",
    duration_ms: 500,
    input_token_count: input,
    output_token_count: output,
    cached_content_token_count: 1,
    thoughts_token_count: 0,
    total_token_count: input + output,
    response_text: undefined,
    prompt_id: "p",
    auth_type: "openai",
    ...more,
  });
const tellLines = (...objects: JsonObject[]): Promise<Told> => tellOf("qwen-code", { [`${CHATS}/s-1.jsonl`]: objects });
const of = (told: Told, operation: string) => told.records.filter((r) => r.operation === operation);

for (const folder of ["", "branches", "older"]) {
  test(`counts exactly what stands in fixtures/agents/qwen-code/${folder}`, async () => {
    using place = scratch();
    const expected = JSON.parse(readFileSync(join(fixture, folder, "expected.json"), "utf8")).on_disk;
    const home = join(fixture, folder, "home");
    const { records, summary } = toldIn(place.data, await syncHome("qwen-code", home, place.data));
    const figures = figuresOf(records);
    for (const model of Object.values(expected.by_model) as Record<string, number>[])
      delete model.cache_creation_input_tokens;
    expect(figures.by_model).toEqual(expected.by_model);
    expect(figures).toMatchObject({ tool_calls: expected.tool_calls, sessions: expected.sessions });
    expect(summary.unknown).toEqual({});
  });
}

test("an event and the assistant's line with the same tokens are one call, whichever comes first", async () => {
  const event = response("e", 3, 100, 10);
  const line = answer("a", 3, counts(100, 10));
  for (const both of [
    [event, line],
    [line, event],
  ])
    expect(of(await tellLines(user("u", 1), ...both), "chat")).toHaveLength(1);
  const told = await tellLines(user("u", 1), event, line, response("e2", 5, 100, 10), answer("a2", 5, counts(100, 10)));
  expect(of(told, "chat")).toHaveLength(2);
  expect(of(told, "chat")[0]).toMatchObject({
    response_id: "chatcmpl-AbCdEfGhIj-e",
    time: at(2.5),
    duration_ms: 500,
    provider: "openai",
    turn: 0,
  });
});

test("3: an event without the cached tokens, or a line whose thoughts are apart, is the same call", async () => {
  const bare = response("e", 3, 100, 10, { cached_content_token_count: undefined, total_token_count: undefined });
  const apart = response("f", 6, 100, 10, { thoughts_token_count: 5, total_token_count: undefined });
  for (const steps of [
    [bare, answer("a", 3, counts(100, 10))],
    [answer("a", 3, counts(100, 10)), bare],
    [apart, answer("b", 6, counts(100, 10, 5, 115))],
  ])
    expect(of(await tellLines(user("u", 1), ...steps), "chat")).toHaveLength(1);
});

test("a copy of a log under another name, and a log of another program, are no sessions", async () => {
  const lines = [user("u", 1), response("e", 3, 100, 10)];
  const other = [{ event: "click" }, { type: "zz", sessionId: "zz" }];
  const told = await tellOf("qwen-code", {
    [`${CHATS}/s-1.jsonl`]: lines,
    [`${CHATS}/before the clean-up.jsonl`]: lines,
    [`${CHATS}/notes.jsonl`]: other,
  });
  expect(of(told, "session").map((r) => r.session_id)).toEqual(["s-1"]);
  expect([of(told, "chat").length, of(told, "user_message").length]).toEqual([1, 1]);
});

test("where no event tells a call the assistant's line does, also one with empty parts", async () => {
  const empty = answer("b", 4, counts(120, 12), { message: { role: "model", parts: [] } });
  const told = await tellLines(user("u", 1), answer("a", 3, counts(100, 10)), empty, answer("c", 5));
  expect(of(told, "chat").map((r) => r.usage?.input_tokens)).toEqual([100, 120]);
});

test("a branch's copies are not counted again, and the branch names its parent", async () => {
  const original = [
    user("u", 1),
    response("e", 3, 100, 10),
    answer("a", 3, counts(100, 10)),
    answer("b", 4, counts(7, 8)),
  ];
  const copies = original.map((o) => ({
    ...o,
    sessionId: "s-2",
    forkedFrom: { sessionId: "s-1", messageUuid: o.uuid },
  }));
  const own = { ...answer("z", 9, counts(9, 9)), sessionId: "s-2" };
  const first = { [`${CHATS}/s-1.jsonl`]: original };
  const second = { [`${CHATS}/s-2.jsonl`]: [...copies, own] };
  for (const steps of [[first, second], [second, first], [{ ...first, ...second }]]) {
    const told = await tellOf("qwen-code", ...steps);
    expect(
      of(told, "chat")
        .map((r) => r.session_id)
        .sort(),
    ).toEqual(["s-1", "s-1", "s-2"]);
    expect(of(told, "user_message").map((r) => r.session_id)).toEqual(["s-1"]);
    expect(of(told, "session").find((r) => r.session_id === "s-2")).toMatchObject({ forked_from: "s-1", time: at(9) });
  }
});

test("a subagent's call is one, whether the parent's events, its own file or both tell it", async () => {
  const prompt = { prompt_id: "s-1#explore-x1y2z3#0", subagent_id: "explore-9", subagent_type: "explore" };
  const parent = { [`${CHATS}/s-1.jsonl`]: [user("u", 1), response("e", 3, 100, 10, prompt)] };
  const child = {
    [CHILD]: [
      user("t", 2, { isSidechain: true }),
      answer("a", 3, counts(100, 10), { agentId: "explore-9", agentName: "explore" }),
    ],
  };
  for (const steps of [[parent, child], [child, parent], [parent], [child]]) {
    const told = await tellOf("qwen-code", ...steps);
    expect(of(told, "chat")).toHaveLength(1);
    expect(of(told, "chat")[0]).toMatchObject({ session_id: "s-1", subagent: { id: "explore-9", name: "explore" } });
    expect(of(told, "user_message")).toHaveLength(steps.includes(parent) ? 1 : 0);
  }
});

test("a branch's copies of a subagent's calls are not counted again, whatever session their prompts are told of", async () => {
  const of0 = (session: string) => ({ prompt_id: `${session}#explore-9#0`, subagent_id: "explore-9" });
  const told = (session: string) => [
    response("e1", 3, 100, 10, of0(session)),
    response("e2", 4, 100, 10, of0(session)),
    event("t", 5, "tool_call", { function_name: "edit", call_id: "call_1", duration_ms: 2, ...of0(session) }),
  ];
  const branch = (session: string, from: string) =>
    told(session).map((o) => ({
      ...o,
      sessionId: session,
      forkedFrom: { sessionId: from, messageUuid: o.uuid },
    }));
  const files = {
    [`${CHATS}/s-1.jsonl`]: [user("u", 1), ...told("s-1")],
    [`${CHATS}/s-2.jsonl`]: branch("s-2", "s-1"),
    [`${CHATS}/s-3.jsonl`]: branch("s-3", "s-2"),
    [CHILD]: [answer("a", 3, counts(100, 10)), answer("b", 4, counts(100, 10))],
  };
  const order = Object.entries(files);
  for (const steps of [[files], order.map(([k, v]) => ({ [k]: v })), order.reverse().map(([k, v]) => ({ [k]: v }))]) {
    const { records } = await tellOf("qwen-code", ...steps);
    expect(records.filter((r) => r.operation === "chat").map((r) => r.session_id)).toEqual(["s-1", "s-1"]);
    expect(records.filter((r) => r.operation === "execute_tool")).toMatchObject([
      { session_id: "s-1", tool: { call_id: "call_1" } },
    ]);
  }
});

test("a subagent's file that tells more than the session's log does is believed", async () => {
  const child = { [CHILD]: [answer("a", 3, counts(100, 10)), answer("b", 4, counts(100, 10))] };
  const parent = {
    [`${CHATS}/s-1.jsonl`]: [user("u", 1), response("e", 3, 100, 10, { prompt_id: "s-1#explore-9#0" })],
  };
  for (const steps of [[child], [child, parent], [parent, child]])
    expect(of(await tellOf("qwen-code", ...steps), "chat")).toHaveLength(2);
});

test("a subagent's file rivals only what the session's log tells of the same subagent", async () => {
  const ran = (id: string, second: number): JsonObject =>
    record(id, second, "tool_result", { toolCallResult: { callId: id, status: "success" } });
  const own = [
    user("u", 1),
    answer("a1", 2, counts(100, 10), call("call_1")),
    ran("call_1", 8),
    answer("a2", 9, counts(120, 12)),
  ];
  const its = { agentId: "explore-9", agentName: "explore" };
  const child = [
    answer("c1", 3, counts(50, 5), { ...call("call_2"), ...its }),
    ran("call_2", 4),
    answer("c2", 4, counts(60, 6), { ...call("call_3"), ...its }),
    ran("call_3", 5),
    answer("c3", 5, counts(70, 7), its),
  ];
  const one = response("x1", 3, 50, 5, { prompt_id: "s-1#explore-9#0", subagent_id: "explore-9" });
  const memory = [5, 6, 7].map((n) =>
    response(`m${n}`, n, n, 1, { prompt_id: "s-1#memory-87275e44#0", subagent_id: "memory-87275e44" }),
  );
  for (const [log, calls] of [
    [own, 5],
    [[...own, one], 5],
    [[...own, one, ...memory], 8],
    [[...own, ...memory], 8],
    [[user("u", 1), ...memory], 6],
  ] as const) {
    const parent = { [`${CHATS}/s-1.jsonl`]: log };
    for (const steps of [[{ ...parent, [CHILD]: child }], [parent, { [CHILD]: child }], [{ [CHILD]: child }, parent]]) {
      const told = await tellOf("qwen-code", ...steps);
      expect([of(told, "chat").length, of(told, "execute_tool").length]).toEqual([calls, calls === 6 ? 2 : 3]);
    }
  }
});

test("a session that was put away into the archive is the same session", async () => {
  const log = [user("u", 1), response("e", 3, 100, 10)];
  const told = await tellOf(
    "qwen-code",
    { [`${CHATS}/s-1.jsonl`]: log },
    { [`${CHATS}/archive/s-1.jsonl`]: [...log, response("e2", 5, 7, 8)] },
  );
  expect(of(told, "chat").map((r) => [r.session_id, r.usage?.input_tokens])).toEqual([
    ["s-1", 100],
    ["s-1", 7],
  ]);
});

test("a subagent's tools are counted once, with or without a file of its own", async () => {
  const prompt_id = "s-1#explore-x1y2z3#0";
  const tool = event("e", 4, "tool_call", {
    function_name: "edit",
    duration_ms: 20,
    status: "error",
    success: false,
    prompt_id,
  });
  const parent = { [`${CHATS}/s-1.jsonl`]: [user("u", 1), tool] };
  const result = record("r", 4, "tool_result", { toolCallResult: { callId: "call_1", status: "error" } });
  const child = { [CHILD]: [answer("a", 3, undefined, { ...call("call_1"), agentName: "explore" }), result] };
  for (const steps of [[parent, child], [child, parent], [parent], [child]]) {
    const tools = of(await tellOf("qwen-code", ...steps), "execute_tool");
    expect(tools).toHaveLength(1);
    expect(tools[0]).toMatchObject({ status: "error", tool: { name: "edit" } });
  }
});

test("a subagent's run is told from its sidecar; its transient stream and its inherited history are not read", async () => {
  const meta = { agentId: "explore-9", agentType: "explore", toolUseId: "call_2", createdAt: at(1), status: "failed" };
  const told = await tellOf("qwen-code", {
    [CHILD.replace(".jsonl", ".meta.json")]: JSON.stringify(meta),
    [`${CHILD}.stream`]: '{"v":1}\n',
    [CHILD]: [
      record("b", 2, "system", {
        subtype: "agent_bootstrap",
        systemPayload: { history: [answer("x", 1, counts(1, 1))] },
      }),
      answer("a", 5, counts(2, 2)),
    ],
  });
  expect(told.summary.sources.found).toBe(2);
  expect(of(told, "chat")).toHaveLength(1);
  expect(of(told, "invoke_agent")[0]).toMatchObject({
    time: at(1),
    end_time: at(5),
    duration_ms: 4000,
    status: "error",
    error_type: "failed",
    agent_name: "explore",
    tool: { call_id: "call_2" },
  });
});

test("thoughts are added to the output only where the total proves that they are missing", async () => {
  const told = await tellLines(answer("a", 1, counts(10, 5, 2, 15)), answer("b", 2, counts(10, 5, 2, 17)));
  expect(of(told, "chat").map((r) => r.usage?.output_tokens)).toEqual([5, 7]);
});

test("a tool's time comes from its event, a command's exit code is no failure, an error has its class", async () => {
  const tools = {
    message: { role: "model", parts: [call("c1"), call("c2")].flatMap((m) => (m.message as { parts: [] }).parts) },
  };
  const result = (uuid: string, callId: string, more: JsonObject): JsonObject =>
    record(uuid, 9, "tool_result", { toolCallResult: { callId, resultDisplay: "PLANTED", ...more } });
  const told = await tellLines(
    answer("a", 1, counts(1, 1), tools),
    event("e", 9, "tool_call", { function_name: "edit", duration_ms: 42, prompt_id: "p" }),
    result("r1", "c1", { status: "success" }),
    result("r2", "c2", { status: "error", errorType: "file_not_found" }),
  );
  expect(of(told, "execute_tool")).toMatchObject([
    { status: "ok", duration_ms: 42, tool: { call_id: "c1" } },
    { status: "error", duration_ms: 8000, error_type: "file_not_found" },
  ]);
});

test("only what a person typed is a user message", async () => {
  const system = (subtype: string, second: number): JsonObject => record(subtype, second, "system", { subtype });
  const told = await tellLines(
    user("u1", 1),
    user("u2", 2, { provenance: "real_user" }),
    user("u3", 3, { provenance: "goal" }),
    user("u4", 4, { message: { role: "user", parts: [{ functionResponse: { id: "x" } }] } }),
    ...["notification", "cron", "goal_update", "rewind", "custom_title", "session_artifact_x"].map((s, i) =>
      system(s, 5 + i),
    ),
    system("mid_turn_user_message", 20),
    user("u5", 21, { subtype: "mid_turn_user_message" }),
    user("u6", 22, { subtype: "notification", provenance: "system" }),
    user("u7", 23, { subtype: "cron" }),
    user("u8", 24, { subtype: "realtime_message" }),
    system("weather", 25),
  );
  expect(of(told, "user_message").map((r) => r.turn)).toEqual([0, 1, 1, 1, 2]);
  expect(told.summary.unknown).toEqual({ "qwen-code/transcript: system weather": 1 });
  expect(JSON.stringify(told.all)).not.toContain("PLANTED");
});

test("a failed request is an error once, not a call", async () => {
  const failed = {
    model: "m",
    error_type: "RateLimitError",
    status_code: 429,
    error_message: "PLANTED",
    prompt_id: "p",
  };
  const result = record("t", 3, "system", { subtype: "turn_result", systemPayload: { error: { type: "api" } } });
  const told = await tellLines(user("u", 1), event("e", 2, "api_error", failed), result);
  expect(of(told, "error")).toMatchObject([{ error_type: "RateLimitError", attributes: { status_code: 429 } }]);
  expect(of(await tellLines(user("u", 1), result), "error")).toMatchObject([{ error_type: "api" }]);
  expect(JSON.stringify(told.all)).not.toContain("PLANTED");
});

test("two records that were glued on one line are both read", async () => {
  const text = lines([user("u", 1), answer("a", 2, counts(3, 4))]).replace("\n", "");
  const told = await tellOf("qwen-code", { [`${CHATS}/s-1.jsonl`]: text });
  expect(told.records.map((r) => r.operation)).toEqual(["session", "user_message", "chat"]);
  expect(told.summary.quarantined).toEqual([]);
});

test("a session that another one spawned names it", async () => {
  const parent = record("p", 2, "system", { subtype: "parent_session", systemPayload: { parentSessionId: "s-0" } });
  expect(of(await tellLines(user("u", 1), parent, parent), "session")).toMatchObject([
    { parent_session_id: "s-0", time: at(1) },
  ]);
});

test("the runtime folder is looked into beside the home's own", () => {
  expect(agentRoots("qwen-code", { QWEN_RUNTIME_DIR: "/r" })[0]).toEqual(["/r", "/h/.qwen"]);
  expect(agentRoots("qwen-code", {})[0]).toEqual(["/h/.qwen"]);
});

test("a moved home and the runtime folder of its settings are looked into; one that lies in each project cannot be", () => {
  const [stream] = agents.find((a) => a.id === "qwen-code")?.streams ?? [];
  const roots = (runtimeOutputDir: unknown) =>
    stream
      ?.locate({
        homes: [{ path: "/h", own: true, layouts: ["linux"] }],
        variable: (n) => (n === "QWEN_HOME" ? "~/q" : undefined),
        settings: (path) => (path.endsWith("/settings.json") ? { advanced: { runtimeOutputDir } } : undefined),
      })
      .map((place) => place.root);
  expect(roots("/out")).toEqual(["/out", "/h/q", "/h/.qwen"]);
  expect(roots("~/out")).toEqual(["/h/out", "/h/q", "/h/.qwen"]);
  expect(roots(".qwen")).toEqual(["/h/q", "/h/.qwen"]);
  expect(roots(5)).toEqual(["/h/q", "/h/.qwen"]);
});

const SAID = [{ text: "hm", thought: true }, { text: "I look" }];
const PARTS = [
  { type: "reasoning", content: "hm" },
  { type: "text", content: "I look" },
  { type: "tool_call", id: "c1", name: "edit", arguments: { file: "a" } },
];

test("texts stand where they belong: prompts, answers, thoughts, arguments, results, errors, summaries", async () => {
  const edit = { functionCall: { id: "c1", name: "edit", args: { file: "a" } } };
  const answered = { functionResponse: { id: "c1", name: "edit", response: { error: "no such file" } } };
  const prompt = { prompt_id: "s-1#explore-9#0" };
  const log = [
    user("u", 1, { message: { role: "user", parts: [{ text: "go on" }] } }),
    response("e", 3, 100, 10, { response_text: "I look" }),
    answer("a", 3, counts(100, 10), { message: { role: "model", parts: [...SAID, edit] } }),
    record("r", 4, "tool_result", {
      message: { role: "user", parts: [answered] },
      toolCallResult: { callId: "c1", status: "error" },
    }),
    record("k", 5, "system", {
      subtype: "chat_compression",
      systemPayload: { info: {}, compressedHistory: [{ role: "user", parts: [{ text: "so far" }] }] },
    }),
    event("x", 6, "api_error", { error_type: "E", error_message: "slow down", model: "m" }),
    response("s", 7, 5, 6, { ...prompt, response_text: "found it" }),
    event("t", 8, "tool_call", { ...prompt, function_name: "grep", function_args: { q: "b" }, success: true }),
  ];
  const path = `${CHATS}/s-1.jsonl`;
  const whole = await tellTextsOf("qwen-code", { [path]: log });
  for (const told of [whole, await tellTextsOf("qwen-code", ...log.map((line) => ({ [path]: [line] })))]) {
    expect(told.records.map((r) => [r.operation, r.content])).toEqual([
      ["session", undefined],
      ["user_message", userSays("go on")],
      ["chat", { output_messages: [{ role: "assistant", parts: PARTS }] }],
      ["execute_tool", { tool_arguments: { file: "a" }, tool_result: "no such file", error_message: "no such file" }],
      ["compaction", assistantSays(["so far"])],
      ["error", { error_message: "slow down" }],
      ["chat", assistantSays(["found it"])],
      ["execute_tool", { tool_arguments: { q: "b" } }],
    ] as never);
    expect(told.records.map((r) => r.raw && JSON.parse(r.raw).uuid)).toEqual(["u", "u", "a", "r", "k", "x", "s", "t"]);
  }
});

test("texts of a subagent's own file and of the first versions' documents", async () => {
  const edit = { functionCall: { id: "c1", name: "edit", args: { file: "a" } } };
  const child = await tellTextsOf("qwen-code", {
    [CHILD]: [answer("a", 3, counts(100, 10), { message: { role: "model", parts: [...SAID, edit] } })],
  });
  expect(of(child, "chat").map((r) => r.content)).toEqual([{ output_messages: [{ role: "assistant", parts: PARTS }] }]);
  const call = { id: "c1", name: "edit", args: { file: "a" }, status: "success" };
  const result = [{ functionResponse: { id: "c1", response: { output: "done" } } }];
  const messages = [
    { id: "1", type: "user", content: "go on" },
    {
      id: "2",
      type: "qwen",
      content: "I look",
      thoughts: [{ subject: "s", description: "hm" }],
      tokens: { input: 1, output: 2 },
      toolCalls: [{ ...call, result }],
    },
  ];
  const old = await tellTextsOf("qwen-code", {
    [`${PROJECTS}/h/chats/s-0.json`]: JSON.stringify({ sessionId: "s-0", messages }),
  });
  expect(textsByOperation(old.records)).toEqual({
    session: undefined,
    user_message: userSays("go on"),
    chat: { output_messages: [{ role: "assistant", parts: PARTS }] },
    execute_tool: { tool_arguments: { file: "a" }, tool_result: "done" },
  } as never);
  expect(old.records.map((r) => r.raw && JSON.parse(r.raw).id)).toEqual([undefined, "1", "2", "2"]);
});

test("the first versions' documents are told by Gemini CLI's rules: prompts of tools, tools at work, results", async () => {
  const path = `${PROJECTS}/h/chats/session-2025-09-01T09-00-cccccccc.json`;
  const document = (status: string, second: number) => ({
    [path]: {
      sessionId: "s-0",
      messages: [
        { id: "1", type: "user", timestamp: at(1), content: "PLANTED" },
        {
          id: "2",
          type: "qwen",
          timestamp: at(2),
          model: "m",
          tokens: { input: 100, output: 10, cached: 40, thoughts: 5, tool: 7, total: 122 },
          toolCalls: [{ id: "call_1", name: "read", args: {}, status, timestamp: at(second) }],
        },
        { id: "3", type: "user", timestamp: at(9), content: [{ functionResponse: { id: "call_1", name: "read" } }] },
      ],
    },
  });
  const told = await tellOfDocuments("qwen-code", document("executing", 3));
  expect(of(told, "chat")[0]?.usage).toMatchObject({ input_tokens: 107, output_tokens: 15 });
  expect(of(told, "user_message").map((r) => r.turn)).toEqual([0]);
  expect(of(told, "execute_tool")).toMatchObject([{ open: true, time: at(2) }]);
  expect(of(told, "execute_tool")[0]?.status).toBeUndefined();
  const ended = await tellOfDocuments("qwen-code", document("executing", 3), document("cancelled", 7));
  expect(of(ended, "execute_tool")).toMatchObject([
    { status: "error", error_type: "cancelled", time: at(2), end_time: at(7), duration_ms: 5000 },
  ]);
});

test("lines with missing, null and wrong values are told as far as they are known, and never as another number", async () => {
  const told = await tellLines(
    { type: "user" },
    record("u", 1, "user", { message: null, provenance: 5 }),
    record("a", 2, "assistant", { usageMetadata: "x", message: { parts: 5 } }),
    record("b", 2, "assistant", { usageMetadata: { promptTokenCount: "9", candidatesTokenCount: -1 } }),
    record("c", 3, "assistant", {
      usageMetadata: { promptTokenCount: 9, candidatesTokenCount: 1 },
      message: { parts: [null, 5, { functionCall: { id: "constructor", name: 7 } }, { functionCall: null }] },
    }),
    record("r", 4, "tool_result", { toolCallResult: { callId: "constructor" }, message: { parts: [{}] } }),
    record("s", 5, "tool_result", { toolCallResult: { callId: "toString", status: 5 } }),
    record("t", 6, "tool_result", {}),
    record("e", 7, "system", { subtype: "ui_telemetry", systemPayload: null }),
    response("f", 8, 5, 6, { response_id: 5, duration_ms: "x", "event.timestamp": 5 }),
    record("k", 9, "system", { subtype: "chat_compression", systemPayload: { info: [], compressedHistory: 5 } }),
    record("w", 1, "weather"),
  );
  expect(of(told, "chat").map((r) => r.usage?.input_tokens)).toEqual([9, 5]);
  expect(of(told, "execute_tool").map((r) => [r.tool?.call_id, r.tool?.name, r.status])).toEqual([
    ["constructor", undefined, "ok"],
    ["toString", undefined, "ok"],
  ]);
  expect([told.summary.quarantined, Object.keys(told.summary.unknown)]).toEqual([
    [],
    ["qwen-code/transcript: event ", "qwen-code/transcript: type weather"],
  ]);
});
