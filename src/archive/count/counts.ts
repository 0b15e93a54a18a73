/** Owns what counts: of all that the streams tell, the one telling of each fact (design section 6). */
import type { Operation } from "../../record/operations.ts";
import type { WeirRecord } from "../../record/schema.ts";
import { Chains } from "./chains.ts";
import { pairsOfLogs } from "./logs.ts";
import { joinMoments } from "./moments.ts";
import { Numbers } from "./numbers.ts";
import { withoutRivalStreams } from "./rivals.ts";
import { Sessions, Streams } from "./sessions.ts";
import { pairsOfSpans } from "./spans.ts";
import { Tellings } from "./tellings.ts";
import { type Frame, seedOf, type Told, weightOf } from "./told.ts";
import { isSumAlone, StandIns, Verdicts } from "./verdicts.ts";

/** What counting knows of a stream beside its records; see `Stream` in `src/read/types.ts`. */
export interface Standing {
  /** How much it is believed; higher wins. */
  readonly rank: number;
  readonly moments?: true | undefined;
}
export type StandingOf = (agent: string, stream: string) => Standing;

/**
 * Facts that streams may tell without a common key, in classes; all others are of class 0. A session is one by its id, so
 * nothing rivals its record.
 */
const CLASS: Readonly<Partial<Record<Operation, number>>> = {
  chat: 1,
  embeddings: 1,
  execute_tool: 2,
  user_message: 3,
  compaction: 4,
  session: 5,
  invoke_agent: 6,
  execute_hook: 7,
};

/** Of so many homes the same file is told apart. */
const MOST_HOMES = 8;

/** Reads records again, by the order in which they were added: needed for very few. */
export interface Again {
  record(index: number): WeirRecord;
  /** Records whose indexes rise, each with its line. */
  each(indexes: readonly number[], use: (index: number, record: WeirRecord, line: string) => void): void;
}

/** Gathers an archive's records, in order, and then gives a verdict on each by its index. */
export class Counter {
  /** The last telling of each id by each source, whose own revisions follow each other; `#rowOf` has more of homes. */
  readonly #tellings = new Tellings();
  #ids: Numbers;
  readonly #facts: Numbers;
  readonly #named: SameFacts;
  readonly #sessions = new Sessions();
  readonly #streams: Streams;
  readonly #standIns = new StandIns();
  #count = 0;
  /** The latest record's, and what is made from it. */
  #frame: Frame | undefined;
  #session = 0;
  #stream = 0;
  #isForked = false;

  /** `expected`: about how many records there will be. */
  constructor(
    standingOf: StandingOf,
    private readonly again: Again,
    expected = 0,
  ) {
    this.#ids = new Numbers(expected);
    this.#facts = new Numbers(expected);
    this.#named = new SameFacts(expected);
    this.#streams = new Streams(standingOf);
  }

  /** Adds the next record. */
  add(told: Told): void {
    const index = this.#count++;
    if (told.frame !== this.#frame) this.#enter(told.frame);
    if (told.isDebugOnly) return;
    const { operation } = told;
    this.#sessions.note(this.#session, operation, told.time, this.#isForked);
    const fact = this.#facts.of(told.factHigh, told.factLow);
    this.#named.note(told, fact);
    const row = this.#rowOf(told);
    if (row < 0) return;
    if (operation === "chat") this.#streams.tellsCalls(this.#stream);
    const place = { index, fact, session: this.#session, stream: this.#stream, rivals: CLASS[operation] ?? 0 };
    this.#tellings.put(row, told, place);
  }

  /**
   * The row for a telling of an id by its source, -1 for one of an older revision. The same revision again is told by the
   * same file in a second home, and has a row beside the first; a higher one takes the place of all.
   */
  #rowOf({ idHigh, idLow, source, rev }: Told): number {
    const tellings = this.#tellings;
    const low = idLow ^ source;
    const first = this.#ids.of(idHigh, low);
    if (first === tellings.count) return first;
    if (tellings.rev(first) > rev) return -1;
    const isHigher = tellings.rev(first) < rev;
    for (let home = 1; home < MOST_HOMES; home++) {
      const beside = this.#ids.known(idHigh, low + home);
      if (isHigher && beside < 0) break;
      if (isHigher) tellings.drop(beside);
      else if (beside < 0 || tellings.isDropped(beside)) return this.#ids.of(idHigh, low + home);
    }
    return first;
  }

  /** Most records have the frame of the one before. */
  #enter(frame: Frame): void {
    this.#frame = frame;
    this.#session = this.#sessions.numberOf(frame);
    this.#stream = this.#streams.numberOf(frame);
    this.#isForked = frame.forked_from !== undefined;
  }

