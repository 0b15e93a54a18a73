/** What makes a call recognisable in every stream that tells of it, and what its cost is. */
import { fingerprint, toolFact } from "../../record/identity.ts";
import { number } from "../../record/json.ts";
import type { Usage } from "../../record/schema.ts";

/** A call as each of the streams can tell it. The store of usage knows no response ids, so they cannot be the fact. */
export interface Call {
  readonly session: string | undefined;
  readonly model: string | undefined;
  readonly usage: Usage | undefined;
  /** Milliseconds, as the agent measured them. */
  readonly duration: number | undefined;
}

/** The fact of a call: its session, model, tokens and duration; of those that are alike in all of it see `numbered`. */
export function callFact({ session, model, usage = {}, duration }: Call): string {
  const { input_tokens, output_tokens, cache_read_input_tokens: read, cache_creation_input_tokens: written } = usage;
  return fingerprint([session, model, input_tokens ?? 0, output_tokens ?? 0, read ?? 0, written ?? 0, duration]);
}

/** Facts that were told lately, and how often. */
export type Seen = [fact: string, count: number][];

const SEEN = 64;
/** Ids that are counters begin anew with each answer, or with each run of the agent. */
const SEEN_IDS = 512;

/** Each call is one, also where several are alike in all that makes the fact: they are numbered as they come. */
export function numbered(seen: Seen, fact: string, limit = SEEN): string {
  const at = seen.findIndex(([known]) => known === fact);
  const count = at < 0 ? 0 : (seen.splice(at, 1)[0]?.[1] ?? 0);
  seen.push([fact, count + 1]);
  if (seen.length > limit) seen.shift();
  return count === 0 ? fact : `${fact}/${count}`;
}

/** The fact of a tool call: streams tell different starts of it. Ids that are no random texts come again in a session. */
export function toolCallFact(ids: Seen, id: string, session: string | undefined): string {
  const fact = toolFact(id, undefined, session);
  return fact === id ? fact : numbered(ids, fact, SEEN_IDS);
}

const CREDITS_SINCE = "2026-06-01";
const NANO_CREDITS_PER_DOLLAR = 1e11;

/** AI credits in dollars, at one cent each; before June 2026 they meant something else. */
export function costOf(nanoCredits: unknown, time: string | undefined): number | undefined {
  const nano = number(nanoCredits);
  return nano && time !== undefined && time >= CREDITS_SINCE ? nano / NANO_CREDITS_PER_DOLLAR : undefined;
}
