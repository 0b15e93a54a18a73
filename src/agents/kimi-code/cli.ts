/** The wire log of the Kimi CLI, protocol 1.1 to 1.10: messages with their times. Knows nothing of Kimi Code's. */
import type { Emit, Group, Line, SourceInfo } from "../../read/types.ts";
import { allowAttributes } from "../../record/attributes.ts";
import { fingerprint, responseFact } from "../../record/identity.ts";
import { type JsonObject, list, number, object, text, under } from "../../record/json.ts";
import { answer, message as messageOf, resultOf, structured, toolCallPart } from "../../record/messages.ts";
import { between, fromSeconds } from "../../record/time.ts";
import { toolDraft } from "../../record/tool.ts";
import { base, type Common, forget, hear, heard, type Log, partsIn, sessionOf, usageOf } from "./log.ts";

export interface State extends Log {
  /** Start of the turn, the step and the compaction that run now. */
  turnStart?: string;
  stepStart?: string;
  compacting?: string;
  last?: string;
  /** The model that a subagent was given, by its name in the settings; the session's own is told nowhere. */
  model?: string;
}

/** One message of the log, or of a subagent inside it. */
interface Message {
  readonly type: string;
  readonly payload: JsonObject;
  readonly time?: string;
  readonly at: number;
  /** The subagent, where its messages stand in its parent's log only. */
  readonly subagent?: { id?: string; name?: string };
}

/** Beside a subagent's log. */
export const SUBAGENT_META = "meta.json";

const SILENT =
  /^(?:Approval\w+|Btw(?:Begin|End)|ContentPart|Hook(?:Request|Response|Triggered)|MCP\w+|Notification|PlanDisplay|Question\w+|StepInterrupted|ToolCallPart|ToolCallRequest)$/;

/** The folders that sessions worked in, by their MD5 sums: so the folders of their sessions are called. */
export function workFolders(settings: unknown): Record<string, string> {
  const paths = list(object(settings)?.work_dirs).flatMap((folder) => text(object(folder)?.path) ?? []);
  return Object.fromEntries(paths.map((path) => [Bun.CryptoHasher.hash("md5", path, "hex"), path]));
}

/** One on another machine has the kind of that before the sum. */
function cwdOf({ path, settings = {} }: SourceInfo): string | undefined {
  const sum = /^(?:[^/]*_)?([\da-f]{32})\//.exec(path)?.[1];
  return sum && text(under(settings, sum));
}

export function start(source: SourceInfo): State {
  const { path, stem, sidecars } = source;
  const agent = /subagents\/([^/]+)\/[^/]+$/.exec(path)?.[1];
  const meta = object(sidecars[SUBAGENT_META]) ?? {};
  const name = text(meta.subagent_type);
  const model = text(object(meta.launch_spec)?.effective_model);
  const subagent = agent === undefined ? undefined : { id: agent, ...(name && { name }) };
  const log = { session: sessionOf(path) ?? stem, cwd: cwdOf(source), subagent, turn: -1, tools: {} };
  return { ...log, ...(subagent && model && { model }) };
}

/**
 * A fork's log begins with its original's lines, times and all, and names it nowhere: only the title that it was given
 * tells it for one. So no log tells when its session began, a fork's state does.
 */
export function reduceState(group: Group, source: SourceInfo, emit: Emit): void {
  const { title_generated, custom_title, wire_mtime } = object(group.document) ?? {};
  if (title_generated !== true || !/^(?:Fork|Undo): /.test(text(custom_title) ?? "")) return;
  const session_id = sessionOf(source.path) ?? source.stem;
  const [cwd, time] = [cwdOf(source), fromSeconds(wire_mtime)];
  emit({ key: "session", fact: session_id, operation: "session", session_id, cwd, time, at: { index: 0 } });
}

