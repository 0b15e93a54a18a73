/** The wire log of Kimi Code: flat records of what one agent did. Knows nothing of the Kimi CLI's. */
import type { Cut, Draft, Emit, Line, SourceInfo } from "../../read/types.ts";
import { allowAttributes, GEN_AI } from "../../record/attributes.ts";
import { fingerprint, responseFact } from "../../record/identity.ts";
import { type JsonObject, number, object, text } from "../../record/json.ts";
import { providerName } from "../../record/provider.ts";
import type { Usage } from "../../record/schema.ts";
import { between, fromMillis } from "../../record/time.ts";
import { toolDraft } from "../../record/tool.ts";
import { base, type Log, sessionOf, usageOf } from "./log.ts";

export interface State extends Log {
  /** The step that runs now. */
  step?: { id?: string; name?: string };
  compacting?: { start?: string; trigger?: string };
  /** Requests whose answers may not all be there. */
  calls: Call[];
  /** Tokens of steps that ended before a record told them: their records, if they come, say nothing new. */
  ended: string[];
  /** Subagents that this agent spawned and that have not ended. */
  runs: Record<string, Run>;
}

/** A request, and as much of its answer as is known. */
interface Call {
  key: string;
  step?: string;
  kind?: string;
  start?: string;
  end?: string;
  turn?: number;
  provider?: string;
  model?: string;
  requested?: string;
  attributes?: Draft["attributes"];
  usage?: Usage;
  at: number;
}

interface Run {
  name?: string;
  call?: string;
  model?: string;
  start?: string;
  at: number;
}

/** One line's record, and when it was written. */
interface Entry {
  readonly o: JsonObject;
  readonly time?: string;
  readonly at: number;
}

/** An answer is complete only after its tools have run; more than these are not on their way at once. */
const OPEN_CALLS = 8;
const FAST = 1024;

const TOOL_CALL: readonly Cut[] = [{ from: '"args":', to: ['},"time":'] }];
const TOOL_RESULT: readonly Cut[] = [{ from: '"result":{"output":', to: [',"isError":', ',"durationMs":'] }];

/** Records that say nothing weir keeps, or say again what another one tells. */
const SILENT =
  /^(?:(?:agent|cron|file_history|goal|interaction|interruptionReminder|mcp|permission|plan|plan_mode|plugin|prompt|runtime|staleGuard|swarm_mode|task|token_counting|tools|tower_mode)\.[\w.]+|config\.update|context\.(?:append_message|clear|undo)|forked|full_compaction\.(?:cancel|complete)|llm\.tools_snapshot|subagent\.started|turn\.cancel)$/;
/** An event's copy of a message has its type behind it. */
const MESSAGE_COPY = /"type":"agent\.message\.appended","time":\d+,"kind":"event"\}$/;

export function start({ path, stem }: SourceInfo): State {
  const agent = /agents\/([^/]+)\/[^/]+$/.exec(path)?.[1];
  const subagent = agent === undefined || agent === "main" ? undefined : { id: agent };
  return { session: sessionOf(path) ?? stem, subagent, turn: -1, calls: [], ended: [], tools: {}, runs: {} };
}

