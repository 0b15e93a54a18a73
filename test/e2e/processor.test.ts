/** Proves that a processor without SIMD (on x64: without AVX) only makes weir slower: the built program finds the same. */
import { expect, test } from "bun:test";
import { MODULE as TELLER } from "../../src/archive/count/module.ts";
import { MODULE as SKIMMER } from "../../src/read/skim/module.ts";
import { fixtureHomes } from "../support/fixtures.ts";
import { scratch } from "../support/home.ts";
import { recordsIn, runExport, runSync } from "../support/runs.ts";

/** The engine's own switch. */
const env = { BUN_JSC_useWasmSIMD: "0" };

test("without SIMD no module can be run", () => {
  const ask = (text: string): string =>
    `if (WebAssembly.validate(Buffer.from(${JSON.stringify(text)}, "base64"))) process.exit(1)`;
  for (const module of [SKIMMER, TELLER]) {
    const asked = (variables: Record<string, string>) =>
      Bun.spawnSync([process.execPath, "-e", ask(module)], { env: variables }).exitCode;
    expect([asked({}), asked(env)]).toEqual([1, 0]);
  }
});

test("every fixture home is archived, and counts, the same without SIMD", () => {
  for (const { name, path } of fixtureHomes) {
    const found = [{}, env].map((variables) => {
      using place = scratch({ fast: true });
      const { status } = runSync({ ...place, home: path }, ["--quiet"], { env: variables });
      const { stdout } = runExport(place, [], { env: variables });
      return { status, records: recordsIn(stdout).map(({ host: _, ...record }) => record) };
    });
    expect([name, found[1]]).toEqual([name, found[0]]);
  }
}, 120_000);
