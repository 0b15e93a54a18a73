/** Owns the proof that each producer's runs are counted, nested and given to their session as they ran. */
import { beforeAll, describe, expect, test } from "bun:test";
import type { WeirRecord } from "../../../src/record/schema.ts";
import { CLAUDE, CLI, countedIn, openTraces, place, S1, SUB, syncCopilot, toldIn } from "../../support/copilot.ts";
import { scratch } from "../../support/home.ts";

const SAMPLE = "home/.config/Code/User/globalStorage/github.copilot-chat/agent-traces.db";
const DATABASE = ".config/Code/User/globalStorage/github.copilot-chat/agent-traces.db";

let spans: readonly WeirRecord[] = [];
beforeAll(async () => {
  using home = scratch();
  place(home, SAMPLE, DATABASE);
  await syncCopilot(home);
  spans = countedIn(home);
});

const called = (r: WeirRecord): string =>
  [r.operation, r.agent_name && r.operation === "invoke_agent" ? r.agent_name : (r.tool?.name ?? r.name)]
    .filter(Boolean)
    .join(" ");

/** The tree of a session's spans as indented lines, in the order of their starts; `>` where the session changes. */
function treeOf(all: readonly WeirRecord[], session: string): string[] {
  const roots = all.filter((r) => r.session_id === session && !all.some((p) => p.span_id === r.parent_span_id));
  const lines = (r: WeirRecord, depth: number, above: string | undefined): string[] => [
    `${"  ".repeat(depth)}${r.session_id === above ? "" : "> "}${called(r)}`,
    ...all
      .filter((child) => child.parent_span_id === r.span_id)
      .sort(byStart)
      .flatMap((child) => lines(child, depth + 1, r.session_id)),
  ];
  return [...roots].sort(byStart).flatMap((root) => lines(root, 0, session));
}

const byStart = (a: WeirRecord, b: WeirRecord): number => ((a.time ?? "") < (b.time ?? "") ? -1 : 1);
const runs = (session: string) => spans.filter((r) => r.operation === "invoke_agent" && r.session_id === session);

describe("foreground", () => {
  test("each turn is a run; a subagent's run has a session of its own, spawned by the session", () => {
    expect(runs(S1).map((r) => [r.agent_name, r.status])).toEqual([
      ["GitHub Copilot Chat", "ok"],
      ["GitHub Copilot Chat", "error"],
      ["GitHub Copilot Chat", "ok"],
    ]);
    expect(runs(SUB).map((r) => [r.agent_name, r.parent_session_id])).toEqual([["Explore", S1]]);
    expect(spans.filter((r) => r.session_id === SUB).map((r) => r.parent_session_id)).toEqual([S1, S1, S1, S1, S1]);
  });

  test("the tree is the one that ran", () => {
    expect(treeOf(spans, S1).slice(0, 17)).toEqual([
      "invoke_agent GitHub Copilot Chat",
      "  execute_tool manage_todo_list",
      "  chat",
      "  execute_hook PreToolUse",
      "  execute_tool read_file",
      "  execute_hook PostToolUse",
      "  execute_hook PostToolUse",
      "  chat",
      "  execute_tool runSubagent",
      "    > invoke_agent Explore",
      "      chat",
      "      execute_tool grep_search",
      "      execute_tool read_file",
      "      chat",
      "  execute_tool run_in_terminal",
      "  chat",
      "invoke_agent GitHub Copilot Chat",
    ]);
  });

  test("helpers are kept, without a session; a title knows the session that it is for", () => {
    const helpers = spans.filter((r) => r.operation === "chat" && r.session_id === undefined);
    expect(helpers.map((r) => [r.agent_name, r.parent_session_id]).sort()).toEqual([
      ["editingSession/speculate", undefined],
      ["progressMessages", undefined],
      ["progressMessages", undefined],
      ["title", S1],
    ]);
  });
});

