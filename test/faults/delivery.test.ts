/** Proves that delivery killed at any moment under an unreliable receiver loses and doubles nothing, and repeats the same bytes. */
import { expect, test } from "bun:test";
import { callLines, sessionPath } from "../support/claude.ts";
import { scratch } from "../support/home.ts";
import { type Fault, protobufSpans, receiver } from "../support/otlp.ts";
import { runSync } from "../support/runs.ts";
import { startWeir } from "../support/weir.ts";

const KILLS = 80;
const CALLS = 6000;
const PER_SESSION = 500;

/** A fixed sequence of numbers below 1. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

test(`${KILLS} kills in the middle of an unreliable delivery: nothing lost, nothing twice, the same bytes again`, async () => {
  using place = scratch({ fast: true });
  for (let from = 0; from < CALLS; from += PER_SESSION) {
    const session = `${String(from).padStart(8, "0")}-2222-4333-8444-555555555555`;
    place.write(
      sessionPath(session),
      callLines(from + 1, from + PER_SESSION + 1, session).replaceAll("2026-11-21", "2025-03-01"),
    );
  }
  expect(runSync(place).status).toBe(0);

  await using to = await receiver();
  const next = numbers(7);
  let kills = 0;
  let running: ReturnType<typeof startWeir> | undefined;
  const halved = new Set<number>();
  const kill = (fault: Fault | undefined): Fault | undefined => {
    kills++;
    running?.kill("SIGKILL");
    return fault;
  };
  to.fault = ({ number, items }) => {
    if (items > 60) {
      halved.add(number);
      return next() < 0.3 && kills < KILLS ? kill({ status: 413 }) : { status: 413 };
    }
    if (kills >= KILLS) return undefined;
    const dice = next();
    if (dice < 0.25) return kill({ hang: true });
    if (dice < 0.5) return kill({ taken: "hang" });
    if (dice < 0.6) return kill({ taken: "reset" });
    if (dice < 0.63) return { status: 503, headers: { "retry-after": "0" } };
    if (dice < 0.66) return { taken: "bad gateway" };
    if (dice < 0.68) return { status: 429, headers: { "retry-after": new Date().toUTCString() } };
    if (dice < 0.7) return { page: true };
    return undefined;
  };

  let runs = 0;
  for (; runs < KILLS + 20; runs++) {
    running = startWeir(["export", "--data-dir", place.data, "--to", to.url, "--new"]);
    running.stdin.end();
    await running.exited;
    if (running.signalCode === null && running.exitCode === 0) break;
  }
  expect(kills).toBe(KILLS);
  const ids = to.spanIds();
  const expected = CALLS + CALLS / PER_SESSION;
  expect(new Set(ids).size).toBe(expected);
  expect(ids).toHaveLength(expected);

  // A span is only ever sent in one request, byte for byte, but for requests that were answered 413.
  const bodies = new Map<string, string>();
  for (const [number, { raw, body }] of to.got.entries()) {
    if (halved.has(number)) continue;
    const hash = Bun.hash(raw).toString();
    for (const { spanId } of protobufSpans(body)) {
      expect(bodies.get(spanId) ?? hash).toBe(hash);
      bodies.set(spanId, hash);
    }
  }
}, 240_000);
