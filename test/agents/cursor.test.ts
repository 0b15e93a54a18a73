/** Owns the proof that Cursor's conversations are told once, with no more than its stores know. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { figuresOf, syncHome, type Told, tellOf, tellTextsOf, textsBelow, toldIn } from "../support/agent.ts";
import { operationsOf, tellOfDocuments } from "../support/documents.ts";
import { scratch } from "../support/home.ts";
import { assistantSays, textsByOperation, userSays } from "../support/texts.ts";

const fixture = join(import.meta.dir, "../../fixtures/agents/cursor");
const ID = "11111111-0000-4000-8000-000000000001";
const CHILD = "11111111-0000-4000-8000-000000000002";
const FOLDER = ".cursor/projects/home-dev-app/agent-transcripts";
const FILE = `${FOLDER}/${ID}/${ID}.jsonl`;
const DATABASE = ".config/Cursor/User/globalStorage/state.vscdb";
const SCHEMA = "CREATE TABLE IF NOT EXISTS cursorDiskKV (key TEXT UNIQUE ON CONFLICT REPLACE, value BLOB)";

const asked = (text = "<user_query>\ngo\n</user_query>") => ({
  role: "user",
  message: { content: [{ type: "text", text }] },
});
const answered = (...tools: string[]) => ({
  role: "assistant",
  message: { content: [{ type: "text", text: "x" }, ...tools.map((name) => ({ type: "tool_use", name, input: {} }))] },
});
const time = (second: number) => `2026-08-01T10:00:0${second}.000Z`;
const tokens = (inputTokens: number, outputTokens: number) => ({ tokenCount: { inputTokens, outputTokens } });
const prompt = { type: 1, text: "go" };
const answer = { type: 2, text: "done", createdAt: time(5), modelInfo: { modelName: "default" } };
const tool = (status: string) => ({ type: 2, toolFormerData: { name: "edit_file", toolCallId: "call_1", status } });

type Rows = Readonly<Record<string, unknown>>;

/** A conversation's rows: its bubbles are named by their place. */
function conversation(id: string, bubbles: readonly object[], more: object = {}): Rows {
  const headers = bubbles.map((bubble, i) => ({ bubbleId: `b-${i}`, type: "type" in bubble ? bubble.type : 0 }));
  return {
    [`composerData:${id}`]: { composerId: id, fullConversationHeadersOnly: headers, ...more },
    ...Object.fromEntries(bubbles.map((bubble, i) => [`bubbleId:${id}:b-${i}`, bubble])),
  };
}

/** Puts each set of rows in the place of those of the same keys, and syncs after each. */
function tellOfRows(files: Parameters<typeof tellOf>[1], ...steps: readonly Rows[]): Promise<Told> {
  return tellOfRowsAt(undefined, files, steps);
}

async function tellOfRowsAt(
  level: "raw" | undefined,
  files: Parameters<typeof tellOf>[1],
  steps: readonly Rows[],
): Promise<Told> {
  using place = scratch();
  const path = join(place.home, DATABASE);
  mkdirSync(dirname(path), { recursive: true });
  for (const [name, lines] of Object.entries(files)) {
    mkdirSync(dirname(join(place.home, name)), { recursive: true });
    await Bun.write(join(place.home, name), (lines as object[]).map((line) => `${JSON.stringify(line)}\n`).join(""));
  }
  let summary: Told["summary"] | undefined;
  for (const rows of steps) {
    const database = new Database(path);
    database.run(SCHEMA);
    for (const [key, value] of Object.entries(rows))
      database.run("INSERT INTO cursorDiskKV VALUES (?, ?)", [key, Buffer.from(JSON.stringify(value))]);
    database.close();
    summary = await syncHome("cursor", place.home, place.data, level);
  }
  if (!summary) throw new Error("nothing was synced");
  return toldIn(place.data, summary);
}

test("counts exactly what stands in fixtures/agents/cursor", async () => {
  using place = scratch();
  const { by_model, tool_calls, sessions } = JSON.parse(readFileSync(join(fixture, "expected.json"), "utf8")).on_disk;
  const summary = await syncHome("cursor", join(fixture, "home"), place.data);
  const { records } = toldIn(place.data, summary);
  expect(figuresOf(records)).toEqual({ by_model, tool_calls, sessions: sessions.toSorted() });
  expect(JSON.stringify(records)).not.toMatch(/planted/i);
  expect(summary.unknown).toEqual({});
});

