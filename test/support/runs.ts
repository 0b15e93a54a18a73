/** Owns the runs that end-to-end tests make again and again: sync a scratch home, export its archive, read what came out. */
import { Database } from "bun:sqlite";
import { chownSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { WeirRecord } from "../../src/record/schema.ts";
import type { Summary } from "../../src/sync/summary.ts";
import type { Scratch } from "./home.ts";
import { type RunOptions, type RunResult, weir } from "./weir.ts";

/** `weir sync` of a scratch home into its data folder. */
export function runSync({ home, data }: Scratch, args: readonly string[] = [], options: RunOptions = {}): RunResult {
  return weir(["sync", "--home", home, "--data-dir", data, ...args], options);
}

/** `weir export` of a scratch archive. */
export function runExport({ data }: Scratch, args: readonly string[] = [], options: RunOptions = {}): RunResult {
  return weir(["export", "--data-dir", data, ...args], options);
}

export function recordsIn(text: string): WeirRecord[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as WeirRecord);
}

/** What an archive counts; fails unless the export does its work. */
export function exported(place: Scratch, ...args: string[]): WeirRecord[] {
  const { status, stdout, stderr } = runExport(place, args);
  if (status !== 0) throw new Error(`export exited ${status}: ${stderr}`);
  return recordsIn(stdout);
}

/** What `sync --json` says, with its exit code. */
export function summaryOf(place: Scratch, ...args: string[]): Summary & { readonly status: number | null } {
  const { status, stdout, stderr } = runSync(place, ["--json", ...args]);
  if (stdout === "") throw new Error(`sync exited ${status}: ${stderr}`);
  return { ...(JSON.parse(stdout) as Summary), status };
}

const NOBODY = 65534;

/** True where tests run as an account that no file's rights hold back. */
export const isRoot = process.getuid?.() === 0;

/** What to run weir through so that files' rights hold: nothing, or for root another user, who gets the scratch folder. */
export function unprivileged(place: Scratch): readonly string[] {
  if (!isRoot) return [];
  for (const name of ["", ...readdirSync(place.root, { recursive: true, encoding: "utf8" })])
    chownSync(join(place.root, name), NOBODY, NOBODY);
  return ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
}

/** Mounts a file system of so many KiB on a folder; undefined where that is not permitted. */
export function smallDisk(folder: string, kib: number): Disposable | undefined {
  if (!isRoot || process.platform !== "linux") return undefined;
  if (!Bun.spawnSync(["mount", "-t", "tmpfs", "-o", `size=${kib}k`, "tmpfs", folder]).success) return undefined;
  return {
    [Symbol.dispose]() {
      Bun.spawnSync(["umount", folder]);
    },
  };
}

/** Waits until a process has the lock: its run stands in the state. */
export async function hasBegun({ data }: Scratch, pid: number): Promise<void> {
  for (;;) {
    try {
      using db = new Database(join(data, "state.db"), { readonly: true });
      if (db.query("SELECT 1 FROM run WHERE pid = ?").get(pid)) return;
    } catch {
      // not yet made
    }
    await Bun.sleep(2);
  }
}
