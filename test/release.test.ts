/** Proves that a release is built on the pinned runtimes or not at all. */
import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileName, PLATFORMS, RUNTIME_VERSION } from "../.ci/targets.ts";
import { scratch } from "./support/home.ts";

const root = join(import.meta.dir, "..");
const json = (name: string) => JSON.parse(readFileSync(join(root, name), "utf8"));

test("the runtimes are those of the Bun that builds, with the hashes that the lock file has", () => {
  expect(json("package.json").devDependencies.bun).toBe(RUNTIME_VERSION);
  const locked = json("package-lock.json").packages;
  const known = PLATFORMS.filter(({ runtime }) => locked[`node_modules/${runtime}`]);
  expect(known.length).toBeGreaterThan(4);
  for (const { runtime, integrity } of known) {
    const { version, integrity: wanted } = locked[`node_modules/${runtime}`];
    expect({ runtime, version, integrity }).toEqual({ runtime, version: RUNTIME_VERSION, integrity: wanted });
  }
});

test("every platform has a file of its own", () => {
  expect(PLATFORMS.map(fileName).sort()).toEqual([
    "weir-darwin-arm64",
    "weir-darwin-x64",
    "weir-linux-arm64",
    "weir-linux-x64",
    "weir-linux-x64-musl",
    "weir-windows-x64.exe",
  ]);
});

describe.skipIf(process.platform === "win32")("a runtime", () => {
  /** Asks for a runtime where `npm` is this script. */
  function asked(script: string): { output: string; isKept: boolean } {
    using place = scratch();
    chmodSync(place.write("bin/npm", `#!/bin/sh\n${script}\n`), 0o755);
    const folder = join(place.root, "runtimes");
    const targets = JSON.stringify(join(root, ".ci/targets.ts"));
    const code = `const { PLATFORMS, runtimeOf } = await import(${targets}); runtimeOf(PLATFORMS[0], ${JSON.stringify(folder)});`;
    const env = { PATH: `${join(place.home, "bin")}:${process.env.PATH}` };
    const child = Bun.spawnSync([process.execPath, "-e", code], { env, stdout: "pipe", stderr: "pipe" });
    expect(child.exitCode).toBe(1);
    const isKept = existsSync(join(folder, `linux-x64-${RUNTIME_VERSION}`));
    return { output: child.stderr.toString(), isKept };
  }

  test("that cannot be had is an error that tells why", () => {
    expect(asked("echo E404 not here >&2; exit 1")).toEqual({
      output: expect.stringContaining("npm pack: E404 not here"),
      isKept: false,
    });
  });

  test("that is not the pinned one is refused", () => {
    // npm pack --silent --pack-destination FOLDER PACKAGE
    const { output, isKept } = asked('echo evil > "$4/oven-bun.tgz"');
    expect({ output, isKept }).toEqual({
      output: expect.stringContaining("is not the pinned one: sha512-"),
      isKept: false,
    });
  });
});
