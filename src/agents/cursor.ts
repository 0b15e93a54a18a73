/**
 * Cursor: transcripts of its agent, JSON Lines without ids, tokens and models, and mostly without times; and the editor's
 * conversations, rows of its global database, of which only the keys named below are asked for.
 * Counting rule: a call is one message of the assistant in a transcript; in the database, the bubbles of a turn with
 * tokens, or its one answer without them. Both streams number what a turn holds: the same number is the same fact.
 */
import type { Agent, Draft, Emit, Environment, Group, Layout, Line, Place, Row, SourceInfo } from "../read/types.ts";
import { snapshot, tail } from "../read/types.ts";
import { allowAttributes } from "../record/attributes.ts";
import { type JsonObject, list, object, text } from "../record/json.ts";
import { fromMillis, utc } from "../record/time.ts";
import { tokensOf, totalUsage } from "../record/usage.ts";

interface State {
  session: string;
  parent?: string;
  /** The session has been told. */
  told?: boolean;
  /** Lines so far that were read, the turn, and what it holds so far. */
  lines: number;
  turn: number;
  calls: number;
  tools: number;
}

type Common = Omit<Draft, "operation" | "key">;

const TRANSCRIPT = /(?:^|\/)([^/]+)\.jsonl$/;
const CHILD = /(?:^|\/)([^/]+)\/subagents\/[^/]+\.jsonl$/;
const TIMESTAMP = /^\s*<timestamp>\s*([^<]*?)\s*<\/timestamp>\s*/;
/** A time that means the same on every machine. */
const ZONED = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)$/;
const FAILED_TURN = /error|fail|abort|cancel/i;
const ABORTED = /abort|cancel/i;

/** How a tool of the editor ended, by its status; any other is still at work. */
const TOOL_ENDS: ReadonlyMap<string, string | undefined> = new Map([
  ["completed", undefined],
  ["success", undefined],
  ["error", "tool_error"],
  ["failed", "tool_error"],
  ["cancelled", "canceled"],
  ["canceled", "canceled"],
  ["aborted", "canceled"],
  ["rejected", "rejected"],
]);

/** Values under the keys of a kind, parsed only where they are JSON; the table holds texts and bytes. */
const keysOf = (kind: string): string => `key >= '${kind}:' AND key < '${kind};'`;
const JSON_TEXT = "CASE WHEN json_valid(CAST(value AS TEXT)) THEN CAST(value AS TEXT) END";
const COMPOSERS = `composers AS MATERIALIZED (SELECT substr(key, 14) AS id, rowid AS row, octet_length(value) AS size,
    ${JSON_TEXT} AS data FROM cursorDiskKV WHERE ${keysOf("composerData")}),
  children AS MATERIALIZED (SELECT c.value AS id, min(p.id) AS parent
    FROM composers p, json_each(p.data, '$.subComposerIds') c WHERE c.type = 'text' GROUP BY c.value)`;

const CONVERSATIONS: Layout = {
  name: "composers",
  needs: { cursorDiskKV: ["key", "value"] },
  index: `WITH ${COMPOSERS},
      bubbles AS MATERIALIZED (SELECT substr(key, 10, instr(substr(key, 10), ':') - 1) AS id, max(rowid) AS last,
        count(*) AS count, sum(octet_length(value)) AS size FROM cursorDiskKV WHERE ${keysOf("bubbleId")} GROUP BY 1)
    SELECT c.id, c.row, c.size, c.data ->> '$.lastUpdatedAt', children.parent, b.last, b.count, b.size
    FROM composers c LEFT JOIN bubbles b ON b.id = c.id LEFT JOIN children ON children.id = c.id ORDER BY c.id`,
  rows: {
    composer: `WITH ${COMPOSERS}
      SELECT c.id, children.parent, c.data IS NOT NULL AS valid, c.data ->> '$.createdAt' AS created,
        c.data ->> '$.unifiedMode' AS mode, c.data -> '$.fullConversationHeadersOnly' AS headers,
        json_array_length(c.data, '$.conversation') AS inline
      FROM composers c LEFT JOIN children ON children.id = c.id WHERE c.id IN (SELECT value FROM json_each(?1))`,
    bubble: `SELECT id, bubble, data ->> '$.createdAt' AS created, data -> '$.tokenCount' AS tokens,
        data ->> '$.modelInfo.modelName' AS model, coalesce(data ->> '$.text', '') <> '' AS says,
        data ->> '$.toolFormerData.name' AS tool, data ->> '$.toolFormerData.toolCallId' AS call,
        data ->> '$.toolFormerData.status' AS status
      FROM (SELECT owner AS id, substr(key, length(owner) + 11) AS bubble, ${JSON_TEXT} AS data
        FROM (SELECT value AS owner FROM json_each(?1)) CROSS JOIN cursorDiskKV
        WHERE key >= 'bubbleId:' || owner || ':' AND key < 'bubbleId:' || owner || ';')`,
  },
  page: 100,
};

