/** Owns what of a session's texts may be kept: at levels content and raw: without secrets, cut to the limit. */
import { type Captured, textsOf } from "./captured.ts";
import { cut } from "./cut.ts";
import type { Draft } from "./draft.ts";
import { Redactor } from "./redact.ts";
import type { Content } from "./schema.ts";
import { secretlint } from "./secretlint.ts";
import { type Found, withoutSecrets } from "./secrets.ts";

export interface KeepOptions {
  /** Each item is kept as its store has it, too. */
  readonly isRaw: boolean;
  /** The most bytes of JSON that a value may take; 0: any. */
  readonly limit: number;
  readonly found: Found;
}

export class Keeper {
  readonly isRaw: boolean;
  readonly #limit: number;
  readonly #redactor: Redactor;

  constructor({ isRaw, limit, found }: KeepOptions) {
    this.isRaw = isRaw;
    this.#limit = limit;
    this.#redactor = new Redactor((text) => withoutSecrets(text, found, secretlint), found, limit);
  }

  /** The value without secrets, cut; undefined for what is not there. */
  keep<T>(value: T): T | undefined {
    if (value === undefined || value === null) return undefined;
    this.#redactor.size = 0;
    const safe = this.#redactor.value(value) as T;
    // What only its escapes make larger than the limit is cut when it goes into a line.
    return this.#redactor.size > this.#limit ? (cut(safe, this.#limit) as T) : safe;
  }

  /** The texts that go into a record's line; undefined where it has none. */
  captured(draft: Draft, raw: string | undefined): Captured | undefined {
    const whole = draft.content === undefined ? undefined : JSON.stringify(draft.content);
    const hasContent = whole !== undefined && whole !== "{}";
    if (!hasContent && raw === undefined) return undefined;
    const content = hasContent ? this.#withinLimit(draft.content as Content, whole) : undefined;
    const text = content === undefined ? "" : `,"content":${content}`;
    // It is as large as it was before it was cut: of two that were, one may still have more than the other.
    const texts = { ...textsOf(content), ...(hasContent && { size: whole.length }) };
    return { ...texts, text: raw === undefined ? text : `${text},"raw":${raw}`, hasRaw: raw !== undefined };
  }

  /** Its values have been kept one by one; of those told in pieces the whole may be over the limit. */
  #withinLimit(content: Content, json: string): string {
    if (this.#limit === 0 || json.length * 3 <= this.#limit || Buffer.byteLength(json) <= this.#limit) return json;
    const fields = Object.entries(content).map(([key, value]) => [key, cut(value, this.#limit)]);
    return JSON.stringify(Object.fromEntries(fields));
  }

  /** An item as JSON text inside a JSON text: a value, the text of one, or any other text. */
  rawJson(item: unknown): string {
    return JSON.stringify(this.#rawText(item));
  }

  #rawText(item: unknown): string {
    let value = item;
    try {
      if (typeof item === "string") value = JSON.parse(item);
    } catch {
      // no JSON: it is kept as the text it is
    }
    const kept = cut(this.keep(value), this.#limit);
    return typeof kept === "string" && value === item ? kept : (JSON.stringify(kept) ?? "");
  }
}