test("1: a conversation in both stores is told once, from the database as far as it goes", async () => {
  const rows = conversation(ID, [prompt, tool("completed"), { ...answer, ...tokens(100, 9) }]);
  const told = await tellOfRows({ [FILE]: [asked(), answered("Edit"), answered("Shell"), answered()] }, rows);
  const calls = operationsOf(told, "chat");
  expect(calls).toHaveLength(3);
  expect(calls.flatMap((r) => r.usage ?? [])).toEqual([{ input_tokens: 100, output_tokens: 9 }]);
  expect(operationsOf(told, "execute_tool").map((r) => r.tool?.name)).toEqual(["edit_file", "Shell"]);
  expect(operationsOf(told, "user_message")).toHaveLength(1);
  expect(operationsOf(told, "session")).toMatchObject([{ stream: "conversations" }]);
});

test("2: whose a bubble is stands in its key, whatever it says itself", async () => {
  const told = await tellOfRows({}, conversation(ID, [prompt, { ...answer, ...tokens(1, 2), conversationId: "" }]));
  expect(operationsOf(told, "chat")).toMatchObject([{ session_id: ID, turn: 0 }]);
});

test("3: a bubble without a time is told without one", async () => {
  const told = await tellOfRows({}, conversation(ID, [prompt, { type: 2, text: "x", ...tokens(1, 2) }]));
  expect(operationsOf(told, "chat")).toHaveLength(1);
  expect(told.records.some((r) => r.time !== undefined)).toBe(false);
});

test("4: tokens stay where they stand, and a turn without them has none", async () => {
  const bubbles = [prompt, answer, { ...answer, ...tokens(100, 9) }, prompt, answer, { ...answer, ...tokens(0, 0) }];
  const told = await tellOfRows({}, conversation(ID, bubbles));
  expect(operationsOf(told, "chat").map((r) => [r.turn, r.usage])).toEqual([
    [0, { input_tokens: 100, output_tokens: 9 }],
    [1, undefined],
  ]);
});

test("5 and 6: what fills the context is no tokens of a call, and one count of 0 is a count", async () => {
  const told = await tellOfRows(
    {},
    conversation(ID, [prompt, { ...answer, ...tokens(7, 0) }], {
      contextTokensUsed: 12000,
      promptTokenBreakdown: { totalUsedTokens: 12000 },
    }),
  );
  expect(told.records.flatMap((r) => r.usage ?? [])).toEqual([{ input_tokens: 7, output_tokens: 0 }]);
});

test("7 and 8: no key but those of conversations is read", async () => {
  const told = await tellOfRows({}, { "agentKv:blob:00": "secret", "cursorAuth/accessToken": "secret", composerX: {} });
  expect(told.records).toEqual([]);
  const sources = textsBelow(join(import.meta.dir, "../../src/agents/cursor"), ".ts");
  expect(sources).toHaveLength(5);
  for (const { text } of sources) expect(text).not.toMatch(/ItemTable|cursorAuth|agentKv/);
});

test("9 and 10: subagents are sessions of their own, and other JSON Lines are no transcripts", async () => {
  const told = await tellOf("cursor", {
    [FILE]: [asked(), answered("Task")],
    [`${FOLDER}/${ID}/subagents/${CHILD}.jsonl`]: [asked(), answered("Grep")],
    ".cursor/projects/home-dev-app/log.jsonl": [asked()],
  });
  const sessions = operationsOf(told, "session").map((r) => [r.session_id, r.parent_session_id]);
  expect(sessions.toSorted()).toEqual([
    [ID, undefined],
    [CHILD, ID],
  ]);
  expect(operationsOf(told, "user_message").map((r) => r.session_id)).toEqual([ID]);
  const child = await tellOfRows(
    {},
    { ...conversation(ID, [prompt], { subComposerIds: [CHILD] }), ...conversation(CHILD, [prompt, answer]) },
  );
  expect(operationsOf(child, "chat")).toMatchObject([{ session_id: CHILD, parent_session_id: ID }]);
  expect(operationsOf(child, "user_message")).toHaveLength(1);
});

