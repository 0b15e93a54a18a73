/** Owns the proof that Continue's calls are counted once, though neither times nor ids tell copies from new ones. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { figuresOf, syncHome, toldIn } from "../support/agent.ts";
import { operationsOf, tellOfDocuments, tellTextsOfDocuments, tokensOf } from "../support/documents.ts";
import { scratch } from "../support/home.ts";
import { agentPlaces } from "../support/places.ts";
import { userSays } from "../support/texts.ts";

const fixture = join(import.meta.dir, "../../fixtures/agents/continue");
const SESSIONS = ".continue/sessions";
const INDEX = `${SESSIONS}/sessions.json`;
const idOf = (n: number): string => `${n}1111111-0000-4000-8000-000000000001`;
const fileOf = (n: number): string => `${SESSIONS}/${idOf(n)}.json`;
const session = (n: number, history: unknown, more = {}) => ({
  sessionId: idOf(n),
  title: "x",
  workspaceDirectory: "/home/dev/app",
  history,
  ...more,
});
const user = (content = "go on") => ({ message: { role: "user", content }, contextItems: [], editorState: content });
const usage = (prompt: number, more = {}) => ({
  prompt_tokens: prompt,
  completion_tokens: 10,
  model: "m",
  cost_cents: 2,
  ...more,
});
const state = (id: string, status: string) => ({
  toolCallId: id,
  toolCall: { id, type: "function", function: { name: "Bash", arguments: "{}" } },
  status,
});
const answer = (told: object | undefined, states: readonly ReturnType<typeof state>[] = []) => ({
  message: { role: "assistant", content: "done", toolCalls: states.map((s) => s.toolCall), usage: told },
  contextItems: [],
  toolCallStates: states,
});
const index = (...items: readonly [n: number, created: number][]) =>
  items.map(([n, created]) => ({
    sessionId: idOf(n),
    dateCreated: String(created),
    workspaceDirectory: "/home/dev/app",
    messageCount: 2,
  }));

for (const folder of ["", "older"]) {
  test(`counts exactly what stands in fixtures/agents/continue/${folder}`, async () => {
    using place = scratch();
    const expected = JSON.parse(readFileSync(join(fixture, folder, "expected.json"), "utf8")).on_disk;
    const summary = await syncHome("continue", join(fixture, folder, "home"), place.data);
    const figures = figuresOf(toldIn(place.data, summary).records);
    const exact = ["calls", "input_tokens", "output_tokens"];
    for (const [name, model] of Object.entries(expected.by_model) as [string, Record<string, number>][]) {
      const own = Object.fromEntries(exact.map((field) => [field, model[field]]));
      expect((figures.by_model as Record<string, object>)[name]).toMatchObject(own);
    }
    expect(Object.keys(figures.by_model as object).sort()).toEqual(Object.keys(expected.by_model).sort());
    expect(figures.tool_calls).toBe(expected.tool_calls);
    expect(figures.sessions).toEqual(expected.sessions.toSorted());
    expect(summary.unknown).toEqual({});
  });
}

test("each provider's input is told with its caches once", async () => {
  const told = [
    usage(100, { prompt_tokens_details: { cached_tokens: 80 } }),
    usage(20, { prompt_tokens_details: { cached_tokens: 60, cache_read_tokens: 60, cache_write_tokens: 20 } }),
    { promptTokens: 100, completionTokens: 10, promptTokensDetails: { cachedTokens: 80 } },
    { promptTokens: 20, completionTokens: 10, promptTokensDetails: { cachedTokens: 60, cacheWriteTokens: 20 } },
    { promptTokens: 40, completionTokens: 10, promptTokensDetails: { cachedTokens: 60 } },
  ];
  const { records } = await tellOfDocuments("continue", {
    [fileOf(1)]: session(1, [user(), ...told.map((u) => answer(u))]),
  });
  const calls = records.filter((r) => r.operation === "chat").map((r) => r.usage);
  expect(calls.map((u) => u?.input_tokens)).toEqual([100, 100, 100, 100, 100]);
  expect(calls.map((u) => u?.cache_creation_input_tokens)).toEqual([undefined, 20, undefined, 20, undefined]);
});

test("a session's usage is the sum of its messages': it counts only where they have none, with its cost", async () => {
  const sum = { usage: { totalCost: 0.5, promptTokens: 300, completionTokens: 30 }, chatModelTitle: "title" };
  const without = { [fileOf(1)]: session(1, [user(), answer(undefined)], sum) };
  const told = await tellOfDocuments("continue", without);
  expect(operationsOf(told, "invoke_agent")).toMatchObject([
    { aggregate: true, request_model: "title", cost_usd: 0.5 },
  ]);
  expect(tokensOf(told)).toEqual({ input: 300, output: 30 });
  const later = await tellOfDocuments("continue", without, {
    [fileOf(1)]: session(1, [user(), answer(usage(300))], sum),
  });
  expect(tokensOf(later)).toEqual({ input: 300, output: 10 });
  expect(later.records.flatMap((r) => r.cost_usd ?? [])).toEqual([0.02]);
});

test("a tool whose state changes is one tool, as it ended", async () => {
  const step = (status: string) => ({ [fileOf(1)]: session(1, [user(), answer(usage(100), [state("t1", status)])]) });
  const told = await tellOfDocuments("continue", step("generated"), step("calling"), step("errored"));
  expect(operationsOf(told, "execute_tool")).toMatchObject([{ status: "error", error_type: "tool_error" }]);
  expect(operationsOf(told, "execute_tool")[0]?.open).toBeUndefined();
  expect(operationsOf(told, "chat")).toHaveLength(1);
  const canceled = await tellOfDocuments("continue", step("canceled"));
  expect(operationsOf(canceled, "execute_tool")).toMatchObject([{ error_type: "canceled" }]);
});

test("a fork's copies count in the session that began first, in whatever order they are read", async () => {
  const first = [user("a question"), answer(usage(100), [state("call_00000000000001", "done")]), answer(usage(200))];
  const original = { [fileOf(2)]: session(2, first), [INDEX]: index([2, 1000]) };
  const fork = {
    [fileOf(1)]: session(1, [...first, user("another"), answer(usage(300))]),
    [INDEX]: index([2, 1000], [1, 2000]),
  };
  for (const steps of [[original, fork], [fork, original, fork], [{ ...original, ...fork }]]) {
    const told = await tellOfDocuments("continue", ...steps);
    expect(operationsOf(told, "chat").map((r) => r.session_id)).toEqual(
      expect.arrayContaining([idOf(2), idOf(2), idOf(1)]),
    );
    expect(tokensOf(told)).toEqual({ input: 600, output: 30 });
    expect(operationsOf(told, "user_message")).toHaveLength(2);
    expect(operationsOf(told, "execute_tool").map((r) => r.session_id)).toEqual([idOf(2)]);
  }
});

test("the same call twice in one session is two calls", async () => {
  const twice = [user(), answer(usage(100)), user(), answer(usage(100)), user(), answer(usage(100))];
  const told = await tellOfDocuments("continue", { [fileOf(1)]: session(1, twice) });
  expect(tokensOf(told)).toEqual({ input: 300, output: 30 });
  expect(operationsOf(told, "user_message").map((r) => r.turn)).toEqual([0, 1, 2]);
});

test("history that a compaction or an edit replaced takes nothing away, and what is left adds nothing", async () => {
  const whole = [user("one"), answer(usage(100)), user("second"), answer(usage(200))];
  const summary = { message: { role: "assistant", content: "[COMPACTED HISTORY]\nx" }, contextItems: [] };
  const compacted = [summary, user("third one"), answer(usage(300))];
  const edited = [...whole.slice(0, 2), user("another second"), answer(usage(400))];
  const told = await tellOfDocuments(
    "continue",
    { [fileOf(1)]: session(1, whole) },
    { [fileOf(1)]: session(1, edited) },
    { [fileOf(1)]: session(1, compacted) },
    { [fileOf(1)]: session(1, [...compacted, user("fourth"), { ...answer(usage(500)), conversationSummary: "x" }]) },
  );
  expect(tokensOf(told)).toEqual({ input: 1500, output: 50 });
  expect(operationsOf(told, "compaction")).toHaveLength(2);
  expect(operationsOf(told, "user_message")).toHaveLength(5);
});

test("a document that is half-written is read when it is whole", async () => {
  const whole = JSON.stringify(session(1, [user(), answer(usage(100))]));
  const told = await tellOfDocuments(
    "continue",
    { [fileOf(1)]: "" },
    { [fileOf(1)]: whole.slice(0, 50) },
    { [fileOf(1)]: whole },
  );
  expect(operationsOf(told, "chat")).toHaveLength(1);
  expect(told.summary.quarantined).toEqual([]);
});

test("the index is no session; it tells when sessions began, and other files are let be", async () => {
  const told = await tellOfDocuments("continue", {
    [fileOf(1)]: session(1, [user(), answer(usage(100))], { workspaceDirectory: "file:///home/dev/an%20app" }),
    [INDEX]: [...index([1, 1_760_000_000_000]), { session_id: idOf(9), title: "x" }],
    [`${SESSIONS}/notes.txt`]: "x",
    ".continue/dev_data/0.2.0/tokensGenerated.jsonl": [{ eventName: "tokensGenerated", promptTokens: 100 }],
  });
  expect(operationsOf(told, "session")).toMatchObject([
    { session_id: idOf(1), time: "2025-10-09T08:53:20.000Z", attributes: { messageCount: 2 } },
    { session_id: idOf(9) },
  ]);
  expect(tokensOf(told)).toEqual({ input: 100, output: 10 });
  expect(operationsOf(told, "chat")[0]?.cwd).toBe("~/an app");
});

test("who tells last what was written to the cache tells the input with it, Anthropic's own adapter without", async () => {
  const read = { cache_read_tokens: 60, cached_tokens: 60 };
  const told = [
    usage(100, { prompt_tokens_details: { cache_write_tokens: 20, ...read } }),
    usage(100, { prompt_tokens_details: { ...read, cache_write_tokens: 20 } }),
    usage(100, { prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: 20, audio_tokens: 0 } }),
    usage(50, { prompt_tokens_details: { ...read, cache_write_tokens: 20 } }),
  ];
  const { records } = await tellOfDocuments("continue", {
    [fileOf(1)]: session(
      1,
      told.map((u) => answer(u)),
    ),
  });
  expect(records.flatMap((r) => (r.operation === "chat" ? [r.usage?.input_tokens] : []))).toEqual([180, 100, 100, 130]);
});

test("two sessions that are alike but for what was answered are no copies of each other", async () => {
  const one = (n: number, content: string) => {
    const whole = answer(usage(100));
    return { [fileOf(n)]: session(n, [user(), { ...whole, message: { ...whole.message, content } }]) };
  };
  const told = await tellOfDocuments("continue", { ...one(1, "x"), ...one(2, "y"), ...one(3, "x") });
  expect(operationsOf(told, "chat")).toHaveLength(2);
  expect(operationsOf(told, "user_message")).toHaveLength(2);
});

test("short ids of tools come again: in a session, in an item and in others, and in a fork as copies", async () => {
  const first = [
    user("a"),
    answer(usage(100), [state("call_0", "done"), state("call_0", "errored")]),
    answer(usage(200), [state("call_0", "done")]),
  ];
  const told = await tellOfDocuments("continue", {
    [fileOf(1)]: session(1, first),
    [fileOf(2)]: session(2, [user("b"), answer(usage(300), [state("call_0", "done")])]),
    [fileOf(3)]: session(3, [...first, user("c"), answer(usage(400), [state("call_0", "done")])]),
    [INDEX]: index([1, 1000], [2, 2000], [3, 3000]),
  });
  expect(
    operationsOf(told, "execute_tool")
      .map((r) => r.session_id?.[0])
      .sort(),
  ).toEqual(["1", "1", "1", "2", "3"]);
});

test("a tool with a short id is one, though its answer's usage came after it", async () => {
  const step = (status: string, told?: object) => ({
    [fileOf(1)]: session(1, [user(), answer(told, [state("call_0", status)])]),
  });
  const told = await tellOfDocuments(
    "continue",
    step("generated"),
    step("calling", usage(100)),
    step("done", usage(100)),
  );
  expect(operationsOf(told, "execute_tool")).toMatchObject([{ status: "ok" }]);
  const without = await tellOfDocuments("continue", step("generated"), step("done"));
  expect(operationsOf(without, "execute_tool")).toMatchObject([{ status: "ok" }]);
  const left = [user(), answer(undefined, [state("call_0", "calling")]), user("another")];
  const open = await tellOfDocuments("continue", { [fileOf(1)]: session(1, left) });
  expect(operationsOf(open, "execute_tool")).toMatchObject([{ open: true }]);
});

test("a fork of a fork, and a fork whose parent is gone, count each call once", async () => {
  const [a, b, c] = [100, 200, 300].map((n) => [user(String(n)), answer(usage(n))]) as [object[], object[], object[]];
  const fork = { [fileOf(2)]: session(2, [...a, ...b]) };
  const forks = { ...fork, [fileOf(3)]: session(3, [...a, ...b, ...c]), [INDEX]: index([2, 2000], [3, 3000]) };
  expect(tokensOf(await tellOfDocuments("continue", forks)).input).toBe(600);
  const parent = { [fileOf(1)]: session(1, a), [INDEX]: index([1, 1000], [2, 2000], [3, 3000]) };
  const told = await tellOfDocuments("continue", forks, parent);
  expect(
    operationsOf(told, "chat")
      .map((r) => r.session_id?.[0])
      .sort(),
  ).toEqual(["1", "2", "3"]);
});

test("a command that the person ran is no tool of a model", async () => {
  const shell = answer(undefined, [state("shell-1750000000000-a1b2c3", "done")]);
  const told = await tellOfDocuments("continue", { [fileOf(1)]: session(1, [user(), answer(usage(100)), shell]) });
  expect(operationsOf(told, "execute_tool")).toEqual([]);
  expect(operationsOf(told, "other")).toMatchObject([
    { name: "shell", time: "2025-06-15T15:06:40.000Z", status: "ok" },
  ]);
});

test("older items have one tool", async () => {
  const { toolCallStates: _, ...older } = answer(usage(100), [state("t", "done")]);
  const told = await tellOfDocuments("continue", {
    [fileOf(1)]: session(1, [{ ...older, toolCallState: state("t", "canceled") }]),
  });
  expect(operationsOf(told, "execute_tool")).toMatchObject([{ error_type: "canceled" }]);
});

test("values of wrong types tell nothing wrong, and what is not known is counted", async () => {
  const said = (message: unknown, more = {}) => ({ message, ...more });
  const assistant = (told: unknown, more = {}) => said({ role: "assistant", content: 5, usage: told, ...more });
  const told = await tellOfDocuments("continue", {
    [fileOf(1)]: session(1, [
      ...[null, 5, "x", [], {}, said(5), said({}), said({ role: "robot" })],
      ...[assistant("x"), assistant(null), assistant({ prompt_tokens: "9", completion_tokens: 10, model: 7 })],
      assistant({ prompt_tokens: -1, completion_tokens: 10, prompt_tokens_details: "x", cost_cents: "2" }),
      assistant(undefined, { toolCalls: "x" }),
      {
        ...assistant(undefined),
        toolCallStates: [null, 5, { toolCallId: 7 }, { toolCallId: "t", toolCall: "x", status: 5 }],
      },
      { ...assistant(undefined), toolCallStates: "x", conversationSummary: 5 },
    ]),
    [INDEX]: [null, 5, { sessionId: 7 }, { sessionId: idOf(1), dateCreated: {}, workspaceDirectory: 5 }],
  });
  expect(operationsOf(told, "chat").map((r) => r.usage)).toEqual([{ output_tokens: 10 }, { output_tokens: 10 }]);
  expect(operationsOf(told, "execute_tool")).toMatchObject([{ tool: { call_id: "t" }, open: true }]);
  expect(told.summary.unknown).toEqual({
    "continue/transcript: role ": 1,
    "continue/transcript: role robot": 1,
    "continue/transcript: session without an id": 3,
    "continue/transcript: tool without an id": 3,
    "continue/transcript: usage that is no object": 1,
  });
  expect(told.summary.quarantined).toEqual([]);
});

test("the folder is the one that the environment names", () => {
  const roots = (variables: Record<string, string>) => agentPlaces("continue", variables, "win32").map((p) => p.root);
  expect(roots({})).toEqual(["/home/dev/.continue/sessions"]);
  expect(roots({ CONTINUE_GLOBAL_DIR: "/c" })).toEqual(["/c/sessions"]);
});

test("texts stand where they belong", async () => {
  const picture = { type: "imageUrl", imageUrl: { url: "data:image/png;base64,AAAA" } };
  const asked = { ...user(), message: { role: "user", content: [{ type: "text", text: "Look." }, picture] } };
  const called = (status: string, output: unknown) => {
    const tool = { ...state("call_0000000000001", status), output };
    tool.toolCall.function.arguments = '{"command":"ls"}';
    const whole = answer(usage(100), [tool]);
    return { ...whole, message: { ...whole.message, content: "I list." } };
  };
  const missing = [{ content: "no such file", name: "Tool Result" }];
  const last = { ...answer(usage(200)), reasoning: { text: "Not there." }, conversationSummary: "They look." };
  const shell = answer(undefined, [
    { ...state("shell-1750000000000-a1b2c3", "done"), output: [{ content: "b" }] } as never,
  ]);
  const histories = [
    [{ message: { role: "system", content: "Be brief." } }, asked],
    [
      ...[{ message: { role: "system", content: "Be brief." } }, asked],
      ...[{ message: { role: "thinking", content: "Where?" } }, called("errored", missing), last, shell],
    ],
  ];
  for (const steps of [histories, histories.slice(1)]) {
    const told = await tellTextsOfDocuments(
      "continue",
      ...steps.map((history) => ({ [fileOf(1)]: session(1, history) })),
    );
    const content = (operation: string): unknown[] => operationsOf(told, operation).map((r) => r.content);
    const words = (content: string) => ({ type: "text", content });
    const thought = (content: string) => ({ type: "reasoning", content });
    const blob = { type: "blob", modality: "image", mime_type: "image/png", content: "AAAA" };
    const call = { type: "tool_call", id: "call_0000000000001", name: "Bash", arguments: { command: "ls" } };
    const answered = (parts: unknown[], more = {}) => ({ output_messages: [{ role: "assistant", parts, ...more }] });
    expect(content("session")).toEqual([{ system_instructions: [words("Be brief.")] }]);
    expect(content("user_message")).toEqual([userSays(words("Look."), blob)]);
    expect(content("chat")).toEqual([
      answered([thought("Where?"), words("I list."), call], { finish_reason: "tool_call" }),
      answered([thought("Not there."), words("done")]),
    ]);
    const error = { tool_result: "no such file", error_message: "no such file" };
    expect(content("execute_tool")).toEqual([{ tool_arguments: { command: "ls" }, ...error }]);
    expect(content("compaction")).toEqual([answered([words("They look.")])]);
    expect(content("other")).toEqual([{ tool_arguments: {}, tool_result: "b" }]);
    expect(operationsOf(told, "chat")[1]?.raw).toBe(JSON.stringify(last));
  }
});
