/** Owns the platforms that are released, and the runtimes that their executables are built on. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

// At 1.4.5 the baseline package's runtime is, byte for byte, the one of linux-x64; it is named for the versions where it is not.

/** The version of Bun whose runtimes the hashes below are of: the one that builds. */
export const RUNTIME_VERSION = "1.4.5";

export interface Platform {
  /** As the release names it: `weir-linux-x64`. */
  readonly name: string;
  readonly compile: Bun.Build.CompileTarget;
  /** The package of the registry that holds the runtime. */
  readonly runtime: string;
  /** The registry's hash of that package at `RUNTIME_VERSION`. */
  readonly integrity: string;
  readonly os: NodeJS.Platform;
  readonly cpu: NodeJS.Architecture;
  readonly libc?: "glibc" | "musl";
}

export const PLATFORMS: readonly Platform[] = [
  {
    name: "linux-x64",
    compile: "bun-linux-x64-baseline",
    runtime: "@oven/bun-linux-x64-baseline",
    integrity: "sha512-s8yMwYcFnnrA178gji0gZbkE2WVDej/Ti1x770oPfihxyRxSMNhGhiAQNXV53aDeraZxksdvKV/RAdQBCd0qPA==",
    os: "linux",
    cpu: "x64",
    libc: "glibc",
  },
  {
    name: "linux-arm64",
    compile: "bun-linux-arm64",
    runtime: "@oven/bun-linux-aarch64",
    integrity: "sha512-4BXmsSKnjOrlGWqZV4x/oWa7AVoR+B6lCXddMzOAXBIm3t50eslg9wb66gmtW1AamEQ1l1CDvmmruysEhqOWMg==",
    os: "linux",
    cpu: "arm64",
    libc: "glibc",
  },
  {
    name: "linux-x64-musl",
    compile: "bun-linux-x64-musl",
    runtime: "@oven/bun-linux-x64-musl",
    integrity: "sha512-10QoW/YfTgnURaGEaHpJCiXjLI2e5iTtfVDaA5JKcyUzaa1cq6cVUY9/Uq5XkYzvtRjHLRe9Oj/lTDIQcxy8HQ==",
    os: "linux",
    cpu: "x64",
    libc: "musl",
  },
  {
    name: "darwin-x64",
    compile: "bun-darwin-x64",
    runtime: "@oven/bun-darwin-x64",
    integrity: "sha512-qkLPMGHZM9NI6CeHTWwVezzmlo6cC4Ta7yUAjYIWXS366qQcOlcp75t2uZyiuVRBMPS0h9qE0tCcvCHGaFqjJg==",
    os: "darwin",
    cpu: "x64",
  },
  {
    name: "darwin-arm64",
    compile: "bun-darwin-arm64",
    runtime: "@oven/bun-darwin-aarch64",
    integrity: "sha512-4MIFXHmctH2EhAxLXm2/qxNtv17dFtLJylvaOCsrgq6KSqHTs6eW5YSrJjRbJxYUJaR901fsN8JfZOa+CsWpWQ==",
    os: "darwin",
    cpu: "arm64",
  },
  {
    name: "windows-x64",
    compile: "bun-windows-x64",
    runtime: "@oven/bun-windows-x64",
    integrity: "sha512-FNvply651vcE/GHgNWz6mZvhmkwBuu8Hw54oNzA+CQog+HW+542rXQmZqNHRkFxazD9L3xi+iTtvO3engAgJfw==",
    os: "win32",
    cpu: "x64",
  },
];

export function fileName({ name, os }: Platform): string {
  return `weir-${name}${os === "win32" ? ".exe" : ""}`;
}

/** Whether this machine has a platform's system, processor and C library. */
export function isHost({ os, cpu, libc }: Platform): boolean {
  return os === process.platform && cpu === process.arch && (libc === undefined || (libc === "musl") === isOnMusl());
}

/** Which C library this very process runs on: musl's loader may be installed beside glibc. */
function isOnMusl(): boolean {
  return readFileSync("/proc/self/maps", "latin1").includes("/ld-musl-");
}

/** The runtime's file, from the folder or fetched into it by npm; throws where it cannot be had or is not the pinned one. */
export function runtimeOf(platform: Platform, folder: string): string {
  if (Bun.version !== RUNTIME_VERSION)
    throw new Error(`the runtimes are pinned at Bun ${RUNTIME_VERSION}, and this is ${Bun.version}`);
  const kept = join(folder, `${platform.name}-${RUNTIME_VERSION}`);
  const binary = join(kept, "package/bin", platform.os === "win32" ? "bun.exe" : "bun");
  if (existsSync(binary)) return binary;
  const fresh = `${kept}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  run(["npm", "pack", "--silent", "--pack-destination", fresh, `${platform.runtime}@${RUNTIME_VERSION}`]);
  const archive = join(fresh, readdirSync(fresh).find((name) => name.endsWith(".tgz")) ?? "");
  const found = `sha512-${createHash("sha512").update(readFileSync(archive)).digest("base64")}`;
  if (found !== platform.integrity) throw new Error(`${platform.runtime} is not the pinned one: ${found}`);
  run(["tar", "-xzf", archive, "-C", fresh]);
  rmSync(archive);
  rmSync(kept, { recursive: true, force: true });
  renameSync(fresh, kept);
  return binary;
}

function run(command: readonly string[]): void {
  const child = Bun.spawnSync([...command], { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  if (!child.success) throw new Error(`${command.slice(0, 2).join(" ")}: ${child.stderr.toString().trim()}`);
}
