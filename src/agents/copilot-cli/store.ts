/** The databases beside the sessions: every call's tokens, and the desktop app's sums. Both outlive deleted sessions. */
import type { Group, Layout, Row, SourceInfo, Stream } from "../../read/types.ts";
import { snapshot } from "../../read/types.ts";
import { allowAttributes } from "../../record/attributes.ts";
import type { Draft, Emit } from "../../record/draft.ts";
import { fingerprint } from "../../record/identity.ts";
import { number, text } from "../../record/json.ts";
import { fromMillis, utc } from "../../record/time.ts";
import { tokensOf, totalUsage } from "../../record/usage.ts";
import { callFact, costOf, numbered, type Seen } from "./facts.ts";

const KEYS = "(SELECT value FROM json_each(?1))";
const CALL = [
  ...["agent_id", "reasoning_tokens", "total_nano_aiu", "duration_ms", "time_to_first_token_ms", "initiator"],
  ...["api_endpoint", "reasoning_effort", "finish_reason"],
];
const TOKENS = ["input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"];

/** Rebuilding the store gives every row another id, so a session is compared and read as a whole. */
const CALLS: Layout = {
  name: "calls",
  needs: { assistant_usage_events: ["id", "session_id", "model", "created_at", ...TOKENS] },
  optional: { assistant_usage_events: CALL },
  index: `SELECT session_id, count(*), max(id), max(created_at), ${TOKENS.map((name) => `sum(${name})`).join()}
    FROM assistant_usage_events GROUP BY session_id`,
  rows: {
    calls: `SELECT session_id, model, created_at, ${[...TOKENS, ...CALL.map((name) => `{assistant_usage_events.${name}} AS ${name}`)].join()}
      FROM assistant_usage_events WHERE session_id IN ${KEYS} ORDER BY created_at, id`,
  },
  page: 50,
};
const SESSIONS: Layout = {
  name: "sessions",
  needs: { sessions: ["id", "cwd", "created_at"] },
  optional: { sessions: ["repository", "branch"] },
  index: "SELECT id, cwd, {sessions.repository}, {sessions.branch}, created_at FROM sessions ORDER BY created_at, id",
  rows: {
    session: `SELECT id, cwd, {sessions.repository} AS repository, {sessions.branch} AS branch, created_at
      FROM sessions WHERE id IN ${KEYS}`,
  },
};
const SUMS: Layout = {
  name: "sums",
  needs: { sessions: ["id", "model", "total_input_tokens", "total_output_tokens", "created_at"] },
  optional: { sessions: ["total_cached_tokens", "total_reasoning_tokens", "total_nano_aiu"] },
  index: `SELECT id, model, total_input_tokens, total_output_tokens, {sessions.total_cached_tokens},
    {sessions.total_reasoning_tokens}, {sessions.total_nano_aiu} FROM sessions ORDER BY created_at, id`,
  rows: {
    sum: `SELECT id, model, created_at, total_input_tokens, total_output_tokens,
        {sessions.total_cached_tokens} AS total_cached_tokens, {sessions.total_reasoning_tokens} AS total_reasoning_tokens,
        {sessions.total_nano_aiu} AS total_nano_aiu
      FROM sessions WHERE id IN ${KEYS}`,
  },
};

/** The index of sessions and the usage of their calls. */
export function storeStream(locate: Stream["locate"], rank: number): Stream {
  const groups = { form: "sqlite", layouts: [SESSIONS, CALLS] } as const;
  return snapshot({ kind: "session_store", rank, version: 2, locate, session: () => undefined, groups, reduce });
}

/** What the desktop app counts of its own part of each session. */
export function desktopStream(locate: Stream["locate"], rank: number): Stream {
  const groups = { form: "sqlite", layouts: [SUMS] } as const;
  return snapshot({ kind: "desktop", rank, version: 2, locate, session: () => undefined, groups, reduce });
}

function reduce({ rows = {} }: Group, _: SourceInfo, emit: Emit): void {
  for (const row of rows.session ?? []) tellSession(row, emit);
  for (const row of rows.sum ?? []) tellSum(row, emit);
  const [keys, facts]: [Seen, Seen] = [[], []];
  for (const row of rows.calls ?? []) tellCall(row, keys, facts, emit);
}

function tellSession(row: Row, emit: Emit): void {
  const id = text(row.id);
  const common = { session_id: id, cwd: text(row.cwd), branch: text(row.branch), repository: text(row.repository) };
  emit({ ...common, key: "session", fact: id, operation: "session", time: timeOf(row.created_at) });
}

/** Rows have no ids that last: of several that are alike in everything, each is a call. */
function tellCall(row: Row, keys: Seen, facts: Seen, emit: Emit): void {
  const usage = totalUsage({
    input: row.input_tokens,
    output: row.output_tokens,
    cacheRead: row.cache_read_tokens,
    cacheCreation: row.cache_write_tokens,
    reasoning: row.reasoning_tokens,
  });
  const [session_id, model, initiator, agent] = [row.session_id, row.model, row.initiator, row.agent_id].map(text);
  const duration = number(row.duration_ms);
  const fact = callFact({ session: session_id, model, usage, duration });
  const end_time = timeOf(row.created_at);
  const finish = text(row.finish_reason);
  emit({
    key: numbered(keys, fingerprint([fact, end_time])),
    fact: numbered(facts, fact),
    operation: "chat",
    kind: "client",
    session_id,
    subagent: agent === undefined ? undefined : { id: agent },
    time: startOf(end_time, duration),
    end_time,
    duration_ms: duration,
    ttft_ms: number(row.time_to_first_token_ms),
    status: "ok",
    request_model: model,
    model,
    finish_reasons: finish === undefined ? undefined : [finish],
    usage: tokensOf(usage) > 0 ? usage : undefined,
    cost_usd: costOf(row.total_nano_aiu, end_time),
    attributes: allowAttributes({ initiator, apiEndpoint: row.api_endpoint, reasoningEffort: row.reasoning_effort }),
  });
}

function tellSum(row: Row, emit: Emit): void {
  const time = timeOf(row.created_at);
  const [id, model] = [row.id, row.model].map(text);
  const usage = totalUsage({
    input: row.total_input_tokens,
    output: row.total_output_tokens,
    cacheRead: row.total_cached_tokens,
    reasoning: row.total_reasoning_tokens,
  });
  if (tokensOf(usage) === 0) return;
  const cost_usd = costOf(row.total_nano_aiu, time);
  emit({ ...sumDraft(id, model), time, usage, cost_usd });
}

/** The record of a session's sum by model, told as its run; it counts where no call of the session has tokens. */
export function sumDraft(session_id: string | undefined, model: string | undefined): Draft {
  const key = `usage ${model ?? ""}`;
  const fact = fingerprint([session_id, key]);
  const names = { name: "usage", request_model: model, model } as const;
  return { key, fact, session_id, operation: "invoke_agent", kind: "internal", ...names, aggregate: true };
}

/** When a call began, by when it was noted and how long it took. */
export function startOf(end: string | undefined, duration: number | undefined): string | undefined {
  return end === undefined || duration === undefined ? end : fromMillis(Date.parse(end) - duration);
}

/** A time that may lack its zone, which is UTC. */
function timeOf(value: unknown): string | undefined {
  const given = text(value);
  return utc(given && /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?$/.test(given) ? `${given.replace(" ", "T")}Z` : given);
}
