/**
 * The tables of OpenCode and of Kilo Code, which is built on it: sessions, messages with their parts (version 1), and the
 * sessions' own list of messages (version 2). A database may hold both; what version 2 has too is read there. No text of
 * the conversation leaves the database unless texts are captured.
 */
import type { Layout } from "../../read/types.ts";

const KEYS = "(SELECT value FROM json_each(?1))";

/** Rows of a table, their `data` only where it is JSON: anything else would fail the whole question. */
const safe = (table: string, columns: string, where: string): string =>
  `(SELECT ${columns}, CASE WHEN json_valid(data) THEN data END AS data FROM ${table} WHERE ${where})`;

/** A part that a person gave to a prompt. */
const TYPED = `p.data ->> '$.type' IN ('text', 'file', 'agent', 'subtask')
  AND NOT coalesce(p.data ->> '$.synthetic', 0) AND NOT coalesce(p.data ->> '$.ignored', 0)`;

/**
 * The times of an answer. A fork that was made between its tokens and its end copies it without an end, for ever: then it is
 * that of the answer which began in the same millisecond with the same tokens.
 */
const TIMES = `json(CASE WHEN m.time_created < session.time_created AND m.data ->> '$.finish' IS NOT NULL
    AND m.data ->> '$.time.completed' IS NULL
  THEN json_set(m.data, '$.time.completed', (SELECT max(o.data ->> '$.time.completed')
    FROM ${safe("message", "id", "session_id IN (SELECT id FROM session) AND time_created = m.time_created")} o
    WHERE o.data -> '$.tokens' = m.data -> '$.tokens')) -> '$.time' ELSE m.data -> '$.time' END)`;

const MESSAGE = `json_object('role', m.data ->> '$.role', 'agent', coalesce(m.data ->> '$.agent', m.data ->> '$.mode'),
  'provider', coalesce(m.data ->> '$.providerID', m.data ->> '$.model.providerID'),
  'model', coalesce(m.data ->> '$.modelID', m.data ->> '$.model.modelID'),
  'variant', coalesce(m.data ->> '$.variant', m.data ->> '$.model.variant'),
  'summary', json_type(m.data, '$.summary') = 'true', 'cwd', m.data ->> '$.path.cwd', 'time', ${TIMES},
  'tokens', m.data -> '$.tokens', 'cost', m.data -> '$.cost', 'finish', m.data ->> '$.finish',
  'error', m.data ->> '$.error.name', 'statusCode', m.data -> '$.error.data.statusCode')`;

const TOOL = `'call', p.data ->> '$.callID', 'tool', p.data ->> '$.tool', 'status', p.data ->> '$.state.status',
  'time', p.data -> '$.state.time', 'exit', p.data -> '$.state.metadata.exit'`;
const STEP = `'tokens', p.data -> '$.tokens', 'cost', p.data -> '$.cost', 'reason', p.data ->> '$.reason',
  'provider', p.data ->> '$.model.providerID', 'model', p.data ->> '$.model.modelID'`;
const RETRY = `'error', p.data ->> '$.error.name', 'attempt', p.data -> '$.attempt',
  'statusCode', p.data -> '$.error.data.statusCode', 'created', p.data -> '$.time.created'`;

const ENTRY = `CASE m.type WHEN 'assistant' THEN json_object('role', 'assistant', 'agent', m.data ->> '$.agent',
    'provider', m.data ->> '$.model.providerID', 'model', m.data ->> '$.model.id', 'variant', m.data ->> '$.model.variant',
    'time', m.data -> '$.time', 'tokens', m.data -> '$.tokens', 'cost', m.data -> '$.cost',
    'finish', m.data ->> '$.finish', 'error', coalesce(m.data ->> '$.error.name', m.data ->> '$.error.type'),
    'statusCode', m.data -> '$.error.data.statusCode')
  WHEN 'compaction' THEN json_object('role', 'compaction', 'provider', m.data ->> '$.model.providerID',
    'model', m.data ->> '$.model.id', 'time', m.data -> '$.time', 'tokens', m.data -> '$.tokens',
    'cost', m.data -> '$.cost', 'status', m.data ->> '$.status', 'trigger', m.data ->> '$.reason')
  WHEN 'shell' THEN json_object('role', 'shell', 'time', m.data -> '$.time', 'status', m.data ->> '$.status',
    'exit', m.data -> '$.exit')
  ELSE json_object('role', m.type, 'time', m.data -> '$.time', 'agent', m.data ->> '$.agent') END`;

