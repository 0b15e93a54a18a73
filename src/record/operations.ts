/** Owns the list of operations: what a record can be about. */

/** The first five are OpenTelemetry GenAI operations (and hooks), the others are weir's. */
export const OPERATIONS = [
  "chat",
  "execute_tool",
  "invoke_agent",
  "embeddings",
  "execute_hook",
  "session",
  "user_message",
  "compaction",
  "error",
  "other",
] as const;

export type Operation = (typeof OPERATIONS)[number];
