/** The trace database: which of its columns are read, what makes a trace a changed one, and how its rows are spans. */
import {
  type Emit,
  type Group,
  type Layout,
  type Row,
  type Snapshot,
  type Stream,
  snapshot,
} from "../../read/types.ts";
import { GEN_AI } from "../../record/attributes.ts";
import { type JsonObject, list, number, object, text } from "../../record/json.ts";
import { type Span, spanTimes } from "../../record/spans.ts";
import { fromMillis } from "../../record/time.ts";
import { reduceTrace } from "./trace.ts";

/** Columns beside the ids and times, by the attribute that they repeat: what is told where attributes were lost. */
const REPEATED: Readonly<Record<string, string>> = {
  operation_name: GEN_AI.operationName,
  provider_name: GEN_AI.providerName,
  agent_name: GEN_AI.agentName,
  conversation_id: GEN_AI.conversationId,
  request_model: GEN_AI.requestModel,
  response_model: GEN_AI.responseModel,
  input_tokens: GEN_AI.usageInputTokens,
  output_tokens: GEN_AI.usageOutputTokens,
  cached_tokens: GEN_AI.usageCacheReadInputTokens,
  reasoning_tokens: GEN_AI.usageReasoningOutputTokens,
  tool_name: GEN_AI.toolName,
  tool_call_id: GEN_AI.toolCallId,
  tool_type: GEN_AI.toolType,
  chat_session_id: "copilot_chat.chat_session_id",
  ttft_ms: "copilot_chat.time_to_first_token",
};
const OPTIONAL = ["parent_span_id", "status_code", ...Object.keys(REPEATED)];

/** A longer value is content, whatever its name: it stays unread. */
const LONGEST_VALUE = 1024;
const LONGEST_EVENT = 16384;
/** The newest rows of which also the attributes are compared: only there a rowid can come again. */
const NEWEST = 2048;

const columns = OPTIONAL.map((name) => `{spans.${name}}`).join();
const shortAttributes = `SELECT group_concat(rowid || key || iif(octet_length(value) <= 256, value, octet_length(value)))
  FROM span_attributes WHERE span_id = spans.span_id`;

/**
 * A trace has changed when a row of it is new, gone, written again (another rowid or event id) or otherwise another.
 * Columns are declared INTEGER and hold fractions: their text is no proof, but whoever writes a row again moves it.
 */
const LAYOUT: Layout = {
  name: "spans",
  needs: {
    spans: ["span_id", "trace_id", "name", "start_time_ms", "end_time_ms"],
    span_attributes: ["span_id", "key", "value"],
    span_events: ["id", "span_id", "name", "timestamp_ms", "attributes"],
  },
  optional: { spans: OPTIONAL },
  index: `SELECT trace_id, group_concat(json_array(rowid, span_id, name, start_time_ms, end_time_ms, ${columns},
      (SELECT count(*) || ' ' || max(id) FROM span_events WHERE span_id = spans.span_id),
      CASE WHEN rowid > (SELECT max(rowid) / ${NEWEST} * ${NEWEST} - ${NEWEST} FROM spans) THEN (${shortAttributes}) END))
    FROM spans GROUP BY trace_id`,
  rows: {
    spans: `SELECT trace_id, span_id, name, start_time_ms, end_time_ms, ${OPTIONAL.map((name) => `{spans.${name}} AS ${name}`).join()},
        (SELECT json_group_object(key, iif(octet_length(value) <= ${LONGEST_VALUE}, value, NULL))
          FROM span_attributes WHERE span_id = spans.span_id) AS attributes,
        (SELECT json_group_array(json_array(name, format('%!.17g', timestamp_ms),
            iif(octet_length(attributes) <= ${LONGEST_EVENT}, attributes, NULL)))
          FROM (SELECT name, timestamp_ms, attributes FROM span_events
            WHERE span_id = spans.span_id ORDER BY timestamp_ms, id)) AS events
      FROM spans WHERE trace_id IN (SELECT value FROM json_each(?1)) ORDER BY start_time_ms, rowid`,
  },
  cursor: `SELECT end_time_ms, span_id, (SELECT max(rowid) FROM spans) AS _row,
      (SELECT span_id FROM spans ORDER BY rowid DESC LIMIT 1) AS _last
    FROM spans ORDER BY end_time_ms DESC, span_id DESC LIMIT 1`,
  // Rowids are given out in the order of commits: a gap above the last one is a row that came and went.
  pruned: `SELECT CASE WHEN EXISTS (SELECT 1 FROM spans WHERE rowid = ?1 ->> '_row' AND span_id <> ?1 ->> '_last') THEN 0
      ELSE max(rowid) - ?1 ->> '_row' - count(*) END FROM spans WHERE rowid > ?1 ->> '_row'`,
  page: 100,
};

/** The stream of a trace database at these places. */
export function spanStream(locate: Snapshot["locate"], rank: number): Stream {
  return snapshot({
    kind: "otel_traces",
    rank,
    version: 1,
    locate,
    session: () => undefined,
    groups: { form: "sqlite", layouts: [LAYOUT] },
    reduce,
  });
}

function reduce(group: Group, _source: unknown, emit: Emit): void {
  reduceTrace((group.rows?.spans ?? []).map(spanOf), emit);
}

function spanOf(row: Row): Span {
  const attributes: Record<string, unknown> = {};
  for (const [column, name] of Object.entries(REPEATED)) {
    const value = row[column];
    if (value !== null && value !== undefined) attributes[name] = value;
  }
  return {
    traceId: String(row.trace_id),
    spanId: String(row.span_id),
    parentSpanId: text(row.parent_span_id),
    name: text(row.name) ?? "",
    ...spanTimes(row.start_time_ms, row.end_time_ms),
    status: number(row.status_code),
    attributes: Object.assign(attributes, parsed(row.attributes)),
    events: list(parsed(row.events)).map((item) => {
      const [name, time, told] = list(item);
      return { name: String(name), time: fromMillis(Number(time)), attributes: object(parsed(told)) ?? {} };
    }),
  };
}

function parsed(json: unknown): JsonObject | readonly unknown[] {
  try {
    return (JSON.parse(String(json ?? "{}")) as JsonObject | null) ?? {};
  } catch {
    return {}; // cut at 64,000 characters, or written by another program
  }
}
