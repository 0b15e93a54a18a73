/**
 * Gemini CLI: one JSON Lines log a session, in which a message is written again whenever it grows; before that one JSON
 * document a session; one log for each subagent.
 * Counting rule: a call is one message id that has tokens, of all its tellings the one with the most: a resume and a
 * history sync tell messages again, without their tokens and with new times.
 */
import {
  type Agent,
  type Draft,
  type Emit,
  type Environment,
  type Group,
  type Line,
  type Place,
  type SourceInfo,
  snapshot,
  tail,
} from "../read/types.ts";
import { allowAttributes } from "../record/attributes.ts";
import { responseFact } from "../record/identity.ts";
import { type JsonObject, list, number, object, text } from "../record/json.ts";
import { answer as answerOf, message as messageOf, partsOf, reasoningPart, toolCallPart } from "../record/messages.ts";
import type { Message as Said, Usage } from "../record/schema.ts";
import { between, utc } from "../record/time.ts";
import { toolDraft } from "../record/tool.ts";
import { tokensOf, totalUsage } from "../record/usage.ts";

interface State {
  /** The log's own session: a subagent's log belongs to its parent's. */
  session: string;
  subagent?: string;
  began?: string;
  last?: string;
  cwd?: string;
  told?: boolean;
  turn: number;
  prompt?: string;
  /** The latest message: the start of the call that answers it. */
  asked?: string;
  /** The latest answer, with the times of its first telling. */
  call?: { id: string; start?: string; time?: string };
}

/** One message of a log or document. */
interface Message {
  readonly m: JsonObject;
  readonly id: string;
  readonly time?: string;
  readonly at: NonNullable<Draft["at"]>;
}

/** The first keys of a user's line that only carries results of tools. */
const RESULTS = /^\{"id":"[^"\\]+","timestamp":"([\d:.TZ-]+)","type":"user","content":\[\{"functionResponse":/;
const SNAPSHOT = "<state_snapshot>";
const CONTEXT = "<session_context>";
const NOT_TYPED =
  /^\s*(?:$|[/?]|<(?:session_context|hook_context|state_snapshot)>|This is the Gemini CLI\. |System: |Please continue\.$)/;
/** The folder as the session's first message tells it to the model: one of a list, or in a sentence. */
const FOLDER =
  /Workspace Directories:\*\*\n\s*- ([^\n]+)|working in the (?:directory: |following directories:\n\s*- )([^\n]+)/;
const MESSAGES: ReadonlySet<string> = new Set(["user", "gemini", "error", "info", "warning"]);
const RUNNING: ReadonlySet<string> = new Set(["validating", "scheduled", "executing", "awaiting_approval"]);

export const geminiCli: Agent = {
  id: "gemini-cli",
  title: "Gemini CLI",
  retention: "deletes a session 30 days after its last change, when it is next started in that project",
  streams: [
    tail<State>({
      kind: "transcript",
      rank: 50,
      version: 1,
      locate: (environment) => placesOf(environment, ["session-*.jsonl", "session-*.jsonl.unreadable-*", "*/*.jsonl"]),
      session: sessionOf,
      start,
      step,
      open,
    }),
    snapshot({
      kind: "transcript_json",
      rank: 40,
      version: 1,
      locate: (environment) => placesOf(environment, ["session-*.json"]),
      session: sessionOf,
      groups: { form: "json" },
      reduce,
    }),
  ],
};

/** `GEMINI_CLI_HOME` replaces the home folder. */
function placesOf({ homes, variable }: Environment, match: readonly string[]): Place[] {
  return homes.map((home) => {
    const root = (home.own && variable("GEMINI_CLI_HOME")) || home.path;
    return { root: `${root}/.gemini/tmp`, match: match.map((name) => `*/chats/${name}`) };
  });
}

