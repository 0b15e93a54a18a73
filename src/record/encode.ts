/** Owns a record's line: how a draft becomes one, what of it identifies its content, and how a line is taken apart again. */
import { type Captured, textsOf } from "./captured.ts";
import type { Draft } from "./draft.ts";
import { folderOf } from "./folder.ts";
import { factOf, idNumber, recordId, textHash } from "./identity.ts";
import { safeName, withoutCredentials, withoutHome } from "./privacy.ts";
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
  /** Its texts, where there are any. */
  readonly captured?: Omit<Captured, "text">;
  /** The record's only form, but for characters that cannot be seen: whoever writes it escapes these. */
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

/** The number of known fields, one level deep. */
function countFields(body: Record<string, unknown>): number {
  let known = 0;
  for (const key in body) {
    const value = body[key];
    if (value === undefined) continue;
    known++;
    if (typeof value !== "object" || Array.isArray(value)) continue;
    for (const inner in value) if ((value as Record<string, unknown>)[inner] !== undefined) known++;
  }
  return known;
}

/** What of a record is the same in many records of a source: told first, and put into text once. */
function frameOf(d: Draft, o: Origin): Record<string, unknown> {
  return {
    agent: o.agent,
    agent_version: d.agent_version,
    stream: o.stream,
    session_id: d.session_id,
    parent_session_id: d.parent_session_id,
    forked_from: d.forked_from,
    conversation_id: d.conversation_id,
    cwd: safePath(d.cwd, o.homes),
    // It may lie in a folder of this machine.
    repository: safePath(folderOf(d.repository && withoutCredentials(d.repository)), o.homes),
    branch: safeName(d.branch),
  };
}

function safePath(path: string | undefined, homes: readonly string[]): string | undefined {
  return path === undefined ? undefined : safeName(withoutHome(path, homes));
}

/** What has a name that somebody gave. */
function safe<T extends { readonly name?: string }>(named: T | undefined): T | undefined {
  const name = safeName(named?.name);
  return named === undefined || name === named.name ? named : { ...named, name };
}

/** The part of the record that says what the fact is, without the frame, times, turn and `open`, in one fixed order. */
function bodyOf(d: Draft): Record<string, unknown> {
  return {
    kind: d.kind,
    subagent: safe(d.subagent),
    operation: d.operation,
    name: safeName(d.name),
    trace_id: d.trace_id,
    span_id: d.span_id,
    parent_span_id: d.parent_span_id,
    agent_name: safeName(d.agent_name),
    status: d.status,
    error_type: safeName(d.error_type),
    provider: d.provider,
    request_model: d.request_model,
    model: d.model,
    response_id: d.response_id,
    finish_reasons: d.finish_reasons?.map(safeName),
    usage: d.usage,
    aggregate: d.aggregate,
    cost_usd: d.cost_usd,
    tool: safe(d.tool),
    ttft_ms: d.ttft_ms,
    events: d.events,
    attributes: d.attributes,
    resource: d.resource,
  };
}

interface Frame {
  readonly draft: Draft;
  readonly origin: Origin;
  readonly text: string;
  /** So that a record's content is hashed without this text, which would have to be copied together with the rest. */
  readonly hash: number;
  readonly known: number;
  /** How every line of the source ends, but for the place in it. */
  readonly source: string;
  readonly end: string;
}

let lastFrame: Frame | undefined;

/** The frame of a draft as text; most drafts have that of the draft before. */
function framed(d: Draft, o: Origin): Frame {
  const last = lastFrame?.draft;
  if (
    lastFrame &&
    last &&
    lastFrame.origin === o &&
    last.session_id === d.session_id &&
    last.agent_version === d.agent_version &&
    last.cwd === d.cwd &&
    last.branch === d.branch &&
    last.parent_session_id === d.parent_session_id &&
    last.forked_from === d.forked_from &&
    last.conversation_id === d.conversation_id &&
    last.repository === d.repository
  )
    return lastFrame;
  const frame = frameOf(d, o);
  const text = JSON.stringify(frame).slice(1, -1);
  const source = `,"source":{"path":${JSON.stringify(o.path)}`;
  const end = `},"host":"${o.host}"}\n`;
  lastFrame = { draft: d, origin: o, text, hash: textHash(text), known: countFields(frame), source, end };
  return lastFrame;
}

