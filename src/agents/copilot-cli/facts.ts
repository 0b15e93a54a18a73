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

/** The fact of a call: its session, model, tokens and duration, which no two calls of a session share. */
export function callFact({ session, model, usage = {}, duration }: Call): string {
  const { input_tokens, output_tokens, cache_read_input_tokens: read, cache_creation_input_tokens: written } = usage;
  return fingerprint([session, model, input_tokens ?? 0, output_tokens ?? 0, read ?? 0, written ?? 0, duration]);
}

/** The fact of a tool call: streams tell different starts of it. */
export function toolCallFact(id: string, session: string | undefined): string {
  return toolFact(id, undefined, session);
}

const CREDITS_SINCE = "2026-06-01";
const NANO_CREDITS_PER_DOLLAR = 1e11;

/** AI credits in dollars, at one cent each; before June 2026 they meant something else. */
export function costOf(nanoCredits: unknown, time: string | undefined): number | undefined {
  const nano = number(nanoCredits);
  return nano && time !== undefined && time >= CREDITS_SINCE ? nano / NANO_CREDITS_PER_DOLLAR : undefined;
}
