/** Owns a record's line: how a draft becomes one, what of it identifies its content, and how a line is taken apart again. */
import type { Draft } from "./draft.ts";
import { factOf, idNumber, recordId, textHash } from "./identity.ts";
import { withoutCredentials, withoutHome } from "./privacy.ts";
import type { Usage, WeirRecord } from "./schema.ts";
import { tokensOf } from "./usage.ts";

/** What all records of one source have in common. */
export interface Origin {
  readonly agent: string;
  readonly stream: string;
  readonly path: string;
  readonly host: string;
  readonly homes: readonly string[];
}

/** A record that is ready for the ledger: its line is built only when the ledger wants it. */
export interface Encoded {
  readonly id: number;
  /** Hash of the metadata without times, turn and `open`. */
  readonly content: number;
  /** Hash of times, turn and `open`. */
  readonly when: number;
  /** How much this telling knows; see `scoreOf`. */
  readonly score: number;
  line(rev: number): string;
}

/** Fields that a score tells apart. */
const FIELDS = 1024;

/** How much a telling knows: its tokens first (a streamed answer's usage only grows), then its known fields. */
function scoreOf(known: number, usage: Usage | undefined): number {
  return Math.min(tokensOf(usage), 2 ** 40) * FIELDS + Math.min(known, FIELDS - 1);
}

/** True when two scores are of tellings with as many tokens. */
export function isOfSameTokens(a: number, b: number): boolean {
  return Math.floor(a / FIELDS) === Math.floor(b / FIELDS);
}

/**
 * What of a record is mostly the same in a source's records of one operation: told before all that changes, and put into
 * text once. The order of keys is fixed.
 */
function stableOf(agent: string, stream: string, d: Omit<Draft, "key"> | WeirRecord): Record<string, unknown> {
  return {
    agent,
    agent_version: d.agent_version,
    stream,
    session_id: d.session_id,
    parent_session_id: d.parent_session_id,
    forked_from: d.forked_from,
    conversation_id: d.conversation_id,
    cwd: d.cwd,
    repository: d.repository,
    branch: d.branch,
    kind: d.kind,
    subagent: d.subagent,
    operation: d.operation,
    name: d.name,
    agent_name: d.agent_name,
    status: d.status,
    error_type: d.error_type,
    provider: d.provider,
    request_model: d.request_model,
    model: d.model,
    attributes: d.attributes,
    resource: d.resource,
  };
}

function hasSameStable(a: Draft, b: Draft): boolean {
  return (
    a.session_id === b.session_id &&
    a.model === b.model &&
    a.status === b.status &&
    isSame(a.attributes, b.attributes) &&
    a.cwd === b.cwd &&
    a.branch === b.branch &&
    a.agent_version === b.agent_version &&
    a.parent_session_id === b.parent_session_id &&
    a.forked_from === b.forked_from &&
    a.conversation_id === b.conversation_id &&
    a.repository === b.repository &&
    a.kind === b.kind &&
    isSame(a.subagent, b.subagent) &&
    a.name === b.name &&
    a.agent_name === b.agent_name &&
    a.error_type === b.error_type &&
    a.provider === b.provider &&
    a.request_model === b.request_model &&
    isSame(a.resource, b.resource)
  );
}

type Flat = Readonly<Record<string, unknown>> | undefined;

/** True for two objects with the same values; lists are told apart. */
function isSame(a: Flat, b: Flat): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  let more = 0;
  for (const key in a) {
    if (a[key] !== b[key]) return false;
    more++;
  }
  for (const _ in b) more--;
  return more === 0;
}

/** The number of known fields, one level deep. */
function countFields(stable: Record<string, unknown>): number {
  let known = 0;
  for (const key in stable) {
    const value = stable[key];
    if (value === undefined) continue;
    known++;
    if (typeof value !== "object" || Array.isArray(value)) continue;
    for (const inner in value) if ((value as Record<string, unknown>)[inner] !== undefined) known++;
  }
  return known;
}

/** The stable part as text, without braces, and what the ledger needs of it. */
interface Frame {
  readonly text: string;
  /** So that a record's content is hashed without this text, which would have to be copied together with the rest. */
  readonly hash: number;
  readonly known: number;
}

function frameOf(stable: Record<string, unknown>): Frame {
  const text = JSON.stringify(stable).slice(1, -1);
  return { text, hash: textHash(text), known: countFields(stable) };
}

/** The latest frame of each operation, with the draft it was made for. */
const frames = new Map<string, { readonly draft: Draft; readonly origin: Origin; readonly frame: Frame }>();

function framed(draft: Draft, origin: Origin): Frame {
  const last = frames.get(draft.operation);
  if (last && last.origin === origin && hasSameStable(last.draft, draft)) return last.frame;
  const { cwd, repository } = draft;
  const frame = frameOf(
    stableOf(origin.agent, origin.stream, {
      ...draft,
      cwd: cwd === undefined ? undefined : withoutHome(cwd, origin.homes),
      repository: repository === undefined ? undefined : withoutCredentials(repository),
    }),
  );
  frames.set(draft.operation, { draft, origin, frame });
  return frame;
}

/** Printable ASCII that JSON leaves as it is: testing that is much cheaper than a serialiser. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;
const quoted = (text: string): string => (PLAIN.test(text) ? `"${text}"` : JSON.stringify(text));

/** Fields as text, each with a comma before it, and how many there are, those of inner objects included. */
interface Told {
  readonly text: string;
  readonly known: number;
}

