/** What of a session file of Pi is known so far, and how its entries are recognised. */
import type { Draft } from "../../read/types.ts";
import { fingerprint } from "../../record/identity.ts";
import type { JsonObject } from "../../record/json.ts";
import type { ToolCall } from "../../record/tool.ts";

export interface State {
  own: string;
  parent?: string;
  /** The subagent that this file is of. */
  agent?: string;
  cwd?: string;
  /** The session has been told: when it began, and which it was forked from. */
  told?: { time?: string; forked_from?: string };
  /** The instructions that the session began with have been read. */
  instructed?: boolean;
  turn: number;
  /** What a compaction's own call is made with. */
  model?: string;
  provider?: string;
  /** The latest message of the user or a tool: where its own time is missing, an answer starts there. */
  asked?: string;
  tools: Record<string, ToolCall>;
  /** The latest fingerprint, and how often other entries had it in a row. */
  same?: { print: string; id?: string; times: number };
}

/** Whom a call is made with, as far as it is known. */
export type Made = Pick<State, "model" | "provider">;

/** One line's entry, and when it was written. */
export interface Entry {
  readonly o: JsonObject;
  readonly id?: string;
  readonly time?: string;
  readonly at: number;
}

export function base(state: State): Pick<Draft, "session_id" | "parent_session_id" | "agent_name" | "cwd" | "turn"> {
  return {
    session_id: state.own,
    parent_session_id: state.parent,
    agent_name: state.agent,
    cwd: state.cwd,
    turn: state.turn < 0 ? undefined : state.turn,
  };
}

/** Known by what it is like; another entry that is like it in every way is another fact (not so a line written twice). */
export function printOf(state: State, entry: Entry, parts: readonly (string | number | undefined)[]): string {
  const print = fingerprint([entry.time, ...parts]);
  const again = state.same?.print === print ? state.same : undefined;
  const times = again ? again.times + (again.id === entry.id ? 0 : 1) : 0;
  state.same = { print, id: entry.id, times };
  return times > 0 ? `${print}#${times}` : print;
}
