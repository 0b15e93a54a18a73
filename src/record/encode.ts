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

/** How much a telling knows: its tokens first (a streamed answer's usage only grows), then its known fields. */
function scoreOf(body: Record<string, unknown>, usage: Usage | undefined): number {
  let known = 0;
  for (const key in body) {
    const value = body[key];
    if (value === undefined) continue;
    known++;
    if (typeof value !== "object" || Array.isArray(value)) continue;
    for (const inner in value) if ((value as Record<string, unknown>)[inner] !== undefined) known++;
  }
  return Math.min(tokensOf(usage), 2 ** 40) * 1024 + Math.min(known, 1023);
}

/** The part of the record that says what the fact is: all metadata but times, turn and `open`, in one fixed order. */
function bodyOf(d: Draft, o: Origin): Record<string, unknown> {
  return {
    agent: o.agent,
    agent_version: d.agent_version,
    stream: o.stream,
    kind: d.kind,
    session_id: d.session_id,
    parent_session_id: d.parent_session_id,
    forked_from: d.forked_from,
    conversation_id: d.conversation_id,
    subagent: d.subagent,
    operation: d.operation,
    name: d.name,
    trace_id: d.trace_id,
    span_id: d.span_id,
    parent_span_id: d.parent_span_id,
    agent_name: d.agent_name,
    status: d.status,
    error_type: d.error_type,
    provider: d.provider,
    request_model: d.request_model,
    model: d.model,
    response_id: d.response_id,
    finish_reasons: d.finish_reasons,
    usage: d.usage,
    aggregate: d.aggregate,
    cost_usd: d.cost_usd,
    tool: d.tool,
    ttft_ms: d.ttft_ms,
    cwd: d.cwd === undefined ? undefined : withoutHome(d.cwd, o.homes),
    repository: d.repository === undefined ? undefined : withoutCredentials(d.repository),
    branch: d.branch,
    events: d.events,
    attributes: d.attributes,
    resource: d.resource,
  };
}

function whenText(r: Pick<WeirRecord, "open" | "time" | "end_time" | "duration_ms" | "turn">): string {
  let text = r.open ? `,"open":true` : "";
  if (r.time !== undefined) text += `,"time":${JSON.stringify(r.time)}`;
  if (r.end_time !== undefined) text += `,"end_time":${JSON.stringify(r.end_time)}`;
  if (r.duration_ms !== undefined) text += `,"duration_ms":${JSON.stringify(r.duration_ms)}`;
  if (r.turn !== undefined) text += `,"turn":${JSON.stringify(r.turn)}`;
  return text;
}

/** Turns a draft into a record. Its line ends with a newline and is the record's only form. */
export function encode(draft: Draft, origin: Origin): Encoded {
  const id = recordId(origin.agent, origin.stream, draft.session_id ?? "", draft.operation, draft.key);
  const fields = bodyOf(draft, origin);
  const body = JSON.stringify(fields);
  const when = whenText(draft);
  return {
    id: idNumber(id),
    content: textHash(body),
    when: textHash(when),
    score: scoreOf(fields, draft.usage),
    line(rev: number): string {
      const fact = JSON.stringify(factOf(draft.fact ?? id));
      let text = `{"v":1,"id":"${id}","fact":${fact},"rev":${rev}${when},${body.slice(1, -1)}`;
      if (draft.content !== undefined) text += `,"content":${JSON.stringify(draft.content)}`;
      if (draft.raw !== undefined) text += `,"raw":${JSON.stringify(draft.raw)}`;
      return `${text},"source":${JSON.stringify({ path: origin.path, ...draft.at })},"host":"${origin.host}"}\n`;
    },
  };
}

/** What the ledger knows of an archived record, taken from its line; the inverse of `encode`, for a lost state. */
export function ledgerFactsOf(record: WeirRecord): Omit<Encoded, "line"> & { readonly rev: number } {
  const { v, id, fact, rev, open, time, end_time, duration_ms, turn, content, raw, source, host, ...body } = record;
  void [v, fact, content, raw, source, host];
  return {
    id: idNumber(id),
    content: textHash(JSON.stringify(body)),
    when: textHash(whenText({ open, time, end_time, duration_ms, turn })),
    score: scoreOf(body, body.usage),
    rev,
  };
}
