/** Conversations of Cursor's editor: rows of its global database, of which only the keys named below are asked for. */
import type { Draft, Emit, Group, Layout, Row, SourceInfo } from "../../read/types.ts";
import { allowAttributes } from "../../record/attributes.ts";
import { list, object, text } from "../../record/json.ts";
import { answer, message, partsOf, reasoningPart, structured, textPart, toolCallPart } from "../../record/messages.ts";
import { tokensOf, totalUsage } from "../../record/usage.ts";
import { timeOf } from "./time.ts";
import type { Common } from "./transcript.ts";

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
const CHOSEN = "(SELECT value FROM json_each(?1))";
/** The first versions kept a whole conversation in one value. */
const INLINE = `coalesce(json_array_length(c.data, '$.fullConversationHeadersOnly'), 0) = 0`;

const bubbles = (more: string): string => `WITH ${COMPOSERS}
  SELECT id, bubble, data ->> '$.createdAt' AS created, data -> '$.tokenCount' AS tokens,
    data ->> '$.modelInfo.modelName' AS model, coalesce(data ->> '$.text', '') <> '' AS says,
    data ->> '$.toolFormerData.name' AS tool, data ->> '$.toolFormerData.toolCallId' AS call,
    data ->> '$.toolFormerData.status' AS status${more}
  FROM (SELECT owner AS id, substr(key, length(owner) + 11) AS bubble, ${JSON_TEXT} AS data
      FROM (SELECT value AS owner FROM json_each(?1)) CROSS JOIN cursorDiskKV
      WHERE key >= 'bubbleId:' || owner || ':' AND key < 'bubbleId:' || owner || ';'
    UNION ALL SELECT c.id, coalesce(b.value ->> '$.bubbleId', 'at ' || b.key), b.value
      FROM composers c, json_each(c.data, '$.conversation') b WHERE ${INLINE} AND b.type = 'object' AND c.id IN ${CHOSEN})`;

export const CONVERSATIONS: Layout = {
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
        c.data ->> '$.unifiedMode' AS mode, CASE WHEN ${INLINE} THEN (SELECT json_group_array(json_object(
            'bubbleId', coalesce(b.value ->> '$.bubbleId', 'at ' || b.key), 'type', b.value -> '$.type'))
          FROM json_each(c.data, '$.conversation') b WHERE b.type = 'object')
        ELSE c.data -> '$.fullConversationHeadersOnly' END AS headers
      FROM composers c LEFT JOIN children ON children.id = c.id WHERE c.id IN ${CHOSEN}`,
    bubble: bubbles(""),
  },
  texts: {
    bubble: bubbles(`, data AS item, data ->> '$.text' AS said, data ->> '$.thinking.text' AS thought,
    coalesce(data ->> '$.toolFormerData.rawArgs', data ->> '$.toolFormerData.params') AS args,
    data ->> '$.toolFormerData.result' AS result, data ->> '$.toolFormerData.error' AS error`),
  },
  page: 100,
};

/** A conversation: its headers give the order, the bubbles' keys say whose they are. */
export function reduce({ key, rows = {} }: Group, _: SourceInfo, emit: Emit): void {
  const composer = rows.composer?.[0];
  if (!composer) return;
  if (composer.valid !== 1) emit.unknown("conversation that is no JSON");
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
      if (parent_session_id === undefined) tellPrompt(key, turn, row, own, emit);
    } else if (type !== 2) emit.unknown(`bubble ${typeof type === "number" ? type : ""}`.trim());
    else if (row) held.push(row);
  }
  tellTurn(key, turn, held, own, emit);
}

function tellPrompt(session: string, turn: number, row: Row | undefined, own: Common, emit: Emit): void {
  const told = { key: String(turn), fact: `${session}/${turn}`, time: timeOf(row?.created), ...placeOf(row) };
  const input_messages = emit.keep(message("user", partsOf(row?.said)));
  emit({ ...own, ...told, turn, operation: "user_message", content: { input_messages } });
}

/** What was answered to one prompt. Tokens stand where the turn ended, if at all; where all are 0 they are not known. */
function tellTurn(session: string, turn: number, held: readonly Row[], own: Common, emit: Emit): void {
  const common = { ...own, turn: own.parent_session_id !== undefined || turn < 0 ? undefined : turn };
  const counted = held.filter((row) => tokensOf(usageOf(row)) > 0);
  const last = held.findLast((row) => row.says === 1);
  const calls = counted.length > 0 ? counted : last ? [last] : [];
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
      content: { output_messages: emit.keep(answer(saidUpTo(row, held, calls[call - 1]), undefined)) },
      ...placeOf(row),
    });
  });
  const tools = held.filter((row) => text(row.tool) !== undefined);
  tools.forEach((row, tool) => {
    tellTool(row, { ...common, fact: `${session}/${turn}/${tool}`, ...placeOf(row) }, emit);
  });
}

/** What was thought, said and asked of tools, in bubbles of their own, since the call before. */
function saidUpTo(row: Row, held: readonly Row[], before: Row | undefined): ReturnType<typeof textPart>[] {
  const from = before === undefined ? 0 : held.indexOf(before) + 1;
  return held.slice(from, held.indexOf(row) + 1).flatMap(({ thought, said, tool, call, args }) => {
    const asked = text(tool) === undefined ? undefined : toolCallPart(call, tool, args);
    return [reasoningPart(thought), textPart(said), asked];
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
    content: {
      tool_arguments: emit.keep(structured(row.args)),
      tool_result: emit.keep(structured(row.result)),
      error_message: failure === undefined ? undefined : emit.keep(text(row.error)),
    },
  });
}

/** Both counts 0 is what bubbles without tokens have. */
function usageOf({ tokens }: Row): Draft["usage"] {
  const { inputTokens, outputTokens } = object(parsed(tokens)) ?? {};
  const usage = totalUsage({ input: inputTokens, output: outputTokens });
  return tokensOf(usage) > 0 ? usage : undefined;
}

function placeOf(row: Row | undefined): Pick<Draft, "at" | "raw"> {
  return row ? { at: { row: String(row.bubble) }, raw: row.item } : {};
}

function parsed(json: unknown): unknown {
  return typeof json === "string" ? JSON.parse(json) : undefined;
}
