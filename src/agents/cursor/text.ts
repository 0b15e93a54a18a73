/** The transcripts that Cursor wrote before JSON Lines: texts in which lines of their own say who speaks. */
import type { Draft, Emit, Line } from "../../read/types.ts";
import { answer, message, reasoningPart, structured, textPart } from "../../record/messages.ts";
import type { Part } from "../../record/schema.ts";
import { zoned } from "./time.ts";
import { callDraft, promptDraft, type State as Transcript, tellSession, toolDraft } from "./transcript.ts";

export interface State extends Transcript {
  role?: "user" | "assistant";
  time?: string;
  /** The user's part began with what the agent adds. */
  isTagged?: boolean;
  /** The prompt or answer that is told of now, and the tool in it. */
  said?: Told;
  tool?: Told;
}

/** A record that has been told, and the words that belong to it: only while texts are captured. */
interface Told {
  readonly draft: Draft;
  words?: string[];
}

const SPEAKER = /^(?:(user)|assistant|A):$/;
const STAMP = /^<timestamp>\s*([^<]*?)\s*<\/timestamp>$/;
const TOOL = /^\[Tool (call|result)\] *(.*)$/;

/** A line's number is its place: unlike a line of JSON it is no item of its own. */
export function step(state: State, line: Line, emit: Emit): void {
  const said = line.text();
  const at = { index: state.lines++ };
  const speaker = SPEAKER.exec(said.trim());
  const tool = state.role === "assistant" ? TOOL.exec(said.trim()) : null;
  if (speaker) turnTo(state, speaker[1] ? "user" : "assistant", at, emit);
  else if (tool) {
    endTool(state, emit);
    const named = { name: tool[2] || undefined, type: "function" };
    if (tool[1] === "call") state.tool = begin(toolDraft(state, named, at), emit);
  } else {
    if (state.role === "user" && !state.said) listen(state, said.trim(), at, emit);
    hear(state, said, emit);
  }
}

function turnTo(state: State, role: "user" | "assistant", at: Draft["at"], emit: Emit): void {
  endTool(state, emit);
  tellWords(state.said, emit);
  state.role = role;
  for (const key of ["said", "time", "isTagged"] as const) delete state[key];
  if (role === "user") return;
  tellSession(state, undefined, at, emit);
  state.said = begin(callDraft(state, at), emit);
}

/** A person's words stand in a query; a text that begins with other tags is what the agent adds. */
function listen(state: State, words: string, at: Draft["at"], emit: Emit): void {
  const stamp = STAMP.exec(words);
  if (stamp) state.time = zoned(stamp[1]);
  if (stamp || words === "") return;
  const isQuery = words.includes("<user_query>");
  state.isTagged ??= words.startsWith("<");
  if (state.isTagged && !isQuery) return;
  tellSession(state, state.time, at, emit);
  const prompted = promptDraft(state, state.time, at);
  if (prompted) state.said = begin(prompted, emit);
  else delete state.role;
}

function begin(draft: Draft, emit: Emit): Told {
  emit(draft);
  return { draft };
}

/** What follows a tool's line without an indent is the answer again. */
function hear(state: State, said: string, emit: Emit): void {
  if (state.tool && /^\S/.test(said)) endTool(state, emit);
  const told = state.tool ?? state.said;
  const kept = told && emit.keep(said);
  if (told && kept !== undefined) told.words = [...(told.words ?? []), kept];
}

function endTool(state: State, emit: Emit): void {
  tellWords(state.tool, emit);
  delete state.tool;
}

/** What was said is known when something else begins. */
function tellWords(told: Told | undefined, emit: Emit): void {
  const said = told?.words?.join("\n").trim();
  if (told && said) emit({ ...told.draft, content: contentOf(told.draft, said, emit) });
}

function contentOf({ operation }: Draft, said: string, emit: Emit): Draft["content"] {
  if (operation === "execute_tool") return { tool_arguments: emit.keep(structured(said)) };
  const query = said.replace(/^<user_query>\s*|\s*<\/user_query>$/g, "");
  if (operation === "user_message") return { input_messages: emit.keep(message("user", [textPart(query)])) };
  return { output_messages: emit.keep(answer(said.split("\n").map(spoken), undefined)) };
}

function spoken(line: string): Part | undefined {
  const thought = /^\s*\[Thinking\]\s*(.*)$/.exec(line);
  return thought ? reasoningPart(thought[1]) : textPart(line);
}

export function open({ said, tool }: State, emit: Emit): void {
  tellWords(said, emit);
  tellWords(tool, emit);
}
