/** The calls of Kimi Code's wire log: what its requests, usage records and ends of steps tell together of one answer. */
import type { Draft, Emit } from "../../read/types.ts";
import { allowAttributes, GEN_AI } from "../../record/attributes.ts";
import { fingerprint, responseFact } from "../../record/identity.ts";
import { type JsonObject, number, text } from "../../record/json.ts";
import { answer } from "../../record/messages.ts";
import { providerName } from "../../record/provider.ts";
import type { Usage } from "../../record/schema.ts";
import { between, fromMillis } from "../../record/time.ts";
import { base, type Entry, forget, heard, type Log, usageOf } from "./log.ts";
import { SHOWN } from "./reads.ts";

/** A log, as far as its calls go. */
export interface Calls extends Log {
  /** The model that is set, by the name that it has in the settings. */
  alias?: string;
  /** The latest step. */
  step?: Step;
  /** Requests whose answers may not all be there. */
  calls: Call[];
  /** Tokens of steps that ended before a record told them: their records, if they come, say nothing new. */
  ended: string[];
}

interface Step {
  id?: string;
  name?: string;
  start?: string;
  hasEnded?: boolean;
}

/** A request, and as much of its answer as is known. */
interface Call {
  key: string;
  step?: string;
  isCompaction?: boolean;
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

/** An answer is complete only after its tools have run; more than these are not on their way at once. */
const OPEN_CALLS = 8;

/** A name for what has none of its own: agents of one session may do the same in the same moment. */
export function named(state: Log, what: string, time: string | undefined): string {
  return state.subagent ? `${what}@${time}/${state.subagent.id}` : `${what}@${time}`;
}

/** A step as requests name it, where it has a number. */
function stepName(e: JsonObject): string | undefined {
  const [turn, step] = [text(e.turnId) ?? number(e.turnId), number(e.step)];
  return turn === undefined || step === undefined ? undefined : `${turn}.${step}`;
}

/** Of steps that never ended, only what belongs to a call is still to be told. */
export function stepBegin(state: Calls, { time }: Entry, e: JsonObject): void {
  forget(state, (said) => !state.calls.some(({ key }) => key === said));
  state.step = { id: text(e.uuid), name: stepName(e), start: time };
}

/** A request again in the same step takes the place of one that was not answered. */
export function request(state: Calls, { o, time, at }: Entry, emit: Emit): void {
  const kind = text(o.kind);
  const isCompaction = kind === "compaction";
  const step = isCompaction ? undefined : text(o.turnStep);
  const own = (step !== undefined && state.step?.name === step && state.step.id) || undefined;
  const hasAnswer = state.calls.some(({ key, usage }) => key === own && usage !== undefined);
  const key = own !== undefined && !hasAnswer ? own : named(state, `${kind ?? "request"} ${step ?? ""}`, time);
  state.calls = state.calls.filter((call) => call.key !== key);
  const [model, modelAlias] = [text(o.model), text(o.modelAlias)];
  const attributes = allowAttributes({
    modelAlias,
    thinkingEffort: o.thinkingEffort,
    [GEN_AI.requestMaxTokens]: o.maxTokens,
    [GEN_AI.requestTemperature]: o.temperature,
    [GEN_AI.requestTopP]: o.topP,
  });
  const turn = base(state).turn;
  state.calls.push({ key, step, isCompaction, start: time, turn, provider: text(o.provider), model, attributes, at });
  if (state.calls.length > OPEN_CALLS) tellCall(state, state.calls.shift(), {}, emit);
}

/**
 * The tokens of the latest request without any: outside of a step (`session`) of a compaction, else of one that is of no
 * step. Versions that tell no requests tell the model by its alias only.
 */
export function usageRecord(state: Calls, { o, time, at }: Entry, emit: Emit): void {
  const isStep = o.usageScope !== "session";
  const usage = usageOf(o.usage);
  const ended = isStep ? state.ended.indexOf(JSON.stringify(usage)) : -1;
  if (ended >= 0) {
    state.ended.splice(ended, 1);
    return;
  }
  const latest = (isOne: (call: Call) => boolean | undefined): Call | undefined =>
    state.calls.findLast((call) => call.usage === undefined && isOne(call));
  let call = isStep
    ? latest(({ isCompaction }) => !isCompaction)
    : (latest(({ isCompaction }) => isCompaction) ?? latest(({ step }) => step === undefined));
  if (!call) {
    const { id, name, start, hasEnded } = (isStep && state.step) || {};
    const isNew = id !== undefined && !hasEnded && !state.calls.some(({ key }) => key === id);
    const of = isNew ? { key: id, step: name, start } : { key: named(state, "usage", time) };
    call = { ...of, requested: text(o.model), turn: base(state).turn, at };
    state.calls.push(call);
  }
  call.usage = usage;
  call.end = time;
  if (isStep) return;
  state.calls.splice(state.calls.indexOf(call), 1);
  tellCall(state, call, {}, emit);
}

/** The end of a step tells its tokens again, and what else is known of its answer. */
export function stepEnd(state: Calls, { time, at }: Entry, e: JsonObject, emit: Emit): void {
  const id = text(e.uuid);
  const step = stepName(e);
  const begun = id !== undefined && state.step?.id === id ? state.step.start : undefined;
  state.step = { ...state.step, hasEnded: true };
  const told = usageOf(e.usage);
  const isOf = ({ usage, step }: Call): boolean =>
    usage ? JSON.stringify(usage) === JSON.stringify(told) : step === undefined;
  const exact = state.calls.findLastIndex((c) => c.key === id || (c.step !== undefined && c.step === step));
  // Not all versions say of a request, or of a step's end, which step it is of: then its tokens do.
  const index = exact >= 0 || !told ? exact : state.calls.findLastIndex((c) => !c.isCompaction && isOf(c));
  const call = index < 0 ? undefined : state.calls.splice(index, 1)[0];
  if (told && !call?.usage) state.ended = [...state.ended, JSON.stringify(told)].slice(-OPEN_CALLS);
  const key = call?.key ?? id ?? named(state, "step", time);
  const usage = call?.usage ?? told;
  const start = call?.start ?? begun;
  const whole = { ...(call ?? { turn: base(state).turn, at }), key, start, usage };
  if (usage) tellCall(state, whole, { ...e, time }, emit);
  else if (e.finishReason === "error") tellError(state, key, time, {}, emit);
  forget(state, (said) => said === id);
}

/** An answer whose end is not told yet is open. */
function tellCall(state: Calls, call: Call | undefined, end: JsonObject, emit: Emit, open?: true): void {
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
    open,
    operation: "chat",
    kind: "client",
    agent_name: state.subagent?.name,
    time: call.start ?? end_time,
    end_time,
    duration_ms: between(call.start, end_time),
    turn: call.turn,
    status: "ok",
    provider: providerName(call.provider),
    request_model: call.model ?? call.requested ?? state.alias,
    model: call.model,
    response_id: id,
    finish_reasons: reason === undefined ? undefined : [reason],
    usage: call.usage,
    ttft_ms: ttft,
    attributes: call.attributes,
    content: { output_messages: answer(heard(state, text(end.uuid) ?? call.key), reason) },
    at: { offset: call.at },
  });
}

/** A step that failed is told by its end, which does not say why, and better by what is said of it then. */
export function failedStep(state: Calls, { o, time }: Entry, emit: Emit): void {
  if (o.type === "turn.step.interrupted" && o.reason !== "error") return;
  const key = text(o.stepId) ?? state.step?.id ?? named(state, "step", time);
  const error = text(o.errorName) ?? /^\[([\w.]+)\]/.exec(text(o.message)?.slice(0, SHOWN) ?? "")?.[1];
  const said = emit.keep(text(o.errorMessage) ?? text(o.message));
  tellError(state, key, time, { error, status: o.statusCode, said }, emit);
}

function tellError(
  state: Calls,
  key: string,
  time: string | undefined,
  what: { error?: string; status?: unknown; said?: string },
  emit: Emit,
): void {
  const attributes = allowAttributes({ status_code: what.status });
  const common = { ...base(state), key, fact: key, time, status: "error" as const, error_type: what.error, attributes };
  emit({ ...common, operation: "error", kind: "client", content: { error_message: what.said } });
}

/** Tells again the calls that may still be told more of. */
export function openCalls(state: Calls, emit: Emit): void {
  for (const call of state.calls) tellCall(state, call, {}, emit, true);
}
