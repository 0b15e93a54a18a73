/** Owns the columns of tables: their names, order and types, and what of a record stands in each. */
import type { WeirRecord } from "../record/schema.ts";

export type Cell = string | number | boolean | undefined;

/** `time`: a text in RFC 3339; `json`: anything, which only typed formats hold. */
export type ColumnType = "text" | "time" | "whole" | "number" | "boolean" | "list" | "json";

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  readonly value: (r: WeirRecord) => unknown;
}

const column = (name: string, type: ColumnType, value: (r: WeirRecord) => unknown): Column => ({ name, type, value });

/** Nested keys are joined by `_`. */
export const COLUMNS: readonly Column[] = [
  column("time", "time", (r) => r.time),
  column("end_time", "time", (r) => r.end_time),
  column("duration_ms", "number", (r) => r.duration_ms),
  column("agent", "text", (r) => r.agent),
  column("agent_version", "text", (r) => r.agent_version),
  column("stream", "text", (r) => r.stream),
  column("operation", "text", (r) => r.operation),
  column("name", "text", (r) => r.name),
  column("status", "text", (r) => r.status),
  column("error_type", "text", (r) => r.error_type),
  column("provider", "text", (r) => r.provider),
  column("request_model", "text", (r) => r.request_model),
  column("model", "text", (r) => r.model),
  column("input_tokens", "whole", (r) => r.usage?.input_tokens),
  column("output_tokens", "whole", (r) => r.usage?.output_tokens),
  column("cache_read_input_tokens", "whole", (r) => r.usage?.cache_read_input_tokens),
  column("cache_creation_input_tokens", "whole", (r) => r.usage?.cache_creation_input_tokens),
  column("reasoning_output_tokens", "whole", (r) => r.usage?.reasoning_output_tokens),
  column("aggregate", "boolean", (r) => r.aggregate),
  column("cost_usd", "number", (r) => r.cost_usd),
  column("tool_name", "text", (r) => r.tool?.name),
  column("tool_call_id", "text", (r) => r.tool?.call_id),
  column("session_id", "text", (r) => r.session_id),
  column("parent_session_id", "text", (r) => r.parent_session_id),
  column("forked_from", "text", (r) => r.forked_from),
  column("subagent_id", "text", (r) => r.subagent?.id),
  column("subagent_name", "text", (r) => r.subagent?.name),
  column("turn", "whole", (r) => r.turn),
  column("ttft_ms", "number", (r) => r.ttft_ms),
  column("finish_reasons", "list", (r) => r.finish_reasons),
  column("response_id", "text", (r) => r.response_id),
  column("cwd", "text", (r) => r.cwd),
  column("repository", "text", (r) => r.repository),
  column("branch", "text", (r) => r.branch),
  column("open", "boolean", (r) => r.open),
  column("rev", "whole", (r) => r.rev),
  column("id", "text", (r) => r.id),
  column("fact", "text", (r) => r.fact),
  column("host", "text", (r) => r.host),
];

/** What only typed formats have room for. */
export const MORE_COLUMNS: readonly Column[] = [
  column("kind", "text", (r) => r.kind),
  column("conversation_id", "text", (r) => r.conversation_id),
  column("agent_name", "text", (r) => r.agent_name),
  column("tool_type", "text", (r) => r.tool?.type),
  column("trace_id", "text", (r) => r.trace_id),
  column("span_id", "text", (r) => r.span_id),
  column("parent_span_id", "text", (r) => r.parent_span_id),
  column("attributes", "json", (r) => r.attributes),
  column("resource", "json", (r) => r.resource),
  column("events", "json", (r) => r.events),
  column("content", "json", (r) => r.content),
  column("source_path", "text", (r) => r.source.path),
];
