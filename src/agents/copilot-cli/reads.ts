/** Owns what is read of a session's events where texts are left alone. */
import { type Reads, whole } from "../../read/types.ts";

const PLACE = whole("cwd", "branch", "repository", "repositoryHost");

export const READS: Reads = {
  keys: {
    ...whole("type", "timestamp", "id", "agentId"),
    data: {
      // Of the session and where it stands.
      ...PLACE,
      ...whole("sessionId", "copilotVersion", "startTime", "detachedFromSpawningParentSessionId", "modelMetrics"),
      ...whole("sessionWasActive", "alreadyInUse"),
      context: PLACE,
      // Of prompts, calls and the models in use.
      ...whole("messageId", "source", "isAutopilotContinuation", "apiCallId", "outputTokens", "usage"),
      ...whole("model", "newModel", "selectedModel", "behaviorModelId", "statusCode", "errorType", "errorCode"),
      // Of tools, subagents and hooks.
      ...whole("toolCallId", "parentToolCallId", "toolName", "mcpServerName", "success", "agentName", "durationMs"),
      ...whole("cancelled", "hookInvocationId", "hookType"),
      shellExecution: { exitCode: true },
      result: { result_type: true },
      error: { code: true },
      // Of compactions.
      ...whole("compactionAttemptId", "compactionTokensUsed", "preCompactionTokens", "postCompactionTokens", "trigger"),
    },
  },
};
