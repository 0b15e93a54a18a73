/**
 * Proves that every call of every command of one scripted life may fail, in every way in which it can, or be the last
 * before a kill: the command says so or copes, never lies, and the next run makes the archive exact. The stores are of
 * every kind that weir reads; retention and a destination take part.
 */
import { test } from "bun:test";
import { hurry } from "../support/hurry.ts";
import { random, SEED } from "../support/random.ts";
import { Script, STAGES } from "./positions.ts";

test(`every call of ${STAGES.length} commands, from seed ${SEED}`, async () => {
  using _ = hurry();
  using script = new Script(random(SEED));
  const wrong: string[] = [];
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      wrong.push((error as Error).message);
    }
  };
  let calls = 0;
  let faults = 0;
  let kills = 0;
  for (const stage of STAGES) {
    const run = await script.stage(stage);
    calls += run.calls.length;
    for (const call of run.calls)
      for (const fault of call.faults) {
        faults++;
        await attempt(() => run.failsAt(call, fault));
      }
    for (const kill of await run.kills()) {
      kills++;
      await attempt(() => run.killedAt(kill));
    }
    await run.end();
  }
  console.log(`${calls} calls: ${faults} faults, ${kills} kills, ${wrong.length} wrong, seed ${SEED}`);
  if (wrong.length > 0) throw new Error(`WEIR_SEED=${SEED} repeats these:\n${wrong.slice(0, 20).join("\n")}`);
}, 3_600_000);
