/** Owns where an export goes and how: the command's flags first, then OpenTelemetry's own variables. It sends nothing. */
import { fingerprint } from "../record/identity.ts";
import { systemReason, WeirError } from "../system/errors.ts";
import type { Certificates } from "../system/network.ts";
import { platform } from "../system/process.ts";
import { ifPresent, readSmallFile, sys } from "../system/system.ts";
import type { Attributes } from "./otel.ts";
import { type Encoding, SIGNALS, type Signal } from "./otlp.ts";
import { parseHeaders, parsePairs, SecretHeaders, unfitForGrpc } from "./secret.ts";

const PROTOCOLS = ["http/protobuf", "http/json", "grpc"] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** What may be asked for on the command line. */
export interface Asked {
  /** A URL, or `otel` for the one that the environment names. */
  readonly to: string;
  readonly protocol?: Protocol;
  readonly signals: readonly Signal[];
  readonly compress?: "none" | "gzip";
  readonly headersFile?: string;
}

type Variables = Readonly<Record<string, string | undefined>>;

/** How one signal is sent. */
export interface Route {
  readonly signal: Signal;
  readonly url: string;
  /** `scheme://host:port`: all that is ever shown of it. */
  readonly origin: string;
  readonly protocol: Protocol;
  readonly encoding: Encoding;
  readonly gzip: boolean;
  readonly headers: SecretHeaders;
  /** Names of headers that the environment gives for another host. */
  readonly withheld: readonly string[];
  readonly timeoutMs: number;
  readonly certificates: Certificates;
}

export interface Destination {
  /** What its progress is kept under: names the URL without telling it. */
  readonly id: string;
  readonly origin: string;
  readonly routes: readonly Route[];
}

const TIMEOUT_MS = 10_000;
const FILE_LIMIT = 1 << 20;
const BASE_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT";

function wrong(message: string, hint?: string): WeirError {
  return new WeirError("usage", message, hint);
}

/** Puts together what was asked for and what the environment says; throws `usage` for whatever cannot be meant. */
export function destinationOf(asked: Asked, variables: Variables): Destination {
  const routes = asked.signals.map((signal) => routeOf(signal, asked, variables));
  const first = routes[0];
  if (!first) throw wrong("no signal is asked for");
  return { id: fingerprint(["destination", nameOf(asked.to, variables)]), origin: first.origin, routes };
}

/** The same however an address is written, and whichever signals are asked for. */
function nameOf(to: string, variables: Variables): string {
  if (to !== "otel") return normal(to);
  const all = SIGNALS.flatMap((signal) => endpointOf(signal, variables)?.value ?? []);
  return [...new Set(all.map(normal))].join(" ");
}

