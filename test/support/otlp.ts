/** Owns a made-up OTLP receiver on loopback, as unreliable as it is told to be, and reading what it got. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What the receiver does with a request instead of taking it. */
export type Fault =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  /** Takes it, and then behaves like this. */
  | { readonly taken: "hang" | "reset" | "bad gateway" | "late" }
  | { readonly hang: true }
  | { readonly reset: true }
  | { readonly partial: number }
  | { readonly page: true };

export interface Got {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** As it came. */
  readonly raw: Uint8Array;
  /** Not compressed any more. */
  readonly body: Uint8Array;
  readonly isTaken: boolean;
}

export interface Receiver extends AsyncDisposable {
  readonly url: string;
  readonly got: readonly Got[];
  /** Decides for each request; undefined takes it. */
  fault: (request: {
    readonly number: number;
    readonly path: string;
    readonly type: string;
    readonly items: number;
    readonly ids: readonly string[];
  }) => Fault | undefined;
  /** The ids of all spans that were taken, of equal requests once, in the order of their coming. */
  spanIds(): string[];
}

export async function receiver(port = 0): Promise<Receiver> {
  const got: Got[] = [];
  const server = createServer((request, response) => {
    const chunks: Uint8Array[] = [];
    request.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    request.on("end", () => {
      const raw = new Uint8Array(Buffer.concat(chunks));
      const body = request.headers["content-encoding"] === "gzip" ? Bun.gunzipSync(raw) : raw;
      const path = request.url?.replace(/\?.*$/, "") ?? "";
      const type = request.headers["content-type"] ?? "";
      const isTraces = !/\/v1\/(?:metrics|logs)$/.test(path);
      const spans = isTraces ? (type === "application/json" ? jsonSpans : protobufSpans)(body) : [];
      const ids = spans.map((span) => span.spanId);
      const fault = self.fault({ number: got.length, path, type, items: ids.length, ids });
      const isTaken = fault === undefined || "taken" in fault || "partial" in fault;
      got.push({ path, headers: request.headers as Record<string, string>, raw, body, isTaken });
      answer(response, type, fault);
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const self: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    got,
    fault: () => undefined,
    spanIds() {
      const seen = new Set<string>();
      const ids: string[] = [];
      for (const { headers, body, raw, isTaken, path } of got) {
        const hash = Bun.hash(raw).toString();
        if (!isTaken || !path.endsWith("/v1/traces") || seen.has(hash)) continue;
        seen.add(hash);
        const spans = headers["content-type"] === "application/json" ? jsonSpans(body) : protobufSpans(body);
        ids.push(...spans.map((span) => span.spanId));
      }
      return ids;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
  return self;
}

function answer(response: ServerResponse, type: string, fault: Fault | undefined): void {
  const say = (status: number, headers: Readonly<Record<string, string>>, body: string | Uint8Array): void => {
    response.writeHead(status, headers);
    response.end(body);
  };
  const does =
    fault && "taken" in fault
      ? fault.taken
      : fault && "hang" in fault
        ? "hang"
        : fault && "reset" in fault
          ? "reset"
          : "";
  if (does === "hang") return;
  if (does === "reset") response.socket?.destroy();
  else if (does === "late") setTimeout(() => say(200, { "content-type": type }, ""), 300);
  else if (does === "bad gateway") say(502, {}, "");
  else if (fault && "status" in fault) say(fault.status, fault.headers ?? {}, fault.body ?? "");
  else if (fault && "page" in fault) say(200, { "content-type": "text/html" }, "<html>Please log in</html>");
  else if (fault && "partial" in fault) say(200, { "content-type": type }, partial(type, fault.partial));
  else say(200, { "content-type": type }, type === "application/json" ? "{}" : "");
}

function partial(type: string, rejected: number): string | Uint8Array {
  const errorMessage = "some are too old";
  if (type === "application/json")
    return JSON.stringify({ partialSuccess: { rejectedSpans: String(rejected), errorMessage } });
  const text = new TextEncoder().encode(errorMessage);
  const inner = [0x08, rejected, 0x12, text.length, ...text];
  return Uint8Array.from([0x0a, inner.length, ...inner]);
}

export interface ReadSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly start: bigint;
  readonly end: bigint;
  readonly status: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: readonly { readonly name: string; readonly attributes: Readonly<Record<string, unknown>> }[];
  readonly resource: Readonly<Record<string, unknown>>;
}

type Any = Record<string, unknown>;

/** The spans of an OTLP JSON message. */
export function jsonSpans(body: Uint8Array | string): ReadSpan[] {
  const text = typeof body === "string" ? body : new TextDecoder().decode(body);
  const message = JSON.parse(text) as { resourceSpans?: Any[] };
  return (message.resourceSpans ?? []).flatMap((r) => {
    const resource = keyValues((r.resource as Any).attributes);
    return (r.scopeSpans as Any[]).flatMap((s) => (s.spans as Any[]).map((span) => jsonSpan(span, resource)));
  });
}

function jsonSpan(span: Any, resource: Any): ReadSpan {
  return {
    traceId: String(span.traceId),
    spanId: String(span.spanId),
    parentSpanId: String(span.parentSpanId ?? ""),
    name: String(span.name),
    kind: Number(span.kind),
    start: BigInt(String(span.startTimeUnixNano)),
    end: BigInt(String(span.endTimeUnixNano)),
    status: Number((span.status as Any).code ?? 0),
    attributes: keyValues(span.attributes),
    events: (span.events as Any[]).map((e) => ({ name: String(e.name), attributes: keyValues(e.attributes) })),
    resource,
  };
}

/** Attributes as an object, from their OTLP JSON. */
export function keyValues(list: unknown): Any {
  return Object.fromEntries((list as { key: string; value: Any }[]).map(({ key, value }) => [key, plain(value)]));
}

function plain(value: Any): unknown {
  const [kind, inner] = Object.entries(value)[0] ?? [];
  if (kind === "arrayValue") return (inner as { values: Any[] }).values.map(plain);
  if (kind === "kvlistValue") return keyValues((inner as Any).values);
  return kind === "intValue" ? Number(inner) : inner;
}

interface Field {
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly varint: bigint;
}

function* fields(message: Uint8Array): Generator<Field> {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = view.getUint8(at++);
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = Number(varint());
    const wire = tag & 7;
    const value = wire === 0 ? varint() : 0n;
    const length = wire === 2 ? Number(varint()) : wire === 1 ? 8 : wire === 5 ? 4 : 0;
    const bytes = message.subarray(at, at + length);
    at += length;
    yield { number: tag >> 3, bytes, varint: value };
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const utf8 = (bytes: Uint8Array): string => new TextDecoder("utf-8", { fatal: true }).decode(bytes);
const all = (message: Uint8Array, number: number): Uint8Array[] =>
  [...fields(message)].filter((f) => f.number === number).map((f) => f.bytes);

function anyValue(message: Uint8Array): unknown {
  for (const { number, bytes, varint } of fields(message)) {
    if (number === 1) return utf8(bytes);
    if (number === 2) return varint === 1n;
    if (number === 3) return Number(BigInt.asIntN(64, varint));
    if (number === 4) return new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0, true);
    if (number === 5) return all(bytes, 1).map(anyValue);
    if (number === 6) return attributesIn(all(bytes, 1));
  }
  return undefined;
}

function attributesIn(list: readonly Uint8Array[]): Any {
  return Object.fromEntries(list.map((kv) => [utf8(all(kv, 1)[0]!), anyValue(all(kv, 2)[0]!)]));
}

/** The spans of an OTLP protobuf message. */
export function protobufSpans(body: Uint8Array): ReadSpan[] {
  return all(body, 1).flatMap((r) => {
    const resource = attributesIn(all(all(r, 1)[0] ?? new Uint8Array(), 1));
    return all(r, 2).flatMap((scope) => all(scope, 2).map((span) => protobufSpan(span, resource)));
  });
}

function protobufSpan(span: Uint8Array, resource: Any): ReadSpan {
  const of = new Map([...fields(span)].map((f) => [f.number, f]));
  const time = (number: number): bigint => {
    const bytes = of.get(number)?.bytes;
    return bytes ? new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true) : 0n;
  };
  const status = [...fields(of.get(15)?.bytes ?? new Uint8Array())].find((f) => f.number === 3);
  return {
    traceId: hex(of.get(1)?.bytes ?? new Uint8Array()),
    spanId: hex(of.get(2)?.bytes ?? new Uint8Array()),
    parentSpanId: hex(of.get(4)?.bytes ?? new Uint8Array()),
    name: utf8(of.get(5)?.bytes ?? new Uint8Array()),
    kind: Number(of.get(6)?.varint ?? 0n),
    start: time(7),
    end: time(8),
    status: Number(status?.varint ?? 0n),
    attributes: attributesIn(all(span, 9)),
    events: all(span, 11).map((e) => ({ name: utf8(all(e, 2)[0]!), attributes: attributesIn(all(e, 3)) })),
    resource,
  };
}
