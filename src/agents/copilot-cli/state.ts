/** What a session's log has told so far, and what a line of it is read with. */
import type { Draft, Emit } from "../../record/draft.ts";
import type { JsonObject } from "../../record/json.ts";
import { text } from "../../record/json.ts";
import type { Sums } from "./sums.ts";

/** Of how many subagents names and models are kept. */
export const KNOWN_AGENTS = 64;

export interface State {
  session: string;
  version?: string;
  cwd?: string;
  branch?: string;
  told?: boolean;
  /** The latest call that a message told: several messages may be of one. */
  message?: string;
  /** Number of the person's last prompt. */
  turn: number;
  /** Calls are told by usage records. */
  records?: boolean;
  /** When the session began and when its last run ended. */
  began?: string;
  ended?: string;
  /** Names of subagents, the models in use, and when each agent's turn began, by agent; the main one is "". */
  names: Record<string, string>;
  models: Record<string, string>;
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

/** The subagent that a line is of; the first versions know it by the tool call that started it alone. */
export function agentOf({ o, data }: Pick<Now, "o" | "data">): string | undefined {
  return text(o.agentId) ?? text(data.parentToolCallId);
}

/** What every record of a line has in common. */
export function base(now: Now): Omit<Draft, "key" | "operation"> {
  const { state, at } = now;
  const agent = agentOf(now);
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
