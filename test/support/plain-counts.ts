/** Owns what counts, said plainly: one object a record and maps by text, which `src/archive/count/counts.ts` is held against. */

import type { StandingOf } from "../../src/archive/count/counts.ts";
import type { Verdict } from "../../src/archive/count/verdicts.ts";
import { textHash } from "../../src/record/identity.ts";
import { isDebugOnly, type Operation } from "../../src/record/operations.ts";
import type { WeirRecord } from "../../src/record/schema.ts";
import { isRandomSpanId } from "../../src/record/spans.ts";
import { tokensOf } from "../../src/record/usage.ts";

/** Facts that streams may tell without a common key. A session is one by its id, so nothing rivals its record. */
const CLASS: Readonly<Partial<Record<Operation, string>>> = {
  chat: "calls",
  compaction: "compactions",
  embeddings: "calls",
  execute_hook: "hooks",
  execute_tool: "tools",
  invoke_agent: "runs",
  session: "sessions",
  user_message: "messages",
};

/** One record, as far as it matters for counting. */
interface Telling {
  readonly index: number;
  readonly rev: number;
  /** It is of an older revision. */
  readonly dropped: boolean;
  /** The first of the names that it has, and that by which this telling knows it. */
  readonly fact: string;
  readonly name: string;
  readonly operation: Operation;
  readonly session: string | undefined;
  readonly stream: string;
  readonly rank: number;
  readonly tellsMoments: boolean;
  readonly subagent: WeirRecord["subagent"];
  /** Its trace and span, where the source has them. */
  readonly span: string | undefined;
  readonly trace: string | undefined;
  readonly isNested: boolean;
  readonly time: number;
  readonly end: number;
  /** Its end; 0 where it tells none. */
  readonly seen: number;
  readonly tokens: number;
  readonly aggregate: boolean;
  /** It is no span, and tells of a run nothing but the sum of its calls. */
  readonly isSumAlone: boolean;
  /** How much it says, and a hash of that: which of two tellings is taken must not depend on their order. */
  readonly length: number;
  readonly content: number;
  /** The same of its texts, which decide only between tellings of the same metadata. */
  readonly textLength: number;
  readonly texts: number;
}

interface Session {
  /** The first line of the session's own, as its `session` record tells; undefined without one. */
  own?: number;
  /** The earliest time of any of its records, and the latest. */
  earliest: number;
  latest: number;
  forked: boolean;
}

/** Gathers an archive's records, in order, and then gives a verdict on each by its index. */
export class PlainCounter {
  /**
   * The last telling of each id by each source: a source's own revisions follow each other. The same revision again comes
   * from the same file in a second home.
   */
  readonly #tellings = new Map<string, Telling>();
  readonly #sessions = new Map<string, Session>();
  /** By trace and span: the span that counts for a fact in the place of this one. */
  readonly #standIns = new Map<string, string>();
  /** By id and operation, under which names it was told. */
  readonly #factsOf = new Map<string, Set<string>>();
  /** Streams that tell of calls, by agent. */
  readonly #callStreams = new Map<string, Set<string>>();
  #count = 0;
  #source = { host: "", path: "", hash: 0 };
  #stream = { agent: "", stream: "", name: "", rank: 0, tellsMoments: false };

  constructor(private readonly standingOf: StandingOf) {}

  /** Adds the next record; `line` is the record's own text. */
  add(record: WeirRecord, line: string): void {
    const index = this.#count++;
    if (isDebugOnly(record)) return;
    const time = record.time === undefined ? Number.POSITIVE_INFINITY : Date.parse(record.time);
    this.#noteSession(record, time);
    noteIn(this.#factsOf, `${record.id}\0${record.operation}`, `${record.operation}\0${record.fact}`);
    const key = this.#keyFor(record);
    if (key === undefined) return;
    const [told, texts] = toldBy(line, record);
    const tokens = tokensOf(record.usage);
    const { name, rank, tellsMoments } = this.#streamOf(record);
    if (record.operation === "chat") noteIn(this.#callStreams, record.agent, name);
    this.#tellings.set(key, {
      index,
      rev: record.rev,
      dropped: false,
      fact: `${record.operation}\0${record.fact}`,
      name: `${record.operation}\0${record.fact}`,
      operation: record.operation,
      session: record.session_id,
      stream: name,
      rank,
      tellsMoments,
      subagent: record.subagent,
      span: record.span_id === undefined ? undefined : spanKey(record.trace_id, record.span_id),
      trace: record.trace_id,
      isNested: record.parent_span_id !== undefined,
      time,
      end: record.end_time === undefined ? time : Date.parse(record.end_time),
      seen: record.end_time === undefined ? 0 : Date.parse(record.end_time),
      tokens,
      aggregate: record.aggregate === true,
      isSumAlone:
        record.operation === "invoke_agent" &&
        [record.trace_id, record.status, record.duration_ms, record.agent_name].every((value) => value === undefined),
      length: told.length,
      content: textHash(told),
      textLength: texts.length,
      texts: texts === "" ? 0 : textHash(texts),
    });
  }

