/** Owns what is read of both of Kimi's wire logs where texts are left alone. */
import { type Keys, type Reads, whole } from "../../read/types.ts";

/** How many characters of an error's message tell the name that it begins with. */
export const SHOWN = 80;

const LOOP_EVENT: Keys = {
  ...whole("type", "uuid", "stepUuid", "parentUuid", "toolCallId", "name", "step", "turnId", "usage", "messageId"),
  ...whole("finishReason", "rawFinishReason", "providerFinishReason", "llmFirstTokenLatencyMs", "llmStreamDurationMs"),
  result: whole("isError", "durationMs"),
};

export const WIRE: Reads = {
  keys: {
    ...whole("type", "time", "app_version", "kind", "turnStep", "provider", "model", "modelAlias", "thinkingEffort"),
    ...whole("maxTokens", "temperature", "topP", "usage", "usageScope", "promptId", "turnId", "durationMs", "reason"),
    ...whole("stepId", "errorName", "statusCode", "source", "tokensBefore", "tokensAfter", "cwd", "profileName"),
    ...whole("subagentId", "subagentName", "parentToolCallId"),
    event: LOOP_EVENT,
    message: SHOWN,
    error: { code: true },
    environmentDisclosure: { cwd: true },
    origin: whole("kind", "trigger"),
    // A prompt is known by its length.
    input: true,
  },
};

/** A message's payload; that of a subagent's event is another one. */
const PAYLOAD: Keys = {
  ...whole("token_usage", "message_id", "id", "tool_call_id", "next_attempt", "status_code", "error_type", "agent_id"),
  ...whole("parent_tool_call_id", "task_tool_call_id", "subagent_type", "action", "duration_ms", "target"),
  function: { name: true },
  return_value: { is_error: true },
  // A prompt is known by its length.
  user_input: true,
  event: {
    ...whole("", "type"),
    get payload() {
      return PAYLOAD;
    },
  },
};

export const CLI_WIRE: Reads = { keys: { ...whole("type", "timestamp"), message: { type: true, payload: PAYLOAD } } };