function whenText(r: Pick<WeirRecord, "open" | "time" | "end_time" | "duration_ms" | "turn">): string {
  let text = r.open ? `,"open":true` : "";
  if (r.time !== undefined) text += `,"time":${JSON.stringify(r.time)}`;
  if (r.end_time !== undefined) text += `,"end_time":${JSON.stringify(r.end_time)}`;
  if (r.duration_ms !== undefined) text += `,"duration_ms":${r.duration_ms}`;
  if (r.turn !== undefined) text += `,"turn":${r.turn}`;
  return text;
}

/** Turns a draft into a record, with its captured texts. Its line ends with a newline and is the record's only form. */
export function encode(draft: Draft, origin: Origin, at: Draft["at"] = draft.at, captured?: Captured): Encoded {
  const id = recordId(origin.agent, origin.stream, draft.scope ?? draft.session_id ?? "", draft.operation, draft.key);
  const frame = framed(draft, origin);
  const fields = bodyOf(draft);
  const score = scoreOf(frame.known + countFields(fields), draft.usage);
  return new EncodedDraft(id, draft.fact ?? id, frame, JSON.stringify(fields), whenText(draft), score, at, captured);
}

/** A draft whose line is still in parts. */
class EncodedDraft implements Encoded {
  readonly id: number;
  readonly content: number;
  readonly when: number;

  constructor(
    private readonly idText: string,
    private readonly fact: string,
    private readonly frame: Frame,
    private readonly body: string,
    private readonly times: string,
    readonly score: number,
    private readonly at: Draft["at"],
    readonly captured: Captured | undefined,
  ) {
    this.id = idNumber(idText);
    this.content = textHash(body, frame.hash);
    this.when = textHash(times);
  }

  line(rev: number): string {
    const { frame } = this;
    const fact = JSON.stringify(factOf(this.fact));
    let text = `{"v":1,"id":"${this.idText}","fact":${fact},"rev":${rev}${this.times},${frame.text},${this.body.slice(1, -1)}`;
    if (this.captured !== undefined) text += this.captured.text;
    return text + frame.source + placeText(this.at) + frame.end;
  }
}

function placeText(at: Draft["at"]): string {
  if (at === undefined) return "";
  if (at.row === undefined && at.index === undefined) return at.offset === undefined ? "" : `,"offset":${at.offset}`;
  return `,${JSON.stringify(at).slice(1, -1)}`;
}

/** What the ledger knows of an archived record, taken from its line; the inverse of `encode`, for a lost state. */
export function ledgerFactsOf(record: WeirRecord): Omit<Encoded, "line"> & { readonly rev: number } {
  const { v, id, fact, rev, open, time, end_time, duration_ms, turn, content, raw, source, host, ...body } = record;
  void [v, fact, source, host];
  const { agent, agent_version, stream, session_id, parent_session_id, forked_from, ...others } = body;
  const { conversation_id, cwd, repository, branch, ...fields } = others;
  const ids = { agent, agent_version, stream, session_id, parent_session_id, forked_from, conversation_id };
  const frame = JSON.stringify({ ...ids, cwd, repository, branch }).slice(1, -1);
  return {
    id: idNumber(id),
    content: textHash(JSON.stringify(fields), textHash(frame)),
    when: textHash(whenText({ open, time, end_time, duration_ms, turn })),
    score: scoreOf(countFields(body), body.usage),
    captured: content || raw !== undefined ? { ...textsOf(jsonOf(content)), hasRaw: raw !== undefined } : undefined,
    rev,
  };
}

const jsonOf = (content: WeirRecord["content"]): string | undefined => content && JSON.stringify(content);
