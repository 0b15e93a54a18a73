/** Owns taking secrets out of values: texts by what they say, fields by their names, at any depth, keys as well. */
import { set, shortText } from "./cut.ts";
import { isGroup, isPlural, kindOf } from "./names.ts";
import type { Found } from "./secrets.ts";
import { SHORTEST_TOKEN } from "./tokens.ts";
import { isSecret } from "./values.ts";

/** What is nested deeper is left out: no store nests its own data so deep. */
const DEEPEST = 64;
const SHORTEST = 6;
/** A text of at least and at most so many units is remembered for a while, with what became of it. */
const LONG = 200;
const MOST = 1 << 16;
const RECENT = 8;
/** What an item takes at least beside its text. */
const ITEM = 2;
/** A secret that begins before the limit ends within this, so that it is known for one. */
const MARGIN = 1 << 15;

/** Takes the secrets out of a text. */
export type Clean = (text: string) => string;

const isSecretName = (name: string): boolean => kindOf(name) !== "none";

const BY_NAME = "named-field";
const MARK = `[redacted:${BY_NAME}]`;

/** Words of JSON Schema, in which a field named `password` describes a field and holds none. */
const SCHEMA_TYPES: ReadonlySet<unknown> = new Set([
  "string",
  "number",
  "integer",
  "boolean",
  "array",
  "object",
  "null",
]);

export class Redactor {
  readonly #clean: Clean;
  readonly #found: Found;
  readonly #limit: number;
  /** Long texts that were looked through last: an answer's call of a tool has the arguments of the tool itself. */
  readonly #recent: { readonly given: string; readonly safe: string }[] = [];
  #next = 0;
  /** At least how many bytes of JSON the values took that were looked through; whoever counts sets it to 0 before. */
  size = 0;

  /** Longer texts than `limit` bytes (0: none) are cut on the way, so that what nobody keeps is not looked through. */
  constructor(clean: Clean, found: Found, limit: number) {
    this.#clean = clean;
    this.#found = found;
    this.#limit = limit;
  }

  /** A copy of a value of JSON without secrets; bytes and what JSON has no word for become words. */
  value(given: unknown, depth: number = 0): unknown {
    this.size += ITEM;
    if (typeof given === "string") return this.text(given);
    if (typeof given === "bigint") return Number.isSafeInteger(Number(given)) ? Number(given) : `${given}`;
    if (typeof given !== "object" || given === null) return given;
    if (depth > DEEPEST) return "[cut: nested too deeply]";
    if (ArrayBuffer.isView(given)) return `[cut: ${given.byteLength} bytes]`;
    return Array.isArray(given) ? this.#list(given, depth) : this.#fields(given as Record<string, unknown>, depth);
  }

  text(given: string): string {
    this.size += Math.min(given.length, this.#limit + 1);
    if (given.length < SHORTEST) return given;
    if (given.length < LONG || given.length > MOST) return this.#cleaned(given);
    const same = this.#recent.find((one) => one.given === given);
    if (same) return same.safe;
    const safe = this.#cleaned(given);
    this.#recent[this.#next] = { given, safe };
    this.#next = (this.#next + 1) % RECENT;
    return safe;
  }

  #cleaned(given: string): string {
    const most = this.#limit + MARGIN;
    if (this.#limit === 0 || given.length <= most) return this.#clean(given);
    return shortText(this.#clean(given.slice(0, most)), this.#limit, given.length - most);
  }

  /** A command line as a list: what follows `--password` is one. */
  #list(items: readonly unknown[], depth: number): unknown[] {
    return items.map((item, at) => {
      const before = at > 0 ? items[at - 1] : undefined;
      const isNamed = typeof before === "string" && /^--?[\w-]{2,40}$/.test(before) && isSecretName(before);
      return isNamed && typeof item === "string" ? this.#named() : this.value(item, depth + 1);
    });
  }

  #fields(given: Record<string, unknown>, depth: number): Record<string, unknown> {
    const { name, key } = given;
    const fields: Record<string, unknown> = {};
    // A header, cookie or variable as a pair: `{"name": "X-Api-Key", "value": "..."}`.
    const pair = typeof name === "string" ? name : typeof key === "string" ? key : "";
    for (const [field, item] of Object.entries(given)) {
      const named = field === "value" && isSecretName(pair) ? pair : field;
      const safe = isSecretName(named) ? this.#under(named, item, depth) : this.value(item, depth + 1);
      this.size += field.length;
      set(fields, field.length < SHORTEST_TOKEN ? field : this.text(field), safe);
    }
    return fields;
  }

  /** What lies below a secret's name. */
  #under(name: string, item: unknown, depth: number): unknown {
    if (typeof item === "string") return isSecret(item, kindOf(name)) ? this.#named() : this.text(item);
    if (typeof item === "number") return kindOf(name) === "random" || isPlural(name) ? item : this.#named();
    if (typeof item !== "object" || item === null) return item;
    if (depth > DEEPEST) return this.value(item, depth + 1);
    if (Array.isArray(item)) return item.map((one) => this.#under(name, one, depth + 1));
    const fields = item as Record<string, unknown>;
    if (!isGroup(name) || SCHEMA_TYPES.has(fields.type) || "$ref" in fields) return this.value(item, depth + 1);
    return Object.fromEntries(Object.entries(fields).map(([key, one]) => [key, this.#under(name, one, depth + 1)]));
  }

  #named(): string {
    this.#found(BY_NAME);
    return MARK;
  }
}
