/**
 * Owns what one OpenTelemetry GenAI span says as a record: operation, times, status, models, tokens, tool, events.
 * It knows all names that the conventions had or will have, and no session: whose span it is, its agent knows.
 */
import { ACCEPTED, allowAttributes, GEN_AI, isAllowed, scalarText } from "./attributes.ts";
import type { Draft } from "./draft.ts";
import { fingerprint } from "./identity.ts";
import { type JsonObject, list, number, text } from "./json.ts";
import type { Operation } from "./operations.ts";
import { safeName } from "./privacy.ts";
import { providerName } from "./provider.ts";
import type { Scalars, Usage, WeirRecord } from "./schema.ts";
import { fromMillis } from "./time.ts";
import { totalUsage } from "./usage.ts";

export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly start?: string;
  readonly end?: string;
  readonly durationMs?: number;
  /** 0 unset, 1 ok, 2 error. */
  readonly status?: number;
  /** Values as they are, or as texts where the store has no other type. */
  readonly attributes: JsonObject;
  readonly events: readonly SpanEvent[];
  readonly resource?: JsonObject;
}

export interface SpanEvent {
  readonly name: string;
  readonly time?: string;
  readonly attributes: JsonObject;
}

const OPERATION: Readonly<Record<string, Operation>> = {
  chat: "chat",
  generate_content: "chat",
  text_completion: "chat",
  embeddings: "embeddings",
  execute_hook: "execute_hook",
  execute_tool: "execute_tool",
  invoke_agent: "invoke_agent",
};
const HOOK_NAME = /^(?:execute_)?hook(?: |$)/;
const HOOK_TYPES = ["copilot_chat.hook_type", "github.copilot.hook.type"];
const REPOSITORIES = ["github.copilot.git.repository", "copilot_chat.repo.remote_url"];
const BRANCHES = ["github.copilot.git.branch", "copilot_chat.repo.head_branch_name"];
const NAME_LIMIT = 128;

/** Attributes whose values are numbers, also where a store holds them as texts. */
const NUMBERS: ReadonlySet<string> = new Set<string>([
  GEN_AI.embeddingsDimensionCount,
  GEN_AI.requestChoiceCount,
  GEN_AI.requestFrequencyPenalty,
  GEN_AI.requestMaxTokens,
  GEN_AI.requestPresencePenalty,
  GEN_AI.requestSeed,
  GEN_AI.requestTemperature,
  GEN_AI.requestTopK,
  GEN_AI.requestTopP,
  "copilot_chat.copilot_usage_nano_aiu",
  "copilot_chat.hook_exit_code",
  "copilot_chat.request.max_prompt_tokens",
  "copilot_chat.tool_call_round",
  "copilot_chat.total_cost_usd",
  "copilot_chat.turn_count",
  "gen_ai.embeddings.input_count",
  "github.copilot.aiu",
  "github.copilot.cost",
  "github.copilot.hook.duration",
  "github.copilot.nano_aiu",
  "github.copilot.server_duration",
  "github.copilot.turn_count",
  "server.port",
]);
const BOOLEANS: ReadonlySet<string> = new Set<string>([
  GEN_AI.requestStream,
  "copilot_chat.canceled",
  "github.copilot.auto_mode",
]);

/** Attributes that hold content: neither kept nor unknown. */
export const CONTENT_ATTRIBUTES: readonly string[] = [
  GEN_AI.agentDescription,
  GEN_AI.inputMessages,
  GEN_AI.outputMessages,
  GEN_AI.systemInstructions,
  GEN_AI.toolCallArguments,
  GEN_AI.toolCallResult,
  GEN_AI.toolDefinitions,
  "gen_ai.completion",
  "gen_ai.prompt",
];
const CONTENT: ReadonlySet<string> = new Set(CONTENT_ATTRIBUTES);

/** Attributes that fields of the record tell. */
const TOLD: ReadonlySet<string> = new Set<string>([
  ...Object.values(ACCEPTED).flat(),
  ...REPOSITORIES,
  ...BRANCHES,
  GEN_AI.agentName,
  GEN_AI.conversationId,
  GEN_AI.operationName,
  GEN_AI.requestModel,
  GEN_AI.responseFinishReasons,
  GEN_AI.responseId,
  GEN_AI.responseModel,
  GEN_AI.responseTimeToFirstChunk,
  GEN_AI.toolCallId,
  GEN_AI.toolName,
  GEN_AI.toolType,
  "copilot_chat.time_to_first_token",
  "error.type",
]);

/** What the span is about. Without an operation only a hook is known, by its name or its type. */
export function spanOperation({ name, attributes }: Pick<Span, "name" | "attributes">): Operation {
  const told = text(attributes[GEN_AI.operationName]);
  if (told !== undefined) return Object.hasOwn(OPERATION, told) ? (OPERATION[told] as Operation) : "other";
  return HOOK_NAME.test(name) || first(attributes, HOOK_TYPES) !== undefined ? "execute_hook" : "other";
}

