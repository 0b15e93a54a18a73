/**
 * Owns the proof that no span is lost, told twice or told stale, whatever three windows do to the database between two
 * syncs. `WEIR_SCHEDULES=1000 WEIR_KILLED_SCHEDULES=1000` runs it for longer.
 */
import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { WeirRecord } from "../../../src/record/schema.ts";
import { fromMillis } from "../../../src/record/time.ts";
import { archived, comparable, counted, openWriter, toldTwice } from "../../support/archive.ts";
import { copilotInBlocks, DATABASE, NOON } from "../../support/copilot.ts";
import { type Scratch, scratch } from "../../support/home.ts";
import { type Random, SEED, setting, trial } from "../../support/random.ts";
import { startWeir, type Weir } from "../../support/weir.ts";
import { hostOf, type WindowSpan, Windows } from "../../support/windows.ts";

const SCHEDULES = setting("WEIR_SCHEDULES", 100);
const KILLED = setting("WEIR_KILLED_SCHEDULES", 10);
const STEPS = 24;
const LONG = { timeout: 86_400_000 };

/** What a row says, as far as its record tells it. */
const saidBy = ({ tokens, end, host }: WindowSpan): string => `${tokens} ${fromMillis(NOON + end)} ${hostOf(host)}`;
const toldBy = ({ usage, end_time, attributes, events }: WeirRecord): string => {
  const turn = events?.[0]?.attributes?.turnId;
  // The event is written and changed together with the tokens.
  return `${turn === String(usage?.output_tokens) ? turn : `${turn}/${usage?.output_tokens}`} ${end_time} ${attributes?.["server.address"]}`;
};

/** The session that a span names itself, or another one of its trace. */
const sessionIn = (table: ReadonlyMap<string, WindowSpan>, { trace, session }: WindowSpan): string | undefined =>
  [...table.values()].some((other) => other.trace === trace && other.namesSession) ? session : undefined;

/** What syncs have seen of each span, and what the archive has to say of it therefore. */
class Oracle {
  readonly #seen = new Map<string, string[]>();
  readonly #sessions = new Map<string, string | undefined>();
  /** Spans whose telling a sync in company may have taken from the middle of a change. */
  readonly #all = new Map<string, Set<string>>();

  /** Notes a state of the table that a sync may have seen. */
  possible(table: ReadonlyMap<string, WindowSpan>): void {
    for (const span of table.values()) {
      const all = this.#all.get(span.id) ?? new Set<string>();
      this.#all.set(span.id, all.add(saidBy(span)));
    }
  }

  /** Notes the table that a sync has seen whole. */
  sees(table: ReadonlyMap<string, WindowSpan>): void {
    this.possible(table);
    for (const span of table.values()) {
      const seen = this.#seen.get(span.id) ?? [];
      const isChanged = seen.at(-1) !== saidBy(span);
      if (isChanged) seen.push(saidBy(span));
      this.#seen.set(span.id, seen);
      // One that is told anew after those of its trace that name the session were deleted has none to find.
      const session = sessionIn(table, span);
      if (session !== undefined || isChanged) this.#sessions.set(span.id, session);
    }
  }