/** The part of the record that says what the fact is and is seldom the same in two records, in one fixed order. */
function factsOf(d: Omit<Draft, "key"> | WeirRecord): Told {
  let text = "";
  let known = 0;
  if (d.trace_id !== undefined) {
    text += `,"trace_id":${quoted(d.trace_id)}`;
    known++;
  }
  if (d.span_id !== undefined) {
    text += `,"span_id":${quoted(d.span_id)}`;
    known++;
  }
  if (d.parent_span_id !== undefined) {
    text += `,"parent_span_id":${quoted(d.parent_span_id)}`;
    known++;
  }
  if (d.response_id !== undefined) {
    text += `,"response_id":${quoted(d.response_id)}`;
    known++;
  }
  if (d.finish_reasons !== undefined) {
    text += `,"finish_reasons":[${d.finish_reasons.map(quoted).join()}]`;
    known++;
  }
  if (d.usage !== undefined) {
    const usage = usageOf(d.usage);
    text += `,"usage":{${usage.text.slice(1)}}`;
    known += 1 + usage.known;
  }
  if (d.aggregate) {
    text += ',"aggregate":true';
    known++;
  }
  if (d.cost_usd !== undefined) {
    text += `,"cost_usd":${d.cost_usd}`;
    known++;
  }
  if (d.tool !== undefined) {
    const tool = toolOf(d.tool);
    text += `,"tool":{${tool.text.slice(1)}}`;
    known += 1 + tool.known;
  }
  if (d.ttft_ms !== undefined) {
    text += `,"ttft_ms":${d.ttft_ms}`;
    known++;
  }
  if (d.events !== undefined) {
    text += `,"events":${JSON.stringify(d.events)}`;
    known++;
  }
  return { text, known };
}

function usageOf(u: Usage): Told {
  let text = "";
  let known = 0;
  if (u.input_tokens !== undefined) {
    text += `,"input_tokens":${u.input_tokens}`;
    known++;
  }
  if (u.output_tokens !== undefined) {
    text += `,"output_tokens":${u.output_tokens}`;
    known++;
  }
  if (u.cache_read_input_tokens !== undefined) {
    text += `,"cache_read_input_tokens":${u.cache_read_input_tokens}`;
    known++;
  }
  if (u.cache_creation_input_tokens !== undefined) {
    text += `,"cache_creation_input_tokens":${u.cache_creation_input_tokens}`;
    known++;
  }
  if (u.reasoning_output_tokens !== undefined) {
    text += `,"reasoning_output_tokens":${u.reasoning_output_tokens}`;
    known++;
  }
  return { text, known };
}

function toolOf({ name, call_id, type }: NonNullable<WeirRecord["tool"]>): Told {
  let text = "";
  let known = 0;
  if (name !== undefined) {
    text += `,"name":${quoted(name)}`;
    known++;
  }
  if (call_id !== undefined) {
    text += `,"call_id":${quoted(call_id)}`;
    known++;
  }
  if (type !== undefined) {
    text += `,"type":${quoted(type)}`;
    known++;
  }
  return { text, known };
}

function whenText(r: Pick<WeirRecord, "open" | "time" | "end_time" | "duration_ms" | "turn">): string {
  let text = r.open ? ',"open":true' : "";
  if (r.time !== undefined) text += `,"time":${quoted(r.time)}`;
  if (r.end_time !== undefined) text += `,"end_time":${quoted(r.end_time)}`;
  if (r.duration_ms !== undefined) text += `,"duration_ms":${r.duration_ms}`;
  if (r.turn !== undefined) text += `,"turn":${r.turn}`;
  return text;
}

/** Turns a draft into a record. Its line ends with a newline and is the record's only form. */
export function encode(draft: Draft, origin: Origin, at: Draft["at"] = draft.at): Encoded {
  const id = recordId(origin.agent, origin.stream, draft.scope ?? draft.session_id ?? "", draft.operation, draft.key);
  const frame = framed(draft, origin);
  const facts = factsOf(draft);
  const when = whenText(draft);
  return {
    id: idNumber(id),
    content: textHash(facts.text, frame.hash),
    when: textHash(when),
    score: scoreOf(frame.known + facts.known, draft.usage),
    line(rev: number): string {
      const { fact = id, content, raw } = draft;
      let text = `{"v":1,"id":"${id}","fact":${quoted(factOf(fact))},"rev":${rev}${when},${frame.text}${facts.text}`;
      if (content !== undefined) text += `,"content":${JSON.stringify(content)}`;
      if (raw !== undefined) text += `,"raw":${JSON.stringify(raw)}`;
      return `${text},"source":{"path":${pathText(origin)}${placeText(at)}},"host":"${origin.host}"}\n`;
    },
  };
}

let lastPath = { path: "", text: '""' };

function pathText({ path }: Origin): string {
  if (lastPath.path !== path) lastPath = { path, text: JSON.stringify(path) };
  return lastPath.text;
}

function placeText(at: Draft["at"]): string {
  if (at === undefined) return "";
  if (at.row === undefined && at.index === undefined) return at.offset === undefined ? "" : `,"offset":${at.offset}`;
  return `,${JSON.stringify(at).slice(1, -1)}`;
}

/** What the ledger knows of an archived record, taken from its line; the inverse of `encode`, for a lost state. */
export function ledgerFactsOf(record: WeirRecord): Omit<Encoded, "line"> & { readonly rev: number } {
  const frame = frameOf(stableOf(record.agent, record.stream, record));
  const facts = factsOf(record);
  return {
    id: idNumber(record.id),
    content: textHash(facts.text, frame.hash),
    when: textHash(whenText(record)),
    score: scoreOf(frame.known + facts.known, record.usage),
    rev: record.rev,
  };
}