export function step(state: State, line: Line, emit: Emit): void {
  const o = line.json();
  if (o.type === "metadata") return;
  const { type: name, payload } = object(o.message) ?? {};
  const message = {
    type: text(name) ?? "",
    payload: object(payload) ?? {},
    time: fromSeconds(o.timestamp),
    at: line.offset,
  };
  if (!state.told) tellSession(state, emit);
  tell(state, message, emit);
  if (!SILENT.test(message.type)) state.last = message.time ?? state.last;
}

function tellSession(state: State, emit: Emit): void {
  state.told = true;
  if (state.subagent) return;
  emit({ ...base(state), key: "session", fact: state.session, operation: "session", at: { offset: 0 } });
}

function tell(state: State, message: Message, emit: Emit): void {
  const { type, payload, time } = message;
  if (type === "StatusUpdate") status(state, message, emit);
  else if (type === "ToolCall") toolCall(state, message, emit);
  else if (type === "ToolResult") toolResult(state, message, emit);
  else if (type === "StepRetry") retry(state, message, emit);
  else if (type === "SubagentEvent") subagentEvent(state, message, emit);
  else if (type === "ContentPart") hear(state, slotOf(message, ""), partsIn(payload), emit);
  else if (type === "StepBegin") stepBegin(state, message);
  else if (message.subagent) return;
  else if (type === "TurnBegin" || type === "SteerInput") prompt(state, message, emit);
  else if (type === "TurnEnd") endTurn(state, time, emit);
  else if (type === "CompactionBegin") state.compacting = time;
  else if (type === "CompactionEnd") compaction(state, time, emit);
  else if (type === "HookResolved") hook(state, payload, time, emit);
  else if (!SILENT.test(type)) emit.unknown(`type ${type}`);
}

function common(state: State, { subagent, at }: Message): Common {
  const of = base(state);
  return subagent
    ? { ...of, subagent, agent_name: subagent.name, turn: undefined, at: { offset: at } }
    : { ...of, at: { offset: at } };
}

/**
 * Its subagent has a log of its own when it has an id: then that is read. Before it had, what it did stands only here.
 * `parent_tool_call_id` was called `task_tool_call_id`.
 */
function subagentEvent(state: State, { payload, time, at }: Message, emit: Emit): void {
  const event = object(payload.event);
  if (!event || text(payload.agent_id) !== undefined) return;
  const id = text(payload.parent_tool_call_id) ?? text(payload.task_tool_call_id);
  const name = text(payload.subagent_type);
  const subagent = { ...(id && { id }), ...(name && { name }) };
  tell(state, { type: text(event.type) ?? "", payload: object(event.payload) ?? {}, time, at, subagent }, emit);
}

function stepBegin(state: State, message: Message): void {
  forget(state, (said) => said === slotOf(message, ""));
  if (!message.subagent) state.stepStart = message.time;
}

/** A turn that was interrupted in an old version has no end: the next one ends it. */
function prompt(state: State, message: Message, emit: Emit): void {
  const { type, payload, time } = message;
  if (type === "TurnBegin") {
    endTurn(state, state.last, emit);
    if (!state.subagent) state.turn++;
    state.turnStart = time;
  }
  if (state.subagent) return;
  const key = fingerprint([type, time, JSON.stringify(payload.user_input)?.length]);
  const input_messages = emit.keep(messageOf("user", partsIn(payload.user_input)));
  emit({ ...common(state, message), key, fact: key, operation: "user_message", time, content: { input_messages } });
}

function endTurn(state: State, end: string | undefined, emit: Emit): void {
  const { turnStart: time } = state;
  state.turnStart = undefined;
  if (time !== undefined) tellTurn(state, time, end, emit);
}

function tellTurn(state: State, time: string, end_time: string | undefined, emit: Emit): void {
  const key = fingerprint(["turn", time]);
  const duration_ms = between(time, end_time);
  const of = { ...base(state), agent_name: state.subagent?.name, time, end_time, duration_ms };
  emit({ ...of, key, fact: key, operation: "invoke_agent", kind: "internal" });
}

