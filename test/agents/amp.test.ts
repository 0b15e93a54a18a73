/** Owns the proof that a thread's calls are counted once, whether its ledger or its messages tell them. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { figuresOf, syncHome, toldIn } from "../support/agent.ts";
import { operationsOf, tellOfDocuments, tokensOf } from "../support/documents.ts";
import { scratch } from "../support/home.ts";

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
