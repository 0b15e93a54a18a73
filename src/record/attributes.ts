/** Owns the names: the one importer of GenAI attribute names, and the allow-list of attributes that a record may carry. */

import * as semconv from "@opentelemetry/semantic-conventions/incubating";
import { safeName, withoutCredentials } from "./privacy.ts";
import type { Scalars } from "./schema.ts";

/** The GenAI attribute names (semantic-conventions package 1.45.0) that weir reads and writes. */
export const GEN_AI = {
  agentDescription: semconv.ATTR_GEN_AI_AGENT_DESCRIPTION,
  agentId: semconv.ATTR_GEN_AI_AGENT_ID,
  agentName: semconv.ATTR_GEN_AI_AGENT_NAME,
  agentVersion: semconv.ATTR_GEN_AI_AGENT_VERSION,
  conversationId: semconv.ATTR_GEN_AI_CONVERSATION_ID,
  embeddingsDimensionCount: semconv.ATTR_GEN_AI_EMBEDDINGS_DIMENSION_COUNT,
  inputMessages: semconv.ATTR_GEN_AI_INPUT_MESSAGES,
  operationName: semconv.ATTR_GEN_AI_OPERATION_NAME,
  outputMessages: semconv.ATTR_GEN_AI_OUTPUT_MESSAGES,
  outputType: semconv.ATTR_GEN_AI_OUTPUT_TYPE,
  providerName: semconv.ATTR_GEN_AI_PROVIDER_NAME,
  requestChoiceCount: semconv.ATTR_GEN_AI_REQUEST_CHOICE_COUNT,
  requestFrequencyPenalty: semconv.ATTR_GEN_AI_REQUEST_FREQUENCY_PENALTY,
  requestMaxTokens: semconv.ATTR_GEN_AI_REQUEST_MAX_TOKENS,
  requestModel: semconv.ATTR_GEN_AI_REQUEST_MODEL,
  requestPresencePenalty: semconv.ATTR_GEN_AI_REQUEST_PRESENCE_PENALTY,
  requestSeed: semconv.ATTR_GEN_AI_REQUEST_SEED,
  requestStream: semconv.ATTR_GEN_AI_REQUEST_STREAM,
  requestTemperature: semconv.ATTR_GEN_AI_REQUEST_TEMPERATURE,
  requestTopK: semconv.ATTR_GEN_AI_REQUEST_TOP_K,
  requestTopP: semconv.ATTR_GEN_AI_REQUEST_TOP_P,
  responseFinishReasons: semconv.ATTR_GEN_AI_RESPONSE_FINISH_REASONS,
  responseId: semconv.ATTR_GEN_AI_RESPONSE_ID,
  responseModel: semconv.ATTR_GEN_AI_RESPONSE_MODEL,
  responseTimeToFirstChunk: semconv.ATTR_GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK,
  systemInstructions: semconv.ATTR_GEN_AI_SYSTEM_INSTRUCTIONS,
  toolCallArguments: semconv.ATTR_GEN_AI_TOOL_CALL_ARGUMENTS,
  toolCallId: semconv.ATTR_GEN_AI_TOOL_CALL_ID,
  toolCallResult: semconv.ATTR_GEN_AI_TOOL_CALL_RESULT,
  toolDefinitions: semconv.ATTR_GEN_AI_TOOL_DEFINITIONS,
  toolDescription: semconv.ATTR_GEN_AI_TOOL_DESCRIPTION,
  toolName: semconv.ATTR_GEN_AI_TOOL_NAME,
  toolType: semconv.ATTR_GEN_AI_TOOL_TYPE,
  usageCacheCreationInputTokens: semconv.ATTR_GEN_AI_USAGE_CACHE_CREATION_INPUT_TOKENS,
  usageCacheReadInputTokens: semconv.ATTR_GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS,
  usageInputTokens: semconv.ATTR_GEN_AI_USAGE_INPUT_TOKENS,
  usageOutputTokens: semconv.ATTR_GEN_AI_USAGE_OUTPUT_TOKENS,
  usageReasoningOutputTokens: semconv.ATTR_GEN_AI_USAGE_REASONING_OUTPUT_TOKENS,
} as const;

