/** Proves how records become trees: turns, what stands in them, subagents below the tool that called them, stable ids. */
import { describe, expect, test } from "bun:test";
import { settledNodes } from "../../src/export/settled.ts";
import { type Node, treeOf } from "../../src/export/tree.ts";
import { derivedTraceId } from "../../src/record/identity.ts";
import type { WeirRecord } from "../../src/record/schema.ts";

let number = 0;

/** A record of session `s`, so many seconds after midnight. */
function record(operation: WeirRecord["operation"], at: number, more: Partial<WeirRecord> = {}): WeirRecord {
  const id = (++number).toString(16).padStart(32, "0").split("").reverse().join("");
  const time = new Date(Date.UTC(2025, 2, 1) + at * 1000).toISOString();
  const end_time = new Date(Date.UTC(2025, 2, 1) + at * 1000 + 500).toISOString();
  return {
    v: 1,
    id,
    fact: id,
    rev: 0,
    agent: "claude-code",
    stream: "transcript",
    session_id: "s",
    operation,
    time,
    end_time,
    source: { path: "x" },
    host: "h",
    ...more,
  };
}

const tree = (records: readonly WeirRecord[]): readonly Node[] =>
  treeOf({ root: "s", records, archived: "2025-04-01T00:00:00Z" });

/** The tree as indented names, in the order of time. */
function drawn(nodes: readonly Node[]): string[] {
  const lines: string[] = [];
  const draw = (parent: Node | undefined, indent: string): void => {
    const below = nodes.filter((node) => node.parent === parent);
    for (const node of below) {
      const { operation, tool, model, subagent } = node.record;
      lines.push(`${indent}${operation} ${tool?.name ?? model ?? subagent?.name ?? ""}`.trimEnd());
      draw(node, `${indent}  `);
    }
  };
  draw(undefined, "");
  return lines;
}

const chat = (at: number, model: string, more = {}): WeirRecord =>
  record("chat", at, { model, provider: "anthropic", ...more });
const tool = (at: number, name: string, call_id: string, more = {}): WeirRecord =>
  record("execute_tool", at, { tool: { name, call_id }, ...more });

describe("turns", () => {
  test("gather what happened in them, and reach as far", () => {
    const nodes = tree([
      record("user_message", 0, { turn: 0, end_time: undefined }),
      chat(1, "a", { turn: 0 }),
      tool(2, "Bash", "c1", { turn: 0 }),
      record("user_message", 10, { turn: 1, end_time: undefined }),
      chat(11, "b", { turn: 1 }),
    ]);
    expect(drawn(nodes)).toEqual(["invoke_agent", "  chat a", "  execute_tool Bash", "invoke_agent", "  chat b"]);
    const [first] = nodes;
    expect(first?.start[1]).toBe(0);
    expect(first!.end[0] - first!.start[0]).toBe(2);
    expect(first?.record.provider).toBe("anthropic");
    expect(first?.notes).toHaveLength(1);
    expect(new Set(nodes.map((n) => n.traceId))).toEqual(new Set([derivedTraceId("s")]));
  });

  test("keep their ids when more becomes known", () => {
    const early = [chat(1, "a", { turn: 0 })];
    const late = [...early, chat(3, "b", { turn: 0 })];
    const id = (records: WeirRecord[]): string | undefined => tree(records)[0]?.spanId;
    expect(id(late)).toBe(id(early)!);
  });

  test("take what does not say its turn by its time", () => {
    const nodes = tree([
      record("user_message", 0, { turn: 0 }),
      record("user_message", 10, { turn: 1 }),
      chat(1, "a"),
      chat(11, "b"),
    ]);
    expect(drawn(nodes)).toEqual(["invoke_agent", "  chat a", "invoke_agent", "  chat b"]);
  });

  test("whose end nobody told reach as far as what happened in them", () => {
    const nodes = tree([
      record("invoke_agent", 0, { turn: 0, open: true, end_time: undefined }),
      chat(3, "a", { turn: 0 }),
      record("invoke_agent", 10, { turn: 1 }),
      chat(13, "b", { turn: 1 }),
    ]);
    const ends = nodes.filter((n) => n.record.operation === "invoke_agent").map((n) => n.end);
    const midnight = Date.UTC(2025, 2, 1) / 1000;
    expect(ends).toEqual([
      [midnight + 3, 500_000_000],
      [midnight + 10, 500_000_000],
    ]);
  });

  test("that end with an error have failed", () => {
    const nodes = tree([
      chat(1, "a", { turn: 0 }),
      record("error", 5, { turn: 0, status: "error", error_type: "overloaded" }),
    ]);
    expect(nodes[0]?.record).toMatchObject({ status: "error", error_type: "overloaded" });
  });
});

