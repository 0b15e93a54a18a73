/** Owns the proof that the texts of Copilot in VS Code stand where they belong, in each of its streams. */
import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../../src/record/json.ts";
import type { WeirRecord } from "../../../src/record/schema.ts";
import { type Files, type Told, tellOf, tellTextsOf } from "../../support/agent.ts";
import { archived, syncInto } from "../../support/archive.ts";
import { chat, openTraces, S1, toldIn, USER, WORKSPACE } from "../../support/copilot.ts";
import { tellTextsOfDocuments } from "../../support/documents.ts";
import { type Scratch, scratch } from "../../support/home.ts";

const EXTENSION = `${WORKSPACE}/GitHub.copilot-chat`;
const words = (content: string) => ({ type: "text", content });
const thought = (content: string) => ({ type: "reasoning", content });
const call = (id: string, name: string, given?: object) => ({
  type: "tool_call",
  id,
  name,
  ...(given && { arguments: given }),
});
const asked = (content: string) => ({ input_messages: [{ role: "user", parts: [words(content)] }] });
const answered = (...parts: object[]) => ({ output_messages: [{ role: "assistant", parts }] });
const of = (records: readonly WeirRecord[], operation: string) =>
  records.filter((record) => record.operation === operation).map(({ content }) => content as unknown);
/** The last telling of each record, in the archive's order. */
const contents = (told: Told, operation: string) => of(told.all, operation);
const json = JSON.stringify;

/** The same lines in one sync, and in a sync after each of them. */
async function bothWays(path: string, log: readonly JsonObject[], beside: Files = {}): Promise<Told> {
  const whole = await tellTextsOf("copilot-vscode", { ...beside, [path]: log });
  const steps = log.map((line) => ({ [path]: [line] }));
  const grown = await tellTextsOf("copilot-vscode", { ...beside, ...steps[0] }, ...steps.slice(1));
  const shown = ({ all }: Told) => all.map(({ operation, content }) => [operation, content]).sort();
  expect(shown(grown)).toEqual(shown(whole));
  const bare = await tellOf("copilot-vscode", { ...beside, [path]: log });
  expect(json(bare.all)).not.toMatch(/"(?:content|raw)":/);
  expect(bare.all.map(({ id }) => id)).toEqual(whole.all.map(({ id }) => id));
  return whole;
}

const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
const session = { "copilot_chat.chat_session_id": S1 };
const run = {
  "gen_ai.operation.name": "invoke_agent",
  "gen_ai.agent.name": "GitHub Copilot Chat",
  "gen_ai.output.messages": json([{ role: "assistant", parts: [words("It is fixed.")] }]),
  "gen_ai.tool.definitions": json([{ type: "function", name: "read_file", description: "Reads." }]),
  ...session,
};
const answer = chat(10, 5, {
  "gen_ai.input.messages": json([{ role: "user", parts: [words("Fix it.")] }]),
  "gen_ai.output.messages": json([
    {
      role: "assistant",
      parts: [{ ...call("c1", "read_file"), arguments: '{"path":"a.ts"}' }],
      finish_reason: "tool_calls",
    },
  ]),
  "gen_ai.system_instructions": json([words("Be brief.")]),
  "copilot_chat.reasoning_content": "Where is it?",
  ...session,
});
const tool = {
  "gen_ai.operation.name": "execute_tool",
  "gen_ai.tool.name": "read_file",
  "gen_ai.tool.call.id": "call_0123456789abcdef",
  "gen_ai.tool.call.arguments": '{"path":"a.ts"}',
  "gen_ai.tool.call.result": "line one",
  ...session,
};
const answerContent = {
  ...asked("Fix it."),
  output_messages: [
    {
      role: "assistant",
      parts: [thought("Where is it?"), call("c1", "read_file", { path: "a.ts" })],
      finish_reason: "tool_calls",
    },
  ],
  system_instructions: [words("Be brief.")],
};
const id = (n: number): string => `a${String(n).padStart(15, "0")}`;