/** A file's name has the first eight characters of its session's id; subagents lie in a folder of the whole id. */
function sessionOf(path: string): string | undefined {
  return (/chats\/([^/]{8})[^/]*\/[^/]+$/.exec(path) ?? /session-[^/]*-([^/-]{8})\.json/.exec(path))?.[1];
}

function start(source: SourceInfo): State {
  const parent = /(?:^|\/)chats\/([^/]+)\/[^/]+$/.exec(source.path)?.[1];
  const state: State = { session: parent ?? source.stem, turn: -1 };
  return parent === undefined ? state : { ...state, subagent: source.stem };
}

function step(state: State, line: Line, emit: Emit): void {
  if (line.head.startsWith('{"$set":')) {
    if (hasNews(state, line)) patch(state, object(line.json().$set) ?? {}, line.offset, emit);
    return;
  }
  const results = RESULTS.exec(line.head);
  if (results?.[1]) {
    heard(state, results[1]);
    return;
  }
  const o = line.json();
  if (typeof o.$rewindTo === "string") return; // what was rewound has been served all the same
  if (object(o.$set)) patch(state, object(o.$set) ?? {}, line.offset, emit);
  else if (text(o.id)) message(state, o, { offset: line.offset }, emit);
  else if (text(o.sessionId)) header(state, o);
  else emit.unknown("line without an id");
}

/** Most patches only move the time of the last change, or tell history again. */
function hasNews(state: State, line: Line): boolean {
  if (line.has('"tokens":{') || line.has(SNAPSHOT)) return true;
  return state.cwd === undefined && (line.has(CONTEXT) || line.has('"directories":['));
}

/** History told again tells no new messages, but it may be all that is left of a compaction, or of a call. */
function patch(state: State, set: JsonObject, offset: number, emit: Emit): void {
  state.cwd ??= text(list(set.directories)[0]);
  for (const item of list(set.messages)) {
    const told = read(item, { offset });
    if (told?.m.type === "gemini") tellCall(state, told, undefined, emit);
    else if (told?.m.type === "user") context(state, told, textOf(told.m.content), emit);
  }
}

/** A session may have several: a resume begins another one. The first one holds. */
function header(state: State, o: JsonObject): void {
  if (state.began !== undefined) return;
  const id = text(o.sessionId);
  state.began = utc(o.startTime);
  state.cwd ??= text(list(o.directories)[0]);
  if (state.subagent === undefined && o.kind !== "subagent") state.session = id ?? state.session;
  else state.subagent = id ?? state.subagent ?? state.session;
}

function read(item: unknown, at: Message["at"]): Message | undefined {
  const m = object(item);
  const id = text(m?.id);
  return m && id !== undefined ? { m, id, time: utc(m.timestamp), at } : undefined;
}

