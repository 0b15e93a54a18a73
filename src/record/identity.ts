/** Owns the formulas of schema 1 that make a record recognisable: ids, facts, hashes. They never change. */

const FACT_LIMIT = 200;

const digest = Buffer.alloc(32);

function sha128(text: string): string {
  Bun.SHA256.hash(text, digest);
  return digest.toString("hex", 0, 16);
}

/**
 * The id of a telling: the first 128 bits, in hex, of SHA-256 over agent, stream, session, operation and native key,
 * joined by NUL. It depends on no path, host or clock.
 */
export function recordId(agent: string, stream: string, session: string, operation: string, key: string): string {
  return sha128(`${agent}\0${stream}\0${session}\0${operation}\0${key}`);
}

/** A fact as it stands in the record: itself, or its hash when it is longer than 200 characters. */
export function factOf(fact: string): string {
  return fact.length <= FACT_LIMIT ? fact : sha128(fact);
}

/** A fact that is known by what it is like, where an agent copies without ids: the hash of its fixed numbers. */
export function fingerprint(parts: readonly (string | number | undefined)[]): string {
  return sha128(parts.map((part) => part ?? "").join("\0"));
}

/** True for an id that is long enough to be random; others are counters, which come again elsewhere. */
export function isRandomId(id: string): boolean {
  return id.length >= 16;
}

/**
 * The fact of a tool call: its id and its start, because short ids (`call_1`) come again in other sessions.
 * Pass no start where copies carry new times; then only an id long enough to be random is used without its session.
 */
export function toolFact(callId: string, start: string | undefined, session: string | undefined): string {
  if (start !== undefined) return `${callId}@${start}`;
  return isRandomId(callId) ? callId : `${callId}@${session ?? ""}`;
}

/** The fact of a call: the provider's response id, with its time where the id is too short to be random (`chatcmpl-123`). */
export function responseFact(responseId: string, time: string | undefined): string {
  return isRandomId(responseId) || time === undefined ? responseId : `${responseId}@${time}`;
}

/** 52 bits of a record id, as a number: how the ledger knows an id (a collision needs about 10^7 ids of one source). */
export function idNumber(id: string): number {
  return Number.parseInt(id.slice(0, 13), 16);
}

/** 32 bits of a text's content, never 0; told with the hash of what came before it, of both. */
export function textHash(text: string, before: number = 0): number {
  return Bun.hash.xxHash32(text, before) || 1;
}

/** 52 bits of a text's content, as a number. */
export function textKey(text: string): number {
  return textHash(text) * 2 ** 20 + (textHash(`${text}\0`) & 0xfffff);
}

/** The trace id that an exporter derives for a session whose source has none (128 bits). */
export function derivedTraceId(session: string): string {
  return sha128(`trace\0${session}`);
}

/** The span id that an exporter derives from a record's id (64 bits). */
export function derivedSpanId(id: string): string {
  return id.slice(0, 16);
}
