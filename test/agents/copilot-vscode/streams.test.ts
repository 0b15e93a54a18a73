/** Owns the proof that transcripts, chat sessions, debug logs and the file exporter's file tell what they hold. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { agents } from "../../../src/agents/index.ts";
import type { JsonObject } from "../../../src/record/json.ts";
import type { WeirRecord } from "../../../src/record/schema.ts";
import { archived, lastTellings, syncInto } from "../../support/archive.ts";
import {
  countedIn,
  FIXTURE,
  figuresOf,
  S1,
  SUB,
  syncCopilot,
  textOf,
  toldIn,
  USER,
  WORKSPACE,
} from "../../support/copilot.ts";
import { bytesBelow, type Scratch, scratch } from "../../support/home.ts";

const EXTENSION = `${WORKSPACE}/GitHub.copilot-chat`;
const A9 = "a9d4c7e0-6b1f-4f3a-8e22-0f0e0d0c0b0a";
const FIELDS = [
  "calls",
  "input_tokens",
  "output_tokens",
  "cache_read_input_tokens",
  "cache_creation_input_tokens",
  "reasoning_output_tokens",
];
const jsonl = (objects: readonly object[]): string => objects.map((o) => `${JSON.stringify(o)}\n`).join("");
const of = (records: readonly WeirRecord[], operation: string): WeirRecord[] =>
  records.filter((r) => r.operation === operation);

/** Writes files below the home, syncs, and gives what counts. */
async function told(home: Scratch, files: Readonly<Record<string, string>>): Promise<WeirRecord[]> {
  for (const [path, text] of Object.entries(files)) home.write(path, text);
  expect(await syncCopilot(home)).toMatchObject({ quarantined: [], unreadable: [], unknown: {} });
  return countedIn(home);
}

for (const name of ["", "streams", "otel-file", "wal"]) {
  test(`counts exactly what stands in fixtures/agents/copilot-vscode/${name}`, async () => {
    using home = scratch();
    const expected = JSON.parse(readFileSync(join(FIXTURE, name, "expected.json"), "utf8")).on_disk;
    home.copyHome(join(FIXTURE, name, "home"));
    await syncCopilot(home);
    const records = countedIn(home);
    const models: Record<string, Record<string, number>> = {};
    for (const { usage, model, request_model } of of(records, "chat")) {
      if (!usage?.input_tokens) continue;
      const name = model ?? request_model ?? "?";
      const sums = models[name] ?? Object.fromEntries(FIELDS.map((field) => [field, 0]));
      models[name] = sums;
      sums.calls = (sums.calls ?? 0) + 1;
      for (const [field, count] of Object.entries(usage)) sums[field] = (sums[field] ?? 0) + (count ?? 0);
    }
    expect(models).toEqual(expected.by_model);
    expect(of(records, "execute_tool")).toHaveLength(expected.tool_calls);
    expect([...new Set(records.flatMap((r) => r.session_id ?? []))].sort()).toEqual(expected.sessions.sort());
    if (expected.spans) expect(toldIn(home).filter((r) => r.stream === "otel_traces")).toHaveLength(expected.spans);
  });
}

