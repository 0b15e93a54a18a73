/** Proves that a tree's lines fit the terminal, and that each day is told once. */
import { expect, test } from "bun:test";
import { count, fit, show } from "../../src/cli/text.ts";
import type { Filter } from "../../src/export/filter.ts";
import { treeText } from "../../src/export/text.ts";
import { familiesOfArchive, syncInto } from "../support/archive.ts";
import { fixtureHomes } from "../support/fixtures.ts";
import { scratch } from "../support/home.ts";

const ALL: Filter = { agents: [], sessions: [], models: [], operations: [] };
const plain = (text: string): string => text;

async function linesOf(home: string, ...widths: number[]): Promise<string[][]> {
  using place = scratch({ fast: true });
  await syncInto(place.data, home);
  const families = [...(await familiesOfArchive(place.data))];
  return widths.map((columns) => {
    const style = { dim: plain, red: plain, bold: plain, show, count, fit, columns };
    return families.flatMap((family) => treeText(family, ALL, style).split("\n"));
  });
}

test("no line of a tree is wider than a terminal of 80 columns, and none is cut where there is none", async () => {
  let cut = 0;
  for (const { path } of fixtureHomes) {
    const [narrow = [], wide = []] = await linesOf(path, 80, Number.POSITIVE_INFINITY);
    expect(narrow).toHaveLength(wide.length);
    for (const [at, line] of narrow.entries()) {
      expect(Bun.stringWidth(line)).toBeLessThanOrEqual(80);
      if (line !== wide[at]) cut++;
    }
    expect(wide.join("\n")).not.toContain("…");
  }
  expect(cut).toBeGreaterThan(0);
});

test("the day is told once, and again where another one begins", async () => {
  const [home] = fixtureHomes.filter(({ name }) => name === "claude-code");
  const [lines = []] = await linesOf(home!.path, 80);
  const days = lines.filter((line) => /\d{4}-\d\d-\d\d/.test(line));
  const trees = lines.filter((line) => line.startsWith("claude-code  "));
  expect(days).toHaveLength(trees.length);
  for (const line of lines.filter((line) => /^[ │├└]/.test(line))) expect(line).toMatch(/\d\d:\d\d:\d\d/);
});
