/** Owns OTLP messages: spans, log records and metrics as bytes, and what an answer says. */
import {
  JsonMetricsSerializer,
  ProtobufLogsSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
} from "@opentelemetry/otlp-transformer";
import type { OtelLog, OtelSpan } from "./otel.ts";
import { logsInJson, spansInJson } from "./otlp-text.ts";
import type { MetricsOfResource } from "./points.ts";
import { logsInProtobuf, spansInProtobuf } from "./protobuf.ts";

export const SIGNALS = ["traces", "metrics", "logs"] as const;
export type Signal = (typeof SIGNALS)[number];
export type Encoding = "protobuf" | "json";

/** What the receiver did with a request that it accepted. */
export interface Partial {
  readonly rejected: number;
  readonly message: string;
}

/** What a request carries: metrics of one resource, or spans or log records of any. */
export type Items = readonly OtelSpan[] | readonly OtelLog[] | MetricsOfResource;

/** What the official package calls a signal's format; answers are read by it, and the few metrics written. */
const OFFICIAL = { traces: ProtobufTraceSerializer, metrics: ProtobufMetricsSerializer, logs: ProtobufLogsSerializer };

/**
 * A request with these items: its bytes, as long as `use` is at work with them. Metrics are few, so the official encoders
 * write them; see `protobuf.ts` for the others.
 */
export function encoded<T>(signal: Signal, encoding: Encoding, items: Items, use: (bytes: Uint8Array) => T): T {
  const json = encoding === "json";
  if (signal === "traces") return (json ? spansInJson : spansInProtobuf)(items as readonly OtelSpan[], use);
  if (signal === "logs") return (json ? logsInJson : logsInProtobuf)(items as readonly OtelLog[], use);
  const serializer = json ? JsonMetricsSerializer : ProtobufMetricsSerializer;
  // The encoder names its own interfaces; the shapes that weir builds have all that it reads.
  const bytes = serializer.serializeRequest(items as unknown as Parameters<typeof serializer.serializeRequest>[0]);
  if (!bytes) throw new Error("the encoder gave nothing for metrics");
  return use(bytes);
}

/** The same, to keep. */
export function encode(signal: Signal, encoding: Encoding, items: Items): Uint8Array {
  return encoded(signal, encoding, items, (bytes) => bytes.slice());
}

/** What an answer with status 200 says; undefined when it is no OTLP answer at all. */
export function answerOf(
  signal: Signal,
  encoding: Encoding,
  contentType: string,
  body: Uint8Array,
): Partial | undefined {
  const type = contentType.split(";")[0]?.trim().toLowerCase() ?? "";
  const text = encoding === "json" || type === "application/json";
  if (body.length === 0) return /^text\/html/.test(type) ? undefined : { rejected: 0, message: "" };
  if (
    type !== "" &&
    type !== "application/json" &&
    type !== "application/x-protobuf" &&
    type !== "application/protobuf"
  )
    return undefined;
  try {
    const answer = text
      ? JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body))
      : OFFICIAL[signal].deserializeResponse(body);
    return partialOf(answer);
  } catch {
    return undefined;
  }
}

function partialOf(answer: unknown): Partial | undefined {
  if (typeof answer !== "object" || answer === null) return undefined;
  const partial = (answer as { partialSuccess?: Record<string, unknown> }).partialSuccess ?? {};
  const count = partial.rejectedSpans ?? partial.rejectedLogRecords ?? partial.rejectedDataPoints ?? 0;
  return { rejected: Number(count) || 0, message: String(partial.errorMessage ?? "") };
}
