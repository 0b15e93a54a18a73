/** Owns how the OpenTelemetry SDK's objects look in JSON, as file exporters write them: spans, and pairs for times. */
import { type JsonObject, list, number, object, text } from "./json.ts";
import { CONTENT_ATTRIBUTES, type Span, type SpanEvent } from "./spans.ts";
import { fromNanos } from "./time.ts";

const ATTRIBUTES = { "*": true, ...Object.fromEntries(CONTENT_ATTRIBUTES.map((name) => [name, 0])) } as const;

/** What of a span is read where texts are left alone, as a stream's `reads` say it; of content only that it is there. */
export const SPAN_KEYS = {
  traceId: true,
  spanId: true,
  parentSpanContext: { spanId: true },
  parentSpanId: true,
  name: true,
  startTime: true,
  endTime: true,
  duration: true,
  status: { code: true },
  attributes: ATTRIBUTES,
  events: { name: true, time: true, attributes: ATTRIBUTES },
  resource: { attributes: { "*": true } },
} as const;

/** A time of the SDK's own JSON: seconds and nanoseconds. */
export function hrTime(value: unknown): string | undefined {
  const [seconds, nanos] = list(value).map(number);
  return seconds === undefined || nanos === undefined || seconds < 0 || nanos < 0
    ? undefined
    : fromNanos(BigInt(Math.trunc(seconds)) * 1_000_000_000n + BigInt(Math.trunc(nanos)));
}

/** A span as the SDK's file exporters write it; undefined when it has no ids. */
export function sdkSpan(o: JsonObject): Span | undefined {
  const traceId = text(o.traceId);
  const spanId = text(o.spanId);
  if (traceId === undefined || spanId === undefined) return undefined;
  const [start, end] = [hrTime(o.startTime), hrTime(o.endTime)];
  const [seconds, nanos] = list(o.duration).map(number);
  const events = list(o.events).flatMap((item): SpanEvent[] => {
    const event = object(item);
    const name = text(event?.name);
    return name === undefined ? [] : [{ name, time: hrTime(event?.time), attributes: object(event?.attributes) ?? {} }];
  });
  return {
    traceId,
    spanId,
    parentSpanId: text(object(o.parentSpanContext)?.spanId) ?? text(o.parentSpanId),
    name: text(o.name) ?? "",
    start,
    end,
    durationMs:
      seconds === undefined || nanos === undefined ? undefined : Math.round(seconds * 1e6 + nanos / 1e3) / 1e3,
    status: number(object(o.status)?.code),
    attributes: object(o.attributes) ?? {},
    events,
    resource: object(object(o.resource)?.attributes),
  };
}
