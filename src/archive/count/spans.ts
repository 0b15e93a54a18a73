/** Owns which facts are one because they are of the same span: one stream knows a tool by its call's id, one by its span alone. */
import { textHash } from "../../record/identity.ts";
import { Numbers } from "./numbers.ts";
import type { Streams } from "./sessions.ts";
import type { Tellings } from "./tellings.ts";

/** Pairs of what an agent with several streams of spans tells of one span, where it is one operation. */
export function pairsOfSpans(tellings: Tellings, streams: Streams): [fact: number, other: number][] {
  const pairs: [number, number][] = [];
  const agents = agentsWithSpans(tellings, streams);
  if (agents.size === 0) return pairs;
  const spans = new Numbers();
  const firsts: number[] = [];
  for (let row = 0; row < tellings.count; row++) {
    const kind = tellings.rivals(row);
    if (tellings.spanHigh(row) === 0 || kind === 0 || tellings.isDropped(row)) continue;
    const agent = streams.agent(tellings.stream(row));
    if (!agents.has(agent)) continue;
    const operation = textHash(agent, kind * 2 + Number(tellings.isChat(row)));
    const span = spans.of(tellings.spanHigh(row), tellings.spanLow(row) ^ operation);
    const fact = tellings.fact(row);
    const first = firsts[span];
    if (first === undefined) firsts[span] = fact;
    else if (first !== fact) pairs.push([first, fact]);
  }
  return pairs;
}

/** The agents of which more than one stream tells of spans. */
function agentsWithSpans(tellings: Tellings, streams: Streams): ReadonlySet<string> {
  const found = new Set<number>();
  for (let row = 0; row < tellings.count; row++) if (tellings.spanHigh(row) !== 0) found.add(tellings.stream(row));
  const byAgent = Map.groupBy(found, (stream) => streams.agent(stream));
  return new Set([...byAgent].filter(([, { length }]) => length > 1).map(([agent]) => agent));
}
