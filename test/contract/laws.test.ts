/**
 * Proves the laws that every stream of every agent obeys, on the stores that the agents themselves wrote. It knows no
 * agent: which file is whose, and of what shape, is asked of `discover`. `WEIR_CUTS=20000` runs it for longer.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { agents } from "../../src/agents/index.ts";
import type { Agent } from "../../src/read/types.ts";
import { contentSchema, type WeirRecord } from "../../src/record/schema.ts";
import type { Capture } from "../../src/sync/capture.ts";
import type { Summary } from "../../src/sync/summary.ts";
import { archived, counted, openWriter, syncInto } from "../support/archive.ts";
import { type FixtureHome, fixtureAgents, fixtureHomes } from "../support/fixtures.ts";
import { growth, lastLineOf, readLineOf, type Store, storesOf } from "../support/growth.ts";
import { bytesBelow, listing, type Scratch, scratch } from "../support/home.ts";
import { hurry } from "../support/hurry.ts";
import { type Random, random, SEED, setting, trial } from "../support/random.ts";
import { expectSame, type Whole, wholeOf } from "../support/whole.ts";

/** Syncs of each agent's stores before all of them is there. */
const CUTS = setting("WEIR_CUTS", 500);
/** The same with every text captured; each record is then longer. */
const RAW_CUTS = setting("WEIR_RAW_CUTS", 100);
const RAW = { level: "raw", limit: 64 << 10 } as const;
/** Of each shape, so many stores of a home are torn, soiled and rewritten. */
const STORES = 4;
const LONG = { timeout: 600_000 };

// Every change of a store here changes its size, or leaves its bytes as they are: nothing hides behind the clock.
let hurried: Disposable;
beforeAll(() => {
  hurried = hurry();
});
afterAll(() => hurried[Symbol.dispose]());

/** The same without times and turns: of a fact that was told as open, a store that was cut short tells earlier ones. */
function withoutTimes({ records, last, counted }: Whole): Whole {
  const bare = (text: string): string =>
    text.replaceAll(/"(?:time|end_time|duration_ms|turn)":(?:"[^"]*"|[\d.]+),/g, "");
  return {
    records,
    last: Object.fromEntries(Object.entries(last).map(([key, text]) => [key, bare(text)])),
    counted: counted.map(bare),
  };
}

/** The same without captured texts. */
function withoutTexts({ records, last, counted }: Whole): Whole {
  const bare = (line: string): string => {
    const at = line.indexOf("{");
    const { content, raw, ...rest } = JSON.parse(line.slice(at)) as WeirRecord;
    void [content, raw];
    return line.slice(0, at) + JSON.stringify(rest);
  };
  return {
    records,
    last: Object.fromEntries(Object.entries(last).map(([key, text]) => [key, bare(text)])),
    counted: counted.map(bare).sort(),
  };
}

/** A fixture home with what one sync of it tells. */
class Subject {
  readonly stores: readonly Store[];
  readonly options: { readonly agents: readonly Agent[]; readonly capture?: Capture };
  #whole: Promise<Whole & { readonly summary: Summary }> | undefined;

  constructor(
    readonly fixture: FixtureHome,
    capture?: Capture,
  ) {
    this.options = { agents: agents.filter((agent) => agent.id === fixture.agent), ...(capture && { capture }) };
    this.stores = storesOf(fixture.path, this.options.agents);
  }

  whole(): Promise<Whole & { readonly summary: Summary }> {
    this.#whole ??= (async () => {
      using place = scratch({ fast: true });
      const summary = await this.sync(place, this.fixture.path);
      return { ...wholeOf(place.data), summary };
    })();
    return this.#whole;
  }

  /** A copy of the home in a folder of its own. */
  copy(): Scratch {
    const place = scratch({ fast: true });
    place.copyHome(this.fixture.path);
    return place;
  }

  sync(place: Scratch, home: string = place.home): Promise<Summary> {
    return syncInto(place.data, home, this.options);
  }

  /** Runs one trial for some of the stores of these shapes. */
  async each(shapes: readonly Store["shape"][], work: (store: Store, r: Random) => Promise<void>): Promise<void> {
    for (const shape of shapes) {
      const some = random(SEED).shuffled(this.stores.filter((store) => store.shape === shape));
      for (const store of some.slice(0, STORES)) await trial(SEED, (r) => work(store, r));
    }
  }
}

