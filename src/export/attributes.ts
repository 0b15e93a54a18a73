/** Owns what an exported span says of its record: name, kind, status and attributes (semantic conventions v1.41.1). */
import { GEN_AI } from "../record/attributes.ts";
import type { Operation } from "../record/operations.ts";
import type { Message, WeirRecord } from "../record/schema.ts";
import { type Attributes, CLIENT, INTERNAL } from "./otel.ts";

/** The operations that become spans. */
export const SPAN_OPERATIONS: ReadonlySet<Operation> = new Set<Operation>([
  "chat",
  "embeddings",
  "execute_hook",
  "execute_tool",
  "invoke_agent",
]);

/** A required value that no source told: the conventions ask for one, and weir does not guess. */
export const UNKNOWN = "unknown";

export function kindOf({ operation, kind }: WeirRecord): number {
  if (operation !== "chat" && operation !== "embeddings") return INTERNAL;
  return kind === "internal" ? INTERNAL : CLIENT;
}

/** The operation with what it is about, where that is known. */
export function nameOf(r: WeirRecord): string {
  const about =
    r.operation === "execute_tool"
      ? toolNameOf(r)
      : r.operation === "invoke_agent"
        ? agentNameOf(r)
        : r.operation === "execute_hook"
          ? r.name
          : r.request_model;
  return about ? `${r.operation} ${about}` : r.operation;
}

/** Who ran: the agent or subagent as the record names it, else the program. */
export function agentNameOf({ agent_name, subagent, agent }: WeirRecord): string {
  return agent_name ?? subagent?.name ?? agent;
}

export function toolNameOf({ tool }: WeirRecord): string {
  return tool?.name ?? UNKNOWN;
}

/** What kind of failure it was; the conventions have a name for one that is not known. */
export function errorTypeOf({ error_type }: WeirRecord): string {
  return error_type ?? "_OTHER";
}

/** 2 and the error's message for a failure, else 0: success is not told. */
export function statusOf(r: WeirRecord, content: boolean): { readonly code: number; readonly message?: string } {
  if (r.status !== "error") return UNSET;
  const message = content ? r.content?.error_message : undefined;
  return message === undefined ? FAILED : { code: 2, message };
}

const UNSET = { code: 0 } as const;
const FAILED = { code: 2 } as const;

/** All attributes of a record's span. `content`: with the texts that were captured, as JSON. */
export function attributesOf(r: WeirRecord, content: boolean): Attributes {
  const out: Attributes = { [GEN_AI.operationName]: r.operation };
  if (r.operation === "execute_tool") tool(r, out);
  else if (r.operation === "invoke_agent") invocation(r, out);
  else if (r.operation !== "execute_hook") inference(r, out);
  if (r.status === "error") out["error.type"] = errorTypeOf(r);
  if (r.session_id !== undefined) out["session.id"] = r.session_id;
  if (r.cost_usd !== undefined) out["weir.cost_usd"] = r.cost_usd;
  if (r.turn !== undefined) out["weir.turn"] = r.turn;
  given(r, out);
  if (content && r.content) texts(r, out, JSON.stringify);
  return out;
}

function inference(r: WeirRecord, out: Attributes): void {
  const chat = r.operation === "chat";
  out[GEN_AI.providerName] = r.provider ?? UNKNOWN;
  if (r.request_model !== undefined) out[GEN_AI.requestModel] = r.request_model;
  if (r.model !== undefined) out[GEN_AI.responseModel] = r.model;
  if (chat) {
    if (r.session_id !== undefined) out[GEN_AI.conversationId] = r.session_id;
    const name = r.agent_name ?? r.subagent?.name;
    if (name !== undefined) out[GEN_AI.agentName] = name;
    if (r.response_id !== undefined) out[GEN_AI.responseId] = r.response_id;
    if (r.finish_reasons !== undefined) out[GEN_AI.responseFinishReasons] = r.finish_reasons;
    if (r.ttft_ms !== undefined) out[GEN_AI.responseTimeToFirstChunk] = r.ttft_ms / 1000;
  }
  usage(r, out);
}