  /** The verdict on each record; nothing can be added any more. */
  verdicts(): Verdicts {
    const tellings = this.#tellings;
    this.#ids = new Numbers();
    const facts = this.#facts.count;
    const logs = pairsOfLogs(tellings, this.#streams, this.#sessions, facts, (rows, use) => this.#read(rows, use));
    const pairs = [...this.#named.pairs, ...logs, ...pairsOfSpans(tellings, this.#streams)];
    const chains = new Chains(tellings, facts, pairs);
    joinMoments(tellings, chains, this.#streams, (row) => this.again.record(tellings.index(row)).fact);
    const winners = this.#winners(chains);
    const counted = withoutRivalStreams(winners, tellings, chains, this.#streams, (rows) => this.#records(rows));
    const withCalls = new Uint8Array(this.#sessions.count);
    // Loops by number: one over a typed array's values calls the engine's iterator each time.
    for (let at = 0; at < counted.length; at++) {
      const row = counted[at] as number;
      if (tellings.isChat(row) && tellings.tokens(row) > 0 && !tellings.isAggregate(row))
        withCalls[tellings.session(row)] = 1;
    }
    const verdicts = new Verdicts(this.#count, this.#sessions, this.#standIns, (index) => this.again.record(index));
    const runs: number[] = [];
    for (let at = 0; at < counted.length; at++) {
      const row = counted[at] as number;
      const session = tellings.session(row);
      const isRepeated = tellings.isAggregate(row) && withCalls[session] === 1;
      verdicts.give(tellings.index(row), session, isRepeated);
      // A span is a run, whatever else it tells.
      if (isRepeated && tellings.rivals(row) === CLASS.invoke_agent && !tellings.isTraced(row)) runs.push(row);
    }
    this.#read(runs, (row, record) => {
      if (isSumAlone(record)) verdicts.withdraw(tellings.index(row));
    });
    return verdicts;
  }

  /** Of each fact the telling that is taken, in the order in which the facts came. */
  #winners(chains: Chains): Uint32Array {
    const tellings = this.#tellings;
    const winners = new Uint32Array(this.#facts.count);
    const done = new Uint8Array(this.#facts.count);
    const contested: number[] = [];
    let count = 0;
    for (let row = 0; row < tellings.count; row++) {
      if (tellings.isDropped(row)) continue;
      const fact = chains.of(tellings.fact(row));
      if (done[fact]) continue;
      done[fact] = 1;
      const first = chains.first(fact);
      if (tellings.next(first) >= 0) contested.push(count);
      winners[count++] = first;
    }
    this.#weigh(contested.map((at) => winners[at] as number));
    for (const at of contested) winners[at] = this.#winner(winners[at] as number);
    return winners.subarray(0, count);
  }

  /** Weighs the tellings between which nothing else decides; each chain is given by its first one. */
  #weigh(firsts: readonly number[]): void {
    const tellings = this.#tellings;
    const rows = new Set<number>();
    for (const first of firsts) {
      let best = first;
      for (let at = tellings.next(first); at >= 0; at = tellings.next(at)) {
        const order = this.#order(at, best);
        if (order === 0) rows.add(at).add(best);
        if (order > 0) best = at;
      }
    }
    this.#read(rows, (row, record, line) => tellings.weigh(row, weightOf(record, line)));
  }

  #records(rows: Iterable<number>): ReadonlyMap<number, WeirRecord> {
    const records = new Map<number, WeirRecord>();
    this.#read(rows, (row, record) => records.set(row, record));
    return records;
  }

  /** Reads the records of these rows again. */
  #read(rows: Iterable<number>, use: (row: number, record: WeirRecord, line: string) => void): void {
    const byIndex = new Map<number, number>();
    for (const row of rows) byIndex.set(this.#tellings.index(row), row);
    const indexes = [...byIndex.keys()].sort((a, b) => a - b);
    this.again.each(indexes, (index, record, line) => use(byIndex.get(index) as number, record, line));
  }

  /** The telling of a chain that is taken. */
  #winner(first: number): number {
    const tellings = this.#tellings;
    let winner = first;
    for (let at = tellings.next(first); at >= 0; at = tellings.next(at))
      if ((this.#order(at, winner) || tellings.outweighs(at, winner)) > 0) winner = at;
    this.#noteStandIns(winner, first);
    return winner;
  }

  #noteStandIns(winner: number, first: number): void {
    const t = this.#tellings;
    if (t.spanHigh(winner) === 0) return;
    for (let at = first; at >= 0; at = t.next(at)) {
      const [high, low] = [t.spanHigh(at), t.spanLow(at)];
      if (high === 0 || (high === t.spanHigh(winner) && low === t.spanLow(winner))) continue;
      this.#standIns.note(high, low, t.index(winner));
    }
  }

  /** Which of two tellings is taken, from the set alone, so that the order of reading does not matter: above 0 the first. */
  #order(a: number, b: number): number {
    const t = this.#tellings;
    const sessions = this.#sessions;
    const [first, second] = [t.session(a), t.session(b)];
    // Of a run they are a sum, which the run above it need not know.
    const [ofA, ofB] = [a, b].map((row) => (t.isChat(row) ? t.tokens(row) : 0)) as [number, number];
    return (
      Number(ofA > 0) - Number(ofB > 0) ||
      this.#streams.rank(t.stream(a)) - this.#streams.rank(t.stream(b)) ||
      Number(t.isSidechain(b)) - Number(t.isSidechain(a)) ||
      Number(sessions.isCopy(second, t.time(b))) - Number(sessions.isCopy(first, t.time(a))) ||
      ofA - ofB ||
      earlier(sessions.began(first), sessions.began(second)) ||
      earlier(sessions.ended(first), sessions.ended(second)) ||
      (first === second ? 0 : sessions.name(first) < sessions.name(second) ? 1 : -1) ||
      Number(t.isNested(b)) - Number(t.isNested(a)) ||
      t.tokens(a) - t.tokens(b)
    );
  }
}

/** Facts that are one, for the same id tells them: what was open may be known by another name when it has ended. */
class SameFacts {
  readonly #ids: Numbers;
  /** The fact that each id told first. */
  readonly #first: number[] = [];
  readonly pairs: [fact: number, other: number][] = [];

  constructor(expected: number) {
    this.#ids = new Numbers(expected);
  }

  note({ idHigh, idLow, operation }: Told, fact: number): void {
    const id = this.#ids.of(idHigh, idLow ^ seedOf(operation));
    const first = this.#first[id];
    if (first === undefined) this.#first[id] = fact;
    else if (first !== fact) this.pairs.push([first, fact]);
  }
}

/** Times are infinite where there is none. */
function earlier(a: number, b: number): number {
  return a === b ? 0 : b - a;
}
