/** Owns the proof that a thread's calls are counted once, whether its ledger or its messages tell them. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { figuresOf, syncHome, toldIn } from "../support/agent.ts";
import { operationsOf, tellOfDocuments, tellTextsOfDocuments, tokensOf } from "../support/documents.ts";
import { scratch } from "../support/home.ts";
import { agentRoots } from "../support/places.ts";
import { assistantSays, textsByOperation, userSays } from "../support/texts.ts";

const fixture = join(import.meta.dir, "../../fixtures/agents/amp");
const ID = "T-01990000-0000-7000-8000-0000000000ff";
const FILE = `.local/share/amp/threads/${ID}.json`;
const at = (second: number): string => new Date(Date.UTC(2026, 1, 1, 9, 0, second)).toISOString();
const user = (messageId: number, text = "go on") => ({
  role: "user",
  messageId,
  content: [{ type: "text", text }],
  meta: { sentAt: Date.parse(at(messageId)) },
});
const usage = (second: number, more = {}) => ({
  model: "m",
  inputTokens: 20,
  outputTokens: 10,
  cacheReadInputTokens: 60,
  cacheCreationInputTokens: 20,
  timestamp: at(second),
  ...more,
});
const answer = (messageId: number, second: number, type = "complete", content: readonly object[] = []) => ({
  role: "assistant",
  messageId,
  content,
  state: { type, stopReason: "end_turn" },
  usage: usage(second),
});
const use = (id: string, complete = true) => ({ type: "tool_use", complete, id, name: "Bash", input: {} });
const results = (messageId: number, id: string, status: string) => ({
  role: "user",
  messageId,
  content: [{ type: "tool_result", toolUseID: id, run: { status } }],
});
const thread = (messages: unknown, more = {}) => ({
  [FILE]: { v: 1, id: ID, created: Date.parse(at(0)), messages, ...more },
});
const event = (id: string, toMessageId: number | undefined, second: number, tokens = { input: 20, output: 10 }) => ({
  id,
  timestamp: at(second),
  model: "m",
  credits: 0.5,
  tokens,
  toMessageId,
});

test("counts exactly what stands in fixtures/agents/amp", async () => {
  using place = scratch();
  const expected = JSON.parse(readFileSync(join(fixture, "expected.json"), "utf8")).on_disk;
  const summary = await syncHome("amp", join(fixture, "home"), place.data);
  const figures = figuresOf(toldIn(place.data, summary).records);
  for (const [name, model] of Object.entries(expected.by_model) as [string, Record<string, number>][])
    expect(model).toMatchObject((figures.by_model as Record<string, object>)[name] ?? {});
  expect(figures).toMatchObject({ tool_calls: expected.tool_calls, sessions: expected.sessions });
  expect(summary.unknown).toEqual({});
});

test("the ledger is believed where there is one, with the caches of the messages; it may come later", async () => {
  const messages = [user(0), answer(1, 4), answer(3, 9)];
  const ledger = { usageLedger: { events: [event("l1", 1, 4), event("l2", 3, 9), event("l3", undefined, 10)] } };
  for (const steps of [[thread(messages, ledger)], [thread(messages), thread(messages, ledger)]]) {
    const told = await tellOfDocuments("amp", ...steps);
    expect(operationsOf(told, "chat").map((r) => r.usage?.input_tokens)).toEqual([100, 100, 20]);
    expect(operationsOf(told, "chat")[0]?.attributes).toMatchObject({ credits: 0.5 });
  }
  expect(tokensOf(await tellOfDocuments("amp", thread(messages)))).toEqual({ input: 200, output: 20 });
});

test("an answer counts when it is finished, however it ended; what debugging says of it does not", async () => {
  const debug = { "~debug": { lastInferenceUsage: usage(9, { inputTokens: 999 }) } };
  const running = thread([user(0), answer(1, 4, "streaming", [use("t1", false)])], debug);
  const early = await tellOfDocuments("amp", running);
  expect(operationsOf(early, "chat")).toEqual([]);
  expect(operationsOf(early, "execute_tool")).toEqual([]);
  const ended = thread([user(0), answer(1, 4, "cancelled", [use("t1")])], debug);
  const told = await tellOfDocuments("amp", running, ended);
  expect(operationsOf(told, "chat")).toMatchObject([{ status: "error", error_type: "cancelled", turn: 0 }]);
  expect(tokensOf(told)).toEqual({ input: 100, output: 10 });
});

test("traces tell when calls, tools and runs began and ended", async () => {
  const trace = (name: string, from: number, to: number, messageId: number) => ({
    name,
    id: `${name}${from}`,
    startTime: at(from),
    endTime: at(to),
    context: { messageId },
  });
  const traces = [
    trace("agent", 1, 9, 0),
    trace("inference", 2, 4, 0),
    trace("tools", 4, 6, 1),
    trace("inference", 6, 9, 0),
  ];
  const messages = [user(0), answer(1, 4, "complete", [use("t1")]), results(2, "t1", "done"), answer(3, 9)];
  const told = await tellOfDocuments("amp", thread(messages, { meta: { traces } }));
  expect(operationsOf(told, "chat").map((r) => r.duration_ms)).toEqual([2000, 3000]);
  expect(operationsOf(told, "execute_tool")).toMatchObject([{ duration_ms: 2000, status: "ok" }]);
  expect(operationsOf(told, "invoke_agent")).toMatchObject([{ duration_ms: 8000, turn: 0 }]);
});

test("a tool is open until its run has ended", async () => {
  const step = (status: string) => thread([user(0), answer(1, 4, "complete", [use("t1")]), results(2, "t1", status)]);
  const told = await tellOfDocuments("amp", step("in-progress"));
  expect(operationsOf(told, "execute_tool")).toMatchObject([{ open: true }]);
  const rejected = await tellOfDocuments("amp", step("in-progress"), step("rejected-by-user"));
  expect(operationsOf(rejected, "execute_tool")).toMatchObject([{ status: "error", error_type: "rejected-by-user" }]);
  expect(operationsOf(rejected, "execute_tool")[0]?.open).toBeUndefined();
  expect(operationsOf(rejected, "user_message")).toHaveLength(1);
});

test("a thread that the server keeps is no session; a message that was taken back is kept", async () => {
  expect((await tellOfDocuments("amp", thread([]))).all).toEqual([]);
  const told = await tellOfDocuments(
    "amp",
    thread([user(0), answer(1, 4), user(2), answer(3, 9)]),
    thread([user(0), answer(1, 4)]),
  );
  expect(operationsOf(told, "chat")).toHaveLength(2);
});

test("a copied thread's calls, prompts and tools count in the thread that made them", async () => {
  const long = "toolu_01AbCdEfGhIjKlMn";
  const first = [user(0), answer(1, 4, "complete", [use(long)]), results(2, long, "done"), answer(3, 9)];
  const copy = "T-01990000-0000-7000-8000-000000000001";
  const fork = { ...thread([...first, user(14), answer(15, 20)])[FILE], id: copy, created: Date.parse(at(10)) };
  const files = [thread(first), { [FILE.replace(ID, copy)]: fork }];
  for (const steps of [files, files.toReversed(), [Object.assign({}, ...files)]]) {
    const told = await tellOfDocuments("amp", ...steps);
    const per = (operation: string) => operationsOf(told, operation).map((r) => r.session_id === copy);
    expect(per("chat").toSorted()).toEqual([false, false, true]);
    expect(per("user_message").toSorted()).toEqual([false, true]);
    expect(per("execute_tool")).toEqual([false]);
  }
});

test("events of the ledger without an id or a message are calls too, and an id of a message may be a text", async () => {
  const { id: _a, ...nameless } = event("", undefined, 5);
  const { id: _b, ...second } = event("", undefined, 6);
  const messages = [user(0), { ...answer(1, 4), messageId: "m-1" }];
  const events = [{ ...event("l1", undefined, 4), toMessageId: "m-1" }, nameless, second, event("l4", undefined, 7)];
  const told = await tellOfDocuments("amp", thread(messages, { usageLedger: { events } }));
  expect(operationsOf(told, "chat").map((r) => r.usage?.input_tokens)).toEqual([100, 20, 20, 20]);
});

test("an id that comes again is another tool, with the result that follows it", async () => {
  const told = await tellOfDocuments(
    "amp",
    thread([
      user(0),
      answer(1, 4, "complete", [use("call_1")]),
      results(2, "call_1", "done"),
      answer(3, 9, "complete", [use("call_1")]),
      results(4, "call_1", "error"),
    ]),
  );
  expect(operationsOf(told, "execute_tool").map((r) => r.status)).toEqual(["ok", "error"]);
});

test("a summary is a compaction, other notices say nothing, an unknown role is counted", async () => {
  const notice = (messageId: number, block: object) => ({ role: "info", messageId, content: [block] });
  const told = await tellOfDocuments(
    "amp",
    thread([
      user(0),
      notice(1, { type: "summary", summary: { type: "message", summary: "PLANTED" } }),
      notice(2, { type: "manual_bash_invocation", args: {} }),
      { role: "weather", messageId: 3, content: [] },
    ]),
  );
  expect(operationsOf(told, "compaction")).toHaveLength(1);
  expect(told.summary.unknown).toEqual({ "amp/thread: role weather": 1 });
  expect(JSON.stringify(told.all)).not.toContain("PLANTED");
});

test("values of the wrong type are no numbers, and the messages around them stay right", async () => {
  const odd = [
    null,
    5,
    { role: "assistant", messageId: {}, content: 5, usage: "x", state: "complete" },
    { role: "assistant", messageId: 2, content: [null, "x", { type: "tool_use" }], usage: { inputTokens: "5" } },
    { role: "user", messageId: 3, content: "typed", meta: { sentAt: "soon" } },
    { role: "assistant", messageId: 4, state: {}, usage: { inputTokens: -1, outputTokens: Number.MAX_VALUE } },
  ];
  const more = { meta: { traces: [null, { name: "agent" }, "x"] }, env: { initial: { trees: "x" } }, usageLedger: [] };
  const told = await tellOfDocuments("amp", thread([...odd, answer(9, 9)], more));
  expect(operationsOf(told, "chat").at(-1)?.usage).toMatchObject({ input_tokens: 100, output_tokens: 10 });
  expect(operationsOf(told, "user_message")).toHaveLength(1);
  for (const document of [[], 5, { id: 5, messages: [] }, { id: "T-1", messages: {} }])
    expect((await tellOfDocuments("amp", { [FILE]: document })).summary.unknown).toEqual({
      "amp/thread: document without a thread": 1,
    });
});

test("threads that an editor's extension still keeps are found in every editor, on every platform", () => {
  const [own] = agentRoots("amp", { XDG_CONFIG_HOME: "/config", XDG_DATA_HOME: "/data" });
  expect(own).toEqual([
    "/data/amp/threads",
    ...["Code", "Code - Insiders", "VSCodium", "Cursor", "Windsurf"].map(
      (host) => `/config/${host}/User/globalStorage/sourcegraph.amp/threads3`,
    ),
  ]);
  const [others] = agentRoots("amp", {}, { given: ["/h"] });
  expect(others).toContain("/h/Library/Application Support/Code/User/globalStorage/sourcegraph.amp/threads3");
  expect(others).toContain("/h/AppData/Roaming/Cursor/User/globalStorage/sourcegraph.amp/threads3");
  expect(others).toContain("/h/AppData/Local/amp/threads");
});

test("texts stand where they belong: prompts, answers, thoughts, arguments, results, errors, summaries", async () => {
  const blocks = [
    { type: "thinking", thinking: "hm", provider: "anthropic" },
    { type: "text", text: "I look" },
    { ...use("t1"), input: { cmd: "ls" } },
  ];
  const run = { status: "error", error: { message: "no such file" } };
  const summary = { role: "info", messageId: 3, content: [{ type: "summary", summary: { summary: "so far" } }] };
  const failed = { role: "assistant", messageId: 4, content: [], state: { type: "error", error: { message: "busy" } } };
  const messages = [
    user(0),
    answer(1, 4, "complete", blocks),
    { role: "user", messageId: 2, content: [{ type: "tool_result", toolUseID: "t1", run }] },
    summary,
    failed,
  ];
  const steps = messages.map((_, i) => thread(messages.slice(0, i + 1)));
  for (const told of [
    await tellTextsOfDocuments("amp", thread(messages)),
    await tellTextsOfDocuments("amp", ...steps),
  ]) {
    expect(textsByOperation(told.records)).toEqual({
      session: undefined,
      user_message: userSays("go on"),
      chat: assistantSays(
        [
          { type: "reasoning", content: "hm" },
          "I look",
          { type: "tool_call", id: "t1", name: "Bash", arguments: { cmd: "ls" } },
        ],
        "stop",
      ),
      execute_tool: {
        tool_arguments: { cmd: "ls" },
        tool_result: "no such file",
        error_message: "no such file",
      },
      compaction: assistantSays(["so far"]),
      error: { error_message: "busy" },
    } as never);
    const raws = told.records.flatMap((r) => (r.raw === undefined ? [] : [JSON.parse(r.raw)]));
    expect(raws).toContainEqual([blocks[2], { type: "tool_result", toolUseID: "t1", run }]);
    expect(
      raws
        .map((raw) => raw.messageId)
        .filter((id) => id !== undefined)
        .toSorted(),
    ).toEqual([0, 1, 3, 4]);
  }
});
