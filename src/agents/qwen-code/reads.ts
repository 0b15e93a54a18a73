/** Owns what is read of Qwen Code's session logs where texts are left alone. */
import { type Reads, whole } from "../../read/types.ts";

/** An event's measures, and whose it is. */
const EVENT = {
  ...whole(
    "event.name",
    "event.timestamp",
    "duration_ms",
    "prompt_id",
    "subagent_id",
    "subagent_name",
    "subagent_type",
  ),
  ...whole("response_id", "model", "auth_type", "error_type", "status_code", "function_name", "call_id", "status"),
  ...whole("success", "input_token_count", "output_token_count", "cached_content_token_count"),
  ...whole("thoughts_token_count", "total_token_count"),
};

export const READS: Reads = {
  keys: {
    ...whole("type", "subtype", "uuid", "timestamp", "sessionId", "agentName", "version", "cwd", "gitBranch", "model"),
    ...whole("usageMetadata", "provenance", "isSidechain"),
    forkedFrom: { sessionId: true },
    message: {
      parts: {
        functionCall: whole("id", "name"),
        functionResponse: { ...whole("id", "name"), response: { error: {} } },
      },
    },
    toolCallResult: whole("callId", "status", "errorType"),
    systemPayload: {
      parentSessionId: true,
      uiEvent: EVENT,
      info: whole("originalTokenCount", "newTokenCount", "compressionStatus"),
      error: whole("type", "code"),
    },
  },
};
