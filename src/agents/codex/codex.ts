/**
 * Codex CLI, also its IDE extension and app: one JSONL rollout a thread, which archiving moves to another folder and
 * a background job compresses.
 * Counting rule: a call is a response id; in files without them, an advance of the thread's token total. Forks and
 * subagents copy history with new times, so no fact depends on a time: a copy's facts are the original's.
 */

import type { Agent, Emit, Environment, JsonObject, Line, Place, SourceInfo } from "../../read/types.ts";
import { tail } from "../../read/types.ts";
import { allowAttributes } from "../../record/attributes.ts";
import { list, number, object, text } from "../../record/json.ts";
import { answer, message, partsOf, reasoningPart, textPart, toolCallPart } from "../../record/messages.ts";
import { providerName } from "../../record/provider.ts";
import type { Part } from "../../record/schema.ts";
import { between, fromMillis, utc } from "../../record/time.ts";
import { tokenCount, usageRecord } from "./calls.ts";
import { documents, ENDING } from "./document.ts";
import { READS, readLine, SHOWN, SILENT_ITEM } from "./lines.ts";
import { type Now, type State, scope, tell, tellWaiting } from "./state.ts";
import { closeTool, noteOutcome, openTool, outcomeOf } from "./tools.ts";
import {
  answered,
  NOT_TYPED,
  prompt,
  sessionMeta,
  taskEnded,
  taskStarted,
  tellHeld,
  tellSession,
  turnContext,
  useModel,
} from "./turns.ts";

const TOOL_CALL = /^(?:function|custom_tool|local_shell|web_search|tool_search|image_generation)_call$/;
/** Items of what a script ran inside its tool call. */
const NESTED = /^(?:CommandExecution|FileChange|McpToolCall|DynamicToolCall)$/;
/** Items of calls that stand on their own lines. */
const TOLD_ITEM = /^(?:CollabAgentToolCall|ImageGeneration)$/;
/** Lines, payloads and items that say nothing weir keeps. Anything else that is not handled is counted as unknown. */
const SILENT =
  /^(?:world_state|state|inter_agent_communication\w*|retained_context|security_risk_score|realtime_item|agent_response_observation|rollout_reference|ghost_snapshot|additional_tools|compaction\w*|context_compaction|agent_message|agent_reasoning\w*|thread_\w+|error|warning|stream_error|(?:web_search|image_generation|view_image|collab|sub_agent|dynamic_tool|hook|guardian|plan|turn_diff|background|entered|exited|item)(?:_\w+)?|\w+_begin)$/;

const FOLDERS = ["sessions", "archived_sessions"];

/** `CODEX_HOME` may name several folders; a home's own path may have commas. */
function locate({ homes, variable }: Environment, endings: readonly string[]): Place[] {
  const match = FOLDERS.flatMap((folder) => endings.map((ending) => `${folder}/**/rollout-*${ending}`));
  const overrides = variable("CODEX_HOME")?.split(",");
  const roots = overrides?.map((root) => root.trim()).filter(Boolean) ?? homes.map((home) => `${home.path}/.codex`);
  return roots.map((root) => ({ root, match }));
}

const rollouts = { kind: "transcript", rank: 50, version: 4, session: threadOf, start, open };

export const codex: Agent = {
  id: "codex",
  title: "Codex",
  retention: "deletes nothing by itself",
  streams: [
    tail<State>({
      ...rollouts,
      reads: READS,
      locate: (environment) => locate(environment, [".jsonl", ".jsonl.zst"]),
      step,
    }),
    documents({ ...rollouts, locate: (environment) => locate(environment, [ENDING]) }, responseItem),
  ],
};

/** The thread's id in a file's name; a rollout's id may follow it. */
function threadOf(path: string): string | undefined {
  return /rollout-[^/]*?([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})[^/]*$/.exec(path)?.[1];
}

function start(source: SourceInfo): State {
  const own = threadOf(source.path) ?? source.stem;
  const none = { held: [], counted: [], compactions: {}, named: {}, tools: [], closed: [] };
  return { base: { session_id: own }, origin: own, prompts: 0, turn: -1, ...none, left: { runs: [], tools: [] } };
}

function step(state: State, line: Line, emit: Emit): void {
  const { timestamp, ordinal, bare, type, payload } = readLine(line);
  const now: Now = { state, line, time: utc(timestamp), ordinal, bare, emit };
  if (state.told === undefined && type !== "session_meta") tellSession(now, "line", { time: now.time });
  if (type === "response_item") responseItem(now, payload);
  else if (type === "event_msg") event(now, payload);
  else if (type === "session_meta") sessionMeta(now, payload);
  else if (type === "turn_context") turnContext(now, payload);
  else if (type === "token_usage_record") usageRecord(now, payload);
  else if (type === "compacted") compaction(now, type, payload);
  else if (!SILENT.test(type)) emit.unknown(`type ${type}`);
}