describe("trace database", () => {
  const sync = async (home: Scratch, level?: "content" | "raw", again = false): Promise<WeirRecord[]> => {
    const capture = level && { level, limit: 0, again };
    const summary = await syncInto(home.data, home.home, { capture });
    expect(summary).toMatchObject({ quarantined: [], unreadable: [], unknown: {} });
    return toldIn(home);
  };

  test("calls, tools, hooks and runs have what their attributes and events hold", async () => {
    using home = scratch();
    using db = openTraces(home);
    db.put(
      { id: id(1), attributes: run },
      { id: id(2), parent: id(1), start: 1, attributes: answer },
      { id: id(3), parent: id(1), start: 2, attributes: tool },
      {
        id: id(4),
        parent: id(1),
        start: 3,
        status: 2,
        attributes: { ...tool, "gen_ai.tool.call.result": "ERROR: no such file" },
      },
      {
        id: id(5),
        parent: id(1),
        start: 4,
        attributes: {
          "gen_ai.operation.name": "execute_hook",
          "copilot_chat.hook_type": "PreToolUse",
          "copilot_chat.hook_input": '{"tool":"read_file"}',
          "copilot_chat.hook_output": "go on",
          ...session,
        },
      },
      { id: id(6), parent: id(1), start: 5, status: 2, attributes: chat(0, 0, { ...session }) },
      { id: id(7), start: 6, attributes: chat(1, 1, { "copilot_chat.user_request": "A title, please." }) },
      {
        id: id(8),
        start: 7,
        attributes: chat(2, 1, { "gen_ai.prompt": "Old words.", "gen_ai.completion": "An old answer." }),
      },
      {
        id: id(9),
        parent: id(1),
        start: 8,
        attributes: { "gen_ai.operation.name": "content_event", "copilot_chat.markdown_content": "It is" },
      },
    );
    const event = (span: string, name: string, attributes: object): string =>
      `INSERT INTO span_events (span_id, name, timestamp_ms, attributes) VALUES ('${span}', '${name}', 1, '${json(attributes)}')`;
    db.run(event(id(1), "user_message", { content: "Fix it." }))
      .run(event(id(6), "exception", { "exception.message": "net::ERR" }))
      .run(`UPDATE spans SET status_message = 'File not found' WHERE span_id = '${id(4)}'`);
    const records = await sync(home, "raw");
    const content = (n: number) => records.find((record) => record.span_id === id(n))?.content as unknown;
    expect(content(1)).toEqual({
      ...asked("Fix it."),
      ...answered(words("It is fixed.")),
      tool_definitions: [{ type: "function", name: "read_file", description: "Reads." }],
    });
    expect(content(2)).toEqual(answerContent);
    expect(content(3)).toEqual({ tool_arguments: { path: "a.ts" }, tool_result: "line one" });
    expect(content(4)).toEqual({
      tool_arguments: { path: "a.ts" },
      tool_result: "ERROR: no such file",
      error_message: "File not found",
    });
    expect(content(5)).toEqual({ tool_arguments: { tool: "read_file" }, tool_result: "go on" });
    expect(content(6)).toEqual({ error_message: "net::ERR" });
    expect(content(7)).toEqual(asked("A title, please."));
    expect(content(8)).toEqual({ ...asked("Old words."), ...answered(words("An old answer.")) });
    expect(content(9)).toEqual(answered(words("It is")));
    const raw = JSON.parse(records.find((record) => record.span_id === id(3))?.raw ?? "");
    expect(raw).toMatchObject({ trace_id: trace, span_id: id(3), tool_name: "read_file", events: [] });
    expect(raw.attributes).toEqual({ ...tool, "gen_ai.tool.call.arguments": { path: "a.ts" } });
  });

  test("an attribute that was cut at 64,000 characters keeps the metadata right and its texts, marked", async () => {
    using home = scratch();
    using db = openTraces(home);
    const cutAt = (text: string, size = 64_000): string => {
      const ending = `...[truncated, original ${text.length} chars]`;
      return text.slice(0, size - ending.length) + ending;
    };
    const long = "x".repeat(70_000);
    const messages = json([
      { role: "user", parts: [words("first")] },
      { role: "user", parts: [words(long)] },
    ]);
    db.put(
      { id: id(1), attributes: chat(10, 5, { "gen_ai.input.messages": cutAt(messages), ...session }) },
      {
        id: id(2),
        start: 1,
        attributes: {
          ...tool,
          "gen_ai.tool.call.arguments": cutAt(json({ path: "a.ts", text: long })),
          "gen_ai.tool.call.result": cutAt(long),
        },
      },
      { id: id(3), start: 2, attributes: chat(20, 5, { "gen_ai.output.messages": messages.slice(0, 64_000) }) },
    );
    const records = await sync(home, "content");
    const [first, used, last] = records;
    expect(first).toMatchObject({ operation: "chat", usage: { input_tokens: 10, output_tokens: 5 }, session_id: S1 });
    expect(first?.content?.input_messages?.[0]).toEqual({ role: "user", parts: [words("first")] });
    const [kept, mark] = first?.content?.input_messages?.[1]?.parts ?? [];
    expect(String(kept?.content)).toMatch(/^x{63000,64000}$/);
    expect(String(mark?.content)).toMatch(/^\[cut: \d{4} characters\]$/);
    expect(used?.content).toMatchObject({
      tool_arguments: { path: "a.ts", "[cut]": expect.stringMatching(/^\[cut: \d+ characters\]$/) },
      tool_result: expect.stringMatching(/^x{63000,}… \[cut: \d+ characters\]$/),
    });
    expect(last?.content?.output_messages?.[1]?.parts[1]).toEqual(words("[cut]"));
  });

  test("no text is told without capture, and a recapture tells again what is still there", async () => {
    using home = scratch();
    using db = openTraces(home);
    db.put({ id: id(1), attributes: answer }, { id: id(2), parent: id(1), start: 1, attributes: tool });
    const bare = await sync(home);
    expect(json(bare)).not.toMatch(/Fix it|Be brief|line one/);
    expect(await sync(home, "content")).toEqual(bare);
    const told = await sync(home, "content", true);
    expect(told.map(({ content }) => content as unknown)).toEqual([
      answerContent,
      { tool_arguments: { path: "a.ts" }, tool_result: "line one" },
    ]);
    expect(told.map(({ content, rev, ...rest }) => rest)).toEqual(bare.map(({ rev, ...rest }) => rest));
    expect(await sync(home, "content", true)).toEqual(told);
    db.put({ id: id(3), trace: "b".repeat(32), start: 2, attributes: { ...answer, "gen_ai.usage.input_tokens": 11 } });
    expect(of(await sync(home, "content"), "chat")).toEqual([answerContent, answerContent]);
    expect(archived(home.data)).toHaveLength(5);
  });
});