describe("subagents", () => {
  const sub = { id: "sub1", name: "explorer" };

  test("stand below the tool whose call id they tell", () => {
    const nodes = tree([
      chat(1, "a", { turn: 0 }),
      tool(2, "Agent", "c1", { turn: 0, end_time: new Date(Date.UTC(2025, 2, 1) + 9000).toISOString() }),
      tool(2, "Agent", "c2", { turn: 0, end_time: new Date(Date.UTC(2025, 2, 1) + 9000).toISOString() }),
      record("invoke_agent", 3, { subagent: sub, tool: { call_id: "c2" } }),
      chat(4, "b", { subagent: sub }),
    ]);
    expect(drawn(nodes)).toEqual([
      "invoke_agent",
      "  chat a",
      "  execute_tool Agent",
      "  execute_tool Agent",
      "    invoke_agent explorer",
      "      chat b",
    ]);
  });

  test("without a record of their own stand below the agent tool that was running", () => {
    const nodes = tree([
      chat(1, "a", { turn: 0 }),
      tool(2, "task", "c1", { turn: 0 }),
      chat(2.2, "b", { subagent: sub }),
      tool(2.3, "task", "c9", { subagent: sub }),
    ]);
    expect(drawn(nodes)).toEqual([
      "invoke_agent",
      "  chat a",
      "  execute_tool task",
      "    invoke_agent explorer",
      "      chat b",
      "      execute_tool task",
    ]);
  });

  test("with a session of their own are in their parent's trace", () => {
    const child = { session_id: "child", parent_session_id: "s" };
    const nodes = tree([
      chat(1, "a", { turn: 0 }),
      tool(2, "spawn_agent", "c1", { turn: 0 }),
      chat(2.1, "b", { ...child, turn: 0 }),
      chat(20, "c", { ...child, turn: 1 }),
    ]);
    expect(drawn(nodes)).toEqual([
      "invoke_agent",
      "  chat a",
      "  execute_tool spawn_agent",
      "    invoke_agent",
      "      chat b",
      "    invoke_agent",
      "      chat c",
    ]);
    expect(new Set(nodes.map((n) => n.traceId)).size).toBe(1);
  });
});

describe("real spans", () => {
  const trace_id = "0af7651916cd43dd8448eb211c80319c";
  const span = (n: string): string => `b7ad6b716920${n.padStart(4, "0")}`;

  test("keep their ids and their parents", () => {
    const nodes = tree([
      record("invoke_agent", 0, { trace_id, span_id: span("1") }),
      chat(1, "a", { trace_id, span_id: span("2"), parent_span_id: span("1") }),
      chat(2, "b", { trace_id, span_id: span("3"), parent_span_id: span("9") }),
    ]);
    expect(nodes.map((n) => [n.spanId, n.parent?.spanId ?? n.elsewhere, n.traceId])).toEqual([
      [span("1"), undefined, trace_id],
      [span("3"), span("9"), trace_id],
      [span("2"), span("1"), trace_id],
    ]);
  });

  test("are handed up past spans that are not exported", () => {
    const nodes = tree([
      record("invoke_agent", 0, { trace_id, span_id: span("1") }),
      record("other", 1, { trace_id, span_id: span("2"), parent_span_id: span("1"), name: "permission" }),
      tool(2, "edit", "c", { trace_id, span_id: span("3"), parent_span_id: span("2") }),
    ]);
    expect(drawn(nodes)).toEqual(["invoke_agent", "  execute_tool edit"]);
    expect(nodes[0]?.notes).toHaveLength(1);
  });

  test("with counters for ids get derived ones", () => {
    const nodes = tree([
      record("invoke_agent", 0, { trace_id, span_id: "0000000000000001" }),
      chat(1, "a", { trace_id, span_id: "0000000000000002", parent_span_id: "0000000000000001" }),
    ]);
    expect(nodes[0]?.spanId).toBe(nodes[0]!.record.id.slice(0, 16));
    expect(nodes[1]?.parent).toBe(nodes[0]);
  });
});

describe("a turn is sent", () => {
  const now = Date.UTC(2025, 2, 1);
  const settled = (records: WeirRecord[], seconds: number): number => {
    const nodes = tree(records);
    return settledNodes(nodes, records, now + seconds * 1000).size;
  };

  test("when another one has begun, or nothing has changed for two minutes", () => {
    const records = [chat(1, "a", { turn: 0 }), chat(10, "b", { turn: 1 })];
    expect(settled(records, 11)).toBe(2);
    expect(settled(records, 131)).toBe(4);
  });

  test("when its times are far ahead, for they are those of a clock that was wrong", () => {
    const records = [chat(1, "a", { turn: 0 })];
    expect(settled(records, -3600)).toBe(0);
    expect(settled(records, -90_000)).toBe(2);
  });

  test("not while a tool call waits for its result, for an hour", () => {
    const records = [chat(1, "a", { turn: 0 }), tool(2, "Bash", "c", { turn: 0, open: true, end_time: undefined })];
    expect(settled(records, 600)).toBe(0);
    expect(settled(records, 3700)).toBe(3);
  });
});

test("records that tell no time stand where their session does, or where they were archived", () => {
  const timeless = { time: undefined, end_time: undefined, turn: 0 };
  expect(tree([chat(1, "a", timeless)])[1]?.start).toEqual([Date.UTC(2025, 3, 1) / 1000, 0]);
  const both = tree([chat(1, "a", timeless), chat(5, "b", { turn: 0 })]);
  expect(new Set(both.map((node) => node.start[0]))).toEqual(new Set([Date.UTC(2025, 2, 1) / 1000 + 5]));
});
