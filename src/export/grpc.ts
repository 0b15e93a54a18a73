/** Owns OTLP over gRPC: the methods of the three services, and what their status codes mean. */
import { call as unary } from "../system/grpc.ts";
import { type Certificates, meaningIn } from "../system/network.ts";
import { answerOf, type Signal } from "./otlp.ts";
import type { Outcome } from "./outcome.ts";

const METHODS: Readonly<Record<Signal, string>> = {
  traces: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
  metrics: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
  logs: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
};

/** Codes after which the same request may be sent again (OTLP specification). */
const RETRYABLE: Readonly<Record<number, string>> = {
  1: "cancelled",
  4: "no answer in time",
  10: "aborted",
  11: "out of range",
  14: "unavailable",
  15: "data loss",
};
const UNAVAILABLE = 14;
const NOT_GRPC = "is a gRPC receiver there? (4317 is its usual port)";
const INVALID_ARGUMENT = 3;
const RESOURCE_EXHAUSTED = 8;
const NAMES: Readonly<Record<number, string>> = {
  5: "not found",
  7: "permission denied: the credentials do not permit this",
  12: "unimplemented: it does not take this signal",
  13: "internal error",
  16: "unauthenticated: the credentials are missing or wrong: --headers-file gives them",
};

export interface Request {
  readonly signal: Signal;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly gzip: boolean;
  readonly timeoutMs: number;
  readonly cut: AbortSignal;
  readonly certificates: Certificates;
}

/** Sends a request and says what its answer means. */
export async function call({ signal, ...request }: Request): Promise<Outcome> {
  const answer = await unary({ ...request, method: METHODS[signal] });
  if ("body" in answer) {
    const partial = await answerOf(signal, "protobuf", "application/x-protobuf", answer.body);
    if (partial) return { kind: "accepted", ...partial };
    return { kind: "again", reason: "answered, but not as an OTLP receiver does" };
  }
  const { code, message, details } = answer;
  const again = RETRYABLE[code];
  if (again !== undefined) {
    const meaning = meaningIn(message) ?? (code === UNAVAILABLE ? NOT_GRPC : undefined);
    const reason = meaning === undefined ? again : `${again}: ${meaning}`;
    return { kind: "again", reason, afterMs: details && retryDelay(details) };
  }
  if (code === INVALID_ARGUMENT) return { kind: "halve", reason: "answered invalid argument" };
  if (code === RESOURCE_EXHAUSTED) {
    const afterMs = details && retryDelay(details);
    if (afterMs !== undefined) return { kind: "again", reason: "resource exhausted", afterMs };
    return /larger|too large|size/i.test(message)
      ? { kind: "halve", reason: "answered that the message is too large" }
      : { kind: "stop", reason: "resource exhausted" };
  }
  return { kind: "stop", reason: `answered ${NAMES[code] ?? `with code ${code}`}` };
}

const RETRY_INFO = Buffer.from("type.googleapis.com/google.rpc.RetryInfo");

/** The delay of a RetryInfo in a google.rpc.Status: Any { value = 2: RetryInfo { delay = 1: Duration { 1: s, 2: ns } } }. */
export function retryDelay(status: Uint8Array): number | undefined {
  const bytes = Buffer.from(status);
  const at = bytes.indexOf(RETRY_INFO);
  if (at < 0) return undefined;
  const duration = bytes.subarray(at + RETRY_INFO.length + 4);
  const length = bytes[at + RETRY_INFO.length + 3] ?? 0;
  let ms = 0;
  for (let i = 0; i < length; ) {
    const field = (duration[i++] ?? 0) >> 3;
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = duration[i++] ?? 0;
      value += (byte & 127) * scale;
      if (byte < 128) break;
    }
    ms += field === 1 ? value * 1000 : value / 1e6;
  }
  return ms;
}