/** A signal's path says nothing about where it is. */
function normal(text: string): string {
  const name = URL.canParse(text) ? new URL(text).href : text;
  return name.replace(/\/v1\/(?:traces|metrics|logs)\b/, "").replace(/\/+(?=$|#)/, "");
}

/** What the environment names for a signal. */
function endpointOf(signal: Signal, variables: Variables): Given {
  for (const by of [`OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_ENDPOINT`, BASE_ENDPOINT]) {
    const value = variables[by];
    if (value) return { value, by };
  }
  return undefined;
}

function routeOf(signal: Signal, asked: Asked, variables: Variables): Route {
  const variable = (name: string): { readonly value: string; readonly by: string } | undefined => {
    for (const by of [`OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_${name}`, `OTEL_EXPORTER_OTLP_${name}`])
      if (variables[by]) return { value: variables[by], by };
    return undefined;
  };
  const protocol = asked.protocol ?? protocolOf(variable("PROTOCOL"));
  const { url, origin } = urlOf(signal, asked.to, protocol, variables);
  const elsewhere = isElsewhere(origin, endpointOf(signal, variables));
  const given = headersGiven(signal, variables);
  const own = asked.headersFile === undefined ? {} : parsed(headersIn(asked.headersFile), asked.headersFile);
  const headers = new SecretHeaders(elsewhere ? own : { ...given, ...own });
  const unfit = protocol === "grpc" ? unfitForGrpc(headers) : undefined;
  if (unfit !== undefined) throw wrong(unfit);
  return {
    signal,
    url,
    origin,
    protocol,
    encoding: protocol === "http/json" ? "json" : "protobuf",
    gzip: gzipOf(asked.compress, variable("COMPRESSION")),
    headers,
    withheld: elsewhere ? Object.keys(given) : [],
    timeoutMs: timeoutOf(variable("TIMEOUT")),
    certificates: {
      ca: fileOf(variable("CERTIFICATE")),
      key: fileOf(variable("CLIENT_KEY")),
      cert: fileOf(variable("CLIENT_CERTIFICATE")),
    },
  };
}

type Given = { readonly value: string; readonly by: string } | undefined;

function protocolOf(given: Given): Protocol {
  if (!given) return "http/protobuf";
  if ((PROTOCOLS as readonly string[]).includes(given.value)) return given.value as Protocol;
  throw wrong(`${given.by}: unknown protocol ${JSON.stringify(given.value)}`, `one of ${PROTOCOLS.join(", ")}`);
}

function gzipOf(asked: Asked["compress"], given: Given): boolean {
  if (asked) return asked === "gzip";
  if (!given) return true;
  if (given.value === "gzip" || given.value === "none") return given.value === "gzip";
  throw wrong(`${given.by}: unknown compression ${JSON.stringify(given.value)}`, "gzip or none");
}

function timeoutOf(given: Given): number {
  if (!given) return TIMEOUT_MS;
  const ms = Number(given.value);
  if (Number.isInteger(ms) && ms > 0 && ms <= 3_600_000) return ms;
  throw wrong(
    `${given.by}: ${JSON.stringify(given.value)} is no time`,
    "a whole number of milliseconds, from 1 to 3600000",
  );
}

function fileOf(given: Given): string | undefined {
  if (!given) return undefined;
  try {
    return new TextDecoder().decode(readSmallFile(given.value, FILE_LIMIT));
  } catch (error) {
    throw wrong(`${given.by}: cannot read ${given.value}: ${systemReason(error)}`);
  }
}

/** The environment's headers for a signal, which may hold the credentials for the endpoint that it names. */
function headersGiven(signal: Signal, variables: Variables): Readonly<Record<string, string>> {
  const names = ["OTEL_EXPORTER_OTLP_HEADERS", `OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_HEADERS`];
  return Object.assign({}, ...names.map((name) => parsed(variables[name] ?? "", name)));
}

/** Whether the environment names an endpoint on another host than this one, or one that only encrypted requests reach. */
function isElsewhere(origin: string, endpoint: Given): boolean {
  if (!endpoint) return false;
  const address = /^[a-z][a-z+.-]*:\/\//i.test(endpoint.value) ? endpoint.value : `http://${endpoint.value}`;
  if (!URL.canParse(address)) return true;
  const [named, own] = [new URL(address), new URL(origin)];
  return named.hostname !== own.hostname || (named.protocol === "https:" && own.protocol !== "https:");
}

const originOf = ({ protocol, host }: URL): string => `${protocol}//${host}`;

function headersIn(path: string): string {
  const mode = ifPresent(() => sys.stat(path))?.mode ?? 0;
  if (platform !== "win32" && (mode & 0o077) !== 0)
    throw wrong(`--headers-file: other users may read ${path}`, `chmod 600 ${path}`);
  const text = fileOf({ value: path, by: "--headers-file" }) ?? "";
  return text
    .split(/\r?\n/)
    .filter((line) => line.trim() !== "" && !line.startsWith("#"))
    .join(",");
}

function parsed(text: string, by: string): Readonly<Record<string, string>> {
  const found = parseHeaders(text);
  if (typeof found === "string") throw wrong(`${by}: ${found}`);
  return found;
}

/** Where a signal goes: a base address gets the signal's path, one that names a signal's path is used as it is. */
function urlOf(signal: Signal, to: string, protocol: Protocol, variables: Variables): { url: string; origin: string } {
  if (to !== "otel") return pathed(checked(to, "--to"), signal, protocol, SIGNAL_PATH.test(to));
  const given = endpointOf(signal, variables);
  if (!given)
    throw wrong("--to otel: the environment names no endpoint", `set ${BASE_ENDPOINT}, or give the URL itself`);
  return pathed(checked(given.value, given.by), signal, protocol, given.by !== BASE_ENDPOINT);
}

const SIGNAL_PATH = /\/v1\/(traces|metrics|logs)\/?(?:[?#]|$)/;

function pathed(url: URL, signal: Signal, protocol: Protocol, untouched: boolean): { url: string; origin: string } {
  const origin = originOf(url);
  const named = SIGNAL_PATH.exec(url.href)?.[1];
  if (named !== undefined && named !== signal)
    throw wrong(`${origin}: the address is that of ${named}, not of ${signal}`, `give it without /v1/${named}`);
  url.hash = "";
  if (!untouched && protocol !== "grpc") url.pathname = `${url.pathname.replace(/\/+$/, "")}/v1/${signal}`;
  return { url: url.href, origin };
}

/** Addresses that only this machine's own network answers; cloud machines keep their credentials there. */
const LINK_LOCAL = /^(?:169\.254\.|\[fe[89ab][0-9a-f]:)/i;

function checked(text: string, by: string): URL {
  const bare = text.replace(/^[\w+.-]+:\/\//, "").replace(/[/?#].*$/s, "");
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    // What stands before an @, wherever that is, may be a password.
    const isShown = /^[\w.:[\]-]+$/.test(bare) && !text.includes("@");
    throw wrong(`${by}: not a URL${isShown ? ` (${bare})` : ""}`, "for example http://127.0.0.1:4318");
  }
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw schemeless(url)
      ? wrong(`${by}: not a URL (${bare})`, `did you mean http://${bare}?`)
      : wrong(`${by}: ${url.protocol}// is not a protocol that weir sends over`, "http:// or https://");
  if (url.username !== "" || url.password !== "")
    throw wrong(
      `${by}: credentials do not belong into a URL`,
      "put them into OTEL_EXPORTER_OTLP_HEADERS or --headers-file",
    );
  if (LINK_LOCAL.test(url.hostname)) throw wrong(`${by}: ${url.hostname} is a link-local address`);
  return url;
}

/** A host and its port, which a URL's rules take for a scheme and a path. */
const schemeless = ({ href }: URL): boolean => /^[\w.-]+:\d+(?:\/|$)/.test(href);

/** Resource attributes that the user sets for all that is exported. */
export function resourceAttributes(variables: Variables): Attributes {
  const text = variables.OTEL_RESOURCE_ATTRIBUTES ?? "";
  const pairs = parsePairs(text);
  if (!pairs) throw wrong("OTEL_RESOURCE_ATTRIBUTES is not written as name=value,name2=value2");
  const name = variables.OTEL_SERVICE_NAME;
  return name ? { ...pairs, "service.name": name } : pairs;
}

/** The signals in their fixed order, each once. */
export function signalsOf(text: string): readonly Signal[] {
  const names = text.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !(SIGNALS as readonly string[]).includes(name));
  if (unknown !== undefined) throw wrong(`--signals: unknown signal ${JSON.stringify(unknown)}`, SIGNALS.join(", "));
  return SIGNALS.filter((signal) => names.includes(signal));
}
