/**
 * Owns OTLP's JSON form of spans and log records, byte for byte what the official encoder writes (a test holds them
 * together, but for whole numbers in `FRACTIONS`), without an object for each part: half of its time.
 */
import { Bytes, Repeats } from "./bytes.ts";
import {
  FRACTIONS,
  HAS_IS_REMOTE,
  type OtelLog,
  type OtelSpan,
  type Resource,
  SAMPLED,
  SCOPE,
  type SpanEvent,
  type Time,
} from "./otel.ts";

/** A request with these spans, grouped by resource: its bytes, as long as `use` is at work with them. */
export function spansInJson<T>(spans: readonly OtelSpan[], use: (bytes: Uint8Array) => T): T {
  request("Spans", "spans", spans, span);
  return out.use(use);
}

/** The same for log records. */
export function logsInJson<T>(logs: readonly OtelLog[], use: (bytes: Uint8Array) => T): T {
  request("Logs", "logRecords", logs, log);
  return out.use(use);
}

const out = new Bytes();
const [COMMA, OPEN, CLOSE, QUOTE, END] = [44, 91, 93, 34, 125];

/** Text that comes again and again, as bytes. */
const fixed = (text: string): Uint8Array => new TextEncoder().encode(text);

const TRACE_ID = fixed('{"traceId":"');
const SPAN_ID = fixed('","spanId":"');
const PARENT = fixed('","parentSpanId":"');
const SPAN_NAME = fixed('","name":');
const KIND = fixed(',"kind":');
const START = fixed(',"startTimeUnixNano":');
const FINISH = fixed(',"endTimeUnixNano":');
const ATTRIBUTES = fixed(',"attributes":');
const EVENTS = fixed(',"droppedAttributesCount":0,"events":');
const STATUS = fixed(',"droppedEventsCount":0,"status":{"code":');
const MESSAGE = fixed(',"message":');
const FLAGS = fixed('},"links":[],"droppedLinksCount":0,"flags":');
const ARRAY = fixed('{"arrayValue":{"values":');
const OBJECT = fixed('{"kvlistValue":{"values":');

function request<T extends { readonly resource: Resource }>(
  signal: "Spans" | "Logs",
  list: string,
  items: readonly T[],
  write: (item: T) => void,
): void {
  out.text(`{"resource${signal}":`);
  array([...Map.groupBy(items, (item) => item.resource)], ([resource, own]) => {
    out.text('{"resource":{"attributes":');
    attributes(resource.attributes);
    out.text(',"droppedAttributesCount":0');
    const schema = resource.schemaUrl ? `,"schemaUrl":${JSON.stringify(resource.schemaUrl)}` : "";
    const scope = JSON.stringify({ name: SCOPE.name, version: SCOPE.version });
    out.text(`${schema}},"scope${signal}":[{"scope":${scope},"${list}":`);
    array(own, write);
    out.text(`,"schemaUrl":${JSON.stringify(SCOPE.schemaUrl)}}]${schema}}`);
  });
  out.byte(END);
}

function array<T>(items: readonly T[], write: (item: T) => void): void {
  out.byte(OPEN);
  for (let at = 0; at < items.length; at++) {
    if (at > 0) out.byte(COMMA);
    write(items[at] as T);
  }
  out.byte(CLOSE);
}

function span(given: OtelSpan): void {
  out.copy(TRACE_ID);
  out.text(given.traceId);
  out.copy(SPAN_ID);
  out.text(given.spanId);
  if (given.parentSpanId !== undefined) {
    out.copy(PARENT);
    out.text(given.parentSpanId);
  }
  out.copy(SPAN_NAME);
  text(given.name);
  out.copy(KIND);
  number(given.kind + 1);
  out.copy(START);
  time(given.startTime);
  out.copy(FINISH);
  time(given.endTime);
  out.copy(ATTRIBUTES);
  attributes(given.attributes);
  out.copy(EVENTS);
  array(given.events, event);
  out.copy(STATUS);
  number(given.status.code);
  if (given.status.message !== undefined) {
    out.copy(MESSAGE);
    text(given.status.message);
  }
  out.copy(FLAGS);
  number(SAMPLED | HAS_IS_REMOTE);
  out.byte(END);
}

