/**
 * Proves on processes of the built program that it may be killed at any of its calls to the machine, and that any of
 * them may fail: the next run leaves an archive that tells and counts what an undisturbed run does. `positions.test.ts`
 * takes all of them within one process; `WEIR_POSITIONS=100000 WEIR_FAILURES=100000` does here.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { appendFileSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setAside } from "../support/archive.ts";
import { callLines, callNumbers, numbersTo, sessionPath } from "../support/claude.ts";
import { listing, type Scratch, scratch } from "../support/home.ts";
import { SEED, setting, trial } from "../support/random.ts";
import { runSync } from "../support/runs.ts";
import { expectSame, type Whole, wholeOf } from "../support/whole.ts";

/** Calls at which a sync is killed, spread over all that it makes. */
const POSITIONS = setting("WEIR_POSITIONS", 24);
/** Calls of each kind that fail, for each way to fail. */
const FAILURES = setting("WEIR_FAILURES", 1);
const LONG = { timeout: 3_600_000 };

/** Small segments, so that a small home makes many of them. */
const env = { WEIR_SEGMENT_MAX_BYTES: "16384" };
/** Two that append lines, one that rewrites documents, one with a database; only their calls are counted. */
const NAMES = ["claude-code", "codex", "gemini-cli", "opencode"];
const AGENTS = ["--agent", NAMES.join(",")];

interface Call {
  readonly number: number;
  readonly name: string;
}

/** The stores of four agents with a broken line in one, and what an undisturbed run makes of them. */
let world: Scratch;
let untouched: string[];
let whole: Whole;
let aside: unknown[];
let calls: readonly Call[];

/** One sync of the world into a data folder, at whose n-th call something happens. */
function disturbed(data: string, call: number, what: string, more: Readonly<Record<string, string>> = {}) {
  return runSync({ ...world, data }, AGENTS, {
    binary: "weir-faults",
    env: { ...env, WEIR_FAULT: `${call}:${what}`, ...more },
  });
}

/** An undisturbed run puts right whatever was left behind. */
function expectPutRight(data: string): void {
  const run = runSync({ ...world, data }, AGENTS, { env });
  expect({ status: run.status, stderr: run.status === 0 || run.status === 3 ? "" : run.stderr }).toEqual({
    status: run.status === 3 ? 3 : 0,
    stderr: "",
  });
  expectSame(wholeOf(data), whole);
  expect(setAside(data)).toEqual(aside);
}

/** Spreads so many numbers over a list. */
function spread<T>(list: readonly T[], most: number): T[] {
  const step = Math.max(1, list.length / most);
  return Array.from({ length: Math.min(most, list.length) }, (_, at) => list[Math.floor(at * step)]!);
}

beforeAll(() => {
  world = scratch({ fast: true });
  for (const name of NAMES) world.copyFixture(name);
  world.write(sessionPath("soiled"), `${callLines(1, 3, "soiled")}garbage\n${callLines(3, 5, "soiled")}`);
  untouched = listing(world.home);
  expect(runSync(world, AGENTS, { env }).status).toBe(3);
  whole = wholeOf(world.data);
  aside = setAside(world.data);
  expect(aside).toHaveLength(1);
  expect(readdirSync(join(world.data, "archive")).length).toBeGreaterThan(3);
  const log = join(world.root, "calls");
  const counting = join(world.root, "counting");
  expect(disturbed(counting, 0, "", { WEIR_FAULT_LOG: log }).status).toBe(3);
  calls = readFileSync(log, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => ({ number: Number(line.split(" ")[0]), name: line.split(" ")[1] ?? "" }));
  expect(calls.length).toBeGreaterThan(200);
}, 60_000);

afterAll(() => {
  expect(listing(world.home)).toEqual(untouched);
  world[Symbol.dispose]();
});

/** Random ones: a quarter of as many as there are calls to be killed at. */
const trials = (): number => Math.min(POSITIONS, calls.length) / 4;

describe("killed", () => {
  test(
    `at each of ${POSITIONS} calls of a first sync, the next run makes it exact`,
    () => {
      const changing = calls.filter(({ name }) => !/^(?:lstat|stat|fstat|list|read|close|realpath)$/.test(name));
      const positions = new Map([...changing, ...spread(calls, POSITIONS)].map((call) => [call.number, call]));
      for (const { number, name } of spread([...positions.values()], POSITIONS)) {
        const data = join(world.root, "killed");
        const run = disturbed(data, number, "kill");
        expect({ number, name, signal: run.signal }).toEqual({ number, name, signal: "SIGKILL" });
        expectPutRight(data);
        rmSync(data, { recursive: true });
      }
    },
    LONG,
  );

  test(
    "again while it puts right what the first kill left, the next run makes it exact",
    async () => {
      const writes = calls.filter(({ name }) => name === "write" || name === "fsync" || name === "step");
      for (let at = 0; at < trials(); at++)
        await trial(SEED + at, (r) => {
          const data = join(world.root, "killed");
          expect(disturbed(data, r.pick(writes).number, "kill").signal).toBe("SIGKILL");
          for (let again = r.int(1, 3); again > 0; again--) disturbed(data, r.int(1, calls.length), "kill");
          expectPutRight(data);
          rmSync(data, { recursive: true });
        });
    },
    LONG,
  );

  test(
    "in a later sync, when there is an archive and something new, the next run makes it exact",
    async () => {
      for (let at = 0; at < trials(); at++)
        await trial(SEED + at, (r) => {
          using place = scratch();
          const lines = callLines(0, 400, "s1");
          const path = place.write(sessionPath("s1"), lines.slice(0, r.int(0, lines.length)));
          expect(runSync(place, AGENTS, { env }).status).toBe(0);
          appendFileSync(path, lines.slice(readFileSync(path).length));
          runSync(place, AGENTS, { binary: "weir-faults", env: { ...env, WEIR_FAULT: `${r.int(1, 80)}:kill` } });
          expect(runSync(place, AGENTS, { env }).status).toBe(0);
          expect(callNumbers(wholeOf(place.data).records)).toEqual(numbersTo(400));
        });
    },
    LONG,
  );
});

describe("any call may fail", () => {
  for (const what of ["EIO", "ENOSPC", "short", "EMFILE"]) {
    test(
      `${what}: the run says so or copes, never lies, and the next one is exact`,
      () => {
        const kinds = [...Map.groupBy(calls, (call) => call.name).values()];
        const some = kinds
          .flatMap((kind) => spread(kind, FAILURES))
          .filter(({ name }) => what !== "short" || name === "write");
        for (const { number, name } of some) {
          const data = join(world.root, "failed");
          const run = disturbed(data, number, what);
          const told = { number, name, status: run.status, stderr: run.stderr };
          // The first call looks for the configuration, which is read or refused.
          expect(number === 1 ? [2] : [0, 3, 4]).toContain(run.status ?? -1);
          if (run.status === 2 || run.status === 4) expect(told.stderr).toMatch(/^error: cannot /m);
          expect(told.stderr).not.toContain("unexpected");
          const isWhole = run.status === 0 || (run.status === 3 && !told.stderr.includes("cannot read"));
          if (isWhole) expectSame(wholeOf(data), whole);
          expectPutRight(data);
          rmSync(data, { recursive: true });
        }
      },
      LONG,
    );
  }
});
