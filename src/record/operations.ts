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

/** Spans that a producer writes for its own debug panel: they are archived as `other`, and never count. */
const DEBUG_ONLY: ReadonlySet<unknown> = new Set(["content_event", "core_event", "user_message"]);

/** True for a record of such a span, known by its operation or, without one, by its name. */
export function isDebugOnly(record: {
  readonly operation: Operation;
  readonly name?: string | undefined;
  readonly attributes?: Readonly<Record<string, unknown>> | undefined;
}): boolean {
  return record.operation === "other" && DEBUG_ONLY.has(record.attributes?.["gen_ai.operation.name"] ?? record.name);
}
