/**
 * Owns OTLP's JSON form of spans and log records, byte for byte what the official encoder writes (a test holds them
 * together), without an object for each part: half of its time.
 */
import { Bytes } from "./bytes.ts";
import { HAS_IS_REMOTE, type OtelLog, type OtelSpan, type Resource, SCOPE, type SpanEvent, type Time } from "./otel.ts";

/** A request with these spans, grouped by resource. */
export function spansInJson(spans: readonly OtelSpan[]): Uint8Array {
  return request("Spans", "spans", spans, span);
}

/** A request with these log records, grouped by resource. */
export function logsInJson(logs: readonly OtelLog[]): Uint8Array {
  return request("Logs", "logRecords", logs, log);
}

const out = new Bytes();
const COMMA = 44;

const fixed = new Map<string, Uint8Array>();

/** Text that comes again and again: it is turned into bytes once. */
function put(text: string): void {
  let bytes = fixed.get(text);
  if (!bytes) {
    bytes = new TextEncoder().encode(text);
    fixed.set(text, bytes);
  }
  out.copy(bytes);
}

function request<T extends { readonly resource: Resource }>(
  signal: "Spans" | "Logs",
  list: string,
  items: readonly T[],
  write: (item: T) => void,
): Uint8Array {
  put(`{"resource${signal}":[`);
  let isFirst = true;
  for (const [resource, own] of Map.groupBy(items, (item) => item.resource)) {
    if (!isFirst) out.byte(COMMA);
    isFirst = false;
    put('{"resource":{"attributes":');
    attributes(resource.attributes);
    put(',"droppedAttributesCount":0');
    const schema = resource.schemaUrl ? `,"schemaUrl":${JSON.stringify(resource.schemaUrl)}` : "";
    put(schema);
    put(`},"scope${signal}":[{"scope":${JSON.stringify({ name: SCOPE.name, version: SCOPE.version })},"${list}":`);
    array(own, write);
    put(`,"schemaUrl":${JSON.stringify(SCOPE.schemaUrl)}}]`);
    put(schema);
    put("}");
  }
  put("]}");
  return out.take();
}

function array<T>(items: readonly T[], write: (item: T) => void): void {
  put("[");
  let isFirst = true;
  for (const item of items) {
    if (!isFirst) out.byte(COMMA);
    isFirst = false;
    write(item);
  }
  put("]");
}

function span(given: OtelSpan): void {
  const { traceId, spanId, traceFlags } = given.spanContext();
  put('{"traceId":"');
  out.text(traceId);
  put('","spanId":"');
  out.text(spanId);
  if (given.parentSpanContext) {
    put('","parentSpanId":"');
    out.text(given.parentSpanContext.spanId);
  }
  put('","name":');
  text(given.name);
  put(',"kind":');
  number(given.kind + 1);
  put(',"startTimeUnixNano":');
  time(given.startTime);
  put(',"endTimeUnixNano":');
  time(given.endTime);
  put(',"attributes":');
  attributes(given.attributes);
  put(',"droppedAttributesCount":0,"events":');
  array(given.events, event);
  put(',"droppedEventsCount":0,"status":{"code":');
  number(given.status.code);
  if (given.status.message !== undefined) {
    put(',"message":');
    text(given.status.message);
  }
  put('},"links":[],"droppedLinksCount":0,"flags":');
  number(traceFlags | HAS_IS_REMOTE);
  put("}");
}

function event({ name, time: at, attributes: about }: SpanEvent): void {
  put('{"attributes":');
  attributes(about ?? {});
  put(',"name":');
  text(name);
  put(',"timeUnixNano":');
  time(at);
  put(',"droppedAttributesCount":0}');
}

function log(given: OtelLog): void {
  put('{"timeUnixNano":');
  time(given.hrTime);
  put(',"observedTimeUnixNano":');
  time(given.hrTimeObserved);
  put(',"severityNumber":');
  number(given.severityNumber);
  put(',"severityText":');
  text(given.severityText);
  put(',"body":');
  value(given.body);
  put(',"eventName":');
  text(given.eventName);
  put(',"attributes":');
  attributes(given.attributes);
  put(',"droppedAttributesCount":0');
  if (given.spanContext) {
    put(',"flags":');
    number(given.spanContext.traceFlags);
    put(',"traceId":"');
    out.text(given.spanContext.traceId);
    put('","spanId":"');
    out.text(given.spanContext.spanId);
    put('"');
  }
  put("}");
}

function number(given: number): void {
  out.text(Number.isFinite(given) ? String(given) : "null");
}

function text(given: string): void {
  out.text(JSON.stringify(given));
}

/** Nanoseconds since 1970, as a text. */
function time([seconds, nanos]: Time): void {
  const digits =
    seconds > 0
      ? `${seconds}${String(nanos).padStart(9, "0")}`
      : String(BigInt(seconds) * 1_000_000_000n + BigInt(nanos));
  out.text(`"${digits}"`);
}

const names = new Map<string, Uint8Array>();

function nameOf(name: string): Uint8Array {
  let known = names.get(name);
  if (!known) {
    known = new TextEncoder().encode(`{"key":${JSON.stringify(name)},"value":`);
    names.set(name, known);
  }
  return known;
}

function attributes(given: Readonly<Record<string, unknown>>): void {
  put("[");
  let isFirst = true;
  for (const name in given) {
    if (!isFirst) out.byte(COMMA);
    isFirst = false;
    out.copy(nameOf(name));
    value(given[name]);
    put("}");
  }
  put("]");
}

function value(given: unknown): void {
  if (typeof given === "string") {
    put('{"stringValue":');
    text(given);
    put("}");
  } else if (typeof given === "number") {
    put(Number.isInteger(given) ? '{"intValue":' : '{"doubleValue":');
    number(given);
    put("}");
  } else if (typeof given === "boolean") put(given ? '{"boolValue":true}' : '{"boolValue":false}');
  else if (Array.isArray(given)) {
    put('{"arrayValue":{"values":');
    array(given, value);
    put("}}");
  } else if (typeof given === "object" && given !== null) {
    put('{"kvlistValue":{"values":');
    attributes(given as Readonly<Record<string, unknown>>);
    put("}}");
  } else put("{}");
}
