/**
 * Owns random histories of an archive: agents write and delete, weir syncs, prunes and sends, the clock jumps, foreign
 * files appear, and any command may be killed or lose its power at any of its calls. Each step is held to the laws.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { machine } from "../../src/system/calls.ts";
import { readableSegments } from "../support/archive.ts";
import { type CommandResult, command } from "../support/command.ts";
import { difference } from "../support/facts.ts";
import { listing, type Scratch, scratch } from "../support/home.ts";
import { Kinds, OF_KINDS } from "../support/kinds.ts";
import type { Random } from "../support/random.ts";
import { type Image, type Model, watched, withCalls } from "./images.ts";
import { type Destination, destinations } from "./receivers.ts";
import { Window } from "./window.ts";

const MODELS: readonly Model[] = ["kill", "kill", "strict", "torn"];
/** Kills come at one of a command's first calls that change something; most commands make no more. */
const CALLS = 20;
const YEAR_MS = 365 * 86_400_000;
const LIMITS_KB = [6, 12, 24, 48];
const SETTINGS = { WEIR_SEGMENT_MAX_BYTES: "4KiB" };

const FOREIGN: readonly (readonly [name: string, text: string])[] = [
  ["notes.txt", "mine"],
  ["weir-2020-01-01-ffffffff.jsonl", ""],
  ["weir-2020-01-01-ffffffff.jsonl.bak", '{"torn'],
  ["weir-latest.jsonl", "x"],
];

export class History implements Disposable {
  readonly #place: Scratch = scratch({ fast: true });
  readonly #r: Random;
  readonly #kinds: Kinds;
  readonly #window = new Window();
  readonly #destinations: readonly Destination[] = destinations("a", "b");
  readonly #foreign = new Map<string, string>();
  #clock = 0;
  /** What was done, to be read when a history fails. */
  readonly story: string[] = [];
  kills = 0;

  constructor(r: Random) {
    this.#r = r;
    this.#kinds = new Kinds(this.#place.home, r);
  }