describe("CLI in the background", () => {
  test("the wrapper and the nameless run below it are one run, with the inner one's usage; the task is its subagent", () => {
    expect(runs(CLI).map((r) => [r.agent_name, r.subagent?.name, r.parent_span_id])).toEqual([
      ["copilotcli", undefined, undefined],
      ["task", "task", "225fd2184f6ee6aa"],
    ]);
  });

  test("the tree has one run on top, and what the nameless one did is below it", () => {
    expect(treeOf(spans, CLI)).toEqual([
      "invoke_agent copilotcli",
      "  chat",
      "  execute_tool task",
      "    invoke_agent task",
      "      other permission",
      "      execute_tool bash",
      "      chat",
      "  chat",
      "  execute_hook sessionEnd",
    ]);
  });

  test("what ran in the task says so and shares the session", () => {
    const inTask = spans.filter((r) => r.subagent?.name === "task");
    expect(inTask.map(called).sort()).toEqual(["chat", "execute_tool bash", "invoke_agent task", "other permission"]);
    expect(new Set(inTask.map((r) => r.session_id))).toEqual(new Set([CLI]));
  });

  test("a wrapper whose calls are not in the table has the usage of the run that it wraps", async () => {
    using home = scratch();
    using traces = openTraces(home);
    const run = { "gen_ai.operation.name": "invoke_agent", "copilot_chat.chat_session_id": "s" };
    traces.put(
      { id: "a100000000000001", end: 9, attributes: { ...run, "gen_ai.agent.name": "copilotcli" } },
      {
        id: "a100000000000002",
        parent: "a100000000000001",
        start: 1,
        end: 8,
        attributes: { ...run, "gen_ai.usage.input_tokens": 50, "gen_ai.usage.output_tokens": 5 },
      },
    );
    await syncCopilot(home);
    expect(toldIn(home)).toHaveLength(2);
    expect(countedIn(home)).toMatchObject([
      {
        agent_name: "copilotcli",
        span_id: "a100000000000001",
        usage: { input_tokens: 50, output_tokens: 5 },
        aggregate: true,
      },
    ]);
  });
});

