/** Owns the proof that Windsurf's steps are told once, whether its transcripts grow or are written anew. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { figuresOf, syncHome, toldIn } from "../support/agent.ts";
import { operationsOf, tellOfDocuments } from "../support/documents.ts";
import { scratch } from "../support/home.ts";

const fixture = join(import.meta.dir, "../../fixtures/agents/windsurf");
const FILE = ".windsurf/transcripts/11111111-0000-4000-8000-000000000001.jsonl";
const step = (type: string, told: object = {}, status = "done") => ({ status, type, [type]: told });

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
