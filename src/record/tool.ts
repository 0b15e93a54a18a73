/** Owns what the record of a tool call says, from its call and its result. */
import type { Draft } from "./draft.ts";
import { toolFact } from "./identity.ts";
import type { Content } from "./schema.ts";
import { between } from "./time.ts";

/** A tool call whose result may not be there yet; plain JSON. */
export interface ToolCall {
  name?: string;
  start?: string;
  turn?: number;
  /** Offset of the line that told it. */
  at: number;
  /** Its arguments, kept; as structure where they are JSON. */
  args?: unknown;
}

/** How a tool call ended. */
export interface ToolEnd {
  readonly time?: string;
  readonly failed: boolean;
  /** The class of the failure, where there is a better one than `tool_error`. */
  readonly error?: string;
  /** What it gave back, kept. Where it failed and this is a text, it is the error's message. */
  readonly result?: unknown;
}

/** What a tool of Gemini CLI, or of an agent that began as a copy of it, is called while it is at work. */
const AT_WORK: ReadonlySet<string> = new Set(["validating", "scheduled", "executing", "awaiting_approval"]);

/** How such a tool ended by its status, and when; undefined while it is at work. */
export function endByStatus(
  status: string | undefined,
  time: string | undefined,
  result: unknown,
): ToolEnd | undefined {
  if (status === undefined || AT_WORK.has(status)) return undefined;
  return { time, failed: status !== "success", error: status === "cancelled" ? status : undefined, result };
}

/** The record of a tool call of a session; without its end it is open. */
export function toolDraft(id: string, call: ToolCall, session: string, end: ToolEnd | undefined): Draft {
  const fact = toolFact(id, call.start, session);
  return {
    key: fact,
    fact,
    open: end ? undefined : true,
    operation: "execute_tool",
    kind: "internal",
    session_id: session,
    time: call.start,
    end_time: end?.time,
    duration_ms: between(call.start, end?.time),
    turn: call.turn,
    status: end && (end.failed ? "error" : "ok"),
    error_type: end?.failed ? (end.error ?? "tool_error") : undefined,
    tool: { name: call.name, call_id: id, type: "function" },
    content: toolContent(call.args, end),
    at: { offset: call.at },
  };
}

/** What a tool call was given and gave back, both kept; the text of one that failed is the error's message as well. */
export function toolContent(args: unknown, end: Pick<ToolEnd, "failed" | "result"> | undefined): Content | undefined {
  const result = end?.result;
  if (args === undefined && result === undefined) return undefined;
  const error_message = end?.failed && typeof result === "string" ? result : undefined;
  return { tool_arguments: args, tool_result: result, error_message };
}
