/** Messages of a log or document: what people typed, what the agent put in, answers and errors. */
import type { Emit } from "../../read/types.ts";
import { text } from "../../record/json.ts";
import { answer as answerOf, message as messageOf, partsOf } from "../../record/messages.ts";
import { answer } from "./answers.ts";
import { SHOWN } from "./reads.ts";
import { base, heard, known, type Message, read, type State, textOf } from "./state.ts";

/** How a summary begins that replaces history. */
const SNAPSHOT = "<state_snapshot>";
const NOT_TYPED =
  /^\s*(?:$|[/?]|<(?:session_context|hook_context|state_snapshot)>|This is the Gemini CLI\. |System: |Please continue\.$)/;
/** The folder as the session's first message tells it to the model: one of a list, or in a sentence. */
const FOLDER =
  /Workspace Directories:\*\*\n\s*- ([^\n]+)|working in the (?:directory: |following directories:\n\s*- )([^\n]+)/;
const MESSAGES: ReadonlySet<string> = new Set(["user", "gemini", "error", "info", "warning"]);
/** A message of its own. A log without one is what a resume leaves behind, and no session. */
export function message(state: State, item: unknown, at: Message["at"], emit: Emit): void {
  const told = read(item, at);
  const type = text(told?.m.type);
  if (!told || type === undefined || !MESSAGES.has(type)) {
    emit.unknown(told ? `type ${type}` : "message without an id");
    return;
  }
  if (!state.told && state.subagent === undefined) tellSession(state, told.time, emit);
  if (type === "gemini") answer(state, told, emit);
  else if (type === "user") user(state, told, emit);
  else if (type === "error") error(state, told, emit);
}

function tellSession(state: State, time: string | undefined, emit: Emit): void {
  state.told = true;
  const at = { offset: 0 };
  emit({ ...base(state), key: "session", fact: state.session, operation: "session", time: state.began ?? time, at });
}

function user(state: State, told: Message, emit: Emit): void {
  heard(state, told.time);
  const content = textOf(told.m.content);
  context(state, told, content, emit);
  if (state.subagent !== undefined || NOT_TYPED.test(content.slice(0, SHOWN))) return;
  if (state.prompt !== told.id) state.turn++;
  state.prompt = told.id;
  const input_messages = emit.keep(messageOf("user", partsOf(told.m.content)));
  emit({ ...base(state), ...known(told), operation: "user_message", content: { input_messages } });
}

/** What the agent itself puts among the messages: where it works, and the summary that replaces what was said before. */
export function context(state: State, told: Message, content: string, emit: Emit): void {
  const shown = content.slice(0, SHOWN);
  const folder = state.cwd === undefined && NOT_TYPED.test(shown) ? FOLDER.exec(shown) : undefined;
  state.cwd ??= text((folder?.[1] ?? folder?.[2])?.trim());
  if (!shown.trimStart().startsWith(SNAPSHOT)) return;
  const output_messages = emit.keep(answerOf(partsOf(content), undefined));
  emit({ ...base(state), ...known(told), operation: "compaction", kind: "internal", content: { output_messages } });
}

function error(state: State, told: Message, emit: Emit): void {
  heard(state, told.time);
  const status = /"code":\s*([45]\d\d)\b|\bstatus:?\s*([45]\d\d)\b/i.exec(textOf(told.m.content).slice(0, SHOWN));
  emit({
    ...base(state),
    ...known(told),
    operation: "error",
    kind: "client",
    status: "error",
    error_type: status?.[1] ?? status?.[2] ?? "error",
    provider: "gcp.gen_ai",
    content: { error_message: emit.keep(textOf(told.m.content)) },
  });
}
