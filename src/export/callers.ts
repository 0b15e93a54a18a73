/** Owns the guess which tool call started a subagent: its call id where that is told, else the call's name and time. */
import type { WeirRecord } from "../record/schema.ts";
import { isBefore, type Time } from "./otel.ts";

/** What is needed of a tool call. */
export interface Caller {
  readonly record: WeirRecord;
  readonly start: Time;
  readonly end: Time;
}

/** Tools that start agents, in the words of the agents that are known. */
const STARTS_AGENTS = /agent|task|delegate|spawn|subagent|oracle|research/i;

/** The tool call of session `above` that started `started`; calls in `taken` have started another one. */
export function callerOf<C extends Caller>(
  started: Caller,
  above: string,
  callers: readonly C[],
  taken: Set<C>,
): C | undefined {
  const { tool, subagent, session_id } = started.record;
  const own = callers.filter((c) => c.record.session_id === above && !isOwn(c, started));
  const ids = [tool?.call_id, subagent?.id, session_id].filter((id) => id !== undefined);
  const told = own.find((c) => c.record.tool?.call_id !== undefined && ids.includes(c.record.tool.call_id));
  if (told) {
    taken.add(told);
    return told;
  }
  const free = own.filter((c) => !taken.has(c) && STARTS_AGENTS.test(c.record.tool?.name ?? ""));
  const begun = free.filter((c) => !isBefore(started.start, c.start));
  const found = begun.find((c) => !isBefore(c.end, started.start)) ?? begun.at(-1);
  if (found) taken.add(found);
  return found;
}

/** A subagent's own tool calls did not start it. */
function isOwn(caller: Caller, started: Caller): boolean {
  const { session_id, subagent } = caller.record;
  return (
    session_id === started.record.session_id &&
    subagent?.id === started.record.subagent?.id &&
    subagent?.name === started.record.subagent?.name
  );
}