export const cursor: Agent = {
  id: "cursor",
  title: "Cursor",
  retention: "deletes nothing by itself",
  unverified: true,
  streams: [
    snapshot({
      kind: "conversations",
      rank: 50,
      version: 1,
      locate: locateDatabases,
      session: () => undefined,
      groups: { form: "sqlite", layouts: [CONVERSATIONS] },
      reduce,
    }),
    tail<State>({
      kind: "transcript",
      rank: 40,
      version: 1,
      locate: locateTranscripts,
      session: (path) => TRANSCRIPT.exec(path)?.[1],
      start: ({ path, stem }) => ({ ...startOf(path), session: stem }),
      step,
      open: () => {},
    }),
  ],
};

/** Other JSON Lines may lie beside the transcripts' folders. */
function locateTranscripts({ homes, variable }: Environment): Place[] {
  return homes.flatMap((home) => {
    const own = (name: string): string | undefined => (home.own ? variable(name) : undefined);
    const config = own("CURSOR_CONFIG_DIR");
    const shared = own("XDG_CONFIG_HOME");
    const roots = config ? [config] : [`${home.path}/.cursor`, ...(shared ? [`${shared}/cursor`] : [])];
    return roots.map((root) => ({ root: `${root}/projects`, match: ["*/agent-transcripts/**/*.jsonl"] }));
  });
}

function locateDatabases({ homes, variable }: Environment): Place[] {
  return homes.flatMap((home) => {
    const own = (name: string): string | undefined => (home.own ? variable(name) : undefined);
    const folders = {
      linux: own("XDG_CONFIG_HOME") || `${home.path}/.config`,
      darwin: `${home.path}/Library/Application Support`,
      win32: own("APPDATA") || `${home.path}/AppData/Roaming`,
    };
    return home.layouts.map((platform) => ({
      root: `${folders[platform]}/Cursor/User/globalStorage`,
      match: ["state.vscdb"],
    }));
  });
}

function startOf(path: string): Omit<State, "session"> {
  const parent = CHILD.exec(path)?.[1];
  return { ...(parent && { parent }), lines: 0, turn: -1, calls: 0, tools: 0 };
}

function step(state: State, line: Line, emit: Emit): void {
  const o = line.json();
  const index = state.lines++;
  const at = { offset: line.offset };
  if (o.type === "turn_ended") tellEnd(state, o, { ...commonOf(state), at }, index, emit);
  else if (o.role === "user") tellPrompt(state, o, at, emit);
  else if (o.role === "assistant") tellAnswer(state, o, at, emit);
  else emit.unknown(`line ${text(o.type) ?? text(o.role) ?? ""}`.trim());
}

/** What all of a session's records carry. Whatever asks a subagent is no person, so it has no turns. */
function commonOf({ session, parent, turn }: State): Common {
  const own = { session_id: session, parent_session_id: parent };
  return { ...own, turn: parent !== undefined || turn < 0 ? undefined : turn };
}

function tellSession(state: State, time: string | undefined, at: Draft["at"], emit: Emit): void {
  if (state.told) return;
  state.told = true;
  const { session, parent } = state;
  const own = { session_id: session, parent_session_id: parent };
  emit({ ...own, key: "session", fact: session, operation: "session", time, at });
}

function tellPrompt(state: State, o: JsonObject, at: Draft["at"], emit: Emit): void {
  const content = object(o.message)?.content;
  const blocks = typeof content === "string" ? [{ type: "text", text: content }] : list(content);
  const said = blocks.map((block) => text(object(block)?.text) ?? "").join("\n");
  const stamp = TIMESTAMP.exec(said);
  const time = zoned(stamp?.[1]);
  tellSession(state, time, at, emit);
  if (!isTyped(said.slice(stamp?.[0].length ?? 0), blocks)) return;
  state.turn++;
  state.calls = 0;
  state.tools = 0;
  if (state.parent !== undefined) return;
  const { session, turn } = state;
  emit({ ...commonOf(state), key: String(turn), fact: `${session}/${turn}`, operation: "user_message", time, at });
}

/** A person's words stand in a query; other text in tags is what the agent adds. */
function isTyped(said: string, blocks: readonly unknown[]): boolean {
  if (said.includes("<user_query>")) return true;
  if (said.trim() !== "") return !said.trimStart().startsWith("<");
  return blocks.some((block) => object(block)?.type === "image");
}

function tellAnswer(state: State, o: JsonObject, at: Draft["at"], emit: Emit): void {
  tellSession(state, undefined, at, emit);
  const common = { ...commonOf(state), at };
  const turn = `${state.session}/${state.turn}`;
  const call = state.calls++;
  emit({
    ...common,
    key: `${state.turn}/${call}`,
    fact: `${turn}/${call}`,
    operation: "chat",
    kind: "client",
    status: "ok",
  });
  for (const block of list(object(o.message)?.content)) {
    const told = object(block) ?? {};
    if (told.type !== "tool_use") continue;
    const tool = state.tools++;
    const named = { name: text(told.name), call_id: text(told.id), type: "function" };
    const operation = "execute_tool";
    emit({
      ...common,
      key: `${state.turn}/${tool}`,
      fact: `${turn}/${tool}`,
      operation,
      kind: "internal",
      tool: named,
    });
  }
}

