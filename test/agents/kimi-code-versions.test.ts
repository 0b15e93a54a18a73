/** Owns the proof that Kimi's logs count right in the versions before the latest, when forked twice, and when damaged. */
import { expect, test } from "bun:test";
import type { JsonObject } from "../../src/record/json.ts";
import { type Files, type Told, tellOf, tellTextsOf } from "../support/agent.ts";
import { assistantSays, textsByOperation, userSays } from "../support/texts.ts";

const CODE = ".kimi-code/sessions/wd_app_0123456789ab";
const CLI = ".kimi/sessions/0123456789abcdef0123456789abcdef";
const T = Date.UTC(2026, 7, 1, 10);
const at = (ms: number): string => new Date(T + ms).toISOString();

const loop = (ms: number, event: JsonObject): JsonObject => ({
  type: "context.append_loop_event",
  event,
  time: T + ms,
});
const step = (turnId: string, number: number): JsonObject => ({ uuid: `u${turnId}.${number}`, turnId, step: number });
const tokens = (inputOther: number, output: number): JsonObject => ({
  inputOther,
  output,
  inputCacheRead: 2,
  inputCacheCreation: 1,
});
const begin = (ms: number, n: number, turn = "0"): JsonObject => loop(ms, { type: "step.begin", ...step(turn, n) });
const end = (ms: number, n: number, usage: JsonObject, more: JsonObject = {}, turn = "0"): JsonObject =>
  loop(ms, { type: "step.end", ...step(turn, n), usage, finishReason: "end_turn", ...more });
const usage = (ms: number, told: JsonObject, usageScope = "turn"): JsonObject => ({
  type: "usage.record",
  model: "acme/alias",
  usage: told,
  usageScope,
  time: T + ms,
});
const request = (ms: number, more: JsonObject): JsonObject => ({
  type: "llm.request",
  kind: "loop",
  provider: "anthropic",
  model: "real-model",
  ...more,
  time: T + ms,
});
const log = (session: string, objects: readonly JsonObject[], agent = "main"): Files => ({
  [`${CODE}/${session}/agents/${agent}/wire.jsonl`]: [
    { type: "metadata", protocol_version: "1.3", created_at: T, app_version: "0.10.0" },
    ...objects,
  ],
});
const state = (session: string, more: JsonObject): Files => ({
  [`${CODE}/${session}/state.json`]: JSON.stringify(more),
});
const of = (told: Told, operation: string) => told.records.filter((r) => r.operation === operation);
const perSession = (told: Told): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { session_id = "" } of of(told, "chat")) counts[session_id] = (counts[session_id] ?? 0) + 1;
  return counts;
};
const ordersOf = (...sets: readonly Files[]): Files[][] => [
  [...sets],
  [...sets].reverse(),
  [Object.assign({}, ...sets) as Files],
];

test("0.10: the usage record that comes after the step's end adds nothing, the model is the alias that is set", async () => {
  const told = await tellOf(
    "kimi-code",
    log("session_a", [
      { type: "config.update", cwd: "/w/app", modelAlias: "acme/alias", time: T },
      begin(10, 1),
      end(60, 1, tokens(7, 7), { llmFirstTokenLatencyMs: 20, llmStreamDurationMs: 5 }),
      usage(61, tokens(7, 7)),
      begin(70, 2),
      end(90, 2, tokens(7, 7)),
      usage(91, tokens(7, 7)),
    ]),
  );
  expect(of(told, "chat")).toMatchObject([
    { time: at(10), end_time: at(35), request_model: "acme/alias", agent_version: "0.10.0", cwd: "/w/app" },
    { time: at(70), end_time: at(90), request_model: "acme/alias" },
  ]);
  expect(of(told, "chat").some((r) => r.model !== undefined)).toBe(false);
});

test("6: a step whose turn is a number, or whose end names no step, is one call with its usage record", async () => {
  const numbered = (ms: number, n: number, type: string, more: JsonObject = {}): JsonObject =>
    loop(ms, { type, uuid: `n${n}`, turnId: 0, step: n, ...more });
  const told = await tellOf(
    "kimi-code",
    log("session_a", [
      numbered(100, 1, "step.begin"),
      request(105, { turnStep: "0.1" }),
      usage(110, tokens(7, 7)),
      numbered(150, 1, "step.end", { usage: tokens(7, 7), finishReason: "end_turn" }),
      request(205, { turnStep: "0.2" }),
      usage(210, tokens(8, 8)),
      loop(250, { type: "step.end", usage: tokens(8, 8), finishReason: "end_turn" }),
    ]),
  );
  expect(of(told, "chat").map((r) => [r.model, r.usage?.output_tokens, r.finish_reasons])).toEqual([
    ["real-model", 7, ["end_turn"]],
    ["real-model", 8, ["end_turn"]],
  ]);
});