/** A message of its own. A log without one is what a resume leaves behind, and no session. */
function message(state: State, item: unknown, at: Message["at"], emit: Emit): void {
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

function heard(state: State, time: string | undefined): void {
  state.began ??= time;
  state.asked = time ?? state.asked;
  state.last = time ?? state.last;
}

function base(state: State): Pick<Draft, "session_id" | "subagent" | "cwd" | "turn"> {
  return {
    session_id: state.session,
    subagent: state.subagent === undefined ? undefined : { id: state.subagent },
    cwd: state.cwd,
    turn: state.turn < 0 ? undefined : state.turn,
  };
}

/** What the records of one message have in common. */
function known(told: Message): Pick<Draft, "key" | "fact" | "time" | "at" | "raw"> {
  const { id, time } = told;
  return { key: id, fact: responseFact(id, time), time, ...placeOf(told) };
}

/** Where it stands, and in a document the message itself; in a log that is the line. */
function placeOf({ m, at }: Message): Pick<Draft, "at" | "raw"> {
  return { at, raw: at.index === undefined ? undefined : m };
}

function tellSession(state: State, time: string | undefined, emit: Emit): void {
  state.told = true;
  const at = { offset: 0 };
  emit({ ...base(state), key: "session", fact: state.session, operation: "session", time: state.began ?? time, at });
}

/** A message's text; none of one that carries results of tools. */
function textOf(content: unknown): string {
  const parts = Array.isArray(content) ? content : [content];
  if (parts.some((part) => object(part)?.functionResponse !== undefined)) return "";
  return parts.map((part) => (typeof part === "string" ? part : (text(object(part)?.text) ?? ""))).join("");
}

function user(state: State, told: Message, emit: Emit): void {
  heard(state, told.time);
  const content = textOf(told.m.content);
  context(state, told, content, emit);
  if (state.subagent !== undefined || NOT_TYPED.test(content)) return;
  if (state.prompt !== told.id) state.turn++;
  state.prompt = told.id;
  const input_messages = emit.keep(messageOf("user", partsOf(told.m.content)));
  emit({ ...base(state), ...known(told), operation: "user_message", content: { input_messages } });
}

/** What the agent itself puts among the messages: where it works, and the summary that replaces what was said before. */
function context(state: State, told: Message, content: string, emit: Emit): void {
  const folder = state.cwd === undefined && NOT_TYPED.test(content) ? FOLDER.exec(content) : undefined;
  state.cwd ??= text((folder?.[1] ?? folder?.[2])?.trim());
  if (!content.trimStart().startsWith(SNAPSHOT)) return;
  const output_messages = emit.keep(answerOf(partsOf(content), undefined));
  emit({ ...base(state), ...known(told), operation: "compaction", kind: "internal", content: { output_messages } });
}

/** An answer is told again with its tokens, and again with its tools; its first telling has its times. */
function answer(state: State, told: Message, emit: Emit): void {
  const { id } = told;
  const first = state.call?.id === id ? state.call : { id, start: state.asked, time: told.time };
  state.call = first;
  heard(state, told.time);
  tellCall(state, { ...told, time: first.time }, first.start, emit, emit.captures ? saidIn(told.m) : undefined);
  for (const item of list(told.m.toolCalls)) {
    const tool = object(item);
    if (tool) tellTool(state, tool, { ...told, time: first.time }, emit);
  }
}

/** What an answer says. Why it stopped is not stored, but that it asks for tools is. */
function saidIn({ thoughts, content, toolCalls }: JsonObject): readonly Said[] | undefined {
  const thought = list(thoughts).map((one) => {
    const { subject, description } = object(one) ?? {};
    return reasoningPart([subject, description].filter((each) => typeof each === "string").join("\n"));
  });
  const calls = list(toolCalls).map((one) => toolCallPart(object(one)?.id, object(one)?.name, object(one)?.args));
  return answerOf([...thought, ...partsOf(content), ...calls], calls.length > 0 ? "tool_call" : undefined);
}

/**
 * Without tokens it is no call of its own: history, an answer that the agent made up, or one that is not finished.
 * History tells no texts: parts of it may be masked.
 */
function tellCall(
  state: State,
  told: Message,
  asked: string | undefined,
  emit: Emit,
  said?: readonly Said[] | undefined,
): void {
  const tokens = object(told.m.tokens);
  if (!tokens) return;
  const { time } = told;
  const begun = asked !== undefined && time !== undefined && asked <= time ? asked : time;
  emit({
    ...base(state),
    ...known(told),
    operation: "chat",
    kind: "client",
    time: begun,
    end_time: time,
    duration_ms: between(begun, time),
    status: "ok",
    provider: "gcp.gen_ai",
    model: text(told.m.model),
    usage: usageOf(tokens),
    content: { output_messages: emit.keep(said) },
  });
}

/**
 * Prompts of tools are input apart, thoughts are output apart. The cached tokens are part of the input, unless the total
 * proves that an older version took them out of it.
 */
function usageOf(tokens: JsonObject): Usage | undefined {
  const [input, output, cached] = [number(tokens.input), number(tokens.output), number(tokens.cached) ?? 0];
  const [thoughts, tool, total] = [number(tokens.thoughts) ?? 0, number(tokens.tool) ?? 0, number(tokens.total)];
  const apart = cached > 0 && total === (input ?? 0) + (output ?? 0) + thoughts + tool + cached ? cached : 0;
  const usage = totalUsage({
    input: input === undefined ? undefined : input + tool + apart,
    output: output === undefined ? undefined : output + thoughts,
    cacheRead: tokens.cached,
    reasoning: tokens.thoughts,
  });
  return tokensOf(usage) > 0 ? usage : undefined;
}

function tellTool(state: State, tool: JsonObject, told: Message, emit: Emit): void {
  const [id, name, status, done] = [text(tool.id), text(tool.name), text(tool.status), utc(tool.timestamp)];
  if (id === undefined) {
    emit.unknown("tool without an id");
    return;
  }
  const isOpen = status === undefined || RUNNING.has(status);
  const failed = status !== "success";
  const result = emit.keep(resultIn(tool));
  const end = { time: done, failed, error: status === "cancelled" ? status : undefined, result };
  if (!isOpen) heard(state, done);
  const { session, turn } = state;
  const call = { name, start: told.time, turn: turn < 0 ? undefined : turn, at: 0, args: emit.keep(tool.args) };
  emit({ ...base(state), ...toolDraft(id, call, session, isOpen ? undefined : end), ...placeOf(told) });
  const child = text(tool.agentId);
  if (child !== undefined) tellSubagent(state, child, tool, told, emit);
}

/** What the model was given back: mostly one text. */
function resultIn({ result }: JsonObject): unknown {
  const responses = list(result).map((one) => object(object(one)?.functionResponse)?.response);
  const [first] = responses;
  if (responses.length !== 1) return result ?? undefined;
  return object(first)?.output ?? object(first)?.error ?? first;
}

/** What the spawner knows of a subagent; the subagent's own log has neither its name nor how it ended. */
function tellSubagent(state: State, id: string, tool: JsonObject, told: Message, emit: Emit): void {
  const shown = object(tool.resultDisplay);
  const name = text(shown?.agentName) ?? text(object(tool.args)?.agent_name);
  const failed = tool.status !== "success";
  emit({
    ...base(state),
    ...subagentDraft(state.session, id, told.time, utc(tool.timestamp)),
    subagent: { id, name },
    agent_name: name,
    tool: { call_id: text(tool.id) },
    status: failed ? "error" : "ok",
    error_type: failed ? (tool.status === "cancelled" ? "cancelled" : "tool_error") : undefined,
    attributes: allowAttributes({ terminateReason: shown?.terminateReason }),
    ...placeOf(told),
  });
}

function subagentDraft(session: string, id: string, time: string | undefined, end_time: string | undefined): Draft {
  const fact = `${session}/${id}`;
  const common = { key: id, fact, session_id: session, subagent: { id }, time, end_time };
  return { ...common, operation: "invoke_agent", kind: "internal", duration_ms: between(time, end_time) };
}

function error(state: State, told: Message, emit: Emit): void {
  heard(state, told.time);
  const status = /"code":\s*([45]\d\d)\b|\bstatus:?\s*([45]\d\d)\b/i.exec(textOf(told.m.content));
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

function open(state: State, emit: Emit): void {
  const { session, subagent, began, last, cwd } = state;
  if (subagent !== undefined && last !== undefined)
    emit({ ...subagentDraft(session, subagent, began, last), cwd, at: { offset: 0 } });
}

/** The older document: the same messages under the same ids, which a resume copies to a log and leaves where they are. */
function reduce(group: Group, source: SourceInfo, emit: Emit): void {
  const document = object(group.document);
  if (!document || !text(document.sessionId)) {
    emit.unknown("document without a session");
    return;
  }
  const state = start(source);
  header(state, document);
  list(document.messages).forEach((item, index) => {
    message(state, item, { index }, emit);
  });
  open(state, emit);
}