function tellEnd(state: State, o: JsonObject, common: Common, index: number, emit: Emit): void {
  const status = text(o.status);
  const failed = status !== undefined && FAILED_TURN.test(status);
  const aborted = ABORTED.test(`${status} ${text(o.error) ?? ""}`);
  emit({
    ...common,
    key: String(index),
    fact: `${state.session}/${index}`,
    operation: "invoke_agent",
    kind: "internal",
    status: status === undefined ? undefined : failed ? "error" : "ok",
    error_type: failed ? (aborted ? "aborted" : "turn_error") : undefined,
  });
}

function zoned(time: unknown): string | undefined {
  return typeof time === "string" && ZONED.test(time) ? utc(time) : undefined;
}

/** Milliseconds, or a text. */
function timeOf(value: unknown): string | undefined {
  return typeof value === "number" ? fromMillis(value) : zoned(value);
}

/** A conversation: its headers give the order, the bubbles' keys say whose they are. */
function reduce({ key, rows = {} }: Group, _: SourceInfo, emit: Emit): void {
  const composer = rows.composer?.[0];
  if (!composer) return;
  if (composer.valid !== 1) emit.unknown("conversation that is no JSON");
  if (Number(composer.inline) > 0) emit.unknown("conversation in one piece");
  const headers = list(parsed(composer.headers));
  if (headers.length === 0) return;
  const parent_session_id = text(composer.parent);
  const own = { session_id: key, parent_session_id };
  const attributes = allowAttributes({ agentMode: text(composer.mode) });
  emit({ ...own, key: "session", fact: key, operation: "session", time: timeOf(composer.created), attributes });
  const bubbles = new Map((rows.bubble ?? []).map((row) => [String(row.bubble), row]));
  let turn = -1;
  let held: Row[] = [];
  for (const item of headers) {
    const { bubbleId, type } = object(item) ?? {};
    const row = bubbles.get(String(bubbleId));
    if (type === 1) {
      tellTurn(key, turn, held, own, emit);
      held = [];
      turn++;
      const told = { key: String(turn), fact: `${key}/${turn}`, time: timeOf(row?.created), at: atOf(row) };
      if (parent_session_id === undefined) emit({ ...own, ...told, turn, operation: "user_message" });
    } else if (type !== 2) emit.unknown(`bubble ${typeof type === "number" ? type : ""}`.trim());
    else if (row) held.push(row);
  }
  tellTurn(key, turn, held, own, emit);
}

/** What was answered to one prompt. Tokens stand where the turn ended, if at all; where all are 0 they are not known. */
function tellTurn(session: string, turn: number, held: readonly Row[], own: Common, emit: Emit): void {
  const common = { ...own, turn: own.parent_session_id !== undefined || turn < 0 ? undefined : turn };
  const counted = held.filter((row) => tokensOf(usageOf(row)) > 0);
  const answer = held.findLast((row) => row.says === 1);
  const calls = counted.length > 0 ? counted : answer ? [answer] : [];
  calls.forEach((row, call) => {
    emit({
      ...common,
      key: `${turn}/${call}`,
      fact: `${session}/${turn}/${call}`,
      operation: "chat",
      kind: "client",
      status: "ok",
      time: timeOf(row.created),
      request_model: text(row.model),
      usage: usageOf(row),
      at: atOf(row),
    });
  });
  const tools = held.filter((row) => text(row.tool) !== undefined);
  tools.forEach((row, tool) => {
    tellTool(row, { ...common, fact: `${session}/${turn}/${tool}`, at: atOf(row) }, emit);
  });
}

function tellTool(row: Row, common: Common, emit: Emit): void {
  const status = text(row.status)?.toLowerCase() ?? "";
  const ended = TOOL_ENDS.has(status);
  const failure = TOOL_ENDS.get(status);
  emit({
    ...common,
    key: String(row.bubble),
    open: ended ? undefined : true,
    operation: "execute_tool",
    kind: "internal",
    status: ended ? (failure === undefined ? "ok" : "error") : undefined,
    error_type: failure,
    time: timeOf(row.created),
    tool: { name: text(row.tool), call_id: text(row.call), type: "function" },
  });
}

/** Both counts 0 is what bubbles without tokens have. */
function usageOf({ tokens }: Row): Draft["usage"] {
  const { inputTokens, outputTokens } = object(parsed(tokens)) ?? {};
  const usage = totalUsage({ input: inputTokens, output: outputTokens });
  return tokensOf(usage) > 0 ? usage : undefined;
}

function atOf(row: Row | undefined): Draft["at"] {
  return row && { row: String(row.bubble) };
}

function parsed(json: unknown): unknown {
  return typeof json === "string" ? JSON.parse(json) : undefined;
}