test("traces of which few fit into memory are all told, each with its texts", async () => {
  using home = scratch();
  using db = openTraces(home);
  const traces = ["b", "c", "d", "e"].map((letter) => letter.repeat(32));
  for (const [n, trace] of traces.entries()) {
    const result = `${n}${"x".repeat(6_000_000)}`;
    db.put({ id: id(n), trace, start: n, attributes: { ...tool, "gen_ai.tool.call.result": result } });
  }
  await syncInto(home.data, home.home, { capture: { level: "content", limit: 1000 } });
  const results = of(archived(home.data), "execute_tool").map((content) => (content as JsonObject).tool_result);
  expect(results.map((result) => String(result).slice(0, 2))).toEqual(["0x", "1x", "2x", "3x"]);
});

describe("exporter's file", () => {
  const at = (ms: number): [number, number] => [1774864800, ms * 1e6];
  const span = (n: number, attributes: JsonObject, more: JsonObject = {}) => ({
    traceId: trace,
    spanId: id(n),
    name: "x",
    startTime: at(n),
    endTime: at(n + 1),
    attributes,
    status: { code: 0 },
    events: [],
    ...more,
  });
  const settings = { [`${USER}/settings.json`]: json({ "github.copilot.chat.otel.outfile": "/home/dev/otel.jsonl" }) };
  const below = (n: number) => ({ parentSpanContext: { spanId: id(n) } });
  const details = (more: JsonObject) => ({
    hrTime: at(9),
    spanContext: { traceId: trace, spanId: id(1) },
    attributes: {
      "event.name": "gen_ai.client.inference.operation.details",
      "gen_ai.usage.input_tokens": 7,
      ...more,
    },
    _body: "x",
  });

  test("spans have their texts, those that wait for their parent too", async () => {
    const hook = {
      "gen_ai.operation.name": "execute_hook",
      "copilot_chat.hook_type": "Stop",
      "copilot_chat.hook_input": '{"a":1}',
    };
    const told = await bothWays(
      "otel.jsonl",
      [
        span(2, answer, below(1)),
        span(3, hook, below(1)),
        span(4, tool, { ...below(1), status: { code: 2, message: "File not found" } }),
        span(1, run, { events: [{ name: "user_message", time: at(1), attributes: { content: "Fix it." } }] }),
      ],
      settings,
    );
    expect(contents(told, "chat")).toEqual([answerContent]);
    expect(contents(told, "execute_hook")).toEqual([{ tool_arguments: { a: 1 } }]);
    expect(contents(told, "execute_tool")).toEqual([
      { tool_arguments: { path: "a.ts" }, tool_result: "line one", error_message: "File not found" },
    ]);
    expect(contents(told, "invoke_agent")).toMatchObject([asked("Fix it.")]);
    const raws = told.all.map(({ span_id, raw }) => [span_id, raw && JSON.parse(raw).spanId]);
    expect(raws.sort()).toEqual([
      [id(1), id(1)],
      [id(2), id(2)],
      [id(3), undefined],
      [id(4), id(4)],
    ]);
  });

  test("a log record tells the texts of a call whose span was lost", async () => {
    const told = await bothWays(
      "otel.jsonl",
      [details({ "gen_ai.input.messages": '[{"role":"user","content":"Fix it."}]' }), {}],
      settings,
    );
    expect(contents(told, "chat")).toEqual([asked("Fix it.")]);
  });
});