/** The tokens that a span tells, under any of their names; what it tells of nothing is not known. */
export function spanUsage(attributes: JsonObject): Usage | undefined {
  const input = numeric(first(attributes, ACCEPTED.inputTokens));
  const output = numeric(first(attributes, ACCEPTED.outputTokens));
  // Producers write 0 where the service did not say; a call without any input is none.
  return totalUsage({
    input: input || undefined,
    output: output === 0 && !input ? undefined : output,
    cacheRead: numeric(first(attributes, ACCEPTED.cacheReadTokens)),
    cacheCreation: numeric(first(attributes, ACCEPTED.cacheCreationTokens)),
    reasoning: numeric(first(attributes, ACCEPTED.reasoningTokens)),
  });
}

/** A span id that is a random number; small ones are counters that begin again in every window. */
export function isRandomSpanId(id: string): boolean {
  return /^[0-9a-f]{16}$/.test(id) && !id.startsWith("000000");
}

/** What tells a span from all others: its id where that is random. */
export function spanFact({ traceId, spanId, start }: Pick<Span, "traceId" | "spanId" | "start">): string {
  return isRandomSpanId(spanId) ? spanId : fingerprint(["span", traceId, spanId, start]);
}

/** The record of a span without its session; `unknown` is told the name of each attribute that nothing knows. */
export function spanDraft(span: Span, unknown?: (name: string) => void): Draft {
  const { attributes: a, status } = span;
  const operation = spanOperation(span);
  const usage = spanUsage(a);
  const fact = spanFact(span);
  const finishReasons = texts(a[GEN_AI.responseFinishReasons]);
  const failed = status === 2;
  const asked = operation !== "other" && !finishReasons?.includes("cancelled");
  return {
    key: isRandomSpanId(span.spanId) ? span.spanId : `${span.spanId}@${span.start}`,
    scope: span.traceId,
    fact,
    operation,
    kind: operation === "chat" || operation === "embeddings" ? "client" : "internal",
    name: nameOf(span, operation),
    time: span.start,
    end_time: span.end,
    duration_ms: span.durationMs,
    trace_id: span.traceId,
    span_id: span.spanId,
    parent_span_id: span.parentSpanId,
    agent_name: text(a[GEN_AI.agentName]),
    agent_version: text(span.resource?.["service.version"]),
    status: failed ? "error" : asked || status === 1 ? "ok" : "unset",
    error_type: classOf(a["error.type"]) ?? (failed ? failureOf(span) : undefined),
    provider: providerName(text(first(a, ACCEPTED.provider))),
    request_model: text(a[GEN_AI.requestModel]),
    model: text(a[GEN_AI.responseModel]),
    response_id: operation === "chat" ? text(a[GEN_AI.responseId]) : undefined,
    finish_reasons: finishReasons,
    usage,
    aggregate: usage && operation === "invoke_agent" ? true : undefined,
    tool: operation === "execute_tool" ? toolOf(span) : undefined,
    ttft_ms: firstTokenOf(a),
    repository: text(first(a, REPOSITORIES)),
    branch: text(first(a, BRANCHES)),
    events: eventsOf(span.events),
    attributes: attributesOf(a, operation, unknown),
    resource: span.resource && allowAttributes(pick(span.resource, (name) => name.startsWith("service."))),
  };
}

/** A span without its content, to be kept until more is known of it; `wanted` names what its agent needs besides. */
export function bareSpan(span: Span, wanted: (name: string) => boolean): Span {
  const kept = pick(span.attributes, (name) => TOLD.has(name) || wanted(name));
  return {
    ...span,
    attributes: { ...kept, ...attributesOf(span.attributes, "other") },
    events: span.events.map(({ name, time, attributes }) => ({
      name: eventName(name),
      time,
      attributes: allowAttributes(attributes) ?? {},
    })),
    resource: pick(span.resource, (name) => name.startsWith("service.")),
  };
}

function first(a: JsonObject, names: readonly string[]): unknown {
  for (const name of names) if (a[name] !== undefined && a[name] !== null && a[name] !== "") return a[name];
  return undefined;
}

/** A number, also when it is written as text. */
function numeric(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  return number(typeof value === "string" && /^-?[\d.]+(?:e[+-]?\d+)?$/i.test(value) ? Number(value) : value);
}

/** A list of texts, also when it is written as one JSON text; what is there twice once. */
function texts(value: unknown): string[] | undefined {
  let given = value;
  if (typeof value === "string") {
    if (value === lastTexts.json) return lastTexts.texts;
    try {
      given = JSON.parse(value);
    } catch {
      given = [value]; // a single word
    }
  }
  const found = list(Array.isArray(given) ? given : [given]).filter((item) => typeof item === "string");
  const told = found.length > 0 ? [...new Set(found)] : undefined;
  if (typeof value === "string") lastTexts = { json: value, texts: told };
  return told;
}

