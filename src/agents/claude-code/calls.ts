/** Owns Claude Code's model calls, tool calls and failed requests. */
import type { Draft, Emit, JsonObject, Line } from "../../read/types.ts";
import { allowAttributes } from "../../record/attributes.ts";
import { isRandomId, responseFact, toolFact } from "../../record/identity.ts";
import { list, number, object, text } from "../../record/json.ts";
import { answer, partsOf, resultOf, structured } from "../../record/messages.ts";
import type { Part, Usage } from "../../record/schema.ts";
import { between } from "../../record/time.ts";
import { type ToolEnd, toolDraft } from "../../record/tool.ts";
import { summedUsage, tokensOf } from "../../record/usage.ts";
import { type Call, type Context, lineFact, type State, startOf, type ToolCall, uuidOf } from "./state.ts";

/** Lines of two calls may be mixed (a tool's result comes before the call's last line); more than this at once are not. */
const OPEN_CALLS = 4;

export function assistant(
  state: State,
  o: JsonObject,
  context: Context,
  time: string | undefined,
  line: Line,
  emit: Emit,
): void {
  const message = object(o.message);
  if (!message) {
    emit.unknown("assistant without a message");
    return;
  }
  if (o.isApiErrorMessage === true || message.model === "<synthetic>") {
    apiError(o, context, time, emit);
    return;
  }
  const response = text(message.id);
  const request = text(o.requestId);
  const id = response ?? request ?? uuidOf(o);
  if (id === undefined) {
    emit.unknown("assistant without an id");
    return;
  }
  let call = openCall(state, id, request, context);
  if (!call) {
    call = { context, id, said: time, start: startOf(state, time), at: line.offset };
    if (response === undefined) call.unnamed = true;
    if (request !== undefined && !isRandomId(id)) call.request = request;
    state.calls.push(call);
    if (state.calls.length > OPEN_CALLS) tellCall(state.calls.shift() as Call, emit);
  }
  mergeLine(call, o, message, time);
  if (emit.captures) mergeParts(call, emit.keep(partsOf(message.content)) ?? []);
  for (const item of list(message.content)) {
    const block = object(item);
    if (block?.type !== "tool_use") continue;
    const tool = text(block.id);
    if (tool === undefined) {
      emit.unknown("tool_use without an id");
      continue;
    }
    const asker = isRandomId(tool) ? undefined : responseFact(call.id, call.said);
    const at = openTool(state, tool, context);
    if (at >= 0) {
      if (state.tools[at]?.call === asker) continue;
      tellTool(state.tools.splice(at, 1)[0] as ToolCall, undefined, emit);
    }
    const name = text(block.name) ?? "?";
    const args = emit.keep(structured(block.input));
    state.tools.push({
      context,
      id: tool,
      ...(asker !== undefined && { call: asker }),
      name,
      start: time,
      at: line.offset,
      ...(args !== undefined && { args }),
    });
  }
}

/** Where the open tool call of an id stands. Short ids count the tools of a chain: those of sidechains are others. */
function openTool({ tools }: State, id: string | undefined, { subagent }: Context): number {
  return tools.findIndex(
    (tool) =>
      tool.id === id && (tool.call === undefined || (tool.context.subagent === undefined) === (subagent === undefined)),
  );
}

/** The call that a line goes on with. Where ids are too short to be random, an answer to another request is another call. */
function openCall(state: State, id: string, request: string | undefined, { session_id }: Context): Call | undefined {
  let call: Call | undefined;
  for (const one of state.calls) {
    const isOther = one.request !== undefined && request !== undefined && one.request !== request;
    if (one.id === id && one.context.session_id === session_id && !isOther) call = one;
  }
  return call;
}

/** Lines tell blocks one by one, the same again, or a text as far as it had come. */
function mergeParts(call: Call, parts: readonly Part[]): void {
  call.parts ??= [];
  for (const part of parts) {
    if (call.parts.some((one) => Bun.deepEquals(one, part))) continue;
    const last = call.parts.at(-1);
    const goesOn = last?.type === part.type && goesOnFrom(last.content, part.content);
    call.parts.splice(goesOn ? -1 : call.parts.length, goesOn ? 1 : 0, part);
  }
}

function goesOnFrom(before: unknown, now: unknown): boolean {
  return typeof before === "string" && typeof now === "string" && now.startsWith(before);
}

/** Keeps, of all lines of a call, the one that knows most tokens, as a whole. */
function mergeLine(call: Call, o: JsonObject, message: JsonObject, time: string | undefined): void {
  if (time !== undefined && time > (call.end ?? "")) call.end = time;
  call.stop = text(message.stop_reason) ?? call.stop;
  const raw = object(message.usage) ?? {};
  if (call.usage && isTold(call, o, raw, message.model)) return;
  const usage = usageOf(raw);
  if (call.usage && tokensOf(usage) < tokensOf(call.usage)) return;
  call.usage = usage;
  call.model = text(message.model);
  call.cost = number(o.costUSD);
  const iterations = list(raw.iterations);
  if (iterations.length > 0 || call.advisors) call.advisors = advisorsOf(iterations, o.advisorModel);
  call.attributes = attributesOf(raw, o.effort);
}

