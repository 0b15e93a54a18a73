/**
 * Proves that weir may be killed at any moment while agents write into stores of every kind, whatever it is doing:
 * syncing, pruning, sending. Nothing is lost, told twice or torn, and nothing is pruned that a destination lacks.
 * `WEIR_KILLS=10000` kills more often.
 */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { archived, lastTellings, setAside } from "../support/archive.ts";
import { lines } from "../support/database.ts";
import { difference } from "../support/facts.ts";
import { scratch } from "../support/home.ts";
import { receiver } from "../support/otlp.ts";
import { random, SEED, setting } from "../support/random.ts";
import { runSync } from "../support/runs.ts";
import { startWeir } from "../support/weir.ts";
import { factsSent } from "./receivers.ts";
import { expectPlainFiles } from "./scenarios.ts";
import { Window } from "./window.ts";
import type { Written } from "./writer.ts";

const KILLS = setting("WEIR_KILLS", 300);
/** One undisturbed command among so many, to know how long they take. */
const UNDISTURBED = 20;
const TOLD = 500;
const env = { WEIR_SEGMENT_MAX_BYTES: "16384" };
const SAMPLE = "codex";
const AGENTS = ["--agent", "claude-code,codex,amp,copilot-vscode"];

interface Agents {
  /** Tells the agents what to do; waits until it is done. */
  order(what: "grow" | "finish" | "retire"): Promise<void>;
  /** Lets them write what is left, and ends them. */
  end(): Promise<Written>;
}

function startAgents(home: string, samples: string): Agents {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "writer.ts"), home, samples, String(SEED)], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const answers = lines(child.stdout);
  return {
    async order(what) {
      child.stdin.write(`${what}\n`);
      child.stdin.flush();
      const { value } = await answers.next();
      if (value !== what) throw new Error(`the agents say ${value}`);
    },
    async end() {
      child.stdin.end();
      const { value } = await answers.next();
      return JSON.parse(value ?? "") as Written;
    },
  };
}

test(`killed at ${KILLS} random moments while agents write: nothing lost, told twice, torn or pruned too soon`, async () => {
  using world = scratch({ fast: true });
  for (const sample of ["claude-code", "codex"]) world.copyFixture(sample);
  using place = scratch({ fast: true });
  await using to = await receiver();
  const writer = startAgents(place.home, world.home);
  const r = random(SEED);
  const window = new Window();
  const where = ["--data-dir", place.data];
  const sync = ["sync", "--home", place.home, ...AGENTS, ...where];
  const size = ["--max-size", "64KiB"];
  const send = ["export", "--to", to.url, "--new", "--retry-for", "0s", ...where];
  const commands = [sync, sync, sync, [...sync, "--prune", ...size], ["prune", ...size, ...where], send];
  const had = (): Set<number> =>
    factsSent(
      "it",
      to.got.map(({ raw }) => raw),
    );
  const gone = new Set<number>();
  const run = async (args: readonly string[], afterMs?: number): Promise<number | "killed"> => {
    const child = startWeir(args, { env });
    const told = new Response(child.stderr).text();
    if (afterMs !== undefined) {
      await Bun.sleep(afterMs);
      child.kill("SIGKILL");
    }
    await child.exited;
    const look = window.look(place.data);
    for (const n of look.gone) gone.add(n);
    if (child.signalCode === "SIGKILL") return "killed";
    if (![0, 3].includes(child.exitCode ?? -1)) throw new Error(`${args[0]} exits ${child.exitCode}: ${await told}`);
    return child.exitCode ?? -1;
  };
  // From the first export on, retention waits for the destination: what it prunes was looked at before.
  await run(sync);
  expect(await run(send)).toBe(0);
  let longest = 0;
  for (let kills = 0, at = 0; kills < KILLS; at++) {
    if (at % UNDISTURBED > 0) {
      const growing = writer.order("grow");
      if ((await run(r.pick(commands), r.int(0, longest))) === "killed" && ++kills % TOLD === 0)
        console.log(`${kills} kills, ${window.facts.size} facts`);
      await growing;
      continue;
    }
    await writer.order("finish");
    const before = performance.now();
    await run(sync);
    longest = (performance.now() - before) * 1.2;
    await writer.order("retire");
    if (r.chance(0.5)) await run(send);
    expect(difference(gone.difference(had()), new Set())).toBeUndefined();
  }
  const written = await writer.end();
  await run(sync);
  expect(runSync(place, AGENTS, { env })).toMatchObject({ status: 0, stderr: expect.stringContaining("nothing new") });
  expect(await run(send)).toBe(0);

  expect(difference(window.facts, new Set(written.facts))).toBeUndefined();
  expect(setAside(place.data)).toHaveLength(written.broken);
  expectPlainFiles(place.data, "in the end");
  const fresh = { ...place, data: join(place.root, "fresh") };
  expect(runSync(fresh, AGENTS).status).toBeOneOf([0, 3]); // broken lines may have gone with their sessions
  const sample = archived(fresh.data).filter(({ agent }) => agent === SAMPLE);
  expect(window.lastOf(SAMPLE)).toEqual(lastTellings(sample));
  expect(difference(window.look(place.data).kept.difference(had()), new Set())).toBeUndefined();
  console.log(`${KILLS} kills, ${written.facts.length} facts written meanwhile, ${had().size} sent, seed ${SEED}`);
}, 7_200_000);
