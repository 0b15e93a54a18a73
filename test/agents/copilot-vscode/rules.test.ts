/** Owns the proof of the smaller rules: whose a span is, what its attributes become, which databases are taken for what. */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { WeirRecord } from "../../../src/record/schema.ts";
import { archived } from "../../support/archive.ts";
import {
  chat,
  countedIn,
  DATABASE,
  type MadeSpan,
  NOON,
  openTraces,
  S1,
  SUB,
  syncCopilot,
  toldIn,
  USER,
  WORKSPACE,
} from "../../support/copilot.ts";
import { type Scratch, scratch } from "../../support/home.ts";
import { weir } from "../../support/weir.ts";

const TOOL = { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "read_file" };
const RUN = { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "GitHub Copilot Chat" };
const inSession = (session: string) => ({ "copilot_chat.chat_session_id": session });

async function told(...spans: readonly MadeSpan[]): Promise<Record<string, WeirRecord>> {
  using place = scratch({ fast: true });
  openTraces(place)
    .put(...spans)
    [Symbol.dispose]();
  await syncCopilot(place);
  return Object.fromEntries(toldIn(place).map((record) => [record.span_id, record]));
}

describe("the session of a span", () => {
  const id = (n: number): string => `c${String(n).padStart(15, "0")}`;

  test("is what it names, in the order of the names' worth", async () => {
    const records = await told(
      {
        id: id(1),
        trace: "1",
        attributes: {
          ...TOOL,
          ...inSession("own"),
          "copilot_chat.parent_chat_session_id": "p",
          "copilot_chat.session_id": "old",
        },
      },
      {
        id: id(2),
        trace: "2",
        attributes: { ...TOOL, "copilot_chat.parent_chat_session_id": "p", "copilot_chat.session_id": "old" },
      },
      {
        id: id(3),
        trace: "3",
        attributes: { ...TOOL, "copilot_chat.session_id": "old", "gen_ai.conversation.id": "c" },
      },
      { id: id(4), trace: "4", attributes: { ...RUN, "gen_ai.conversation.id": "c" } },
      { id: id(5), trace: "5", attributes: chat(1, 1, { "gen_ai.conversation.id": "a request" }) },
    );
    expect([1, 2, 3, 4, 5].map((n) => records[id(n)]!.session_id)).toEqual(["own", "p", "old", "c", undefined]);
    expect(records[id(1)]!.parent_session_id).toBe("p");
  });

  test("is that of the spans below the same parent while the parent has yet to end", async () => {
    const records = await told(
      { id: id(1), parent: id(9), attributes: chat(1, 1, inSession(S1)) },
      { id: id(2), parent: id(9), start: 1, attributes: TOOL },
      { id: id(3), parent: id(2), start: 2, attributes: chat(1, 1) },
      { id: id(4), parent: id(8), start: 3, attributes: chat(1, 1, inSession(SUB)) },
      { id: id(5), parent: id(8), start: 4, attributes: TOOL },
    );
    expect([2, 3, 5].map((n) => records[id(n)]!.session_id)).toEqual([S1, S1, SUB]);
  });

  test("is the only one that its trace knows, but of a helper never", async () => {
    const records = await told(
      { id: id(1), attributes: chat(1, 1, inSession(S1)) },
      { id: id(2), start: 1, attributes: TOOL },
      { id: id(3), start: 2, attributes: chat(1, 1, { "copilot_chat.parent_chat_session_id": S1 }) },
      { id: id(4), trace: "2", attributes: chat(1, 1, inSession(S1)) },
      { id: id(5), trace: "2", start: 1, attributes: chat(1, 1, inSession(SUB)) },
      { id: id(6), trace: "2", start: 2, attributes: TOOL },
    );
    expect([2, 3, 6].map((n) => records[id(n)]!.session_id)).toEqual([S1, undefined, undefined]);
    expect(records[id(3)]!.parent_session_id).toBe(S1);
  });

  test("is found in a trace of thousands of spans that hang below each other, or below nothing, in a moment", async () => {
    const deep = Array.from({ length: 20_000 }, (_, n) => ({
      id: id(n),
      parent: id(n + 1),
      start: n,
      attributes: TOOL,
    }));
    const wide = Array.from({ length: 20_000 }, (_, n) => ({
      id: id(50_000 + n),
      trace: "w",
      parent: id(99_999),
      attributes: { ...TOOL, ...inSession(S1) },
    }));
    using place = scratch({ fast: true });
    openTraces(place)
      .run("BEGIN")
      .put(...deep, { id: id(20_000), start: 1, attributes: { ...RUN, ...inSession(S1) } }, ...wide)
      .run("COMMIT")
      [Symbol.dispose]();
    const before = performance.now();
    await syncCopilot(place);
    expect(performance.now() - before).toBeLessThan(15_000);
    expect(toldIn(place).every((record) => record.session_id === S1)).toBe(true);
  });
});

