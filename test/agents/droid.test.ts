/** Owns the proof that droid's sums of tokens are told once a session, whatever becomes of its settings and copies. */
import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { JsonObject } from "../../src/record/json.ts";
import { figuresOf, lines, syncHome, type Told, tellOf, tellTextsOf, toldIn } from "../support/agent.ts";
import { scratch } from "../support/home.ts";
import { agentRoots } from "../support/places.ts";
import { assistantSays, textsByOperation, userSays } from "../support/texts.ts";

const fixture = join(import.meta.dir, "../../fixtures/agents/droid");
const FOLDER = ".factory/sessions/-w-app";
const at = (second: number): string => new Date(Date.UTC(2026, 7, 1, 10) + second * 1000).toISOString();

const header = (id: string, more: JsonObject = {}): JsonObject => ({
  type: "session_start",
  id,
  cwd: "/w/app",
  ...more,
});
const message = (id: string, second: number, role: string, content: unknown, more: JsonObject = {}): JsonObject => ({
  type: "message",
  id,
  timestamp: at(second),
  message: { role, content, ...more },
});
const words = (text: string): JsonObject[] => [{ type: "text", text }];
const settings = (inputTokens: number, more: JsonObject = {}): string =>
  JSON.stringify({
    model: "custom:Model-0",
    providerLock: "openai",
    tokenUsage: {
      inputTokens,
      outputTokens: 5,
      cacheReadTokens: 3,
      cacheCreationTokens: 2,
      thinkingTokens: 4,
      ...more,
    },
    inclusiveTokenUsage: { inputTokens: inputTokens + 1000, outputTokens: 500 },
  });
const session = [
  header("aaaa"),
  message("d1", 1, "user", words("go on")),
  message("d2", 5, "assistant", words("done")),
];

const of = (told: Told, operation: string) => told.records.filter((r) => r.operation === operation);
const sum = (told: Told) => of(told, "invoke_agent").map((r) => r.usage?.input_tokens);

for (const folder of ["", "older"]) {
  test(`counts exactly what stands in fixtures/agents/droid/${folder}`, async () => {
    using place = scratch();
    const expected = JSON.parse(readFileSync(join(fixture, folder, "expected.json"), "utf8")).on_disk;
    const home = join(fixture, folder, "home");
    const { records, summary } = toldIn(place.data, await syncHome("droid", home, place.data));
    const figures = figuresOf(records, "invoke_agent");
    for (const model of Object.values(expected.by_model) as Record<string, number>[])
      for (const field of expected.not_recorded ?? []) delete model[field];
    expect(figures).toMatchObject({ by_model: expected.by_model, sessions: expected.sessions });
    if (expected.tool_calls !== undefined) expect(figures.tool_calls).toBe(expected.tool_calls);
    expect(summary.unknown).toEqual({});
  });
}

test("a session's sum is the largest that its settings ever told, and a restored copy takes nothing away", async () => {
  using place = scratch();
  const write = (path: string, content: string): void => {
    mkdirSync(dirname(join(place.home, path)), { recursive: true });
    writeFileSync(join(place.home, path), content);
  };
  write(`${FOLDER}/aaaa.jsonl`, lines(session));
  const told: unknown[] = [];
  for (const input of [100, 250, 250, 40]) {
    write(`${FOLDER}/aaaa.settings.json`, settings(input));
    told.push(...sum(toldIn(place.data, await syncHome("droid", place.home, place.data))));
  }
  expect(told).toEqual([105, 255, 255, 255]);
  rmSync(join(place.home, FOLDER), { recursive: true });
  expect(sum(toldIn(place.data, await syncHome("droid", place.home, place.data)))).toEqual([255]);
});

test("of one session in two places the larger sum counts", async () => {
  const told = await tellOf("droid", {
    [`${FOLDER}/aaaa.jsonl`]: session,
    [`${FOLDER}/aaaa.settings.json`]: settings(100),
    ".factory/sessions/aaaa.jsonl": session,
    ".factory/sessions/aaaa.settings.json": settings(250),
  });
  expect(sum(told)).toEqual([255]);
  expect(of(told, "chat")).toHaveLength(1);
});

