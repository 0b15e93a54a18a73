/** Proves what each answer of a receiver means: accepted, again, halve or stop, and when to try again. */
import { describe, expect, test } from "bun:test";
import { retryDelay } from "../../src/export/grpc.ts";
import { outcomeOf, waitOf } from "../../src/export/outcome.ts";

const NOW = Date.parse("2026-11-21T08:00:00Z");
const answer = (status: number, extra: { contentType?: string; retryAfter?: string; body?: string } = {}) => ({
  status,
  contentType: extra.contentType ?? "",
  retryAfter: extra.retryAfter,
  body: new TextEncoder().encode(extra.body ?? ""),
});

describe("every class of status", () => {
  const CLASSES: Readonly<Record<string, readonly number[]>> = {
    accepted: [200, 202, 204],
    again: [429, 502, 503, 504],
    halve: [400, 413],
    stop: [301, 302, 307, 308, 401, 402, 403, 404, 405, 408, 410, 415, 422, 500, 501, 505, 599],
  };
  for (const [kind, statuses] of Object.entries(CLASSES))
    test(`${statuses.join(", ")}: ${kind}`, async () => {
      for (const status of statuses)
        expect((await outcomeOf("traces", "protobuf", answer(status), NOW)).kind).toBe(kind as never);
    });
});

test("what was rejected is a number of items, whatever the answer says", async () => {
  for (const [says, rejected] of [
    [3, 3],
    ["3", 3],
    [-3, 0],
    ["1e999", 0],
    ["many", 0],
  ] as const) {
    const body = JSON.stringify({ partialSuccess: { rejectedSpans: says } });
    const given = answer(200, { contentType: "application/json", body });
    expect(await outcomeOf("traces", "json", given, NOW)).toEqual({ kind: "accepted", rejected, message: "" });
  }
});

test("200 with something else than an OTLP answer is no acceptance", async () => {
  for (const [encoding, contentType, body] of [
    ["protobuf", "text/html", "<html>"],
    ["protobuf", "text/html", ""],
    ["protobuf", "application/x-protobuf", "<html>"],
    ["json", "application/json", "<html>"],
    ["json", "application/json", "[]x"],
    ["json", "text/plain", "ok"],
  ] as const)
    expect((await outcomeOf("traces", encoding, answer(200, { contentType, body }), NOW)).kind).toBe("again");
  expect(
    await outcomeOf("logs", "json", answer(200, { contentType: "application/json; charset=utf-8", body: "{}" }), NOW),
  ).toEqual({
    kind: "accepted",
    rejected: 0,
    message: "",
  });
});

test("a JSON answer to a protobuf request is read too", async () => {
  const body = `{"partialSuccess":{"rejectedLogRecords":"7","errorMessage":"old"}}`;
  const given = answer(200, { contentType: "application/json", body });
  expect(await outcomeOf("logs", "protobuf", given, NOW)).toEqual({ kind: "accepted", rejected: 7, message: "old" });
});

test("Retry-After is read in both forms", () => {
  expect(waitOf("120", NOW)).toBe(120_000);
  expect(waitOf("Sat, 21 Nov 2026 08:00:30 GMT", NOW)).toBe(30_000);
  expect(waitOf("Sat, 21 Nov 2026 07:00:00 GMT", NOW)).toBe(0);
  expect(waitOf("soon", NOW)).toBeUndefined();
  expect(waitOf(undefined, NOW)).toBeUndefined();
});

test("a gRPC status may say when to try again", () => {
  const name = "type.googleapis.com/google.rpc.RetryInfo";
  const duration = [0x08, 2, 0x10, 0x80, 0xca, 0xb5, 0xee, 0x01]; // 2 s, 500,000,000 ns
  const info = [0x0a, duration.length, ...duration];
  const any = [0x0a, name.length, ...Buffer.from(name), 0x12, info.length, ...info];
  const status = Uint8Array.from([0x08, 8, 0x1a, any.length, ...any]);
  expect(retryDelay(status)).toBe(2500);
  expect(retryDelay(Uint8Array.of(8, 8))).toBeUndefined();
});