test("a subagent whose link was lost is a trace of its own, and still has its spawner", async () => {
  const spawned = {
    ...inSession(SUB),
    "copilot_chat.parent_chat_session_id": S1,
    "copilot_chat.debug_log_label": "runSubagent-Explore",
  };
  const records = await told(
    { id: "d000000000000001", trace: "9", end: 9, attributes: { ...RUN, "gen_ai.agent.name": "Explore", ...spawned } },
    { id: "d000000000000002", trace: "9", parent: "d000000000000001", attributes: chat(4, 1, inSession(SUB)) },
  );
  for (const record of Object.values(records)) expect([record.session_id, record.parent_session_id]).toEqual([SUB, S1]);
  expect(records.d000000000000001!.attributes).toEqual({ "copilot_chat.debug_log_label": "runSubagent-Explore" });
});

/** Every attribute that the extension is known to write, with a value as its database holds it. */
const KNOWN: Readonly<Record<string, string>> = {
  "copilot_chat.canceled": "true",
  "copilot_chat.chat_session_id": S1,
  "copilot_chat.copilot_usage_nano_aiu": "310000000",
  "copilot_chat.debug_log_label": "title",
  "copilot_chat.hook_command": "secret.sh",
  "copilot_chat.hook_exit_code": "2",
  "copilot_chat.hook_input": "secret",
  "copilot_chat.hook_output": "secret",
  "copilot_chat.hook_result_kind": "non_blocking_error",
  "copilot_chat.hook_type": "PreToolUse",
  "copilot_chat.location": "panel",
  "copilot_chat.mode_name": "agent",
  "copilot_chat.parent_chat_session_id": SUB,
  "copilot_chat.reasoning_content": "secret",
  "copilot_chat.repo.head_branch_name": "main",
  "copilot_chat.repo.head_commit_hash": "0123abc",
  "copilot_chat.repo.remote_url": "https://user:secret@example.com/a/b.git",
  "copilot_chat.request.max_prompt_tokens": "128000",
  "copilot_chat.request.options": "secret",
  "copilot_chat.request.shape": "secret",
  "copilot_chat.server_request_id": "7d9514c7-f619-4699-ab3b-8b4bbf86e2aa",
  "copilot_chat.session_id": S1,
  "copilot_chat.time_to_first_token": "812",
  "copilot_chat.total_cost_usd": "0.25",
  "copilot_chat.turn.index": "0",
  "copilot_chat.turn_count": "3",
  "copilot_chat.user_request": "secret",
  "error.type": "timeout",
  "gen_ai.agent.name": "panel/editAgent",
  "gen_ai.conversation.id": S1,
  "gen_ai.embeddings.input_count": "4",
  "gen_ai.input.messages": "secret",
  "gen_ai.operation.name": "chat",
  "gen_ai.output.messages": "secret",
  "gen_ai.provider.name": "github",
  "gen_ai.request.max_tokens": "16384",
  "gen_ai.request.model": "gpt-4.1",
  "gen_ai.request.stream": "true",
  "gen_ai.request.temperature": "0.1",
  "gen_ai.request.top_p": "1",
  "gen_ai.response.finish_reasons": '["stop","stop"]',
  "gen_ai.response.id": "7d9514c7-f619-4699-ab3b-8b4bbf86e2aa",
  "gen_ai.response.model": "gpt-4.1-2025-04-14",
  "gen_ai.response.time_to_first_chunk": "0.8",
  "gen_ai.system_instructions": "secret",
  "gen_ai.tool.call.arguments": "secret",
  "gen_ai.tool.call.id": "",
  "gen_ai.tool.call.result": "ERROR: secret",
  "gen_ai.tool.definitions": "secret",
  "gen_ai.tool.description": "Reads a file",
  "gen_ai.tool.name": "read_file",
  "gen_ai.tool.type": "function",
  "gen_ai.usage.cache_creation.input_tokens": "5",
  "gen_ai.usage.cache_read.input_tokens": "10",
  "gen_ai.usage.input_tokens": "100",
  "gen_ai.usage.output_tokens": "20",
  "gen_ai.usage.reasoning.output_tokens": "7",
  "gen_ai.usage.reasoning_tokens": "7",
  "github.copilot.agent.type": "builtin",
  "github.copilot.auto_mode": "true",
  "github.copilot.git.branch": "main",
  "github.copilot.git.commit_sha": "0123abc",
  "github.copilot.git.repository": "https://example.com/a/b.git",
  "github.copilot.github.org": "secret",
  "github.copilot.hook.decision": "block",
  "github.copilot.hook.duration": "12",
  "github.copilot.hook.tool_names": "secret",
  "github.copilot.hook.type": "preToolUse",
  "github.copilot.tool.parameters.command": "secret",
  "github.copilot.tool.parameters.edit_type": "replace",
  "github.copilot.tool.parameters.file_path": "secret",
  "github.copilot.tool.parameters.mcp_server_name": "secret",
  "github.copilot.tool.parameters.mcp_server_name_hash": "9f86d08",
  "github.copilot.tool.parameters.mcp_tool_name": "secret",
  "github.copilot.tool.parameters.skill_name": "secret",
  "host.name": "secret",
  "process.user.name": "secret",
  "server.address": "api.example.com",
  "user.name": "secret",
};