test("the sum is the session's own, with caches in the input and thinking in the output", async () => {
  const told = await tellOf("droid", {
    [`${FOLDER}/aaaa.jsonl`]: session,
    [`${FOLDER}/aaaa.settings.json`]: settings(10),
  });
  expect(of(told, "invoke_agent")).toMatchObject([
    {
      aggregate: true,
      request_model: "custom:Model-0",
      provider: "openai",
      time: at(1),
      end_time: at(5),
      usage: {
        input_tokens: 15,
        output_tokens: 5,
        cache_read_input_tokens: 3,
        cache_creation_input_tokens: 2,
        reasoning_output_tokens: 4,
      },
    },
  ]);
});

test("the agent's own estimate of thinking, or a zero for not counted, is not told", async () => {
  for (const told of [settings(1, { thinkingTokens: 0 }), settings(1).replace('"openai"', '"anthropic"')]) {
    const { records } = await tellOf("droid", {
      [`${FOLDER}/aaaa.jsonl`]: session,
      [`${FOLDER}/aaaa.settings.json`]: told,
    });
    expect(records.find((r) => r.usage)?.usage).not.toContainKey("reasoning_output_tokens");
  }
});

test("a session that was never used has no sum", async () => {
  const zero = JSON.stringify({ tokenUsage: { inputTokens: 0, outputTokens: 0 } });
  const told = await tellOf("droid", { [`${FOLDER}/a.jsonl`]: [header("a")], [`${FOLDER}/a.settings.json`]: zero });
  expect(told.records.map((r) => r.operation)).toEqual(["session"]);
  expect(told.records[0]).not.toContainKey("time");
});

test("a fork's copied messages count in the session they were made in", async () => {
  const fork = [
    header("bbbb", { parent: "aaaa", forkedAtMessageId: "d2" }),
    ...session.slice(1),
    message("f1", 50, "user", words("more")),
    message("f2", 55, "assistant", words("done")),
  ];
  const first = { [`${FOLDER}/aaaa.jsonl`]: session, [`${FOLDER}/aaaa.settings.json`]: settings(100) };
  const second = { [`${FOLDER}/bbbb.jsonl`]: fork, [`${FOLDER}/bbbb.settings.json`]: settings(7) };
  for (const steps of [[first, second], [second, first], [{ ...first, ...second }]]) {
    const told = await tellOf("droid", ...steps);
    expect(
      of(told, "chat")
        .map((r) => r.session_id)
        .sort(),
    ).toEqual(["aaaa", "bbbb"]);
    expect(
      of(told, "user_message")
        .map((r) => r.session_id)
        .sort(),
    ).toEqual(["aaaa", "bbbb"]);
    expect(sum(told).sort()).toEqual([105, 12]);
    expect(of(told, "session").find((r) => r.session_id === "bbbb")).toMatchObject({
      forked_from: "aaaa",
      time: at(50),
    });
    expect(of(told, "invoke_agent").find((r) => r.session_id === "bbbb")).toMatchObject({
      time: at(50),
      end_time: at(55),
    });
  }
});

test("what a fork did counts in it, though a fork of it that was not gone on with copies it", async () => {
  const own = [message("f1", 50, "user", words("more")), message("f2", 55, "assistant", words("done"))];
  const first = { [`${FOLDER}/aaaa.jsonl`]: session };
  const fork = header("bbbb", { parent: "aaaa", forkedAtMessageId: "d2" });
  const second = { [`${FOLDER}/bbbb.jsonl`]: [fork, ...session.slice(1), ...own] };
  const path = `${FOLDER}/cccc.jsonl`;
  const copies = [header("cccc", { parent: "bbbb", forkedAtMessageId: "f2" }), ...session.slice(1), ...own];
  const third = { [path]: copies };
  const pieces = copies.map((line) => ({ [path]: [line] }));
  for (const steps of [[first, second, third], [{ ...third, ...first, ...second }], [...pieces, first, second]]) {
    const told = await tellOf("droid", ...steps);
    for (const operation of ["chat", "user_message"])
      expect(
        of(told, operation)
          .map((r) => r.session_id)
          .sort(),
      ).toEqual(["aaaa", "bbbb"]);
    const begins = ({ records }: Told) =>
      records.find((r) => r.operation === "session" && r.session_id === "cccc")?.time;
    const begun = { [path]: [message("g1", 90, "user", words("and now"))] };
    expect([told, await tellOf("droid", ...steps, begun)].map(begins)).toEqual([at(55), at(90)]);
  }
});

