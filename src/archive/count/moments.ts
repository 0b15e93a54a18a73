/** Owns joining the calls that two streams of one agent know by different keys: a response id here, only a start there. */
import type { Chains } from "./chains.ts";
import type { Streams } from "./sessions.ts";
import type { Tellings } from "./tellings.ts";

/**
 * Calls that began in the same millisecond with the same tokens are one. Within a stream each key is a call of its own.
 * `factOf` reads what a row's fact is called.
 */
export function joinMoments(
  tellings: Tellings,
  chains: Chains,
  streams: Streams,
  factOf: (row: number) => string,
): void {
  const agents = streams.agentsWithRivals;
  if (agents.size === 0) return;
  const isRivalled = (row: number): boolean => agents.has(streams.agent(tellings.stream(row)));
  const calls: Call[] = [];
  for (let fact = 0; fact < chains.facts; fact++) {
    const first = chains.first(fact);
    if (first < 0 || chains.of(fact) !== fact || !tellings.isChat(first)) continue;
    const rows = [...chains.tellers(fact)];
    if (!rows.some(isRivalled)) continue;
    const rank = (row: number): number => streams.rank(tellings.stream(row));
    const best = rows.reduce((a, b) => (rank(b) > rank(a) ? b : a));
    const time = tellings.time(best);
    const moment = { agent: streams.agent(tellings.stream(best)), time, tokens: tellings.tokens(best) };
    if (Number.isFinite(time)) calls.push({ fact, rank: rank(best), ...moment });
  }
  calls.sort((a, b) => a.time - b.time || a.tokens - b.tokens || (a.agent < b.agent ? -1 : a.agent > b.agent ? 1 : 0));
  const isSame = (a: Call, b: Call | undefined): boolean =>
    a.time === b?.time && a.tokens === b.tokens && a.agent === b.agent;
  for (let from = 0, to = 1; from < calls.length; from = to++) {
    while (to < calls.length && isSame(calls[from] as Call, calls[to])) to++;
    if (to - from > 1) joinGroup(calls.slice(from, to), tellings, chains, factOf);
  }
}

/** A call, and when it began with how many tokens, as the most believed stream tells. */
interface Call {
  readonly fact: number;
  readonly rank: number;
  readonly agent: string;
  readonly time: number;
  readonly tokens: number;
}

/** Puts each call together with one of every other stream, in an order that the set alone decides. */
function joinGroup(group: Call[], tellings: Tellings, chains: Chains, factOf: (row: number) => string): void {
  const names = new Map<Call, string>();
  const nameOf = (call: Call): string => {
    const name = names.get(call) ?? firstName(call.fact, tellings, chains, factOf);
    names.set(call, name);
    return name;
  };
  const clusters: { readonly fact: number; readonly streams: Set<number> }[] = [];
  group.sort((a, b) => b.rank - a.rank || (nameOf(a) < nameOf(b) ? -1 : 1));
  for (const { fact } of group) {
    const streams = [...chains.tellers(fact)].map((row) => tellings.stream(row));
    const free = clusters.find((cluster) => streams.every((stream) => !cluster.streams.has(stream)));
    if (free) chains.join(free.fact, fact);
    else clusters.push({ fact, streams: new Set() });
    for (const stream of streams) (free ?? clusters.at(-1))?.streams.add(stream);
  }
}

/** Of the names under which a fact is told, mostly one, the first. */
function firstName(fact: number, tellings: Tellings, chains: Chains, factOf: (row: number) => string): string {
  const rows = new Map([...chains.tellers(fact)].map((row) => [tellings.fact(row), row]));
  return [...rows.values()].map(factOf).sort()[0] as string;
}
