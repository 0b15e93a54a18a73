/** Owns what an answer means for a request: done, try again, send smaller parts, or give this destination up. */
import { answerOf, type Encoding, type Partial, type Signal } from "./otlp.ts";

export type Outcome =
  | ({ readonly kind: "accepted" } & Partial)
  /** The same bytes again later; `afterMs` is what the receiver asks for. */
  | { readonly kind: "again"; readonly reason: string; readonly afterMs?: number }
  /** Never the same bytes again: halves of them, down to one item. */
  | { readonly kind: "halve"; readonly reason: string }
  | { readonly kind: "stop"; readonly reason: string };

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly retryAfter: string | undefined;
  readonly body: Uint8Array;
}

const RETRYABLE: ReadonlySet<number> = new Set([429, 502, 503, 504]);
const MEANING: Readonly<Record<number, string>> = {
  401: "the credentials are missing or wrong: --headers-file gives them",
  403: "the credentials do not permit this",
  404: "there is no such path: is it the base address of an OTLP receiver?",
  405: "it takes no POST there: is it the base address of an OTLP receiver?",
  415: "it does not take this protocol",
};

/** What an HTTP answer means (OTLP specification; reliability H101 to H106). */
export async function outcomeOf(signal: Signal, encoding: Encoding, answer: Answer, now: number): Promise<Outcome> {
  const { status } = answer;
  if (status >= 200 && status < 300) {
    const partial = await answerOf(signal, encoding, answer.contentType, answer.body);
    if (partial) return { kind: "accepted", ...partial };
    return { kind: "again", reason: `answered ${status}, but not as an OTLP receiver does` };
  }
  if (RETRYABLE.has(status))
    return { kind: "again", reason: `answered ${status}`, afterMs: waitOf(answer.retryAfter, now) };
  if (status === 400 || status === 413) return { kind: "halve", reason: `answered ${status}` };
  if (status >= 300 && status < 400)
    return { kind: "stop", reason: `answered ${status}, a redirect, which is never followed` };
  const meaning = MEANING[status];
  return { kind: "stop", reason: `answered ${status}${meaning ? `: ${meaning}` : ""}` };
}

/** Milliseconds to wait, from either form of Retry-After: seconds, or a date. */
export function waitOf(retryAfter: string | undefined, now: number): number | undefined {
  if (retryAfter === undefined) return undefined;
  const text = retryAfter.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
