/** Owns what makes a call or a tool call recognisable in every stream that tells of it. */
import { responseFact, toolFact } from "../../record/identity.ts";
import type { Usage } from "../../record/schema.ts";

const REQUEST_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** `call_0`, `tooluse_12`: counters that begin again in every session, if not in every turn. */
const COUNTER = /^[a-z]*_?\d{0,6}$/i;

/** A tool call's id as the model gave it, without what VS Code adds to make it unique. */
export function bareCallId(id: string | undefined): string | undefined {
  const end = id?.indexOf("__vscode-") ?? -1;
  return (end < 0 ? id : id?.slice(0, end)) || undefined;
}

/**
 * The fact of a model call. What Copilot calls a response id is mostly the id of a request, and one request is answered
 * by several calls of a turn: those differ in their tokens. A call that has none is known by its span alone.
 */
export function callFact(
  responseId: string | undefined,
  usage: Usage | undefined,
  time: string | undefined,
  otherwise: string,
): string {
  if (responseId === undefined) return otherwise;
  if (responseId.length !== 36 || !REQUEST_ID.test(responseId)) return responseFact(responseId, time);
  if (usage?.input_tokens === undefined && usage?.output_tokens === undefined) return otherwise;
  return `${responseId}:${usage.input_tokens ?? ""}:${usage.output_tokens ?? ""}`;
}

/** The fact of a tool call: streams tell different starts of it, so only counters need theirs. */
export function toolCallFact(
  callId: string | undefined,
  session: string | undefined,
  start: string | undefined,
  otherwise: string,
): string {
  if (callId === undefined || (session === undefined && callId.length < 16)) return otherwise;
  return toolFact(callId, COUNTER.test(callId) ? start : undefined, session);
}
