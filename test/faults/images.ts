/**
 * Owns images of a data folder as a kill or a loss of power would leave it, taken while weir works in this process: at
 * each of its calls that change something. The state database is taken as SQLite has it at that moment: that its
 * commits are durable is SQLite's own promise, and `power-loss.test.ts` tests it on recorded system calls.
 */
import { constants, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type Calls, machine } from "../../src/system/calls.ts";
import type { Random } from "../support/random.ts";

/** `kill`: all that was written; `strict`: only what was synced; `torn`: of the rest any sectors, any length, any name. */
export type Model = "kill" | "strict" | "torn";

export interface Image {
  readonly model: Model;
  /** The call after which it was taken. */
  readonly call: string;
  /** Puts it into a new data folder. */
  restore(data: string): void;
}

const SECTOR = 512;
const CHANGES: readonly string[] = ["open", "write", "fsync", "truncate", "unlink", "rename", "step"];

/** Bytes of which each sector is either the new or the old one, and so is the length. */
export function torn(old: Uint8Array, now: Uint8Array, r: Random): Uint8Array {
  const bytes = new Uint8Array(r.chance(0.5) ? now.length : old.length);
  for (let at = 0; at < bytes.length; at += SECTOR) {
    const from = r.chance(0.5) ? now : old;
    bytes.set(from.subarray(at, Math.min(at + SECTOR, bytes.length)), at);
  }
  return bytes;
}

/** Runs work and hands over every image of its data folder, in these models, as the calls are made. */
export async function imaged(
  data: string,
  models: readonly Model[],
  r: Random,
  work: () => Promise<unknown>,
): Promise<Image[]> {
  const archive = join(data, "archive");
  const images: Image[] = [];
  const open = new Map<number, string>();
  const durable = new Map<string, Buffer>();
  const names = new Set<string>();
  let number = 0;
  for (const name of existsSync(archive) ? readdirSync(archive) : []) {
    durable.set(name, readFileSync(join(archive, name)));
    names.add(name);
  }

  const take = (call: string): void => {
    number++;
    const state = readdirSync(data)
      .filter((name) => /^state\.db(?:-wal)?$/.test(name))
      .map((name) => [name, readFileSync(join(data, name))] as const);
    const now = new Map(
      existsSync(archive) ? readdirSync(archive).map((name) => [name, readFileSync(join(archive, name))]) : [],
    );
    for (const model of models) {
      const files = new Map<string, Uint8Array>();
      for (const name of new Set([...now.keys(), ...names])) {
        const [is, was] = [now.get(name), durable.get(name) ?? Buffer.alloc(0)];
        if (model === "kill") is && files.set(name, is);
        else if (model === "strict") names.has(name) && files.set(name, was);
        else if ((is && names.has(name)) || r.chance(0.5)) files.set(name, torn(was, is ?? was, r));
      }
      images.push({
        model,
        call: `${number} ${call}`,
        restore(to) {
          mkdirSync(join(to, "archive"), { recursive: true });
          for (const [name, bytes] of state) writeFileSync(join(to, name), bytes);
          for (const [name, bytes] of files) writeFileSync(join(to, "archive", name), bytes);
        },
      });
    }
  };

  const done = (name: keyof Calls, args: readonly unknown[], result: unknown): void => {
    const path =
      name === "open" || name === "unlink" || name === "rename" ? String(args[0]) : open.get(args[0] as number);
    if (name === "open") open.set(result as number, String(args[0]));
    if (name === "step") take(`step ${args[0]}`);
    if (path === undefined || (dirname(path) !== archive && path !== archive)) return;
    if (name === "open" && (path === archive || ((args[1] as number) & constants.O_CREAT) === 0)) return;
    if (name === "fsync" && path === archive) {
      names.clear();
      for (const present of readdirSync(archive)) names.add(present);
      for (const gone of durable.keys()) if (!names.has(gone)) durable.delete(gone);
    } else if (name === "fsync") durable.set(basename(path), readFileSync(path));
    take(`${name} ${basename(path)}`);
  };

  const original = { ...machine };
  const wrapped: Record<string, unknown> = {};
  for (const name of CHANGES as readonly (keyof Calls)[]) {
    const call = original[name] as (...args: unknown[]) => unknown;
    wrapped[name] = (...args: unknown[]): unknown => {
      const result = call(...args);
      done(name, args, result);
      return result;
    };
  }
  Object.assign(machine, wrapped);
  try {
    await work();
  } finally {
    Object.assign(machine, original);
  }
  return images;
}

/** Makes calls of the machine behave otherwise while work runs. */
export async function withCalls<T>(other: Partial<Calls>, work: () => Promise<T>): Promise<T> {
  const original = { ...machine };
  Object.assign(machine, other);
  try {
    return await work();
  } finally {
    Object.assign(machine, original);
  }
}
