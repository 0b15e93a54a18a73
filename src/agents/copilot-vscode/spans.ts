/** The trace database: what of its rows and attributes is read, and how they are spans. */
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
import { set } from "../../record/cut.ts";
import { list, number, object, text } from "../../record/json.ts";
import { structured } from "../../record/messages.ts";
import { CONTENT_ATTRIBUTES, type Span, spanTimes } from "../../record/spans.ts";
import { fromMillis } from "../../record/time.ts";
import { contentOf, type SpanTexts } from "./span-texts.ts";
import { reduceTrace, USELESS_ATTRIBUTES } from "./trace.ts";

/** Columns that repeat attributes, with their names: told also where the attributes were lost. */
const WORDS: Readonly<Record<string, string>> = {
  operation_name: GEN_AI.operationName,
  provider_name: GEN_AI.providerName,
  agent_name: GEN_AI.agentName,
  conversation_id: GEN_AI.conversationId,
  request_model: GEN_AI.requestModel,
  response_model: GEN_AI.responseModel,
  tool_name: GEN_AI.toolName,
  tool_call_id: GEN_AI.toolCallId,
  tool_type: GEN_AI.toolType,
  chat_session_id: "copilot_chat.chat_session_id",
};
const COUNTS: Readonly<Record<string, string>> = {
  input_tokens: GEN_AI.usageInputTokens,
  output_tokens: GEN_AI.usageOutputTokens,
  cached_tokens: GEN_AI.usageCacheReadInputTokens,
  reasoning_tokens: "gen_ai.usage.reasoning_tokens",
};
const WORD_NAMES = Object.values(WORDS);
const COUNT_NAMES = Object.values(COUNTS);
const OPTIONAL = ["parent_span_id", "status_code", "status_message", ...Object.keys(WORDS), ...Object.keys(COUNTS)];

/** A longer value is content, whatever its name: it stays unread. */
const LONGEST_VALUE = 512;
const LONGEST_EVENT = 16384;

/** Bytes are no value of any column: the extension writes texts and numbers. */
const word = (column: string): string => `CAST(${column} AS TEXT)`;
const count = (column: string): string => `iif(typeof(${column}) = 'blob', NULL, ${column})`;

const COLUMNS = [
  word("{spans.parent_span_id}"),
  word("name"),
  count("start_time_ms"),
  count("end_time_ms"),
  count("{spans.status_code}"),
  `(SELECT json_group_array(json_array(${word("name")}, ${count("timestamp_ms")},
      iif(octet_length(attributes) <= ${LONGEST_EVENT}, ${word("attributes")}, NULL), id))
    FROM span_events WHERE span_id = spans.span_id)`,
  ...Object.keys(WORDS).map((column) => word(`{spans.${column}}`)),
  ...Object.keys(COUNTS).map((column) => count(`{spans.${column}}`)),
];
const VALUE = `iif(octet_length(value) <= ${LONGEST_VALUE}, ${word("value")}, NULL)`;
const SILENT = [...CONTENT_ATTRIBUTES, ...USELESS_ATTRIBUTES];
const SILENT_NAMES = SILENT.map((name) => `'${name}'`).join();
const KEYS = "(SELECT value FROM json_each(?1))";

const LAYOUT: Layout = {
  name: "spans",
  needs: {
    spans: ["span_id", "trace_id", "name", "start_time_ms", "end_time_ms"],
    span_attributes: ["span_id", "key", "value"],
    span_events: ["id", "span_id", "name", "timestamp_ms", "attributes"],
  },
  optional: { spans: OPTIONAL },
  index: "SELECT trace_id FROM spans GROUP BY trace_id ORDER BY min(rowid)",
  blocks: {
    part: "spans",
    row: "span",
    values: "attributes",
    table: "spans",
    size: 256,
    group: "trace_id",
    key: "span_id",
    columns: COLUMNS,
    details: {
      table: "span_attributes",
      size: 4096,
      of: "span_id",
      name: "key",
      value: VALUE,
      silent: SILENT,
      repeated: Object.fromEntries(Object.entries(WORDS).map(([column, name]) => [name, column])),
    },
  },
  rows: {
    spans: `SELECT trace_id, json_array(${[word("trace_id"), word("span_id"), ...COLUMNS].join()}) AS span,
        (SELECT json_group_object(${word("key")}, ${VALUE} ORDER BY rowid) FROM span_attributes WHERE span_id = spans.span_id
          AND key NOT IN (${SILENT_NAMES})) AS attributes
      FROM spans WHERE trace_id IN ${KEYS}`,
  },
  texts: {
    whole: `SELECT trace_id, ${word("span_id")} AS span_id, name, start_time_ms, end_time_ms,
        ${OPTIONAL.map((column) => `{spans.${column}} AS ${column}`).join()} FROM spans WHERE trace_id IN ${KEYS}`,
    values: `SELECT trace_id, ${word("spans.span_id")} AS span_id, key, ${word("value")} AS value
      FROM spans JOIN span_attributes USING (span_id)
      WHERE trace_id IN ${KEYS} AND (key IN (${SILENT_NAMES}) OR octet_length(value) > ${LONGEST_VALUE})`,
    events: `SELECT trace_id, ${word("spans.span_id")} AS span_id, span_events.name, timestamp_ms, ${word("attributes")} AS attributes
      FROM spans JOIN span_events USING (span_id) WHERE trace_id IN ${KEYS} ORDER BY timestamp_ms, id`,
  },
  cursor: `SELECT end_time_ms, span_id, (SELECT max(rowid) FROM spans) AS _row,
      (SELECT span_id FROM spans ORDER BY rowid DESC LIMIT 1) AS _last
    FROM spans ORDER BY end_time_ms DESC, span_id DESC LIMIT 1`,
  // Rowids are given out in the order of commits: a gap above the last one is a row that came and went, or was written again.
  pruned: `SELECT CASE WHEN EXISTS (SELECT 1 FROM spans WHERE rowid = ?1 ->> '_row' AND span_id <> ?1 ->> '_last') THEN 0
      ELSE max(rowid) - ?1 ->> '_row' - count(*) END FROM spans WHERE rowid > ?1 ->> '_row'`,
  page: 100,
};

