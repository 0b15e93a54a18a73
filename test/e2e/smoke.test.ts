/** Proves the least that any released executable must do; `WEIR_TEST_DIST` names the folder of the one that is tried. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { writeCalls } from "../support/claude.ts";
import { scratch } from "../support/home.ts";
import { runSync } from "../support/runs.ts";
import { shell, weir } from "../support/weir.ts";

const LONG = { timeout: 120_000 };
const { version } = JSON.parse(readFileSync(join(import.meta.dir, "../../package.json"), "utf8"));

test("it tells its version", () => {
  expect(weir(["--version"])).toMatchObject({ status: 0, stdout: `weir ${version}\n`, stderr: "" });
});

test(
  "20 MB go through a pipe whole; a reader that takes one line gets it, and ends the export with 0",
  () => {
    using place = scratch({ fast: true });
    const calls = 50_000;
    writeCalls(place, calls);
    expect(runSync(place).status).toBe(0);
    const args = ["export", "--operation", "chat", "--data-dir", place.data];
    const [lines, bytes] = weir(args, { through: shell('"$@" | wc -lc') })
      .stdout.trim()
      .split(/\s+/)
      .map(Number);
    expect(lines).toBe(calls);
    expect(bytes).toBeGreaterThan(20e6);
    const first = weir(args, { through: shell('("$@"; echo "code $?" >&2) | head -1') });
    expect(JSON.parse(first.stdout)).toMatchObject({ v: 1, operation: "chat" });
    expect(first.stderr).toBe("code 0\n");
  },
  LONG,
);