test("a subagent's session names its parent, and its task is no user message", async () => {
  const child = [header("cccc", { callingSessionId: "aaaa", callingToolUseId: "call_1" }), ...session.slice(1)];
  const told = await tellOf("droid", {
    [`${FOLDER}/cccc.jsonl`]: child,
    [`${FOLDER}/cccc.settings.json`]: settings(1),
  });
  expect(of(told, "user_message")).toEqual([]);
  expect(of(told, "chat")).toMatchObject([{ session_id: "cccc", parent_session_id: "aaaa" }]);
  expect(of(told, "invoke_agent")).toMatchObject([{ parent_session_id: "aaaa", tool: { call_id: "call_1" } }]);
});

test("only what a person typed is a user message", async () => {
  const result = [{ type: "tool_result", tool_use_id: "x", is_error: false, content: "PLANTED" }];
  const told = await tellOf("droid", {
    [`${FOLDER}/aaaa.jsonl`]: [
      header("aaaa", { title: "PLANTED", owner: "PLANTED" }),
      message("d1", 1, "user", words("<system-reminder>PLANTED")),
      message("d2", 2, "user", words("PLANTED"), { visibility: "llm_only" }),
      message("d3", 3, "user", words("PLANTED"), { visibility: "user_only" }),
      message("d4", 4, "user", [...words("Contents of /w/app/PLANTED"), ...words("<system-reminder>PLANTED")]),
      message("d5", 5, "user", result),
      message("d6", 6, "user", [...words("<system-reminder>PLANTED"), ...words("PLANTED")]),
      message("d7", 7, "user", "PLANTED"),
      { type: "todo_state", todos: { todos: "PLANTED" } },
      { type: "weather" },
    ],
  });
  expect(of(told, "user_message").map((r) => [r.fact, r.turn])).toEqual([
    ["d6", 0],
    ["d7", 1],
  ]);
  expect(told.summary.unknown).toEqual({ "droid/transcript: type weather": 1 });
  expect(JSON.stringify(told.all)).not.toContain("PLANTED");
});

test("tools are joined with their results, compactions and failed turns are told", async () => {
  const uses = [
    { type: "tool_use", id: "call_1", name: "Execute", input: { command: "PLANTED" } },
    { type: "tool_use", id: "call_2", name: "Read", input: {} },
  ];
  const told = await tellOf("droid", {
    [`${FOLDER}/aaaa.jsonl`]: [
      ...session,
      message("d3", 6, "assistant", uses, { modelId: "custom:Model-0", openaiMessageId: "chatcmpl-1" }),
      message("d4", 9, "user", [{ type: "tool_result", tool_use_id: "call_1", is_error: true, content: "PLANTED" }]),
      {
        type: "compaction_state",
        id: "k1",
        timestamp: at(10),
        summaryText: "PLANTED",
        summaryTokens: 5,
        removedCount: 1,
      },
      { type: "agent_turn_outcome", turnId: "d1", reason: "model_request_rejected" },
      ...["completed", "cancelled", "permission_rejected", "process_exit"].map((reason, i) => ({
        type: "agent_turn_outcome",
        turnId: `t${i}`,
        reason,
      })),
      { type: "agent_turn_outcome", turnId: "t9", reason: "model_rate_limited" },
    ],
  });
  expect(of(told, "execute_tool")).toMatchObject([
    { status: "error", duration_ms: 3000, tool: { name: "Execute", call_id: "call_1" } },
    { open: true, tool: { name: "Read" } },
  ]);
  expect(of(told, "chat")[1]).toMatchObject({
    request_model: "custom:Model-0",
    response_id: "chatcmpl-1",
    time: at(1),
  });
  expect(of(told, "compaction")).toMatchObject([{ fact: "k1", attributes: { summaryTokens: 5, removedCount: 1 } }]);
  expect(of(told, "error").map((r) => [r.error_type, r.turn])).toEqual([
    ["model_request_rejected", 0],
    ["model_rate_limited", 0],
  ]);
  expect(JSON.stringify(told.all)).not.toContain("PLANTED");
});

