/**
 * Proves for every agent's own stores what `faults/positions.test.ts` proves for a few: every call of a first sync and of
 * one of what has grown may fail in every way in which it can, or be the last before a kill. `WEIR_POSITIONS_EACH` takes
 * fewer of them.
 */
import { describe, expect, test } from "bun:test";
import { agents } from "../../src/agents/index.ts";
import { type Stage, StageRun } from "../faults/positions.ts";
import { destinations } from "../faults/receivers.ts";
import { fixtureHomes } from "../support/fixtures.ts";
import { growth } from "../support/growth.ts";
import { scratch } from "../support/home.ts";
import { hurry } from "../support/hurry.ts";
import { SEED, setting, trial } from "../support/random.ts";

const EACH = setting("WEIR_POSITIONS_EACH", 1_000_000);
const totals = { calls: 0, faults: 0, kills: 0 };

describe("every call fails, or is the last", () => {
  for (const { name, agent, path } of fixtureHomes)
    test(
      name,
      async () => {
        using _ = hurry();
        await trial(SEED, async (r) => {
          using place = scratch({ fast: true });
          const [to] = destinations("nowhere");
          using _to = to!;
          const growing = growth(
            path,
            agents.filter(({ id }) => id === agent),
            place.home,
            r,
          );
          growing.step();
          const args = ["sync", "--agent", agent];
          for (const when of ["a first sync", "a sync of what has grown"]) {
            const stage: Stage = { name: when, args: ["sync"], prunes: false };
            const run = new StageRun({ stage, args, place, to: to!, r });
            await run.prepare();
            const faults = run.calls.flatMap((call) => call.faults.map((fault) => ({ call, fault })));
            for (const { call, fault } of r.shuffled(faults).slice(0, EACH)) await run.failsAt(call, fault);
            const kills = r.shuffled(await run.kills()).slice(0, EACH);
            for (const kill of kills) await run.killedAt(kill);
            await run.end();
            totals.calls += run.calls.length;
            totals.faults += Math.min(EACH, faults.length);
            totals.kills += kills.length;
            while (!growing.step());
          }
        });
      },
      { timeout: 86_400_000 },
    );

  test("in all", () => {
    console.log(`${totals.calls} calls: ${totals.faults} faults, ${totals.kills} kills, all exact, seed ${SEED}`);
    expect(totals.faults).toBeGreaterThan(0);
  });
});
