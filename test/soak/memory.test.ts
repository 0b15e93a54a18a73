/**
 * Proves that gigabytes of sessions go through one archive, with rotation, prune and kills, at flat memory, and that no
 * fact is lost or told twice on the way. `WEIR_SOAK_MB=2000` sets how much.
 */
import { expect, test } from "bun:test";
import { renameSync, rmSync } from "node:fs";
import { archived } from "../support/archive.ts";
import { sessionPath } from "../support/claude.ts";
import { difference, factLines, factsIn } from "../support/facts.ts";
import { type Scratch, scratch } from "../support/home.ts";
import { random, SEED, setting } from "../support/random.ts";
import { runSync } from "../support/runs.ts";
import { measured, type RunResult, startWeir, weir } from "../support/weir.ts";

const MEGABYTES = setting("WEIR_SOAK_MB", 2000);
const FACTS_A_ROUND = 8000;
const TEXT = "z".repeat(8000);
const MOST = 256 << 20;
/** Memory is flat when the last quarter of the rounds needs no more than this above the first. */
const FLAT = 1.15;
const KEPT_SESSIONS = 3;
const env = { WEIR_SEGMENT_MAX_BYTES: "1MiB" };

function ran(run: RunResult, what: string): RunResult {
  if (run.status !== 0) throw new Error(`${what} exited ${run.status}: ${run.stderr}`);
  return run;
}

async function killed({ home, data }: Scratch, afterMs: number): Promise<void> {
  const child = startWeir(["sync", "--home", home, "--data-dir", data], { env });
  await Bun.sleep(afterMs);
  child.kill("SIGKILL");
  await child.exited;
}

test(`${MEGABYTES} MB`, async () => {
  using place = scratch();
  const r = random(SEED);
  const peaks: number[] = [];
  let written = 0;
  let facts = 0;
  let kills = 0;
  let before: ReadonlySet<number> = new Set();
  for (let round = 0; written < MEGABYTES * 1e6; round++) {
    const lines = factLines(facts, facts + FACTS_A_ROUND, `s${round}`, TEXT);
    const path = place.write(sessionPath(`s${round}`), lines);
    written += lines.length;
    facts += FACTS_A_ROUND;
    for (let times = r.int(0, 2); times > 0; times--, kills++) await killed(place, r.int(0, 400));
    if (round % 2 === 1) renameSync(path, path.replace(/\.jsonl$/, "-rotated.jsonl"));
    const run = ran(runSync(place, ["--quiet"], { env, through: measured, timeoutMs: 600_000 }), "sync");
    peaks.push(Number(run.stderr.trim().split("\n").at(-1)));
    const found = factsIn(archived(place.data));
    const expected = new Set(before);
    for (let n = facts - FACTS_A_ROUND; n < facts; n++) expected.add(n);
    const wrong = difference(found.facts, expected) ?? found.twice[0];
    if (wrong !== undefined) throw new Error(`seed ${SEED}, round ${round}: ${wrong}`);
    ran(weir(["prune", "--max-size", "8MiB", "--data-dir", place.data], { env }), "prune");
    before = factsIn(archived(place.data)).facts;
    const old = round - KEPT_SESSIONS;
    if (old >= 0) rmSync(path.replace(`s${round}`, `s${old}${old % 2 === 1 ? "-rotated" : ""}`));
    console.log(
      `${(written / 1e9).toFixed(2)} GB, ${facts} facts, ${kills} kills, peak ${(peaks.at(-1)! / 2 ** 20).toFixed(0)} MiB`,
    );
  }
  const quarter = Math.max(1, peaks.length >> 2);
  const [first, last] = [Math.max(...peaks.slice(0, quarter)), Math.max(...peaks.slice(-quarter))];
  const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  console.log(
    `${(written / 1e9).toFixed(1)} GB, ${facts} facts, ${kills} kills: peaks ${mib(first)} at first, ${mib(last)} at last, seed ${SEED}`,
  );
  expect(Math.max(...peaks)).toBeLessThan(MOST);
  expect(last).toBeLessThan(first * FLAT);
}, 86_400_000);
