/** The wire log of Kimi Code: flat records of what one agent did. Knows nothing of the Kimi CLI's. */
import type { Emit, Line, SourceInfo } from "../../read/types.ts";
import { allowAttributes } from "../../record/attributes.ts";
import { fingerprint } from "../../record/identity.ts";
import { type JsonObject, number, object, text, under } from "../../record/json.ts";
import {
  answer,
  instructions,
  message,
  resultOf,
  structured,
  toolCallPart,
  toolDefinitions,
} from "../../record/messages.ts";
import type { Content } from "../../record/schema.ts";
import { between, fromMillis } from "../../record/time.ts";
import { toolDraft } from "../../record/tool.ts";
import { type Calls, failedStep, openCalls, request, stepBegin, stepEnd, usageRecord } from "./calls.ts";
import { base, type Entry, hear, partsIn, sessionOf } from "./log.ts";

export interface State extends Calls {
  compacting?: { start?: string; trigger?: string };
  /** Subagents that this agent spawned and that have not ended. */
  runs: Record<string, Run>;
  /** What the model was told before all else, kept as far as it is read; nothing more is to come when both are. */
  intro?: Intro | "told";
}

type Intro = Pick<Content, "system_instructions" | "tool_definitions">;

interface Run {
  name?: string;
  call?: string;
  model?: string;
  start?: string;
  at: number;
}

/** Records that say nothing weir keeps, or say again what another one tells. */
const SILENT =
  /^(?:(?:agent|background|cron|file_history|goal|interaction|interruptionReminder|mcp|micro_compaction|permission|plan|plan_mode|plugin|prompt|runtime|staleGuard|swarm_mode|task|token_counting|tools|tower_mode)\.[\w.]+|context\.(?:append_message|clear|mark_last_user_prompt_blocked|undo|update_token_count)|forked|full_compaction\.(?:cancel|complete)|llm\.tools_snapshot|subagent\.started|turn\.cancel)$/;
/** Records of which only the texts are kept: what the model was told before all else. */
const TOLD_TO_MODEL = /^llm\.tools_snapshot$/;

export function start({ path, stem }: SourceInfo): State {
  const agent = /agents\/([^/]+)\/[^/]+$/.exec(path)?.[1];
  const subagent = agent === undefined || agent === "main" ? undefined : { id: agent };
  return { session: sessionOf(path) ?? stem, subagent, turn: -1, calls: [], ended: [], tools: {}, runs: {} };
}

export function step(state: State, line: Line, emit: Emit): void {
  const o = line.json();
  tell(state, { o, time: fromMillis(o.time), at: line.offset }, emit);
}

function tell(state: State, entry: Entry, emit: Emit): void {
  const { o, time } = entry;
  const type = text(o.type) ?? "";
  if (type === "metadata") state.version = text(o.app_version) ?? state.version;
  if (!state.told) tellSession(state, emit);
  if (type === "context.append_loop_event") loopEvent(state, entry, object(o.event) ?? {}, emit);
  else if (type === "llm.request") request(state, entry, emit);
  else if (type === "usage.record") usageRecord(state, entry, emit);
  else if (type === "turn.prompt" || type === "turn.steer") prompt(state, entry, emit);
  else if (type === "turn.ended") turnEnded(state, o, time, emit);
  else if (type === "turn.step.retrying" || type === "turn.step.interrupted") failedStep(state, entry, emit);
  else if (type === "full_compaction.begin") state.compacting = { start: time, trigger: text(o.source) };
  else if (type === "context.apply_compaction") compaction(state, o, time, emit);
  else if (/^subagent\.(?:spawned|completed|failed)$/.test(type)) run(state, type, entry, emit);
  else if (type === "profile.bind" || type === "config.update") settings(state, o, emit);
  else if (TOLD_TO_MODEL.test(type)) introduce(state, { tool_definitions: toolDefinitions(o.tools) }, emit);
  else if (type !== "metadata" && !SILENT.test(type)) emit.unknown(`type ${type}`);
}

/** When it began is told by its state: a fork's log begins as its parent's does. */
function tellSession(state: State, emit: Emit, content?: Intro): void {
  state.told = true;
  if (state.subagent) return;
  const { session } = state;
  const told = { key: "session", fact: session, session_id: session, operation: "session" } as const;
  emit({ ...told, content, at: { offset: 0 } });
}

/** Tells the session again with the first instructions and tools, which come in lines of their own. */
function introduce(state: State, part: Intro, emit: Emit): void {
  if (!emit.captures || state.intro === "told") return;
  const intro = { ...emit.keep(part), ...state.intro };
  state.intro = intro.system_instructions && intro.tool_definitions ? "told" : intro;
  tellSession(state, emit, intro);
}

function settings(state: State, o: JsonObject, emit: Emit): void {
  if (state.subagent) state.subagent.name ??= text(o.profileName);
  state.cwd ??= text(o.cwd) ?? text(object(o.environmentDisclosure)?.cwd);
  state.alias = text(o.modelAlias) ?? state.alias;
  const system_instructions = instructions(o.systemPrompt);
  if (system_instructions) introduce(state, { system_instructions }, emit);
}

/** Only what a person typed, a command too: subagents' tasks, injections and triggers are prompts as well. */
function prompt(state: State, { o, time }: Entry, emit: Emit): void {
  const { kind = "user", trigger } = object(o.origin) ?? {};
  if (state.subagent || (kind !== "user" && trigger !== "user-slash")) return;
  if (o.type === "turn.prompt") state.turn++;
  const key = text(o.promptId) ?? fingerprint([time, text(o.type), JSON.stringify(o.input)?.length]);
  const input_messages = emit.keep(message("user", partsIn(o.input)));
  emit({ ...base(state), key, fact: key, operation: "user_message", time, content: { input_messages } });
}

