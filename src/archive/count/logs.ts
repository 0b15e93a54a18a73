/** Owns joining calls that only a log record tells with what other streams tell of them: it knows when a call ended, they know when it began. */
import type { WeirRecord } from "../../record/schema.ts";
import { millisOf } from "../../record/time.ts";
import type { Sessions, Streams } from "./sessions.ts";
import type { Tellings } from "./tellings.ts";

/** Milliseconds that may lie between a log record, which is written just before its call's span ends, and that end. */
const SLACK = 5;

/** A call of which nobody knows whether a log record, or any other telling, is of it too. */
interface Call {
  readonly row: number;
  readonly fact: number;
  readonly begin: number;
  readonly end: number;
  /** What orders calls of the same times, whatever the order in which they were read. */
  readonly name: string;
}

/**
 * Pairs of calls that an agent's log records tell, each with the one of the same tokens that ended nearest to this moment.
 * Where they are told of different sessions the log record is dropped: its session is that of its trace, in which others may run.
 * `facts`: how many there are; `read` is asked for calls that logs alone tell, and for those that may be the same.
 */
export function pairsOfLogs(
  tellings: Tellings,
  streams: Streams,
  sessions: Sessions,
  facts: number,
  read: (rows: readonly number[], use: (row: number, record: WeirRecord) => void) => void,
): [fact: number, other: number][] {
  const pairs: [number, number][] = [];
  const [logRows, otherRows] = candidates(tellings, streams, facts);
  if (logRows.length === 0) return pairs;
  const calls = new Map<number, Call>();
  read([...logRows, ...otherRows], (row, { fact: name, end_time }) => {
    const begin = tellings.time(row);
    const end = end_time === undefined ? begin : millisOf(end_time);
    const session = sessions.name(tellings.session(row));
    calls.set(row, { row, fact: tellings.fact(row), begin, end, name: `${session}\0${name}` });
  });
  const callsOf = (rows: readonly number[]): Call[] => rows.flatMap((row) => calls.get(row) ?? []).sort(inOrder);
  const others = Map.groupBy(callsOf(otherRows), ({ row }) => kindOf(row, tellings, streams));
  const taken = new Set<number>();
  const dropped = new Set<number>();
  for (const log of callsOf(logRows)) {
    const isMoment = Number.isFinite(log.end) && log.begin === log.end;
    if (!isMoment || taken.has(log.fact)) continue;
    const other = nearest(others.get(kindOf(log.row, tellings, streams)) ?? [], log.end, taken);
    if (!other) continue;
    taken.add(log.fact).add(other.fact);
    if (tellings.session(log.row) === tellings.session(other.row)) pairs.push([log.fact, other.fact]);
    else dropped.add(log.fact);
  }
  for (const row of logRows) if (dropped.has(tellings.fact(row))) tellings.drop(row);
  return pairs;
}

/** By what a call is told, as bits. */
const BY_LOG = 1;
const BY_OTHERS = 2;

/** Calls that log records of an agent's traces alone tell, and those of the same tokens that no log record tells. */
function candidates(tellings: Tellings, streams: Streams, facts: number): readonly [logs: number[], others: number[]] {
  const traced = new Set<number>();
  for (let row = 0; row < tellings.count; row++) if (tellings.isTraced(row)) traced.add(tellings.stream(row));
  if (traced.size === 0) return [[], []];
  const told = new Uint8Array(facts);
  const isCall = (row: number): boolean => tellings.isChat(row) && !tellings.isDropped(row);
  for (let row = 0; row < tellings.count; row++) {
    if (!isCall(row)) continue;
    const fact = tellings.fact(row);
    const isLog = tellings.spanHigh(row) === 0 && traced.has(tellings.stream(row));
    told[fact] = (told[fact] as number) | (isLog ? BY_LOG : BY_OTHERS);
  }
  if (!told.includes(BY_LOG)) return [[], []];
  const toldAlone = (by: number, kinds?: ReadonlySet<string>): number[] => {
    const rows: number[] = [];
    for (let row = 0; row < tellings.count; row++) {
      if (!isCall(row) || told[tellings.fact(row)] !== by) continue;
      if (kinds === undefined || kinds.has(kindOf(row, tellings, streams))) rows.push(row);
    }
    return rows;
  };
  const logs = toldAlone(BY_LOG);
  return [logs, toldAlone(BY_OTHERS, new Set(logs.map((row) => kindOf(row, tellings, streams))))];
}

/** Calls of one agent with the same tokens. */
function kindOf(row: number, tellings: Tellings, streams: Streams): string {
  return `${tellings.tokens(row)} ${streams.agent(tellings.stream(row))}`;
}

function inOrder(a: Call, b: Call): number {
  return a.end - b.end || a.begin - b.begin || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

/** Of calls in their order the first of those that ended nearest to a time; none that is taken, or that ended too far from it. */
function nearest(calls: readonly Call[], time: number, taken: ReadonlySet<number>): Call | undefined {
  let at = 0;
  for (let end = calls.length; at < end; ) {
    const middle = (at + end) >>> 1;
    if ((calls[middle] as Call).end < time - SLACK) at = middle + 1;
    else end = middle;
  }
  let best: Call | undefined;
  for (; at < calls.length && (calls[at] as Call).end <= time + SLACK; at++) {
    const call = calls[at] as Call;
    if (taken.has(call.fact)) continue;
    if (!best || Math.abs(call.end - time) < Math.abs(best.end - time)) best = call;
  }
  return best;
}