test("bubbles that are replaced while they stream become one record, whose last telling counts", async () => {
  const told = await tellOfRows(
    {},
    conversation(ID, [prompt, tool("running")]),
    conversation(ID, [prompt, tool("rejected"), answer]),
    conversation(ID, [prompt, tool("rejected"), answer, { ...answer, ...tokens(10, 3) }]),
  );
  expect(operationsOf(told, "chat")).toMatchObject([{ usage: { input_tokens: 10, output_tokens: 3 } }]);
  expect(operationsOf(told, "execute_tool")).toMatchObject([{ status: "error", error_type: "rejected" }]);
  expect(operationsOf(told, "execute_tool")[0]?.open).toBeUndefined();
});

test("a transcript that is written anew tells each line once, and only times that it has", async () => {
  const first = [asked("<timestamp>2026-08-01T10:00:00Z</timestamp>\n<user_query>a</user_query>"), answered("Shell")];
  const ended = { type: "turn_ended", status: "error", error: "User aborted request" };
  const told = await tellOfDocuments(
    "cursor",
    { [FILE]: first },
    { [FILE]: null },
    { [FILE]: [...first, ended, asked("<context>x</context>"), asked("<timestamp>Monday</timestamp> go")] },
  );
  expect(told.records.map((r) => [r.operation, r.time, r.turn])).toEqual([
    ["session", "2026-08-01T10:00:00Z", undefined],
    ["user_message", "2026-08-01T10:00:00Z", 0],
    ["chat", undefined, 0],
    ["execute_tool", undefined, 0],
    ["invoke_agent", undefined, 0],
    ["user_message", undefined, 1],
  ]);
  expect(operationsOf(told, "invoke_agent")).toMatchObject([{ status: "error", error_type: "aborted" }]);
});

test("a conversation that the first versions kept in one value is told like one in bubbles", async () => {
  const bubbles = [
    { type: 1, bubbleId: "b-0", text: "PLANTED" },
    { type: 2, bubbleId: "b-1", toolFormerData: { name: "edit_file", toolCallId: "call_1", status: "completed" } },
    { type: 2, text: "PLANTED", ...tokens(100, 9) },
  ];
  const whole = { [`composerData:${ID}`]: { composerId: ID, createdAt: 1785578400000, conversation: bubbles } };
  const told = await tellOfRows({}, whole);
  expect(operationsOf(told, "user_message")).toMatchObject([{ session_id: ID, turn: 0 }]);
  expect(operationsOf(told, "chat").map((r) => r.usage)).toEqual([{ input_tokens: 100, output_tokens: 9 }]);
  expect(operationsOf(told, "execute_tool")).toMatchObject([{ status: "ok", tool: { name: "edit_file" } }]);
  expect(JSON.stringify(told.all)).not.toContain("PLANTED");
  const moved = conversation(ID, [prompt, tool("completed"), { ...answer, ...tokens(100, 9) }]);
  const later = await tellOfRows({}, whole, moved);
  expect(operationsOf(later, "chat")).toHaveLength(1);
});

test("values of the wrong type are no numbers, and the conversations beside them stay right", async () => {
  const odd: Rows = {
    [`composerData:${CHILD}`]: { fullConversationHeadersOnly: "x", conversation: { a: 1 }, subComposerIds: [5, null] },
    "composerData:none": { fullConversationHeadersOnly: [5, null, { bubbleId: 7, type: "2" }], createdAt: "soon" },
    "composerData:list": [1, 2],
    "bubbleId:none:7": 5,
    "bubbleId:nobody": {},
  };
  const right = conversation(ID, [prompt, { ...answer, tokenCount: "x" }, { ...answer, ...tokens(5, 5) }]);
  const told = await tellOfRows({ [FILE]: [{ role: "assistant", message: 5 }, { role: 5 }, {}] }, { ...odd, ...right });
  expect(operationsOf(told, "chat").flatMap((r) => r.usage ?? [])).toEqual([{ input_tokens: 5, output_tokens: 5 }]);
  expect(told.summary).toMatchObject({ quarantined: [], unreadable: [] });
});

test("texts stand where they belong in a transcript: prompts, answers, arguments, errors", async () => {
  const log = [
    asked("<timestamp>2026-08-01T10:00:00Z</timestamp>\n<user_query>\ngo\n</user_query>"),
    {
      role: "assistant",
      message: {
        content: [
          { type: "text", text: "I look" },
          { type: "tool_use", name: "Shell", input: { command: "ls" } },
        ],
      },
    },
    { type: "turn_ended", status: "error", error: "User aborted request" },
  ];
  const steps = log.map((line) => ({ [FILE]: [line] }));
  for (const told of [await tellTextsOf("cursor", { [FILE]: log }), await tellTextsOf("cursor", ...steps)]) {
    expect(textsByOperation(told.records)).toEqual({
      session: undefined,
      user_message: userSays("go"),
      chat: assistantSays(["I look", { type: "tool_call", name: "Shell", arguments: { command: "ls" } }]),
      execute_tool: { tool_arguments: { command: "ls" } },
      invoke_agent: { error_message: "User aborted request" },
    } as never);
    expect(told.records.map((r) => r.raw && JSON.parse(r.raw).role)).toContain("assistant");
  }
});