describe("debug log", () => {
  const entry = (type: string, ts: number, spanId: string, attrs: JsonObject, more: JsonObject = {}) => ({
    ...{ ts, dur: 0, sid: S1, type, name: type, spanId, status: "ok", attrs },
    ...more,
  });
  const messages = (content: string) => json([{ role: "user", parts: [words(content)] }]);

  test("calls have what they were asked and, from an entry of its own, what they answered", async () => {
    const told = await bothWays(`${EXTENSION}/debug-logs/${S1}/main.jsonl`, [
      entry("user_message", 1, "1", { content: "Fix it." }),
      entry("llm_request", 2, "2", { inputTokens: 5, outputTokens: 1, inputMessages: messages("Fix it.") }),
      entry("agent_response", 3, "agent-msg-2", { response: json(answered(words("Done.")).output_messages) }),
      entry("agent_response", 3, "agent-msg-2", { response: json(answered(words("Again.")).output_messages) }),
      entry("llm_request", 4, "4", { userRequest: "And now?", error: "net::ERR" }, { status: "error" }),
      entry("agent_response", 5, "agent-msg-9", { response: json(answered(words("Another's.")).output_messages) }),
      entry("llm_request", 6, "6", {
        inputTokens: 6,
        outputTokens: 1,
        inputMessages: `${messages("y".repeat(5000)).slice(0, 5000)}[truncated]`,
      }),
      entry("tool_call", 7, "7", { args: '{"path":"a.ts"}', result: "line one" }),
      entry("hook", 8, "8", { command: "x", input: "{}", error: "exit 1" }, { status: "error" }),
      entry("error", 9, "9", { error: "It broke." }, { status: "error" }),
    ]);
    expect(contents(told, "user_message")).toEqual([asked("Fix it.")]);
    const [first, failed, cut] = contents(told, "chat");
    expect([first, failed]).toEqual([
      { ...asked("Fix it."), ...answered(words("Done.")) },
      { ...asked("And now?"), error_message: "net::ERR" },
    ]);
    expect(cut).toMatchObject({ input_messages: [{ role: "user", parts: [{ type: "text" }, words("[cut]")] }] });
    expect(contents(told, "execute_tool")).toEqual([{ tool_arguments: { path: "a.ts" }, tool_result: "line one" }]);
    expect(contents(told, "execute_hook")).toEqual([{ tool_arguments: {}, error_message: "exit 1" }]);
    expect(contents(told, "error")).toEqual([{ error_message: "It broke." }]);
  });
});

describe("transcript", () => {
  const line = (type: string, second: number, data: JsonObject) => ({
    ...{ type, data, id: `${type}-${second}`, parentId: null },
    timestamp: new Date(1774864800000 + second * 1000).toISOString(),
  });

  test("what was typed, and what tools were given and gave back, stands in their records", async () => {
    const told = await bothWays(`${EXTENSION}/transcripts/${S1}.jsonl`, [
      line("session.start", 0, { sessionId: S1, producer: "copilot-agent" }),
      line("user.message", 1, { content: "Fix it.", attachments: [] }),
      line("tool.execution_start", 2, { toolCallId: "call_A1", toolName: "read_file", arguments: { path: "a.ts" } }),
      line("tool.execution_complete", 3, { toolCallId: "call_A1", success: true, result: { content: "line one" } }),
      line("tool.execution_start", 4, { toolCallId: "call_A2", toolName: "run", arguments: { command: "make" } }),
      line("tool.execution_complete", 5, { toolCallId: "call_A2", success: false, result: "no make" }),
      line("assistant.turn_start", 6, { turnId: "1.1" }),
      line("assistant.message", 7, {
        toolRequests: [{ toolCallId: "call_A3", name: "list", arguments: '{"path":"/w"}', type: "function" }],
      }),
    ]);
    expect(contents(told, "user_message")).toEqual([asked("Fix it.")]);
    expect(contents(told, "execute_tool")).toEqual([
      { tool_arguments: { path: "a.ts" }, tool_result: "line one" },
      { tool_arguments: { command: "make" }, tool_result: "no make", error_message: "no make" },
      { tool_arguments: { path: "/w" } },
    ]);
  });
});

