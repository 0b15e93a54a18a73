/** Proves that weir ends soon when it is told to, whatever it is doing, and that the next run makes it exact. */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { closeSync, constants, openSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { callNumbers, numbersTo, writeCalls } from "../support/claude.ts";
import { endingOf, idles } from "../support/ending.ts";
import { type Scratch, scratch } from "../support/home.ts";
import { exported, hasBegun, runSync } from "../support/runs.ts";
import { shell, startWeir, type Weir } from "../support/weir.ts";

const CALLS = 60_000;
const LIMIT_MS = 250;
const LONG = { timeout: 60_000 };

function large(): Scratch {
  const place = scratch();
  writeCalls(place, CALLS);
  return place;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

/** Sends a signal and tells how much of its own time the process took to end. */
const timeToEnd = async (run: Weir, signal: NodeJS.Signals): Promise<number> =>
  (await endingOf(run, () => run.kill(signal))).own;

/** A pipe that is open for reading and never read; weir writes to it as its stdout. */
function unread(place: Scratch): { readonly through: readonly string[] } & Disposable {
  const path = join(place.root, `pipe-${readdirSync(place.root).length}`);
  if (!Bun.spawnSync(["mkfifo", path]).success) throw new Error("no pipe");
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  return { through: shell(`exec "$@" > "${path}"`), [Symbol.dispose]: () => closeSync(fd) };
}

for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  describe(signal, () => {
    test(
      `ends a large sync with ${code} within ${LIMIT_MS} ms, and the next run makes it exact`,
      async () => {
        using place = large();
        const times: number[] = [];
        for (let round = 0; round < 5; round++) {
          rmSync(place.data, { recursive: true, force: true });
          const run = startWeir(["sync", "--home", place.home, "--data-dir", place.data]);
          await hasBegun(place, run.pid);
          await Bun.sleep(60 * round);
          times.push(await timeToEnd(run, signal));
          expect(run.exitCode).toBe(code);
        }
        expect(median(times)).toBeLessThan(LIMIT_MS);
        expect(runSync(place).status).toBe(0);
        expect(callNumbers(exported(place, "--all"))).toEqual(numbersTo(CALLS));
      },
      LONG,
    );

    test(
      `ends an export to a file within ${LIMIT_MS} ms, and leaves nothing of it behind`,
      async () => {
        using place = large();
        expect(runSync(place).status).toBe(0);
        for (let round = 0; round < 3; round++) {
          const run = startWeir(["export", "--data-dir", place.data, "-o", join(place.root, "out.jsonl")]);
          await Bun.sleep(100 + 100 * round);
          expect(await timeToEnd(run, signal)).toBeLessThan(LIMIT_MS);
          expect(run.exitCode === code || run.signalCode === signal).toBe(true);
          expect(readdirSync(place.root).filter((name) => name.startsWith("out.jsonl"))).toEqual([]);
        }
      },
      LONG,
    );

    test(
      "ends an export or a printing sync whose output nobody reads",
      async () => {
        using place = large();
        const { home, data } = place;
        for (const args of [
          ["sync", "--print", "--home", home, "--data-dir", data],
          ["export", "--data-dir", data],
        ]) {
          using pipe = unread(place);
          const run = startWeir(args, pipe);
          await idles(run.pid);
          const time = await timeToEnd(run, signal);
          expect({ args, ended: time < LIMIT_MS }).toEqual({ args, ended: true });
          expect(run.exitCode === code || run.signalCode === signal).toBe(true);
        }
        expect(runSync(place).status).toBe(0);
        expect(callNumbers(exported(place, "--all"))).toEqual(numbersTo(CALLS));
      },
      LONG,
    );
  });
}

test(
  "a signal ends a sync that waits for another one",
  async () => {
    using place = scratch();
    writeCalls(place, 10);
    expect(runSync(place).status).toBe(0);
    using lock = new Database(join(place.data, "writer.lock"));
    lock.run("BEGIN EXCLUSIVE");
    const run = startWeir(["sync", "--home", place.home, "--data-dir", place.data]);
    await Bun.sleep(400);
    const { own, byTheClock } = await endingOf(run, () => run.kill("SIGTERM"));
    expect(own).toBeLessThan(LIMIT_MS);
    expect(byTheClock).toBeLessThan(5000); // half of what it would have waited
  },
  LONG,
);

test(
  "a second signal ends it at once, and the next run makes it exact",
  async () => {
    using place = large();
    const run = startWeir(["sync", "--home", place.home, "--data-dir", place.data]);
    await Bun.sleep(150);
    run.kill("SIGINT");
    run.kill("SIGINT");
    expect(await run.exited).toBeOneOf([130, null as unknown as number]);
    expect(runSync(place).status).toBe(0);
    expect(callNumbers(exported(place, "--all"))).toEqual(numbersTo(CALLS));
  },
  LONG,
);