/** What every row carries of its session. */
const ownerIn = (table: string): string =>
  `${table}.parent_id, ${table}.version, ${table}.directory, {${table}.slug} AS slug`;
/** How much a row holds: two changes within a millisecond have one time. */
const SIZE = "octet_length(m.data)";

/** Prompts of the sessions at hand, counted: each message is of the turn that its parent is of. */
const TURNS = `one AS MATERIALIZED (
    SELECT m.id, m.session_id, m.time_created, m.data ->> '$.role' = 'user' AND EXISTS (
        SELECT 1 FROM ${safe("part", "id", "message_id = m.id")} p WHERE ${TYPED}) AS is_prompt
      FROM ${safe("message", "id, session_id, time_created", "session_id IN (SELECT session_id FROM m)")} m),
  turns AS MATERIALIZED (
    SELECT id, is_prompt, sum(is_prompt) OVER (PARTITION BY session_id ORDER BY time_created, id) - 1 AS turn FROM one)`;

const sessionNeeds = ["id", "parent_id", "directory", "version", "time_created", "time_updated"];
const messageNeeds = ["id", "session_id", "time_created", "time_updated", "data"];
const partNeeds = ["id", "message_id", "time_created", "data"];

function sessions(table: string, messages: string, others?: string): Layout {
  const last = `(SELECT max(data ->> '$.time.completed') FROM ${safe(messages, "id", `session_id = ${table}.id`)})`;
  return {
    name: table,
    needs: { [table]: sessionNeeds, [messages]: messageNeeds, ...(others && { [others]: ["id"] }) },
    optional: { [table]: ["agent", "fork_session_id", "slug"] },
    index: `SELECT id, time_updated, CASE WHEN parent_id IS NOT NULL THEN (SELECT max(m.time_updated)
        FROM ${messages} m WHERE m.session_id = ${table}.id) END FROM ${table}
      ${others ? `WHERE NOT EXISTS (SELECT 1 FROM ${others} o WHERE o.id = ${table}.id)` : ""} ORDER BY time_created, id`,
    rows: {
      session: `SELECT id, ${ownerIn(table)}, time_created, {${table}.agent} AS agent,
          {${table}.fork_session_id} AS forked_from, CASE WHEN parent_id IS NOT NULL THEN ${last} END AS ended
        FROM ${table} WHERE id IN ${KEYS}`,
    },
  };
}

function messages(others?: string): Layout {
  return {
    name: "message",
    needs: { session: sessionNeeds, message: messageNeeds, part: partNeeds, ...(others && { [others]: ["id"] }) },
    optional: { part: ["time_updated"], session: ["slug"] },
    index: `SELECT m.id, m.time_updated, ${SIZE}, ${ownerIn("session")}, (SELECT max(coalesce({part.time_updated}, 0))
          || ' ' || count(*) || ' ' || sum(octet_length(part.data)) FROM part WHERE part.message_id = m.id)
      FROM message m LEFT JOIN session ON session.id = m.session_id
      ${others ? `WHERE NOT EXISTS (SELECT 1 FROM ${others} o WHERE o.id = m.id)` : ""} ORDER BY m.session_id, m.time_created, m.id`,
    rows: {
      message: `WITH m AS MATERIALIZED ${safe("message", "id, session_id, time_created", `id IN ${KEYS}`)}, ${TURNS}
        SELECT m.id, m.session_id, m.time_created, ${ownerIn("session")}, own.is_prompt,
          coalesce(asked.turn, own.turn) AS turn, CASE WHEN m.data IS NOT NULL THEN ${MESSAGE} END AS data,
          CASE json_type(m.data, '$.summary') WHEN 'true' THEN (
            SELECT p.data ->> '$.auto' FROM ${safe("part", "id", "message_id = m.data ->> '$.parentID'")} p
              WHERE p.data ->> '$.type' = 'compaction') END AS auto
        FROM m LEFT JOIN session ON session.id = m.session_id LEFT JOIN turns own ON own.id = m.id
          LEFT JOIN turns asked ON asked.id = m.data ->> '$.parentID'`,
      part: `SELECT p.message_id, p.id, p.time_created, CASE p.data ->> '$.type'
            WHEN 'tool' THEN json_object('type', 'tool', ${TOOL})
            WHEN 'step-finish' THEN json_object('type', 'step', ${STEP})
            ELSE json_object('type', 'retry', ${RETRY}) END AS data
        FROM ${safe("part", "message_id, id, time_created", `message_id IN ${KEYS}`)} p
        WHERE p.data ->> '$.type' IN ('tool', 'retry', 'step-finish') ORDER BY p.message_id, p.id`,
    },
    texts: {
      whole: `SELECT id, data FROM ${safe("message", "id", `id IN ${KEYS}`)}`,
      said: `SELECT message_id, id AS part, data
        FROM ${safe("part", "message_id, id", `message_id IN ${KEYS}`)} ORDER BY message_id, id`,
    },
    page: 200,
  };
}

