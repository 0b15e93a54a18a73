/**
 * Proves that many syncs of one archive at once, a fifth of them killed, lose nothing and tell nothing twice.
 * `WEIR_PROCESSES=50 WEIR_ROUNDS=200` runs it for longer.
 */
import { expect, test } from "bun:test";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { archived } from "../support/archive.ts";
import { sessionPath } from "../support/claude.ts";
import { difference, factLines, factsIn } from "../support/facts.ts";
import { scratch } from "../support/home.ts";
import { random, SEED, setting } from "../support/random.ts";
import { runSync } from "../support/runs.ts";
import { startWeir } from "../support/weir.ts";
import { expectPlainFiles } from "./scenarios.ts";

const PROCESSES = setting("WEIR_PROCESSES", 20);
const ROUNDS = setting("WEIR_ROUNDS", 5);
const KILLED = 0.2;
const SESSIONS = 4;
const env = { WEIR_SEGMENT_MAX_BYTES: "65536" };

test(`${ROUNDS} rounds of ${PROCESSES} processes at once, a fifth of them killed`, async () => {
  using place = scratch({ fast: true });
  const r = random(SEED);
  let facts = 0;
  let killed = 0;
  const left: Record<string, number> = {};
  for (let session = 0; session < SESSIONS; session++) place.write(sessionPath(`s${session}`), "");
  const args = ["sync", "--quiet", "--agent", "claude-code", "--home", place.home, "--data-dir", place.data];
  for (let round = 0; round < ROUNDS; round++) {
    const running = Array.from({ length: PROCESSES }, () =>
      startWeir(r.chance(0.5) ? [...args, "--no-wait"] : args, { env }),
    );
    const ends = running.map(async (child) => {
      if (r.chance(KILLED)) {
        await Bun.sleep(r.int(0, 150));
        child.kill("SIGKILL");
        killed++;
      }
      await child.exited;
      const end = child.signalCode ?? String(child.exitCode);
      left[end] = (left[end] ?? 0) + 1;
    });
    for (let piece = 0; piece < 10; piece++) {
      const session = r.int(0, SESSIONS - 1);
      const count = r.int(1, 40);
      const text = factLines(facts, facts + count, `s${session}`);
      facts += count;
      const cut = r.int(0, text.length);
      appendFileSync(join(place.home, sessionPath(`s${session}`)), text.slice(0, cut));
      await Bun.sleep(r.int(0, 8));
      appendFileSync(join(place.home, sessionPath(`s${session}`)), text.slice(cut));
    }
    await Promise.all(ends);
  }
  expect(Object.keys(left).filter((end) => !["0", "75", "SIGKILL"].includes(end))).toEqual([]);
  expect(runSync(place, ["--agent", "claude-code"], { env }).status).toBe(0);
  const found = factsIn(archived(place.data));
  expect(difference(found.facts, new Set(Array.from({ length: facts }, (_, n) => n)))).toBeUndefined();
  expect({ twice: found.twice, disordered: found.disordered }).toEqual({ twice: [], disordered: [] });
  expectPlainFiles(place.data, "in the end");
  console.log(
    `${PROCESSES * ROUNDS} processes, ${killed} killed, ended ${JSON.stringify(left)}; ${facts} facts, seed ${SEED}`,
  );
}, 3_600_000);
