/**
 * Owns system calls that were recorded: what each changed on the disk, SQLite's own calls included, and what a loss of
 * power after any of them may leave. Recorded with strace, so only on Linux; nothing of it is in weir.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Random } from "../support/random.ts";

type Change =
  | { readonly kind: "write"; readonly path: string; readonly offset: number; readonly bytes: Buffer }
  | { readonly kind: "truncate"; readonly path: string; readonly length: number }
  | { readonly kind: "create" | "unlink" | "sync" | "folder"; readonly path: string }
  | { readonly kind: "rename"; readonly path: string; readonly to: string };

export const strace: string | null = Bun.which("strace");

/** What to run weir through to record it. */
export function recordedTo(log: string): readonly string[] {
  const calls =
    "openat,write,pwrite64,pwritev,pwritev2,writev,fsync,fdatasync,ftruncate,unlink,unlinkat,rename,renameat,renameat2,mkdir,mkdirat";
  return [strace ?? "strace", "-f", "-y", "-xx", "-s", "100000000", "-o", log, "-e", `trace=${calls}`];
}

const unhex = (text: string): Buffer => Buffer.from(text.replaceAll("\\x", ""), "hex");

/** The calls of a log that changed something below a folder. Throws for a call that it does not understand. */
export function changesIn(log: string, folder: string): Change[] {
  const changes: Change[] = [];
  const pending = new Map<string, string>();
  for (const raw of readFileSync(log, "latin1").split("\n")) {
    const [, thread = "", text = ""] = /^(\d+)\s+(.*)$/.exec(raw) ?? [];
    let line = text;
    if (line.endsWith("<unfinished ...>")) {
      pending.set(thread, line.slice(0, -"<unfinished ...>".length));
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(line);
    if (resumed) line = (pending.get(thread) ?? "") + resumed[1];
    const change = changeOf(line);
    if (change && `${change.path}/`.startsWith(`${folder}/`) && !change.path.endsWith("-shm")) changes.push(change);
  }
  return changes;
}

function changeOf(line: string): Change | undefined {
  const [, name, given = "", result] = /^(\w+)\((.*)\)\s+= (-?\d+)/s.exec(line) ?? [];
  if (name === undefined || Number(result) < 0) return undefined;
  const names = [...given.matchAll(/(?<!<[^>]*)"((?:\\x[0-9a-f]{2})*)"/g)].map((found) => unhex(found[1] ?? ""));
  const path = unhex(/^\d+<((?:\\x[0-9a-f]{2})*)>/.exec(given)?.[1] ?? "").toString();
  const first = names[0]?.toString() ?? "";
  switch (name) {
    case "openat":
      return given.includes("O_CREAT") ? { kind: "create", path: first } : undefined;
    case "pwrite64":
      return {
        kind: "write",
        path,
        offset: Number(/(\d+)$/.exec(given)?.[1]),
        bytes: names[0]!.subarray(0, Number(result)),
      };
    case "ftruncate":
      return { kind: "truncate", path, length: Number(/(\d+)$/.exec(given)?.[1]) };
    case "fsync":
    case "fdatasync":
      return { kind: "sync", path };
    case "unlink":
      return { kind: "unlink", path: first };
    case "mkdir":
      return { kind: "folder", path: first };
    case "rename":
      return { kind: "rename", path: first, to: names[1]?.toString() ?? "" };
    default:
      return path === "" ? undefined : { kind: "truncate", path: `${path}: ${name} is not understood`, length: 0 };
  }
}

interface Disk {
  synced: Buffer;
  pending: Change[];
}

const SECTOR = 512;

export interface Model {
  readonly name: string;
  /** Names survive only when their folder was synced. */
  readonly strict: boolean;
  /** What of the content that was not synced survives. */
  readonly content: "dropped" | "torn" | "kept";
}

/** Six losses of power, and a kill, which loses nothing that was written. */
export const MODELS: readonly Model[] = [
  { name: "names kept, content dropped", strict: false, content: "dropped" },
  { name: "names and content dropped", strict: true, content: "dropped" },
  { name: "names kept, content torn", strict: false, content: "torn" },
  { name: "names dropped, content torn", strict: true, content: "torn" },
  { name: "names kept, content torn otherwise", strict: false, content: "torn" },
  { name: "names dropped, content torn otherwise", strict: true, content: "torn" },
  { name: "a kill", strict: false, content: "kept" },
];

/** Writes what a loss of power after the first `count` changes leaves of `folder` into another folder. */
export function powerLost(
  changes: readonly Change[],
  count: number,
  model: Model,
  r: Random,
  folder: string,
  target: string,
): void {
  const now = new Map<string, Disk>();
  const durable = new Map<string, Disk>();
  for (const change of changes.slice(0, count)) {
    const disk = now.get(change.path);
    switch (change.kind) {
      case "create":
        if (!disk) now.set(change.path, { synced: Buffer.alloc(0), pending: [] });
        break;
      case "write":
      case "truncate":
        disk?.pending.push(change);
        break;
      case "unlink":
        now.delete(change.path);
        break;
      case "rename":
        if (disk) now.set(change.to, disk);
        now.delete(change.path);
        break;
      case "sync":
        if (disk) {
          disk.synced = applied(disk, () => true);
          disk.pending = [];
          break;
        }
        for (const path of durable.keys()) if (dirname(path) === change.path && !now.has(path)) durable.delete(path);
        for (const [path, other] of now) if (dirname(path) === change.path) durable.set(path, other);
    }
  }
  mkdirSync(join(target, "archive"), { recursive: true });
  for (const [path, disk] of model.strict ? durable : now)
    writeFileSync(
      made(join(target, path.slice(folder.length + 1))),
      applied(disk, () => model.content === "kept" || (model.content === "torn" && r.chance(0.5))),
    );
}

/** A path whose folder is there. */
function made(path: string): string {
  mkdirSync(dirname(path), { recursive: true });
  return path;
}

/** A file's synced bytes with those of its later changes that survive, sector by sector. */
function applied({ synced, pending }: Disk, survives: () => boolean): Buffer {
  let bytes = synced;
  for (const change of pending) {
    if (change.kind === "truncate") {
      if (survives()) bytes = resized(bytes, change.length);
    } else if (change.kind === "write") {
      for (let at = 0; at < change.bytes.length; ) {
        const place = change.offset + at;
        const length = Math.min(change.bytes.length - at, SECTOR - (place % SECTOR));
        if (survives()) {
          bytes = resized(bytes, Math.max(bytes.length, place + length), bytes === synced);
          change.bytes.copy(bytes, place, at, at + length);
        }
        at += length;
      }
    }
  }
  return bytes;
}

function resized(bytes: Buffer, length: number, copy = false): Buffer {
  if (length === bytes.length && !copy) return bytes;
  const other = Buffer.alloc(length);
  bytes.copy(other, 0, 0, Math.min(length, bytes.length));
  return other;
}
