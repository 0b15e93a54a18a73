/** Owns the CSV format: one row a record, RFC 4180, safe to open in a spreadsheet. */
import type { WeirRecord } from "../record/schema.ts";
import type { Writer } from "./writer.ts";

type Cell = string | number | boolean | undefined;

/** The columns, in their order; nested keys are joined by `_`. Lists are joined by spaces. */
const COLUMNS: readonly (readonly [name: string, cell: (r: WeirRecord) => Cell])[] = [
  ["time", (r) => r.time],
  ["end_time", (r) => r.end_time],
  ["duration_ms", (r) => r.duration_ms],
  ["agent", (r) => r.agent],
  ["agent_version", (r) => r.agent_version],
  ["stream", (r) => r.stream],
  ["operation", (r) => r.operation],
  ["name", (r) => r.name],
  ["status", (r) => r.status],
  ["error_type", (r) => r.error_type],
  ["provider", (r) => r.provider],
  ["request_model", (r) => r.request_model],
  ["model", (r) => r.model],
  ["input_tokens", (r) => r.usage?.input_tokens],
  ["output_tokens", (r) => r.usage?.output_tokens],
  ["cache_read_input_tokens", (r) => r.usage?.cache_read_input_tokens],
  ["cache_creation_input_tokens", (r) => r.usage?.cache_creation_input_tokens],
  ["reasoning_output_tokens", (r) => r.usage?.reasoning_output_tokens],
  ["aggregate", (r) => r.aggregate],
  ["cost_usd", (r) => r.cost_usd],
  ["tool_name", (r) => r.tool?.name],
  ["tool_call_id", (r) => r.tool?.call_id],
  ["session_id", (r) => r.session_id],
  ["parent_session_id", (r) => r.parent_session_id],
  ["forked_from", (r) => r.forked_from],
  ["subagent_id", (r) => r.subagent?.id],
  ["subagent_name", (r) => r.subagent?.name],
  ["turn", (r) => r.turn],
  ["ttft_ms", (r) => r.ttft_ms],
  ["finish_reasons", (r) => r.finish_reasons?.join(" ")],
  ["response_id", (r) => r.response_id],
  ["cwd", (r) => r.cwd],
  ["repository", (r) => r.repository],
  ["branch", (r) => r.branch],
  ["open", (r) => r.open],
  ["rev", (r) => r.rev],
  ["id", (r) => r.id],
  ["fact", (r) => r.fact],
  ["host", (r) => r.host],
];

/** A text that a spreadsheet would take for a formula gets an apostrophe in front. */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/;

/** One cell: numbers as numbers, texts quoted where needed and never a formula. */
export function csvCell(value: Cell): string {
  if (value === undefined) return "";
  if (typeof value !== "string") return String(value);
  const safe = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function csv(): Writer {
  return {
    begin: () => `${COLUMNS.map(([name]) => name).join(",")}\r\n`,
    record: (r) => `${COLUMNS.map(([, cell]) => csvCell(cell(r))).join(",")}\r\n`,
    end: () => "",
  };
}
