/** Owns how tests see a home as stores of streams, and how they let such a home grow piece by piece. */
import { appendFileSync, mkdirSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Agent } from "../../src/read/types.ts";
import type { WeirRecord } from "../../src/record/schema.ts";
import { discover } from "../../src/sync/discover.ts";
import { EVERYTHING, environmentAt } from "./archive.ts";
import type { Random } from "./random.ts";

/** A line's bytes; `end` is after its newline. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** One source of a home. */
export interface Store {
  /** Below the home, as records carry it. */
  readonly path: string;
  /** That of its streams; a store that one stream reads as a whole is no tail for the tests. */
  readonly shape: "tail" | "json" | "jsonl" | "sqlite";
  /** The streams that read it. */
  readonly kinds: readonly string[];
  readonly bytes: Buffer;
  /** A database's log and index files. */
  readonly beside: readonly string[];
}

const BESIDE = /-(?:wal|shm|journal)$/;

function filesBelow(home: string): string[] {
  return readdirSync(home, { recursive: true, encoding: "utf8" })
    .map((name) => name.replaceAll("\\", "/"))
    .filter((name) => statSync(join(home, name)).isFile())
    .sort();
}

/** Every source that these agents find in a home. */
export function storesOf(home: string, agents: readonly Agent[]): Store[] {
  const root = realpathSync(home);
  const files = filesBelow(home);
  const { found } = discover(agents, environmentAt(root), EVERYTHING);
  return [...Map.groupBy(found, (f) => f.path)].map(([absolute, streams]) => {
    const path = absolute.slice(root.length + 1);
    const shapes = streams.map(({ stream }) => (stream.shape === "tail" ? "tail" : stream.groups.form));
    return {
      path,
      shape: shapes.find((shape) => shape !== "tail") ?? "tail",
      kinds: streams.map(({ stream }) => stream.kind),
      bytes: readFileSync(absolute),
      beside: files.filter((name) => BESIDE.test(name) && name.replace(BESIDE, "") === path),
    };
  });
}

/** The last line that has its newline; undefined when there is none. */
export function lastLineOf({ bytes }: Store): Range | undefined {
  const newline = bytes.lastIndexOf(10);
  return newline < 2 ? undefined : { start: bytes.lastIndexOf(10, newline - 1) + 1, end: newline + 1 };
}

/**
 * A line that is surely read: of a tail, one that a record names as its place, since a reducer need not decode the
 * others; of a document any.
 */
export function readLineOf(
  { bytes, path, shape }: Store,
  records: readonly WeirRecord[],
  r: Random,
): Range | undefined {
  const places = records.flatMap(({ source }) => (source.path === path ? (source.offset ?? []) : []));
  const any = bytes.lastIndexOf(10, r.int(0, bytes.length - 1)) + 1;
  const start = shape === "tail" ? places.length > 0 && r.pick(places) : any;
  const newline = start === false ? -1 : bytes.indexOf(10, start);
  return start === false || newline < start + 2 ? undefined : { start, end: newline + 1 };
}

/** Files that come into being together; `grows` when it is one file that is written piece by piece. */
interface Part {
  readonly files: readonly { readonly path: string; readonly bytes: Buffer }[];
  readonly grows: boolean;
  done: number;
}

export interface Growth {
  /** Takes the home one random step further; true when all of it is there. */
  step(): boolean;
}

const MOST_STEPS = 12;

/** Lets a copy of a home grow: files of lines in pieces cut at any byte, all else whole, in any order. */
export function growth(home: string, agents: readonly Agent[], target: string, r: Random): Growth {
  const stores = storesOf(home, agents);
  const files = filesBelow(home);
  const owner = new Map(stores.flatMap((store) => store.beside.map((name) => [name, store.path] as const)));
  const growing = new Set(stores.filter(({ shape }) => shape === "tail" || shape === "jsonl").map(({ path }) => path));
  const parts = [...Map.groupBy(files, (name) => owner.get(name) ?? name)].map(
    ([first, names]): Part => ({
      files: names.map((path) => ({ path, bytes: readFileSync(join(home, path)) })),
      grows: growing.has(first) && names.length === 1,
      done: 0,
    }),
  );
  let steps = r.int(2, MOST_STEPS);
  return {
    step() {
      const last = --steps <= 0;
      for (const part of r.shuffled(parts)) if (last || r.chance(0.4)) advance(part, last, target, r);
      return last;
    },
  };
}

function advance(part: Part, toEnd: boolean, target: string, r: Random): void {
  if (!part.grows) {
    for (const { path, bytes } of part.done === 0 ? part.files : []) put(join(target, path), bytes);
    part.done = 1;
    return;
  }
  const [{ path, bytes }] = part.files as [Part["files"][number]];
  const newline = bytes.indexOf(10, r.int(part.done, bytes.length));
  const cuts = [r.int(part.done, bytes.length), newline, newline + 1, newline + 2, bytes.length];
  const end = toEnd ? bytes.length : Math.min(bytes.length, Math.max(part.done, r.pick(cuts)));
  put(join(target, path), bytes.subarray(part.done, end));
  part.done = end;
}

function put(path: string, bytes: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  appendFileSync(path, bytes);
}
