/** Owns joining calls that only a log record tells with what other streams tell of them: it knows when a call ended, they know when it began. */
import type { WeirRecord } from "../../record/schema.ts";
import { millisOf } from "../../record/time.ts";
import type { Streams } from "./sessions.ts";
import type { Tellings } from "./tellings.ts";

/** Milliseconds that may lie between a log record, which is written just before its call's span ends, and that end. */
const SLACK = 5;

/**
 * Pairs of calls that an agent's log records tell, each with the one of the same tokens that ended at this moment. Where
 * they are told of different sessions the log record is dropped: its session is that of its trace, in which others may run.
 */
export function pairsOfLogs(
  tellings: Tellings,
  streams: Streams,
  read: (rows: readonly number[]) => ReadonlyMap<number, WeirRecord>,
): [fact: number, other: number][] {
  const pairs: [number, number][] = [];
  const logs = Map.groupBy(logsOf(tellings), (row) => callOf(row, tellings, streams));
  if (logs.size === 0) return pairs;
  const others = othersOf(tellings, streams, logs);
  const records = read([...logs.values(), ...others.values()].flat());
  const isEndOf = (time: number, row: number, slack: number): boolean => {
    const end = records.get(row)?.end_time;
    return Math.abs((end === undefined ? tellings.time(row) : millisOf(end)) - time) <= slack;
  };
  for (const [call, told] of logs) {
    const free = firstOfEach(others.get(call) ?? [], tellings);
    for (const log of firstOfEach(told, tellings)) {
      const time = tellings.time(log);
      const at = isEndOf(time, log, 0) ? free.findIndex((row) => isEndOf(time, row, SLACK)) : -1;
      const [other] = at < 0 ? [] : free.splice(at, 1);
      if (other === undefined) continue;
      const fact = tellings.fact(log);
      if (tellings.session(log) === tellings.session(other)) pairs.push([fact, tellings.fact(other)]);
      else for (const row of told) if (tellings.fact(row) === fact) tellings.drop(row);
    }
  }
  return pairs;
}

/** Calls that have no span, in streams that tell of traces. */
function logsOf(tellings: Tellings): number[] {
  const traced = new Set<number>();
  for (let row = 0; row < tellings.count; row++) if (tellings.isTraced(row)) traced.add(tellings.stream(row));
  const logs: number[] = [];
  for (let row = 0; traced.size > 0 && row < tellings.count; row++)
    if (tellings.spanHigh(row) === 0 && isCall(row, tellings) && traced.has(tellings.stream(row))) logs.push(row);
  return logs;
}

/** What else is told of calls of the same tokens. */
function othersOf(
  tellings: Tellings,
  streams: Streams,
  logs: ReadonlyMap<string, readonly number[]>,
): ReadonlyMap<string, readonly number[]> {
  const known = new Set([...logs.values()].flat());
  const others = new Map<string, number[]>();
  for (let row = 0; row < tellings.count; row++) {
    if (!isCall(row, tellings) || known.has(row)) continue;
    const call = callOf(row, tellings, streams);
    if (!logs.has(call)) continue;
    const rows = others.get(call);
    if (rows) rows.push(row);
    else others.set(call, [row]);
  }
  return others;
}

function isCall(row: number, tellings: Tellings): boolean {
  return tellings.isChat(row) && !tellings.isDropped(row);
}

function callOf(row: number, tellings: Tellings, streams: Streams): string {
  return `${tellings.tokens(row)} ${streams.agent(tellings.stream(row))}`;
}

/** Of each fact its first telling, in the order of their times. */
function firstOfEach(rows: readonly number[], tellings: Tellings): number[] {
  const firsts = new Map<number, number>();
  for (const row of rows) if (!firsts.has(tellings.fact(row))) firsts.set(tellings.fact(row), row);
  return [...firsts.values()].sort((a, b) => tellings.time(a) - tellings.time(b));
}
