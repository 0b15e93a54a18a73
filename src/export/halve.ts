/** Owns halving an encoded request at its middle, whatever it carries: its parts are copied, never encoded again. */
import type { Encoding } from "./otlp.ts";

/** `message` is split so that the first half has `first` of its leaves (spans, log records, metrics). */
export function halve(message: Uint8Array, encoding: Encoding, first: number): readonly [Uint8Array, Uint8Array] {
  if (encoding === "protobuf") {
    const cut = { left: first };
    const [a, b] = halveMessage(message, LEAF_FIELDS, cut);
    return [a ?? new Uint8Array(), b ?? new Uint8Array()];
  }
  const given = JSON.parse(new TextDecoder().decode(message)) as Json;
  const cut = { left: first };
  const [a, b] = halveObject(given, cut);
  return [bytesOf(a), bytesOf(b)];
}

/** Field numbers from the request down to its leaves: resources, scopes, items. The same for all three signals. */
const LEAF_FIELDS = [1, 2, 2] as const;

interface Cut {
  /** Leaves that still go into the first half. */
  left: number;
}

interface Field {
  readonly number: number;
  readonly start: number;
  readonly bodyStart: number;
  readonly end: number;
}

/** Both halves of a message; undefined for a half without a leaf. What is no leaf goes into both. */
function halveMessage(
  message: Uint8Array,
  path: readonly number[],
  cut: Cut,
): [Uint8Array | undefined, Uint8Array | undefined] {
  const halves: [Uint8Array[], Uint8Array[]] = [[], []];
  const leaves = [0, 0];
  const [wanted, ...deeper] = path;
  for (const field of fieldsOf(message)) {
    if (field.number !== wanted) {
      for (const half of halves) half.push(message.subarray(field.start, field.end));
    } else if (deeper.length === 0) {
      const side = cut.left > 0 ? 0 : 1;
      cut.left--;
      leaves[side] = (leaves[side] ?? 0) + 1;
      halves[side].push(message.subarray(field.start, field.end));
    } else {
      const inner = halveMessage(message.subarray(field.bodyStart, field.end), deeper, cut);
      inner.forEach((part, side) => {
        if (!part) return;
        leaves[side] = (leaves[side] ?? 0) + 1;
        halves[side as 0 | 1].push(tagged(field.number, part.length), part);
      });
    }
  }
  return [leaves[0] ? Buffer.concat(halves[0]) : undefined, leaves[1] ? Buffer.concat(halves[1]) : undefined];
}

function* fieldsOf(message: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = message[at++] ?? 0;
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const start = at;
    const tag = varint();
    const wire = tag & 7;
    if (wire === 0) varint();
    const length = wire === 2 ? varint() : wire === 1 ? 8 : wire === 5 ? 4 : 0;
    const bodyStart = at;
    at += length;
    yield { number: tag >>> 3, start, bodyStart, end: at };
  }
}

/** A tag for a part with a length, with that length. */
function tagged(field: number, length: number): Uint8Array {
  const bytes = [(field << 3) | 2];
  let rest = length;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest & 127) | 128);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

type Json = { readonly [key: string]: unknown };

const LISTS = new Set(["resourceSpans", "scopeSpans", "resourceLogs", "scopeLogs", "resourceMetrics", "scopeMetrics"]);
const ITEMS = new Set(["spans", "logRecords", "metrics"]);

function halveObject(given: Json, cut: Cut): [Json | undefined, Json | undefined] {
  const halves: [Record<string, unknown>, Record<string, unknown>] = [{}, {}];
  const leaves = [0, 0];
  for (const [key, value] of Object.entries(given)) {
    const parts: [unknown[], unknown[]] = [[], []];
    if (ITEMS.has(key)) {
      for (const item of value as unknown[]) parts[cut.left-- > 0 ? 0 : 1].push(item);
    } else if (LISTS.has(key)) {
      for (const inner of value as Json[])
        halveObject(inner, cut).forEach((part, side) => void (part && parts[side as 0 | 1].push(part)));
    } else {
      for (const half of halves) half[key] = value;
      continue;
    }
    parts.forEach((part, side) => {
      halves[side as 0 | 1][key] = part;
      leaves[side] = (leaves[side] ?? 0) + part.length;
    });
  }
  return [leaves[0] ? halves[0] : undefined, leaves[1] ? halves[1] : undefined];
}

function bytesOf(given: Json | undefined): Uint8Array {
  return given ? new TextEncoder().encode(JSON.stringify(given)) : new Uint8Array();
}
