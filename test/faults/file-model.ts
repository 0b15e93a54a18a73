/**
 * Owns programs of what agents, editors, log rotation and backups do to files of lines, and the exact count of what an
 * archive must tell of them: each whole line that stood in a file when a sync ran, once.
 */
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { agents } from "../../src/agents/index.ts";
import { archived, counting, openWriter, type Writer } from "../support/archive.ts";
import { difference, factLine, factOf } from "../support/facts.ts";
import { type Scratch, scratch } from "../support/home.ts";
import type { Random } from "../support/random.ts";

const PROJECTS = ".claude/projects";
const ONLY = agents.filter(({ id }) => id === "claude-code");

/** A file that a program writes to; it may be gone, moved or another one by now. */
interface Log {
  path: string;
  readonly session: string;
  /** Which file this is, wherever it goes or whatever is put in its place; a copy is another. */
  file: number;
  /** Where it was and what it was when a sync last saw it: one that was both moved and replaced since is another. */
  seen?: { readonly path: string; readonly inode: number };
  /** The rest of a line whose beginning is written. */
  rest: string;
}

class World {
  readonly #home: string;
  readonly #r: Random;
  readonly logs: Log[] = [];
  /** Contents that files had, for whoever restores a backup. */
  readonly #backups: { readonly log: Log; readonly bytes: Buffer }[] = [];
  #next = 0;
  #names = 0;
  #files = 0;
  /** What has been done, to be read when a program fails. */
  readonly story: string[] = [];

  constructor(home: string, r: Random) {
    this.#home = home;
    this.#r = r;
    this.#create();
  }

