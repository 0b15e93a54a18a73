/** A log of Qwen Code as far as it is read, and what every record of it says. */
import type { Draft } from "../../read/types.ts";
import { type JsonObject, list, object, text } from "../../record/json.ts";
import type { ToolCall } from "../../record/tool.ts";

export interface State {
  /** The file's own session: a subagent's file belongs to its parent's. */
  own: string;
  subagent?: { id: string; name?: string };
  /** What the subagent's sidecar tells of its run. */
  run?: { call?: string; start?: string; status?: string; model?: string };
  /** Calls and tools are told, and nothing else: the second stream of a subagent's file. */
  steps?: boolean;
  told?: boolean;
  /** The session that the first lines were copied from, and the one that spawned this. */
  forked?: string;
  parent?: string;
  began?: string;
  last?: string;
  /** The latest line of the user or a tool: where no event tells it, the start of the call that answers it. */
  asked?: string;
  turn: number;
  /** A request has failed since the latest prompt. */
  failed?: boolean;
  /** Tokens of the calls that events have told and no assistant's line yet, and the other way round. */
  events: string[];
  answers: string[];
  /** Of the calls in `events`, what was told of them: the assistant's line has their texts. Only while texts are captured. */
  calls?: { readonly tokens: string; readonly draft: Draft }[];
  tools: Record<string, ToolCall>;
  /** Tools that events have timed and whose results have not come: name, milliseconds. */
  timed: [string, number][];
}

/** One record of the file. */
export interface Entry {
  readonly o: JsonObject;
  readonly key: string;
  readonly time?: string;
  readonly at: number;
}

export type Common = Omit<Draft, "key" | "operation">;

/** How many calls of all agents at once may lie between the two tellings of one. */
const PAIRS = 64;

/** What every record of a line has in common. */
export function base(state: State, o: JsonObject): Common {
  return {
    session_id: state.own,
    agent_version: text(o.version),
    cwd: text(o.cwd),
    branch: text(o.gitBranch),
    subagent: state.subagent && { ...state.subagent },
    turn: state.turn < 0 || state.subagent ? undefined : state.turn,
  };
}

/** True for the parts of a user's message that nobody typed: it gives the model a tool's result. */
export function isResult(parts: unknown): boolean {
  return list(parts).some((part) => object(part)?.functionResponse !== undefined);
}

/** True when the call was noted before; it is noted no more then. */
export function taken(noted: string[], tokens: string): boolean {
  const at = noted.indexOf(tokens);
  if (at >= 0) noted.splice(at, 1);
  return at >= 0;
}

/** Notes a call whose texts are to come. */
export function hold(state: State, tokens: string, draft: Draft): void {
  state.calls = [...(state.calls ?? []), { tokens, draft }].slice(-PAIRS);
}

/** The call whose texts are here; it is noted no more then. */
export function held(state: State, tokens: string): Draft | undefined {
  const found = state.calls?.find((call) => call.tokens === tokens);
  state.calls = state.calls?.filter((call) => call !== found);
  return found?.draft;
}

export function note(noted: string[], tokens: string): void {
  noted.push(tokens);
  if (noted.length > PAIRS) noted.shift();
}
