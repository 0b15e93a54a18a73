/** Owns one line of a store: no more of its bytes becomes an object than its stream reads. */
import { type JsonObject, object } from "../record/json.ts";
import type { Skimmer } from "./skim/skim.ts";
import { decode, parseObject } from "./text.ts";
import type { Line } from "./types.ts";

/** A line within bytes that stay valid until the reader's next piece. */
export class ByteLine implements Line {
  #whole: JsonObject | undefined;

  constructor(
    private readonly chunk: Buffer,
    readonly offset: number,
    private readonly start: number = 0,
    private readonly end: number = chunk.length,
    private readonly skimmer?: Skimmer,
  ) {}

  get bytes(): Uint8Array {
    return this.chunk.subarray(this.start, this.end);
  }

  /** It was to be skimmed and could not be: it was parsed whole. */
  get isUnskimmed(): boolean {
    return this.#whole !== undefined && this.skimmer !== undefined;
  }

  json(): JsonObject {
    const skimmed = object(this.skimmer?.skim(this.start, this.end));
    this.#whole = skimmed ? undefined : parseObject(this.text());
    return skimmed ?? (this.#whole as JsonObject);
  }

  get frame(): JsonObject {
    return this.#whole ?? this.skimmer?.frame ?? this.json();
  }

  text(): string {
    return decode(this.chunk, this.start, this.end);
  }
}
