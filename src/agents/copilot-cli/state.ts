/** What a session's log has told so far, and what a line of it is read with. */
import type { Draft, Emit } from "../../record/draft.ts";
import { type JsonObject, text, under } from "../../record/json.ts";
import type { Part } from "../../record/schema.ts";
import type { Seen } from "./facts.ts";
import type { Sums } from "./sums.ts";

/** Of how many subagents names, models, latest calls and texts are kept. */
export const KNOWN_AGENTS = 64;

export interface State {
  session: string;
  version?: string;
  cwd?: string;
  branch?: string;
  /** The session's own record, and when its last run ended. */
  opening?: Draft;
  ended?: string;
  /** A fork begins with the lines of the session that it comes from: they come next, or are being read. */
  copies?: "next" | "here";
  /** The session that the latest copied call is of. */
  source?: string;
  /** Facts of the latest calls, and of the latest tool calls whose ids are short. */
  seen: Seen;
  ids: Seen;
  /** The latest calls that messages told: several may be of one, mixed with those of other agents. */
  told: string[];
  /** Number of the person's last prompt. */
  turn: number;
  /** Calls are told by usage records. */
  records?: boolean;
  /** Names of subagents, the models in use, and when each agent's turn began, by agent; the main one is "". */
  names: Record<string, string>;
  models: Record<string, string>;
  turns: Record<string, string>;
  /** What has no end yet, by its own id. */
  tools: Record<string, Draft>;
  agents: Record<string, Draft>;
  hooks: Record<string, Draft>;
  compaction?: Draft;
  /** Calls that summed up before any usage record, with their tokens. */
  summaries?: readonly Draft[] | undefined;
  sums: Sums;
  /** By agent: the latest call as it was told, and what its messages say, kept. Only while texts are captured. */
  said?: Record<string, Said>;
}

/** A call, and the texts of its messages, whichever of them comes first. */
export interface Said {
  readonly id: string;
  draft?: Draft;
  parts: readonly Part[];
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

/** The session that a line's facts are of: that of a copied line is another one. */
export function sourceOf({ session, source, copies }: State): string {
  return copies === "here" ? (source ?? session) : session;
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
    subagent: agent === undefined ? undefined : { id: agent, name: under(state.names, agent) },
    at,
  };
}