function invocation(r: WeirRecord, out: Attributes): void {
  out[GEN_AI.providerName] = r.provider ?? UNKNOWN;
  out[GEN_AI.agentName] = agentNameOf(r);
  if (r.subagent?.id !== undefined) out[GEN_AI.agentId] = r.subagent.id;
  if (r.agent_version !== undefined) out[GEN_AI.agentVersion] = r.agent_version;
  if (r.session_id !== undefined) out[GEN_AI.conversationId] = r.session_id;
  const model = r.request_model;
  if (model !== undefined) out[GEN_AI.requestModel] = model;
  if (r.finish_reasons !== undefined) out[GEN_AI.responseFinishReasons] = r.finish_reasons;
  usage(r, out);
  if (r.aggregate) out["weir.aggregate"] = true;
  if (r.cwd !== undefined) out["process.working_directory"] = r.cwd;
  if (r.repository !== undefined) out["vcs.repository.url.full"] = r.repository;
  if (r.branch !== undefined) out["vcs.ref.head.name"] = r.branch;
}

function tool(r: WeirRecord, out: Attributes): void {
  const { tool: t } = r;
  out[GEN_AI.toolName] = toolNameOf(r);
  if (t?.call_id) out[GEN_AI.toolCallId] = t.call_id;
  if (t?.type) out[GEN_AI.toolType] = t.type;
}

function usage({ operation, usage: u }: WeirRecord, out: Attributes): void {
  if (!u) return;
  if (u.input_tokens !== undefined) out[GEN_AI.usageInputTokens] = u.input_tokens;
  if (operation === "embeddings") return;
  if (u.output_tokens !== undefined) out[GEN_AI.usageOutputTokens] = u.output_tokens;
  if (u.cache_read_input_tokens !== undefined) out[GEN_AI.usageCacheReadInputTokens] = u.cache_read_input_tokens;
  if (u.cache_creation_input_tokens !== undefined)
    out[GEN_AI.usageCacheCreationInputTokens] = u.cache_creation_input_tokens;
  if (operation === "chat" && u.reasoning_output_tokens !== undefined)
    out[GEN_AI.usageReasoningOutputTokens] = u.reasoning_output_tokens;
}

const TEXTS = [
  ["input_messages", GEN_AI.inputMessages],
  ["output_messages", GEN_AI.outputMessages],
  ["system_instructions", GEN_AI.systemInstructions],
  ["tool_definitions", GEN_AI.toolDefinitions],
  ["tool_arguments", GEN_AI.toolCallArguments],
  ["tool_result", GEN_AI.toolCallResult],
] as const;

/** Adds the captured texts: on spans as JSON texts, on log records as they are. */
export function texts(record: WeirRecord, out: Record<string, unknown>, form: (value: unknown) => unknown): void {
  const { content } = record;
  for (const [key, name] of TEXTS) {
    const value = key === "output_messages" ? answered(record) : content?.[key];
    if (value !== undefined) out[name] = typeof value === "string" ? value : form(value);
  }
}

/** What was answered; each message has to say why it ended, also where the agent does not. */
function answered({ content, status }: WeirRecord): readonly Message[] | undefined {
  return content?.output_messages?.map((message) => {
    if (message.finish_reason !== undefined) return message;
    // Of a message that was cut to very little, no part may be left.
    const { parts = [] }: Partial<Message> = message;
    const calls = parts.some((part) => part.type === "tool_call");
    return { ...message, parts, finish_reason: calls ? "tool_call" : status === "error" ? "error" : UNKNOWN };
  });
}

const prefixes = new Map<string, string>();

/** A name without a namespace gets that of its agent: `claude_code.service_tier`. */
export function given(r: WeirRecord, out: Attributes): void {
  const attributes = r.attributes;
  if (!attributes) return;
  for (const name in attributes) {
    const value = attributes[name];
    if (value === undefined || name in out) continue;
    out[name.includes(".") ? name : `${prefixOf(r.agent)}${name}`] = value;
  }
}

function prefixOf(agent: string): string {
  let prefix = prefixes.get(agent);
  if (prefix === undefined) {
    prefix = `${agent.replaceAll("-", "_")}.`;
    prefixes.set(agent, prefix);
  }
  return prefix;
}
