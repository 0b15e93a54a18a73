/** Proves that the recipes for jq give an answer, and the first of them the right one; the others are for `npm run recipes`. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { blocksOf, type Kitchen, kitchen } from "../support/recipes.ts";
import { programPath } from "../support/weir.ts";

const lines = blocksOf("jq").flatMap((block) => block.split("\n"));
const hasJq = Bun.which("jq") !== null;
if (!hasJq) console.warn("jq is not installed: its recipes are not tried");

test("the recipes are found", () => {
  expect(lines.length).toBeGreaterThan(4);
  for (const tool of ["DuckDB", "ClickHouse", "pandas"]) expect(blocksOf(tool).length).toBeGreaterThan(2);
});

describe.skipIf(!hasJq)("jq", () => {
  let here: Kitchen;
  beforeAll(() => {
    here = kitchen();
    mkdirSync(join(here.place.root, "bin"));
    symlinkSync(programPath(), join(here.place.root, "bin/weir"));
  });
  afterAll(() => here[Symbol.dispose]());

  function cook(line: string): string {
    const { root, data, home } = here.place;
    const env = { PATH: `${join(root, "bin")}:${process.env.PATH}`, WEIR_DATA_DIR: data, HOME: home };
    const options = { cwd: root, env, stdin: "ignore", stdout: "pipe", stderr: "pipe" } as const;
    const { exitCode, stdout, stderr } = Bun.spawnSync(["bash", "-c", `set -o pipefail; ${line}`], options);
    expect({ exitCode, stderr: stderr.toString() }).toEqual({ exitCode: 0, stderr: "" });
    return stdout.toString();
  }

  test.each(lines)("%s", (line) => {
    expect(cook(line).trim()).not.toBe("");
  });

  const table = (line = ""): string[][] =>
    cook(line)
      .trim()
      .split("\n")
      .map((row) => row.split("\t"));

  test("days follow each other", () => {
    const days = table(lines.find((line) => line.includes(".time[:10]"))).map(([day]) => day);
    expect(days.length).toBeGreaterThan(1);
    expect(days).toEqual(days.toSorted());
  });

  test("the first gives the tokens of every model, the most first", () => {
    const rows = table(lines[0]);
    const sums = rows.map(([, tokens]) => Number(tokens));
    expect(sums).toEqual(sums.toSorted((a, b) => b - a));
    expect(new Map(rows.map(([model = "", tokens]) => [model, Number(tokens)]))).toEqual(new Map(here.tokens));
  });
});
