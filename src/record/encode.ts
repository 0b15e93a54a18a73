/** Owns a record's line: how a draft becomes one, what of it identifies its content, and how a line is taken apart again. */
import { type Captured, textsOf } from "./captured.ts";
import type { Draft } from "./draft.ts";
import { factOf, idNumber, recordId, textHash } from "./identity.ts";
import { visibleJson } from "./json.ts";
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

/** What a record's fields are read from. */
type Told = Omit<Draft, "key" | "raw"> | WeirRecord;

/** Some fields as text, each with a comma before it, and how many they are, those of inner objects included. */
interface Part {
  readonly text: string;
  readonly hash: number;
  readonly known: number;
}

/** Whose record it is: mostly the same in all records of a source. The order of keys is fixed. */
function whoseOf(agent: string, stream: string, d: Told): Part {
  return partOf({
    agent,
    agent_version: d.agent_version,
    stream,
    session_id: d.session_id,
    parent_session_id: d.parent_session_id,
    forked_from: d.forked_from,
    conversation_id: d.conversation_id,
    subagent: safe(d.subagent),
    cwd: d.cwd,
    repository: d.repository,
    branch: safeName(d.branch),
  });
}

function isSameWhose(a: Draft, b: Draft): boolean {
  return (
    a.session_id === b.session_id &&
    a.cwd === b.cwd &&
    a.branch === b.branch &&
    isSame(a.subagent, b.subagent) &&
    a.agent_version === b.agent_version &&
    a.parent_session_id === b.parent_session_id &&
    a.forked_from === b.forked_from &&
    a.conversation_id === b.conversation_id &&
    a.repository === b.repository
  );
}

type Flat = Readonly<Record<string, unknown>> | undefined;

/** True for two objects with the same values. */
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

/** What kind of fact it tells: mostly the same in all records of an operation. The order of keys is fixed. */
function whatOf(d: Told): Part {
  return partOf({
    kind: d.kind,
    operation: d.operation,
    name: safeName(d.name),
    agent_name: safeName(d.agent_name),
    status: d.status,
    error_type: safeName(d.error_type),
    provider: d.provider,
    request_model: d.request_model,
    model: d.model,
    attributes: d.attributes,
    resource: d.resource,
  });
}

function isSameWhat(a: Draft, b: Draft): boolean {
  return (
    a.status === b.status &&
    a.model === b.model &&
    isSame(a.attributes, b.attributes) &&
    a.kind === b.kind &&
    a.name === b.name &&
    a.agent_name === b.agent_name &&
    a.error_type === b.error_type &&
    a.provider === b.provider &&
    a.request_model === b.request_model &&
    isSame(a.resource, b.resource)
  );
}

function partOf(fields: Readonly<Record<string, unknown>>): Part {
  const text = visibleJson(`,${JSON.stringify(fields).slice(1, -1)}`);
  return { text, hash: textHash(text), known: countFields(fields) };
}

/** The number of known fields, one level deep. */
function countFields(fields: Readonly<Record<string, unknown>>): number {
  let known = 0;
  for (const key in fields) {
    const value = fields[key];
    if (value === undefined) continue;
    known++;
    if (typeof value !== "object" || Array.isArray(value)) continue;
    for (const inner in value) if ((value as Record<string, unknown>)[inner] !== undefined) known++;
  }
  return known;
}

/** What has a name that somebody gave. */
function safe<T extends { readonly name?: string }>(named: T | undefined): T | undefined {
  const name = safeName(named?.name);
  return named === undefined || name === named.name ? named : { ...named, name };
}

/** Printable ASCII that JSON leaves as it is: testing that is much cheaper than a serialiser. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : visibleJson(JSON.stringify(text));
}

/** How many fields the latest `factsOf` told. */
let factsKnown = 0;

function told(field: string): string {
  factsKnown++;
  return field;
}

/** The fields that are seldom the same in two records, in one fixed order, as text. */
function factsOf(d: Told): string {
  factsKnown = 0;
  let text = "";
  const { response_id, finish_reasons, usage, tool } = d;
  if (response_id !== undefined) text = told(`,"response_id":${quoted(response_id)}`);
  if (finish_reasons !== undefined) text += told(`,"finish_reasons":[${finish_reasons.map(quoted).join()}]`);
  if (usage !== undefined) text += told(`,"usage":{${usageText(usage).slice(1)}}`);
  if (tool !== undefined) text += told(`,"tool":{${toolText(tool).slice(1)}}`);
  if (d.trace_id !== undefined) text += told(`,"trace_id":${quoted(d.trace_id)}`);
  if (d.span_id !== undefined) text += told(`,"span_id":${quoted(d.span_id)}`);
  if (d.parent_span_id !== undefined) text += told(`,"parent_span_id":${quoted(d.parent_span_id)}`);
  if (d.aggregate) text += told(',"aggregate":true');
  if (d.cost_usd !== undefined) text += told(`,"cost_usd":${d.cost_usd}`);
  if (d.ttft_ms !== undefined) text += told(`,"ttft_ms":${d.ttft_ms}`);
  if (d.events !== undefined) text += told(`,"events":${visibleJson(JSON.stringify(d.events))}`);
  return text;
}

