/** Owns the proof that stores which older versions of Claude Code and Codex wrote are counted as those versions were served. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { WeirRecord } from "../../src/record/schema.ts";
import { figuresOf, syncHome, toldIn } from "../support/agent.ts";
import { fixtureHomes } from "../support/fixtures.ts";
import { scratch } from "../support/home.ts";

const older = fixtureHomes.filter(
  ({ agent, name }) => (agent === "claude-code" || agent === "codex") && name !== agent,
);

/** The calls of each session, with their tokens. */
function bySession(records: readonly WeirRecord[]): Record<string, { calls: number; tokens: number }> {
  const sums: Record<string, { calls: number; tokens: number }> = {};
  for (const { operation, session_id, usage } of records) {
    if (operation !== "chat" || !usage) continue;
    const before = sums[session_id!] ?? { calls: 0, tokens: 0 };
    const tokens = before.tokens + usage.input_tokens! + usage.output_tokens!;
    sums[session_id!] = { calls: before.calls + 1, tokens };
  }
  return sums;
}

describe("stores of older versions", () => {
  test("there are some of both agents", () => {
    expect(older.map(({ name }) => name)).toEqual([
      "claude-code/1.0",
      "claude-code/2.0",
      "claude-code/branch",
      "codex/0.120",
      "codex/0.44",
    ]);
  });

  for (const { name, agent, path } of older) {
    test(`${name}: calls, tokens and tools, by model and by session`, async () => {
      using place = scratch();
      const expected = JSON.parse(readFileSync(join(path, "../expected.json"), "utf8")).on_disk;
      const { records, summary } = toldIn(place.data, await syncHome(agent, path, place.data));
      const { by_model, tool_calls, sessions } = figuresOf(records);
      expect(by_model).toMatchObject(expected.by_model);
      expect(Object.keys(by_model as object).sort()).toEqual(Object.keys(expected.by_model).sort());
      expect(tool_calls).toBe(expected.tool_calls);
      expect(sessions).toEqual(expect.arrayContaining(expected.sessions));
      expect(bySession(records)).toEqual(expected.by_session);
      expect(summary).toMatchObject({ unknown: {}, quarantined: [] });
    });
  }
});
