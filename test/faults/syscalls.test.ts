/**
 * Proves on the released program that any write, sync or cut of its own files may fail, SQLite's included: the kernel's
 * answer is replaced from outside, the program says so or copes, and the next run is exact. `WEIR_SYSCALLS=100000` fails
 * every call. Needs strace, so only on Linux.
 */
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { archived, setAside, syncInto } from "../support/archive.ts";
import { difference, factsIn } from "../support/facts.ts";
import { type Scratch, scratch } from "../support/home.ts";
import { KINDS, Kinds, OF_KINDS } from "../support/kinds.ts";
import { random, SEED, setting } from "../support/random.ts";
import { runSync } from "../support/runs.ts";
import { type RunResult, weir } from "../support/weir.ts";
import { strace } from "./recording.ts";
import { expectPlainFiles } from "./scenarios.ts";

const SYSCALLS = setting("WEIR_SYSCALLS", 40);
const env = { WEIR_SEGMENT_MAX_BYTES: "4096" };
const NAMES = ["pwrite64", "fsync", "fdatasync", "ftruncate", "unlink", "mkdir"];
const ERRORS = ["EIO", "ENOSPC"];

let world: Scratch;
let kinds: Kinds;
/** How often the undisturbed sync makes each call. */
const made = new Map<string, number>();

function traced(log: string, ...more: string[]): RunResult {
  const through = [strace!, "-f", "--seccomp-bpf", "-qq", "-o", log, "-e", `trace=${NAMES.join()}`, ...more];
  return runSync(world, OF_KINDS, { env, through });
}

beforeAll(() => {
  world = scratch({ fast: true });
  kinds = new Kinds(world.home, random(SEED));
  kinds.growAll();
  kinds.growAll();
  kinds.finish();
  if (!strace) return;
  const log = join(world.root, "log");
  expect(traced(log).status).toBe(3);
  for (const line of readFileSync(log, "utf8").split("\n")) {
    const name = /^\d+ +(\w+)\(/.exec(line)?.[1];
    if (name !== undefined) made.set(name, (made.get(name) ?? 0) + 1);
  }
  expect(made.get("pwrite64")).toBeGreaterThan(20);
});

afterAll(() => {
  kinds[Symbol.dispose]();
  world[Symbol.dispose]();
});

test.skipIf(!strace)(
  `${SYSCALLS} system calls fail: the run says so or copes, and the next one is exact`,
  () => {
    const all = [...made].flatMap(([name, times]) =>
      ERRORS.flatMap((error) => Array.from({ length: times }, (_, at) => ({ name, error, at: at + 1 }))),
    );
    const some = SYSCALLS >= all.length ? all : random(SEED).shuffled(all).slice(0, SYSCALLS);
    const ends: Record<string, number> = {};
    for (const { name, error, at } of some) {
      rmSync(world.data, { recursive: true, force: true });
      const run = traced("/dev/null", "-e", `inject=${name}:error=${error}:when=${at}`);
      const what = { name, error, at, status: run.status, stderr: run.stderr };
      ends[String(run.status)] = (ends[String(run.status)] ?? 0) + 1;
      expect([0, 3, 4]).toContain(run.status ?? -1);
      expect(run.stderr).not.toContain("unexpected");
      if (run.status === 4) expect(run.stderr).toMatch(/^error: cannot /m);
      const again = runSync(world, OF_KINDS, { env });
      expect({ ...what, next: again.status, said: again.stderr }).toMatchObject({ next: again.status === 3 ? 3 : 0 });
      const { facts, twice } = factsIn(archived(world.data));
      const differs = difference(facts, kinds.whole);
      expect({ ...what, differs, twice, aside: setAside(world.data).length }).toEqual({
        ...what,
        differs: undefined,
        twice: [],
        aside: kinds.broken,
      });
      expectPlainFiles(world.data, JSON.stringify(what));
    }
    expect(weir(["verify", "--data-dir", world.data]).status).toBe(0);
    console.log(`${some.length} of ${all.length} failing system calls, ended ${JSON.stringify(ends)}, seed ${SEED}`);
  },
  3_600_000,
);

test.skipIf(!strace)(
  "killed at each write of an upgrade: the next run finishes it, and loses nothing",
  async () => {
    rmSync(world.data, { recursive: true, force: true });
    expect(runSync(world, OF_KINDS, { env }).status).toBe(3);
    const older = join(world.root, "older");
    {
      // As the first version left it: without what destinations have had, and without marks.
      using db = new Database(join(world.data, "state.db"));
      for (const table of ["export", "export_batch", "export_sent", "export_through"]) db.run(`DROP TABLE ${table}`);
      db.run("ALTER TABLE source DROP COLUMN mark");
      db.run("PRAGMA user_version = 1");
    }
    cpSync(world.data, older, { recursive: true });
    for (let at = 1; ; at++) {
      rmSync(world.data, { recursive: true });
      cpSync(older, world.data, { recursive: true });
      // Filtered calls get their errors injected, but no signals.
      const through = [strace!, "-f", "-qq", "-o", "/dev/null", "-e", `inject=pwrite64:signal=SIGKILL:when=${at}`];
      const run = runSync(world, OF_KINDS, { env, through });
      expect(await syncInto(world.data, world.home, { agents: KINDS, segmentMaxBytes: 4096 })).toMatchObject({
        records: { added: 0, revised: 0 },
      });
      expect({ at, differs: difference(factsIn(archived(world.data)).facts, kinds.whole) }).toEqual({
        at,
        differs: undefined,
      });
      if (run.signal === null && run.status === 0) {
        expect(at).toBeGreaterThan(5);
        const send = ["export", "--data-dir", world.data, "--to", "http://127.0.0.1:9", "--retry-for", "0s"];
        expect(weir(send).status).toBe(7);
        break;
      }
    }
  },
  600_000,
);
