/** Owns what is read of Continue's documents where texts are left alone: no logs of prompts, which repeat all that was said. */
import { type Keys, type Reads, whole } from "../../read/types.ts";

const TOOL: Keys = { ...whole("toolCallId", "status"), toolCall: { id: true, function: { name: true } } };

export const READS: Reads = {
  keys: {
    ...whole("sessionId", "session_id", "workspaceDirectory", "chatModelTitle", "usage"),
    // Of the index.
    ...whole("dateCreated", "messageCount"),
    history: {
      conversationSummary: true,
      // Messages are known by what they say.
      message: { ...whole("role", "usage"), content: whole("", "text"), toolCalls: { id: true } },
      toolCallStates: TOOL,
      toolCallState: TOOL,
    },
  },
};
