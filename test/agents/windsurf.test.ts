/** Owns the proof that Windsurf's steps are told once, whether its transcripts grow or are written anew. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { figuresOf, syncHome, type Told, toldIn } from "../support/agent.ts";
import { operationsOf, tellOfDocuments, tellTextsOfDocuments } from "../support/documents.ts";
import { scratch } from "../support/home.ts";
import { agentRoots } from "../support/places.ts";
import { assistantSays, userSays } from "../support/texts.ts";

const fixture = join(import.meta.dir, "../../fixtures/agents/windsurf");
const FILE = ".windsurf/transcripts/11111111-0000-4000-8000-000000000001.jsonl";
const step = (type: string, told: object = {}, status = "done") => ({ status, type, [type]: told });

/** What one sync of a workspace's database tells. */
async function tellOfChat(rows: Readonly<Record<string, unknown>>, level?: "raw"): Promise<Told> {
  using place = scratch();
  const path = join(place.home, ".config/Windsurf/User/workspaceStorage/0a1b/state.vscdb");
  mkdirSync(dirname(path), { recursive: true });
  const database = new Database(path);
  database.run("CREATE TABLE ItemTable (key TEXT UNIQUE ON CONFLICT REPLACE, value BLOB)");
  for (const [key, value] of Object.entries(rows))
    database.run("INSERT INTO ItemTable VALUES (?, ?)", [
      key,
      typeof value === "string" ? value : JSON.stringify(value),
    ]);
  database.close();
  return toldIn(place.data, await syncHome("windsurf", place.home, place.data, level));
}

test("counts exactly what stands in fixtures/agents/windsurf", async () => {
  using place = scratch();
  const expected = JSON.parse(readFileSync(join(fixture, "expected.json"), "utf8")).on_disk;
  const summary = await syncHome("windsurf", join(fixture, "home"), place.data);
  const { records } = toldIn(place.data, summary);
  expect(figuresOf(records)).toEqual({
    by_model: {},
    tool_calls: expected.tool_calls,
    sessions: expected.sessions.toSorted(),
  });
  expect(records.filter((r) => r.operation === "chat")).toHaveLength(3);
  expect(summary.unknown).toEqual({});
});

test("a transcript that grows, or is written anew with each answer, tells each step once", async () => {
  const steps = [
    step("user_input"),
    step("planner_response"),
    step("run_command", { cwd: "/home/dev/app" }, "running"),
    step("planner_response"),
  ];
  const anew = steps.with(2, step("run_command", { cwd: "/home/dev/app", exit_code: 0 }));
  const told = await tellOfDocuments(
    "windsurf",
    { [FILE]: steps.slice(0, 2) },
    { [FILE]: steps },
    { [FILE]: null },
    { [FILE]: anew },
  );
  expect(operationsOf(told, "chat")).toHaveLength(2);
  expect(operationsOf(told, "execute_tool")).toMatchObject([{ status: "ok", cwd: "~/app", turn: 0 }]);
  expect(operationsOf(told, "execute_tool")[0]?.open).toBeUndefined();
});

test("a step that failed, was canceled or was rejected says so by its class", async () => {
  const steps = [
    step("run_command", { exit_code: 2 }),
    step("run_command", { user_rejected: true }),
    step("view_file", {}, "error"),
    step("find", {}, "canceled"),
    step("mcp_tool", { tool_name: "lookup" }),
  ];
  const told = await tellOfDocuments("windsurf", { [FILE]: steps });
  expect(operationsOf(told, "execute_tool").map((r) => [r.tool?.name, r.error_type])).toEqual([
    ["run_command", "exit_code"],
    ["run_command", "rejected"],
    ["view_file", "tool_error"],
    ["find", "canceled"],
    ["lookup", undefined],
  ]);
});

test("a transcript that was pruned keeps its records, and no step tells what it does not know", async () => {
  const told = await tellOfDocuments(
    "windsurf",
    { [FILE]: [step("user_input"), step("planner_response")] },
    { [FILE]: null },
  );
  expect(told.records.map((r) => r.operation)).toEqual(["session", "user_message", "chat"]);
  expect(told.records.some((r) => r.time ?? r.model ?? r.usage)).toBe(false);
});