test("texts stand where they belong in the database: prompts, thoughts, answers, arguments, results, errors", async () => {
  const edit = {
    type: 2,
    toolFormerData: {
      name: "edit_file",
      toolCallId: "call_1",
      status: "error",
      rawArgs: '{"path":"a"}',
      result: '{"output":"none"}',
      error: "no such file",
    },
  };
  const bubbles = [prompt, { type: 2, thinking: { text: "hm" } }, edit, { ...answer, text: "done" }];
  const rows = conversation(ID, bubbles);
  const steps = bubbles.map((_, i) => conversation(ID, bubbles.slice(0, i + 1)));
  for (const told of [await tellOfRowsAt("raw", {}, [rows]), await tellOfRowsAt("raw", {}, steps)]) {
    expect(textsByOperation(told.records)).toEqual({
      session: undefined,
      user_message: userSays("go"),
      chat: assistantSays([
        { type: "reasoning", content: "hm" },
        { type: "tool_call", id: "call_1", name: "edit_file", arguments: { path: "a" } },
        "done",
      ]),
      execute_tool: {
        tool_arguments: { path: "a" },
        tool_result: { output: "none" },
        error_message: "no such file",
      },
    } as never);
    const raw = operationsOf(told, "execute_tool")[0]?.raw;
    expect(JSON.parse(raw ?? "")).toEqual(edit);
  }
});

const TEXT = `${FOLDER}/${ID}.txt`;
const lined = (...lines: string[]): string => lines.map((line) => `${line}\n`).join("");

test("a transcript that is a text tells its prompts, answers and tools like one of JSON Lines", async () => {
  const said = lined(
    "user:",
    "<timestamp>2026-08-01T10:00:00Z</timestamp>",
    "<context>",
    "PLANTED",
    "</context>",
    "<user_query>",
    "PLANTED",
    "</user_query>",
    "assistant:",
    "PLANTED user: is no speaker here",
    "[Tool call] Shell",
    "  command=PLANTED",
    "[Tool result] Shell",
    "A:",
    "PLANTED",
    "user:",
    "<context>PLANTED</context>",
    "user:",
    "PLANTED plain",
    "assistant:",
  );
  const told = await tellOf("cursor", { [TEXT]: said });
  expect(told.records.map((r) => [r.operation, r.turn, r.time])).toEqual([
    ["session", undefined, "2026-08-01T10:00:00Z"],
    ["user_message", 0, "2026-08-01T10:00:00Z"],
    ["chat", 0, undefined],
    ["execute_tool", 0, undefined],
    ["chat", 0, undefined],
    ["user_message", 1, undefined],
    ["chat", 1, undefined],
  ]);
  expect(JSON.stringify(told.all)).not.toContain("PLANTED");
  const both = await tellOf("cursor", { [TEXT]: said, [FILE]: [asked(), answered("Shell"), answered()] });
  expect(operationsOf(both, "chat")).toHaveLength(3);
  expect(operationsOf(both, "execute_tool")).toHaveLength(1);
});

test("texts stand where they belong in a text, however it is cut", async () => {
  const lines = [
    "user:",
    "<user_query>",
    "go",
    "</user_query>",
    "assistant:",
    "[Thinking] hm",
    "I look",
    "[Tool call] Shell",
    '  {"command":"ls"}',
    "Found it",
  ];
  const steps = lines.map((line) => ({ [TEXT]: lined(line) }));
  for (const told of [await tellTextsOf("cursor", { [TEXT]: lined(...lines) }), await tellTextsOf("cursor", ...steps)])
    expect(textsByOperation(told.records)).toEqual({
      session: undefined,
      user_message: userSays("go"),
      chat: assistantSays([{ type: "reasoning", content: "hm" }, "I look", "Found it"]),
      execute_tool: { tool_arguments: { command: "ls" } },
    } as never);
});
