/** What a session's log has told so far, and what a line of it is read with. */
import type { Draft, Emit } from "../../record/draft.ts";
import type { JsonObject } from "../../record/json.ts";
import { text } from "../../record/json.ts";
import type { Sums } from "./sums.ts";

export interface State {
  session: string;
  version?: string;
  cwd?: string;
  branch?: string;
  told?: boolean;
  /** Number of the person's last prompt. */
  turn: number;
  /** Calls are told by usage records. */
  records?: boolean;
  /** Names of subagents, and when each agent's turn began, by agent; the main one is "". */
  names: Record<string, string>;
  turns: Record<string, string>;
  /** What has no end yet, by its own id. */
  tools: Record<string, Draft>;
  agents: Record<string, Draft>;
  hooks: Record<string, Draft>;
  compaction?: Draft;
  sums: Sums;
}

/** A line that is being read. */
export interface Now {
  readonly state: State;
  readonly o: JsonObject;
  readonly data: JsonObject;
  readonly time: string | undefined;
  readonly at: { readonly offset: number };
  readonly emit: Emit;
}

/** What every record of a line has in common. */
export function base({ state, o, at }: Now): Omit<Draft, "key" | "operation"> {
  const agent = text(o.agentId);
  return {
    session_id: state.session,
    agent_version: state.version,
    cwd: state.cwd,
    branch: state.branch,
    turn: state.turn < 0 ? undefined : state.turn,
    subagent: agent === undefined ? undefined : { id: agent, name: state.names[agent] },
    at,
  };
}
