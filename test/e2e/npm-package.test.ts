/** Proves that the npm packages install without a network and start the executable, with install scripts or without. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, lstatSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writePackages } from "../../.ci/npm-packages.ts";
import { isHost, PLATFORMS } from "../../.ci/targets.ts";
import { type Scratch, scratch } from "../support/home.ts";

const host = PLATFORMS.find(isHost);
const LONG = { timeout: 120_000 };

/** Stands for the executable: tells its arguments, waits for a signal, or tells each that comes within two seconds. */
const STUB = `#!/bin/sh
[ "$1" = wait ] && exec sleep 60
[ "$1" = count ] && exec node -e 'process.on("SIGINT", () => console.log("told"));
  console.log("ready"); setTimeout(() => process.exit(3), 1500)'
printf "%s|" "$@"
cat
exit 7
`;

describe.skipIf(host === undefined || process.platform === "win32")("the npm packages", () => {
  let place: Scratch;
  let archives: string[];

  beforeAll(() => {
    place = scratch();
    const path = place.write("stub", STUB);
    chmodSync(path, 0o755);
    const folders = writePackages(host ? [{ platform: host, path }] : [], join(place.root, "npm"));
    archives = folders.map((folder) => {
      const name = npm(place.root, "pack", "--silent", folder).trim();
      return join(place.root, name);
    });
  });
  afterAll(() => place[Symbol.dispose]());

  function npm(cwd: string, ...args: string[]): string {
    const env = { PATH: process.env.PATH ?? "", HOME: place.home };
    const child = Bun.spawnSync(["npm", ...args], { cwd, env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    if (!child.success) throw new Error(child.stderr.toString());
    return child.stdout.toString();
  }

  /** Installs into a new project; what the bin of the project starts is returned. */
  function installed(name: string, ...options: string[]): string {
    const project = join(place.root, name);
    mkdirSync(project);
    writeFileSync(join(project, "package.json"), '{"private":true}');
    npm(project, "install", "--offline", "--no-audit", "--no-fund", "--silent", ...options, ...archives);
    return join(project, "node_modules/.bin/weir");
  }

  async function startedBy(bin: string) {
    const run = Bun.spawnSync([bin, "a b", "--c"], { stdin: Buffer.from("input"), stdout: "pipe", stderr: "pipe" });
    expect({ output: run.stdout.toString(), status: run.exitCode }).toEqual({ output: "a b|--c|input", status: 7 });
    const waiting = Bun.spawn([bin, "wait"], { stdio: ["ignore", "ignore", "ignore"] });
    await Bun.sleep(500);
    waiting.kill("SIGTERM");
    await waiting.exited;
    expect(waiting.signalCode).toBe("SIGTERM");
  }

  /** How often the executable is told of a Ctrl-C that is typed on its terminal. */
  async function toldByCtrlC(bin: string): Promise<number> {
    let said = "";
    const ready = Promise.withResolvers<void>();
    const run = Bun.spawn([bin, "count"], {
      terminal: {
        cols: 80,
        rows: 24,
        data(_, bytes) {
          said += Buffer.from(bytes).toString();
          if (said.includes("ready")) ready.resolve();
        },
      },
    });
    await ready.promise;
    run.terminal?.write("\x03");
    expect(await run.exited).toBe(3);
    run.terminal?.close();
    return said.split("told").length - 1;
  }

  test(
    "with install scripts, the bin is the executable itself",
    async () => {
      const bin = installed("scripts", "--dangerously-allow-all-scripts");
      const executable = join(place.root, "scripts/node_modules", `weir-${host?.name}`, "weir");
      expect(statSync(bin).ino).toBe(lstatSync(executable).ino);
      await startedBy(bin);
    },
    LONG,
  );

  test(
    "without install scripts, a launcher starts it and hands on arguments, input, exit code and signals",
    async () => {
      const bin = installed("no-scripts", "--ignore-scripts");
      const executable = join(place.root, "no-scripts/node_modules", `weir-${host?.name}`, "weir");
      expect(statSync(bin).ino).not.toBe(lstatSync(executable).ino);
      await startedBy(bin);
      expect(await toldByCtrlC(bin)).toBe(1);
    },
    LONG,
  );

  test(
    "without the platform's package, the launcher says so",
    () => {
      archives = archives.slice(-1);
      const run = Bun.spawnSync([installed("alone"), "--version"], { stdout: "pipe", stderr: "pipe" });
      expect({ status: run.exitCode, stderr: run.stderr.toString() }).toEqual({
        status: 1,
        stderr: expect.stringContaining(`weir-${host?.name} is not installed`),
      });
    },
    LONG,
  );
});
