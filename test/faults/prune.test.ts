/**
 * Proves that a prune of the built program that is killed at any of its calls leaves a whole archive, and that the next
 * run finishes it; `positions.test.ts` lets each of them fail.
 */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { listSegments } from "../../src/archive/segment.ts";
import { archived, readableSegments } from "../support/archive.ts";
import { writeCalls } from "../support/claude.ts";
import { type Scratch, scratch } from "../support/home.ts";
import { type RunResult, weir } from "../support/weir.ts";

const SMALL = { WEIR_SEGMENT_MAX_BYTES: "4KiB" };
const CALLS = 30;

function place(): Scratch {
  const made = scratch({ fast: true });
  writeCalls(made, CALLS);
  return made;
}

function run({ home, data }: Scratch, args: readonly string[], fault?: string, log?: string): RunResult {
  const env = { ...SMALL, ...(fault && { WEIR_FAULT: fault }), ...(log && { WEIR_FAULT_LOG: log }) };
  const homes = args[0] === "prune" ? [] : ["--home", home];
  return weir([...args, "--data-dir", data, ...homes], { env, binary: "weir-faults" });
}

const ids = ({ data }: Scratch): string[] => archived(data).map((record) => record.id);
const PRUNE = ["prune", "--max-size", "8KiB"] as const;

function callsOfAPrune(): number {
  using world = place();
  run(world, ["sync"]);
  const log = join(world.root, "calls");
  expect(run(world, PRUNE, "0:kill", log).status).toBe(0);
  return readFileSync(log, "utf8").trimEnd().split("\n").length;
}

test("killed at every call of a prune", () => {
  const calls = callsOfAPrune();
  expect(calls).toBeGreaterThan(20);
  for (let at = 1; at <= calls; at++) {
    using world = place();
    run(world, ["sync"]);
    const all = ids(world);
    const hit = run(world, PRUNE, `${at}:kill`);
    const what = `killed at call ${at} of ${calls}: ${hit.stderr}`;
    const seen = ids(world);
    if (seen.join() !== all.slice(all.length - seen.length).join()) throw new Error(`${what}: records are missing`);
    const again = run(world, ["sync", "--prune", "--max-size", "8KiB"]);
    if (again.status !== 0) throw new Error(`${what}: then ${again.status} ${again.stderr}`);
    const kept = ids(world);
    if (kept.join() !== all.slice(all.length - kept.length).join()) throw new Error(`${what}: read in again, or lost`);
    const files = listSegments(join(world.data, "archive"));
    if (files.length !== readableSegments(world.data).length) throw new Error(`${what}: ${files.join()} are left`);
  }
}, 300_000);
