/** Owns what Codex's reducer remembers of a thread between lines, and how a record of the thread is told. */
import type { Draft, Emit, Line } from "../../read/types.ts";
import { isRandomId } from "../../record/identity.ts";
import { type JsonObject, under } from "../../record/json.ts";
import type { Message, Part } from "../../record/schema.ts";

/** Some fields of a record to come. */
export type Known = Partial<Draft>;

export interface State {
  /** What every record of the thread has in common. */
  base: Known;
  told?: "meta" | "line";
  provider?: string;
  agentName?: string;
  /** A thread that a thread began: its prompts are not the person's. */
  spawned?: boolean;
  /** The totals go on from those of another file, whose lines are not here. */
  continues?: boolean;
  /** The same thread goes on from another file, so that nobody here knows how many turns there were. */
  uncounted?: boolean;
  /** History that the thread was given: its lines are those before this one. */
  given?: { before: number; byReview: boolean };
  /** The thread whose lines these are: the nearest session_meta before them, which a copy brings along. */
  origin: string;
  /** Prompts since that session_meta. */
  prompts: number;
  /** What told the turn's prompts. Once anything did, `message` lines only repeat them. */
  channel?: string;
  held: { time?: string; at: number; said?: readonly Message[] }[];
  turn: number;
  turnId?: string;
  model?: string;
  /** No line of the turn has named its model yet: a compaction may come before that. */
  unnamed?: boolean;
  /** The turn's calls until then. */
  waiting?: Draft[];
  effort?: string;
  window?: number;
  /** Calls are told by token_usage_record. */
  records?: boolean;
  total?: string;
  /** The latest totals, each with the usage that came with it. */
  counted: string[];
  /** The latest line that a model answers to; what it was when the model began to answer. */
  asked?: string;
  began?: string;
  compactions: Record<string, number>;
  /** How often names that are not unique came in this turn. */
  named: Record<string, number>;
  /** The turn and the tool calls that have no end yet, and the calls that had theirs lately. */
  run?: Draft;
  tools: ToolCall[];
  closed: string[];
  /** The latest of those that were told as killed: when another window began the next turn, their end may still come. */
  left: { runs: Draft[]; tools: ToolCall[] };
  /** What the model has said since its last call was told, kept; only where texts are captured. */
  parts?: Part[];
}

/** How many of what came last are remembered, where it may come again from another window on the thread. */
export const RECENT = 8;

export interface ToolCall {
  id: string;
  draft: Draft;
  /** How it ended, as another line than its output told. */
  outcome?: Known;
}

/** A line that is being read, or an item of a document in its place. */
export interface Now {
  readonly state: State;
  readonly line: Pick<Line, "offset">;
  readonly time: string | undefined;
  /** Of its line in the thread's history, where lines are numbered. */
  readonly ordinal?: unknown;
  /** Without an envelope, as before there were events: no other line tells of the same prompt. */
  readonly bare?: boolean;
  readonly emit: Emit;
}

/** What a line says. */
export interface Item {
  readonly timestamp: unknown;
  readonly ordinal?: unknown;
  readonly bare?: boolean;
  readonly type: string;
  readonly payload: JsonObject;
}

/** Takes the first that fits out of a list. */
export function take<T>(from: T[], fits: (one: T) => boolean): T | undefined {
  const at = from.findIndex(fits);
  return at < 0 ? undefined : from.splice(at, 1)[0];
}

export function tell({ state, emit }: Now, known: Draft): void {
  emit({ ...state.base, turn: turnOf(state), ...known });
}

/** The number of the turn that is going on; undefined before the first. */
export function turnOf({ turn, uncounted }: State): number | undefined {
  return turn < 0 || uncounted ? undefined : turn;
}

/** What makes a name that is unique in its turn unique anywhere, and the same in a copy. */
export function scope(state: State): string {
  return state.turnId === undefined ? `${state.origin}/${state.turn}` : turnScope(state);
}

/** The same without a number for a turn without an id: that of the turn's thread, where the id is too short for itself. */
export function turnScope({ turnId, origin }: State): string {
  if (turnId === undefined) return origin;
  return isRandomId(turnId) ? turnId : `${origin}/${turnId}`;
}

/** What makes a name that may come again in its turn unique anywhere, and the same in a copy. */
export function numbered(state: State, name: string): string {
  const n = (under(state.named, name) ?? 0) + 1;
  state.named[name] = n;
  return n === 1 ? `${name}@${scope(state)}` : `${name}#${n}@${scope(state)}`;
}

/** Tells the calls that waited for the name of their model; while they still do, as open. */
export function tellWaiting(state: State, emit: Emit, open?: true): void {
  for (const draft of state.waiting ?? []) emit({ ...draft, model: state.model, open });
  if (open === undefined) delete state.waiting;
}
