/** The log of a session, or of one of its subagents, of Qwen Code. */
import type { Draft, Emit, Line, SourceInfo } from "../../read/types.ts";
import { allowAttributes } from "../../record/attributes.ts";
import { gluedObjects, type JsonObject, list, object, text, under } from "../../record/json.ts";
import { answer, message, partsOf, structured, textPart } from "../../record/messages.ts";
import { between, utc } from "../../record/time.ts";
import { toolDraft } from "../../record/tool.ts";
import { event } from "./events.ts";
import { base, type Entry, held, isResult, note, type State, taken } from "./state.ts";
import { IN_LINE, tokensText, usageOf } from "./tokens.ts";

/** System records that say nothing weir keeps; titles and the like are written again and again. */
const SILENT =
  /^(?:agent_(?:bootstrap|launch_prompt|retry|session_ready)|at_command|attribution_snapshot|background_task_completed|branch_checkpoint|cron|custom_title|file_history_snapshot|goal_\w+|managed_session_\w+|notification|omni_recall|realtime_message|rewind|session_(?:approval_mode|artifact_\w+|model|notes|sources?|sources_snapshot)|slash_command|user_text_elements)$/;

const KNOWN: ReadonlySet<string> = new Set(["assistant", "tool_result", "user", "system"]);
const MID_TURN = "mid_turn_user_message";
/** The kinds of a person's messages that have a name: what came while the agent worked, what was spoken. */
const SAID: ReadonlySet<string> = new Set([MID_TURN, "realtime_message"]);

/** The session whose subagent a file is of. */
export function parentOf(path: string): string | undefined {
  return /subagents\/([^/]+)\/[^/]+$/.exec(path)?.[1];
}

export function start(source: SourceInfo): State {
  const parent = parentOf(source.path);
  const state: State = { own: parent ?? source.stem, turn: -1, events: [], answers: [], tools: {}, timed: [] };
  if (parent === undefined) return state;
  const meta = object(source.sidecars[".meta.json"]) ?? {};
  const name = text(meta.subagentName) ?? text(meta.agentType);
  state.subagent = { id: text(meta.agentId) ?? source.stem.replace(/^agent-/, ""), ...(name && { name }) };
  const [call, status, model] = [text(meta.toolUseId), text(meta.status), text(meta.model)];
  return { ...state, run: { call, status, model, start: utc(meta.createdAt) } };
}

export function step(state: State, line: Line, emit: Emit): void {
  for (const o of objectsOf(line)) {
    const time = utc(o.timestamp);
    tell(state, { o, key: text(o.uuid) ?? `${text(o.type)}@${time}`, time, at: line.offset }, emit);
  }
}

function objectsOf(line: Line): readonly JsonObject[] {
  try {
    return [line.json()];
  } catch (error) {
    const objects = gluedObjects(line.text());
    if (!objects) throw error;
    return objects;
  }
}

function tell(state: State, entry: Entry, emit: Emit): void {
  const { o, time } = entry;
  if (!KNOWN.has(text(o.type) ?? "")) {
    if (!state.steps) emit.unknown(`type ${text(o.type) ?? ""}`);
    return;
  }
  // A copy that somebody made of the file has another name.
  if (!state.told) state.own = text(o.sessionId) ?? state.own;
  if (state.subagent) {
    state.subagent.name ??= text(o.agentName);
    state.run = { ...state.run, start: state.run?.start ?? time };
  } else tellSession(state, entry, emit);
  state.last = time ?? state.last;
  if (o.type === "assistant") assistant(state, entry, emit);
  else if (o.type === "tool_result") toolResult(state, entry, emit);
  else if (state.steps) return;
  else if (o.type === "user") user(state, entry, emit);
  else system(state, entry, emit);
}

/** The session begins with its first line that is no copy; a line that names the spawner later tells it again. */
function tellSession(state: State, { o, time }: Entry, emit: Emit): void {
  const from = text(object(o.forkedFrom)?.sessionId);
  if (!state.told) state.forked ??= from;
  const parent = o.subtype === "parent_session" ? text(object(o.systemPayload)?.parentSessionId) : undefined;
  if ((state.told && (parent === undefined || parent === state.parent)) || from !== undefined) return;
  state.parent = parent ?? state.parent;
  state.began ??= time;
  state.told = true;
  emit({ ...base(state, o), ...sessionDraft(state), turn: undefined });
}

function sessionDraft({ own, parent, forked, began }: State): Draft {
  const at = { offset: 0 };
  const forked_from = forked === own ? undefined : forked;
  const lineage = { session_id: own, parent_session_id: parent, forked_from };
  return { key: "session", fact: own, operation: "session", ...lineage, time: began, at };
}

function assistant(state: State, entry: Entry, emit: Emit): void {
  if (state.subagent && !state.steps) return;
  const { o, key, time } = entry;
  noteTools(state, entry, emit);
  const usage = usageOf(o.usageMetadata, IN_LINE);
  if (!usage) return;
  const tokens = tokensText(o.usageMetadata, IN_LINE);
  const content = { output_messages: emit.keep(answer(partsOf(object(o.message)?.parts), undefined)) };
  if (!state.steps) {
    if (taken(state.events, tokens)) {
      const told = held(state, tokens);
      if (told) emit({ ...told, content });
      return;
    }
    note(state.answers, tokens);
  }
  const begun = state.asked ?? time;
  const span = { time: begun, end_time: time, duration_ms: between(begun, time) };
  emit({
    ...base(state, o),
    // The parent's events tell the same call by another key: one telling must not begin where the other does by chance.
    ...(state.steps ? { time } : span),
    key,
    fact: key,
    operation: "chat",
    kind: "client",
    agent_name: state.subagent?.name,
    status: "ok",
    model: text(o.model) ?? state.run?.model,
    usage,
    content,
  });
}

