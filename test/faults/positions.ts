/**
 * Owns one scripted life of an archive over stores of every kind, command by command, and what must hold when any call
 * of any of its commands fails or is the last one before a kill.
 */
import { cpSync, existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { archived, counted, setAside } from "../support/archive.ts";
import { type CommandResult, command } from "../support/command.ts";
import { difference } from "../support/facts.ts";
import { listing, type Scratch, scratch } from "../support/home.ts";
import { Kinds, OF_KINDS } from "../support/kinds.ts";
import type { Random } from "../support/random.ts";
import { type Image, type Model, watched } from "./images.ts";
import { type Call, callsOf, type Fault, failing } from "./inject.ts";
import { type Destination, destinations } from "./receivers.ts";
import { expectPlainFiles } from "./scenarios.ts";
import { Window } from "./window.ts";

const OURS = /^(?:archive(?:\/weir-.*\.jsonl)?|tmp|commits|state\.db(?:-wal|-shm)?|.*\.lock)$/;

/** One command of the script. */
export interface Stage {
  readonly name: string;
  readonly args: readonly string[];
  /** It may prune: then what is left depends on what was done when. */
  readonly prunes: boolean;
  /** Something happens in the home before. */
  readonly before?: (script: Script) => void;
}

const grow = (script: Script): void => script.grow();
const SIZE = ["--max-size", "16KB"];

export const STAGES: readonly Stage[] = [
  { name: "a first sync", args: ["sync"], prunes: false, before: grow },
  { name: "a sync of what has grown", args: ["sync"], prunes: false, before: grow },
  { name: "a first export to a destination", args: ["export"], prunes: false },
  { name: "a sync with nothing new", args: ["sync"], prunes: false },
  { name: "a prune", args: ["prune", ...SIZE], prunes: true },
  { name: "a sync that prunes", args: ["sync", "--prune", ...SIZE], prunes: true, before: grow },
  { name: "a later export to a destination", args: ["export"], prunes: false },
];

/** What a kill leaves, and what the destination has had by then. */
interface Kill {
  readonly image: Image;
  readonly got: readonly Uint8Array[];
}

/** What stands in an archive and at its destination, in any order. */
interface Outcome {
  readonly counted: readonly string[];
  readonly aside: readonly string[];
  readonly sent: readonly number[];
}

export class Script implements Disposable {
  readonly #place: Scratch = scratch({ fast: true });
  readonly #kinds: Kinds;
  readonly #to: Destination;
  readonly #r: Random;

  constructor(r: Random) {
    this.#r = r;
    this.#kinds = new Kinds(this.#place.home, r);
    const [to] = destinations("there");
    this.#to = to as Destination;
  }

  grow(): void {
    this.#kinds.growAll();
  }

  /** Takes the stage's own archive to where the stage begins; call it for each stage in their order. */
  async stage(stage: Stage): Promise<StageRun> {
    stage.before?.(this);
    const args =
      stage.args[0] === "sync"
        ? [...stage.args, ...OF_KINDS]
        : stage.args[0] === "export"
          ? ["export", "--to", this.#to.url, "--new", "--retry-for", "0s"]
          : stage.args;
    const facts = new Set(this.#kinds.whole);
    const run = new StageRun({ stage, args, place: this.#place, to: this.#to, facts, r: this.#r });
    await run.prepare();
    return run;
  }

  [Symbol.dispose](): void {
    this.#kinds[Symbol.dispose]();
    this.#to[Symbol.dispose]();
    this.#place[Symbol.dispose]();
  }
}

export interface StageOptions {
  readonly stage: Stage;
  /** The command, with all but the data folder. */
  readonly args: readonly string[];
  readonly place: Scratch;
  readonly to: Destination;
  /** What stands in the stores by now; undefined where they hold no numbered facts. */
  readonly facts?: ReadonlySet<number>;
  readonly r: Random;
}

/** A stage with the archive as it is before it, and what an undisturbed run of it makes. */
export class StageRun {
  readonly #stage: Stage;
  readonly #args: readonly string[];
  readonly #place: Scratch;
  readonly #to: Destination;
  readonly #facts: ReadonlySet<number> | undefined;
  readonly #r: Random;
  readonly #before: string;
  readonly #home: readonly string[];
  #had: Uint8Array[] = [];
  #undisturbed: Outcome | undefined;
  calls: readonly Call[] = [];

  constructor({ stage, args, place, to, facts, r }: StageOptions) {
    this.#stage = stage;
    this.#args = args;
    this.#place = place;
    this.#to = to;
    this.#facts = facts;
    this.#r = r;
    this.#before = join(place.root, "before");
    this.#home = this.#homeNow();
  }

  #homeNow(): string[] {
    return listing(this.#place.home).filter((line) => !line.includes("-shm "));
  }

  get #data(): string {
    return this.#place.data;
  }

  /** Keeps the archive as it is, and runs the stage undisturbed. */
  async prepare(): Promise<void> {
    rmSync(this.#before, { recursive: true, force: true });
    if (existsSync(this.#data)) cpSync(this.#data, this.#before, { recursive: true });
    this.#had = [...this.#to.got];
    let result: CommandResult | undefined;
    this.calls = await callsOf(async () => {
      result = await this.#run();
    });
    if (result?.status !== 0 && result?.status !== 3) throw new Error(`${this.#stage.name}: ${result?.stderr}`);
    this.#undisturbed = this.#outcome();
  }

  #run(): Promise<CommandResult> {
    // As its own home, it is looked at in one platform's places only; all others' would be as many calls again.
    const settings = { WEIR_SEGMENT_MAX_BYTES: "4KiB", HOME: this.#place.home };
    return command([...this.#args, "--data-dir", this.#data], settings);
  }

  #outcome(): Outcome {
    return {
      counted: counted(archived(this.#data)),
      aside: setAside(this.#data).map((row) => JSON.stringify(row)),
      sent: [...this.#to.facts()].sort((a, b) => a - b),
    };
  }

  /** One call fails: the command says so or copes, and the next run puts it right. Throws where it does not. */
  async failsAt(call: Call, fault: Fault): Promise<void> {
    const { number, name, about } = call;
    const what = `${this.#stage.name}, ${fault} at call ${number} (${name} ${about.replace(this.#place.root, "")})`;
    await this.#explained(what, async () => {
      this.#restore();
      const window = this.#window();
      const { status, stderr } = await failing(number, fault, () => this.#run());
      const isMeant =
        [0, 1, 3, 4, 7].includes(status) || (status === 2 && stderr.includes("cannot read the configuration"));
      if (stderr.includes("unexpected") || !isMeant) throw new Error(`it exits ${status}: ${stderr}`);
      if (status === 0 && !this.#stage.prunes) this.#expectExact(window);
      await this.#putRight(window);
    });
  }

  /** Leaves the archive as an undisturbed run does: there the next stage begins. */
  async end(): Promise<void> {
    this.#restore();
    await this.#run();
  }

  /** All moments at which the command may be killed and that differ from the one before. */
  async kills(): Promise<Kill[]> {
    const kills: Kill[] = [];
    this.#restore();
    const onChange = (_: number, imageOf: (model: Model) => Image): void => {
      kills.push({ image: imageOf("kill"), got: [...this.#to.got] });
    };
    await watched(this.#data, this.#r, onChange, () => this.#run());
    return kills;
  }

  /** What a kill left is put right by the next run. */
  async killedAt({ image, got }: Kill): Promise<void> {
    await this.#explained(`${this.#stage.name}, killed after call ${image.call}`, async () => {
      this.#restore();
      const window = this.#window();
      rmSync(this.#data, { recursive: true, force: true });
      image.restore(this.#data);
      this.#to.got.splice(0, Number.POSITIVE_INFINITY, ...got);
      await this.#putRight(window);
    });
  }

  #restore(): void {
    rmSync(this.#data, { recursive: true, force: true });
    if (existsSync(this.#before)) cpSync(this.#before, this.#data, { recursive: true });
    this.#to.got.splice(0, Number.POSITIVE_INFINITY, ...this.#had);
  }

  #window(): Window {
    const window = new Window(this.#facts !== undefined);
    window.look(this.#data);
    return window;
  }

  async #putRight(window: Window): Promise<void> {
    window.look(this.#data);
    const again = await this.#run();
    if (again.status !== 0 && again.status !== 3) throw new Error(`then it exits ${again.status}: ${again.stderr}`);
    this.#expectExact(window);
    expectPlainFiles(this.#data, "then");
    const left = readdirSync(this.#data, { recursive: true, encoding: "utf8" }).filter((name) => !OURS.test(name));
    if (left.length > 0) throw new Error(`${left} is left`);
    const touched = this.#homeNow().filter((line, at) => line !== this.#home[at]);
    if (touched.length > 0) throw new Error(`the agents' home has changed: ${touched}`);
  }

  #expectExact(window: Window): void {
    window.look(this.#data);
    const now = this.#outcome();
    const expected = this.#undisturbed as Outcome;
    const differs =
      this.#stage.prunes && this.#stage.args[0] === "sync" ? undefined : differing(now.counted, expected.counted);
    const wrong =
      differs ??
      differing(now.aside, expected.aside) ??
      difference(new Set(now.sent), new Set(expected.sent)) ??
      (this.#facts && this.#stage.args[0] === "sync" && !this.#stage.prunes
        ? difference(window.facts, this.#facts)
        : undefined);
    if (wrong !== undefined) throw new Error(wrong);
  }

  async #explained(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
    }
  }
}

function differing(now: readonly string[], expected: readonly string[]): string | undefined {
  const [more, fewer] = [
    now.filter((line) => !expected.includes(line)),
    expected.filter((line) => !now.includes(line)),
  ];
  if (more.length === 0 && fewer.length === 0 && now.length === expected.length) return undefined;
  return `${now.length} instead of ${expected.length}: more ${more.slice(0, 2)}, fewer ${fewer.slice(0, 2)}`;
}