test("the folder variables are obeyed", () => {
  expect(agentRoots("droid", {})[0]).toEqual(["/h/.factory/sessions"]);
  expect(agentRoots("droid", { FACTORY_DIR: "/f" })[0]).toEqual(["/f/sessions"]);
  expect(agentRoots("droid", { FACTORY_HOME_OVERRIDE: "/f" })[0]).toEqual(["/f/.factory/sessions"]);
});

test("texts stand where they belong: what was typed, answers, thoughts, arguments, results, errors, summaries", async () => {
  const blocks = [
    { type: "thinking", thinking: "hm", signature: "c2ln" },
    { type: "text", text: "I look" },
    { type: "tool_use", id: "call_1", name: "Execute", input: { command: "ls" } },
  ];
  const result = [{ type: "tool_result", tool_use_id: "call_1", is_error: true, content: "none" }];
  const log = [
    header("aaaa"),
    message("d1", 1, "user", [...words("<system-reminder>be kind"), ...words("go on")]),
    message("d2", 2, "assistant", blocks, { modelId: "m" }),
    message("d3", 3, "user", result),
    { type: "compaction_state", id: "k1", timestamp: at(4), summaryText: "so far" },
  ];
  const path = `${FOLDER}/aaaa.jsonl`;
  const whole = await tellTextsOf("droid", { [path]: log });
  for (const told of [whole, await tellTextsOf("droid", ...log.map((line) => ({ [path]: [line] })))]) {
    expect(textsByOperation(told.records)).toEqual({
      session: undefined,
      user_message: userSays("go on"),
      chat: assistantSays([
        { type: "reasoning", content: "hm" },
        "I look",
        { type: "tool_call", id: "call_1", name: "Execute", arguments: { command: "ls" } },
      ]),
      execute_tool: { tool_arguments: { command: "ls" }, tool_result: "none", error_message: "none" },
      compaction: assistantSays(["so far"]),
    } as never);
    expect(told.records.map((r) => r.raw && JSON.parse(r.raw).id)).toEqual(["d1", "d1", "d2", "d3", "k1"]);
  }
});

test("lines and settings with missing, null and wrong values are told as far as they are known", async () => {
  const told = await tellOf("droid", {
    [`${FOLDER}/aaaa.settings.json`]: JSON.stringify({
      model: 5,
      tokenUsage: { inputTokens: "9", outputTokens: 4, cacheReadTokens: null, cacheCreationTokens: -1 },
    }),
    [`${FOLDER}/aaaa.jsonl`]: [
      header("aaaa", { cwd: 5, parent: null }),
      { type: "message", id: "m1", message: null },
      message("m2", 1, "assistant", 5),
      message("m3", 2, "assistant", [null, { type: "tool_use", id: "constructor" }, { type: "tool_use" }]),
      message("m4", 3, "user", [{ type: "tool_result", tool_use_id: "constructor", is_error: "x" }, null]),
      message("m5", 4, "user", [{ type: "tool_result" }, { type: "tool_result", tool_use_id: "toString" }]),
      { type: "compaction_state", timestamp: 5, summaryTokens: "x" },
      { type: "agent_turn_outcome" },
      {},
    ],
  });
  expect(sum(told)).toEqual([undefined]);
  expect(of(told, "invoke_agent")[0]?.usage).toEqual({ output_tokens: 4 });
  expect(of(told, "chat").map((r) => r.fact)).toEqual(["m2", "m3"]);
  expect(of(told, "execute_tool").map((r) => [r.tool?.call_id, r.status])).toEqual([
    ["constructor", "ok"],
    ["toString", "ok"],
  ]);
  expect(told.summary).toMatchObject({
    quarantined: [],
    unknown: {
      "droid/transcript: result without an id": 1,
      "droid/transcript: role ": 1,
      "droid/transcript: type ": 1,
    },
  });
});