const NEWEST = 2;
/** A layout's number that weir does not know, told while the tables still fit. */
const NEWER: Layout = {
  name: "schema_version",
  needs: { ...LAYOUT.needs, schema_version: ["version"] },
  index: `SELECT version FROM schema_version WHERE version > ${NEWEST}`,
  rows: { version: `SELECT version FROM schema_version WHERE version IN ${KEYS}` },
};

/** The stream of a trace database at these places. */
export function spanStream(locate: Snapshot["locate"], rank: number): Stream {
  return snapshot({
    kind: "otel_traces",
    rank,
    version: 1,
    locate,
    session: () => undefined,
    groups: { form: "sqlite", layouts: [LAYOUT, NEWER], strict: true },
    reduce,
  });
}

function reduce(group: Group, _source: unknown, emit: Emit): void {
  if (group.layout === NEWER.name) {
    emit.unknown(`schema version ${group.key}`);
    return;
  }
  const spans = (group.rows?.spans ?? []).map(spanOf);
  spans.sort((a, b) => a.at - b.at || (a.span.spanId < b.span.spanId ? -1 : 1));
  reduceTrace(
    spans.map(({ span }) => span),
    emit,
    emit.captures ? textsIn(group, emit) : undefined,
  );
}

/** What gives the texts of each of the group's spans, and the span as its store has it. */
function textsIn({ rows }: Group, emit: Emit): (span: Span) => SpanTexts {
  const bySpan = ({ span_id }: Row): unknown => span_id;
  const whole = new Map(rows?.whole?.map((row) => [row.span_id, row]));
  const values = Map.groupBy(rows?.values ?? [], bySpan);
  const told = Map.groupBy(rows?.events ?? [], bySpan);
  return (span) => {
    const row = whole.get(span.spanId);
    const attributes: Record<string, unknown> = { ...span.attributes };
    for (const { key, value } of values.get(span.spanId) ?? []) set(attributes, String(key), structured(value));
    const events = (told.get(span.spanId) ?? []).map(({ name, timestamp_ms, attributes: given }) => ({
      name: String(name),
      timestamp_ms,
      attributes: object(structured(given)) ?? {},
    }));
    const content = contentOf(span, { attributes, events, message: row?.status_message }, emit);
    return { content, raw: { ...row, attributes, events } };
  };
}

function spanOf(row: Row): { readonly at: number; readonly span: Span } {
  const columns = list(parsed(row.span));
  const attributes = (object(parsed(row.attributes)) ?? {}) as Record<string, unknown>;
  const [traceId, spanId, parent, name, start, end, status, events] = columns;
  let at = 8;
  for (const told of WORD_NAMES) {
    const value = columns[at++];
    if (value !== null) attributes[told] = value;
  }
  for (const told of COUNT_NAMES) {
    const value = columns[at++];
    // The two are written together. Where another program changed one of them, the larger number is the later one.
    if (value !== null && !(typeof value === "number" && Number(attributes[told]) > value)) attributes[told] = value;
  }
  const span = {
    traceId: String(traceId),
    spanId: String(spanId),
    parentSpanId: text(parent),
    name: text(name) ?? "",
    ...spanTimes(start, end),
    status: number(status),
    attributes,
    events: events === "[]" ? NONE : eventsOf(list(parsed(events))),
  };
  return { at: Number(start), span };
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

/** The value of a JSON text; what is none is a value already. */
function parsed(json: unknown): unknown {
  if (typeof json !== "string") return json;
  try {
    return JSON.parse(json);
  } catch {
    return undefined; // cut at 64,000 characters, or written by another program
  }
}