function noteTools(state: State, { o, time, at }: Entry, emit: Emit): void {
  const common = base(state, o);
  for (const part of list(object(o.message)?.parts)) {
    const call = object(object(part)?.functionCall);
    const id = text(call?.id);
    if (id === undefined) continue;
    const earlier = under(state.tools, id);
    if (earlier) emit({ ...common, ...toolDraft(id, earlier, state.own, undefined) });
    const args = emit.keep(structured(call?.args));
    state.tools[id] = { name: text(call?.name), start: time, turn: common.turn, at, args };
  }
}

/** A command that ran and ended with another code than 0 is a success here. */
function toolResult(state: State, { o, time, at }: Entry, emit: Emit): void {
  state.asked = time;
  if (state.subagent && !state.steps) return;
  const result = object(o.toolCallResult) ?? {};
  const responses = list(object(o.message)?.parts).map((part) => object(object(part)?.functionResponse));
  const told = responses.find((response) => response !== undefined);
  const id = text(result.callId) ?? text(told?.id);
  if (id === undefined) return;
  const call = under(state.tools, id) ?? { name: text(told?.name), at };
  delete state.tools[id];
  const given = object(told?.response);
  const status = text(result.status) ?? (given?.error === undefined ? "success" : "error");
  const error = text(result.errorType) ?? (status === "error" ? undefined : status);
  const end = { time, failed: status !== "success", error, result: emit.keep(given?.output ?? given?.error ?? given) };
  const draft = toolDraft(id, call, state.own, end);
  const timed = state.timed.findIndex(([name]) => name === call.name);
  const duration = timed < 0 ? undefined : state.timed.splice(timed, 1)[0]?.[1];
  emit({ ...base(state, o), ...draft, duration_ms: duration ?? draft.duration_ms });
}

/** Only what a person said: not a subagent's task, and nothing that the agent put in. */
function user(state: State, entry: Entry, emit: Emit): void {
  const { o, key, time } = entry;
  state.asked = time;
  const subtype = text(o.subtype);
  const isSaid = (o.provenance ?? "real_user") === "real_user" && (subtype === undefined || SAID.has(subtype));
  const parts = object(o.message)?.parts;
  if (!isSaid || isResult(parts) || o.isSidechain === true || state.subagent) return;
  if (subtype !== MID_TURN) state.turn++;
  state.failed = false;
  const input_messages = emit.keep(message("user", partsOf(parts)));
  emit({ ...base(state, o), key, fact: key, operation: "user_message", time, content: { input_messages } });
}

function system(state: State, entry: Entry, emit: Emit): void {
  const { o, key, time } = entry;
  const subtype = text(o.subtype) ?? "";
  const payload = object(o.systemPayload) ?? {};
  const common = { ...base(state, o), key, fact: key, time };
  if (subtype === "ui_telemetry") event(state, entry, object(payload.uiEvent) ?? {}, emit);
  else if (subtype === MID_TURN) {
    const input_messages = emit.keep(message("user", [textPart(payload.displayText)]));
    emit({ ...common, operation: "user_message", content: { input_messages } });
  } else if (subtype === "chat_compression") {
    const { originalTokenCount, newTokenCount, compressionStatus } = object(payload.info) ?? {};
    const attributes = allowAttributes({ originalTokenCount, newTokenCount, compressionStatus });
    const [summary] = list(payload.compressedHistory).map(object);
    const content = { output_messages: emit.keep(answer(partsOf(summary?.parts), undefined)) };
    emit({ ...common, operation: "compaction", kind: "internal", attributes, content });
  } else if (subtype === "turn_result") {
    const error = object(payload.error);
    if (!error || state.failed) return; // the failed request has been told
    const error_type = text(error.type) ?? text(error.code) ?? "turn_error";
    const content = { error_message: emit.keep(text(error.message)) };
    emit({ ...common, operation: "error", kind: "client", status: "error", error_type, content });
  } else if (!SILENT.test(subtype) && subtype !== "parent_session") emit.unknown(`system ${subtype}`);
}

export function open(state: State, emit: Emit): void {
  for (const [id, call] of Object.entries(state.tools))
    emit({ ...base(state, {}), ...toolDraft(id, call, state.own, undefined) });
  if (state.subagent && !state.steps) tellRun(state, state.subagent, emit);
  else if (!state.told && state.last !== undefined && !state.subagent) emit(sessionDraft(state)); // only copies so far
}

function tellRun({ own, run = {}, last }: State, subagent: { id: string; name?: string }, emit: Emit): void {
  const ended = run.status === "running" || run.status === "paused" ? undefined : run.status;
  const isDone = ended === "completed";
  emit({
    key: subagent.id,
    fact: `${own}/${subagent.id}`,
    open: ended === undefined ? true : undefined,
    operation: "invoke_agent",
    kind: "internal",
    session_id: own,
    subagent: { ...subagent },
    agent_name: subagent.name,
    request_model: run.model,
    tool: run.call ? { call_id: run.call } : undefined,
    time: run.start,
    end_time: last,
    duration_ms: between(run.start, last),
    status: ended === undefined ? undefined : isDone ? "ok" : "error",
    error_type: isDone ? undefined : ended,
    at: { offset: 0 },
  });
}