export function step(state: State, line: Line, emit: Emit): void {
  const { head } = line;
  const type = /^\{"type":"([\w.]+)"/.exec(head)?.[1];
  if (state.told && type !== undefined && SILENT.test(type)) return;
  if (state.told && head.includes('"event":{"type":"content.part"')) return;
  if (line.length > FAST && head.startsWith('{"message":') && MESSAGE_COPY.test(line.latin1(line.length - 96))) return;
  const o = (line.length > FAST ? fastRead(line) : undefined) ?? line.json();
  tell(state, { o, time: fromMillis(o.time), at: line.offset }, emit);
}

/** A tool's call or result without its payload, when it is laid out as Kimi Code writes it. */
function fastRead(line: Line): JsonObject | undefined {
  if (line.head.includes('"event":{"type":"tool.call"')) {
    const o = line.envelope(TOOL_CALL);
    return text(object(o?.event)?.name) === undefined || number(o?.time) === undefined ? undefined : o;
  }
  if (!line.head.includes('"event":{"type":"tool.result"')) return undefined;
  const o = line.envelope(TOOL_RESULT);
  const result = object(object(o?.event)?.result);
  const isWhole = number(result?.durationMs) !== undefined || (result !== undefined && !line.has('"durationMs":'));
  return isWhole && number(o?.time) !== undefined ? o : undefined;
}

function tell(state: State, entry: Entry, emit: Emit): void {
  const { o, time } = entry;
  const type = text(o.type) ?? "";
  const began = fromMillis(o.created_at) ?? time;
  if (!state.told && began !== undefined) tellSession(state, began, emit);
  if (type === "context.append_loop_event") loopEvent(state, entry, object(o.event) ?? {}, emit);
  else if (type === "llm.request") request(state, entry, emit);
  else if (type === "usage.record") usageRecord(state, entry, emit);
  else if (type === "turn.prompt" || type === "turn.steer") prompt(state, entry, emit);
  else if (type === "turn.ended") turnEnded(state, o, time, emit);
  else if (type === "turn.step.retrying" || type === "turn.step.interrupted") failedStep(state, o, time, emit);
  else if (type === "full_compaction.begin") state.compacting = { start: time, trigger: text(o.source) };
  else if (type === "context.apply_compaction") compaction(state, o, time, emit);
  else if (/^subagent\.(?:spawned|completed|failed)$/.test(type)) run(state, type, entry, emit);
  else if (type === "profile.bind") {
    if (state.subagent) state.subagent.name ??= text(o.profileName);
    state.cwd ??= text(object(o.environmentDisclosure)?.cwd);
  } else if (type !== "metadata" && !SILENT.test(type)) emit.unknown(`type ${type}`);
}

/** The session begins with the log of its own agent. */
function tellSession(state: State, time: string, emit: Emit): void {
  state.told = true;
  if (state.subagent) return;
  emit({ ...base(state), key: "session", fact: state.session, operation: "session", time, at: { offset: 0 } });
}

/** Only what a person typed: subagents' tasks, injections and triggers are prompts too. */
function prompt(state: State, { o, time }: Entry, emit: Emit): void {
  if (state.subagent || (object(o.origin)?.kind ?? "user") !== "user") return;
  if (o.type === "turn.prompt") state.turn++;
  const key = text(o.promptId) ?? fingerprint([time, text(o.type), JSON.stringify(o.input)?.length]);
  emit({ ...base(state), key, fact: key, operation: "user_message", time });
}

/** A request again in the same step takes the place of one that was not answered. */
function request(state: State, { o, time, at }: Entry, emit: Emit): void {
  const kind = text(o.kind);
  const step = kind === "compaction" ? undefined : text(o.turnStep);
  const id = step !== undefined && state.step?.name === step ? state.step.id : undefined;
  const key = id ?? `${kind ?? "request"} ${step ?? ""}@${time}`;
  state.calls = state.calls.filter((call) => call.usage !== undefined || call.key !== key);
  const [model, modelAlias] = [text(o.model), text(o.modelAlias)];
  const attributes = allowAttributes({
    modelAlias,
    thinkingEffort: o.thinkingEffort,
    [GEN_AI.requestMaxTokens]: o.maxTokens,
    [GEN_AI.requestTemperature]: o.temperature,
    [GEN_AI.requestTopP]: o.topP,
  });
  const turn = base(state).turn;
  state.calls.push({ key, step, kind, start: time, turn, provider: text(o.provider), model, attributes, at });
  if (state.calls.length > OPEN_CALLS) tellCall(state, state.calls.shift(), {}, emit);
}

/** The tokens of the latest request without any. Versions that tell no requests tell the model by its alias only. */
function usageRecord(state: State, { o, time, at }: Entry, emit: Emit): void {
  const isStep = o.usageScope !== "session";
  const usage = usageOf(o.usage);
  const ended = isStep ? state.ended.indexOf(JSON.stringify(usage)) : -1;
  if (ended >= 0) {
    state.ended.splice(ended, 1);
    return;
  }
  let call = state.calls.findLast((c) => c.usage === undefined && (c.kind !== "compaction") === isStep);
  if (!call) {
    const { id, name } = (isStep && state.step) || {};
    const isNew = id !== undefined && !state.calls.some((c) => c.key === id);
    const key = isNew ? id : `usage@${time}`;
    call = { key, step: isNew ? name : undefined, requested: text(o.model), turn: base(state).turn, at };
    state.calls.push(call);
  }
  call.usage = usage;
  call.end = time;
  if (isStep) return;
  state.calls.splice(state.calls.indexOf(call), 1);
  tellCall(state, call, {}, emit);
}

/** A step as requests name it, where it has a number. */
function stepName(e: JsonObject): string | undefined {
  return number(e.step) === undefined ? undefined : `${text(e.turnId) ?? ""}.${number(e.step)}`;
}

function loopEvent(state: State, entry: Entry, e: JsonObject, emit: Emit): void {
  const { time, at } = entry;
  if (e.type === "step.begin") state.step = { id: text(e.uuid), name: stepName(e) };
  else if (e.type === "step.end") stepEnd(state, entry, e, emit);
  else if (e.type === "tool.call") {
    const id = text(e.toolCallId) ?? text(e.uuid) ?? "";
    const earlier = state.tools[id];
    if (earlier) emit({ ...base(state), ...toolDraft(id, earlier, state.session, undefined) });
    state.tools[id] = { name: text(e.name), start: time, turn: base(state).turn, at };
  } else if (e.type === "tool.result") {
    const id = text(e.toolCallId) ?? text(e.parentUuid) ?? "";
    const call = state.tools[id] ?? { at };
    delete state.tools[id];
    const result = object(e.result);
    const draft = toolDraft(id, call, state.session, { time, failed: result?.isError === true });
    emit({ ...base(state), ...draft, duration_ms: number(result?.durationMs) ?? draft.duration_ms });
  } else if (e.type !== "content.part") emit.unknown(`loop event ${text(e.type) ?? ""}`);
}

/** The end of a step tells its tokens again, and what else is known of its answer. */
function stepEnd(state: State, { time, at }: Entry, e: JsonObject, emit: Emit): void {
  const id = text(e.uuid);
  const step = stepName(e);
  const told = usageOf(e.usage);
  const isSame = (a: Usage | undefined): boolean => a === undefined || JSON.stringify(a) === JSON.stringify(told);
  const exact = state.calls.findIndex((c) => c.key === id || (c.step !== undefined && c.step === step));
  // Older versions do not say of a request which step it is of.
  const index =
    exact >= 0 || !told
      ? exact
      : state.calls.findLastIndex((c) => c.step === undefined && c.kind !== "compaction" && isSame(c.usage));
  const call = index < 0 ? undefined : state.calls.splice(index, 1)[0];
  if (told && !call?.usage) state.ended = [...state.ended, JSON.stringify(told)].slice(-OPEN_CALLS);
  const key = id ?? call?.key ?? `step@${time}`;
  const usage = call?.usage ?? told;
  if (usage) tellCall(state, { turn: base(state).turn, at, step, ...call, key, usage }, { ...e, time }, emit);
  else if (e.finishReason === "error") tellError(state, key, time, {}, emit);
}

function tellCall(state: State, call: Call | undefined, end: JsonObject, emit: Emit): void {
  if (!call?.usage) return;
  const [ttft, stream] = [number(end.llmFirstTokenLatencyMs), number(end.llmStreamDurationMs)];
  const id = text(end.messageId);
  const reason = text(end.rawFinishReason) ?? text(end.providerFinishReason) ?? text(end.finishReason);
  const last = call.start && ttft !== undefined ? fromMillis(Date.parse(call.start) + ttft + (stream ?? 0)) : undefined;
  const end_time = call.end ?? last ?? text(end.time);
  const { input_tokens, output_tokens } = call.usage;
  const known = fingerprint([call.key, input_tokens, output_tokens]);
  emit({
    ...base(state),
    key: call.key,
    fact: id === undefined ? known : responseFact(id, end_time),
    open: reason === undefined && call.kind !== "compaction" ? true : undefined,
    operation: "chat",
    kind: "client",
    agent_name: state.subagent?.name,
    time: call.start ?? end_time,
    end_time,
    duration_ms: between(call.start, end_time),
    turn: call.turn,
    status: "ok",
    provider: providerName(call.provider),
    request_model: call.model ?? call.requested,
    model: call.model,
    response_id: id,
    finish_reasons: reason === undefined ? undefined : [reason],
    usage: call.usage,
    ttft_ms: ttft,
    attributes: call.attributes,
    at: { offset: call.at },
  });
}

/** A step that failed is told by its end, which does not say why, and better by what is said of it then. */
function failedStep(state: State, o: JsonObject, time: string | undefined, emit: Emit): void {
  if (o.type === "turn.step.interrupted" && o.reason !== "error") return;
  const key = text(o.stepId) ?? state.step?.id ?? `step@${time}`;
  const error = text(o.errorName) ?? /^\[([\w.]+)\]/.exec(text(o.message) ?? "")?.[1];
  tellError(state, key, time, { error, status: o.statusCode }, emit);
}

function tellError(
  state: State,
  key: string,
  time: string | undefined,
  what: { error?: string; status?: unknown },
  emit: Emit,
): void {
  const attributes = allowAttributes({ status_code: what.status });
  const common = { ...base(state), key, fact: key, time, status: "error" as const, error_type: what.error, attributes };
  emit({ ...common, operation: "error", kind: "client" });
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
  });
}

