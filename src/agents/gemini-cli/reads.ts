/** Owns what is read of Gemini CLI's logs where texts are left alone. */
import { type Keys, type Reads, whole } from "../../read/types.ts";

/** How many characters of a text tell whether somebody typed it, where the session works, and which error it is. */
export const SHOWN = 2048;

const MESSAGE: Keys = {
  ...whole("id", "timestamp", "type", "model", "tokens"),
  content: { "": SHOWN, text: SHOWN, functionResponse: {} },
  toolCalls: {
    ...whole("id", "name", "status", "timestamp", "agentId"),
    args: { agent_name: true },
    resultDisplay: whole("agentName", "terminateReason"),
  },
};

const SESSION: Keys = { ...whole("sessionId", "startTime", "directories", "kind"), messages: MESSAGE };

export const READS: Reads = { keys: { ...MESSAGE, ...SESSION, $set: SESSION, $rewindTo: true } };
