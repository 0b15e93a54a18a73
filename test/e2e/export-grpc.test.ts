/** Proves sending over gRPC on a real server: all signals, what is tried again, halved or given up, TLS, nobody there. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { Metadata, Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";
import { selfSigned } from "../support/certificates.ts";
import type { Scratch } from "../support/home.ts";
import { protobufSpans } from "../support/otlp.ts";
import { archiveOf, type Sending, send as sendFrom } from "../support/sending.ts";
import { startWeir } from "../support/weir.ts";

let place: Scratch;

beforeAll(() => {
  place = archiveOf(10);
});
afterAll(() => place[Symbol.dispose]());

interface Call {
  readonly method: string;
  readonly body: Uint8Array;
  readonly metadata: Metadata;
}

interface Receiver extends AsyncDisposable {
  readonly url: string;
  readonly calls: Call[];
  /** Without an answer the call hangs. */
  answer: (
    call: Call,
  ) => { readonly code: number; readonly details: string; readonly metadata?: Metadata } | Buffer | undefined;
}

async function grpcReceiver(credentials = ServerCredentials.createInsecure()): Promise<Receiver> {
  const server = new Server();
  const calls: Call[] = [];
  for (const [service, name] of [
    ["trace", "TraceService"],
    ["metrics", "MetricsService"],
    ["logs", "LogsService"],
  ] as const) {
    const path = `/opentelemetry.proto.collector.${service}.v1.${name}/Export`;
    const pass = (bytes: Buffer): Buffer => bytes;
    server.addService(
      {
        Export: {
          path,
          requestStream: false,
          responseStream: false,
          requestSerialize: pass,
          requestDeserialize: pass,
          responseSerialize: pass,
          responseDeserialize: pass,
        },
      },
      {
        Export(call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) {
          const given = { method: service, body: call.request, metadata: call.metadata };
          calls.push(given);
          const answer = self.answer(given);
          if (Buffer.isBuffer(answer)) done(null, answer);
          else if (answer) done(answer);
        },
      },
    );
  }
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", credentials, (error, bound) => (error ? reject(error) : resolve(bound))),
  );
  const self: Receiver = {
    url: `http://127.0.0.1:${port}`,
    calls,
    answer: () => Buffer.alloc(0),
    async [Symbol.asyncDispose]() {
      server.forceShutdown();
    },
  };
  return self;
}

const send = (args: readonly string[], env: Record<string, string> = {}): Promise<Sending> =>
  sendFrom(place, ["--protocol", "grpc", ...args], env);

test("sends traces, metrics and logs over gRPC", async () => {
  await using to = await grpcReceiver();
  const env = { OTEL_EXPORTER_OTLP_HEADERS: "x-tenant=one%20two,x-key-bin=%C3%A9" };
  const { status, stderr } = await send(["--to", to.url, "--signals", "traces,metrics,logs"], env);
  expect(stderr).toContain("accepted 11 spans");
  expect(status).toBe(0);
  expect(to.calls.map((call) => call.method).sort()).toEqual(["logs", "metrics", "trace"]);
  expect(to.calls[0]?.metadata.get("x-tenant")).toEqual(["one two"]);
  expect(to.calls[0]?.metadata.get("x-key-bin")).toEqual([Buffer.from("é")]);
  expect(protobufSpans(to.calls.find((call) => call.method === "trace")!.body)).toHaveLength(11);
});

test("tries again when it is unavailable, or exhausted and says for how long", async () => {
  await using to = await grpcReceiver();
  const info = [0x0a, 2, 0x10, 1];
  const name = "type.googleapis.com/google.rpc.RetryInfo";
  const any = [0x0a, name.length, ...Buffer.from(name), 0x12, info.length, ...info];
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from([0x08, 8, 0x1a, any.length, ...any]));
  to.answer = () =>
    to.calls.length === 1
      ? { code: status.UNAVAILABLE, details: "" }
      : to.calls.length === 2
        ? { code: status.RESOURCE_EXHAUSTED, details: "", metadata }
        : Buffer.alloc(0);
  const sent = await send(["--to", to.url]);
  expect(sent.status).toBe(0);
  expect(to.calls).toHaveLength(3);
  expect(to.calls[2]?.body).toEqual(to.calls[0]!.body);
});

test("halves an invalid argument, and stops where it may not send", async () => {
  await using to = await grpcReceiver();
  to.answer = ({ body }) =>
    protobufSpans(body).length > 4 ? { code: status.INVALID_ARGUMENT, details: "" } : Buffer.alloc(0);
  expect((await send(["--to", to.url])).status).toBe(0);
  to.answer = () => ({ code: status.UNAUTHENTICATED, details: "hush" });
  const stopped = await send(["--to", to.url]);
  expect(stopped.status).toBe(7);
  expect(stopped.stderr).toContain("credentials");
  expect(stopped.stderr).not.toContain("hush");
});

test("speaks TLS, trusts whom it is told to, and says who sends", async () => {
  const server = selfSigned(place.root, "server");
  const client = selfSigned(place.root, "client");
  const pair = { private_key: readFileSync(server.key), cert_chain: readFileSync(server.cert) };
  await using to = await grpcReceiver(ServerCredentials.createSsl(readFileSync(client.cert), [pair], true));
  const url = to.url.replace("http:", "https:");
  const trust = { OTEL_EXPORTER_OTLP_CERTIFICATE: server.cert };
  const nameless = await send(["--to", url, "--retry-for", "1s"], trust);
  expect(nameless.status).toBe(7);
  const stranger = await send(["--to", url, "--retry-for", "1s"]);
  expect(stranger.stderr).toContain("its certificate is self-signed");
  const elsewhere = await send(["--to", url.replace("127.0.0.1", "localhost"), "--retry-for", "1s"], trust);
  expect(elsewhere.stderr).toContain("its certificate is for another host");
  expect(to.calls).toHaveLength(0);
  const both = {
    ...trust,
    OTEL_EXPORTER_OTLP_CLIENT_KEY: client.key,
    OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: client.cert,
  };
  const { status: exit, stderr } = await send(["--to", url, "--new"], both);
  expect(stderr).toContain("accepted 11 spans");
  expect(exit).toBe(0);
});

test("a stop signal does not wait for a receiver that never answers", async () => {
  await using to = await grpcReceiver();
  to.answer = () => undefined;
  const run = startWeir(["export", "--data-dir", place.data, "--to", to.url, "--protocol", "grpc"]);
  run.stdin.end();
  while (to.calls.length === 0) await Bun.sleep(10);
  const begun = Date.now();
  run.kill("SIGTERM");
  await run.exited;
  expect(run.exitCode).toBe(143);
  expect(Date.now() - begun).toBeLessThan(4000);
});

test("nobody there is exit 7", async () => {
  const { status, stderr } = await send(["--to", "http://127.0.0.1:1", "--retry-for", "1s"]);
  expect(stderr).toContain("unavailable: connection refused");
  expect(status).toBe(7);
});