function loopEvent(state: State, entry: Entry, e: JsonObject, emit: Emit): void {
  const answered = text(e.stepUuid) ?? state.step?.id;
  if (e.type === "step.begin") stepBegin(state, entry, e);
  else if (e.type === "step.end") stepEnd(state, entry, e, emit);
  else if (e.type === "tool.call") toolCall(state, entry, e, answered, emit);
  else if (e.type === "tool.result") toolResult(state, entry, e, emit);
  else if (e.type === "content.part") hear(state, answered, partsIn(e.part), emit);
  else emit.unknown(`loop event ${text(e.type) ?? ""}`);
}

function toolCall(state: State, { time, at }: Entry, e: JsonObject, answered: string | undefined, emit: Emit): void {
  const id = text(e.toolCallId) ?? text(e.uuid) ?? "";
  const earlier = under(state.tools, id);
  if (earlier) emit({ ...base(state), ...toolDraft(id, earlier, state.session, undefined) });
  const args = emit.keep(structured(e.args));
  state.tools[id] = { name: text(e.name), start: time, turn: base(state).turn, at, args };
  hear(state, answered, [toolCallPart(id, e.name, e.args)], emit);
}

function toolResult(state: State, { time, at }: Entry, e: JsonObject, emit: Emit): void {
  const id = text(e.toolCallId) ?? text(e.parentUuid) ?? "";
  const call = under(state.tools, id) ?? { at };
  delete state.tools[id];
  const result = object(e.result);
  const end = { time, failed: result?.isError === true, result: emit.keep(resultOf(result?.output)) };
  const draft = toolDraft(id, call, state.session, end);
  emit({ ...base(state), ...draft, duration_ms: number(result?.durationMs) ?? draft.duration_ms });
}

/** A turn of the session's own agent; a subagent's is told by its spawner. */
function turnEnded(state: State, o: JsonObject, time: string | undefined, emit: Emit): void {
  const duration_ms = number(o.durationMs);
  if (state.subagent || time === undefined) return;
  const key = fingerprint(["turn", time, number(o.turnId)]);
  const failed = o.reason === "failed" || o.reason === "blocked";
  emit({
    ...base(state),
    key,
    fact: key,
    operation: "invoke_agent",
    kind: "internal",
    time: duration_ms === undefined ? undefined : fromMillis(Date.parse(time) - duration_ms),
    end_time: time,
    duration_ms,
    status: failed ? "error" : "ok",
    error_type: failed ? (text(object(o.error)?.code) ?? text(o.reason)) : undefined,
    attributes: allowAttributes({ reason: o.reason }),
    content: { error_message: emit.keep(text(object(o.error)?.message)) },
  });
}

function compaction(state: State, o: JsonObject, time: string | undefined, emit: Emit): void {
  const { start: begun, trigger } = state.compacting ?? {};
  state.compacting = undefined;
  const key = fingerprint(["compaction", time, ...(state.subagent ? [state.subagent.id] : [])]);
  const attributes = allowAttributes({ trigger, tokensBefore: o.tokensBefore, tokensAfter: o.tokensAfter });
  const times = { time: begun ?? time, end_time: time, duration_ms: between(begun, time) };
  const said = partsIn(object(o.summary)?.content ?? o.summary ?? o.contextSummary);
  const content = { output_messages: emit.keep(answer(said, undefined)) };
  emit({ ...base(state), ...times, key, fact: key, operation: "compaction", kind: "internal", attributes, content });
}

/** A subagent's run, whose tokens its own log tells. */
function run(state: State, type: string, { o, time, at }: Entry, emit: Emit): void {
  const id = text(o.subagentId) ?? "";
  if (type === "subagent.spawned") {
    const [name, call, model] = [text(o.subagentName), text(o.parentToolCallId), text(o.model)];
    state.runs[id] = { name, call, model, start: time, at };
    return;
  }
  const begun = under(state.runs, id) ?? { at };
  delete state.runs[id];
  tellRun(state, id, begun, { time, failed: type === "subagent.failed" }, emit);
}

function tellRun(
  state: State,
  id: string,
  { name, call, model, start: time, at }: Run,
  end: { time?: string; failed: boolean } | undefined,
  emit: Emit,
): void {
  const key = `${id}@${time ?? end?.time}`;
  emit({
    ...base(state),
    key,
    fact: fingerprint(["run", id, time ?? end?.time]),
    open: end ? undefined : true,
    operation: "invoke_agent",
    kind: "internal",
    subagent: { id, ...(name && { name }) },
    agent_name: name,
    request_model: model,
    tool: call ? { call_id: call } : undefined,
    time,
    end_time: end?.time,
    duration_ms: between(time, end?.time),
    status: end && (end.failed ? "error" : "ok"),
    error_type: end?.failed ? "subagent_failed" : undefined,
    at: { offset: at },
  });
}

export function open(state: State, emit: Emit): void {
  openCalls(state, emit);
  for (const [id, call] of Object.entries(state.tools))
    emit({ ...base(state), ...toolDraft(id, call, state.session, undefined) });
  for (const [id, begun] of Object.entries(state.runs)) tellRun(state, id, begun, undefined, emit);
}
