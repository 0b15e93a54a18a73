/**
 * Proves that many syncs, prunes and exports of one archive at once, a fifth of them killed, lose nothing, tell and send
 * nothing twice, and prune nothing that was not sent.
 * `WEIR_PROCESSES=50 WEIR_ROUNDS=200` runs it for longer.
 */
import { expect, test } from "bun:test";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { archived } from "../support/archive.ts";
import { sessionPath } from "../support/claude.ts";
import { difference, factLines, factsIn } from "../support/facts.ts";
import { scratch } from "../support/home.ts";
import { receiver } from "../support/otlp.ts";
import { random, SEED, setting } from "../support/random.ts";
import { startWeir } from "../support/weir.ts";
import { factsSent } from "./receivers.ts";
import { expectPlainFiles } from "./scenarios.ts";

const PROCESSES = setting("WEIR_PROCESSES", 20);
const ROUNDS = setting("WEIR_ROUNDS", 5);
const KILLED = 0.2;
const SESSIONS = 4;
const env = { WEIR_SEGMENT_MAX_BYTES: "16384" };

test(`${ROUNDS} rounds of ${PROCESSES} processes at once, a fifth of them killed`, async () => {
  using place = scratch({ fast: true });
  const r = random(SEED);
  let facts = 0;
  let killed = 0;
  const left: Record<string, number> = {};
  await using to = await receiver();
  for (let session = 0; session < SESSIONS; session++) place.write(sessionPath(`s${session}`), "");
  const where = ["--quiet", "--data-dir", place.data];
  const sync = ["sync", "--agent", "claude-code", "--home", place.home, ...where];
  const prune = ["prune", "--max-size", "64KiB", ...where];
  const send = ["export", "--to", to.url, "--new", "--retry-for", "0s", ...where];
  const commands = [sync, sync, sync, [...sync, "--no-wait"], [...sync, "--no-wait"], prune, send];
  const end = async (args: readonly string[]): Promise<void> => expect(await startWeir(args, { env }).exited).toBe(0);
  // From its first export on, retention waits for the destination.
  await end(sync);
  await end(send);
  for (let round = 0; round < ROUNDS; round++) {
    const running = Array.from({ length: PROCESSES }, () => startWeir(r.pick(commands), { env }));
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
  await end(sync);
  await end(send);
  const all = new Set(Array.from({ length: facts }, (_, n) => n));
  const found = factsIn(archived(place.data));
  expect({ twice: found.twice, disordered: found.disordered }).toEqual({ twice: [], disordered: [] });
  expect(difference(found.facts.difference(all), new Set())).toBeUndefined();
  // What is not kept was sent, and all of it once.
  expect(
    difference(
      factsSent(
        "it",
        to.got.map(({ raw }) => raw),
      ),
      all,
    ),
  ).toBeUndefined();
  expectPlainFiles(place.data, "in the end");
  console.log(
    `${PROCESSES * ROUNDS} processes, ${killed} killed, ended ${JSON.stringify(left)}; ${facts} facts, ${found.facts.size} kept, seed ${SEED}`,
  );
}, 3_600_000);
