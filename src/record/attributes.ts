/** Owns the names: the one importer of GenAI attribute names, and the allow-list of attributes that a record may carry. */
import * as semconv from "@opentelemetry/semantic-conventions/incubating";
import type { Scalars } from "./schema.ts";

/** The GenAI attribute names (semantic-conventions package 1.45.0) that weir reads and writes. */
export const GEN_AI = {
  agentId: semconv.ATTR_GEN_AI_AGENT_ID,
  agentName: semconv.ATTR_GEN_AI_AGENT_NAME,
  agentVersion: semconv.ATTR_GEN_AI_AGENT_VERSION,
  conversationId: semconv.ATTR_GEN_AI_CONVERSATION_ID,
  operationName: semconv.ATTR_GEN_AI_OPERATION_NAME,
  outputType: semconv.ATTR_GEN_AI_OUTPUT_TYPE,
  providerName: semconv.ATTR_GEN_AI_PROVIDER_NAME,
  requestMaxTokens: semconv.ATTR_GEN_AI_REQUEST_MAX_TOKENS,
  requestModel: semconv.ATTR_GEN_AI_REQUEST_MODEL,
  requestTemperature: semconv.ATTR_GEN_AI_REQUEST_TEMPERATURE,
  requestTopP: semconv.ATTR_GEN_AI_REQUEST_TOP_P,
  responseFinishReasons: semconv.ATTR_GEN_AI_RESPONSE_FINISH_REASONS,
  responseId: semconv.ATTR_GEN_AI_RESPONSE_ID,
  responseModel: semconv.ATTR_GEN_AI_RESPONSE_MODEL,
  toolCallId: semconv.ATTR_GEN_AI_TOOL_CALL_ID,
  toolName: semconv.ATTR_GEN_AI_TOOL_NAME,
  toolType: semconv.ATTR_GEN_AI_TOOL_TYPE,
  usageInputTokens: semconv.ATTR_GEN_AI_USAGE_INPUT_TOKENS,
  usageOutputTokens: semconv.ATTR_GEN_AI_USAGE_OUTPUT_TOKENS,
} as const;

/** Attributes that no field of the record holds and that carry no free text. Anything else is dropped and counted. */
const ALLOWED: ReadonlySet<string> = new Set<string>([
  GEN_AI.agentId,
  GEN_AI.agentVersion,
  GEN_AI.outputType,
  GEN_AI.requestMaxTokens,
  GEN_AI.requestTemperature,
  GEN_AI.requestTopP,
  // Claude Code
  "apiErrorStatus",
  "durationMs",
  "entrypoint",
  "exitCode",
  "hookEvent",
  "hookName",
  "postTokens",
  "preTokens",
  "retryAttempt",
  "service_tier",
  "speed",
  "spawnDepth",
  "trigger",
  "web_fetch_requests",
  "web_search_requests",
  // Codex
  "effort",
  "exit_code",
  "history_mode",
  "model_context_window",
  "originator",
  "reason",
  "source",
  "thread_source",
  "window_number",
]);

const SCALAR_LIMIT = 256;

/**
 * The attributes of `given` that a record may carry, under their original names; undefined when none is left.
 * Texts are cut at 256 characters. The name of each other attribute is told to `dropped`.
 */
export function allowAttributes(
  given: Readonly<Record<string, unknown>>,
  dropped?: (name: string) => void,
): Scalars | undefined {
  const out: Scalars = {};
  for (const name in given) {
    const value = given[name];
    if (value === undefined || value === null) continue;
    if (!ALLOWED.has(name)) dropped?.(name);
    else if (typeof value === "number" || typeof value === "boolean") out[name] = value;
    else if (typeof value === "string") out[name] = value.slice(0, SCALAR_LIMIT);
  }
  return Object.keys(out).length > 0 ? out : undefined;
}
