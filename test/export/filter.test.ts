/** Proves that a turn that no record tells is exported with whatever in it passes the filters, and its counts stay those of all of it. */
import { describe, expect, test } from "bun:test";
import { type Filter, select } from "../../src/export/filter.ts";
import { treeOf } from "../../src/export/tree.ts";
import type { WeirRecord } from "../../src/record/schema.ts";

const ALL: Filter = { agents: [], sessions: [], models: [], operations: [] };
const at = (second: number): number => Date.UTC(2025, 2, 1) + second * 1000;

function record(operation: WeirRecord["operation"], second: number, more: Partial<WeirRecord>): WeirRecord {
  const id = Bun.hash(`${operation}${second}`).toString(16).padStart(32, "0");
  const time = new Date(at(second)).toISOString();
  const about = { agent: "claude-code", stream: "transcript", session_id: "s", source: { path: "x" }, host: "h" };
  return { v: 1, id, fact: id, rev: 0, ...about, operation, time, end_time: time, ...more };
}

const RECORDS = [
  record("user_message", 0, { turn: 0 }),
  record("chat", 1, { turn: 0, model: "a" }),
  record("user_message", 10, { turn: 1 }),
  record("chat", 11, { turn: 1, model: "b" }),
  record("execute_tool", 12, { turn: 1, tool: { name: "Bash", call_id: "c" } }),
];

/** What of these records' tree is told, by operation and turn. */
function told(filter: Partial<Filter>): string[] {
  const nodes = treeOf({ root: "s", records: RECORDS, archived: "2025-04-01T00:00:00Z" });
  return select(nodes, RECORDS, { ...ALL, ...filter })
    .nodes.map(({ record: r }) => `${r.operation} ${r.turn}`)
    .sort();
}

describe("a turn that no record tells is exported", () => {
  test("with whatever in it passes the bounds of time", () => {
    expect(told({ since: at(5) })).toEqual(["chat 1", "execute_tool 1", "invoke_agent 1"]);
    expect(told({ until: at(5) })).toEqual(["chat 0", "invoke_agent 0"]);
    expect(told({ since: at(10), until: at(11) })).toEqual(["invoke_agent 1"]);
    expect(told({ since: at(20) })).toEqual([]);
  });

  test("with a call of the model that is asked for", () => {
    expect(told({ models: ["b"] })).toEqual(["chat 1", "invoke_agent 1"]);
  });

  test("only where its operation is asked for", () => {
    expect(told({ operations: ["chat"] })).toEqual(["chat 0", "chat 1"]);
    expect(told({ operations: ["invoke_agent"], since: at(5) })).toEqual(["invoke_agent 1"]);
  });

  test("never without its session or agent", () => {
    expect(told({ sessions: ["other"] })).toEqual([]);
    expect(told({ agents: ["codex"] })).toEqual([]);
    expect(told({})).toHaveLength(5);
  });
});