test("no attribute that the extension is known to write is unknown, and none of its texts is kept", async () => {
  using place = scratch({ fast: true });
  using traces = openTraces(place);
  traces.put({ id: "e000000000000001", attributes: KNOWN });
  traces.put({
    id: "e000000000000002",
    start: 1,
    attributes: { ...KNOWN, "gen_ai.operation.name": "execute_tool", "x.new": "secret" },
  });
  const summary = await syncCopilot(place);
  expect(summary.unknown).toEqual({ "copilot-vscode/otel_traces: attribute x.new": 1 });
  expect(JSON.stringify(archived(place.data))).not.toContain("secret");
  const [call, tool] = toldIn(place);
  expect(call).toMatchObject({
    usage: {
      input_tokens: 100,
      output_tokens: 20,
      cache_read_input_tokens: 10,
      cache_creation_input_tokens: 5,
      reasoning_output_tokens: 7,
    },
    finish_reasons: ["stop"],
    ttft_ms: 812,
    branch: "main",
    error_type: "timeout",
    attributes: {
      "copilot_chat.canceled": true,
      "copilot_chat.copilot_usage_nano_aiu": 310000000,
      "gen_ai.request.max_tokens": 16384,
      "gen_ai.request.stream": true,
      "gen_ai.request.temperature": 0.1,
      "server.address": "api.example.com",
    },
  });
  expect(tool!.tool).toEqual({ name: "read_file", type: "function" });
});

test("spans of the debug panel without an operation are known by their names", async () => {
  using place = scratch({ fast: true });
  using traces = openTraces(place);
  const names = ["content_event", "user_message", "core_event", "permission"];
  traces.put(...names.map((name, n) => ({ id: `f00000000000000${n}`, name, start: n })));
  await syncCopilot(place);
  expect(toldIn(place).map((record) => record.name)).toEqual(names);
  expect(countedIn(place).map((record) => record.name)).toEqual(["permission"]);
});

test("a call whose cached part is larger than its input is told as it is, and noted", async () => {
  using place = scratch({ fast: true });
  using traces = openTraces(place);
  traces.put({ id: "e100000000000001", attributes: chat(10, 1, { "gen_ai.usage.cache_read.input_tokens": 50 }) });
  expect((await syncCopilot(place)).unknown).toEqual({
    "copilot-vscode/otel_traces: usage whose cached part is larger than its input": 1,
  });
  expect(toldIn(place)[0]!.usage).toEqual({ input_tokens: 10, output_tokens: 1, cache_read_input_tokens: 50 });
});

