/** Owns the proof that what several streams or agents tell of one session counts once (design section 6). */
import { describe, expect, test } from "bun:test";
import type { WeirRecord } from "../../../src/record/schema.ts";
import {
  CLAUDE,
  CLI,
  chat,
  countedIn,
  DATABASE,
  figuresOf,
  NOON,
  openTraces,
  place,
  S1,
  SUB,
  syncCopilot,
  USER,
  WORKSPACE,
} from "../../support/copilot.ts";
import { type Scratch, scratch } from "../../support/home.ts";

const SAMPLE = "home/.config/Code/User/globalStorage/github.copilot-chat/agent-traces.db";
const EXTENSION = `${WORKSPACE}/GitHub.copilot-chat`;
const jsonl = (objects: readonly object[]): string => objects.map((o) => `${JSON.stringify(o)}\n`).join("");
const at = (second: number): string => new Date(1774865000000 + second * 1000).toISOString();
const inSession = (home: Scratch, session: string): WeirRecord[] =>
  countedIn(home).filter((r) => r.session_id === session);

/** What each part adds to the sample's home; nothing but what no other stream tells. */
const PARTS: Readonly<Record<string, (home: Scratch) => void>> = {
  debugLogs(home) {
    for (const name of [
      "main",
      "runSubagent-Explore-5e0b6f1d-3c2a-4e9d-8f10-aa00bb11cc22",
      "title-d84425c2-7b6d-41cf-85d4-b2a82ecfaee3",
    ])
      place(home, `more/debug-logs/${S1}/${name}.jsonl`, `${EXTENSION}/debug-logs/${S1}/${name}.jsonl`);
  },
  transcript: (home) => place(home, `more/transcripts/${S1}.jsonl`, `${EXTENSION}/transcripts/${S1}.jsonl`),
  chatSession: (home) => place(home, `more/chatSessions/${S1}.json`, `${WORKSPACE}/chatSessions/${S1}.json`),
  fileExporter(home) {
    home.write(`${USER}/settings.json`, '{"github.copilot.chat.otel.outfile": "/home/dev/otel.jsonl"}');
    place(home, "more/otel-file-exporter.jsonl", "otel.jsonl");
  },
  brokenExporter(home) {
    home.write(
      `${USER.replace("Code", "VSCodium")}/settings.json`,
      '{"github.copilot.chat.otel.outfile": "/home/dev/lost.jsonl"}',
    );
    place(home, "more/otel-file-exporter-prefix-bug.jsonl", "lost.jsonl");
  },
};