describe("CLI in a terminal", () => {
  /** As the CLI's own exporter writes: children before their parents, every id its own, the session as conversation. */
  const SESSION = "19e41f39-2a6b-4e5b-930e-8ab85a0d1e9b";
  const resource = { attributes: { "service.name": "github-copilot", "service.version": "1.0.102" } };
  const line = (spanId: string, parent: string | undefined, start: number, attributes: Record<string, unknown>) => ({
    type: "span",
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanId,
    ...(parent ? { parentSpanId: parent } : {}),
    name: String(attributes["gen_ai.operation.name"]),
    kind: 0,
    startTime: [1774864800 + start, 0],
    endTime: [1774864800 + start + 1, 500],
    attributes,
    status: { code: 0 },
    events: [],
    resource,
  });
  const conversation = { "gen_ai.conversation.id": SESSION };
  const file = [
    line("b000000000000003", "b000000000000001", 1, {
      "gen_ai.operation.name": "chat",
      ...conversation,
      "gen_ai.request.model": "gpt-5-mini",
      "gen_ai.usage.input_tokens": 90,
      "gen_ai.usage.output_tokens": 9,
    }),
    line("b000000000000006", "b000000000000005", 4, {
      "gen_ai.operation.name": "chat",
      "gen_ai.request.model": "gpt-5-mini",
      "gen_ai.usage.input_tokens": 40,
      "gen_ai.usage.output_tokens": 4,
    }),
    line("b000000000000005", "b000000000000004", 3, {
      "gen_ai.operation.name": "invoke_agent",
      "gen_ai.agent.name": "explore",
      ...conversation,
    }),
    line("b000000000000004", "b000000000000001", 2, {
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": "task",
      "gen_ai.tool.call.id": "call_aaaaaaaaaaaaaaaaaaaa",
    }),
    line("b000000000000001", undefined, 0, {
      "gen_ai.operation.name": "invoke_agent",
      ...conversation,
      "gen_ai.usage.input_tokens": 90,
      "gen_ai.usage.output_tokens": 9,
    }),
    { type: "metric", name: "gen_ai.client.inference.usage.input_tokens", dataPoints: [] },
  ];

  test("its independent trace is found in the exporter's file: one run, its subagent's run below, one session", async () => {
    using home = scratch();
    home.write(".config/Code/User/settings.json", '{"github.copilot.chat.otel.outfile": "/home/dev/otel.jsonl"}');
    for (const end of [1, 3, 4, 6]) {
      home.write(
        "otel.jsonl",
        file
          .slice(0, end)
          .map((o) => `${JSON.stringify(o)}\n`)
          .join(""),
      );
      await syncCopilot(home);
    }
    const records = countedIn(home);
    expect(new Set(records.map((r) => r.session_id))).toEqual(new Set([SESSION]));
    expect(treeOf(records, SESSION)).toEqual([
      "invoke_agent",
      "  chat",
      "  execute_tool task",
      "    invoke_agent explore",
      "      chat",
    ]);
    expect(records.filter((r) => r.usage).map((r) => [r.operation, r.usage?.input_tokens])).toEqual([
      ["chat", 90],
      ["chat", 40],
    ]);
  });

  test("a subagent's run that its own log tells too is one run, in whichever file the spans are", async () => {
    const at = (second: number): string => new Date(1774864800000 + second * 1000).toISOString();
    const event = (second: number, type: string, data: object) => ({
      ...{ type, data, id: `e${second}`, timestamp: at(second), parentId: null, agentId: "a-1" },
    });
    const start = { sessionId: SESSION, version: 1, producer: "copilot-agent", copilotVersion: "1.0.102" };
    const agent = { toolCallId: "call_aaaaaaaaaaaaaaaaaaaa", agentName: "explore" };
    const log = [
      { ...event(0, "session.start", start), agentId: undefined },
      event(3, "subagent.started", agent),
      event(4, "subagent.completed", agent),
    ];
    for (const path of ["otel.jsonl", ".copilot/otel/x.jsonl"]) {
      using home = scratch();
      home.write(".config/Code/User/settings.json", '{"github.copilot.chat.otel.outfile": "/home/dev/otel.jsonl"}');
      const spans = file.filter((o) => JSON.stringify(o).includes("invoke_agent"));
      home.write(path, spans.map((o) => `${JSON.stringify(o)}\n`).join(""));
      home.write(`.copilot/session-state/${SESSION}/events.jsonl`, log.map((o) => `${JSON.stringify(o)}\n`).join(""));
      await syncCopilot(home, "copilot-cli");
      const told = countedIn(home).filter((r) => r.operation === "invoke_agent");
      expect(told.map((r) => [r.agent_name, r.stream, r.subagent?.name]).sort()).toEqual([
        [undefined, "otel_file", undefined],
        ["explore", "events", "explore"],
      ]);
    }
  });

  test("a file of its own that VS Code's settings name too stays the CLI's, failed requests and sums of calls as well", async () => {
    const chatSpan = (spanId: string, more: Record<string, unknown>, status = 0) => ({
      ...line(spanId, "b000000000000001", 1, { "gen_ai.operation.name": "chat", ...conversation, ...more }),
      status: { code: status },
    });
    const failed = chatSpan("b000000000000007", { "error.type": "ModelCallError" }, 2);
    const sum = chatSpan("b000000000000008", { "gen_ai.usage.input_tokens": 130, "gen_ai.request.stream": true });
    const lines = [failed, sum, ...file.filter((o) => JSON.stringify(o).includes(SESSION))];
    const told: string[][] = [];
    for (const settings of ["{}", '{"github.copilot.chat.otel.outfile": "/home/dev/.copilot/otel/x.jsonl"}']) {
      using home = scratch();
      home.write(".config/Code/User/settings.json", settings);
      home.write(".copilot/otel/x.jsonl", lines.map((o) => `${JSON.stringify(o)}\n`).join(""));
      await syncCopilot(home, "copilot-cli");
      const records = countedIn(home).filter((r) => r.session_id === SESSION);
      told.push(records.map((r) => `${r.agent} ${r.operation} ${r.span_id}`).sort());
    }
    expect(told[1]).toEqual(told[0]!);
    expect(told[0]!.filter((record) => / (?:chat|error) /.test(record))).toEqual([
      "copilot-cli chat b000000000000003",
      "copilot-cli error b000000000000007",
    ]);
  });
});

describe("Claude", () => {
  test("one run with its calls, tools and hooks below it, in the session that Claude Code has", () => {
    expect(runs(CLAUDE).map((r) => r.agent_name)).toEqual(["claude"]);
    const turn = ["  execute_hook PreToolUse", "  execute_tool Read", "  chat"];
    expect(treeOf(spans, CLAUDE)).toEqual([
      "invoke_agent claude",
      "  chat",
      ...turn,
      ...["  execute_hook PreToolUse", "  execute_tool Edit", "  chat"],
      ...["  execute_hook PreToolUse", "  execute_tool Bash", "  chat"],
    ]);
    expect(spans.filter((r) => r.session_id === CLAUDE && r.operation === "chat")[0]!.usage).toEqual({
      input_tokens: 9000,
      output_tokens: 200,
      cache_read_input_tokens: 8000,
      cache_creation_input_tokens: 500,
    });
  });
});

test("all producers together: seven runs, of eight spans that tell of runs", () => {
  expect(spans.filter((r) => r.operation === "invoke_agent")).toHaveLength(7);
  expect(spans.every((r) => r.parent_span_id === undefined || spans.some((p) => p.span_id === r.parent_span_id))).toBe(
    true,
  );
});