test("a copy of a session's folder is the same session", async () => {
  const id = "session_0a0a0a0a-0000-4000-8000-00000000000a";
  const lines = [begin(100, 1), request(105, { turnStep: "0.1" }), usage(110, tokens(7, 7)), end(150, 1, tokens(7, 7))];
  const told = await tellOf("kimi-code", { ...log(id, lines), ...log(`${id} copy`, lines), ...state(`${id}.bak`, {}) });
  expect(perSession(told)).toEqual({ [id]: 1 });
  expect(of(told, "session").map((r) => r.session_id)).toEqual([id]);
});

test("a subagent of 0.28 has its name from its settings", async () => {
  const told = await tellOf(
    "kimi-code",
    log(
      "session_a",
      [{ type: "config.update", profileName: "coder" }, begin(1, 1), end(2, 1, tokens(3, 3))],
      "agent-0",
    ),
  );
  expect(of(told, "chat")).toMatchObject([{ subagent: { id: "agent-0", name: "coder" }, agent_name: "coder" }]);
});

test("a call made outside of steps has the model of its own request, and a compaction that of its", async () => {
  const told = await tellOf(
    "kimi-code",
    log("session_a", [
      begin(1, 1),
      request(2, { turnStep: "0.1" }),
      request(3, { model: "other-model" }),
      usage(4, tokens(5, 5), "session"),
      request(5, { kind: "compaction", model: "small-model" }),
      usage(6, tokens(6, 6), "session"),
      usage(7, tokens(9, 9)),
      end(8, 1, tokens(9, 9)),
    ]),
  );
  expect(of(told, "chat").map((r) => [r.model, r.usage?.output_tokens])).toEqual([
    ["other-model", 5],
    ["small-model", 6],
    ["real-model", 9],
  ]);
});

test("two answered requests of one step are two calls", async () => {
  const told = await tellOf(
    "kimi-code",
    log("session_a", [
      begin(1, 1),
      request(2, { turnStep: "0.1" }),
      usage(3, tokens(5, 5)),
      request(4, { turnStep: "0.1", attempt: "2/10" }),
      usage(5, tokens(9, 9)),
      end(8, 1, tokens(9, 9)),
    ]),
  );
  expect(of(told, "chat").map((r) => r.usage?.output_tokens)).toEqual([9, 5]);
});

test("a fork of a fork: each call counts in the session that made it, whichever is read first", async () => {
  const call = (ms: number, n: number): JsonObject[] => [begin(ms, n), end(ms + 9, n, tokens(n, n))];
  const [first, second, third] = [call(100, 1), call(300, 2), call(500, 3)];
  const forked = (ms: number): JsonObject => ({ type: "forked", time: T + ms });
  const original = { ...log("session_c", first), ...state("session_c", { createdAt: T }) };
  const fork = {
    ...log("session_b", [...first, forked(200), ...second]),
    ...state("session_b", { createdAt: T + 200, forkedFrom: "session_c" }),
  };
  const forkOfFork = {
    ...log("session_a", [...first, forked(200), ...second, forked(400), ...third]),
    ...state("session_a", { createdAt: T + 400, forkedFrom: "session_b" }),
  };
  for (const steps of ordersOf(original, fork, forkOfFork))
    expect(perSession(await tellOf("kimi-code", ...steps))).toEqual({ session_a: 1, session_b: 1, session_c: 1 });
});

test("a child's parent is its own, a fork of the child does not inherit it", async () => {
  const custom = { parent_session_id: "session_p" };
  const told = await tellOf("kimi-code", {
    ...state("session_child", { createdAt: T, forkedFrom: "session_p", custom }),
    ...state("session_fork", { createdAt: T + 9, forkedFrom: "session_child", custom }),
  });
  expect(of(told, "session").map((r) => [r.session_id, r.parent_session_id, r.forked_from])).toEqual([
    ["session_child", "session_p", "session_p"],
    ["session_fork", undefined, "session_child"],
  ]);
});

