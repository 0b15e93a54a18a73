/** Owns what Claude Code's reducer remembers between lines, and what every record of a line has in common. */
import type { Draft, JsonObject } from "../../read/types.ts";
import { fingerprint } from "../../record/identity.ts";
import { object, text } from "../../record/json.ts";
import type { Part, Usage } from "../../record/schema.ts";

/** What every record of a line has in common. */
export type Context = Pick<Draft, "session_id" | "agent_version" | "cwd" | "branch" | "subagent" | "turn">;

/** A call whose lines may not all be there. */
export interface Call {
  context: Context;
  /** The response's; without one the request's, else that of its one line. */
  id: string;
  unnamed?: true;
  /** Only where the id is too short to be random. */
  request?: string;
  /** The time of its first line. */
  said?: string;
  /** When what it answers was asked; unknown as long as nothing was. */
  start?: string;
  end?: string;
  model?: string;
  usage?: Usage;
  stop?: string;
  cost?: number;
  attributes?: Draft["attributes"];
  /** Calls of another model within this one, whose tokens are not in its usage. */
  advisors?: { model?: string; usage?: Usage }[];
  /** What it said, kept; only where texts are captured. */
  parts?: Part[];
  at: number;
}

export interface ToolCall {
  context: Context;
  id: string;
  /** The fact of the call that asked for it; only where the tool's own id is too short to be random. */
  call?: string;
  name: string;
  start?: string;
  /** Kept. */
  args?: unknown;
  at: number;
}

export interface State {
  /** The file's own session: a subagent's file belongs to its parent's. */
  own: string;
  /** The file has not its session's name: its first line says whose it is. */
  unnamed?: true;
  subagent?: { id: string; name?: string };
  spawnedBy?: string;
  /** The first line that is the file's own. */
  began?: string;
  last?: string;
  /** The session that this one's first lines were copied from, and the time of the latest of them. */
  origin?: string;
  copied?: string;
  /** The latest line of the user or a tool: the start of the call that answers it. */
  asked?: string;
  /** Of those lines the one that was read last: an older one where lines are written again. */
  heard?: string;
  told?: boolean;
  /** When each turn's prompt was given. A line belongs to the last turn before it, also when it is written again. */
  turns: string[];
  calls: Call[];
  tools: ToolCall[];
  hooks: string[];
  /** The latest compaction, for its summary comes on a later line; only where texts are captured. */
  compaction?: Draft;
}

/** The context made last, and what it was made from: most lines have that of the line before. */
let latest: { state: State; frame: JsonObject; turn?: number; context: Context } | undefined;

/** A branch marks each line that it copied: such a line is the other session's own, told once more. */
export function contextOf(state: State, o: JsonObject, frame: JsonObject, time: string | undefined): Context {
  const turn = state.subagent ? undefined : turnAt(state.turns, time);
  const isMarked = o.forkedFrom !== undefined;
  if (!isMarked && latest?.frame === frame && latest.state === state && latest.turn === turn) return latest.context;
  const context: Context = {
    session_id: text(object(o.forkedFrom)?.sessionId) ?? text(frame.sessionId) ?? state.own,
    agent_version: text(frame.version),
    cwd: text(frame.cwd),
    branch: text(frame.gitBranch),
    subagent: state.subagent ?? (frame.isSidechain === true ? {} : undefined),
    turn,
  };
  if (!isMarked) latest = { state, frame, turn, context };
  return context;
}

/** The id of a line, that of its original where it is a copy. */
export function uuidOf(o: JsonObject): string | undefined {
  return text(object(o.forkedFrom)?.messageUuid) ?? text(o.uuid);
}

/** What a line that may have no id tells of: the same in copies, whose sessions are others. */
export function lineFact(
  uuid: string | undefined,
  kind: string,
  { cwd }: Context,
  time: string | undefined,
): string | undefined {
  return uuid ?? (time === undefined ? undefined : fingerprint([kind, time, cwd]));
}

/** The turn that was going on at a time; undefined before the first. */
export function turnAt(turns: readonly string[], time: string | undefined): number | undefined {
  let turn = turns.length - 1;
  while (turn > 0 && time !== undefined && time < (turns[turn] as string)) turn--;
  return turn < 0 ? undefined : turn;
}

/**
 * What a model is to answer: the latest line of the user or a tool. Lines that are written again are older. After a
 * branch, answers stand before the line that asked for them.
 */
export function noteAsked(state: State, time: string | undefined): void {
  if (time === undefined) return;
  state.heard = time;
  if (time > (state.asked ?? "")) state.asked = time;
  for (const call of state.calls)
    if (time > (call.start ?? "") && call.said !== undefined && time <= call.said) call.start = time;
}

/** When the answer that a line begins was asked for. A line that is written again follows what asked for it as it did before. */
export function startOf({ asked, heard }: State, time: string | undefined): string | undefined {
  if (asked === undefined || time === undefined || asked <= time) return asked;
  return heard !== undefined && heard <= time ? heard : time;
}

/** A prompt begins a turn, that of all answers since then; one that is not younger than the latest is a copy. */
export function noteTurn(state: State, time: string | undefined): void {
  if (time === undefined || time <= (state.turns.at(-1) ?? "")) return;
  const turn = state.turns.push(time) - 1;
  for (const call of state.calls) if (time <= (call.said ?? "")) call.context = { ...call.context, turn };
  for (const tool of state.tools) if (time <= (tool.start ?? "")) tool.context = { ...tool.context, turn };
}
