/** Owns taking secrets out of values: texts by what they say, fields by their names, at any depth, keys as well. */
import { set } from "./cut.ts";
import { type Found, isSecretGroup, isSecretName } from "./secrets.ts";

/** What is nested deeper is left out: no store nests its own data so deep. */
const DEEPEST = 64;
const SHORTEST = 6;

/** Takes the secrets out of a text. */
export type Clean = (text: string) => string;

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

  constructor(clean: Clean, found: Found) {
    this.#clean = clean;
    this.#found = found;
  }

  /** A copy of a value of JSON without secrets; bytes and what JSON has no word for become words. */
  value(given: unknown, depth: number = 0): unknown {
    if (typeof given === "string") return this.text(given);
    if (typeof given === "bigint") return Number.isSafeInteger(Number(given)) ? Number(given) : `${given}`;
    if (typeof given !== "object" || given === null) return given;
    if (depth > DEEPEST) return "[cut: nested too deeply]";
    if (ArrayBuffer.isView(given)) return `[cut: ${given.byteLength} bytes]`;
    return Array.isArray(given) ? this.#list(given, depth) : this.#fields(given as Record<string, unknown>, depth);
  }

  text(given: string): string {
    return given.length < SHORTEST ? given : this.#clean(given);
  }

  /** A command line as a list: what follows `--password` is one. */
  #list(items: readonly unknown[], depth: number): unknown[] {
    return items.map((item, at) => {
      const before = at > 0 ? items[at - 1] : undefined;
      const isNamed = typeof before === "string" && /^--?[\w-]{2,40}$/.test(before) && isSecretName(before.slice(1));
      return isNamed && typeof item === "string" ? this.#named() : this.value(item, depth + 1);
    });
  }

  #fields(given: Record<string, unknown>, depth: number): Record<string, unknown> {
    const { type, name, key } = given;
    const fields: Record<string, unknown> = {};
    // A header, cookie or variable as a pair: `{"name": "X-Api-Key", "value": "..."}`.
    const pair = typeof name === "string" ? name : key;
    const isPair = typeof pair === "string" && isSecretName(pair);
    for (const [field, item] of Object.entries(given)) {
      const isNamed = isSecretName(field) || (isPair && field === "value");
      const isFile = field === "content" && type === "blob";
      set(
        fields,
        this.text(field),
        isNamed ? this.#under(field, item, depth) : isFile ? item : this.value(item, depth + 1),
      );
    }
    return fields;
  }

  /** What lies below a secret's name. */
  #under(name: string, item: unknown, depth: number): unknown {
    if (typeof item === "string") return item === "" || item.startsWith("[redacted:") ? item : this.#named();
    if (typeof item === "number") return /token$|sig/i.test(name) ? item : this.#named();
    if (typeof item !== "object" || item === null) return item;
    if (depth > DEEPEST) return this.value(item, depth + 1);
    if (Array.isArray(item)) return item.map((one) => this.#under(name, one, depth + 1));
    const fields = item as Record<string, unknown>;
    if (!isSecretGroup(name) || SCHEMA_TYPES.has(fields.type) || "$ref" in fields) return this.value(item, depth + 1);
    return Object.fromEntries(Object.entries(fields).map(([key, one]) => [key, this.#under(name, one, depth + 1)]));
  }

  #named(): string {
    this.#found(BY_NAME);
    return MARK;
  }
}
