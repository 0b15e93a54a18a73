/** Owns what Claude Code's reducer reads of a line where it leaves texts alone. */
import { type Keys, type Reads, whole } from "../../read/types.ts";

/** How many characters of a text, at its beginning and at its end, tell whether somebody typed it. */
export const SHOWN = [32, 48] as const;
const SAID: Keys = { "": SHOWN, type: true, text: SHOWN };
const COMPACTION = whole("trigger", "preTokens", "postTokens", "durationMs");

export const READS: Reads = {
  repeated: ["cwd", "sessionId", "version", "gitBranch", "isSidechain"],
  keys: {
    ...whole("isSidechain", "cwd", "sessionId", "version", "gitBranch", "type"),
    message: {
      ...whole("model", "id"),
      content: { ...SAID, ...whole("id", "name", "tool_use_id", "is_error") },
      ...whole("stop_reason", "usage"),
    },
    ...whole(
      "requestId",
      "uuid",
      "timestamp",
      "subtype",
      "isMeta",
      "isCompactSummary",
      "isApiErrorMessage",
      "entrypoint",
    ),
    forkedFrom: whole("sessionId", "messageUuid"),
    origin: { kind: true },
    attachment: {
      ...whole("type", "toolUseID", "hookEvent", "hookName", "exitCode", "durationMs", "isMeta"),
      origin: { kind: true },
      prompt: SAID,
    },
    toolUseID: true,
    hookInfos: { durationMs: true },
    durationMs: true,
    compactMetadata: COMPACTION,
    microcompactMetadata: COMPACTION,
    ...whole("apiErrorStatus", "status"),
    error: { "": SHOWN, status: true, error: { error: { type: true } } },
    ...whole("retryAttempt", "costUSD", "effort", "advisorModel"),
  },
};