function compaction(state: State, o: JsonObject, time: string | undefined, emit: Emit): void {
  const { start: begun, trigger } = state.compacting ?? {};
  state.compacting = undefined;
  const key = fingerprint(["compaction", time]);
  const attributes = allowAttributes({ trigger, tokensBefore: o.tokensBefore, tokensAfter: o.tokensAfter });
  const times = { time: begun ?? time, end_time: time, duration_ms: between(begun, time) };
  emit({ ...base(state), ...times, key, fact: key, operation: "compaction", kind: "internal", attributes });
}

/** A subagent's run, whose tokens its own log tells. */
function run(state: State, type: string, { o, time, at }: Entry, emit: Emit): void {
  const id = text(o.subagentId) ?? "";
  if (type === "subagent.spawned") {
    const [name, call, model] = [text(o.subagentName), text(o.parentToolCallId), text(o.model)];
    state.runs[id] = { name, call, model, start: time, at };
    return;
  }
  const begun = state.runs[id] ?? { at };
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
  for (const call of state.calls) tellCall(state, call, {}, emit);
  for (const [id, call] of Object.entries(state.tools))
    emit({ ...base(state), ...toolDraft(id, call, state.session, undefined) });
  for (const [id, begun] of Object.entries(state.runs)) tellRun(state, id, begun, undefined, emit);
}
