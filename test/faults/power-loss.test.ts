/**
 * Proves that a loss of power or a kill at any moment loses nothing and doubles nothing: every system call of six runs
 * of the built program over stores of every kind is recorded, SQLite's own too, and after each what was not synced is
 * dropped, torn or kept. The next sync makes it exact. `WEIR_IMAGES=100000` takes every call in every model.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { archived, setAside, syncInto } from "../support/archive.ts";
import { difference, factsIn } from "../support/facts.ts";
import { type Scratch, scratch } from "../support/home.ts";
import { hurry } from "../support/hurry.ts";
import { KINDS, Kinds, OF_KINDS } from "../support/kinds.ts";
import { random, SEED, setting } from "../support/random.ts";
import { weir } from "../support/weir.ts";
import { changesIn, MODELS, type Model, powerLost, recordedTo, strace } from "./recording.ts";
import { expectPlainFiles } from "./scenarios.ts";

const IMAGES = setting("WEIR_IMAGES", 300);
const env = { WEIR_SEGMENT_MAX_BYTES: "4096" };

type Changes = ReturnType<typeof changesIn>;
let world: Scratch;
let kinds: Kinds;
const changes: Changes[number][] = [];
/** The changes from here on belong to a run that prunes, or come after it. */
let pruning = 0;
let kept: ReadonlySet<number>;

function record(...args: string[]): void {
  const log = join(world.root, "calls");
  const run = weir([...args, "--data-dir", world.data], { env, through: recordedTo(log) });
  if (run.status !== 0 && run.status !== 3) throw new Error(`${args.join(" ")} exited ${run.status}: ${run.stderr}`);
  changes.push(...changesIn(log, world.data));
}

beforeAll(() => {
  world = scratch({ fast: true });
  kinds = new Kinds(world.home, random(SEED));
  if (!strace) return;
  const sync = ["sync", "--home", world.home, ...OF_KINDS];
  kinds.growAll();
  record(...sync);
  kinds.growAll();
  record(...sync);
  record(...sync);
  pruning = changes.length;
  record("prune", "--max-size", "12KiB");
  kinds.growAll();
  kinds.finish();
  record(...sync, "--prune", "--max-size", "12KiB");
  record(...sync);
  kept = factsIn(archived(world.data)).facts;
  expect(kept.size).toBeLessThan(kinds.whole.size);
  expect(kinds.broken).toBeGreaterThan(0);
}, 60_000);

afterAll(() => {
  kinds[Symbol.dispose]();
  world[Symbol.dispose]();
});

/** What the next sync makes of an image; undefined when it is exact. */
async function wrongWith(count: number, model: Model, seed: number): Promise<string | undefined> {
  const data = join(world.root, "image");
  rmSync(data, { recursive: true, force: true });
  powerLost(changes, count, model, random(seed), world.data, data);
  try {
    await syncInto(data, world.home, { agents: KINDS, segmentMaxBytes: 4096 });
    const { facts, twice } = factsIn(archived(data));
    expectPlainFiles(data, "after the sync");
    const aside = setAside(data).length;
    // What was pruned by then is gone, and nothing else.
    const expected = count < pruning ? kinds.whole : facts.union(kept);
    return (
      difference(facts, expected) ??
      difference(facts.difference(kinds.whole), new Set()) ??
      twice[0] ??
      (aside === kinds.broken ? undefined : `${aside} lines are set aside instead of ${kinds.broken}`)
    );
  } catch (error) {
    return (error as Error).message.split(world.root).join("");
  }
}

test.skipIf(!strace)(
  `${IMAGES} losses of power and kills: the next sync makes each exact`,
  async () => {
    using _ = hurry();
    const all = Array.from({ length: changes.length }, (_, at) =>
      MODELS.map((model) => ({ count: at + 1, model })),
    ).flat();
    const some = IMAGES >= all.length ? all : random(SEED).shuffled(all).slice(0, IMAGES);
    const wrong: string[] = [];
    for (const { count, model } of some) {
      const { kind, path } = changes[count - 1]!;
      const problem = await wrongWith(count, model, SEED + count);
      if (problem !== undefined)
        wrong.push(`after change ${count} (${kind} ${path.slice(world.data.length)}), ${model.name}: ${problem}`);
    }
    console.log(`${some.length} images of ${changes.length} recorded changes, seed ${SEED}: ${wrong.length} wrong`);
    expect(wrong.slice(0, 10)).toEqual([]);
  },
  3_600_000,
);