describe("transcript", () => {
  const PATH = `${EXTENSION}/transcripts/${S1}.jsonl`;
  const at = (second: number): string => new Date(1774864800000 + second * 1000).toISOString();
  const line = (type: string, second: number, data: JsonObject, id = `${type}-${second}`) => ({
    type,
    data,
    id,
    timestamp: at(second),
    parentId: null,
  });
  const begin = line("session.start", 0, {
    sessionId: S1,
    version: 1,
    producer: "copilot-agent",
    copilotVersion: "0.47.0",
    vscodeVersion: "1.119.0",
    startTime: at(0),
  });

  test("tells the session, what was typed and the tools; a restarted window makes no second session", async () => {
    using home = scratch();
    const records = await told(home, { [PATH]: textOf(`more/transcripts/${S1}.jsonl`) });
    expect(of(records, "session")).toMatchObject([{ session_id: S1, agent_version: "0.47.0", time: at(0) }]);
    expect(of(records, "user_message").map((r) => r.turn)).toEqual([0, 1]);
    expect(of(records, "execute_tool").map((r) => [r.tool?.name, r.status, r.turn, r.duration_ms])).toEqual([
      ["read_file", "ok", 0, 36],
      ["runSubagent", "error", 0, 4620],
    ]);
    expect(of(records, "chat")).toEqual([]);
  });

  test("a tool without its end is open until the end comes", async () => {
    using home = scratch();
    const started = [
      begin,
      line("user.message", 1, { content: "go" }),
      line("tool.execution_start", 2, { toolCallId: "call_x1", toolName: "run" }),
    ];
    const [open] = of(await told(home, { [PATH]: jsonl(started) }), "execute_tool");
    expect(open).toMatchObject({ open: true, time: at(2) });
    const done = [...started, line("tool.execution_complete", 5, { toolCallId: "call_x1", success: false })];
    const [closed] = of(await told(home, { [PATH]: jsonl(done) }), "execute_tool");
    expect(closed).toMatchObject({ id: open!.id, status: "error", duration_ms: 3000 });
    expect(closed!.open).toBeUndefined();
  });

  test("an end whose start is not there is no tool, whatever its id", async () => {
    using home = scratch();
    const ends = ["constructor", "toString", "call_x1"].map((toolCallId, n) =>
      line("tool.execution_complete", 2 + n, { toolCallId, success: true }),
    );
    const records = await told(home, { [PATH]: jsonl([begin, ...ends]) });
    expect(of(records, "execute_tool")).toEqual([]);
  });

  test("earlier turns that were played again have their tools from what the model asked for", async () => {
    using home = scratch();
    const request = { toolCallId: "call_r1", name: "grep", arguments: "{}", type: "function" };
    const records = await told(home, {
      [PATH]: jsonl([
        begin,
        line("user.message", 1, { content: "old" }),
        line("assistant.turn_start", 2, { turnId: "0.0" }),
        line("assistant.message", 2, { messageId: "m", content: "", toolRequests: [request] }),
        line("assistant.turn_end", 2, { turnId: "0.0" }),
        line("user.message", 9, { content: "new" }),
        line("assistant.turn_start", 10, { turnId: "0" }),
        line("assistant.message", 11, {
          messageId: "n",
          content: "",
          toolRequests: [{ ...request, toolCallId: "call_never_ran" }],
        }),
      ]),
    });
    expect(of(records, "execute_tool")).toMatchObject([{ tool: { call_id: "call_r1", name: "grep" }, turn: 0 }]);
    expect(of(records, "execute_tool")[0]!.status).toBeUndefined();
  });

  test("long lines are read past their payload, with the same records", async () => {
    const long = "x".repeat(5000);
    const lines = (fill: string) =>
      jsonl([
        begin,
        line("user.message", 1, { content: fill, attachments: [{ id: "x", type: "file" }] }, "m1"),
        line(
          "tool.execution_start",
          2,
          { toolCallId: "call_x1", toolName: "run", arguments: { a: { id: fill } } },
          "t1",
        ),
        line(
          "tool.execution_complete",
          3,
          { toolCallId: "call_x1", success: true, result: { content: `${fill}"},"id":"no"` } },
          "t2",
        ),
      ]);
    using short = scratch();
    using filled = scratch();
    const bare = ({ host, source, ...rest }: WeirRecord) => [host, source.path].length && rest;
    expect((await told(filled, { [PATH]: lines(long) })).map(bare)).toEqual(
      (await told(short, { [PATH]: lines("") })).map(bare),
    );
  });
});