  /** Where a telling goes; undefined for one of an older revision. A higher one takes the place of all homes' tellings. */
  #keyFor(record: WeirRecord): string | undefined {
    const tellings = this.#tellings;
    const first = `${record.id}${this.#sourceHash(record)}`;
    const homes = Array.from({ length: 8 }, (_, home) => (home === 0 ? first : `${first} ${home}`));
    const rev = tellings.get(first)?.rev ?? record.rev;
    if (rev > record.rev) return undefined;
    if (rev === record.rev) return homes.find((key) => tellings.get(key)?.dropped !== false) ?? first;
    for (const key of homes.slice(1)) {
      const telling = tellings.get(key);
      if (telling) tellings.set(key, { ...telling, dropped: true });
    }
    return first;
  }

  /** Records of one source, and of one stream, mostly follow each other: what they have in common is worked out once. */
  #sourceHash({ host, source: { path } }: WeirRecord): number {
    if (this.#source.path !== path || this.#source.host !== host)
      this.#source = { host, path, hash: textHash(`${host}\0${path}`) };
    return this.#source.hash;
  }

  #standingOf(agent: string, stream: string): Pick<Telling, "rank" | "tellsMoments"> {
    const { rank, moments = false } = this.standingOf(agent, stream);
    return { rank, tellsMoments: moments };
  }

  #streamOf({ agent, stream }: WeirRecord): Pick<Telling, "name" | "rank" | "tellsMoments"> {
    if (this.#stream.agent !== agent || this.#stream.stream !== stream)
      this.#stream = { agent, stream, name: `${agent}\0${stream}`, ...this.#standingOf(agent, stream) };
    return this.#stream;
  }

  #noteSession(record: WeirRecord, time: number): void {
    if (record.session_id === undefined) return;
    const session = this.#sessions.get(record.session_id) ?? { earliest: time, latest: 0, forked: false };
    this.#sessions.set(record.session_id, session);
    session.earliest = Math.min(session.earliest, time);
    if (Number.isFinite(time)) session.latest = Math.max(session.latest, time);
    if (record.forked_from !== undefined) session.forked = true;
    if (record.operation === "session" && Number.isFinite(time)) session.own = Math.min(session.own ?? time, time);
  }

  /** The verdict on each record, by the order in which they were added. */
  verdicts(): (index: number) => Verdict {
    const facts = joinMoments(
      Map.groupBy(this.#named(), (t) => t.fact),
      this.#callStreams,
    );
    const winners = [...new Set(facts.values())].map((tellings) => {
      const winner = tellings.reduce((a, b) => (this.#isBetter(b, a) ? b : a));
      this.#noteStandIns(winner, tellings);
      return winner;
    });
    const counted = withoutRivalStreams(winners, facts);
    const withCalls = new Set(
      counted.filter((t) => t.operation === "chat" && t.tokens > 0 && !t.aggregate).map((t) => t.session),
    );
    const verdicts = new Map<number, Verdict>();
    for (const t of counted)
      if (!t.aggregate || !withCalls.has(t.session)) verdicts.set(t.index, "counts");
      else if (!t.isSumAlone) verdicts.set(t.index, "counts without usage");
    return (index) => verdicts.get(index) ?? "no";
  }

  /**
   * The tellings, each under the first of the names that its fact has: what one id tells is one fact, and as one operation
   * what an agent with several streams of spans tells of one span.
   */
  #named(): Telling[] {
    const all = [...this.#tellings.values()];
    const logs = joinLogs(all);
    const tellings = all.filter((t) => !t.dropped && !logs.dropped.has(t));
    const up = new Map<string, string>();
    const find = (fact: string): string => {
      const at = up.get(fact);
      return at === undefined || at === fact ? fact : find(at);
    };
    for (const [, facts] of this.#factsOf) {
      const [first = "", ...others] = facts;
      for (const other of others) up.set(find(other), find(first));
    }
    for (const [log, other] of logs.pairs)
      if (find(log.fact) !== find(other.fact)) up.set(find(log.fact), find(other.fact));
    const spanStreams = new Map<string, Set<string>>();
    for (const t of all) if (t.span !== undefined) noteIn(spanStreams, agentOf(t), t.stream);
    const spans = new Map<string, Set<string>>();
    for (const t of tellings) {
      if ((spanStreams.get(agentOf(t))?.size ?? 0) > 1 && t.span !== undefined && CLASS[t.operation] !== undefined)
        noteIn(spans, `${agentOf(t)}\0${t.operation}\0${t.span}`, t.fact);
    }
    for (const [first = "", ...others] of spans.values())
      for (const other of others) if (find(other) !== find(first)) up.set(find(other), find(first));
    const names = new Map<string, string>();
    for (const { fact } of tellings) {
      const name = names.get(find(fact));
      if (name === undefined || fact < name) names.set(find(fact), fact);
    }
    return tellings.map((t) => ({ ...t, fact: names.get(find(t.fact)) ?? t.fact }));
  }

  #noteStandIns(winner: Telling, tellings: readonly Telling[]): void {
    if (winner.span === undefined) return;
    for (const { span } of tellings)
      if (span !== undefined && span !== winner.span)
        this.#standIns.set(span, winner.span.slice(winner.span.indexOf(" ") + 1));
  }

  /** The parent that a span has among those that count: of one run that two spans tell, the one that does. */
  parentOf({ trace_id, span_id, parent_span_id }: WeirRecord): string | undefined {
    if (parent_span_id === undefined) return undefined;
    const parent = this.#standIns.get(spanKey(trace_id, parent_span_id)) ?? parent_span_id;
    return parent === span_id ? undefined : parent;
  }

  /** Chooses from the set alone, so that the order of reading does not matter. */
  #isBetter(a: Telling, b: Telling): boolean {
    const [known, other] = [a, b].map((t) => (t.operation === "chat" ? t.tokens : 0)) as [number, number];
    if (known > 0 !== other > 0) return known > 0;
    if (a.rank !== b.rank) return a.rank > b.rank;
    const sidechains = [a, b].map(isSidechain);
    if (sidechains[0] !== sidechains[1]) return sidechains[1] === true;
    const copies = [this.#isCopy(a), this.#isCopy(b)];
    if (copies[0] !== copies[1]) return copies[1] === true;
    if (known !== other) return known > other;
    const [beganA, beganB] = [this.#began(a), this.#began(b)];
    if (beganA !== beganB) return beganA < beganB;
    const [endedA, endedB] = [this.#ended(a), this.#ended(b)];
    if (endedA !== endedB) return endedA < endedB;
    if (a.session !== b.session) return (a.session ?? "") < (b.session ?? "");
    if (a.isNested !== b.isNested) return b.isNested;
    if (a.tokens !== b.tokens) return a.tokens > b.tokens;
    if (a.length !== b.length) return a.length > b.length;
    if (a.seen !== b.seen) return a.seen > b.seen;
    if (a.time !== b.time) return a.time < b.time;
    if (a.content !== b.content) return a.content > b.content;
    if (a.textLength !== b.textLength) return a.textLength > b.textLength;
    return a.texts > b.texts;
  }

  #isCopy(t: Telling): boolean {
    const session = t.session === undefined ? undefined : this.#sessions.get(t.session);
    if (!session) return false;
    return session.forked || (session.own !== undefined && t.time < session.own);
  }

  /** A copy without a mark that begins with its original's first line goes on after it. */
  #ended(t: Telling): number {
    return (t.session === undefined ? undefined : this.#sessions.get(t.session)?.latest) ?? 0;
  }

  #began(t: Telling): number {
    const session = t.session === undefined ? undefined : this.#sessions.get(t.session);
    return session?.own ?? session?.earliest ?? Number.POSITIVE_INFINITY;
  }
}

/** What a line says of its fact: all between its revision and the place where it was read, and there its texts apart. */
function toldBy(line: string, { content, raw }: WeirRecord): readonly [metadata: string, texts: string] {
  const told = line.slice(line.indexOf(",", line.indexOf(',"rev":') + 1), line.lastIndexOf(',"source":{'));
  if (content === undefined && raw === undefined) return [told, ""];
  const at = told.indexOf(content === undefined ? ',"raw":"' : ',"content":{');
  return [told.slice(0, at), told.slice(at)];
}

function noteIn(sets: Map<string, Set<string>>, key: string, value: string): void {
  const set = sets.get(key);
  if (set) set.add(value);
  else sets.set(key, new Set([value]));
}

/** A span's id, with its trace where the id is a counter. */
const spanKey = (trace: string | undefined, span: string): string =>
  isRandomSpanId(span) ? span : `${trace ?? ""} ${span}`;

const isSidechain = ({ subagent }: Telling): boolean => subagent !== undefined;

const agentOf = ({ stream }: Telling): string => stream.slice(0, stream.indexOf("\0"));

/**
 * A log record tells when a call ended: another stream's call of as many tokens that ended within 5 ms is the same one.
 * Where the two are of different sessions, the log record is dropped.
 */
function joinLogs(all: readonly Telling[]): { readonly pairs: [Telling, Telling][]; readonly dropped: Set<Telling> } {
  const traced = new Set(all.filter((t) => t.trace !== undefined).map((t) => t.stream));
  const calls = all.filter((t) => t.operation === "chat" && !t.dropped);
  const isLog = (t: Telling): boolean => t.span === undefined && traced.has(t.stream);
  const factsOf = (tellings: readonly Telling[]): Set<string> => new Set(tellings.map(({ fact }) => fact));
  const [logged, told] = [factsOf(calls.filter(isLog)), factsOf(calls.filter((t) => !isLog(t)))];
  const alone = calls.filter((t) => !(logged.has(t.fact) && told.has(t.fact)));
  const nameOf = (t: Telling): string => `${t.session ?? ""}\0${t.name.slice(t.name.indexOf("\0") + 1)}`;
  const inOrder = (a: Telling, b: Telling): number =>
    a.end - b.end || a.time - b.time || (nameOf(a) < nameOf(b) ? -1 : nameOf(a) > nameOf(b) ? 1 : 0);
  const pairs: [Telling, Telling][] = [];
  const dropped = new Set<Telling>();
  const taken = new Set<string>();
  for (const log of alone.filter(isLog).sort(inOrder)) {
    if (log.time !== log.end || taken.has(log.fact)) continue;
    const gap = ({ end }: Telling): number => Math.abs(end - log.end);
    const isFree = (t: Telling): boolean =>
      !isLog(t) && agentOf(t) === agentOf(log) && t.tokens === log.tokens && gap(t) <= 5 && !taken.has(t.fact);
    const [other] = alone.filter(isFree).sort((a, b) => gap(a) - gap(b) || inOrder(a, b));
    if (!other) continue;
    taken.add(log.fact).add(other.fact);
    if (log.session === other.session) pairs.push([log, other]);
    else for (const t of alone) if (isLog(t) && t.fact === log.fact) dropped.add(t);
  }
  return { pairs, dropped };
}

/**
 * Two streams of one agent may know a call by different keys (a response id here, only a start there): calls that
 * began in the same millisecond with the same tokens are one. Within a stream each key is a call of its own.
 */
function joinMoments(
  facts: Map<string, Telling[]>,
  streams: ReadonlyMap<string, ReadonlySet<string>>,
): Map<string, readonly Telling[]> {
  if ([...streams.values()].every(({ size }) => size < 2)) return facts;
  const joined = new Map<string, readonly Telling[]>(facts);
  const calls = [...facts].filter(([, [first]]) => first?.operation === "chat");
  const moments = Map.groupBy(
    calls.filter(([, tellings]) => tellings.some((t) => (streams.get(agentOf(t))?.size ?? 0) > 1)),
    ([, tellings]) => {
      const t = tellings.reduce((a, b) => (b.rank > a.rank ? b : a));
      return Number.isFinite(t.time) ? `${agentOf(t)}\0${t.time}\0${t.tokens}` : "";
    },
  );
  for (const [moment, group] of moments) if (moment !== "" && group.length > 1) joinGroup(group, joined);
  return joined;
}

/** Puts each call together with one of every other stream, in an order that the set alone decides. */
function joinGroup(group: [fact: string, tellings: Telling[]][], joined: Map<string, readonly Telling[]>): void {
  const clusters: { readonly facts: string[]; readonly tellings: Telling[]; readonly streams: Set<string> }[] = [];
  const rank = (tellings: readonly Telling[]): number => Math.max(...tellings.map((t) => t.rank));
  group.sort(([a, as], [b, bs]) => rank(bs) - rank(as) || (a < b ? -1 : 1));
  for (const [fact, tellings] of group) {
    const free = clusters.find(({ streams }) => tellings.every((t) => !streams.has(t.stream)));
    const cluster = free ?? { facts: [], tellings: [], streams: new Set<string>() };
    if (!free) clusters.push(cluster);
    cluster.facts.push(fact);
    cluster.tellings.push(...tellings);
    for (const t of tellings) cluster.streams.add(t.stream);
  }
  for (const { facts, tellings } of clusters) for (const fact of facts) joined.set(fact, tellings);
}

/**
 * Where streams tell of one session and no fact joins them, only the group of joined streams that tells most of a
 * class counts for it (telemetry may have been switched on half way); of as many the group that knows the tokens of
 * more, then the higher rank. A group that tells of subagents alone rivals only what the others tell of each of these.
 */
function withoutRivalStreams(winners: readonly Telling[], facts: ReadonlyMap<string, readonly Telling[]>): Telling[] {
  const counted: Telling[] = [];
  const keyOf = (t: Telling): string => `${CLASS[t.operation] ?? "lifecycle"}\0${t.session}`;
  for (const group of Map.groupBy(winners, keyOf).values()) {
    const streams = new Set(group.map((t) => t.stream));
    if (streams.size < 2 || group[0]?.session === undefined) {
      counted.push(...group);
      continue;
    }
    const told = withoutLogged(group, facts);
    const tellersOf = (t: Telling): Telling[] =>
      (facts.get(t.fact) ?? []).filter(({ session }) => session === t.session);
    const pairs = joinStreams(told, tellersOf);
    const sidesOf = (part: readonly Telling[]): Telling[][] =>
      partsOf(part, pairs).map((side) => withoutStrangers(side, pairs, tellersOf));
    const sides = sidesOf(told);
    const isWhole = (side: readonly Telling[]): boolean => !side.every(isSidechain);
    const whole = sides.filter(isWhole);
    const best = whole.length > 0 ? bestSide(whole) : [];
    const partial = sides.filter((side) => !isWhole(side)).flat();
    if (partial.length === 0) {
      counted.push(...best);
      continue;
    }
    // A subagent is known by its id, where several sides know it; else by its name.
    const sidechains = [...best.filter(isSidechain), ...partial];
    const ofId = (id: string | undefined): Telling[] => sidechains.filter((t) => t.subagent?.id === id);
    const nameOf = ({ subagent }: Telling): string =>
      sidesOf(ofId(subagent?.id)).length > 1 ? `id ${subagent?.id}` : `name ${subagent?.name}`;
    counted.push(...best.filter((t) => !isSidechain(t)));
    for (const part of Map.groupBy(sidechains, nameOf).values()) counted.push(...bestSide(sidesOf(part)));
  }
  return counted;
}

function bestSide(sides: readonly (readonly Telling[])[]): readonly Telling[] {
  return sides.reduce((a, b) => (betterSide(b, a) > 0 ? b : a));
}

function betterSide(a: readonly Telling[], b: readonly Telling[]): number {
  const rank = (side: readonly Telling[]): number => Math.max(...side.map((t) => t.rank));
  const known = (side: readonly Telling[]): number => side.filter((t) => t.tokens > 0).length;
  return a.length - b.length || known(a) - known(b) || rank(a) - rank(b);
}

/** What only log records of a trace tell counts unless the trace's spans tell a call of the same tokens. */
function withoutLogged(group: readonly Telling[], facts: ReadonlyMap<string, readonly Telling[]>): readonly Telling[] {
  const isLogged = (t: Telling): boolean => t.trace !== undefined && t.span === undefined;
  const logged = new Set(group.filter((t) => isLogged(t) && (facts.get(t.fact) ?? []).every(isLogged)));
  const callOf = ({ trace, tokens }: Telling): string => `${tokens} ${trace}`;
  const spans = new Set(group.filter((t) => t.trace !== undefined && !logged.has(t)).map(callOf));
  return group.filter((t) => !logged.has(t) || !spans.has(callOf(t)));
}

/** Pairs of streams that know facts by the same names. */
type Pairs = ReadonlySet<string>;

/** Joins the streams that tell at least one of these facts by the same name, span or moment. */
function joinStreams(group: readonly Telling[], tellersOf: (t: Telling) => readonly Telling[]): Pairs {
  const pairs = new Set<string>();
  const join = (tellings: readonly Telling[], nameOf: (t: Telling) => string | undefined): void => {
    for (const [name, named] of Map.groupBy(tellings, nameOf)) {
      const streams = new Set(name === undefined ? [] : named.map(({ stream }) => stream));
      for (const a of streams) for (const b of streams) pairs.add(`${a}\n${b}`);
    }
  };
  const namesOf: readonly ((t: Telling) => string | undefined)[] = [
    ({ name }) => name,
    ({ span }) => span,
    ({ operation, time, tokens }) => (operation === "chat" ? `${time} ${tokens}` : undefined),
  ];
  for (const t of group) {
    const tellers = tellersOf(t);
    for (const nameOf of namesOf) join(tellers, nameOf);
    // Joined by what no name says: when a call ended.
    const isAlike = (a: Telling, b: Telling): boolean =>
      namesOf.some((nameOf) => nameOf(a) !== undefined && nameOf(a) === nameOf(b));
    const alone = tellers.filter(({ stream }) =>
      tellers.every((a) => a.stream !== stream || tellers.every((b) => b.stream === stream || !isAlike(a, b))),
    );
    for (const a of alone)
      for (const b of tellers) pairs.add(`${a.stream}\n${b.stream}`).add(`${b.stream}\n${a.stream}`);
  }
  // Streams of spans know each span by the same ids, a call also by its moment: what only one of them tells is a fact of
  // its own. So is what only log records of traces tell.
  const isSpan = (t: Telling): boolean => t.span !== undefined || (t.operation === "chat" && t.tellsMoments);
  join(group, (t) => (isSpan(t) ? agentOf(t) : undefined));
  join(group, (t) => (t.trace === undefined ? undefined : agentOf(t)));
  return pairs;
}

/** Tellings by their streams, where those are joined, be it through others of them. */
function partsOf(tellings: readonly Telling[], pairs: Pairs): Telling[][] {
  const streams = new Set([...pairs].flatMap((pair) => pair.split("\n")));
  const groups = new Map<string, string>();
  const reach = (stream: string, group: string): void => {
    if (groups.has(stream)) return;
    groups.set(stream, group);
    for (const other of streams) if (pairs.has(`${stream}\n${other}`)) reach(other, group);
  };
  for (const stream of streams) reach(stream, stream);
  return [...Map.groupBy(tellings, (t) => groups.get(t.stream)).values()];
}

/**
 * Facts that the same streams tell are a part. Of two parts whose streams do not know each other only that counts which goes
 * with more of the side; of as many the better one.
 */
function withoutStrangers(side: Telling[], pairs: Pairs, tellersOf: (t: Telling) => readonly Telling[]): Telling[] {
  const namesOf = (t: Telling): string => [...new Set(tellersOf(t).map(({ stream }) => stream))].sort().join("\n");
  const parts = [...Map.groupBy(side, namesOf).values()];
  const knows = (a: Telling[], b: Telling[]): boolean =>
    a
      .slice(0, 1)
      .some((one) =>
        tellersOf(one).some((t) =>
          b.slice(0, 1).some((other) => tellersOf(other).some((o) => pairs.has(`${t.stream}\n${o.stream}`))),
        ),
      );
  const apart = parts.filter((one) => !parts.every((other) => knows(one, other)));
  const weight = (one: Telling[]): Telling[] => apart.filter((other) => knows(one, other)).flat();
  const ordered = apart.toSorted((a, b) => betterSide(weight(b), weight(a)) || betterSide(b, a));
  const kept: Telling[][] = [];
  for (const one of ordered) if (kept.every((other) => knows(one, other))) kept.push(one);
  return [...parts.filter((one) => !apart.includes(one)), ...kept].flat();
}