/** Most lists say the same as the one before. */
let lastTexts: { readonly json: string; readonly texts: string[] | undefined } = { json: "[]", texts: undefined };

function nameOf({ name, attributes }: Span, operation: Operation): string | undefined {
  if (operation === "execute_hook") return text(first(attributes, HOOK_TYPES)) ?? text(name.replace(HOOK_NAME, ""));
  return operation === "other" ? name.slice(0, NAME_LIMIT) : undefined;
}

/** The class of a failure that has no type of its own: its exception's, or how a hook ended. */
function failureOf({ events, attributes: a }: Span): string | undefined {
  const exception = events.find((event) => event.name === "exception");
  return classOf(exception?.attributes["exception.type"]) ?? classOf(a["copilot_chat.hook_result_kind"]);
}

/** A word that names a class of errors; a sentence is a message. */
function classOf(value: unknown): string | undefined {
  const word = text(value);
  return word !== undefined && word.length <= NAME_LIMIT && !/\s/.test(word) ? word : undefined;
}

function toolOf({ name, attributes: a }: Span): WeirRecord["tool"] {
  const called = text(a[GEN_AI.toolName]) ?? text(name.replace(/^execute_tool ?/, "").slice(0, NAME_LIMIT));
  return { name: called, call_id: text(a[GEN_AI.toolCallId]), type: text(a[GEN_AI.toolType]) };
}

function firstTokenOf(a: JsonObject): number | undefined {
  const ms = numeric(a["copilot_chat.time_to_first_token"]);
  const seconds = numeric(a[GEN_AI.responseTimeToFirstChunk]);
  return ms ?? (seconds === undefined ? undefined : Math.round(seconds * 1e6) / 1e3);
}

function eventsOf(events: readonly SpanEvent[]): WeirRecord["events"] {
  if (events.length === 0) return undefined;
  return events.map(({ name, time, attributes }) => ({
    name: eventName(name),
    time,
    attributes: allowAttributes(attributes),
  }));
}

/** What is cut to its limit has lost its secrets before: half a secret looks like none. */
function eventName(name: string): string {
  return safeName(name.slice(0, 4 * NAME_LIMIT)).slice(0, NAME_LIMIT);
}

/** What becomes of an attribute, by its name; most spans have the same names. */
type Fate = "told" | "number" | "boolean" | "kept" | "unknown";
const fates = new Map<string, Fate>();
const MOST_NAMES = 4096;

function fateOf(name: string): Fate {
  const known = fates.get(name);
  if (known !== undefined) return known;
  let fate: Fate = "unknown";
  if (TOLD.has(name) || CONTENT.has(name)) fate = "told";
  else if (NUMBERS.has(name)) fate = "number";
  else if (BOOLEANS.has(name)) fate = "boolean";
  else if (isAllowed(name)) fate = "kept";
  if (fates.size < MOST_NAMES) fates.set(name, fate);
  return fate;
}

function attributesOf(a: JsonObject, operation: Operation, unknown?: (name: string) => void): Scalars | undefined {
  const out: Scalars = {};
  let isEmpty = true;
  for (const name in a) {
    const fate = fateOf(name);
    if (fate === "told") continue;
    if (fate === "unknown") {
      unknown?.(name);
      continue;
    }
    const value = scalarOf(a[name], fate);
    if (value === undefined) continue;
    out[name] = value;
    isEmpty = false;
  }
  const told = operation === "other" ? text(a[GEN_AI.operationName]) : undefined;
  if (told !== undefined) return { [GEN_AI.operationName]: scalarText(told), ...out };
  return isEmpty ? undefined : out;
}

function scalarOf(value: unknown, fate: Fate): string | number | boolean | undefined {
  if (fate === "number") return numeric(value);
  if (fate === "boolean") return value === true || value === "true";
  if (typeof value === "string") return scalarText(value);
  return typeof value === "number" || typeof value === "boolean" ? value : undefined;
}

function pick(from: JsonObject | undefined, wanted: (name: string) => boolean): JsonObject {
  return Object.fromEntries(Object.entries(from ?? {}).filter(([name]) => wanted(name)));
}

/** Milliseconds of a store, fractions kept, as a span's times. */
export function spanTimes(start: unknown, end: unknown): Pick<Span, "start" | "end" | "durationMs"> {
  const [from, to] = [number(start), number(end)];
  const took = from === undefined || to === undefined ? undefined : Math.round((to - from) * 1e3) / 1e3;
  return {
    start: fromMillis(from),
    end: fromMillis(to),
    durationMs: took !== undefined && took >= 0 ? took : undefined,
  };
}