function event({ name, time: at, attributes: about }: SpanEvent): void {
  out.text('{"attributes":');
  attributes(about ?? {});
  out.text(`,"name":${JSON.stringify(name)},"timeUnixNano":`);
  time(at);
  out.text(',"droppedAttributesCount":0}');
}

function log(given: OtelLog): void {
  out.text('{"timeUnixNano":');
  time(given.hrTime);
  out.text(',"observedTimeUnixNano":');
  time(given.hrTimeObserved);
  out.text(`,"severityNumber":${given.severityNumber},"severityText":${JSON.stringify(given.severityText)},`);
  out.text(`"body":{"stringValue":${JSON.stringify(given.body)}},"eventName":${JSON.stringify(given.eventName)},`);
  out.text('"attributes":');
  attributes(given.attributes);
  out.text(',"droppedAttributesCount":0');
  if (given.spanContext) {
    const { traceFlags, traceId, spanId } = given.spanContext;
    out.text(`,"flags":${traceFlags},"traceId":"${traceId}","spanId":"${spanId}"`);
  }
  out.byte(END);
}

function number(given: number): void {
  if (given >= 0 && given < 10 && Number.isInteger(given)) out.byte(48 + given);
  else out.text(Number.isFinite(given) ? String(given) : "null");
}

/** What JSON writes as it is, between quotation marks. */
const PLAIN = /^[ !#-[\]-~]*$/;

function text(given: string): void {
  if (PLAIN.test(given)) {
    out.byte(QUOTE);
    out.text(given);
    out.byte(QUOTE);
  } else out.text(JSON.stringify(given));
}

/** Nanoseconds since 1970, as a text. */
function time(at: Time): void {
  const seconds = at[0];
  const nanos = at[1];
  out.byte(QUOTE);
  if (seconds >= 1e9 && seconds < 1e10) {
    out.digits(seconds, 10);
    out.digits(nanos, 9);
  } else out.text(String(BigInt(seconds) * 1_000_000_000n + BigInt(nanos)));
  out.byte(QUOTE);
}

/** An attribute's name as it begins the attribute, before a text and before a whole number, whatever its type. */
interface Name {
  readonly any: Uint8Array;
  readonly text: Uint8Array;
  readonly whole: Uint8Array;
}

function nameOf(name: string): Name {
  const begin = `{"key":${JSON.stringify(name)},"value":`;
  const number = FRACTIONS.has(name) ? "double" : "int";
  return {
    any: fixed(begin),
    text: fixed(`${begin}{"stringValue":`),
    whole: fixed(`${begin}{"${number}Value":`),
  };
}

const named = new Repeats(out, nameOf, (name: Name, given: unknown) => {
  if (typeof given === "string") {
    out.copy(name.text);
    text(given);
    out.byte(END);
  } else if (typeof given === "number" && Number.isInteger(given)) {
    out.copy(name.whole);
    number(given);
    out.byte(END);
  } else {
    out.copy(name.any);
    value(given);
  }
  out.byte(END);
});

function attributes(given: Readonly<Record<string, unknown>>): void {
  out.byte(OPEN);
  let isFirst = true;
  for (const name in given) {
    if (!isFirst) out.byte(COMMA);
    isFirst = false;
    named.write(name, given[name]);
    named.flush();
  }
  out.byte(CLOSE);
}

function value(given: unknown): void {
  if (typeof given === "string") out.text(`{"stringValue":${JSON.stringify(given)}}`);
  else if (typeof given === "boolean") out.text(`{"boolValue":${given}}`);
  else if (typeof given === "number")
    out.text(`{"${Number.isInteger(given) ? "int" : "double"}Value":${JSON.stringify(given)}}`);
  else if (Array.isArray(given)) {
    out.copy(ARRAY);
    array(given, value);
    out.byte(END);
    out.byte(END);
  } else if (typeof given === "object" && given !== null) {
    out.copy(OBJECT);
    attributes(given as Readonly<Record<string, unknown>>);
    out.byte(END);
    out.byte(END);
  } else out.text("{}");
}
