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
import { list, number, object, text } from "../../record/json.ts";
import { type Span, spanTimes } from "../../record/spans.ts";
import { fromMillis } from "../../record/time.ts";
import { reduceTrace } from "./trace.ts";

/** Columns that repeat attributes, with their names: told also where the attributes were lost. */
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
  reasoning_tokens: "gen_ai.usage.reasoning_tokens",
  tool_name: GEN_AI.toolName,
  tool_call_id: GEN_AI.toolCallId,
  tool_type: GEN_AI.toolType,
  chat_session_id: "copilot_chat.chat_session_id",
};
const COLUMNS = Object.entries(REPEATED);
const OPTIONAL = ["parent_span_id", "status_code", ...Object.keys(REPEATED)];

/** A longer value is content, whatever its name: it stays unread. */
const LONGEST_VALUE = 512;
const LONGEST_EVENT = 16384;
/** The newest rows, of which everything is compared: only there a rowid can come again. */
const NEWEST = 1024;

const everything = `json_array(name, ${OPTIONAL.map((name) => `{spans.${name}}`).join()},
  (SELECT group_concat(id || name || octet_length(attributes)) FROM span_events WHERE span_id = spans.span_id),
  (SELECT group_concat(rowid || key || iif(octet_length(value) <= 256, value, octet_length(value)))
    FROM span_attributes WHERE span_id = spans.span_id))`;

const LAYOUT: Layout = {
  name: "spans",
  needs: {
    spans: ["span_id", "trace_id", "name", "start_time_ms", "end_time_ms"],
    span_attributes: ["span_id", "key", "value"],
    span_events: ["id", "span_id", "name", "timestamp_ms", "attributes"],
  },
  optional: { spans: OPTIONAL },
  // A row that is written again moves: who changes an older one in place is not the extension.
  index: `SELECT trace_id, group_concat(rowid || ' ' || span_id || ' ' || start_time_ms || ' ' || end_time_ms
        || iif(rowid > newest, ${everything}, ''))
    FROM (SELECT max(rowid) / ${NEWEST} * ${NEWEST} - ${NEWEST} AS newest FROM spans) CROSS JOIN spans
    GROUP BY trace_id ORDER BY min(rowid)`,
  rows: {
    spans: `SELECT trace_id, span_id, name, start_time_ms, end_time_ms,
        ${OPTIONAL.map((name) => `{spans.${name}} AS ${name}`).join()},
        (SELECT json_group_object(key, iif(octet_length(value) <= ${LONGEST_VALUE}, value, NULL))
          FROM span_attributes WHERE span_id = spans.span_id) AS attributes,
        (SELECT json_group_array(json_array(name, format('%!.17g', timestamp_ms),
            iif(octet_length(attributes) <= ${LONGEST_EVENT}, attributes, NULL), id))
          FROM span_events WHERE span_id = spans.span_id) AS events
      FROM spans WHERE trace_id IN (SELECT value FROM json_each(?1))`,
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
  const rows = [...(group.rows?.spans ?? [])];
  rows.sort(
    (a, b) => Number(a.start_time_ms) - Number(b.start_time_ms) || (String(a.span_id) < String(b.span_id) ? -1 : 1),
  );
  reduceTrace(rows.map(spanOf), emit);
}

function spanOf(row: Row): Span {
  const attributes = (object(parsed(row.attributes)) ?? {}) as Record<string, unknown>;
  for (const [column, name] of COLUMNS) {
    const value = row[column];
    // The two are written together. Where another program changed one of them, the larger number is the later one.
    if (value !== null && value !== undefined && !(typeof value === "number" && Number(attributes[name]) > value))
      attributes[name] = value;
  }
  return {
    traceId: String(row.trace_id),
    spanId: String(row.span_id),
    parentSpanId: text(row.parent_span_id),
    name: text(row.name) ?? "",
    ...spanTimes(row.start_time_ms, row.end_time_ms),
    status: number(row.status_code),
    attributes,
    events: row.events === "[]" ? NONE : eventsOf(list(parsed(row.events))),
  };
}

const NONE: Span["events"] = [];

function eventsOf(told: readonly unknown[]): Span["events"] {
  const events = told.map((item) => {
    const [name, time, attributes, id] = list(item);
    return { name: String(name), at: Number(time), id: Number(id), attributes: object(parsed(attributes)) ?? {} };
  });
  events.sort((a, b) => a.at - b.at || a.id - b.id);
  return events.map(({ name, at, attributes }) => ({ name, time: fromMillis(at), attributes }));
}

function parsed(json: unknown): unknown {
  if (typeof json !== "string") return undefined;
  try {
    return JSON.parse(json);
  } catch {
    return undefined; // cut at 64,000 characters, or written by another program
  }
}
