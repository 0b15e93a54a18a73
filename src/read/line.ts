/** Owns one line of a store: lazy access to its bytes, so that payload nobody asks for is never decoded. */
import type { JsonObject } from "../record/json.ts";
import type { Cut, Line, Part } from "./types.ts";

/** A line that cannot be read; the reader quarantines it with this reason. */
export class BadLine extends Error {}

const HEAD = 640;
const PART_HEAD = 256;
const strict = new TextDecoder("utf-8", { fatal: true });

interface Range {
  readonly cut: Cut;
  readonly start: number;
  readonly end: number;
}

/** Decodes bytes as UTF-8; throws `BadLine` when they are not. */
function decode(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString("utf8", start, end);
  if (!text.includes("\ufffd")) return text;
  try {
    return strict.decode(bytes.subarray(start, end));
  } catch (cause) {
    throw new BadLine("invalid UTF-8", { cause });
  }
}

function parseObject(text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new BadLine("not JSON", { cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new BadLine("not a JSON object");
  return value as JsonObject;
}

/** A line over bytes that stay valid until the reader's next piece. */
export class ByteLine implements Line {
  #head: string | undefined;
  #found: Range | undefined;
  readonly length: number;

  constructor(
    private readonly bytes: Buffer,
    readonly offset: number,
  ) {
    this.length = bytes.length;
  }

  get head(): string {
    const head = this.#head ?? this.bytes.toString("latin1", 0, Math.min(HEAD, this.length));
    this.#head = head;
    return head;
  }

  has(ascii: string): boolean {
    return this.bytes.indexOf(ascii, 0, "latin1") >= 0;
  }

  find(ascii: string, from: number): number {
    return this.bytes.indexOf(ascii, from, "latin1");
  }

  latin1(start: number, end: number = this.length): string {
    return this.bytes.toString("latin1", start, end);
  }

  slice(start: number, end: number = this.length): string {
    return decode(this.bytes, start, end);
  }

  part(cut: Cut): Part | undefined {
    const range = this.#find(cut, 0);
    if (!range) return undefined;
    const bytes = this.bytes.subarray(range.start, range.end);
    return {
      head: bytes.toString("latin1", 0, Math.min(PART_HEAD, bytes.length)),
      has: (ascii) => bytes.indexOf(ascii, 0, "latin1") >= 0,
    };
  }

  envelope(cuts: readonly Cut[]): JsonObject | undefined {
    let text = "";
    let at = 0;
    for (const cut of cuts) {
      const range = this.#find(cut, at);
      if (!range && cut.optional) continue;
      if (!range) return undefined;
      text += `${decode(this.bytes, at, range.start)}null`;
      at = range.end;
    }
    try {
      return parseObject(text + decode(this.bytes, at, this.length));
    } catch (error) {
      if (error instanceof BadLine) return undefined;
      throw error;
    }
  }

  json(): JsonObject {
    return parseObject(decode(this.bytes, 0, this.length));
  }

  #find(cut: Cut, at: number): Range | undefined {
    if (this.#found?.cut === cut && this.#found.start >= at) return this.#found;
    const from = this.bytes.indexOf(cut.from, at, "latin1");
    if (from < 0) return undefined;
    const start = from + cut.from.length;
    const end = this.#endOf(cut, start);
    if (end < 0) return undefined;
    this.#found = { cut, start, end };
    return this.#found;
  }

  #endOf(cut: Cut, start: number): number {
    for (const to of cut.to) {
      const end = this.bytes.indexOf(to, start, "latin1");
      if (end >= 0) return end;
    }
    return cut.last ? this.length - 1 : -1;
  }
}
