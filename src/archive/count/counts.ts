/** Owns what counts: of all that the streams tell, the one telling of each fact (design section 6). */
import type { Operation } from "../../record/operations.ts";
import type { WeirRecord } from "../../record/schema.ts";
import { Chains } from "./chains.ts";
import { joinMoments } from "./moments.ts";
import { Numbers } from "./numbers.ts";
import { withoutRivalStreams } from "./rivals.ts";
import { Sessions, Streams } from "./sessions.ts";
import { Tellings } from "./tellings.ts";
import type { Told } from "./told.ts";
import { StandIns, Verdicts } from "./verdicts.ts";

/** How much a stream is believed; higher wins. */
export type RankOf = (agent: string, stream: string) => number;

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
};

/** Gathers an archive's records, in order, and then gives a verdict on each by its index. */
export class Counter {
  /** The last telling of each id by each source: a source's own revisions follow each other. */
  readonly #tellings = new Tellings();
  #ids = new Numbers();
  readonly #facts = new Numbers();
  readonly #sessions = new Sessions();
  readonly #streams: Streams;
  readonly #standIns = new StandIns();
  #count = 0;

  /** `recordAt` reads a record again, by the order in which they were added: needed for very few. */
  constructor(
    rankOf: RankOf,
    private readonly recordAt: (index: number) => WeirRecord,
  ) {
    this.#streams = new Streams(rankOf);
  }

  /** Adds the next record. */
  add(told: Told): void {
    const index = this.#count++;
    const { frame, operation } = told;
    const session = this.#sessions.numberOf(frame);
    if (told.isDebugOnly) return;
    this.#sessions.note(session, operation, told.time, frame.forked_from !== undefined);
    const stream = this.#streams.numberOf(frame);
    const row = this.#ids.of(told.idHigh, told.idLow ^ told.source);
    if (row < this.#tellings.count && this.#tellings.rev(row) > told.rev) return;
    if (operation === "chat") this.#streams.tellsCalls(stream);
    const fact = this.#facts.of(told.factHigh, told.factLow);
    this.#tellings.put(row, told, { index, fact, session, stream, rivals: CLASS[operation] ?? 0 });
  }

  /** The verdict on each record; nothing can be added any more. */
  verdicts(): Verdicts {
    const tellings = this.#tellings;
    this.#ids = new Numbers();
    const chains = new Chains(tellings, this.#facts.count);
    joinMoments(tellings, chains, this.#streams, (row) => this.recordAt(tellings.index(row)).fact);
    const winners = this.#winners(chains);
    const counted = withoutRivalStreams(winners, tellings, chains, this.#streams);
    const withCalls = new Uint8Array(this.#sessions.count);
    for (const row of counted)
      if (tellings.isChat(row) && tellings.tokens(row) > 0 && !tellings.isAggregate(row))
        withCalls[tellings.session(row)] = 1;
    const verdicts = new Verdicts(this.#count, this.#sessions, this.#standIns, this.recordAt);
    for (const row of counted) {
      const session = tellings.session(row);
      verdicts.give(tellings.index(row), session, tellings.isAggregate(row) && withCalls[session] === 1);
    }
    return verdicts;
  }

  /** Of each fact the telling that is taken, in the order in which the facts came. */
  #winners(chains: Chains): Uint32Array {
    const tellings = this.#tellings;
    const winners = new Uint32Array(this.#facts.count);
    const done = new Uint8Array(this.#facts.count);
    let count = 0;
    for (let row = 0; row < tellings.count; row++) {
      const fact = chains.of(tellings.fact(row));
      if (done[fact]) continue;
      done[fact] = 1;
      const first = chains.first(fact);
      let winner = first;
      for (let at = tellings.next(first); at >= 0; at = tellings.next(at)) if (this.#isBetter(at, winner)) winner = at;
      if (tellings.next(first) >= 0) this.#noteStandIns(winner, first);
      winners[count++] = winner;
    }
    return winners.subarray(0, count);
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

  /** Chooses from the set alone, so that the order of reading does not matter. */
  #isBetter(a: number, b: number): boolean {
    const t = this.#tellings;
    const rank = this.#streams.rank(t.stream(a)) - this.#streams.rank(t.stream(b));
    if (rank !== 0) return rank > 0;
    if (t.isSidechain(a) !== t.isSidechain(b)) return t.isSidechain(b);
    const isCopy = this.#sessions.isCopy(t.session(b), t.time(b));
    if (this.#sessions.isCopy(t.session(a), t.time(a)) !== isCopy) return isCopy;
    const began = this.#sessions.began(t.session(a)) - this.#sessions.began(t.session(b));
    if (began < 0 || began > 0) return began < 0;
    const ended = this.#sessions.ended(t.session(a)) - this.#sessions.ended(t.session(b));
    if (ended !== 0) return ended < 0;
    if (t.session(a) !== t.session(b)) return this.#sessions.name(t.session(a)) < this.#sessions.name(t.session(b));
    if (t.isNested(a) !== t.isNested(b)) return t.isNested(b);
    if (t.tokens(a) !== t.tokens(b)) return t.tokens(a) > t.tokens(b);
    if (t.length(a) !== t.length(b)) return t.length(a) > t.length(b);
    if (t.content(a) !== t.content(b)) return t.content(a) > t.content(b);
    if (t.textLength(a) !== t.textLength(b)) return t.textLength(a) > t.textLength(b);
    return t.texts(a) > t.texts(b);
  }
}