describe("a database", () => {
  const at = (place: Scratch): readonly string[] => [
    "--home",
    place.home,
    "--data-dir",
    place.data,
    "--agent",
    "copilot-vscode",
  ];
  const other = DATABASE.replace("/Code/", "/VSCodium/");

  test("with other tables, busy or damaged is named, the others go on, exit 3, and the next run catches up", async () => {
    using place = scratch();
    using traces = openTraces(place);
    traces.put({ id: "a000000000000001", attributes: chat(1, 1) });
    const path = join(place.home, other);
    mkdirSync(dirname(path), { recursive: true });
    const make = (sql: string): Database => {
      const db = new Database(path, { create: true });
      db.run(sql);
      return db;
    };
    for (const [name, prepare, reason] of [
      [
        "foreign",
        () => make("CREATE TABLE IF NOT EXISTS something (a)").close(),
        /VSCodium.*of no known layout \(tables something\)/,
      ],
      [
        "newer",
        () => make("CREATE TABLE spans (span_id TEXT, uuid TEXT)").close(),
        /VSCodium.*of no known layout \(.*\)/,
      ],
      ["damaged", () => writeFileSync(path, "x".repeat(8192)), /VSCodium.*damaged/],
    ] as const) {
      prepare();
      for (let times = 0; times < 2; times++) {
        const { status, stderr } = weir(["sync", ...at(place)]);
        expect([name, status]).toEqual([name, 3]);
        expect(stderr).toMatch(reason);
      }
    }
    writeFileSync(path, "");
    openTraces(place, other).run("SELECT 1");
    using lost = new Database(path);
    lost.run("CREATE TABLE t (a)");
    const busy = new Database(path);
    busy.run("BEGIN EXCLUSIVE; INSERT INTO t VALUES (1)");
    const held = weir(["sync", ...at(place)]);
    expect(held.status).toBe(3);
    busy.run("ROLLBACK");
    busy.close();
    expect(archived(place.data)).toHaveLength(1);
  });

  test("of a later version whose tables fit is read, with a word of it; one without tables, or of no bytes, is silence", async () => {
    using place = scratch({ fast: true });
    using traces = openTraces(place);
    traces.run("UPDATE schema_version SET version = 9").put({ id: "a000000000000001", attributes: chat(1, 1) });
    place.write(other, "");
    const summary = await syncCopilot(place);
    expect([summary.records.added, summary.unreadable, summary.unknown]).toEqual([
      1,
      [],
      { "copilot-vscode/otel_traces: schema version 9": 1 },
    ]);
    traces.put({ id: "a000000000000002", attributes: chat(1, 1) });
    expect((await syncCopilot(place)).unknown).toEqual({});
  });
});

describe("chat sessions", () => {
  test("of early editions, whose requests have no ids, are told, once", async () => {
    using place = scratch({ fast: true });
    const path = `${WORKSPACE}/chatSessions/${S1}.json`;
    const request = (timestamp: number) => ({
      timestamp,
      message: { text: "x" },
      response: [],
      result: { timings: { totalElapsed: 5 } },
    });
    place.write(path, JSON.stringify({ version: 1, sessionId: S1, requests: [request(NOON), request(NOON + 5)] }));
    await syncCopilot(place);
    place.write(
      path,
      JSON.stringify({ version: 1, sessionId: S1, requests: [request(NOON), request(NOON + 5), request(NOON + 9)] }),
    );
    await syncCopilot(place);
    const counted = countedIn(place);
    expect(counted.filter((record) => record.operation === "user_message").map((record) => record.turn)).toEqual([
      0, 1, 2,
    ]);
    expect(counted.filter((record) => record.operation === "invoke_agent")).toHaveLength(3);
  });

  test("whose last patch is torn are read up to it, and whole when it is", async () => {
    using place = scratch({ fast: true });
    const path = `${WORKSPACE}/chatSessions/${S1}.jsonl`;
    const first = JSON.stringify({
      kind: 0,
      v: { version: 3, sessionId: S1, requests: [{ requestId: "r", timestamp: NOON }] },
    });
    const second = JSON.stringify({ kind: 1, k: ["requests", 0, "promptTokens"], v: 7 });
    place.write(path, `${first}\n${second.slice(0, 20)}`);
    const usage = () => countedIn(place).find((record) => record.operation === "invoke_agent")?.usage;
    await syncCopilot(place);
    expect(usage()).toBeUndefined();
    place.write(path, `${first}\n${second}\n`);
    await syncCopilot(place);
    expect(usage()).toEqual({ input_tokens: 7 });
  });
});

test("one transcript in two workspaces is one session", async () => {
  using place = scratch({ fast: true });
  const line = (type: string, id: string, data: object) =>
    `${JSON.stringify({ type, data, id, timestamp: new Date(NOON).toISOString(), parentId: null })}\n`;
  const text =
    line("session.start", "s", {
      sessionId: S1,
      version: 1,
      producer: "copilot-agent",
      startTime: new Date(NOON).toISOString(),
    }) + line("user.message", "u", { content: "x" });
  for (const workspace of ["one", "two"])
    place.write(`${USER}/workspaceStorage/${workspace}/GitHub.copilot-chat/transcripts/${S1}.jsonl`, text);
  await syncCopilot(place);
  expect(
    countedIn(place)
      .map((record) => record.operation)
      .sort(),
  ).toEqual(["session", "user_message"]);
});
