/** Owns sending over gRPC: one unary call with bytes in and bytes out. Loaded only when a destination speaks it. */

import { isIP } from "node:net";
import { checkServerIdentity as identityOf, type PeerCertificate } from "node:tls";
import { Client, compressionAlgorithms, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import type { Certificates } from "./network.ts";

export interface GrpcCall {
  /** `scheme://host:port`; http is not encrypted. */
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly gzip: boolean;
  readonly timeoutMs: number;
  /** Ends the waiting for an answer. */
  readonly cut: AbortSignal;
  readonly certificates: Certificates;
}

export type GrpcAnswer =
  | { readonly code: 0; readonly body: Uint8Array }
  | { readonly code: number; readonly message: string; readonly details: Uint8Array | undefined };

const clients = new Map<string, Client>();
const ANSWER_BYTES = 1 << 20;

function clientFor({ url, gzip, certificates: { ca, cert, key } }: GrpcCall): Client {
  const name = `${url} ${gzip}`;
  const known = clients.get(name);
  if (known) return known;
  const buffer = (text: string | undefined): Buffer | null => (text === undefined ? null : Buffer.from(text));
  const { protocol, hostname, port } = new URL(url);
  const isSecure = protocol === "https:";
  const address = `${hostname}:${port || (isSecure ? 443 : 80)}`;
  const bare = hostname.replace(/^\[|\]$/g, "");
  const isNamed = isIP(bare) === 0;
  // The library takes an address for the server's name, which TLS forbids and Bun refuses (1.4.5): another name stands in
  // for it on the wire, and the certificate is held against the address itself.
  const verify = isNamed ? {} : { checkServerIdentity: (_: string, given: PeerCertificate) => identityOf(bare, given) };
  const channel = isSecure
    ? credentials.createSsl(buffer(ca), buffer(key), buffer(cert), verify)
    : credentials.createInsecure();
  const client = new Client(address, channel, {
    "grpc.default_compression_algorithm": gzip ? compressionAlgorithms.gzip : compressionAlgorithms.identity,
    "grpc.enable_http_proxy": 0,
    "grpc.enable_retries": 0,
    "grpc.max_receive_message_length": ANSWER_BYTES,
    ...(isSecure && !isNamed ? { "grpc.ssl_target_name_override": "localhost" } : {}),
  });
  clients.set(name, client);
  return client;
}

/** Calls and waits for the answer or the deadline; a failure is an answer too. */
export function call(given: GrpcCall): Promise<GrpcAnswer> {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(given.headers))
    metadata.set(name, name.endsWith("-bin") ? Buffer.from(value) : value);
  const pass = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return new Promise((resolve) => {
    const cancel = (): void => request.cancel();
    const request = clientFor(given).makeUnaryRequest(
      given.method,
      pass,
      (bytes: Buffer) => bytes as Uint8Array,
      given.body,
      metadata,
      { deadline: Date.now() + given.timeoutMs },
      (error: ServiceError | null, body?: Uint8Array) => {
        given.cut.removeEventListener("abort", cancel);
        resolve(error ? failed(error) : { code: 0, body: body ?? new Uint8Array() });
      },
    );
    given.cut.addEventListener("abort", cancel);
  });
}

function failed({ code, details, metadata }: ServiceError): GrpcAnswer {
  const status = metadata?.get("grpc-status-details-bin")[0];
  return { code, message: details, details: typeof status === "string" ? Buffer.from(status, "base64") : status };
}

/** Ends all connections, so that the process can end. */
export function hangUp(): void {
  for (const client of clients.values()) client.close();
  clients.clear();
}