/** Names that tell one fact: the current one, then those that are deprecated, newer than 1.45.0, or a producer's own. */
export const ACCEPTED = {
  provider: [GEN_AI.providerName, semconv.ATTR_GEN_AI_SYSTEM],
  inputTokens: [GEN_AI.usageInputTokens, semconv.ATTR_GEN_AI_USAGE_PROMPT_TOKENS],
  outputTokens: [GEN_AI.usageOutputTokens, semconv.ATTR_GEN_AI_USAGE_COMPLETION_TOKENS],
  cacheReadTokens: [GEN_AI.usageCacheReadInputTokens, "gen_ai.usage.cache_read_input_tokens"],
  cacheCreationTokens: [
    GEN_AI.usageCacheCreationInputTokens,
    "gen_ai.usage.cache_write.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
    "gen_ai.usage.cache_write_input_tokens",
  ],
  reasoningTokens: [
    GEN_AI.usageReasoningOutputTokens,
    "gen_ai.usage.reasoning_tokens",
    "gen_ai.usage.reasoning_output_tokens",
  ],
} as const;

/** Attributes that no field of the record holds and that carry no free text. Anything else is dropped and counted. */
const ALLOWED: ReadonlySet<string> = new Set<string>([
  GEN_AI.agentId,
  GEN_AI.agentVersion,
  GEN_AI.embeddingsDimensionCount,
  GEN_AI.operationName,
  GEN_AI.outputType,
  GEN_AI.requestChoiceCount,
  GEN_AI.requestFrequencyPenalty,
  GEN_AI.requestMaxTokens,
  GEN_AI.requestPresencePenalty,
  GEN_AI.requestSeed,
  GEN_AI.requestStream,
  GEN_AI.requestTemperature,
  GEN_AI.requestTopK,
  GEN_AI.requestTopP,
  GEN_AI.toolDescription,
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
  // Copilot
  "copilotCredits",
  "copilot_chat.canceled",
  "copilot_chat.copilot_usage_nano_aiu",
  "copilot_chat.debug_log_label",
  "copilot_chat.hook_exit_code",
  "copilot_chat.hook_result_kind",
  "copilot_chat.hook_type",
  "copilot_chat.location",
  "copilot_chat.mode_name",
  "copilot_chat.repo.head_commit_hash",
  "copilot_chat.request.max_prompt_tokens",
  "copilot_chat.tool_call_round",
  "copilot_chat.total_cost_usd",
  "copilot_chat.turn_count",
  "exception.type",
  "gen_ai.embeddings.input_count",
  "github.copilot.agent.type",
  "github.copilot.aiu",
  "github.copilot.auto_mode",
  "github.copilot.cost",
  "github.copilot.git.commit_sha",
  "github.copilot.hook.decision",
  "github.copilot.hook.duration",
  "github.copilot.hook.type",
  "github.copilot.initiator",
  "github.copilot.nano_aiu",
  "github.copilot.permission.result",
  "github.copilot.server_duration",
  "github.copilot.tool.parameters.edit_type",
  "github.copilot.tool.parameters.mcp_server_name_hash",
  "github.copilot.turn_count",
  "github.copilot.turn_id",
  "server.address",
  "server.port",
  "service.name",
  "service.version",
  "turnId",
  "vscodeVersion",
  // Amp
  "agentMode",
  "credits",
  "maxInputTokens",
  // Cline
  "messagesRemoved",
  // Continue
  "messageCount",
  // Gemini CLI
  "terminateReason",
  // OpenCode, Kilo Code
  "statusCode",
  "variant",
  // Pi
  "api",
  "fromHook",
  "thinkingLevel",
  "tokensBefore",
  // Copilot CLI
  "apiEndpoint",
  "initiator",
  "maxOutputTokens",
  "maxPromptTokens",
  "mcpServerName",
  "postCompactionTokens",
  "preCompactionTokens",
  // Factory droid
  "assistantActiveTimeMs",
  "autonomyMode",
  "reasoningEffort",
  "removedCount",
  "summaryKind",
  "summaryTokens",
  // Kimi Code and Kimi CLI
  "action",
  "modelAlias",
  "thinkingEffort",
  "tokensAfter",
  // Qwen Code
  "auth_type",
  "compressionStatus",
  "newTokenCount",
  "originalTokenCount",
  "status_code",
]);

/** Texts of attributes are cut at so many characters. */
const SCALAR_LIMIT = 256;

/** A text as an attribute carries it: without what may be secret in it, and never more than the limit. */
export function scalarText(value: string): string {
  const bare = value.includes("://") ? withoutCredentials(value) : value;
  return safeName(bare.slice(0, 4 * SCALAR_LIMIT)).slice(0, SCALAR_LIMIT);
}

/** True for an attribute that a record may carry. */
export function isAllowed(name: string): boolean {
  return ALLOWED.has(name);
}

/**
 * The attributes of `given` that a record may carry, under their original names; undefined when none is left.
 * The name of each other attribute is told to `dropped`.
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
    else if (typeof value === "boolean" || Number.isFinite(value)) out[name] = value as boolean | number;
    else if (typeof value === "string") out[name] = scalarText(value);
  }
  return Object.keys(out).length > 0 ? out : undefined;
}