test("a command that was typed is a prompt, one that the model gave is none", async () => {
  const skill = (ms: number, trigger: string): JsonObject => ({
    type: "turn.prompt",
    input: [{ type: "text", text: "PLANTED" }],
    origin: { kind: "skill_activation", trigger, skillName: "x" },
    time: T + ms,
  });
  const told = await tellOf("kimi-code", log("session_a", [skill(1, "user-slash"), skill(2, "model-tool")]));
  expect(of(told, "user_message").map((r) => r.time)).toEqual([at(1)]);
});

test("records of the first versions that say nothing are known, an unknown one is counted", async () => {
  const told = await tellOf(
    "kimi-code",
    log("session_a", [
      { type: "context.update_token_count", tokenCount: 5 },
      { type: "micro_compaction.apply", cutoff: 1 },
      { type: "background.stop", taskId: "t" },
      { type: "context.mark_last_user_prompt_blocked", hookEvent: "x" },
      { type: "full_compaction.complete", summary: "PLANTED" },
      { type: "weather" },
    ]),
  );
  expect(told.summary.unknown).toEqual({ "kimi-code/wire: type weather": 1 });
});

test("values of the wrong type are no numbers, and the records around them stay right", async () => {
  const odd: JsonObject[] = [
    { type: "usage.record", usage: "x", time: "soon" },
    { type: "usage.record", usage: { inputOther: "12", output: null, inputCacheRead: -3 }, time: T },
    { type: "turn.prompt", input: 5, origin: "user", time: T + 1 },
    { type: "context.append_loop_event", event: [1] },
    loop(2, { type: "tool.result", result: "text" }),
    loop(3, { type: "step.end", usage: null, finishReason: null }),
    { type: "llm.request", turnStep: 7, model: {}, time: null },
    { type: "subagent.completed", time: T + 4 },
    { type: "profile.bind", environmentDisclosure: "x", profileName: 5 },
    { type: 5 },
    {},
  ];
  const told = await tellOf("kimi-code", log("session_a", [...odd, begin(100, 1), end(110, 1, tokens(1e15, 2))]));
  expect(of(told, "chat").map((r) => r.usage)).toEqual([
    { input_tokens: 1e15 + 3, output_tokens: 2, cache_read_input_tokens: 2, cache_creation_input_tokens: 1 },
  ]);
  expect(told.summary.quarantined).toEqual([]);
});

test("a crash in the middle of a line costs that line, and a resume goes on behind it", async () => {
  const path = `${CODE}/session_a/agents/main/wire.jsonl`;
  const text = (...objects: JsonObject[]): string => objects.map((o) => `${JSON.stringify(o)}\n`).join("");
  const torn = '{"type":"context.append_loop_event","event":{"type":"step.end","uu';
  const told = await tellOf(
    "kimi-code",
    { [path]: text(begin(1, 1), usage(2, tokens(5, 5))) + torn },
    { [path]: `\n${text(begin(10, 1, "1"), end(19, 1, tokens(6, 6), {}, "1"))}` },
  );
  expect(of(told, "chat").map((r) => r.usage?.output_tokens)).toEqual([5, 6]);
});

test("two homes with the same session tell it once", async () => {
  const calls = [begin(1, 1), end(9, 1, tokens(5, 5))];
  const desktop = ".config/kimi-desktop/daimon-share/daimon/runtime/kimi-code/home/sessions/wd_app_0123456789ab";
  const [path, objects] = Object.entries(log("conv-1", calls))[0] as [string, readonly JsonObject[]];
  const told = await tellOf("kimi-code", { [path]: objects, [path.replace(CODE, desktop)]: objects });
  expect(perSession(told)).toEqual({ "conv-1": 1 });
  expect(of(told, "session")).toHaveLength(1);
});

const message = (ms: number, type: string, payload: JsonObject = {}): JsonObject => ({
  timestamp: (T + ms) / 1000,
  message: { type, payload },
});
const status = (ms: number, output: number): JsonObject =>
  message(ms, "StatusUpdate", { token_usage: { input_other: 1, output }, message_id: `chatcmpl-AbCdEfGh-${output}` });

