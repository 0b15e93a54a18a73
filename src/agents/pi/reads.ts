/** Owns what is read of Pi's session files where texts are left alone. */
import { type Reads, whole } from "../../read/types.ts";

/** How many characters of an error's message tell the status that it begins with. */
export const SHOWN = 80;

export const READS: Reads = {
  keys: {
    ...whole("type", "id", "timestamp", "cwd", "modelId", "provider", "parentSession", "branchedFrom", "role", "model"),
    ...whole("kind", "usage", "tokensBefore", "fromHook", "fromExtension"),
    message: {
      ...whole("role", "timestamp", "api", "model", "provider", "stopReason", "rawStopReason", "responseModel"),
      ...whole("responseId", "usage", "thinkingLevel", "providerThinkingLevel", "toolCallId", "toolName", "isError"),
      ...whole("exitCode", "cancelled"),
      errorMessage: SHOWN,
      // Of a prompt its length is known by.
      content: whole("", "type", "id", "name", "text"),
    },
  },
};