/** Lets a home grow from nothing in random pieces, a sync after each; it ends as if it had been read once. */
async function grow(subject: Subject, r: Random): Promise<number> {
  using place = scratch({ fast: true });
  const growing = growth(subject.fixture.path, subject.options.agents, place.home, r);
  const options = { ...subject.options, segmentMaxBytes: r.pick([4096, 50_000, 5 << 20]) };
  let syncs = 0;
  for (let done = false; !done; ) {
    await using writer = await openWriter(place.data, place.home, options);
    do {
      done = growing.step();
      await writer.sync();
      syncs++;
    } while (!done && r.chance(0.6));
  }
  expectSame(wholeOf(place.data), await subject.whole());
  return syncs - 1;
}

for (const agent of agents.filter(({ id }) => fixtureAgents.includes(id))) {
  const subjects = fixtureHomes.filter((home) => home.agent === agent.id).map((home) => new Subject(home));

  describe(agent.id, () => {
    for (const { kind } of agent.streams) {
      test(`its stream ${kind} has a source in a fixture`, () => {
        const kinds = subjects.flatMap(({ stores }) => stores.flatMap((store) => store.kinds));
        expect(kinds).toContain(kind);
      });
    }

    test(
      `cut law: ${CUTS} syncs of stores cut at any byte, in any order, tell and count the same as one`,
      async () => {
        let cuts = 0;
        for (let at = 0; cuts < CUTS; at++)
          cuts += await trial(SEED + at, (r) => grow(subjects[at % subjects.length]!, r));
      },
      LONG,
    );

    test(
      `cut law: ${RAW_CUTS} syncs at capture level raw tell the same texts as one`,
      async () => {
        const raw = subjects.map(({ fixture }) => new Subject(fixture, RAW));
        let cuts = 0;
        for (let at = 0; cuts < RAW_CUTS; at++) cuts += await trial(SEED + at, (r) => grow(raw[at % raw.length]!, r));
      },
      LONG,
    );

    for (const subject of subjects) {
      const { name, markers } = subject.fixture;

      test(
        `${name}: a second run adds nothing, and no run changes the agent's home`,
        async () => {
          using place = subject.copy();
          const before = listing(place.home);
          const first = await subject.sync(place);
          expect(first).toMatchObject({ unreadable: [], quarantined: [], restarted: 0 });
          expect(first.records.added).toBeGreaterThan(0);
          const once = listing(join(place.data, "archive"));
          const second = await subject.sync(place);
          expect(second).toMatchObject({
            records: { added: 0, revised: 0 },
            unreadable: [],
            quarantined: [],
            restarted: 0,
          });
          expect(listing(join(place.data, "archive"))).toEqual(once);
          expect(listing(place.home)).toEqual(before);
        },
        LONG,
      );

      test(
        `${name}: nothing that people typed or models answered is in archive or state`,
        async () => {
          using place = subject.copy();
          await subject.sync(place);
          const held = bytesBelow(place.data);
          const forms = markers.flatMap((text) => [text, JSON.stringify(text).slice(1, -1)]);
          expect(forms.filter((text) => held.includes(text))).toEqual([]);
        },
        LONG,
      );

      test(
        `${name}: capturing texts changes nothing else of what is told and counted`,
        async () => {
          using place = scratch({ fast: true });
          await syncInto(place.data, subject.fixture.path, { ...subject.options, capture: RAW });
          const { records, last, counted } = wholeOf(place.data);
          expectSame(withoutTexts({ records, last, counted }), withoutTexts(await subject.whole()));
          for (const { content } of records) if (content) expect(content).toEqual(v.parse(contentSchema, content));
        },
        LONG,
      );

      test(
        `${name}: a torn last line is held back, and told once it is whole`,
        async () => {
          const whole = await subject.whole();
          await subject.each(["tail", "jsonl"], async (store, r) => {
            const line = lastLineOf(store);
            if (!line) return;
            using place = subject.copy();
            place.write(store.path, store.bytes.subarray(0, r.int(line.start + 1, line.end - 1)));
            const summary = await subject.sync(place);
            expect(summary.quarantined).toEqual([]);
            if (store.shape === "tail") expect(summary.torn).toBeGreaterThan(0);
            const early = archived(place.data).filter(
              ({ source }) => source.path === store.path && (source.offset ?? -1) >= line.start,
            );
            expect(early).toEqual([]);
            place.write(store.path, store.bytes);
            await subject.sync(place);
            expectSame(wholeOf(place.data), whole);
          });
        },
        LONG,
      );

      test(
        `${name}: a broken line is set aside with its place, counted once, and all others are told`,
        async () => {
          const whole = await subject.whole();
          await subject.each(["tail", "jsonl"], async (store, r) => {
            const line = readLineOf(store, whole.records, r);
            if (!line) return;
            using place = subject.copy();
            const { bytes } = store;
            const half = bytes.subarray(line.start, line.start + ((line.end - line.start) >> 1));
            const path = place.write(
              store.path,
              Buffer.concat([bytes.subarray(0, line.end), half, Buffer.from("\n"), bytes.subarray(line.end)]),
            );
            const { quarantined } = await subject.sync(place);
            const spot = { path, offset: line.end, length: half.length };
            // Each stream that reads the file sets the line aside.
            expect(quarantined).toEqual(store.kinds.map(() => ({ ...spot, reason: expect.any(String) })));
            if (store.shape === "tail") expect(await subject.sync(place)).toMatchObject({ quarantined: [] });
            expectSame(wholeOf(place.data), whole);
          });
        },
        LONG,
      );

      test(
        `${name}: a broken document or database is set aside, all others are told, and it is read when it is whole`,
        async () => {
          const whole = await subject.whole();
          const others = ({ last }: Whole, path: string): string[] =>
            Object.keys(last).filter((key) => !key.endsWith(` of ${path}`));
          await subject.each(["json", "sqlite"], async (store, r) => {
            using place = subject.copy();
            for (const name of store.beside) rmSync(join(place.home, name));
            const path = place.write(store.path, store.bytes.subarray(0, r.int(1, store.bytes.length >> 1)));
            const { quarantined, unreadable } = await subject.sync(place);
            expect([...quarantined, ...unreadable].map((problem) => problem.path)).toContain(path);
            expect(others(wholeOf(place.data), store.path)).toEqual(others(whole, store.path));
            place.copyHome(subject.fixture.path);
            await subject.sync(place);
            expectSame(wholeOf(place.data), whole);
          });
        },
        LONG,
      );

      test(
        `${name}: a store that is cut short, grown again or replaced loses nothing and counts nothing twice`,
        async () => {
          const whole = await subject.whole();
          await subject.each(["tail", "jsonl", "json", "sqlite"], async (store, r) => {
            const { path, bytes, shape } = store;
            using place = subject.copy();
            await subject.sync(place);
            for (let round = 0; round < 4; round++) {
              const length = shape === "tail" || shape === "jsonl" ? r.int(0, bytes.length) : bytes.length;
              if (r.chance(0.5)) place.replace(path, bytes.subarray(0, length));
              else place.write(path, bytes.subarray(0, length));
              if (r.chance(0.7)) await subject.sync(place);
              if (shape === "tail") expectSame(withoutTimes(wholeOf(place.data)), withoutTimes(whole));
              else expect(Object.keys(wholeOf(place.data).last)).toEqual(Object.keys(whole.last));
            }
            place.replace(path, bytes);
            await subject.sync(place);
            expectSame(wholeOf(place.data), whole);
          });
        },
        LONG,
      );
    }
  });
}

