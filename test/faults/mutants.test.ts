/**
 * Proves that the suite would notice a broken protocol: twenty mutants, each a small change of a copy of the sources,
 * each noticed by the scenario that it names. On the sources as they are, every scenario holds.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Scratch, scratch } from "../support/home.ts";
import { type Change, mutants } from "./mutants.ts";
import { scenarios } from "./scenarios.ts";

const project = join(import.meta.dir, "../..");
const HELD = 0;
const BROKEN = 42;
const LIMIT = { timeout: 120_000 };

let place: Scratch;

beforeAll(() => {
  place = scratch({ fast: true });
});

afterAll(() => place[Symbol.dispose]());

/** A copy of sources and tests in which these changes are made. Throws when one no longer fits. */
function copyWith(changes: readonly Change[]): string {
  const copy = join(place.root, "copy");
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(copy);
  for (const folder of ["src", "test/support", "test/faults"])
    cpSync(join(project, folder), join(copy, folder), { recursive: true });
  for (const shared of ["node_modules", "fixtures", "package.json"])
    symlinkSync(join(project, shared), join(copy, shared));
  for (const { file, from, to } of changes) {
    const path = join(copy, "src", file);
    const source = readFileSync(path, "utf8");
    const parts = source.split(from);
    if (parts.length !== 2)
      throw new Error(`src/${file} holds this ${parts.length - 1} times instead of once; mend the mutant:\n${from}`);
    writeFileSync(path, parts.join(to));
  }
  return copy;
}

/** Runs a scenario in a process of its own on a copy of the sources. */
function run(copy: string, scenario: string): { status: number | null; said: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync(
    [process.execPath, join(copy, "test/faults/scenarios.ts"), scenario],
    {
      cwd: copy,
      env: { PATH: process.env.PATH ?? "", TZ: "UTC" },
      timeout: 60_000,
    },
  );
  return { status: exitCode, said: stdout.toString() + stderr.toString() };
}

describe("holds", () => {
  for (const [name, scenario] of Object.entries(scenarios)) test(name, scenario, LIMIT);
});

describe("a mutant is noticed", () => {
  test("there are the twenty that the issue names, each with another change", () => {
    expect(new Set(mutants.map(({ changes }) => JSON.stringify(changes))).size).toBe(20);
  });

  test("a copy without a change is not", () => {
    expect(run(copyWith([]), "a kill after any call")).toEqual({ status: HELD, said: "" });
  });

  for (const { name, changes, scenario } of mutants)
    test(
      `${name}: ${scenario}`,
      () => {
        const { status, said } = run(copyWith(changes), scenario);
        if (status === HELD) throw new Error("the mutant survives");
        if (status !== BROKEN) throw new Error(`the mutant cannot run: ${said}`);
        if (process.env.WEIR_SHOW_MUTANTS) console.log(`${name}: ${said.trim()}`);
      },
      LIMIT,
    );
});