describe("chat session", () => {
  const toolShown = { kind: "toolInvocationSerialized", toolCallId: "call_A1", toolId: "copilot_readFile" };
  const request = {
    requestId: "r1",
    timestamp: 1774865100000,
    message: { text: "Fix it.", parts: [] },
    response: [
      { kind: "thinking", value: "Where is it?" },
      { value: "It is in " },
      { kind: "inlineReference", name: "a.ts", inlineReference: {} },
      { value: ", I think." },
      toolShown,
      {
        kind: "toolInvocationSerialized",
        toolCallId: "call_A2",
        toolId: "mcp",
        resultDetails: {
          ...{ input: '{"q":1}', output: [{ type: "embed", isText: true, value: "two" }] },
        },
      },
      { kind: "textEditGroup", edits: [] },
      { kind: "markdownContent", content: { value: "Done." } },
    ],
    result: {
      metadata: {
        toolCallRounds: [
          { toolCalls: [{ id: "call_A1__vscode-17", name: "read_file", arguments: '{"path":"a.ts"}' }] },
        ],
        toolCallResults: { "call_A1__vscode-17": { content: [{ value: "line one" }, { value: "line two" }] } },
      },
    },
    modelState: { value: 1, completedAt: 1774865101000 },
  };
  const failed = {
    ...{ requestId: "r2", timestamp: 1774865200000, message: "And now?", response: [] },
    result: { errorDetails: { code: "quotaExceeded", message: "No more today." } },
  };
  const beginning = { version: 3, sessionId: "s", creationDate: 1774865000000 };
  const said = {
    user_message: [asked("Fix it."), asked("And now?")],
    invoke_agent: [
      answered(
        thought("Where is it?"),
        words("It is in a.ts, I think."),
        call("call_A1", "read_file", { path: "a.ts" }),
        call("call_A2", "mcp", { q: 1 }),
        words("Done."),
      ),
      { error_message: "No more today." },
    ],
    execute_tool: [
      { tool_arguments: { path: "a.ts" }, tool_result: "line one\nline two" },
      { tool_arguments: { q: 1 }, tool_result: "two" },
    ],
  };

  test("requests have what was typed, their runs what was shown, their tools what they were given and gave back", async () => {
    const path = `${WORKSPACE}/chatSessions/s.json`;
    const whole = { ...beginning, requests: [request, failed] };
    const grown = {
      ...beginning,
      requests: [{ ...request, response: request.response.slice(0, 2), result: undefined }],
    };
    for (const told of [
      await tellTextsOfDocuments("copilot-vscode", { [path]: whole }),
      await tellTextsOfDocuments("copilot-vscode", { [path]: grown }, { [path]: whole }),
    ]) {
      for (const [operation, texts] of Object.entries(said)) expect(contents(told, operation)).toEqual(texts);
      const raw = (operation: string) => JSON.parse(told.all.find((one) => one.operation === operation)?.raw ?? "");
      expect(raw("session")).toEqual(beginning);
      expect(raw("user_message").message).toEqual(request.message);
      expect(raw("invoke_agent")).toMatchObject({ response: request.response });
      expect(raw("execute_tool")).toMatchObject({ id: "call_A1__vscode-17" });
    }
  });

  test("a log of patches tells the same, in however many syncs it comes", async () => {
    const told = await bothWays(`${WORKSPACE}/chatSessions/s.jsonl`, [
      { kind: 0, v: { ...beginning, requests: [] } },
      { kind: 2, k: ["requests"], v: [{ ...request, response: [], result: undefined, modelState: { value: 0 } }] },
      { kind: 2, k: ["requests", 0, "response"], v: request.response },
      { kind: 1, k: ["requests", 0, "result"], v: request.result },
      { kind: 1, k: ["requests", 0, "modelState"], v: request.modelState },
      { kind: 2, k: ["requests"], v: [failed] },
    ]);
    for (const [operation, texts] of Object.entries(said)) expect(contents(told, operation)).toEqual(texts);
  });
});
