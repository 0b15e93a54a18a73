/** Owns one line of a store: lazy access to its bytes, so that payload nobody asks for is never decoded. */
import type { JsonObject } from "../record/json.ts";
import type { Skimmer } from "./skim/skim.ts";
import { BadLine, decode, parseObject } from "./text.ts";
import type { Cut, Line, Part } from "./types.ts";

export { BadLine };

const HEAD = 640;
const PART_HEAD = 256;

interface Range {
  readonly cut: Cut;
  readonly start: number;
  readonly end: number;
}

/** Where each text that was searched for comes next: lines of one chunk share it, so no byte is searched for it twice. */
export type Places = Map<string, { from: number; at: number }>;

/** A line within bytes that stay valid until the reader's next piece. */
export class ByteLine implements Line {
  readonly length: number;
  #whole: JsonObject | undefined;
  #head: string | undefined;
  #found: Range | undefined;

  constructor(
    private readonly bytes: Buffer,
    readonly offset: number,
    private readonly start: number = 0,
    private readonly end: number = bytes.length,
    private readonly skimmer?: Skimmer,
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
    const skimmed = this.skimmer?.skim(this.start, this.end);
    this.#whole = skimmed ? undefined : parseObject(this.text());
    return skimmed ?? (this.#whole as JsonObject);
  }

  get frame(): JsonObject {
    return this.#whole ?? this.skimmer?.frame ?? this.json();
  }

  text(): string {
    return decode(this.bytes, this.start, this.end);
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