function advisorsOf(iterations: readonly unknown[], model: unknown): NonNullable<Call["advisors"]> {
  return iterations.flatMap((item) => {
    const one = object(item);
    return one?.type === "advisor_message" ? [{ model: text(one.model) ?? text(model), usage: usageOf(one) }] : [];
  });
}

/** True for the same answer told again by its next line, as most are. */
function isTold({ usage, model, cost }: Call, o: JsonObject, raw: JsonObject, answered: unknown): boolean {
  if (list(raw.iterations).length > 0 || number(o.costUSD) !== cost) return false;
  const cached = (number(raw.cache_read_input_tokens) ?? 0) + (number(raw.cache_creation_input_tokens) ?? 0);
  const said = (number(raw.input_tokens) ?? 0) + (number(raw.output_tokens) ?? 0) + cached;
  return answered === model && said === tokensOf(usage);
}

function attributesOf(raw: JsonObject, effort: unknown): Draft["attributes"] {
  const server = object(raw.server_tool_use);
  return allowAttributes({
    service_tier: raw.service_tier,
    speed: raw.speed === "standard" ? undefined : raw.speed,
    effort,
    web_search_requests: number(server?.web_search_requests) || undefined,
    web_fetch_requests: number(server?.web_fetch_requests) || undefined,
  });
}

function usageOf(raw: JsonObject): Usage | undefined {
  const split = object(raw.cache_creation);
  const written = (number(split?.ephemeral_5m_input_tokens) ?? 0) + (number(split?.ephemeral_1h_input_tokens) ?? 0);
  return summedUsage(
    {
      input: raw.input_tokens,
      output: raw.output_tokens,
      cacheRead: raw.cache_read_input_tokens,
      cacheCreation: written > 0 ? written : raw.cache_creation_input_tokens,
      // The agent writes a zero also where the provider said nothing.
      reasoning: object(raw.output_tokens_details)?.thinking_tokens || undefined,
    },
    { caches: true },
  );
}

/** Not stored by the agent: told by the shape of its ids. */
function providerOf(id: string): string {
  if (id.startsWith("msg_bdrk_")) return "aws.bedrock";
  if (id.startsWith("msg_vrtx_")) return "gcp.vertex_ai";
  return id.startsWith("chatcmpl-") ? "openai" : "anthropic";
}

/** `isLast`: nothing has come after it, so that it may still grow. */
export function tellCall(call: Call, emit: Emit, isLast = false): void {
  const fact = responseFact(call.id, call.said);
  const time = call.start ?? call.said;
  const common: Omit<Draft, "key"> = {
    ...call.context,
    open: isLast && call.stop === undefined ? true : undefined,
    operation: "chat",
    kind: "client",
    time,
    status: "ok",
    provider: providerOf(call.id),
    at: { offset: call.at },
  };
  emit({
    ...common,
    key: fact,
    fact,
    end_time: call.end,
    duration_ms: between(time, call.end),
    model: call.model,
    response_id: call.unnamed ? undefined : call.id,
    finish_reasons: call.stop === undefined ? undefined : [call.stop],
    usage: call.usage,
    cost_usd: call.cost,
    attributes: call.attributes,
    content: call.parts && { output_messages: answer(call.parts, call.stop) },
  });
  call.advisors?.forEach((advisor, n) => {
    const key = `${fact}#advisor${n}`;
    emit({ ...common, ...advisor, key, fact: key });
  });
}

export function tellTool(tool: ToolCall, end: ToolEnd | undefined, emit: Emit): void {
  const { id, context } = tool;
  const fact = toolFact(id, isRandomId(id) ? undefined : tool.start, context.session_id);
  const key = isRandomId(id) ? id : fact;
  emit({ ...toolDraft(id, tool, context.session_id ?? "", end), ...context, key, fact });
}

export function toolResult(state: State, id: string | undefined, context: Context, end: ToolEnd, emit: Emit): void {
  const at = openTool(state, id, context);
  const tool = state.tools[at];
  if (!tool) return; // its call stands in another file, or the line is a copy
  state.tools.splice(at, 1);
  tellTool(tool, { ...end, result: emit.keep(end.result) }, emit);
}

/** The name of a class of errors; anything longer would be its message. */
function classOf(value: unknown): string | undefined {
  return typeof value === "string" && /^[\w.-]{1,64}$/.test(value) ? value : undefined;
}

/** A failed request: never a call, whatever usage stands on it. Other synthetic lines are the agent talking to itself. */
export function apiError(o: JsonObject, context: Context, time: string | undefined, emit: Emit): void {
  if (o.isApiErrorMessage !== true) return;
  const failure = object(o.failure);
  const answered = object(object(failure?.error)?.error);
  const status = number(o.apiErrorStatus) ?? number(o.status) ?? number(failure?.status);
  const said = text(resultOf(object(o.message)?.content)) ?? text(answered?.message) ?? text(failure?.message);
  const uuid = uuidOf(o);
  emit({
    ...context,
    key: uuid ?? `error@${time}`,
    fact: lineFact(uuid, "error", context, time),
    operation: "error",
    kind: "client",
    time,
    status: "error",
    error_type: classOf(answered?.type) ?? classOf(o.error) ?? (status === undefined ? "api_error" : String(status)),
    attributes: allowAttributes({ apiErrorStatus: status, retryAttempt: o.retryAttempt }),
    content: { error_message: emit.keep(said) },
  });
}
