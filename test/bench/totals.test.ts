/** Proves that the bench fails on a wrong total, and says of each figure whether its aim is met. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { scratch } from "../support/home.ts";
import { programPath } from "../support/weir.ts";
import { goalsTable } from "./figures.ts";
import type { Manifest } from "./gen-corpus.ts";
import { ENV, generate, must, NOWHERE } from "./peers.ts";
import { checkCcusage, checkWeir, WrongTotal } from "./totals.ts";

const env = { ...ENV, HOME: NOWHERE };

describe("every run of the bench is held against the truth", () => {
  for (const [agent, make] of [
    ["claude", ["--claude-mb", "1"]],
    ["codex", ["--codex-mb", "1"]],
    ["copilot", ["--copilot-spans", "200"]],
  ] as const)
    test(`one token more or less of ${agent} is an error`, async () => {
      using place = scratch();
      const { home, data } = place;
      generate(home, make);
      must([programPath(), "sync", "--quiet", "--home", home, "--data-dir", data], env);
      const part = (JSON.parse(readFileSync(join(home, "manifest.json"), "utf8")) as Manifest)[agent];
      await checkWeir(programPath(), data, env, agent, part);
      const [model = "", tokens] = Object.entries(part.by_model)[0] ?? [];
      for (const key of ["calls", "input", "output", "cache_read"] as const) {
        const other = { ...part, by_model: { ...part.by_model, [model]: { ...tokens!, [key]: tokens![key] + 1 } } };
        await expect(checkWeir(programPath(), data, env, agent, other)).rejects.toThrow(WrongTotal);
      }
    });

  test("also of the peer", () => {
    const tokens = { calls: 1, input: 10, output: 3, cache_creation: 2, cache_read: 4, reasoning: 0 };
    const part = { files: 1, lines: 1, bytes: 1, llm_calls: 1, tool_calls: 0, sessions: 1, by_model: { m: tokens } };
    const printed = (inputTokens: number): string =>
      JSON.stringify({ totals: { inputTokens, outputTokens: 3, cacheReadTokens: 4, cacheCreationTokens: 2 } });
    checkCcusage(printed(10), "claude", part);
    checkCcusage(printed(6), "codex", part);
    expect(() => checkCcusage(printed(11), "claude", part)).toThrow("inputTokens: expected 10, got 11");
  });
});

test("a figure meets its goal, its stretch or neither, whichever way is better", () => {
  const verdicts = (figure: "cold" | "export", ...values: number[]): string[] =>
    values.map((value) => /(MISSED|stretch met|met) +\|/.exec(goalsTable([{ figure, of: "x", value }]))?.[1] ?? "");
  expect(verdicts("cold", 0.56, 0.55, 0.4)).toEqual(["MISSED", "met", "stretch met"]);
  expect(verdicts("export", 79_999, 80_000, 120_000)).toEqual(["MISSED", "met", "stretch met"]);
});