describe("chat sessions", () => {
  const LOG = `${WORKSPACE}/chatSessions/${A9}.jsonl`;
  const log = textOf(`more/chatSessions/${A9}.jsonl`);

  test("the log of patches and its compaction lead to the same records", async () => {
    using patched = scratch();
    using compacted = scratch();
    const records = await told(patched, { [LOG]: log });
    expect(of(records, "invoke_agent").map((r) => [r.usage, r.aggregate, r.turn, r.model, r.status])).toEqual([
      [{ input_tokens: 18561, output_tokens: 321 }, true, 0, "claude-sonnet-4-5", "ok"],
      [{ input_tokens: 20110, output_tokens: 640 }, true, 1, undefined, "ok"],
    ]);
    expect(of(records, "execute_tool").map((r) => r.tool?.call_id)).toEqual(["call_A1"]);
    await told(compacted, { [LOG]: textOf(`more/chatSessions/${A9}.compacted.jsonl`) });
    expect([...lastTellings(archived(compacted.data))]).toEqual([...lastTellings(archived(patched.data))]);
    // Compacted where it lies, it adds nothing.
    patched.replace(LOG, textOf(`more/chatSessions/${A9}.compacted.jsonl`));
    expect((await syncCopilot(patched)).records).toMatchObject({ added: 0, revised: 0 });
  });

  test("patches set, push, cut and delete; those that fit nothing change nothing, and none reaches beyond its document", async () => {
    using home = scratch();
    const request = (id: string, more = {}) => ({
      requestId: id,
      timestamp: 1774865100000,
      message: { text: "x" },
      ...more,
    });
    const patches = [
      { kind: 0, v: { version: 3, sessionId: "s", creationDate: 1774865000000, requests: [] } },
      { kind: 2, k: ["requests"], v: [request("r1"), request("wrong")] },
      { kind: 2, k: ["requests"], v: [request("r2")], i: 1 },
      { kind: 1, k: ["requests", 0, "promptTokens"], v: 10 },
      { kind: 1, k: ["requests", 0, "promptTokens"], v: 20 },
      { kind: 1, k: ["requests", 1, "completionTokens"], v: 7 },
      { kind: 3, k: ["requests", 1, "completionTokens"] },
      { kind: 1, k: ["__proto__", "polluted"], v: 1 },
      { kind: 1, k: ["requests", 4000000000, "x"], v: 1 },
      { kind: 1, k: ["requests", 4000000000], v: 1 },
      { kind: 9, k: ["requests"], v: 1 },
    ];
    home.write(LOG, jsonl(patches));
    const { unknown } = await syncCopilot(home);
    expect(Object.values(unknown).reduce((a, b) => a + b)).toBe(4);
    expect(of(countedIn(home), "invoke_agent").map((r) => [r.fact, r.usage])).toEqual([
      ["r1", { input_tokens: 20 }],
      ["r2", undefined],
    ]);
    expect((Object.prototype as { polluted?: number }).polluted).toBeUndefined();
  });

  test("an old document has its tools' names and calls from its rounds, its tokens from its result", async () => {
    using home = scratch();
    const records = await told(home, {
      [`${WORKSPACE}/chatSessions/${S1}.json`]: textOf(`more/chatSessions/${S1}.json`),
    });
    expect(of(records, "execute_tool")).toMatchObject([
      { tool: { name: "read_file", call_id: "call_A1" }, session_id: S1 },
    ]);
    expect(of(records, "invoke_agent").map((r) => r.usage)).toEqual([
      { input_tokens: 21950, output_tokens: 512 },
      undefined,
    ]);
  });

  test("one session as document and as log, and copied to another workspace, is told once", async () => {
    using home = scratch();
    const [first] = log.split("\n");
    const state = JSON.parse(textOf(`more/chatSessions/${A9}.compacted.jsonl`)).v;
    const records = await told(home, {
      [LOG]: log,
      [LOG.replace(".jsonl", ".json")]: JSON.stringify(
        { ...state, requests: state.requests.slice(0, 1) },
        undefined,
        2,
      ),
      [`${USER}/workspaceStorage/other/chatSessions/${A9}.jsonl`]: log,
      [`${USER}/globalStorage/emptyWindowChatSessions/${A9}.jsonl`]: `${first}\n`,
    });
    const counts = Object.fromEntries(
      ["session", "user_message", "invoke_agent", "execute_tool"].map((op) => [op, of(records, op).length]),
    );
    expect(counts).toEqual({ session: 1, user_message: 2, invoke_agent: 2, execute_tool: 1 });
  });

  test("a request that is undone later stays told, and a cancelled or failed one says how it ended", async () => {
    using home = scratch();
    const state = (requests: object[]) => JSON.stringify({ version: 3, sessionId: "s", requests });
    const path = `${WORKSPACE}/chatSessions/s.json`;
    const request = (requestId: string, value: number, more = {}) => ({
      requestId,
      timestamp: 1774865100000,
      modelState: { value, completedAt: 1774865101000 },
      ...more,
    });
    await told(home, {
      [path]: state([
        request("a", 0),
        request("b", 2),
        request("c", 3, { result: { errorDetails: { code: "quotaExceeded", message: "secret words" } } }),
      ]),
    });
    const records = await told(home, { [path]: state([request("a", 1)]) });
    expect(
      of(records, "invoke_agent")
        .map((r) => [r.fact, r.status, r.error_type, r.open])
        .sort(),
    ).toEqual([
      ["a", "ok", undefined, undefined],
      ["b", "unset", undefined, undefined],
      ["c", "error", "quotaExceeded", undefined],
    ]);
    expect(JSON.stringify(archived(home.data))).not.toContain("secret words");
  });

  test("calls to which a model gave one id are told apart by what VS Code adds to it", async () => {
    using home = scratch();
    const LONG = "call_fdXHhvmFAHhTnw2VXlXjOMFG";
    const round = (timestamp: number, ...ids: string[]) => ({
      timestamp,
      toolCalls: ids.map((id) => ({ id, name: "read_file", arguments: "{}" })),
    });
    const shown = (...ids: string[]) =>
      ids.map((toolCallId) => ({ kind: "toolInvocationSerialized", toolId: "read_file", toolCallId }));
    const request = (at: number, response: object[], ...toolCallRounds: object[]) => ({
      requestId: `r${at}`,
      timestamp: at,
      response,
      result: { metadata: { toolCallRounds } },
    });
    const records = await told(home, {
      [`${WORKSPACE}/chatSessions/${S1}.json`]: JSON.stringify({
        sessionId: S1,
        requests: [
          request(
            1,
            shown("call_0__vscode-1", "call_0", "call_0__vscode-3", LONG),
            round(10, "call_0__vscode-1"),
            round(20, "call_0__vscode-2", "call_0__vscode-3", `${LONG}__vscode-4`),
          ),
          request(2, shown(`${LONG}__vscode-5`), round(30, `${LONG}__vscode-4`, `${LONG}__vscode-5`)),
          request(3, shown("call_1__vscode-6"), round(40, "call_1")),
        ],
      }),
    });
    expect(of(records, "execute_tool").map((r) => r.fact)).toEqual([
      "call_0@1970-01-01T00:00:00.010Z",
      "call_0@1970-01-01T00:00:00.020Z",
      "call_0@1970-01-01T00:00:00.020Z/1",
      LONG,
      `${LONG}/1`,
      "call_1@1970-01-01T00:00:00.040Z",
    ]);
  });

  test("a subagent's tools belong to the subagent's session", async () => {
    using home = scratch();
    const response = [
      {
        kind: "toolInvocationSerialized",
        toolCallId: "call_zzzzzzzzzzzzzzzz__vscode-12",
        toolId: "copilot_x",
        subAgentInvocationId: SUB,
      },
    ];
    const records = await told(home, {
      [`${WORKSPACE}/chatSessions/${S1}.json`]: JSON.stringify({
        sessionId: S1,
        requests: [{ requestId: "r", timestamp: 1774865100000, response }],
      }),
    });
    expect(of(records, "execute_tool")).toMatchObject([
      { session_id: SUB, parent_session_id: S1, fact: "call_zzzzzzzzzzzzzzzz" },
    ]);
  });
});

