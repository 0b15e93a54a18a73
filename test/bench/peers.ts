/** Owns the programs that weir is measured beside, and the making of corpora: each is installed or built once a run. */
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "../../build.ts";

export const CCUSAGE = "20.0.24";
export const ENV = { PATH: process.env.PATH ?? "", TZ: "UTC" };
/** For weir, whose homes are named on its command line: a home that is not there. */
export const NOWHERE = "/dev/null/nobody";

const root = join(import.meta.dir, "../..");

/** What a program prints; throws when it fails. */
export function must(cmd: readonly string[], env: Record<string, string | undefined> = process.env): string {
  const run = Bun.spawnSync({ cmd: [...cmd], cwd: root, env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  if (!run.success) throw new Error(`${cmd.join(" ")} exited ${run.exitCode}: ${run.stderr.toString().trim()}`);
  return run.stdout.toString();
}

/** Installs ccusage's native program, into a folder that git ignores, and returns its path. */
export function installCcusage(): string {
  const name = `@ccusage/ccusage-${process.platform}-${process.arch}`;
  const prefix = join(root, "dist/bench", `ccusage-${CCUSAGE}`);
  const binary = join(prefix, "node_modules", name, "bin/ccusage");
  if (!existsSync(binary)) {
    mkdirSync(prefix, { recursive: true });
    must(["npm", "install", "--no-save", "--no-audit", "--no-fund", "--prefix", prefix, `${name}@${CCUSAGE}`]);
    chmodSync(binary, 0o755);
  }
  const said = must([binary, "--version"], { ...ENV, HOME: NOWHERE }).trim();
  if (said !== `ccusage ${CCUSAGE}`) throw new Error(`expected ccusage ${CCUSAGE}, got ${said}`);
  return binary;
}

/** A program that only prints a word, built in the same way as weir. */
export async function hello(folder: string): Promise<string> {
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), '{"version":"0.0.0"}');
  writeFileSync(join(folder, "hello.ts"), 'console.log("hello");\n');
  const outfile = join(folder, "hello");
  await build({ root: folder, outfile, faults: false, entrypoints: ["hello.ts"] });
  return outfile;
}

/** Makes a corpus, or lets one grow, below `home`. */
export function generate(home: string, args: readonly string[]): void {
  must([process.execPath, join(import.meta.dir, "gen-corpus.ts"), "--home", home, ...args]);
}

export function sqliteVersion(): string {
  return must(["sqlite3", "--version"]).split(" ")[0] ?? "";
}
