/** Owns the proof that the texts of OpenCode and Kilo Code stand where they belong, in each of their layouts. */
import { expect, test } from "bun:test";
import type { Told } from "../support/agent.ts";
import { tellTextsOfDocuments } from "../support/documents.ts";
import {
  answer,
  done,
  entry,
  message,
  of,
  part,
  session,
  step,
  T,
  tellTexts,
  tokens,
  tool,
  V2,
  type Write,
} from "../support/opencode.ts";
import { userSays } from "../support/texts.ts";

const contents = (told: Told, operation: string): unknown[] => of(told, operation).map((r) => r.content);
const words = (content: string) => ({ type: "text", content });
const thought = (content: string) => ({ type: "reasoning", content });
const call = (id: string, name: string, given: object) => ({ type: "tool_call", id, name, arguments: given });
const answered = (parts: unknown[], finish_reason?: string) => ({
  output_messages: [{ role: "assistant", parts, ...(finish_reason && { finish_reason }) }],
});
const picture = { type: "blob", modality: "image", mime_type: "image/png", content: "AAAA" };

const prompt: Write[] = [
  message("u", "s", 1, { role: "user", time: { created: T + 1 }, agent: "build", system: "Be brief." }),
  part("p1", "u", 1, { type: "text", text: "Fix it." }),
  part("p2", "u", 1, { type: "text", text: "Called the tool with", synthetic: true }),
  part("p3", "u", 1, { type: "file", mime: "image/png", url: "data:image/png;base64,AAAA" }),
];
const FAILED = { status: "error", input: { command: "make" }, error: "no such file", time: { start: T + 30 } };
const parts: Write[] = [
  part("q1", "a", 11, { type: "step-start" }),
  part("q2", "a", 12, { type: "reasoning", text: "Where is it?" }),
  part("q3", "a", 13, { type: "text", text: "I look." }),
  tool("q4", "a", 20, done(20, { input: { filePath: "a.ts" }, output: "1 | x" })),
  step("q5", "a", 25, tokens(10, 5), { reason: "tool-calls" }),
  tool("q6", "a", 30, FAILED),
  part("q7", "a", 40, { type: "text", text: "Fixed." }),
  step("q8", "a", 45, tokens(20, 5)),
];
const TRY = {
  type: "retry",
  attempt: 1,
  time: { created: T + 50 },
  error: { name: "APIError", data: { message: "busy" } },
};
const NO_QUOTA = { name: "APIError", data: { message: "no quota" } };
const begun = answer("a", "s", 10, { time: { created: T + 10 }, tokens: tokens(0, 0), finish: undefined });
const rest: Write[] = [
  answer("a", "s", 10),
  part("r", "b", 50, TRY),
  answer("b", "s", 50, { error: NO_QUOTA, tokens: tokens(0, 0), finish: undefined }),
  answer("c", "s", 60, { summary: true }),
  part("c1", "c", 60, { type: "text", text: "They fix." }),
];

/** What version 1 tells of all that, from rows or from files. */
function expectTexts(told: Told): void {
  const first = [thought("Where is it?"), words("I look."), call("toolu_0000000000q4", "bash", { filePath: "a.ts" })];
  const second = [call("toolu_0000000000q6", "bash", { command: "make" }), words("Fixed.")];
  expect(contents(told, "user_message")).toEqual([
    {
      input_messages: [{ role: "user", parts: [words("Fix it."), picture] }],
      system_instructions: [words("Be brief.")],
    },
  ]);
  expect(contents(told, "chat")).toEqual([
    answered(first, "tool_call"),
    answered(second, "stop"),
    answered([words("They fix.")], "stop"),
  ]);
  expect(contents(told, "execute_tool")).toEqual([
    { tool_arguments: { filePath: "a.ts" }, tool_result: "1 | x" },
    { tool_arguments: { command: "make" }, error_message: "no such file" },
  ]);
  expect(contents(told, "error")).toEqual(
    expect.arrayContaining([{ error_message: "busy" }, { error_message: "no quota" }]),
  );
  expect(contents(told, "compaction")).toEqual([answered([words("They fix.")])]);
  const raw = of(told, "execute_tool")[0]?.raw ?? "";
  expect(JSON.parse(raw)).toMatchObject({ type: "tool", state: { output: "1 | x" } });
  expect(JSON.parse(of(told, "user_message")[0]?.raw ?? "")).toMatchObject({ role: "user" });
}

for (const agent of ["opencode", "kilo-code"]) {
  test(`${agent}: texts of a database stand where they belong, whenever it is read`, async () => {
    const head = [session("s", 0), ...prompt];
    const growing = [head, [begun], ...parts.map((one) => [one]), rest];
    for (const steps of [growing, [[...head, begun, ...parts, ...rest]]])
      expectTexts(await tellTexts(steps, undefined, agent));
  });
}

