/** Owns what is read of a thread of Amp where texts are left alone. */
import { type Reads, whole } from "../../read/types.ts";

export const READS: Reads = {
  keys: {
    ...whole("id", "created", "agentMode"),
    env: {
      initial: {
        cwd: true,
        platform: { clientVersion: true },
        trees: { uri: whole("", "fsPath", "path"), repository: whole("url", "ref") },
      },
    },
    meta: { traces: { ...whole("id", "name", "startTime", "endTime"), context: { messageId: true } } },
    usageLedger: whole("events"),
    messages: {
      ...whole("role", "messageId", "timestamp", "usage", "model"),
      state: whole("type", "stopReason"),
      meta: { sentAt: true },
      content: {
        // A prompt is known by its length.
        ...whole("", "text"),
        ...whole("type", "id", "name", "provider", "complete", "toolUseID", "tool_use_id"),
        summary: {},
        run: { status: true },
      },
    },
  },
};
