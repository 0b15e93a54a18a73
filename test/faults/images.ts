/**
 * Owns images of a data folder as a kill or a loss of power would leave it, taken while weir works in this process: at
 * each of its calls that change something. The state database is taken as SQLite has it at that moment: that its
 * commits are durable is SQLite's own promise, and `power-loss.test.ts` tests it on recorded system calls.
 */
import { constants, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
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
const CHANGES = ["open", "write", "fsync", "truncate", "unlink", "rename", "mkdir", "rmdir", "step"] as const;
const STATE = /^state\.db(?:-wal)?$/;
/** Locks hold nothing, and an index of a log is made anew. */
const IGNORED = /(?:\.lock|-shm)$/;

/** Bytes of which each sector is either the new or the old one, and so is the length. */
export function torn(old: Uint8Array, now: Uint8Array, r: Random): Uint8Array {
  const bytes = new Uint8Array(r.chance(0.5) ? now.length : old.length);
  for (let at = 0; at < bytes.length; at += SECTOR) {
    const from = r.chance(0.5) ? now : old;
    bytes.set(from.subarray(at, Math.min(at + SECTOR, bytes.length)), at);
  }
  return bytes;
}

/** The files below a folder, by their path in it. */
function filesBelow(folder: string): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const entry of existsSync(folder) ? readdirSync(folder, { recursive: true, withFileTypes: true }) : []) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && !IGNORED.test(entry.name)) files.set(path.slice(folder.length + 1), readFileSync(path));
  }
  return files;
}

/** A data folder, what of it is durable, and the images that were taken of it. */
class Disk {
  readonly #data: string;
  readonly #r: Random;
  readonly #open = new Map<number, string>();
  readonly #durable: Map<string, Buffer>;
  readonly #names: Set<string>;
  #number = 0;

  constructor(data: string, r: Random) {
    this.#data = data;
    this.#r = r;
    this.#durable = filesBelow(data);
    this.#names = new Set(this.#durable.keys());
  }

  /** Follows a call that was made. Returns its name when it changed something in the folder, with its number. */
  made(name: (typeof CHANGES)[number], args: readonly unknown[], result: unknown): string | undefined {
    if (name === "step") return this.#told(`step ${args[0]}`);
    const path = typeof args[0] === "string" ? args[0] : this.#open.get(args[0] as number);
    if (name === "open") this.#open.set(result as number, String(args[0]));
    if (path === undefined || !`${path}/`.startsWith(`${this.#data}/`)) return undefined;
    const below = path.slice(this.#data.length + 1);
    if (name === "open" && ((args[1] as number) & constants.O_CREAT) === 0) return undefined;
    if (name === "fsync") this.#synced(below);
    return this.#told(`${name} ${below}`);
  }

  #told(call: string): string {
    return `${++this.#number} ${call}`;
  }

  #synced(below: string): void {
    const now = filesBelow(this.#data);
    const content = now.get(below);
    if (content) {
      this.#durable.set(below, content);
      return;
    }
    const isIn = (name: string): boolean => dirname(name) === (below || ".");
    for (const name of [...this.#names]) if (isIn(name)) this.#names.delete(name);
    for (const name of now.keys()) if (isIn(name)) this.#names.add(name);
    for (const name of [...this.#durable.keys()]) if (isIn(name) && !now.has(name)) this.#durable.delete(name);
  }

  image(call: string, model: Model): Image {
    const now = filesBelow(this.#data);
    const files = new Map<string, Uint8Array>();
    for (const name of new Set([...now.keys(), ...this.#names])) {
      const [is, was] = [now.get(name), this.#durable.get(name) ?? Buffer.alloc(0)];
      if (model === "kill" || STATE.test(name)) is && files.set(name, is);
      else if (model === "strict") this.#names.has(name) && files.set(name, was);
      else if ((is && this.#names.has(name)) || this.#r.chance(0.5)) files.set(name, torn(was, is ?? was, this.#r));
    }
    return {
      model,
      call,
      restore(to) {
        mkdirSync(join(to, "archive"), { recursive: true });
        for (const [name, bytes] of files) {
          mkdirSync(dirname(join(to, name)), { recursive: true });
          writeFileSync(join(to, name), bytes);
        }
      },
    };
  }
}

/** Runs work on a data folder and calls back after each call that changes something in it, with what makes an image. */
export async function watched<T>(
  data: string,
  r: Random,
  onChange: (number: number, image: (model: Model) => Image) => void,
  work: () => Promise<T>,
): Promise<T> {
  const disk = new Disk(data, r);
  let number = 0;
  const wrapped: Record<string, unknown> = {};
  for (const name of CHANGES) {
    const call = machine[name] as (...args: unknown[]) => unknown;
    wrapped[name] = (...args: unknown[]): unknown => {
      const result = call(...args);
      const told = disk.made(name, args, result);
      if (told !== undefined) onChange(++number, (model) => disk.image(told, model));
      return result;
    };
  }
  return withCalls(wrapped, work);
}

/** Runs work and hands over every image of its data folder, in these models, as the calls are made. */
export async function imaged(
  data: string,
  models: readonly Model[],
  r: Random,
  work: () => Promise<unknown>,
): Promise<Image[]> {
  const images: Image[] = [];
  await watched(data, r, (_, image) => images.push(...models.map(image)), work);
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
