/** Owns what the official OpenTelemetry encoders do for weir: they write metrics, and read answers in protobuf. */
import {
  JsonMetricsSerializer,
  ProtobufLogsSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
} from "@opentelemetry/otlp-transformer";
import type { Encoding, Signal } from "./otlp.ts";
import type { MetricsOfResource } from "./points.ts";

/** A request with these metrics. */
export function metricsAs(encoding: Encoding, metrics: MetricsOfResource): Uint8Array {
  const serializer = encoding === "json" ? JsonMetricsSerializer : ProtobufMetricsSerializer;
  // The encoder names its own interfaces; the shapes that weir builds have all that it reads.
  const bytes = serializer.serializeRequest(metrics as unknown as Parameters<typeof serializer.serializeRequest>[0]);
  if (!bytes) throw new Error("the encoder gave nothing for metrics");
  return bytes;
}

const SERIALIZERS = {
  traces: ProtobufTraceSerializer,
  metrics: ProtobufMetricsSerializer,
  logs: ProtobufLogsSerializer,
};

/** An answer in protobuf; throws for what is none. */
export function answerIn(body: Uint8Array, signal: Signal): unknown {
  return SERIALIZERS[signal].deserializeResponse(body);
}