test("Kimi CLI: a fork is known by the title that it was given, a fork of it too", async () => {
  const [first, second, third] = [status(100, 1), status(300, 2), status(500, 3)];
  const fork = (session: string, ms: number, objects: JsonObject[]): Files => ({
    [`${CLI}/${session}/wire.jsonl`]: objects,
    [`${CLI}/${session}/state.json`]: JSON.stringify({
      custom_title: "Fork: PLANTED",
      title_generated: true,
      wire_mtime: (T + ms) / 1000,
    }),
  });
  const original: Files = { [`${CLI}/s-3/wire.jsonl`]: [first], [`${CLI}/s-3/state.json`]: "{}" };
  for (const steps of ordersOf(original, fork("s-2", 200, [first, second]), fork("s-1", 400, [first, second, third]))) {
    const told = await tellOf("kimi-code", ...steps);
    expect(perSession(told)).toEqual({ "s-1": 1, "s-2": 1, "s-3": 1 });
    expect(JSON.stringify(told.all)).not.toContain("PLANTED");
  }
});

test("Kimi CLI: a subagent's model is the one that it was given", async () => {
  const told = await tellOf("kimi-code", {
    [`${CLI}/s-1/subagents/a1/wire.jsonl`]: [status(5, 5)],
    [`${CLI}/s-1/subagents/a1/meta.json`]: JSON.stringify({ launch_spec: { effective_model: "moon/k2" } }),
  });
  expect(of(told, "chat")).toMatchObject([{ request_model: "moon/k2", subagent: { id: "a1" } }]);
});

test("Kimi CLI: a session worked in the folder whose sum its folder is called by, also on another machine", async () => {
  const sum = new Bun.CryptoHasher("md5").update("/w/über").digest("hex");
  const folders = [{ path: "/w/app" }, { path: "/w/über", kaos: "local", last_session_id: "s-1" }, {}, null];
  const begun: Files = {
    ".kimi/kimi.json": JSON.stringify({ work_dirs: folders }),
    [`.kimi/sessions/${sum}/s-1/wire.jsonl`]: [status(1, 1)],
    [`.kimi/sessions/${sum}/s-1/subagents/a1/wire.jsonl`]: [status(2, 2)],
    [`.kimi/sessions/ssh_host_${sum}/s-2/wire.jsonl`]: [status(3, 3)],
    [`.kimi/sessions/ssh_host_${sum}/s-2/state.json`]: JSON.stringify({
      custom_title: "Fork: x",
      title_generated: true,
    }),
    [`${CLI}/s-3/wire.jsonl`]: [status(4, 4)],
  };
  const told = await tellOf("kimi-code", begun, { ".kimi/kimi.json": " " });
  const cwds = (operation: string) => of(told, operation).map((r) => [r.session_id, r.subagent?.id, r.cwd]);
  const ofSession = (one: string, cwd?: string, subagent?: string) => [one, subagent, cwd];
  expect(cwds("chat").sort()).toEqual([
    ofSession("s-1", "/w/über"),
    ofSession("s-1", "/w/über", "a1"),
    ofSession("s-2", "/w/über"),
    ofSession("s-3"),
  ]);
  expect(cwds("session").sort()).toEqual([ofSession("s-1", "/w/über"), ofSession("s-2", "/w/über"), ofSession("s-3")]);
  expect(told.summary).toMatchObject({ restarted: 0, lines: { read: 0 }, unreadable: [] });
});

test("Kimi CLI: values of the wrong type are no numbers", async () => {
  const told = await tellOf("kimi-code", {
    [`${CLI}/s-1/wire.jsonl`]: [
      { type: "metadata" },
      { timestamp: "x", message: { type: "StatusUpdate", payload: { token_usage: { input_other: "5" } } } },
      { timestamp: T / 1000, message: { type: "ToolCall", payload: { function: "x" } } },
      { timestamp: T / 1000, message: "TurnBegin" },
      { timestamp: T / 1000, message: { type: "SubagentEvent", payload: { event: 5 } } },
      { timestamp: T / 1000, message: { type: "ToolResult", payload: null } },
      status(9, 9),
    ],
  });
  expect(of(told, "chat").map((r) => r.usage?.output_tokens)).toEqual([9]);
  expect(told.summary.quarantined).toEqual([]);
});

const textsOf = async (path: string, objects: readonly JsonObject[]): Promise<Told[]> => [
  await tellTextsOf("kimi-code", { [path]: objects }),
  await tellTextsOf("kimi-code", ...objects.map((line): Files => ({ [path]: [line] }))),
];
const contentsOf = (told: Told) => textsByOperation(told.records);