describe("debug log", () => {
  const FOLDER = `${EXTENSION}/debug-logs/${S1}`;
  const entry = (type: string, ts: number, spanId: string, more: JsonObject = {}) => ({
    ts,
    dur: 0,
    sid: S1,
    type,
    name: type,
    spanId,
    status: "ok",
    attrs: {},
    ...more,
  });
  const call = (ts: number, spanId: string, input: number, more: JsonObject = {}) =>
    entry("llm_request", ts, spanId, { dur: 5, attrs: { model: "m", inputTokens: input, outputTokens: 1 }, ...more });

  test("span ids that begin again in every window are other calls; sequential ones of two sessions too", async () => {
    using home = scratch();
    const records = await told(home, {
      [`${FOLDER}/main.jsonl`]: jsonl([
        call(1000, "000000000000000c", 10),
        call(9000, "000000000000000c", 20, { rIdx: 1 }),
      ]),
      [`${EXTENSION}/debug-logs/${A9}/main.jsonl`]: jsonl([call(1000, "000000000000000c", 40)]),
    });
    expect(figuresOf(records)).toMatchObject({ calls: 3, input: 70 });
  });

  test("a file that was cut back to its newest entries tells nothing twice and takes nothing back", async () => {
    using home = scratch();
    const entries = Array.from({ length: 50 }, (_, at) => call(1000 + at, String(at).padStart(16, "0"), 1));
    const begin = entry("session_start", 999, "session-start", { v: 1, attrs: { copilotVersion: "0.59.0" } });
    await told(home, { [`${FOLDER}/main.jsonl`]: jsonl([begin, ...entries]) });
    home.replace(`${FOLDER}/main.jsonl`, jsonl(entries.slice(20)));
    expect((await syncCopilot(home)).records).toMatchObject({ added: 0, revised: 0 });
    expect(figuresOf(countedIn(home))).toMatchObject({ calls: 50, input: 50 });
    expect(of(countedIn(home), "chat").every((r) => r.agent_version === "0.59.0")).toBe(true);
  });

  test("a subagent's file is its own session, a helper's file none; the session's own file has its hooks and tools", async () => {
    using home = scratch();
    const folder = `more/debug-logs/${S1}`;
    const names = [
      "main.jsonl",
      `runSubagent-Explore-${SUB}.jsonl`,
      "title-d84425c2-7b6d-41cf-85d4-b2a82ecfaee3.jsonl",
    ];
    const records = await told(
      home,
      Object.fromEntries(names.map((name) => [`${FOLDER}/${name}`, textOf(`${folder}/${name}`)])),
    );
    const calls = of(records, "chat");
    expect(calls.filter((r) => r.session_id === S1).map((r) => [r.usage?.input_tokens, r.status])).toEqual([
      [17414, "ok"],
      [18101, "ok"],
      [21950, "ok"],
      [undefined, "error"],
      [22000, "ok"],
    ]);
    expect(calls.filter((r) => r.session_id === SUB).map((r) => [r.usage?.input_tokens, r.parent_session_id])).toEqual([
      [5200, S1],
      [5900, S1],
    ]);
    expect(calls.filter((r) => r.session_id === undefined)).toMatchObject([
      { agent_name: "title", parent_session_id: S1, usage: { input_tokens: 270 } },
    ]);
    expect(of(records, "invoke_agent")).toMatchObject([
      { agent_name: "Explore", session_id: SUB, parent_session_id: S1 },
    ]);
    expect(of(records, "execute_hook").map((r) => [r.name, r.error_type])).toEqual([
      ["PreToolUse", undefined],
      ["PostToolUse", "non_blocking_error"],
    ]);
    expect(calls[0]!.attributes).toMatchObject({
      "copilot_chat.copilot_usage_nano_aiu": 310000000,
      "gen_ai.request.max_tokens": 16384,
    });
  });

  test("a child's session is what its entries say, also where that is the id of the call that made it", async () => {
    const child = (label: string, sid: string) => {
      const attrs = { parentSessionId: S1, label };
      return {
        [`${FOLDER}/${label}-${sid}.jsonl`]: jsonl([
          entry("session_start", 1, "session-start", { sid, attrs }),
          call(2, "b000000000000001", 10, { sid }),
          entry("tool_call", 3, "b000000000000002", { sid }),
        ]),
      };
    };
    for (const [label, sid, isSubagent] of [
      ["runSubagent-Explore", "call_4pC0Wmna3enffAsWE9y8DEMq__vscode-1775304769112", true],
      ["runSubagent-Explore", "toolu_01AbCdEfGhIjKlMnOpQrStUv__vscode-1775304769113", true],
      ["runSubagent", `subagent-${A9}`, true],
      ["title", `subagent-${A9}`, false],
      ["title", A9, false],
    ] as const) {
      using home = scratch();
      const records = await told(home, child(label, sid));
      for (const operation of ["chat", "execute_tool"])
        expect(of(records, operation).map((r) => [r.session_id, r.parent_session_id])).toEqual([
          [isSubagent ? sid : undefined, S1],
        ]);
    }
  });

  test("what a child is asked is no message of a user", async () => {
    using home = scratch();
    const message = (ts: number, sid: string) => entry("user_message", ts, `b00000000000000${ts}`, { sid });
    const records = await told(home, {
      [`${FOLDER}/main.jsonl`]: jsonl([message(1, S1), call(2, "b000000000000002", 10)]),
      [`${FOLDER}/runSubagent-Explore-${SUB}.jsonl`]: jsonl([
        message(3, SUB),
        call(4, "b000000000000004", 20, { sid: SUB }),
      ]),
    });
    expect(records.map((r) => [r.operation, r.session_id, r.turn])).toEqual([
      ["user_message", S1, 0],
      ["chat", S1, 0],
      ["chat", SUB, undefined],
    ]);
  });

  test("a file that is named by hand says itself whose it is", async () => {
    for (const [name, session, parent] of [
      ["main.jsonl", S1, undefined],
      [`runSubagent-Explore-${SUB}.jsonl`, SUB, S1],
      ["title-d84425c2-7b6d-41cf-85d4-b2a82ecfaee3.jsonl", undefined, S1],
    ] as const) {
      using home = scratch();
      const path = home.write(`elsewhere/${name}`, textOf(`more/debug-logs/${S1}/${name}`));
      const sources = [{ agent: "copilot-vscode", stream: "debug_log", path }];
      await syncInto(home.data, home.home, { choice: { agents: [], streams: [], sources } });
      const calls = of(countedIn(home), "chat");
      expect(calls.length).toBeGreaterThan(0);
      for (const record of calls) expect([record.session_id, record.parent_session_id]).toEqual([session, parent]);
    }
  });

  test("long entries are read past their messages, with the same records", async () => {
    const lines = (fill: string) =>
      jsonl([
        call(1000, "000000000000000c", 10, {
          attrs: {
            model: "m",
            inputTokens: 10,
            outputTokens: 1,
            debugName: "d",
            userRequest: fill,
            inputMessages: `${fill}","maxTokens":9,`,
            maxTokens: 5,
            copilotUsageNanoAiu: 7,
          },
          rIdx: 1,
        }),
        entry("tool_call", 1001, "000000000000000d", {
          name: "read_file",
          attrs: { args: fill, result: `}},"rIdx":7${fill}` },
          rIdx: 1,
        }),
      ]);
    using short = scratch();
    using filled = scratch();
    const bare = ({ host, source, ...rest }: WeirRecord) => [host, source.path].length && rest;
    expect((await told(filled, { [`${FOLDER}/main.jsonl`]: lines("y".repeat(4000)) })).map(bare)).toEqual(
      (await told(short, { [`${FOLDER}/main.jsonl`]: lines("") })).map(bare),
    );
  });
});

