/** Owns Claude Code's model calls, tool calls and failed requests. */
import type { Emit, JsonObject, Line } from "../../read/types.ts";
import { allowAttributes } from "../../record/attributes.ts";
import { toolFact } from "../../record/identity.ts";
import { list, number, object, text } from "../../record/json.ts";
import { between } from "../../record/time.ts";
import { summedUsage, tokensOf } from "../../record/usage.ts";
import { base, type Call, type Context, type State, type ToolCall } from "./state.ts";

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
    apiError(state, o, context, time, emit);
    return;
  }
  const id = text(message.id) ?? text(o.uuid);
  if (id === undefined) {
    emit.unknown("assistant without an id");
    return;
  }
  let call: Call | undefined;
  for (const one of state.calls) if (one.id === id && one.session === context.session) call = one;
  if (!call) {
    call = { ...context, id, start: state.asked ?? time, at: line.offset };
    state.calls.push(call);
    if (state.calls.length > OPEN_CALLS) tellCall(state, state.calls.shift() as Call, emit);
  }
  mergeLine(call, o, message, time);
  for (const item of list(message.content)) {
    const block = object(item);
    const toolId = block?.type === "tool_use" ? text(block.id) : undefined;
    if (toolId === undefined || state.tools[toolId]) continue;
    state.tools[toolId] = { ...context, name: text(block?.name) ?? "?", start: time, at: line.offset };
  }
}

/** Keeps, of all lines of a call, the one that knows most tokens, as a whole. */
function mergeLine(call: Call, o: JsonObject, message: JsonObject, time: string | undefined): void {
  const raw = object(message.usage) ?? {};
  const split = object(raw.cache_creation);
  const written = (number(split?.ephemeral_5m_input_tokens) ?? 0) + (number(split?.ephemeral_1h_input_tokens) ?? 0);
  const usage = summedUsage(
    {
      input: raw.input_tokens,
      output: raw.output_tokens,
      cacheRead: raw.cache_read_input_tokens,
      cacheCreation: written > 0 ? written : raw.cache_creation_input_tokens,
    },
    { caches: true },
  );
  call.end = time ?? call.end;
  call.stop = text(message.stop_reason) ?? call.stop;
  if (call.usage && tokensOf(usage) < tokensOf(call.usage)) return;
  const server = object(raw.server_tool_use);
  call.usage = usage;
  call.model = text(message.model);
  call.cost = number(o.costUSD);
  call.attributes = allowAttributes({
    service_tier: raw.service_tier,
    speed: raw.speed === "standard" ? undefined : raw.speed,
    effort: o.effort,
    web_search_requests: number(server?.web_search_requests) || undefined,
    web_fetch_requests: number(server?.web_fetch_requests) || undefined,
  });
}

/** Not stored by the agent: told by the shape of its ids. */
function providerOf(id: string): string {
  if (id.startsWith("msg_bdrk_")) return "aws.bedrock";
  if (id.startsWith("msg_vrtx_")) return "gcp.vertex_ai";
  return id.startsWith("chatcmpl-") ? "openai" : "anthropic";
}

export function tellCall(state: State, call: Call, emit: Emit): void {
  emit({
    ...base(state, call),
    key: call.id,
    fact: call.id,
    open: call.stop === undefined ? true : undefined,
    operation: "chat",
    kind: "client",
    time: call.start,
    end_time: call.end,
    duration_ms: between(call.start, call.end),
    status: "ok",
    provider: providerOf(call.id),
    model: call.model,
    response_id: call.id,
    finish_reasons: call.stop === undefined ? undefined : [call.stop],
    usage: call.usage,
    cost_usd: call.cost,
    attributes: call.attributes,
    at: { offset: call.at },
  });
}

export function tellTool(
  state: State,
  id: string,
  tool: ToolCall,
  end: { time?: string; failed: boolean } | undefined,
  emit: Emit,
): void {
  emit({
    ...base(state, tool),
    key: id,
    fact: toolFact(id, tool.start, tool.session),
    open: end ? undefined : true,
    operation: "execute_tool",
    kind: "internal",
    time: tool.start,
    end_time: end?.time,
    duration_ms: between(tool.start, end?.time),
    status: end && (end.failed ? "error" : "ok"),
    error_type: end?.failed ? "tool_error" : undefined,
    tool: { name: tool.name, call_id: id, type: "function" },
    at: { offset: tool.at },
  });
}

export function toolResult(
  state: State,
  id: string | undefined,
  failed: boolean,
  time: string | undefined,
  emit: Emit,
): void {
  const tool = id === undefined ? undefined : state.tools[id];
  if (id === undefined || !tool) return; // its call stands in another file, or the line is a copy
  delete state.tools[id];
  tellTool(state, id, tool, { time, failed }, emit);
}

/** A failed request: never a call, whatever usage stands on it. Other synthetic lines are the agent talking to itself. */
export function apiError(state: State, o: JsonObject, context: Context, time: string | undefined, emit: Emit): void {
  if (o.isApiErrorMessage !== true) return;
  const status = number(o.apiErrorStatus) ?? number(o.status);
  emit({
    ...base(state, context),
    key: text(o.uuid) ?? `error@${time}`,
    fact: text(o.uuid),
    operation: "error",
    kind: "client",
    time,
    status: "error",
    error_type: text(o.error) ?? (status === undefined ? "api_error" : String(status)),
    attributes: allowAttributes({ apiErrorStatus: status, retryAttempt: o.retryAttempt }),
  });
}
