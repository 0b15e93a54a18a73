/**
 * Proves that in any history of writing, syncing, pruning and sending, with kills and losses of power, nothing is lost or
 * told twice, nothing is pruned that a destination has not had, nothing that was pruned comes back, what is kept is
 * counted right, and neither foreign files nor the agents' are touched. `WEIR_HISTORIES=10000` runs more.
 */
import { test } from "bun:test";
import { hurry } from "../support/hurry.ts";
import { SEED, setting, trial } from "../support/random.ts";
import { History } from "./histories.ts";

const HISTORIES = setting("WEIR_HISTORIES", 100);

test(`${HISTORIES} histories, from seed ${SEED}`, async () => {
  using _ = hurry();
  let kills = 0;
  for (let at = 0; at < HISTORIES; at++)
    await trial(SEED + at, async (r) => {
      using history = new History(r);
      await history.run(r.int(3, 14));
      kills += history.kills;
    });
  console.log(`${HISTORIES} histories, ${kills} kills and losses of power, seed ${SEED}`);
}, 7_200_000);