function usageText(u: Usage): string {
  let text = "";
  if (u.input_tokens !== undefined) text = told(`,"input_tokens":${u.input_tokens}`);
  if (u.output_tokens !== undefined) text += told(`,"output_tokens":${u.output_tokens}`);
  if (u.cache_read_input_tokens !== undefined) text += told(`,"cache_read_input_tokens":${u.cache_read_input_tokens}`);
  if (u.cache_creation_input_tokens !== undefined)
    text += told(`,"cache_creation_input_tokens":${u.cache_creation_input_tokens}`);
  if (u.reasoning_output_tokens !== undefined) text += told(`,"reasoning_output_tokens":${u.reasoning_output_tokens}`);
  return text;
}

function toolText({ name, call_id, type }: NonNullable<WeirRecord["tool"]>): string {
  let text = "";
  if (name !== undefined) text = told(`,"name":${quoted(safeName(name))}`);
  if (call_id !== undefined) text += told(`,"call_id":${quoted(call_id)}`);
  if (type !== undefined) text += told(`,"type":${quoted(type)}`);
  return text;
}

function whenText(r: Pick<WeirRecord, "open" | "time" | "end_time" | "duration_ms" | "turn">): string {
  let text = r.open ? ',"open":true' : "";
  if (r.time !== undefined) text += `,"time":${quoted(r.time)}`;
  if (r.end_time !== undefined) text += `,"end_time":${quoted(r.end_time)}`;
  if (r.duration_ms !== undefined) text += `,"duration_ms":${r.duration_ms}`;
  if (r.turn !== undefined) text += `,"turn":${r.turn}`;
  return text;
}

/** The hash of a record's content, whose first two parts have been hashed before. */
function contentHash(whose: Part, what: Part, facts: string): number {
  return textHash(facts, (whose.hash ^ (what.hash * 31)) >>> 0);
}

/** The latest part of each operation, and the draft that it was made for. */
const latestWhat = new Map<string, { readonly draft: Draft; readonly part: Part }>();

function knownWhat(draft: Draft): Part {
  const last = latestWhat.get(draft.operation);
  if (last && isSameWhat(last.draft, draft)) return last.part;
  const part = whatOf(draft);
  latestWhat.set(draft.operation, { draft, part });
  return part;
}

/**
 * Turns one source's drafts into records. It is itself the record that it encoded last, so that a record costs as few
 * objects as can be: what it says holds until the next one.
 */
export class Encoder implements Encoded {
  id = 0;
  content = 0;
  when = 0;
  score = 0;
  captured: Captured | undefined;
  readonly #origin: Origin;
  readonly #end: string;
  readonly #source: string;
  #id = "";
  #fact = "";
  #when = "";
  #facts = "";
  #what: Part | undefined;
  #place: Draft["at"];
  #whose: { readonly draft: Draft; readonly part: Part } | undefined;

  constructor(origin: Origin) {
    this.#origin = origin;
    this.#source = `,"source":{"path":${quoted(origin.path)}`;
    this.#end = `},"host":"${origin.host}"}\n`;
  }

  encode(draft: Draft, at: Draft["at"] = draft.at, captured?: Captured): Encoded {
    const { agent, stream } = this.#origin;
    const id = recordId(agent, stream, draft.scope ?? draft.session_id ?? "", draft.operation, draft.key);
    const whose = this.#knownWhose(draft);
    const what = knownWhat(draft);
    const facts = factsOf(draft);
    const when = whenText(draft);
    this.id = idNumber(id);
    this.content = contentHash(whose, what, facts);
    this.when = textHash(when);
    this.score = scoreOf(whose.known + what.known + factsKnown, draft.usage);
    this.captured = captured;
    this.#id = id;
    this.#fact = draft.fact ?? id;
    this.#when = when;
    this.#facts = facts;
    this.#what = what;
    this.#place = at;
    return this;
  }

  #knownWhose(draft: Draft): Part {
    if (this.#whose && isSameWhose(this.#whose.draft, draft)) return this.#whose.part;
    const { cwd, repository } = draft;
    const part = whoseOf(this.#origin.agent, this.#origin.stream, {
      ...draft,
      cwd: cwd === undefined ? undefined : safeName(withoutHome(cwd, this.#origin.homes)),
      repository: repository === undefined ? undefined : safeName(withoutCredentials(repository)),
    });
    this.#whose = { draft, part };
    return part;
  }

  /** The record's only form: a line that ends with its newline. */
  line(rev: number): string {
    const fact = quoted(factOf(this.#fact));
    const texts = this.captured ? visibleJson(this.captured.text) : "";
    return `{"v":1,"id":"${this.#id}","fact":${fact},"rev":${rev}${this.#when}${this.#whose?.part.text}${this.#what?.text}${this.#facts}${texts}${this.#source}${placeText(this.#place)}${this.#end}`;
  }
}

function placeText(at: Draft["at"]): string {
  if (at === undefined) return "";
  if (at.row === undefined && at.index === undefined) return at.offset === undefined ? "" : `,"offset":${at.offset}`;
  return `,${visibleJson(JSON.stringify(at)).slice(1, -1)}`;
}

/** What the ledger knows of an archived record, taken from its line; the inverse of `encode`, for a lost state. */
export function ledgerFactsOf(record: WeirRecord): Omit<Encoded, "line"> & { readonly rev: number } {
  const { content, raw } = record;
  const whose = whoseOf(record.agent, record.stream, record);
  const what = whatOf(record);
  const facts = factsOf(record);
  return {
    id: idNumber(record.id),
    content: contentHash(whose, what, facts),
    when: textHash(whenText(record)),
    score: scoreOf(whose.known + what.known + factsKnown, record.usage),
    captured:
      content || raw !== undefined
        ? { ...textsOf(content && JSON.stringify(content)), hasRaw: raw !== undefined }
        : undefined,
    rev: record.rev,
  };
}