describe("file exporter", () => {
  const SETTINGS = `${USER}/settings.json`;
  const setting = '{"github.copilot.chat.otel.outfile": "/home/dev/otel.jsonl"}';
  const span = (spanId: string, parent: string | undefined, attributes: JsonObject, more: JsonObject = {}) => ({
    traceId: "becd89c6917900b9f2230b2fc669a446",
    spanId,
    traceFlags: 1,
    ...(parent ? { parentSpanContext: { spanId: parent } } : {}),
    name: "x",
    kind: 0,
    startTime: [1795237839, 0],
    endTime: [1795237840, 0],
    duration: [1, 0],
    attributes,
    status: { code: 0 },
    events: [],
    ...more,
  });
  const run = (session: string | undefined, name: string | undefined) => ({
    "gen_ai.operation.name": "invoke_agent",
    ...(name ? { "gen_ai.agent.name": name } : {}),
    ...(session ? { "copilot_chat.chat_session_id": session } : {}),
  });

  test("spans, logs and metrics of one file: the calls are the spans, sums and repetitions are nothing", async () => {
    using home = scratch();
    const records = await told(home, { [SETTINGS]: setting, "otel.jsonl": textOf("more/otel-file-exporter.jsonl") });
    expect(records.map((r) => [r.operation, r.session_id, r.agent_version])).toEqual([
      ["chat", S1, "0.42.0"],
      ["execute_tool", S1, "0.42.0"],
      ["invoke_agent", S1, "0.42.0"],
    ]);
    expect(records[0]!.end_time).toBe("2026-11-21T05:10:39.721147132Z");
    expect(records[0]!.resource).toEqual({ "service.name": "copilot-chat", "service.version": "0.42.0" });
  });

  test("an exporter that writes {} loses its spans: they are counted as lost, their calls are taken from the log records", async () => {
    using home = scratch();
    const lines = textOf("more/otel-file-exporter-prefix-bug.jsonl").split("\n").filter(Boolean);
    // The log records' batches are written earlier than the spans': in whichever order, the same is told.
    for (const order of [lines, [...lines.slice(3), ...lines.slice(0, 3)]]) {
      using each = scratch();
      const records = await told(each, { [SETTINGS]: setting, "otel.jsonl": `${order.join("\n")}\n` });
      expect(records).toMatchObject([
        { operation: "chat", session_id: S1, usage: { input_tokens: 1500, output_tokens: 250 } },
      ]);
    }
    home.write(SETTINGS, setting);
    home.write("otel.jsonl", `${lines.join("\n")}\n`);
    expect((await syncCopilot(home)).lost).toEqual({ "copilot-vscode/otel_file: span (its exporter wrote {})": 3 });
  });

  test("spans that another program writes between do not hide the calls of one that loses its own", async () => {
    using home = scratch();
    const [details] = textOf("more/otel-file-exporter-prefix-bug.jsonl")
      .split("\n")
      .filter((line) => line.includes("inference.operation.details"))
      .map((line) => JSON.parse(line));
    const log = (input: number) => ({
      ...details,
      attributes: { ...details.attributes, "gen_ai.usage.input_tokens": input },
    });
    const by = (name: string) => ({ resource: { attributes: { "service.name": name, "service.version": "1.0.2" } } });
    const asked = { "gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 5 };
    const lines = [
      log(1500),
      span("b000000000000001", undefined, asked, by("another")),
      log(1600),
      {},
      log(1700),
      span("b000000000000002", undefined, asked, by("another")),
      log(1800),
    ];
    const records = await told(home, { [SETTINGS]: setting, "otel.jsonl": jsonl(lines) });
    expect(figuresOf(records)).toMatchObject({ calls: 6, input: 1500 + 1600 + 1700 + 1800 + 5 + 5 });
  });

  test("both kinds of exporter at one run, in two files, tell its call once", async () => {
    using home = scratch();
    const insiders = USER.replace("Code", "Code - Insiders");
    const records = await told(home, {
      [SETTINGS]: setting,
      "otel.jsonl": textOf("more/otel-file-exporter.jsonl"),
      [`${insiders}/settings.json`]: setting.replace("otel.jsonl", "lost.jsonl"),
      "lost.jsonl": textOf("more/otel-file-exporter-prefix-bug.jsonl"),
    });
    expect(figuresOf(records)).toMatchObject({ calls: 1, input: 1500, output: 250 });
  });

  test("spans end before their parents: each gets its session from the run above it, in however many syncs they come", async () => {
    const chat = { "gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 1 };
    const lines = [
      span("a000000000000011", "a000000000000010", chat),
      span("a000000000000010", "a000000000000002", {
        ...run(SUB, "Explore"),
        "copilot_chat.parent_chat_session_id": S1,
      }),
      span("a000000000000002", "a000000000000001", {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "runSubagent",
      }),
      span("a000000000000007", "a000000000000006", chat),
      span("a000000000000006", "a000000000000005", { "gen_ai.operation.name": "execute_tool" }),
      span("a000000000000005", "a000000000000001", {
        "gen_ai.operation.name": "execute_tool",
        "copilot_chat.chat_session_id": SUB,
      }),
      span("a000000000000003", "a000000000000001", chat),
      span("a000000000000001", undefined, run(S1, "GitHub Copilot Chat")),
      span(
        "a000000000000004",
        "a000000000000001",
        { "gen_ai.operation.name": "execute_hook" },
        { name: "execute_hook Stop" },
      ),
      span("a000000000000009", undefined, chat),
    ];
    using whole = scratch();
    await told(whole, { [SETTINGS]: setting, "otel.jsonl": jsonl(lines) });
    const sessions = Object.fromEntries(toldIn(whole).map((r) => [r.span_id!.slice(-2), r.session_id]));
    const nested = { "07": SUB, "06": SUB, "05": SUB };
    expect(sessions).toEqual({
      "11": SUB,
      "10": SUB,
      "02": S1,
      ...nested,
      "03": S1,
      "01": S1,
      "04": S1,
      "09": undefined,
    });
    using pieces = scratch();
    for (let end = 1; end <= lines.length; end++)
      await told(pieces, { [SETTINGS]: setting, "otel.jsonl": jsonl(lines.slice(0, end)) });
    expect([...lastTellings(archived(pieces.data))]).toEqual([...lastTellings(archived(whole.data))]);
  });

  test("a wrapper and the nameless run below it are one run here too", async () => {
    using home = scratch();
    const lines = [
      span("a000000000000003", "a000000000000002", {
        "gen_ai.operation.name": "chat",
        "copilot_chat.chat_session_id": S1,
        "gen_ai.usage.input_tokens": 3,
      }),
      span("a000000000000002", "a000000000000001", { ...run(S1, undefined), "gen_ai.usage.input_tokens": 3 }),
      span("a000000000000001", undefined, run(S1, "copilotcli")),
    ];
    const records = await told(home, { [SETTINGS]: setting, "otel.jsonl": jsonl(lines) });
    expect(of(records, "invoke_agent")).toMatchObject([{ agent_name: "copilotcli", span_id: "a000000000000001" }]);
    expect(of(records, "chat")).toMatchObject([{ parent_span_id: "a000000000000001" }]);
  });

  test("no text of a span that waits for its parent is kept, neither in the archive nor in the state", async () => {
    using home = scratch();
    const secrets = {
      "gen_ai.tool.call.arguments": "MARKER one",
      "gen_ai.input.messages": "MARKER two",
      "x.unknown": "MARKER three",
    };
    const events = [
      {
        name: "exception",
        attributes: { "exception.type": "E", "exception.message": "MARKER four" },
        time: [1795237839, 5],
      },
    ];
    home.write(SETTINGS, setting);
    home.write(
      "otel.jsonl",
      jsonl([
        span(
          "a000000000000002",
          "a000000000000001",
          { "gen_ai.operation.name": "execute_tool", ...secrets },
          { events, status: { code: 2, message: "MARKER five" } },
        ),
      ]),
    );
    const summary = await syncInto(home.data, home.home, { agents: agents.filter((a) => a.id === "copilot-vscode") });
    expect(summary.unknown).toEqual({ "copilot-vscode/otel_file: attribute x.unknown": 1 });
    expect(toldIn(home)).toMatchObject([{ operation: "execute_tool", error_type: "E", open: true }]);
    expect(bytesBelow(home.data).includes("MARKER")).toBe(false);
  });
});
