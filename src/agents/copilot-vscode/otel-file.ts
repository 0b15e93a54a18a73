/**
 * The file exporter: spans, log records and cumulative metrics of all windows in one file of JSON Lines, told apart by
 * their shape alone. Older exporters write `{}` for every span: those are lost, and their calls are taken from the log
 * records that tell them a second time.
 */
import { type Draft, type Emit, type Keys, type Line, type Reads, type Stream, tail, whole } from "../../read/types.ts";
import { allowAttributes, GEN_AI } from "../../record/attributes.ts";
import { type JsonObject, list, object, text } from "../../record/json.ts";
import type { Content } from "../../record/schema.ts";
import { hrTime, SPAN_KEYS, sdkSpan } from "../../record/sdk.ts";
import { spanContent } from "../../record/span-content.ts";
import { bareSpan, type Span, spanFact, spanOperation, spanUsage } from "../../record/spans.ts";
import { callFact } from "./facts.ts";
import { contentOf } from "./span-texts.ts";
import { isSessionName, lonelyDraft, ownSession } from "./trace.ts";

interface State {
  /** Sessions by the id of a run's span or of a trace, the latest last. */
  sessions: [id: string, session: string][];
  /** Spans that their parent has yet to say something of: they end before it. */
  waiting: Waiting[];
  /** Calls told by log records, as long as it is not known whether spans tell them too. */
  calls: Logged[];
  /** Whose spans are written; the latest last. */
  writers: string[];
  /** Some program's spans are lost. */
  lost?: true;
}

interface Logged {
  readonly writer: string;
  readonly draft: Draft;
}

interface Waiting {
  readonly span: Span;
  readonly at: number;
  /** Its texts, kept. */
  readonly content?: Content;
}

const KNOWN_SESSIONS = 512;
const KNOWN_WRITERS = 64;
const WAITING = 256;

const DETAILS = "gen_ai.client.inference.operation.details";
const SESSION_START = "copilot_chat.session.start";

/** Attributes that hold content, beside those that the conventions know. */
const CONTENT = [
  "copilot_chat.event_details",
  "copilot_chat.hook_input",
  "copilot_chat.hook_output",
  "copilot_chat.markdown_content",
  "copilot_chat.prompt_context",
  "copilot_chat.prompt_instructions",
  "copilot_chat.reasoning_content",
  "copilot_chat.user_request",
];
const ATTRIBUTES: Keys = { ...SPAN_KEYS.attributes, ...Object.fromEntries(CONTENT.map((name) => [name, 0])) };
/** A line is known by its shape, so of every key is read that it is there. */
const READS: Reads = {
  keys: {
    ...SPAN_KEYS,
    attributes: ATTRIBUTES,
    resource: { ...SPAN_KEYS.resource, _rawAttributes: true },
    hrTime: true,
    spanContext: whole("traceId", "spanId"),
    type: true,
    "*": 0,
  },
};

/** The exporters' files at these places. */
export function otelFileStream(locate: Stream["locate"], rank: number): Stream {
  return tail<State>({
    kind: "otel_file",
    rank,
    version: 3,
    reads: READS,
    locate,
    session: () => undefined,
    start: () => ({ sessions: [], waiting: [], calls: [], writers: [] }),
    step,
    open,
  });
}

function step(state: State, line: Line, emit: Emit): void {
  const o = line.json();
  if (Object.keys(o).length === 0) {
    emit.lost("span (its exporter wrote {})");
    state.lost = true;
    for (const { draft } of state.calls.splice(0)) emit({ ...draft, raw: null });
    return;
  }
  const span = o.hrTime === undefined ? sdkSpan(o) : undefined;
  if (span) {
    const told = { ...span, message: object(o.status)?.message };
    readSpan(state, { span, at: line.offset, content: contentOf(span, told, emit) }, emit);
  } else if (o.hrTime !== undefined) readLog(state, o, line.offset, emit);
  else if (o.scopeMetrics === undefined && o.type !== "metric") emit.unknown(`line with ${Object.keys(o).join()}`);
}

function readSpan(state: State, told: Waiting, emit: Emit): void {
  const { span, at } = told;
  knowWriter(state, writerOf(span.resource ?? {}));
  const { traceId, spanId, parentSpanId } = span;
  const own = ownSession(span);
  if (own !== undefined && spanOperation(span) === "invoke_agent") knowSession(state, spanId, own);
  if (own !== undefined && parentSpanId === undefined) knowSession(state, traceId, own);
  const known = own ?? sessionOf(state, parentSpanId);
  const draft = lonelyDraft(span, known, emit.unknown);
  if (parentSpanId !== undefined && (known === undefined || isInner(span)))
    state.waiting.push({ ...told, span: bareSpan(span, isSessionName) });
  else emit({ ...draft, content: told.content, at: { offset: at } });
  if (known !== undefined || parentSpanId === undefined) settle(state, span, known ?? sessionOf(state, traceId), emit);
  while (state.waiting.length > WAITING) {
    const first = state.waiting.shift() as Waiting;
    tell(ownSession(first.span) ?? sessionOf(state, first.span.traceId), first, emit);
  }
}

