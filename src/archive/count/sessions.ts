/** Owns what counting knows of sessions and streams, each by its number: names, when a session began, what a stream is worth. */
import type { Operation } from "../../record/operations.ts";
import type { Standing, StandingOf } from "./counts.ts";
import type { Frame } from "./told.ts";

interface Session {
  readonly name: string;
  /** The first line of the session's own, as its `session` record tells; undefined without one. */
  own?: number;
  /** The earliest time of any of its records, and the latest. */
  earliest: number;
  latest: number;
  forked: boolean;
  /** The session that spawned it; 0 for none. */
  parent: number;
}

function newSession(name: string): Session {
  return { name, earliest: Number.POSITIVE_INFINITY, latest: 0, forked: false, parent: 0 };
}

/** Sessions by number; 0 is that of records without a session. */
export class Sessions {
  readonly #numbers = new Map<string, number>();
  readonly #sessions: Session[] = [newSession("")];
  #last = 0;

  get count(): number {
    return this.#sessions.length;
  }

  /** The number of a session; who spawned it is noted. */
  numberOf({ session_id, parent_session_id }: Frame): number {
    if (session_id === undefined) return 0;
    const number = this.#named(session_id);
    if (parent_session_id !== undefined) this.#spawned(number, parent_session_id);
    return number;
  }

  #named(name: string): number {
    if (this.#last > 0 && this.#sessions[this.#last]?.name === name) return this.#last;
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = this.#sessions.push(newSession(name)) - 1;
      this.#numbers.set(name, number);
    }
    this.#last = number;
    return number;
  }

  /** The smallest name wins where records disagree, so that their order does not matter. */
  #spawned(child: number, by: string): void {
    const session = this.#sessions[child] as Session;
    if (by === session.name || (session.parent > 0 && by >= this.name(session.parent))) return;
    session.parent = this.#named(by);
  }

  /** The session that no other one spawned, above this one; of a circle of sessions the first. */
  rootOf(number: number): number {
    let at = number;
    const seen = new Set<number>();
    for (let up = this.#parent(at); up > 0 && !seen.has(at); up = this.#parent(at)) {
      seen.add(at);
      at = up;
    }
    return seen.has(at) ? Math.min(...seen) : at;
  }

  #parent(number: number): number {
    return this.#sessions[number]?.parent ?? 0;
  }

  /** Notes when a record of a session was, and whether it says that the session is a fork. */
  note(number: number, operation: Operation, time: number, isForked: boolean): void {
    if (number === 0) return;
    const session = this.#sessions[number] as Session;
    if (time < session.earliest) session.earliest = time;
    if (Number.isFinite(time) && time > session.latest) session.latest = time;
    if (isForked) session.forked = true;
    if (operation === "session" && Number.isFinite(time)) session.own = Math.min(session.own ?? time, time);
  }

  name(number: number): string {
    return this.#sessions[number]?.name ?? "";
  }

  /** True for what happened at this time when it is a copy: of a fork, or older than the session's own first line. */
  isCopy(number: number, time: number): boolean {
    const { forked, own } = this.#sessions[number] as Session;
    return forked || (own !== undefined && time < own);
  }

  began(number: number): number {
    const { own, earliest } = this.#sessions[number] as Session;
    return own ?? earliest;
  }

  /** A copy without a mark that begins with its original's first line goes on after it. */
  ended(number: number): number {
    return (this.#sessions[number] as Session).latest;
  }
}

interface Stream extends Standing {
  readonly agent: string;
  readonly stream: string;
  hasCalls: boolean;
}

/** An agent's streams by number, over all agents. */
export class Streams {
  readonly #streams: Stream[] = [];
  #last = -1;

  constructor(private readonly standingOf: StandingOf) {}

  numberOf({ agent, stream }: Frame): number {
    const is = (s: Stream | undefined): boolean => s?.agent === agent && s.stream === stream;
    if (is(this.#streams[this.#last])) return this.#last;
    this.#last = this.#streams.findIndex(is);
    if (this.#last < 0) {
      const { rank, moments } = this.standingOf(agent, stream);
      this.#last = this.#streams.push({ agent, stream, rank, moments, hasCalls: false }) - 1;
    }
    return this.#last;
  }

  tellsCalls(number: number): void {
    (this.#streams[number] as Stream).hasCalls = true;
  }

  rank(number: number): number {
    return (this.#streams[number] as Stream).rank;
  }

  /** It tells of each call the moment that the call's span tells. */
  tellsMoments(number: number): boolean {
    return (this.#streams[number] as Stream).moments === true;
  }

  agent(number: number): string {
    return (this.#streams[number] as Stream).agent;
  }

  /** The agents of which more than one stream tells of calls. */
  get agentsWithRivals(): ReadonlySet<string> {
    const counts = new Map<string, number>();
    for (const { agent, hasCalls } of this.#streams) if (hasCalls) counts.set(agent, (counts.get(agent) ?? 0) + 1);
    return new Set([...counts].filter(([, count]) => count > 1).map(([agent]) => agent));
  }
}