  /** Holds the archive against what was seen. `exact`: every change was seen by a sync that ended. */
  check(records: readonly WeirRecord[], table: ReadonlyMap<string, WindowSpan>, exact: boolean): void {
    expect(toldTwice(records)).toEqual([]);
    const tellings = Map.groupBy(records, (record) => record.span_id ?? "");
    for (const [id, told] of tellings) {
      const texts = told.map(comparable);
      for (let i = 1; i < texts.length; i++) expect(texts[i]).not.toBe(texts[i - 1]);
      expect(told.map((record) => record.rev)).toEqual(told.map((_, at) => at));
      for (const record of told) expect(this.#all.get(id)).toContain(toldBy(record));
    }
    for (const [id, seen] of this.#seen) {
      const told = tellings.get(id) ?? [];
      const contents = told.map(toldBy).filter((text, at, all) => text !== all[at - 1]);
      if (exact) expect([id, ...contents]).toEqual([id, ...seen]);
      // A run that was killed may have found a session that is not to be found any more.
      const session = this.#sessions.get(id);
      if (exact || session !== undefined) expect([id, told.at(-1)?.session_id]).toEqual([id, session]);
    }
    for (const span of table.values()) expect(toldBy(tellings.get(span.id)!.at(-1)!)).toBe(saidBy(span));
    expect(new Set(tellings.keys()).size).toBe(exact ? this.#seen.size : tellings.size);
    expect(counted(records)).toHaveLength(tellings.size);
  }
}

function databaseIn(place: Scratch): string {
  const path = join(place.home, DATABASE);
  mkdirSync(dirname(path), { recursive: true });
  return path;
}

/** Reads the table as it was left into an archive that knows nothing of it: everything at once, in its own order. */
async function readAnew(place: Scratch, table: ReadonlyMap<string, WindowSpan>, r: Random): Promise<void> {
  const data = join(place.root, "anew");
  await using writer = await openWriter(data, place.home, {
    agents: [copilotInBlocks(r.pick([1, 4, 16]), r.pick([1, 8, 64]))],
  });
  await writer.sync();
  const records = archived(data);
  expect(toldTwice(records)).toEqual([]);
  const last = new Map(records.map((record) => [record.span_id ?? "", record]));
  expect(new Set(last.keys())).toEqual(new Set(table.keys()));
  for (const span of table.values()) {
    const record = last.get(span.id)!;
    expect(toldBy(record)).toBe(saidBy(span));
    expect([span.id, record.session_id]).toEqual([span.id, sessionIn(table, span)]);
  }
}

test(
  `${SCHEDULES} random schedules of three windows, a sync between any two commits: 0 lost, 0 twice, 0 stale`,
  async () => {
    await using windows = await Windows.start();
    let syncs = 0;
    for (let at = 0; at < SCHEDULES; at++)
      await trial(SEED + at, async (r) => {
        using place = scratch({ fast: true });
        await windows.turnTo(databaseIn(place));
        const oracle = new Oracle();
        const often = r.pick([0.2, 0.5, 1]);
        const agents = [copilotInBlocks(r.pick([1, 4, 16, 256]), r.pick([1, 8, 64, 4096]))];
        await using writer = await openWriter(place.data, place.home, { agents });
        for (let step = 0; step <= STEPS; step++) {
          await windows.act(r);
          if (step < STEPS && !r.chance(often)) continue;
          expect(await writer.sync()).toMatchObject({ unreadable: [], quarantined: [], unknown: {} });
          oracle.sees(windows.table);
          if (step === STEPS || r.chance(0.2)) oracle.check(archived(place.data), windows.table, true);
          syncs++;
        }
        await readAnew(place, windows.table, r);
      });
    console.log(`${SCHEDULES} schedules, ${syncs} syncs, seed ${SEED}`);
  },
  LONG,
);

function startSync({ home, data }: Scratch): Weir {
  return startWeir(["sync", "--quiet", "--home", home, "--data-dir", data, "--agent", "copilot-vscode"]);
}

/** Runs the built program while the windows go on; kills it after a while, or lets it end. Returns whether it ended. */
async function syncInCompany(place: Scratch, windows: Windows, oracle: Oracle, r: Random): Promise<boolean> {
  const run = startSync(place);
  const isKilled = r.chance(0.7);
  const killing = isKilled ? Bun.sleep(r.int(0, 90)).then(() => run.kill("SIGKILL")) : Promise.resolve();
  for (let n = r.int(0, 3); n > 0; n--) {
    await windows.act(r);
    oracle.possible(windows.table);
  }
  await killing;
  await run.exited;
  // A database that its windows removed or replaced meanwhile may have been told as changing.
  if (!isKilled) expect([0, 3]).toContain(run.exitCode ?? -1);
  return run.exitCode === 0;
}

test(
  `${KILLED} random schedules with kill -9 of the syncing process: 0 lost, 0 twice, 0 stale`,
  async () => {
    await using windows = await Windows.start();
    let killed = 0;
    for (let at = 0; at < KILLED; at++)
      await trial(SEED + at, async (r) => {
        using place = scratch({ fast: true });
        await windows.turnTo(databaseIn(place));
        const oracle = new Oracle();
        for (let round = 0; round < 5; round++) {
          for (let n = r.int(1, 6); n > 0; n--) await windows.act(r);
          oracle.possible(windows.table);
          if (!(await syncInCompany(place, windows, oracle, r))) killed++;
        }
        const last = startSync(place);
        expect(await last.exited).toBe(0);
        oracle.sees(windows.table);
        oracle.check(archived(place.data), windows.table, false);
      });
    console.log(`${KILLED} schedules, ${killed} runs killed, seed ${SEED}`);
  },
  LONG,
);
