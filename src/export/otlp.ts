/** Owns OTLP messages: spans, log records and metrics as bytes, and what an answer says. */
import type { OtelLog, OtelSpan } from "./otel.ts";
import { logsInJson, spansInJson } from "./otlp-text.ts";
import { logsInProtobuf, spansInProtobuf } from "./protobuf.ts";

export const SIGNALS = ["traces", "metrics", "logs"] as const;
export type Signal = (typeof SIGNALS)[number];
export type Encoding = "protobuf" | "json";

/** What the receiver did with a request that it accepted. */
export interface Partial {
  /** Spans, log records, or points of metrics. */
  readonly rejected: number;
  readonly message: string;
}

/** What a request for traces, or one for logs, carries; of any resources. */
export type Items = readonly OtelSpan[] | readonly OtelLog[];

/** A request with these items: its bytes, as long as `use` is at work with them. Metrics are written by `official.ts`. */
export function encoded<T>(
  signal: Exclude<Signal, "metrics">,
  encoding: Encoding,
  items: Items,
  use: (bytes: Uint8Array) => T,
): T {
  const json = encoding === "json";
  if (signal === "traces") return (json ? spansInJson : spansInProtobuf)(items as readonly OtelSpan[], use);
  return (json ? logsInJson : logsInProtobuf)(items as readonly OtelLog[], use);
}

/** The same, to keep. */
export function encode(signal: Exclude<Signal, "metrics">, encoding: Encoding, items: Items): Uint8Array {
  return encoded(signal, encoding, items, (bytes) => bytes.slice());
}

/** What an answer with status 200 says; undefined when it is no OTLP answer at all. */
export async function answerOf(
  signal: Signal,
  encoding: Encoding,
  contentType: string,
  body: Uint8Array,
): Promise<Partial | undefined> {
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
  const read = text ? parsed : (await import("./official.ts")).answerIn;
  try {
    return partialOf(read(body, signal));
  } catch {
    return undefined;
  }
}

function parsed(body: Uint8Array): unknown {
  return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
}

function partialOf(answer: unknown): Partial | undefined {
  if (typeof answer !== "object" || answer === null) return undefined;
  const partial = (answer as { partialSuccess?: Record<string, unknown> }).partialSuccess ?? {};
  const count = Number(partial.rejectedSpans ?? partial.rejectedLogRecords ?? partial.rejectedDataPoints ?? 0);
  return {
    rejected: Number.isSafeInteger(count) && count > 0 ? count : 0,
    message: String(partial.errorMessage ?? ""),
  };
}
