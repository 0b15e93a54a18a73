/** Owns which streams count for a session where no fact joins what they tell. */
import type { WeirRecord } from "../../record/schema.ts";
import type { Chains } from "./chains.ts";
import type { Streams } from "./sessions.ts";
import type { Tellings } from "./tellings.ts";

/** Classes of facts are below this number. */
const CLASSES = 8;

/** Reads the records of rows again. */
type Read = (rows: readonly number[]) => ReadonlyMap<number, WeirRecord>;

/** Rows of the streams that facts join. */
type Side = readonly number[];

/**
 * Where streams tell of one session and no fact joins them, only the group of joined streams that tells most of a
 * class counts for it (telemetry may have been switched on half way); of as many the group that knows the tokens of
 * more, then the higher rank. A group that tells of subagents alone says nothing of the rest, so it rivals only what
 * the others tell of each of these. Gives those of the winners that count. `read` is asked for very few.
 */
export function withoutRivalStreams(
  winners: Uint32Array,
  tellings: Tellings,
  chains: Chains,
  streams: Streams,
  read: Read,
): Uint32Array {
  const rivalled = rivalledGroups(winners, tellings);
  if (rivalled.size === 0) return winners;
  const groups = new Map<number, number[]>([...rivalled].map((key) => [key, []]));
  const counted = winners.filter((row) => {
    const group = groups.get(groupOf(row, tellings));
    group?.push(row);
    return !group;
  });
  const chosen = [...groups.values()].flatMap((group) =>
    bestOf(withoutLogged(group, tellings, chains, read), tellings, chains, streams, read),
  );
  const all = new Uint32Array(counted.length + chosen.length);
  all.set(counted);
  all.set(chosen, counted.length);
  return all;
}

/** A session's facts of one class. */
function groupOf(row: number, tellings: Tellings): number {
  return tellings.session(row) * CLASSES + tellings.rivals(row);
}

/** The groups of which more than one stream tells. */
function rivalledGroups(winners: Uint32Array, tellings: Tellings): Set<number> {
  const streamOf = new Map<number, number>();
  const rivalled = new Set<number>();
  let last = { key: -1, stream: -1 };
  for (let at = 0; at < winners.length; at++) {
    const row = winners[at] as number;
    const key = groupOf(row, tellings);
    const stream = tellings.stream(row);
    // Most of them follow one of the same group and stream.
    if (tellings.session(row) === 0 || (key === last.key && stream === last.stream)) continue;
    last = { key, stream };
    if ((streamOf.get(key) ?? stream) !== stream) rivalled.add(key);
    else streamOf.set(key, stream);
  }
  return rivalled;
}

/**
 * A log record knows when a call ended, its span when it began: where that is in what they are known by, no fact joins
 * them. What only log records tell counts unless the spans of its trace tell a call of the same tokens.
 */
function withoutLogged(group: Side, tellings: Tellings, chains: Chains, read: Read): Side {
  const isLogged = (row: number): boolean => tellings.isTraced(row) && tellings.spanHigh(row) === 0;
  const logged = new Set(group.filter((row) => isLogged(row) && chains.tellers(tellings.fact(row)).every(isLogged)));
  if (logged.size === 0) return group;
  const traced = group.filter((row) => tellings.isTraced(row));
  const records = read(traced);
  const callOf = (row: number): string => `${tellings.tokens(row)} ${records.get(row)?.trace_id}`;
  const spans = new Set(traced.filter((row) => !logged.has(row)).map(callOf));
  return group.filter((row) => !logged.has(row) || !spans.has(callOf(row)));
}

function bestOf(group: Side, tellings: Tellings, chains: Chains, streams: Streams, read: Read): Side {
  const streamOf = (row: number): number => tellings.stream(row);
  const tellersOf = (row: number): number[] =>
    [...chains.tellers(tellings.fact(row))].filter((teller) => tellings.session(teller) === tellings.session(row));
  const known = joinStreams(group, tellings, streams, tellersOf);
  const groups = groupsOf(known);
  const isBetter = betterSide(tellings, streams);
  const best = (sides: readonly Side[]): Side => sides.reduce((a, b) => (isBetter(b, a) > 0 ? b : a));
  const partsOf = (rows: Side): Part[] =>
    [...Map.groupBy(rows, (row) => [...new Set(tellersOf(row).map(streamOf))].sort().join())].map(([names, side]) => ({
      streams: names.split(",").map(Number),
      side,
    }));
  const sidesOf = (rows: Side): Side[] =>
    [...Map.groupBy(rows, (row) => groups.get(streamOf(row))).values()].map((side) =>
      withoutStrangers(partsOf(side), known, isBetter),
    );
  const isSidechain = (row: number): boolean => tellings.isSidechain(row);
  const [partial, whole] = partition(sidesOf(group), (side) => side.every(isSidechain));
  const main = whole.length > 0 ? best(whole) : [];
  if (partial.length === 0) return main;
  const [bySubagents, others] = partition([...main, ...partial.flat()], isSidechain);
  const rivals = bySubagent(bySubagents, read(bySubagents), sidesOf);
  return [...others, ...rivals.flatMap((rows) => best(sidesOf(rows)))];
}