test("texts stand where they belong: prompts, answers, thoughts, arguments, results, errors, summaries", async () => {
  const part = (ms: number, content: JsonObject): JsonObject =>
    loop(ms, { type: "content.part", stepUuid: "u0.1", part: content });
  const objects = [
    { type: "metadata", protocol_version: "1.5", created_at: T },
    { type: "profile.bind", systemPrompt: "Be brief.", time: T },
    {
      type: "llm.tools_snapshot",
      tools: [{ name: "Bash", description: "runs", parameters: { type: "object" } }],
      time: T + 1,
    },
    {
      type: "turn.prompt",
      input: [
        { type: "text", text: "go" },
        { type: "image_url", imageUrl: { url: "blobref:image/png;abc" } },
      ],
      time: T + 2,
    },
    begin(3, 1),
    part(4, { type: "think", think: "hm", encrypted: "c2ln" }),
    part(5, { type: "text", text: "I look" }),
    loop(6, { type: "tool.call", stepUuid: "u0.1", toolCallId: "t1", name: "Bash", args: { command: "ls" } }),
    usage(7, tokens(5, 5)),
    loop(8, { type: "tool.result", toolCallId: "t1", result: { output: "none", isError: true } }),
    end(9, 1, tokens(5, 5), { finishReason: "tool_use" }),
    { type: "turn.step.interrupted", reason: "error", message: "[provider.api_error] 400 no", time: T + 10 },
    { type: "context.apply_compaction", summary: "so far", time: T + 11 },
    { type: "turn.ended", turnId: 0, reason: "failed", error: { code: "x", message: "it broke" }, time: T + 12 },
  ];
  for (const told of await textsOf(`${CODE}/session_a/agents/main/wire.jsonl`, objects)) {
    expect(contentsOf(told)).toEqual({
      session: {
        system_instructions: [{ type: "text", content: "Be brief." }],
        tool_definitions: [{ type: "function", name: "Bash", description: "runs", parameters: { type: "object" } }],
      },
      user_message: userSays("go", {
        type: "uri",
        modality: "image",
        mime_type: "image/",
        uri: "blobref:image/png;abc",
      }),
      chat: assistantSays(
        [
          { type: "reasoning", content: "hm" },
          "I look",
          { type: "tool_call", id: "t1", name: "Bash", arguments: { command: "ls" } },
        ],
        "tool_call",
      ),
      execute_tool: { tool_arguments: { command: "ls" }, tool_result: "none", error_message: "none" },
      error: { error_message: "[provider.api_error] 400 no" },
      compaction: assistantSays(["so far"]),
      invoke_agent: { error_message: "it broke" },
    } as never);
    expect(JSON.parse(of(told, "user_message")[0]?.raw ?? "")).toEqual(objects[3]);
  }
});

test("an answer that was cut off keeps what it said, a step that was never answered leaves nothing behind", async () => {
  const said = (ms: number, n: number, text: string): JsonObject =>
    loop(ms, { type: "content.part", stepUuid: `u0.${n}`, part: { type: "text", text } });
  const objects = [
    begin(1, 1),
    said(2, 1, "lost"),
    begin(3, 2),
    said(4, 2, "half"),
    usage(5, tokens(5, 5)),
    begin(6, 3),
  ];
  for (const told of await textsOf(`${CODE}/session_a/agents/main/wire.jsonl`, objects))
    expect(of(told, "chat").map((r) => r.content)).toEqual([assistantSays(["half"])] as never);
});

test("Kimi CLI: texts stand where they belong, those of a step that was tried again once", async () => {
  const objects = [
    message(0, "TurnBegin", { user_input: "go" }),
    message(1, "StepBegin", { n: 1 }),
    message(2, "ContentPart", { type: "text", text: "broken off" }),
    message(3, "StepRetry", { error_type: "x" }),
    message(4, "ContentPart", { type: "think", think: "hm" }),
    message(5, "ToolCall", { id: "t1", function: { name: "Shell", arguments: '{"command":"ls"}' } }),
    status(6, 5),
    message(7, "ToolResult", {
      tool_call_id: "t1",
      return_value: { is_error: false, output: [{ type: "text", text: "a.txt" }] },
    }),
    message(8, "HookResolved", { event: "Stop", reason: "because" }),
  ];
  for (const told of await textsOf(`${CLI}/s-1/wire.jsonl`, objects))
    expect(contentsOf(told)).toMatchObject({
      user_message: userSays("go"),
      chat: assistantSays([
        { type: "reasoning", content: "hm" },
        { type: "tool_call", id: "t1", name: "Shell", arguments: { command: "ls" } },
      ]),
      execute_tool: { tool_arguments: { command: "ls" }, tool_result: "a.txt" },
      execute_hook: { tool_result: "because" },
    });
});
