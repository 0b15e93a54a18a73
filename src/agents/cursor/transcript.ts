/** Transcripts of Cursor's agent: JSON Lines without ids, tokens and models, and mostly without times. */
import { type Draft, type Emit, type Line, type Reads, type SourceInfo, whole } from "../../read/types.ts";
import { type JsonObject, list, object, text } from "../../record/json.ts";
import { answer, message, partsOf, structured } from "../../record/messages.ts";
import { zoned } from "./time.ts";

export interface State {
  session: string;
  parent?: string;
  /** The session has been told. */
  told?: boolean;
  /** Lines so far that were read, the turn, and what it holds so far. */
  lines: number;
  turn: number;
  calls: number;
  tools: number;
}

export type Common = Omit<Draft, "operation" | "key">;

/** Of a text any part may say that a person typed it; what tools were asked is longer. */
export const READS: Reads = {
  keys: {
    ...whole("type", "role", "status", "error"),
    message: { content: whole("", "type", "text", "id", "name") },
  },
};

const CHILD = /(?:^|\/)([^/]+)\/subagents\/[^/]+\.\w+$/;
const TIMESTAMP = /^\s*<timestamp>\s*([^<]*?)\s*<\/timestamp>\s*/;
const QUERY = /<user_query>\s*(.*?)\s*<\/user_query>/s;
const FAILED_TURN = /error|fail|abort|cancel/i;
const ABORTED = /abort|cancel/i;

export function start({ path, stem }: SourceInfo): State {
  const parent = CHILD.exec(path)?.[1];
  return { session: stem, ...(parent && { parent }), lines: 0, turn: -1, calls: 0, tools: 0 };
}

export function step(state: State, line: Line, emit: Emit): void {
  const o = line.json();
  const index = state.lines++;
  const at = { offset: line.offset };
  if (o.type === "turn_ended") tellEnd(state, o, { ...commonOf(state), at }, index, emit);
  else if (o.role === "user") prompt(state, o, at, emit);
  else if (o.role === "assistant") reply(state, o, at, emit);
  else emit.unknown(`line ${text(o.type) ?? text(o.role) ?? ""}`.trim());
}

/** What all of a session's records carry. Whatever asks a subagent is no person, so it has no turns. */
function commonOf({ session, parent, turn }: State): Common {
  const own = { session_id: session, parent_session_id: parent };
  return { ...own, turn: parent !== undefined || turn < 0 ? undefined : turn };
}

/** The session's record, once. */
export function tellSession(state: State, time: string | undefined, at: Draft["at"], emit: Emit): void {
  if (state.told) return;
  state.told = true;
  const { session, parent } = state;
  const own = { session_id: session, parent_session_id: parent };
  emit({ ...own, key: "session", fact: session, operation: "session", time, at });
}

/** The next prompt: a turn begins with it. None is told of a subagent. */
export function promptDraft(state: State, time: string | undefined, at: Draft["at"]): Draft | undefined {
  state.turn++;
  state.calls = 0;
  state.tools = 0;
  if (state.parent !== undefined) return undefined;
  const { session, turn } = state;
  const own = { key: String(turn), fact: `${session}/${turn}`, time, at };
  return { ...commonOf(state), ...own, operation: "user_message" };
}

/** The turn's next call. */
export function callDraft(state: State, at: Draft["at"]): Draft {
  const call = state.calls++;
  const own = { key: `${state.turn}/${call}`, fact: `${state.session}/${state.turn}/${call}`, at };
  return { ...commonOf(state), ...own, operation: "chat", kind: "client", status: "ok" };
}

/** The turn's next tool. */
export function toolDraft(state: State, tool: Draft["tool"], at: Draft["at"]): Draft {
  const number = state.tools++;
  const own = { key: `${state.turn}/${number}`, fact: `${state.session}/${state.turn}/${number}`, at };
  return { ...commonOf(state), ...own, operation: "execute_tool", kind: "internal", tool };
}

function blocksOf(o: JsonObject): readonly unknown[] {
  const content = object(o.message)?.content;
  return typeof content === "string" ? [{ type: "text", text: content }] : list(content);
}

/** A person's words stand in a query; other text in tags is what the agent adds. */
function prompt(state: State, o: JsonObject, at: Draft["at"], emit: Emit): void {
  const blocks = blocksOf(o);
  const said = blocks.map((block) => text(object(block)?.text) ?? "").join("\n");
  const stamp = TIMESTAMP.exec(said);
  const time = zoned(stamp?.[1]);
  const words = said.slice(stamp?.[0].length ?? 0);
  tellSession(state, time, at, emit);
  if (!isTyped(words, blocks)) return;
  const prompted = promptDraft(state, time, at);
  if (!prompted) return;
  const pictures = blocks.filter((block) => object(block)?.type === "image");
  const input_messages = emit.keep(message("user", partsOf([QUERY.exec(words)?.[1] ?? words, ...pictures])));
  emit({ ...prompted, content: { input_messages } });
}

function isTyped(said: string, blocks: readonly unknown[]): boolean {
  if (said.includes("<user_query>")) return true;
  if (said.trim() !== "") return !said.trimStart().startsWith("<");
  return blocks.some((block) => object(block)?.type === "image");
}

function reply(state: State, o: JsonObject, at: Draft["at"], emit: Emit): void {
  tellSession(state, undefined, at, emit);
  const blocks = blocksOf(o);
  emit({ ...callDraft(state, at), content: { output_messages: emit.keep(answer(partsOf(blocks), undefined)) } });
  for (const block of blocks) {
    const told = object(block) ?? {};
    if (told.type !== "tool_use") continue;
    const named = { name: text(told.name), call_id: text(told.id), type: "function" };
    emit({ ...toolDraft(state, named, at), content: { tool_arguments: emit.keep(structured(told.input)) } });
  }
}

function tellEnd(state: State, o: JsonObject, common: Common, index: number, emit: Emit): void {
  const status = text(o.status);
  const failed = status !== undefined && FAILED_TURN.test(status);
  const aborted = ABORTED.test(`${status} ${text(o.error) ?? ""}`);
  emit({
    ...common,
    key: String(index),
    fact: `${state.session}/${index}`,
    operation: "invoke_agent",
    kind: "internal",
    status: status === undefined ? undefined : failed ? "error" : "ok",
    error_type: failed ? (aborted ? "aborted" : "turn_error") : undefined,
    content: { error_message: failed ? emit.keep(text(o.error)) : undefined },
  });
}