describe("within the agent", () => {
  const sample = { calls: 20, input: 249073, output: 5538, cached: 191827, tools: 18 };
  /** The exporter's run is another run of the same session: one call, one tool. */
  const exporter = { ...sample, calls: 21, input: 250573, output: 5788 };
  for (const [name, parts, figures] of [
    ["debug logs", ["debugLogs"], sample],
    ["a transcript", ["transcript"], sample],
    ["a chat session", ["chatSession"], sample],
    ["the file exporter", ["fileExporter"], { ...exporter, tools: 19 }],
    ["the file exporter that loses its spans", ["brokenExporter"], exporter],
    ["all of them", Object.keys(PARTS), { ...exporter, tools: 19 }],
  ] as const) {
    test(`spans and ${name} of one session: no call and no tool twice, in whichever order they come`, async () => {
      for (const order of [parts, [...parts].reverse()]) {
        using home = scratch({ fast: true });
        place(home, SAMPLE, DATABASE);
        for (const part of order) {
          PARTS[part]?.(home);
          await syncCopilot(home);
        }
        const records = countedIn(home);
        expect(figuresOf(records)).toEqual(figures);
        expect(records.filter((r) => r.operation === "session" && r.session_id === S1).length).toBe(
          name.includes("exporter") ? 0 : 1,
        );
        expect(records.filter((r) => r.operation === "user_message" && r.session_id === S1).length).toBe(
          name.includes("exporter") ? 0 : 2,
        );
        expect(new Set(records.map((r) => r.id)).size).toBe(records.length);
      }
    });
  }

  test("a span that the database and the file exporter both hold is one span", async () => {
    using home = scratch();
    PARTS.fileExporter!(home);
    using traces = openTraces(home);
    const start = 1795237839708 - 1774864800000;
    traces.put({
      id: "3c3a0b7a68547028",
      trace: "becd89c6917900b9f2230b2fc669a446",
      start,
      end: start + 13.25,
      attributes: chat(1500, 250, {
        "gen_ai.conversation.id": "a0b1c2d3-0000-4000-8000-000000000001",
        "copilot_chat.chat_session_id": S1,
      }),
    });
    await syncCopilot(home);
    expect(figuresOf(countedIn(home))).toMatchObject({ calls: 1, input: 1500, tools: 1 });
  });

  test("a debug log with the telemetry's own span ids joins hooks and runs, and calls that failed", async () => {
    using home = scratch();
    using traces = openTraces(home);
    const session = { "copilot_chat.chat_session_id": S1 };
    traces.put(
      {
        id: "b000000000000001",
        end: 9,
        attributes: { ...session, "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "GitHub Copilot Chat" },
      },
      {
        id: "b000000000000002",
        parent: "b000000000000001",
        start: 2,
        end: 3,
        attributes: { ...session, "gen_ai.operation.name": "execute_hook" },
      },
      {
        id: "b000000000000003",
        parent: "b000000000000001",
        start: 4,
        end: 5,
        status: 2,
        attributes: { ...session, "gen_ai.operation.name": "chat" },
      },
    );
    const entry = (type: string, start: number, spanId: string) => ({
      ts: 1774864800000 + start,
      dur: 1,
      sid: S1,
      type,
      name: "x",
      spanId,
      status: "ok",
      attrs: {},
    });
    home.write(
      `${EXTENSION}/debug-logs/${S1}/main.jsonl`,
      jsonl([entry("hook", 2, "b000000000000002"), entry("llm_request", 4, "b000000000000003")]),
    );
    await syncCopilot(home);
    expect(
      countedIn(home)
        .map((r) => r.operation)
        .sort(),
    ).toEqual(["chat", "execute_hook", "invoke_agent"]);
  });

  /** An entry of the session's debug log. */
  const debugEntry = (type: string, start: number, spanId: string, attrs: object = {}) => ({
    ts: NOON + start,
    dur: 1,
    sid: S1,
    type,
    name: "read_file",
    spanId,
    status: "ok",
    attrs,
  });
  const LOG = `${EXTENSION}/debug-logs/${S1}/main.jsonl`;
  const toolSpan = (id: string, start: number, call: string) => ({
    id,
    start,
    end: start + 1,
    attributes: {
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": "read_file",
      "gen_ai.tool.call.id": call,
      "copilot_chat.chat_session_id": S1,
    },
  });

  test("tools that the debug log knows by their spans and the database by their call ids, or one of them by none, are one each", async () => {
    using home = scratch();
    using traces = openTraces(home);
    traces.put(
      toolSpan("b000000000000001", 1, ""),
      toolSpan("b000000000000002", 2, "call_A1AbCdEfGhIjKlMn"),
      toolSpan("b000000000000003", 3, "call_A2AbCdEfGhIjKlMn"),
    );
    home.write(LOG, jsonl([1, 2, 3].map((n) => debugEntry("tool_call", n, `b00000000000000${n}`))));
    await syncCopilot(home);
    expect(
      inSession(home, S1)
        .map((r) => [r.stream, r.fact])
        .sort(),
    ).toEqual([
      ["otel_traces", "b000000000000001"],
      ["otel_traces", "call_A1AbCdEfGhIjKlMn"],
      ["otel_traces", "call_A2AbCdEfGhIjKlMn"],
    ]);
  });

  test("tools that the debug log told without telemetry are not counted beside the chat session's", async () => {
    using home = scratch();
    using traces = openTraces(home);
    const [first, second] = ["call_A1AbCdEfGhIjKlMn", "call_A2AbCdEfGhIjKlMn"];
    traces.put(toolSpan("b000000000000002", 2000, second));
    home.write(
      LOG,
      jsonl([debugEntry("tool_call", 1, "0000000000000002"), debugEntry("tool_call", 2000, "b000000000000002")]),
    );
    const shown = [first, second].map((toolCallId) => ({
      kind: "toolInvocationSerialized",
      toolId: "read",
      toolCallId,
    }));
    const requests = [{ requestId: "r", timestamp: NOON, response: shown }];
    home.write(`${WORKSPACE}/chatSessions/${S1}.json`, JSON.stringify({ version: 3, sessionId: S1, requests }));
    await syncCopilot(home);
    expect(figuresOf(countedIn(home)).tools).toBe(2);
  });

  test("calls that failed or have a short id, told by spans and by log records of lost ones, count once", async () => {
    using home = scratch();
    using traces = openTraces(home);
    const trace = "cd".repeat(16);
    const run = { "gen_ai.operation.name": "invoke_agent", "copilot_chat.chat_session_id": S1 };
    const at = (ms: number) => [1774864800 + Math.floor(ms / 1000), (ms % 1000) * 1e6];
    const log = (ms: number, name: string, attributes: object) => ({
      hrTime: at(ms),
      spanContext: { traceId: trace, spanId: "b000000000000009" },
      resource: { _rawAttributes: [["service.name", "copilot-chat"]] },
      attributes: { "event.name": name, ...attributes },
      _body: "x",
    });
    const calls = [
      chat(100, 10, { "gen_ai.response.id": "chatcmpl-1" }),
      chat(300, 30, { "gen_ai.response.id": "a0b1c2d3-0000-4000-8000-000000000001" }),
      { "gen_ai.operation.name": "chat", "error.type": "RateLimited" },
    ];
    const session = { "copilot_chat.chat_session_id": S1 };
    calls.forEach((attributes, n) => {
      const times = { start: 1000 * n + 1, end: 1000 * n + 900, status: n === 2 ? 2 : 0 };
      traces.put({ id: `b00000000000000${n}`, trace, ...times, attributes: { ...attributes, ...session } });
    });
    traces.put({ id: "b000000000000009", trace, end: 9000, attributes: run });
    home.write(`${USER}/settings.json`, '{"github.copilot.chat.otel.outfile": "/home/dev/otel.jsonl"}');
    const details = "gen_ai.client.inference.operation.details";
    home.write(
      "otel.jsonl",
      jsonl([
        log(0, "copilot_chat.session.start", { "session.id": S1 }),
        ...calls.flatMap((attributes, n) => [log(1000 * n + 899, details, attributes), {}]),
        log(4000, details, chat(700, 70, { "gen_ai.response.id": "chatcmpl-2" })), // its span was lost here and there
      ]),
    );
    await syncCopilot(home);
    const counted = inSession(home, S1).filter((r) => r.operation === "chat");
    expect(counted.map((r) => [r.usage?.input_tokens, r.status, r.stream])).toEqual([
      [100, "ok", "otel_traces"],
      [300, "ok", "otel_traces"],
      [undefined, "error", "otel_traces"],
      [700, "ok", "otel_file"],
    ]);
  });

  test("telemetry that was switched on half way does not hide the calls that the debug log tells", async () => {
    using home = scratch();
    PARTS.debugLogs!(home);
    using traces = openTraces(home);
    traces.put({
      id: "b000000000000009",
      start: 150_040,
      end: 152_540,
      attributes: chat(22000, 100, {
        "copilot_chat.chat_session_id": S1,
        "gen_ai.response.model": "gpt-4.1-2025-04-14",
      }),
    });
    await syncCopilot(home);
    expect(figuresOf(inSession(home, S1))).toMatchObject({ calls: 4, input: 79465, output: 1341 });
    expect(inSession(home, S1).filter((r) => r.model === "gpt-4.1-2025-04-14")).toHaveLength(1);
  });

  test("calls that the debug log told without telemetry, and the database once that was on, are different calls", async () => {
    using home = scratch();
    using traces = openTraces(home);
    for (const n of [1, 2, 3])
      traces.put({
        id: `b00000000000000${n}`,
        start: 60_000 + n,
        end: 60_900,
        attributes: chat(200 + n, 2, { "copilot_chat.chat_session_id": S1 }),
      });
    const told = [1, 2].map((n) =>
      debugEntry("llm_request", n, `000000000000000${n}`, { inputTokens: 100 + n, outputTokens: 1 }),
    );
    home.write(LOG, jsonl(told));
    await syncCopilot(home);
    expect(figuresOf(countedIn(home))).toMatchObject({ calls: 5, input: 809, output: 8 });
  });

  const TRACE = "cd".repeat(16);
  /** A log record of an exporter that loses its spans. */
  const logged = (ms: number, name: string, traceId: string | undefined, attributes: object) => ({
    hrTime: [Math.floor((NOON + ms) / 1000), ((NOON + ms) % 1000) * 1e6],
    ...(traceId && { spanContext: { traceId, spanId: "b000000000000009" } }),
    resource: { _rawAttributes: [["service.name", "copilot-chat"]] },
    attributes: { "event.name": name, ...attributes },
    _body: "x",
  });
  const details = (ms: number, traceId: string | undefined, input: number) =>
    logged(ms, "gen_ai.client.inference.operation.details", traceId, {
      ...(input > 0 ? chat(input, 1) : { "gen_ai.operation.name": "chat", "error.type": "RateLimited" }),
      "gen_ai.response.id": `a0b1c2d3-0000-4000-8000-00000000${1000 + input}`,
    });
  const asked = (sid: string, start: number, end: number, input: number) => {
    const attrs = input > 0 ? { inputTokens: input, outputTokens: 1 } : {};
    return { ...debugEntry("llm_request", start, `c00000000000${1000 + input}`, attrs), sid, dur: end - start };
  };
  const lostSpans = (home: Scratch, ...logs: readonly object[]): void => {
    home.write(`${USER}/settings.json`, '{"github.copilot.chat.otel.outfile": "/home/dev/otel.jsonl"}');
    const start = logged(1, "copilot_chat.session.start", TRACE, { "session.id": S1 });
    home.write("otel.jsonl", jsonl([start, ...logs, {}]));
  };

  test("a call that a log record and the debug log tell is one, of a title and of a subagent too, in the debug log's session", async () => {
    using home = scratch();
    lostSpans(home, details(600, undefined, 100), details(2000, TRACE, 200), details(3001, TRACE, 300));
    const folder = `${EXTENSION}/debug-logs/${S1}`;
    home.write(`${folder}/title-${CLI}.jsonl`, jsonl([asked(CLI, 5, 600, 100)]));
    home.write(`${folder}/main.jsonl`, jsonl([asked(S1, 10, 2000, 200)]));
    home.write(`${folder}/runSubagent-Explore-${SUB}.jsonl`, jsonl([asked(SUB, 2100, 3000, 300)]));
    await syncCopilot(home);
    expect(countedIn(home).map((r) => [r.session_id, r.usage?.input_tokens])).toEqual([
      [undefined, 100],
      [S1, 200],
      [SUB, 300],
    ]);
  });

  test("log records that begin half way, or go on longer, and the debug log hide no call of each other, and double none that failed", async () => {
    using home = scratch();
    lostSpans(home, details(3000, TRACE, 300), details(4000, TRACE, 0), details(5000, TRACE, 500));
    const told = [100, 200, 300].map((input) => asked(S1, input * 10 - 900, input * 10, input));
    home.write(LOG, jsonl([...told, asked(S1, 3100, 4000, 0)]));
    await syncCopilot(home);
    const calls = countedIn(home).filter((r) => r.operation === "chat");
    expect(calls.map((r) => r.usage?.input_tokens ?? 0).sort()).toEqual([0, 100, 200, 300, 500]);
  });

  test("a chat session's sums count only where nobody tells its calls", async () => {
    using home = scratch();
    PARTS.chatSession!(home);
    await syncCopilot(home);
    const sums = () => inSession(home, S1).filter((r) => r.usage?.input_tokens === 21950 && r.aggregate);
    expect(sums()).toHaveLength(1);
    PARTS.debugLogs!(home);
    await syncCopilot(home);
    expect(sums()).toHaveLength(0);
  });
});

describe("with the stores of agents that run inside VS Code", () => {
  test("a Claude session is told by its own file too: its calls, tools and tokens count once", async () => {
    using home = scratch();
    const line = (n: number, more: object) => ({
      parentUuid: null,
      isSidechain: false,
      uuid: `u${n}`,
      timestamp: at(n),
      sessionId: CLAUDE,
      version: "2.1.197",
      cwd: "/home/dev/p",
      ...more,
    });
    const input = [9000, 10000, 11000, 12000];
    const output = [200, 201, 202, 640];
    const lines = input.flatMap((tokens, i) => [
      line(
        i * 5,
        i === 0
          ? { type: "user", message: { role: "user", content: "go" } }
          : {
              type: "user",
              message: {
                role: "user",
                content: [{ tool_use_id: `toolu_${i - 1}`, type: "tool_result", content: "ok" }],
              },
            },
      ),
      line(i * 5 + 3, {
        type: "assistant",
        message: {
          id: `msg_0000000000000000000${i}`,
          type: "message",
          role: "assistant",
          model: "claude-sonnet-4",
          content: [
            i < 3 ? { type: "tool_use", id: `toolu_${i}`, name: "Read", input: {} } : { type: "text", text: "x" },
          ],
          stop_reason: "end_turn",
          usage: { input_tokens: tokens, output_tokens: output[i] },
        },
      }),
    ]);
    place(home, SAMPLE, DATABASE);
    home.write(`.claude/projects/-home-dev-p/${CLAUDE}.jsonl`, jsonl(lines));
    await syncCopilot(home, "claude-code");
    const records = inSession(home, CLAUDE);
    expect(figuresOf(records)).toMatchObject({ calls: 4, input: 42000, output: 1243, tools: 3 });
    expect(figuresOf(countedIn(home))).toMatchObject({ calls: 20, input: 249073, output: 5538, tools: 18 });
    expect(new Set(records.filter((r) => r.operation === "chat").map((r) => r.agent))).toEqual(
      new Set(["claude-code"]),
    );
  });

  test("a CLI session is told by its own log too: its calls and tokens count once", async () => {
    using home = scratch();
    const event = (n: number, type: string, data: object) => ({
      type,
      data,
      id: `e${n}`,
      timestamp: at(n),
      parentId: null,
    });
    const usage = [
      [12000, 300],
      [13000, 150],
      [14200, 420],
    ].map(([inputTokens, outputTokens], i) =>
      event(i + 2, "session.usage_record", {
        usage: {
          model: "claude-sonnet-4.6",
          inputTokens,
          outputTokens,
          duration: 40 + i,
          apiCallId: `resp_00000000000000${i}`,
        },
      }),
    );
    place(home, SAMPLE, DATABASE);
    home.write(
      `.copilot/session-state/${CLI}/events.jsonl`,
      jsonl([
        event(0, "session.start", {
          sessionId: CLI,
          version: 1,
          producer: "copilot-agent",
          copilotVersion: "1.0.102",
          startTime: at(0),
        }),
        event(1, "user.message", { content: "go" }),
        ...usage,
      ]),
    );
    await syncCopilot(home, "copilot-cli");
    expect(figuresOf(inSession(home, CLI))).toMatchObject({ calls: 3, input: 39200, output: 870 });
    expect(figuresOf(countedIn(home))).toMatchObject({ calls: 20, input: 249073, output: 5538 });
  });
});