function responseItem(now: Now, p: JsonObject): void {
  const { state, time, line } = now;
  const kind = text(p.type) ?? "";
  if (now.emit.captures) noteSaid(now, p, kind);
  if (kind === "reasoning" || (kind === "message" && p.role === "assistant")) answered(now);
  else if (TOOL_CALL.test(kind)) {
    answered(now);
    openTool(now, p, kind);
  } else if (kind.endsWith("_output")) {
    state.asked = time ?? state.asked;
    closeTool(now, text(p.call_id), p.output);
  } else if (kind === "agent_message") state.asked = time ?? state.asked;
  else if (kind === "message" && p.role === "user") {
    state.asked = time ?? state.asked;
    const said = now.emit.keep(message("user", partsOf(p.content)));
    if (!state.channel && !NOT_TYPED.test(firstText(p.content).slice(0, SHOWN)))
      state.held.push({ time, at: line.offset, said });
    if (now.bare) tellHeld(now);
  } else if (kind !== "message" && !SILENT.test(kind)) now.emit.unknown(`response_item ${kind}`);
}

/** Puts what a model's item says to the call that will be told. */
function noteSaid({ state, emit }: Now, p: JsonObject, kind: string): void {
  let parts: readonly (Part | undefined)[] = [];
  if (kind === "reasoning") parts = [...list(p.summary), ...list(p.content)].map((o) => reasoningPart(object(o)?.text));
  else if (kind === "message" && p.role === "assistant") parts = partsOf(p.content);
  else if (TOOL_CALL.test(kind))
    parts = [toolCallPart(p.call_id ?? p.id, p.name ?? kind.replace(/_call$/, ""), p.arguments ?? p.input ?? p.action)];
  const kept = emit.keep(parts.filter((part) => part !== undefined)) ?? [];
  if (kept.length > 0) state.parts = [...(state.parts ?? []), ...kept];
}

function firstText(content: unknown): string {
  return text(object(list(content)[0])?.text) ?? "";
}

function event(now: Now, p: JsonObject): void {
  const { state, emit } = now;
  const kind = text(p.type) ?? "";
  const settings = object(p.thread_settings);
  const id = text(p.call_id);
  if (kind === "token_count") tokenCount(now, object(p.info));
  else if (kind === "item_completed") itemCompleted(now, p, object(p.item) ?? {});
  else if (kind === "user_message") prompt(now, "event", undefined, text(p.message) ?? "", p.message);
  else if (kind === "task_started" || kind === "turn_started") taskStarted(now, p);
  else if (/^(?:task_complete|turn_complete|turn_aborted)$/.test(kind)) taskEnded(now, p);
  else if (kind === "context_compacted") compaction(now, kind, {});
  else if (settings) useSettings(state, settings);
  else if (kind === "thread_rolled_back") rolledBack(state);
  else if (/^(?:exec_command|mcp_tool_call|patch_apply)_end$/.test(kind)) {
    noteOutcome(state, id, p);
  } else if (!SILENT.test(kind)) emit.unknown(`event_msg ${kind}`);
}

function useSettings(state: State, settings: JsonObject): void {
  useModel(state, settings.model, settings.reasoning_effort);
  state.provider = providerName(text(settings.model_provider_id)) ?? state.provider;
}

/** The totals go back too, and may come again. */
function rolledBack(state: State): void {
  state.counted = [];
}

function itemCompleted(now: Now, p: JsonObject, item: JsonObject): void {
  const { state, emit } = now;
  const type = text(item.type) ?? "";
  const id = text(item.id);
  if (type === "UserMessage") prompt(now, "item", id, firstText(item.content), item.content);
  else if (type === "ContextCompaction") compaction(now, type, {});
  else if (SILENT_ITEM.test(type) || noteOutcome(state, id, item)) return;
  else if (NESTED.test(type)) {
    if (id === undefined || state.closed.includes(id)) return;
    const [time, end_time] = [fromMillis(p.started_at_ms), fromMillis(p.completed_at_ms) ?? now.time];
    const outcome = outcomeOf(item);
    const times = { time, end_time, duration_ms: outcome.duration_ms ?? between(time, end_time) };
    const content = {
      tool_arguments: emit.keep(item.command ?? item.arguments ?? item.changes),
      tool_result: emit.keep(item.aggregated_output ?? item.result),
    };
    tell(now, { key: id, fact: id, operation: "other", kind: "internal", name: type, ...outcome, ...times, content });
  } else if (!TOLD_ITEM.test(type)) emit.unknown(`item ${type}`);
}

/** Up to three kinds of lines tell of a compaction: the same number of its kind in a turn is the same compaction. */
function compaction(now: Now, by: string, p: JsonObject): void {
  const { state, time } = now;
  const told = Math.max(0, ...Object.values(state.compactions));
  const n = (state.compactions[by] ?? 0) + 1;
  state.compactions[by] = n;
  state.asked = time ?? state.asked;
  if (n <= told) return;
  const key = `compaction:${scope(state)}:${n}`;
  const attributes = allowAttributes({ window_number: number(p.window_number) });
  const content = { output_messages: now.emit.keep(answer([textPart(p.message)], undefined)) };
  tell(now, { key, fact: key, operation: "compaction", time, attributes, content });
}

function open(state: State, emit: Emit): void {
  const { base, run, tools } = state;
  tellWaiting(state, emit, true);
  for (const { draft } of tools) emit({ ...base, ...draft, open: true });
  if (run) emit({ ...base, ...run, open: true });
}
