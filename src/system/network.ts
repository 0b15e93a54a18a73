/** Owns sending over HTTP: one request with a deadline, no redirect followed, no proxy variable heeded, the answer cut short. */
import process from "node:process";

/** A reading of an answer stops here; nothing that an OTLP receiver answers is longer. */
const ANSWER_BYTES = 1 << 20;

const PROXY_VARIABLES = ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];

export interface Certificates {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface HttpPost {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly timeoutMs: number;
  /** Ends the waiting for an answer. */
  readonly cut: AbortSignal;
  readonly certificates: Certificates;
}

export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly retryAfter: string | undefined;
  readonly body: Uint8Array;
}

/** Bun's fetch reads these from the environment; a destination is only ever what the user named (measured, Bun 1.4.5). */
function forgetProxies(): void {
  for (const name of PROXY_VARIABLES) delete process.env[name];
}

/** Posts and reads the answer; throws where there is none: refused, reset, timed out, a certificate that does not hold. */
export async function post({ url, headers, body, timeoutMs, cut, certificates }: HttpPost): Promise<HttpAnswer> {
  forgetProxies();
  const { ca, cert, key } = certificates;
  const response = await fetch(url, {
    method: "POST",
    headers,
    body: body as Uint8Array<ArrayBuffer>,
    redirect: "manual",
    signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), cut]),
    tls: { rejectUnauthorized: true, ca, cert, key },
  });
  return {
    status: response.status,
    contentType: response.headers.get("content-type") ?? "",
    retryAfter: response.headers.get("retry-after") ?? undefined,
    body: await beginningOf(response),
  };
}

async function beginningOf(response: Response): Promise<Uint8Array> {
  const { headers } = response;
  // What is compressed may be longer than its length says.
  if (!headers.has("content-encoding") && Number(headers.get("content-length") ?? Number.NaN) <= ANSWER_BYTES)
    return response.bytes();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > ANSWER_BYTES) break;
  }
  return Buffer.concat(chunks).subarray(0, ANSWER_BYTES);
}

/** Why there was no answer, in a word that holds nothing of the request. */
export function noAnswer(error: unknown): string {
  const { name, code } = error as { name?: unknown; code?: unknown };
  if (name === "TimeoutError" || name === "AbortError") return "no answer in time";
  if (typeof code !== "string") return typeof name === "string" ? name : "unknown error";
  return MEANINGS[code] ?? code;
}

/** The same from an error's own words, where a library gives nothing else; undefined for what is not known. */
export function meaningIn(words: string): string | undefined {
  const code = Object.keys(MEANINGS).find((name) => words.includes(name));
  return code === undefined ? WORDS.find(([known]) => known.test(words))?.[1] : MEANINGS[code];
}

const WORDS: readonly (readonly [RegExp, string])[] = [
  [/self.signed certificate/i, "its certificate is self-signed"],
  [/certificate has expired/i, "its certificate has expired"],
  [/unable to (?:verify|get)/i, "its certificate cannot be verified"],
];

const MEANINGS: Readonly<Record<string, string>> = {
  ConnectionRefused: "connection refused",
  ECONNREFUSED: "connection refused",
  ConnectionClosed: "the connection was closed",
  ECONNRESET: "the connection was reset",
  ENOTFOUND: "there is no such host",
  EAI_AGAIN: "its name cannot be looked up now",
  ConnectionReset: "the connection was reset",
  FailedToOpenSocket: "no connection",
  CERT_HAS_EXPIRED: "its certificate has expired",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is self-signed",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is self-signed",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate cannot be verified",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another host",
  EPROTO: "it does not speak TLS",
};