/** The rows of each subagent; by its name where the sides do not know it by the same id. */
function bySubagent(rows: Side, records: ReturnType<Read>, sidesOf: (rows: Side) => Side[]): Side[] {
  const byId = [...Map.groupBy(rows, (row) => records.get(row)?.subagent?.id).values()];
  const [shared, single] = partition(byId, (ofOne) => sidesOf(ofOne).length > 1);
  return [...shared, ...Map.groupBy(single.flat(), (row) => records.get(row)?.subagent?.name).values()];
}

function partition<T>(all: readonly T[], is: (one: T) => boolean): [are: T[], areNot: T[]] {
  return [all.filter(is), all.filter((one) => !is(one))];
}

/** Which of two sides counts: above 0 the first. */
type Better = (a: Side, b: Side) => number;

function betterSide(tellings: Tellings, streams: Streams): Better {
  const rank = (side: Side): number =>
    side.reduce((highest, row) => Math.max(highest, streams.rank(tellings.stream(row))), Number.NEGATIVE_INFINITY);
  const known = (side: Side): number => side.filter((row) => tellings.tokens(row) > 0).length;
  return (a, b) => a.length - b.length || known(a) - known(b) || rank(a) - rank(b);
}

/** The facts of a side that the same streams tell. */
interface Part {
  readonly streams: readonly number[];
  readonly side: Side;
}

/**
 * Two streams that only a third one joins (one knows a tool by its call's id, one by its span, the third by both) may both
 * tell what that one does not. So of two parts whose streams do not know each other only one counts: that which more of
 * the side goes with.
 */
function withoutStrangers(parts: readonly Part[], known: Known, isBetter: Better): Side {
  const knows = (a: Part, b: Part): boolean =>
    a.streams.some((stream) => b.streams.some((other) => known.get(stream)?.has(other)));
  const [shared, apart] = partition(parts, (one) => parts.every((other) => knows(one, other)));
  const withIt = new Map(apart.map((one) => [one, sideOf(apart.filter((other) => knows(one, other)))]));
  const weightOf = (part: Part): Side => withIt.get(part) ?? [];
  const kept: Part[] = [];
  for (const one of apart.sort((a, b) => isBetter(weightOf(b), weightOf(a)) || isBetter(b.side, a.side)))
    if (kept.every((other) => knows(one, other))) kept.push(one);
  return sideOf([...shared, ...kept]);
}

const sideOf = (parts: readonly Part[]): Side => parts.flatMap(({ side }) => side);

/** Of each stream those that know facts by the same names as it, itself among them. */
type Known = ReadonlyMap<number, ReadonlySet<number>>;

/** Joins the streams that tell at least one of these facts by the same name. */
function joinStreams(
  group: Side,
  tellings: Tellings,
  streams: Streams,
  tellersOf: (row: number) => readonly number[],
): Known {
  const known = new Map<number, Set<number>>();
  const link = (a: number, b: number): void => {
    known.get(a)?.add(b);
    known.get(b)?.add(a);
  };
  /** Links those that share a name, and gives them. */
  const join = (rows: readonly number[], namesOf: (row: number) => readonly string[]): Set<number> => {
    const alike = new Set<number>();
    const named = new Map<string, Set<number>>();
    for (const row of rows) {
      const stream = tellings.stream(row);
      if (!known.has(stream)) known.set(stream, new Set([stream]));
      for (const name of namesOf(row)) {
        const others = named.get(name) ?? new Set();
        named.set(name, others);
        if (others.has(stream)) continue;
        for (const other of others) {
          link(stream, other);
          alike.add(stream).add(other);
        }
        others.add(stream);
      }
    }
    return alike;
  };
  // Streams of spans know each span by the same ids, a call also by its moment: what only one of them tells is a fact of
  // its own. So is what only log records of traces tell, as far as spans tell the rest.
  join(group, (row) => {
    const stream = tellings.stream(row);
    const agent = streams.agent(stream);
    const isSpan = tellings.spanHigh(row) !== 0 || (tellings.isChat(row) && streams.tellsMoments(stream));
    return [...(isSpan ? [`spans of ${agent}`] : []), ...(tellings.isTraced(row) ? [`traces of ${agent}`] : [])];
  });
  for (const row of group) {
    const tellers = tellersOf(row);
    const among = [...new Set(tellers.map((teller) => tellings.stream(teller)))];
    // Mostly it is what was known already.
    if (among.every((a) => among.every((b) => known.get(a)?.has(b)))) continue;
    const alike = join(tellers, (teller) => namesOf(teller, tellings));
    // Joined by what no name says: when a call ended.
    for (const a of among) if (!alike.has(a)) for (const b of among) link(a, b);
  }
  return known;
}

/** The names by which a telling knows its fact: its own, its span's, and of a call when it was. */
function namesOf(row: number, t: Tellings): string[] {
  const names = [`${t.fact(row)}`];
  if (t.spanHigh(row) !== 0) names.push(`${t.spanHigh(row)} ${t.spanLow(row)}`);
  if (t.isChat(row)) names.push(`${t.time(row)}: ${t.tokens(row)}`);
  return names;
}

/** Of each stream the group of those that are joined with it, be it through others. */
function groupsOf(known: Known): ReadonlyMap<number, ReadonlySet<number>> {
  const groups = new Map<number, ReadonlySet<number>>();
  for (const first of known.keys()) {
    if (groups.has(first)) continue;
    const group = new Set([first]);
    for (const stream of group) for (const other of known.get(stream) ?? []) group.add(other);
    for (const stream of group) groups.set(stream, group);
  }
  return groups;
}