/** What a record tells of and where it belongs: what another agent's record must share to have a say in whether it counts. */
const tiesOf = ({ session_id, operation, fact }: WeirRecord): string[] => [
  ...(session_id === undefined ? [] : [`session ${session_id}`]),
  `${operation} ${fact}`,
];

test(
  "all agents' homes read together count the same as each agent's alone, but for sessions that two agents tell of",
  async () => {
    const read = async (homes: readonly FixtureHome[]): Promise<Whole> => {
      using place = scratch({ fast: true });
      const paths = homes.map((home) => home.path);
      await syncInto(place.data, paths);
      const records = archived(place.data);
      return { records, last: {}, counted: counted(records) };
    };
    const homesOf = ({ id }: Agent): FixtureHome[] => fixtureHomes.filter((home) => home.agent === id);
    const alone: Whole[] = [];
    for (const agent of agents) if (homesOf(agent).length > 0) alone.push(await read(homesOf(agent)));
    const together = await read(agents.flatMap(homesOf));
    const ties = alone.flatMap(({ records }) => [...new Set(records.flatMap(tiesOf))]);
    const shared = new Set(ties.filter((tie, at) => ties.indexOf(tie) !== at));
    const ofOneAgent = (lines: readonly string[]): string[] =>
      lines.filter((line) => !tiesOf(JSON.parse(line.slice(line.indexOf("{")))).some((tie) => shared.has(tie)));
    const apart = alone.flatMap(({ counted }) => ofOneAgent(counted)).sort();
    expect(apart.length).toBeGreaterThan(together.counted.length / 2);
    expectSame({ ...together, counted: ofOneAgent(together.counted) }, { ...together, counted: apart });
  },
  LONG,
);