/** Of `parts`, the older list of parts, come the requests that were tried again: version 2 has no word for them. */
function entries(sessions: string, parts?: "part"): Layout {
  const retries = (columns: string): string =>
    `SELECT p.message_id, p.id AS part, ${columns} FROM ${safe("part", "message_id, id, time_created", `message_id IN ${KEYS}`)} p
        WHERE p.data ->> '$.type' = 'retry'`;
  return {
    name: "session_message",
    needs: {
      [sessions]: sessionNeeds,
      session_message: [...messageNeeds, "type", "seq"],
      ...(parts && { [parts]: partNeeds }),
    },
    optional: { [sessions]: ["slug"] },
    index: `SELECT m.id, m.time_updated, m.seq, ${SIZE}, ${ownerIn(sessions)} FROM session_message m
      LEFT JOIN ${sessions} ON ${sessions}.id = m.session_id ORDER BY m.session_id, m.seq, m.id`,
    rows: {
      message: `SELECT m.id, m.session_id, m.time_created, ${ownerIn(sessions)}, m.type = 'user' AS is_prompt,
          (SELECT count(*) FROM session_message u WHERE u.session_id = m.session_id AND u.type = 'user'
            AND u.seq <= m.seq) - 1 AS turn, CASE WHEN m.data IS NOT NULL THEN ${ENTRY} END AS data
        FROM ${safe("session_message", "id, session_id, time_created, type, seq", `id IN ${KEYS}`)} m
          LEFT JOIN ${sessions} ON ${sessions}.id = m.session_id`,
      part: `SELECT m.id, m.id || '/' || c.key AS part, m.time_created, json_object('type', 'tool',
          'call', c.value ->> '$.id', 'tool', c.value ->> '$.name', 'status', c.value ->> '$.state.status',
          'time', c.value -> '$.time', 'exit', coalesce(c.value -> '$.state.metadata.exit',
            c.value -> '$.state.structured.exit')) AS data
        FROM ${safe("session_message", "id, time_created", `id IN ${KEYS} AND type = 'assistant'`)} m,
          json_each(m.data, '$.content') c
        WHERE CASE WHEN c.type = 'object' THEN c.value ->> '$.type' END = 'tool'
        ${parts ? `UNION ALL ${retries(`p.time_created, json_object('type', 'retry', ${RETRY})`)}` : ""}`,
    },
    texts: {
      whole: `SELECT id, data FROM ${safe("session_message", "id", `id IN ${KEYS}`)}`,
      ...(parts && { said: retries("p.data") }),
    },
    page: 200,
  };
}

/** Sessions come first, then their messages; the first of one name that fits is read. */
export const LAYOUTS: readonly Layout[] = [
  sessions("session_v2", "session_message"),
  sessions("session", "message", "session_v2"),
  sessions("session", "message"),
  sessions("session", "session_message"),
  entries("session_v2", "part"),
  entries("session_v2"),
  entries("session", "part"),
  entries("session"),
  messages("session_message"),
  messages(),
];
