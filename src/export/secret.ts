/** Owns request headers, which may hold credentials: one object that cannot be printed, listed or put into JSON. */

const SHOWN = "[secret]";
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Headers that a request is made of and that nobody else sets. */
const RESERVED: ReadonlySet<string> = new Set([
  "content-encoding",
  "content-length",
  "content-type",
  "host",
  "transfer-encoding",
]);

export class SecretHeaders {
  readonly #headers: Readonly<Record<string, string>>;

  constructor(headers: Readonly<Record<string, string>>) {
    this.#headers = headers;
  }

  /** For the request itself, and for nothing else. */
  reveal(): Readonly<Record<string, string>> {
    return this.#headers;
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return SHOWN;
  }
}

/**
 * Headers as `OTEL_EXPORTER_OTLP_HEADERS` writes them: `name=value,name2=value2`, values percent-encoded. Returns what
 * is wrong, naming no value, or the headers.
 */
export function parseHeaders(text: string): Readonly<Record<string, string>> | string {
  const headers: Record<string, string> = {};
  let number = 0;
  for (const part of text.split(",")) {
    if (part.trim() === "") continue;
    number++;
    const at = part.indexOf("=");
    const name = part.slice(0, at).trim();
    if (at < 1 || !NAME.test(name)) return `header ${number} is not written as name=value`;
    if (RESERVED.has(name.toLowerCase())) return `header ${name} cannot be set`;
    const value = decoded(part.slice(at + 1).trim());
    if (value === undefined) return `the value of header ${name} is not percent-encoded correctly`;
    if (/[\p{Cc}]/u.test(value)) return `the value of header ${name} holds a control character`;
    if (/[^\x20-\xff]/.test(value)) return `the value of header ${name} holds a character that no header can carry`;
    headers[name.toLowerCase()] = value;
  }
  return headers;
}

/** Why gRPC cannot carry one of these headers, naming no value; undefined where it can. Its `-bin` headers take any bytes. */
export function unfitForGrpc(headers: SecretHeaders): string | undefined {
  for (const [name, value] of Object.entries(headers.reveal())) {
    if (!/^[0-9a-z_.-]+$/.test(name)) return `header ${name} has a name that gRPC cannot carry`;
    if (!name.endsWith("-bin") && !/^[\x20-\x7e]*$/.test(value))
      return `the value of header ${name} holds a character that gRPC cannot carry`;
  }
  return undefined;
}

/** `name=value` pairs as `OTEL_RESOURCE_ATTRIBUTES` writes them; a part that is not so spoils all, as the specification says. */
export function parsePairs(text: string): Readonly<Record<string, string>> | undefined {
  const pairs: Record<string, string> = {};
  for (const part of text.split(",")) {
    if (part.trim() === "") continue;
    const at = part.indexOf("=");
    const value = decoded(part.slice(at + 1).trim());
    if (at < 1 || value === undefined) return undefined;
    pairs[part.slice(0, at).trim()] = value;
  }
  return pairs;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
