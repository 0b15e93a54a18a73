/** Owns which streams count for a session where no fact joins what they tell. */
import type { Chains } from "./chains.ts";
import type { Streams } from "./sessions.ts";
import type { Tellings } from "./tellings.ts";

/** Classes of facts are below this number. */
const CLASSES = 8;

/**
 * Where streams tell of one session and no fact joins them, only the group of joined streams that tells most of a
 * class counts for it (telemetry may have been switched on half way); of as many the group that knows the tokens of
 * more, then the higher rank. Gives those of the winners that count.
 */
export function withoutRivalStreams(
  winners: Uint32Array,
  tellings: Tellings,
  chains: Chains,
  streams: Streams,
): Uint32Array {
  const rivalled = rivalledGroups(winners, tellings);
  if (rivalled.size === 0) return winners;
  const groups = new Map<number, number[]>([...rivalled].map((key) => [key, []]));
  const counted = winners.filter((row) => {
    const group = groups.get(groupOf(row, tellings));
    group?.push(row);
    return !group;
  });
  const chosen = [...groups.values()].flatMap((group) => bestSide(group, tellings, chains, streams));
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

function bestSide(group: readonly number[], tellings: Tellings, chains: Chains, streams: Streams): readonly number[] {
  const joined = joinStreams(group, tellings, chains, streams);
  const sides = [...Map.groupBy(group, (row) => joined(tellings.stream(row))).values()];
  const rank = (side: readonly number[]): number =>
    side.reduce((highest, row) => Math.max(highest, streams.rank(tellings.stream(row))), Number.NEGATIVE_INFINITY);
  const known = (side: readonly number[]): number => side.filter((row) => tellings.tokens(row) > 0).length;
  const isBetter = (a: readonly number[], b: readonly number[]): boolean =>
    (a.length - b.length || known(a) - known(b) || rank(a) - rank(b)) > 0;
  return sides.reduce((a, b) => (isBetter(b, a) ? b : a));
}

/** Joins the streams that tell at least one of these facts together; gives each stream its group's name. */
function joinStreams(
  group: readonly number[],
  tellings: Tellings,
  chains: Chains,
  streams: Streams,
): (stream: number) => number {
  const parent = new Map<number, number>();
  const find = (s: number): number => {
    const up = parent.get(s);
    return up === undefined || up === s ? s : find(up);
  };
  const join = (a: number, b: number): void => {
    if (find(a) !== find(b)) parent.set(find(a), find(b));
  };
  for (const row of group) {
    if (tellings.next(chains.first(tellings.fact(row))) < 0) continue;
    for (const teller of chains.tellers(tellings.fact(row)))
      if (tellings.session(teller) === tellings.session(row)) join(tellings.stream(teller), tellings.stream(row));
  }
  // Streams of spans know each span by the same ids: what only one of them tells is a fact of its own.
  const traced = new Map<string, number>();
  for (const row of group) {
    if (!tellings.isTraced(row)) continue;
    const stream = tellings.stream(row);
    const agent = streams.agent(stream);
    const other = traced.get(agent);
    if (other === undefined) traced.set(agent, stream);
    else join(stream, other);
  }
  return find;
}