/** Only an update with tokens is a call. Of its model only what a subagent was given is told. */
function status(state: State, message: Message, emit: Emit): void {
  const { payload, time } = message;
  const usage = usageOf(payload.token_usage);
  if (!usage) return;
  const id = text(payload.message_id);
  const { input_tokens, output_tokens } = usage;
  const key = id === undefined ? fingerprint(["call", time, input_tokens, output_tokens]) : responseFact(id, time);
  const begun = message.subagent ? undefined : state.stepStart;
  emit({
    ...common(state, message),
    key,
    fact: key,
    operation: "chat",
    kind: "client",
    time: begun ?? time,
    end_time: time,
    duration_ms: between(begun, time),
    status: "ok",
    request_model: state.model,
    response_id: id,
    usage,
    content: { output_messages: answer(heard(state, slotOf(message, "")), undefined) },
  });
  forget(state, (said) => said === slotOf(message, ""));
}

/** Ids count from 0 in each conversation: a subagent's inside its parent's log are kept apart. */
function slotOf({ subagent }: Message, id: string): string {
  return subagent ? `${subagent.id ?? ""}\n${id}` : id;
}

function toolCall(state: State, message: Message, emit: Emit): void {
  const { payload, time, at } = message;
  const id = text(payload.id) ?? "";
  const slot = slotOf(message, id);
  const earlier = under(state.tools, slot);
  if (earlier) emit({ ...common(state, message), ...toolDraft(id, earlier, state.session, undefined) });
  const { turn } = common(state, message);
  const { name, arguments: given } = object(payload.function) ?? {};
  state.tools[slot] = { name: text(name), start: time, turn, at, args: emit.keep(structured(given)) };
  hear(state, slotOf(message, ""), [toolCallPart(id, name, given)], emit);
}

function toolResult(state: State, message: Message, emit: Emit): void {
  const { payload, time, at } = message;
  const id = text(payload.tool_call_id) ?? "";
  const slot = slotOf(message, id);
  const call = under(state.tools, slot) ?? { at };
  delete state.tools[slot];
  const given = object(payload.return_value) ?? {};
  const result = emit.keep(resultOf(given.output) || text(given.message));
  const end = { time, failed: given.is_error === true, result };
  emit({ ...common(state, message), ...toolDraft(id, call, state.session, end) });
}

function retry(state: State, message: Message, emit: Emit): void {
  forget(state, (said) => said === slotOf(message, ""));
  const { payload, time } = message;
  const key = fingerprint(["retry", time, number(payload.next_attempt)]);
  const attributes = allowAttributes({ status_code: payload.status_code });
  const error_type = text(payload.error_type) ?? "error";
  const what = { ...common(state, message), key, fact: key, time, status: "error" as const, error_type, attributes };
  emit({ ...what, operation: "error", kind: "client" });
}

function compaction(state: State, end_time: string | undefined, emit: Emit): void {
  const time = state.compacting ?? end_time;
  state.compacting = undefined;
  const key = fingerprint(["compaction", time]);
  const times = { time, end_time, duration_ms: between(time, end_time) };
  emit({ ...base(state), ...times, key, fact: key, operation: "compaction", kind: "internal" });
}

function hook(state: State, payload: JsonObject, end_time: string | undefined, emit: Emit): void {
  const { event, action, duration_ms } = payload;
  const key = fingerprint(["hook", end_time, text(event), text(payload.target)]);
  emit({
    ...base(state),
    key,
    fact: key,
    operation: "execute_hook",
    kind: "internal",
    name: text(event),
    end_time,
    time: end_time,
    duration_ms: number(duration_ms),
    status: "ok",
    attributes: allowAttributes({ hookEvent: event, action }),
    content: { tool_result: emit.keep(text(payload.reason)) },
  });
}

export function open(state: State, emit: Emit): void {
  for (const [slot, call] of Object.entries(state.tools))
    emit({ ...base(state), ...toolDraft(slot.replace(/^.*\n/, ""), call, state.session, undefined) });
  if (state.turnStart !== undefined) tellTurn(state, state.turnStart, state.last, emit);
}