test("a result that was taken away later is still told", async () => {
  const input = { command: "ls" };
  const time = { start: T + 20, end: T + 29, compacted: T + 90 };
  const before = [session("s", 0), answer("a", "s", 10), tool("t", "a", 20, done(20, { input, output: "a.ts" }))];
  const told = await tellTexts([before, [tool("t", "a", 20, done(20, { input, output: "", time }))]]);
  expect(contents(told, "execute_tool")).toEqual([{ tool_arguments: input, tool_result: "a.ts" }]);
});

test("texts of files stand where they belong", async () => {
  const root = ".local/share/opencode/storage";
  const documents = Object.fromEntries(
    [...prompt, begun, ...parts, ...rest].map(({ table, row }) => [
      table === "message" ? `${root}/message/s/${row.id}.json` : `${root}/part/${row.message_id}/${row.id}.json`,
      JSON.parse(String(row.data)),
    ]),
  );
  expectTexts(await tellTextsOfDocuments("opencode", documents));
});

test("texts of the first versions, whose parts stand inside, are told", async () => {
  const invocation = { toolCallId: "toolu_0000000000000001", toolName: "bash", args: { command: "ls" } };
  const told = await tellTextsOfDocuments("opencode", {
    ".local/share/opencode/project/p/storage/session/message/s/a.json": {
      id: "a",
      role: "assistant",
      parts: [
        { type: "text", text: "I list." },
        { type: "tool-invocation", toolInvocation: { ...invocation, state: "result", result: "a.ts" } },
      ],
      metadata: {
        time: { created: T, completed: T + 5 },
        assistant: { providerID: "anthropic", modelID: "m", tokens: tokens(10, 5), cost: 1 },
        tool: { [invocation.toolCallId]: { time: { start: T + 1, end: T + 2 } } },
      },
    },
  });
  expect(contents(told, "chat")).toEqual([
    answered([words("I list."), call(invocation.toolCallId, "bash", { command: "ls" })]),
  ]);
  expect(contents(told, "execute_tool")).toEqual([{ tool_arguments: { command: "ls" }, tool_result: "a.ts" }]);
});

test("texts of version 2 stand where they belong", async () => {
  const model = { id: "m", providerID: "anthropic" };
  const asked = {
    text: "Fix it.",
    files: [{ uri: "data:image/png;base64,AAAA", mime: "image/png" }],
    time: { created: T },
  };
  const times = { created: T + 20, ran: T + 21, completed: T + 25 };
  const content = [
    { type: "reasoning", text: "Where is it?" },
    { type: "text", text: "I look." },
    {
      type: "tool",
      id: "toolu_0000000000000001",
      name: "read",
      state: { status: "completed", input: { path: "a.ts" }, content: [{ type: "text", text: "1 | x" }] },
      time: times,
    },
    {
      type: "tool",
      id: "toolu_0000000000000002",
      name: "bash",
      state: { status: "error", input: { command: "make" }, error: { type: "unknown", message: "no such file" } },
      time: times,
    },
  ];
  const time = { created: T + 10, streamed: T + 15, completed: T + 30 };
  const reply = { model, content, finish: "tool-calls", tokens: tokens(10, 5), time };
  const rows = [
    session("s", 0, {}, "session_v2"),
    entry("u", "s", 1, "user", asked),
    entry("a", "s", 2, "assistant", reply),
    entry("b", "s", 3, "assistant", { model, content: [], error: { type: "APIError", message: "busy" }, time }),
    entry("c", "s", 4, "compaction", { status: "completed", summary: "They fix.", model, tokens: tokens(20, 5), time }),
    entry("d", "s", 5, "shell", { command: "ls", status: "completed", exit: 0, output: "a.ts", time }),
  ];
  const early = entry("a", "s", 2, "assistant", { ...reply, content: content.slice(0, 2) });
  for (const steps of [[rows], [[...rows.slice(0, 2), early], rows]]) {
    const told = await tellTexts(steps, V2);
    const calls = [
      call("toolu_0000000000000001", "read", { path: "a.ts" }),
      call("toolu_0000000000000002", "bash", { command: "make" }),
    ];
    expect(contents(told, "user_message")).toEqual([userSays(words("Fix it."), picture)]);
    expect(contents(told, "chat")).toEqual([
      answered([thought("Where is it?"), words("I look."), ...calls], "tool_call"),
      answered([words("They fix.")]),
    ]);
    expect(contents(told, "execute_tool")).toEqual([
      { tool_arguments: { path: "a.ts" }, tool_result: "1 | x" },
      { tool_arguments: { command: "make" }, error_message: "no such file" },
    ]);
    expect(contents(told, "error")).toEqual([{ error_message: "busy" }]);
    expect(contents(told, "compaction")).toEqual([answered([words("They fix.")])]);
    expect(contents(told, "other")).toEqual([{ tool_arguments: { command: "ls" }, tool_result: "a.ts" }]);
  }
});
