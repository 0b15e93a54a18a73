/** Proves that `weir export --to` trusts only certificates that hold, and says who sends where it is asked. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { selfSigned } from "../support/certificates.ts";
import { archiveOf, send } from "../support/sending.ts";

test("a certificate that does not hold is exit 7", async () => {
  using own = archiveOf(10);
  const { key, cert } = selfSigned(own.root, "server");
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    tls: { key: Bun.file(key), cert: Bun.file(cert) },
    fetch: () => new Response(""),
  });
  const url = `https://127.0.0.1:${server.port}`;
  const failed = await send(own, ["--to", url, "--retry-for", "1s"]);
  expect(failed.stderr).toContain("certificate");
  expect(failed.status).toBe(7);
  const trusted = await send(own, ["--to", url], { OTEL_EXPORTER_OTLP_CERTIFICATE: cert });
  expect(trusted.status).toBe(0);
  await server.stop(true);
});

test("a receiver that asks who sends gets the client's certificate", async () => {
  using own = archiveOf(10);
  const server = selfSigned(own.root, "server");
  const client = selfSigned(own.root, "client");
  const pem = (path: string): string => readFileSync(path, "utf8");
  let taken = 0;
  const https = createServer(
    {
      key: pem(server.key),
      cert: pem(server.cert),
      ca: pem(client.cert),
      requestCert: true,
      rejectUnauthorized: true,
    },
    (request, response) => {
      taken++;
      request.resume().on("end", () => response.end());
    },
  );
  await new Promise<void>((resolve) => https.listen(0, "127.0.0.1", resolve));
  const url = `https://127.0.0.1:${(https.address() as AddressInfo).port}`;
  const trust = { OTEL_EXPORTER_OTLP_CERTIFICATE: server.cert };
  expect((await send(own, ["--to", url, "--new", "--retry-for", "1s"], trust)).status).toBe(7);
  expect(taken).toBe(0);
  const both = {
    ...trust,
    OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY: client.key,
    OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE: client.cert,
  };
  expect((await send(own, ["--to", url, "--new"], both)).status).toBe(0);
  expect(taken).toBe(1);
  https.closeAllConnections();
  https.close();
});
