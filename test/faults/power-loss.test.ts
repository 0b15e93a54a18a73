/**
 * Proves that a loss of power at any moment loses nothing and doubles nothing: every call of five runs of the built
 * program is recorded, SQLite's own too, and after each what was not synced is dropped or torn. The next sync makes
 * it exact. `WEIR_IMAGES=100000` takes every call in every model, `WEIR_SEED` others of them.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { appendFileSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { agents } from "../../src/agents/index.ts";
import { archived, syncInto } from "../support/archive.ts";
import { sessionPath } from "../support/claude.ts";
import { difference, factLines, factsIn } from "../support/facts.ts";
import { type Scratch, scratch } from "../support/home.ts";
import { random, SEED, setting } from "../support/random.ts";
import { weir } from "../support/weir.ts";
import { changesIn, MODELS, powerLost, recordedTo, strace } from "./recording.ts";
import { expectPlainFiles } from "./scenarios.ts";

const IMAGES = setting("WEIR_IMAGES", 300);
const env = { WEIR_SEGMENT_MAX_BYTES: "4096" };
const PATH = sessionPath("s1");
const FACTS = 60;
const numbers = (from: number, to: number): Set<number> =>
  new Set(Array.from({ length: to - from }, (_, at) => from + at));

type Changes = ReturnType<typeof changesIn>;
let world: Scratch;
const changes: Changes[number][] = [];
/** The changes from here on belong to a run that prunes, or come after it. */
let pruning = 0;
let kept: ReadonlySet<number>;

function record(...args: string[]): void {
  const log = join(world.root, "calls");
  const run = weir([...args, "--data-dir", world.data], { env, through: recordedTo(log) });
  if (run.status !== 0) throw new Error(`${args.join(" ")} exited ${run.status}: ${run.stderr}`);
  changes.push(...changesIn(log, world.data));
}

beforeAll(() => {
  world = scratch({ fast: true });
  if (!strace) return;
  const sync = ["sync", "--home", world.home];
  const path = world.write(PATH, factLines(0, 12, "s1"));
  record(...sync);
  appendFileSync(path, factLines(12, 40, "s1"));
  record(...sync);
  record(...sync);
  pruning = changes.length;
  record("prune", "--max-size", "12KiB");
  appendFileSync(path, factLines(40, FACTS, "s1"));
  record(...sync);
  kept = factsIn(archived(world.data)).facts;
  expect(kept.size).toBeLessThan(FACTS);
  expect(readFileSync(path).length).toBeGreaterThan(4096);
});

afterAll(() => world[Symbol.dispose]());

/** What the next sync makes of an image; undefined when it is exact. */
async function wrongWith(count: number, model: (typeof MODELS)[number], seed: number): Promise<string | undefined> {
  const data = join(world.root, "image");
  rmSync(data, { recursive: true, force: true });
  powerLost(changes, count, model, random(seed), world.data, data);
  try {
    const only = agents.filter(({ id }) => id === "claude-code");
    await syncInto(data, world.home, { agents: only, segmentMaxBytes: 4096 });
    const { facts, twice, disordered } = factsIn(archived(data));
    expectPlainFiles(data, "after the sync");
    const least = Math.min(...facts);
    const expected = count < pruning ? numbers(0, FACTS) : numbers(Math.min(least, Math.min(...kept)), FACTS);
    return difference(facts, expected) ?? twice[0] ?? disordered[0];
  } catch (error) {
    return (error as Error).message.split(world.root).join("");
  }
}

test.skipIf(!strace)(
  `${IMAGES} losses of power: the next sync makes each exact`,
  async () => {
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