  get #data(): string {
    return this.#place.data;
  }

  /** Runs so many steps and then, undisturbed, to the end. Throws, with its story, where a law is broken. */
  async run(steps: number): Promise<void> {
    try {
      for (let step = 0; step < steps; step++) await this.#step();
      await this.#end();
    } catch (error) {
      throw new Error(`${(error as Error).message}; after ${this.story.join(", ")}`, { cause: error });
    }
  }

  async #step(): Promise<void> {
    const r = this.#r;
    for (let times = r.int(0, 4); times > 0; times--) this.#kinds.grow();
    if (r.chance(0.1)) this.#clock = r.int(-YEAR_MS, YEAR_MS);
    if (r.chance(0.1)) this.#plant();
    const size = `${r.pick(LIMITS_KB)}KB`;
    const prune = ["--max-size", size];
    const kind = r.int(0, 9);
    if (kind < 5) await this.#command(["sync", ...this.#home, ...(r.chance(0.3) ? ["--prune", ...prune] : [])]);
    else if (kind < 8) await this.#send(r.pick(this.#destinations));
    else if (kind < 9) await this.#command(["prune", ...prune, ...(r.chance(0.1) ? ["--force"] : [])]);
    else await this.#retire();
  }

  /** Within one process SQLite shares the index of a log, so that a reader writes its marks there. */
  get #homeNow(): readonly string[] {
    return listing(this.#place.home).filter((line) => !line.includes("-shm "));
  }

  get #home(): readonly string[] {
    return ["--home", this.#place.home, ...OF_KINDS];
  }

  /** Somebody else's file in the folder of the archive. */
  #plant(): void {
    const [name, text] = this.#r.pick(FOREIGN);
    mkdirSync(join(this.#data, "archive"), { recursive: true });
    writeFileSync(join(this.#data, "archive", name), text);
    this.#foreign.set(name, text);
  }

  /** The agents delete what is old, when all of it is archived. */
  async #retire(): Promise<void> {
    this.#kinds.finish();
    const { status } = await this.#undisturbed(["sync", ...this.#home]);
    if (status !== 0 && status !== 3) throw new Error(`a sync exits ${status}`);
    this.story.push("retire");
    this.#kinds.retire(this.#r.int(0, 2), this.#r.int(0, 3));
  }

  async #send(to: Destination): Promise<void> {
    const before = to.failing;
    to.failing = this.#r.chance(0.2);
    const { status } = await this.#command(["export", "--to", to.url, "--new", "--retry-for", "0s"], to);
    if (status === 0) to.isRegistered = true;
    to.failing = before;
  }

  /** Runs a command, which sometimes is killed, and looks at what it left. */
  async #command(args: readonly string[], to?: Destination): Promise<Partial<CommandResult>> {
    if (!this.#r.chance(0.4)) return this.#undisturbed(args);
    const at = this.#r.int(1, CALLS);
    const model = this.#r.pick(MODELS);
    let image: Image | undefined;
    let had = 0;
    const home = this.#homeNow;
    const onChange = (number: number, imageOf: (model: Model) => Image): void => {
      if (number !== at) return;
      image = imageOf(model);
      had = to?.got.length ?? 0;
    };
    await watched(this.#data, this.#r, onChange, () => this.#weir(args, () => image !== undefined));
    this.story.push(
      `${args.filter((arg) => !arg.startsWith("/")).join(" ")} ${image ? `${model} after ${image.call}` : ""}`,
    );
    if (image) {
      this.kills++;
      rmSync(this.#data, { recursive: true });
      image.restore(this.#data);
      // A loss of power may take names of files that nobody has synced; these were there before and are synced.
      for (const [name, text] of this.#foreign) writeFileSync(join(this.#data, "archive", name), text);
      to?.got.splice(had);
    }
    this.#look(args, home);
    return {};
  }

  async #undisturbed(args: readonly string[]): Promise<CommandResult> {
    const home = this.#homeNow;
    const result = await this.#weir(args);
    this.story.push(`${args.filter((arg) => !arg.startsWith("/")).join(" ")} = ${result.status}`);
    if (![0, 1, 3, 7].includes(result.status) || result.stderr.includes("unexpected"))
      throw new Error(`${args[0]} exits ${result.status}: ${result.stderr}`);
    if (result.status === 1 && !result.stderr.includes("there is no archive")) throw new Error(result.stderr);
    this.#look(args, home);
    return result;
  }

  /** Runs a command, at the history's clock; before it prunes there is a look at what it has archived. */
  #weir(args: readonly string[], isKilled: () => boolean = () => false): Promise<CommandResult> {
    const { now, step } = machine;
    const clock = this.#clock;
    const calls = {
      now: () => now() + clock,
      step: (name: string) => {
        if (name === "prune: begin" && !isKilled()) this.#window.look(this.#data);
        step(name);
      },
    };
    return withCalls(calls, () => command([...args, "--data-dir", this.#data], SETTINGS));
  }

  #look(args: readonly string[], home: readonly string[]): void {
    const now = this.#homeNow;
    const touched = now.filter((line, at) => line !== home[at]);
    if (touched.length > 0 || now.length !== home.length) throw new Error(`the agents' home has changed: ${touched}`);
    for (const [name, text] of this.#foreign)
      if (readFileSync(join(this.#data, "archive", name), "utf8") !== text) throw new Error(`${name} has changed`);
    const { gone } = this.#window.look(this.#data);
    if (gone.size === 0) return;
    if (!args.includes("--max-size")) throw new Error(`facts ${[...gone].slice(0, 5)} are gone after ${args[0]}`);
    if (args.includes("--force")) return;
    for (const to of this.#destinations) {
      const had = to.facts();
      const lacking = to.isRegistered ? [...gone].filter((n) => !had.has(n)) : [];
      if (lacking.length > 0) throw new Error(`${to.name} has not had facts ${lacking.slice(0, 5)}, which are pruned`);
    }
  }

  /** Undisturbed, everything is archived that was ever whole, and everything that is kept has been sent once. */
  async #end(): Promise<void> {
    this.#clock = 0;
    this.#kinds.finish();
    const first = await this.#undisturbed(["sync", ...this.#home]);
    const second = await this.#undisturbed(["sync", ...this.#home]);
    if (first.status !== 0 && first.status !== 3) throw new Error(`the last sync exits ${first.status}`);
    if (second.status !== 0 || !second.stderr.includes("nothing new")) throw new Error(`then: ${second.stderr}`);
    const differs = difference(this.#window.facts, this.#kinds.whole);
    if (differs !== undefined) throw new Error(`what was archived is wrong: ${differs}`);
    const { kept } = this.#window.look(this.#data);
    for (const to of this.#destinations) {
      const sent = await this.#undisturbed(["export", "--to", to.url, "--new"]);
      if (sent.status !== 0) throw new Error(`the last export exits ${sent.status}: ${sent.stderr}`);
      const had = to.facts();
      const lacking = [...kept].filter((n) => !had.has(n));
      if (lacking.length > 0) throw new Error(`${to.name} never had facts ${lacking.slice(0, 5)}`);
    }
    const { status, stdout, stderr } = await command(["verify", "--data-dir", this.#data]);
    if (status !== 0) throw new Error(`verify exits ${status}: ${stdout}${stderr}`);
    const hasFacts = this.#kinds.whole.size > 0; // in a few histories no agent writes anything
    if (hasFacts && readableSegments(this.#data).length === 0) throw new Error("there is no segment");
  }

  [Symbol.dispose](): void {
    this.#kinds[Symbol.dispose]();
    for (const to of this.#destinations) to[Symbol.dispose]();
    this.#place[Symbol.dispose]();
  }
}