  #name(): string {
    const folder = this.#r.pick(["-p", "-q"]);
    mkdirSync(join(this.#home, PROJECTS, folder), { recursive: true });
    return join(this.#home, PROJECTS, folder, `f${this.#names++}.jsonl`);
  }

  #create(): void {
    const path = this.#name();
    const log = { path, session: `s${this.#names}`, file: this.#files++, rest: "" };
    writeFileSync(path, "");
    this.logs.push(log);
    this.write(log);
  }

  #lines(log: Log, count: number): string {
    const text = "x".repeat(this.#r.pick([0, 0, 50, 900]));
    return Array.from({ length: count }, () => factLine(this.#next++, log.session, text)).join("");
  }

  write(log: Log): void {
    appendFileSync(log.path, log.rest + this.#lines(log, this.#r.int(1, 6)));
    log.rest = "";
  }

  tear(log: Log): void {
    const line = log.rest || this.#lines(log, 1);
    const at = this.#r.int(1, line.length - 1);
    appendFileSync(log.path, line.slice(0, at));
    log.rest = line.slice(at);
  }

  backup(log: Log): void {
    this.#backups.push({ log, bytes: readFileSync(log.path) });
  }

  restore(log: Log): void {
    const backup = this.#r.pick([...this.#backups.filter((b) => b.log === log), undefined]);
    if (!backup) return;
    if (this.#r.chance(0.5)) this.#put(log, backup.bytes);
    else writeFileSync(log.path, backup.bytes);
    utimesSync(log.path, 1e9, 1e9 + this.#r.int(0, 2));
    this.#endsWhole(log);
  }

  /** Another file in the place of one. */
  #put(log: Log, bytes: Uint8Array): void {
    const beside = `${log.path}.tmp`;
    writeFileSync(beside, bytes);
    renameSync(beside, log.path);
  }

  /** Whoever writes next begins a line of its own, as programs do that find a torn one. */
  #endsWhole(log: Log): void {
    const bytes = readFileSync(log.path);
    log.rest = bytes.length === 0 || bytes.at(-1) === 10 ? "" : "\n";
  }

  replace(log: Log): void {
    const bytes = readFileSync(log.path);
    const whole = bytes.subarray(0, bytes.lastIndexOf(10, this.#r.int(0, bytes.length)) + 1);
    this.#put(log, Buffer.concat([whole, Buffer.from(this.#lines(log, this.#r.int(0, 6)))]));
    log.rest = "";
  }

  truncate(log: Log): void {
    truncateSync(log.path, this.#r.int(0, readFileSync(log.path).length));
    this.#endsWhole(log);
  }

  rotate(log: Log): void {
    const aside = { ...log, path: this.#name() };
    renameSync(log.path, aside.path);
    writeFileSync(log.path, "");
    log.rest = "";
    log.file = this.#files++;
    delete log.seen;
    this.logs.push(aside);
    if (this.#r.chance(0.7)) this.write(log);
  }

  copytruncate(log: Log): void {
    const aside = { ...log, path: this.#name(), file: this.#files++, seen: undefined };
    copyFileSync(log.path, aside.path);
    const before = readFileSync(log.path).length;
    truncateSync(log.path, 0);
    log.rest = "";
    this.logs.push(aside);
    // It may have grown beyond what it was before anybody looks.
    if (this.#r.chance(0.5)) while (readFileSync(log.path).length <= before) this.write(log);
  }

  rename(log: Log): void {
    const path = this.#name();
    renameSync(log.path, path);
    log.path = path;
  }

  /** One file takes the place of another, whose content is gone. */
  overwrite(log: Log): void {
    const other = this.#r.pick(this.logs);
    if (other === log || !existsSync(other.path)) return;
    renameSync(log.path, other.path);
    other.file = log.file;
    other.seen = log.seen;
    this.#endsWhole(other);
    this.logs.splice(this.logs.indexOf(log), 1);
  }

  fork(log: Log): void {
    const fork = { ...log, path: this.#name(), file: this.#files++, seen: undefined, rest: "" };
    copyFileSync(log.path, fork.path);
    this.#endsWhole(fork);
    this.logs.push(fork);
    this.write(fork);
  }

  moveFolder(log: Log): void {
    const folder = dirname(log.path);
    const other = join(this.#home, PROJECTS, `-m${this.#names++}`);
    renameSync(folder, other);
    for (const one of this.logs)
      if (dirname(one.path) === folder) one.path = join(other, one.path.slice(folder.length + 1));
  }

  delete(log: Log): void {
    rmSync(log.path);
    if (this.#r.chance(0.5)) {
      writeFileSync(log.path, this.#lines(log, this.#r.int(0, 4)));
      log.rest = "";
    } else this.logs.splice(this.logs.indexOf(log), 1);
  }

  touch(log: Log): void {
    utimesSync(log.path, this.#r.int(1, 1e9), this.#r.int(1, 1e9));
  }

  act(): void {
    if (this.logs.length === 0 || this.#r.chance(0.08)) {
      this.#create();
      return;
    }
    const action = this.#r.pick(ACTIONS);
    const log = this.#r.pick(this.logs);
    this.story.push(`${action} ${log.path.slice(this.#home.length + PROJECTS.length + 2)}`);
    this[action](log);
  }

  /** Adds which files hold each fact's whole line now. */
  standing(holders: Holders): void {
    for (const log of this.logs) {
      const { path, seen } = log;
      const inode = statSync(path).ino;
      if (seen && seen.path !== path && seen.inode !== inode) log.file = this.#files++;
      log.seen = { path, inode };
      const text = readFileSync(path, "latin1");
      for (const line of text.slice(0, text.lastIndexOf("\n") + 1).split("\n")) {
        if (!isWhole(line)) continue;
        const n = Number(/msg_0000000000(\d{8})/.exec(line)?.[1]);
        holders.set(n, (holders.get(n) ?? new Set()).add(log.file));
      }
    }
  }
}

/** By the number of a fact, the files that held it when a sync ran. */
type Holders = Map<number, Set<number>>;

const ACTIONS = [
  "write",
  "write",
  "write",
  "tear",
  "tear",
  "backup",
  "backup",
  "restore",
  "restore",
  "replace",
  "truncate",
  "rotate",
  "copytruncate",
  "rename",
  "overwrite",
  "fork",
  "moveFolder",
  "delete",
  "touch",
] as const satisfies readonly (keyof World)[];

function isWhole(line: string): boolean {
  try {
    return line !== "" && typeof JSON.parse(line) === "object";
  } catch {
    return false;
  }
}

/** What of an archive is wrong, when it is to tell these facts once a file and count each once; else undefined. */
function wrongIn(data: string, holders: Holders): string | undefined {
  const expected = new Set(holders.keys());
  const records = archived(data);
  const told = Map.groupBy(
    records.flatMap((record) => (record.rev === 0 ? (factOf(record) ?? []) : [])),
    (n) => n,
  );
  const often = [...told].find(([n, times]) => times.length > (holders.get(n)?.size ?? 0));
  const counted = counting(data).flatMap((record) => factOf(record) ?? []);
  return (
    difference(new Set(told.keys()), expected) ??
    difference(new Set(counted), expected) ??
    (counted.length === expected.size ? undefined : `${counted.length} calls count instead of ${expected.size}`) ??
    (often && `fact ${often[0]} is told ${often[1].length} times by ${holders.get(often[0])?.size} files`)
  );
}

/** Runs one program of that many actions. Throws, with its story, when the archive is not exact after a sync. */
export async function runFileProgram(r: Random, actions: number): Promise<void> {
  using place: Scratch = scratch({ fast: true });
  const world = new World(place.home, r);
  const holders: Holders = new Map();
  const options = { agents: ONLY, segmentMaxBytes: r.pick([4096, 5 << 20]) };
  let writer: Writer | undefined;
  for (let done = 0; done <= actions; done++) {
    if (done < actions) world.act();
    if (done < actions && !r.chance(0.45)) continue;
    world.story.push("sync");
    writer ??= await openWriter(place.data, place.home, options);
    const summary = await writer.sync();
    if (summary.unreadable.length > 0) throw new Error(`unreadable: ${JSON.stringify(summary.unreadable)}`);
    if (r.chance(0.5) || done === actions) {
      await writer[Symbol.asyncDispose]();
      writer = undefined;
    }
    world.standing(holders);
    const wrong = wrongIn(place.data, holders);
    if (wrong !== undefined) throw new Error(`${wrong}; after ${world.story.join(", ")}`);
  }
}
