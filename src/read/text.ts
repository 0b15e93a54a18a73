/** Owns turning bytes into text and JSON: strictly, and without the checks of `toString`, which cost more than the copy (measured). */
import type { JsonObject } from "../record/json.ts";

/** A line that cannot be read; the reader quarantines it with this reason. */
export class BadLine extends Error {}

/** A buffer's own ways to its text, which the published types leave out. */
interface Sliced extends Buffer {
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
}

const strict = new TextDecoder("utf-8", { fatal: true });

/** These bytes, one character a byte. */
export function latin1(bytes: Buffer, start: number, end: number): string {
  return (bytes as Sliced).latin1Slice(start, end);
}

/** Decodes bytes as UTF-8; throws `BadLine` when they are not. */
export function decode(bytes: Buffer, start: number, end: number): string {
  const text = (bytes as Sliced).utf8Slice(start, end);
  if (!text.includes("\ufffd")) return text;
  try {
    return strict.decode(bytes.subarray(start, end));
  } catch (cause) {
    throw new BadLine("invalid UTF-8", { cause });
  }
}

/** The object that a text is as JSON; throws `BadLine` when it is none. */
export function parseObject(text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new BadLine("not JSON", { cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new BadLine("not a JSON object");
  return value as JsonObject;
}
