/** Proves that the compiled modules that weir loads are those that their sources compile to. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compiled, MODULES } from "../.ci/wasm.ts";

for (const each of MODULES)
  test(`the ${each.name} that is loaded is the one that its source compiles to`, () => {
    expect(readFileSync(join(import.meta.dir, "..", each.module), "utf8")).toBe(compiled(each));
  }, 60_000);
