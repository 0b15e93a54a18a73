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

/** Where each text that was searched for comes next: lines of one chunk share it, so no byte is searched for it twice. */
export type Places = Map<string, { from: number; at: number }>;

/** A line within bytes that stay valid until the reader's next piece. */
export class ByteLine implements Line {
  readonly length: number;
  #head: string | undefined;
  #found: Range | undefined;

  constructor(
    private readonly bytes: Buffer,
    readonly offset: number,
    private readonly start: number = 0,
    private readonly end: number = bytes.length,
    private readonly places: Places = new Map(),
  ) {
    this.length = end - start;
  }

  get head(): string {
    const head = this.#head ?? this.bytes.toString("latin1", this.start, Math.min(this.start + HEAD, this.end));
    this.#head = head;
    return head;
  }

  has(ascii: string): boolean {
    return this.find(ascii, 0) >= 0;
  }

  find(ascii: string, from: number): number {
    const start = this.start + from;
    let place = this.places.get(ascii);
    if (place === undefined) {
      place = { from: start, at: this.bytes.indexOf(ascii, start, "latin1") };
      this.places.set(ascii, place);
    } else if (start < place.from || (place.at >= 0 && place.at < start)) {
      place.from = start;
      place.at = this.bytes.indexOf(ascii, start, "latin1");
    }
    return place.at < 0 || place.at + ascii.length > this.end ? -1 : place.at - this.start;
  }

  latin1(start: number, end: number = this.length): string {
    return this.bytes.toString("latin1", this.start + start, this.start + end);
  }

  slice(start: number, end: number = this.length): string {
    return decode(this.bytes, this.start + start, this.start + end);
  }

  part(cut: Cut): Part | undefined {
    const range = this.#find(cut, 0);
    if (!range) return undefined;
    const bytes = this.bytes.subarray(this.start + range.start, this.start + range.end);
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
      text += `${this.slice(at, range.start)}null`;
      at = range.end;
    }
    try {
      return parseObject(text + this.slice(at));
    } catch (error) {
      if (error instanceof BadLine) return undefined;
      throw error;
    }
  }

  json(): JsonObject {
    return parseObject(this.slice(0));
  }

  #find(cut: Cut, at: number): Range | undefined {
    if (this.#found?.cut === cut && this.#found.start >= at) return this.#found;
    const from = this.find(cut.from, at);
    if (from < 0) return undefined;
    const start = from + cut.from.length;
    const end = this.#endOf(cut, start);
    if (end < 0) return undefined;
    this.#found = { cut, start, end };
    return this.#found;
  }

  #endOf(cut: Cut, start: number): number {
    for (const to of cut.to) {
      const end = this.find(to, start);
      if (end >= 0) return end;
    }
    return cut.last ? this.length - 1 : -1;
  }
}
