/** Owns what Claude Code's reducer reads of a line where it leaves texts alone. */
import { type Keys, type Reads, WIDEST } from "../../read/types.ts";

/** How many characters of a text tell whether somebody typed it. */
export const SHOWN = 80;
const TEXT = SHOWN * WIDEST;
const SAID: Keys = { "": TEXT, type: true, text: TEXT };

export const READS: Reads = {
  repeated: ["cwd", "sessionId", "version", "gitBranch", "isSidechain"],
  keys: {
    isSidechain: true,
    cwd: true,
    sessionId: true,
    version: true,
    gitBranch: true,
    type: true,
    message: {
      model: true,
      id: true,
      content: { ...SAID, id: true, name: true, tool_use_id: true, is_error: true },
      stop_reason: true,
      usage: true,
    },
    uuid: true,
    timestamp: true,
    subtype: true,
    isMeta: true,
    isCompactSummary: true,
    isApiErrorMessage: true,
    entrypoint: true,
    forkedFrom: { sessionId: true, messageUuid: true },
    origin: { kind: true },
    attachment: {
      type: true,
      toolUseID: true,
      hookEvent: true,
      hookName: true,
      exitCode: true,
      durationMs: true,
      origin: { kind: true },
      prompt: SAID,
    },
    toolUseID: true,
    hookInfos: { durationMs: true },
    durationMs: true,
    compactMetadata: { trigger: true, preTokens: true, postTokens: true, durationMs: true },
    microcompactMetadata: { trigger: true, preTokens: true, postTokens: true, durationMs: true },
    apiErrorStatus: true,
    status: true,
    error: { "": TEXT, status: true, error: { error: { type: true } } },
    retryAttempt: true,
    costUSD: true,
    effort: true,
    advisorModel: true,
  },
};