test("bubbles of the chat panel say who speaks in words or numbers, and a session's requests are told like them", async () => {
  const bubbles = [1, 2, "user", "assistant", "ai", "weather"].map((type) => ({ type, text: "PLANTED" }));
  const requests = [{ message: { text: "PLANTED" }, response: [{ value: "PLANTED" }] }, { message: "PLANTED" }];
  const told = await tellOfChat({
    "aiChat.chatdata": { tabs: [{ tabId: "t-1", bubbles }, { bubbles }, { tabId: "t-2", bubbles: [] }] },
    "workbench.panel.aichat.view.aichat.chatdata": { version: 3, requests },
    "codeium.auth": "PLANTED",
  });
  const turns = (operation: string) => operationsOf(told, operation).map((r) => [r.session_id, r.turn]);
  expect(turns("user_message")).toEqual([
    ["t-1", 0],
    ["t-1", 1],
    ["workspace-0a1b", 0],
    ["workspace-0a1b", 1],
  ]);
  expect(turns("chat")).toEqual([
    ["t-1", 0],
    ["t-1", 1],
    ["t-1", 1],
    ["workspace-0a1b", 0],
  ]);
  expect(told.summary.unknown).toEqual({
    "windsurf/workspace_chat: bubble weather": 1,
    "windsurf/workspace_chat: tab without an id": 1,
  });
  expect(JSON.stringify(told.all)).not.toContain("PLANTED");
});

test("values of the wrong type stop nothing", async () => {
  const odd = [
    { type: 5 },
    { type: "find", find: "x", status: 7 },
    { type: "run_command", run_command: { exit_code: "1" } },
  ];
  const told = await tellOfDocuments("windsurf", { [FILE]: [...odd, {}, step("planner_response")] });
  expect(operationsOf(told, "chat")).toHaveLength(1);
  expect(operationsOf(told, "execute_tool").map((r) => r.error_type)).toEqual([undefined, undefined]);
  const chat = await tellOfChat({ "aiChat.chatdata": { tabs: [5, { tabId: "t", bubbles: "x" }], requests: [null] } });
  expect(chat.summary).toMatchObject({ quarantined: [], unreadable: [] });
});

test("texts stand where they belong: prompts, answers, arguments, results", async () => {
  const steps = [
    step("user_input", { user_response: "go" }),
    step("planner_response", { response: "I look" }),
    step("run_command", { command: "ls", cwd: "/w", exit_code: 0, output: "a.txt" }),
    step("mcp_tool", { server_name: "s", tool_name: "lookup", arguments: '{"q":1}', result: '{"a":2}' }),
    step("code_action", { path: "file:///a", new_content: "x" }),
  ];
  const grown = steps.map((_, i) => ({ [FILE]: steps.slice(0, i + 1) }));
  for (const told of [
    await tellTextsOfDocuments("windsurf", { [FILE]: steps }),
    await tellTextsOfDocuments("windsurf", ...grown),
  ]) {
    expect(operationsOf(told, "user_message").map((r) => r.content)).toEqual([userSays("go")] as never);
    expect(operationsOf(told, "chat").map((r) => r.content)).toEqual([assistantSays(["I look"])] as never);
    expect(operationsOf(told, "execute_tool").map((r) => r.content)).toEqual([
      { tool_arguments: { command: "ls", cwd: "/w" }, tool_result: "a.txt" },
      { tool_arguments: { q: 1 }, tool_result: { a: 2 } },
      { tool_arguments: { path: "file:///a", new_content: "x" } },
    ]);
    expect(JSON.parse(operationsOf(told, "chat")[0]?.raw ?? "")).toEqual(steps[1]);
  }
  const tabs = [
    {
      tabId: "t",
      bubbles: [
        { type: "user", initText: "go" },
        { type: "ai", text: "done" },
      ],
    },
  ];
  const chat = await tellOfChat({ "aiChat.chatdata": { tabs } }, "raw");
  expect(chat.records.flatMap((r) => r.content?.input_messages ?? r.content?.output_messages ?? [])).toEqual([
    { role: "user", parts: [{ type: "text", content: "go" }] },
    { role: "assistant", parts: [{ type: "text", content: "done" }] },
  ] as never);
});

test("workspaces are found in both builds, on every platform, and variables move them", () => {
  const builds = (folder: string) => ["Windsurf", "Windsurf - Next"].map((b) => `${folder}/${b}/User/workspaceStorage`);
  expect(agentRoots("windsurf", { XDG_CONFIG_HOME: "/config" })[1]).toEqual(builds("/config"));
  expect(agentRoots("windsurf", { APPDATA: "/roaming" }, { platform: "win32" })[1]).toEqual(builds("/roaming"));
  expect(agentRoots("windsurf", {}, { given: ["/h"] })[1]).toEqual([
    ...builds("/h/.config"),
    ...builds("/h/Library/Application Support"),
    ...builds("/h/AppData/Roaming"),
  ]);
});