/** Tells what waited for a span: all that is below it, and with a root all that is left of its trace. */
function settle(state: State, span: Span, session: string | undefined, emit: Emit): void {
  const below = new Set([span.spanId]);
  const isBelow = ({ span: { traceId, parentSpanId = "" } }: Waiting): boolean =>
    traceId === span.traceId && (span.parentSpanId === undefined || below.has(parentSpanId));
  for (let known = 0; known < below.size; ) {
    known = below.size;
    for (const w of state.waiting) if (isBelow(w)) below.add(w.span.spanId);
  }
  const all = state.waiting;
  state.waiting = [];
  for (const w of all) {
    if (isBelow(w) && w.span.spanId !== span.spanId) tell(ownSession(w.span) ?? session, w, emit, span);
    else state.waiting.push(w);
  }
}

/** A nameless run below something: if that is a run, they are one. */
function isInner({ attributes, ...span }: Span): boolean {
  return spanOperation({ ...span, attributes }) === "invoke_agent" && attributes[GEN_AI.agentName] === undefined;
}

/** Tells a span that waited. */
function tell(session: string | undefined, { span, at, content }: Waiting, emit: Emit, parent?: Span): void {
  const draft = lonelyDraft(span, session);
  const isOne = parent && parent.spanId === span.parentSpanId && isInner(span) && isRun(parent);
  const run = isOne ? { fact: spanFact(parent), agent_name: text(parent.attributes[GEN_AI.agentName]) } : {};
  emit({ ...draft, ...run, content, raw: null, at: { offset: at } });
}

const isRun = (span: Span): boolean => spanOperation(span) === "invoke_agent";

function sessionOf(state: State, id: string | undefined): string | undefined {
  return state.sessions.findLast(([known]) => known === id)?.[1];
}

function knowSession(state: State, id: string, session: string): void {
  if (sessionOf(state, id) !== undefined) return;
  state.sessions.push([id, session]);
  if (state.sessions.length > KNOWN_SESSIONS) state.sessions.shift();
}

/** A version of a program writes all its spans or loses all of them, whatever others write to the same file. */
function writerOf(resource: JsonObject): string {
  return `${text(resource["service.name"]) ?? ""} ${text(resource["service.version"]) ?? ""}`;
}

function knowWriter(state: State, writer: string): void {
  if (state.writers.includes(writer)) return;
  state.writers.push(writer);
  if (state.writers.length > KNOWN_WRITERS) state.writers.shift();
  state.calls = state.calls.filter((call) => call.writer !== writer);
}

function readLog(state: State, o: JsonObject, offset: number, emit: Emit): void {
  const attributes = object(o.attributes) ?? {};
  const context = object(o.spanContext);
  const trace = text(context?.traceId);
  const session = text(attributes["session.id"]);
  if (attributes["event.name"] === SESSION_START && trace !== undefined && session !== undefined)
    knowSession(state, trace, session);
  if (attributes["event.name"] !== DETAILS) return;
  const resource = resourceOf(o);
  const writer = writerOf(resource);
  if (state.writers.includes(writer)) return;
  const call = callOf(o, attributes, trace, sessionOf(state, trace), offset);
  const draft = {
    ...call,
    agent_version: text(resource["service.version"]),
    content: spanContent(attributes, "chat", emit),
  };
  if (state.lost) {
    emit(draft);
    return;
  }
  state.calls.push({ writer, draft });
  if (state.calls.length > WAITING) emit({ ...(state.calls.shift() as Logged).draft, raw: null });
}

/** A call as its log record tells it: when it ended, not when it began. */
function callOf(
  o: JsonObject,
  a: JsonObject,
  trace: string | undefined,
  session: string | undefined,
  offset: number,
): Draft {
  const time = hrTime(o.hrTime);
  const usage = spanUsage(a);
  const responseId = text(a[GEN_AI.responseId]);
  const error = text(a["error.type"]);
  const otherwise = `${trace ?? ""}/${text(object(o.spanContext)?.spanId) ?? ""}@${time}`;
  const fact = callFact(responseId, usage, time, otherwise);
  const reasons = list(a[GEN_AI.responseFinishReasons]).filter((reason) => typeof reason === "string");
  return {
    key: fact,
    scope: trace ?? "",
    fact,
    operation: "chat",
    kind: "client",
    session_id: session,
    trace_id: trace,
    time,
    end_time: time,
    status: error === undefined ? "ok" : "error",
    error_type: error,
    request_model: text(a[GEN_AI.requestModel]),
    model: text(a[GEN_AI.responseModel]),
    response_id: responseId,
    finish_reasons: reasons.length > 0 ? [...new Set(reasons)] : undefined,
    usage,
    attributes: allowAttributes({
      [GEN_AI.requestMaxTokens]: a[GEN_AI.requestMaxTokens],
      [GEN_AI.requestTemperature]: a[GEN_AI.requestTemperature],
    }),
    at: { offset },
  };
}

/** The SDK's own fields leak into a log record: its resource is a list of pairs. */
function resourceOf(o: JsonObject): JsonObject {
  const resource = object(o.resource);
  const pairs = list(resource?._rawAttributes).map((pair) => list(pair).map(text));
  return object(resource?.attributes) ?? Object.fromEntries(pairs.map(([name, value]) => [name ?? "", value]));
}

function open(state: State, emit: Emit): void {
  for (const { span, at, content } of state.waiting) {
    const draft = lonelyDraft(span, ownSession(span) ?? sessionOf(state, span.traceId));
    emit({ ...draft, open: true, content, at: { offset: at } });
  }
}
