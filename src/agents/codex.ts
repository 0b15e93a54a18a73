/**
 * Codex CLI, also its IDE extension and app: one JSONL rollout a thread, which archiving moves to another folder.
 * Counting rule: a call is a response id; in files without them, an advance of the thread's token total. Forks and
 * subagents copy history with new times, so no fact depends on a time: a copy's facts are the original's.
 */

import type { Agent, Cut, Draft, Emit, Line, SourceInfo } from "../read/types.ts";
import { tail } from "../read/types.ts";
import { allowAttributes } from "../record/attributes.ts";
import { fingerprint, toolFact } from "../record/identity.ts";
import { type JsonObject, list, number, object, text } from "../record/json.ts";
import { providerName } from "../record/provider.ts";
import { between, fromMillis, utc } from "../record/time.ts";
import { totalUsage } from "../record/usage.ts";

/** Some fields of a record to come. */
type Known = Partial<Draft>;

interface State {
  /** What every record of the thread has in common. */
  base: Known;
  told?: "meta" | "line";
  provider?: string;
  agentName?: string;
  /** A thread that a thread began: its prompts are not the person's. */
  spawned?: boolean;
  /** The totals go on from those of another thread, whose lines are not here. */
  continues?: boolean;
  /** The thread whose lines these are: the nearest session_meta before them, which a copy brings along. */
  origin: string;
  /** Prompts since that session_meta. */
  prompts: number;
  /** What told the turn's prompts. Once anything did, `message` lines only repeat them. */
  channel?: string;
  held: { time?: string; at: number }[];
  turn: number;
  turnId?: string;
  model?: string;
  effort?: string;
  window?: number;
  /** Calls are told by token_usage_record. */
  records?: boolean;
  total?: string;
  /** The latest line that a model answers to; what it was when the model began to answer. */
  asked?: string;
  began?: string;
  compactions: Record<string, number>;
  /** The turn and the tool calls that have no end yet, and the calls that had theirs lately. */
  run?: Draft;
  tools: ToolCall[];
  closed: string[];
}

interface ToolCall {
  id: string;
  draft: Draft;
  /** How it ended, as another line than its output told. */
  outcome?: Known;
}

/** A line that is being read. */
interface Now {
  readonly state: State;
  readonly line: Line;
  readonly time: string | undefined;
  readonly emit: Emit;
}

/** What a line says; of long lines only what is looked at. */
interface Item {
  readonly timestamp: unknown;
  readonly type: string;
  readonly payload: JsonObject;
}

const CLOSED_CALLS = 32;
const FAST = 1024;

const HEAD = /^\{"timestamp":"([^"\\]*)",(?:"ordinal":\d+,)?"type":"(\w+)","payload":\{(?:"type":"(\w+)"(?=[,}]))?/;
const MESSAGE =
  /"payload":\{"type":"message"(?:,"(?:id|status|phase)":(?:"[^"\\]*"|null))*,"role":"(\w+)","content":\[(?:\{"type":"input_text","text":"((?:[^"\\]|\\.){0,60}))?/;
const CALL =
  /"payload":\{"type":"\w+"(?:,"(?:id|status)":"[^"\\]*")*(?:,"call_id":"([^"\\]+)")?,"name":"([^"\\]+)"(?:,"namespace":"([^"\\]+)")?,"(?:arguments|input)":"/;
const OUTPUT = /"payload":\{"type":"\w+"(?:,"id":"[^"\\]*")?,"call_id":"([^"\\]+)","output":/;
const ITEM_TYPE = /"item":\{"type":"(\w+)"/;
const CALL_ID = /^","call_id":"([^"\\]+)"/;
const OUTPUT_KEY = '"output":';
const ITEM: readonly Cut[] = [
  { from: ',"changes":', to: [',"status":"'], optional: true },
  { from: ',"aggregated_output":', to: [',"exit_code":'], optional: true },
  { from: ',"result":', to: [',"duration":'], optional: true },
];
const WINDOW: Cut = { from: ',"window_number":', to: [",", "}"] };

/** A tool call that came to nothing, in the agent's words. */
const REFUSED =
  /^"(?:apply_patch verification failed|failed to parse function arguments|unsupported call|exec_command failed|aborted by user)/;
const TOOL_CALL = /^(?:function|custom_tool|local_shell|web_search|tool_search|image_generation)_call$/;
/** Items of what a script ran inside its tool call. */
const NESTED = /^(?:CommandExecution|FileChange|McpToolCall)$/;
/** Lines, payloads and items that say nothing weir keeps. Anything else that is not handled is counted as unknown. */
const SILENT =
  /^(?:world_state|state|inter_agent_communication\w*|retained_context|security_risk_score|realtime_item|ghost_snapshot|additional_tools|compaction\w*|context_compaction|agent_message|agent_reasoning\w*|thread_\w+|error|warning|stream_error|(?:web_search|image_generation|view_image|collab|sub_agent|dynamic_tool|hook|guardian|plan|turn_diff|background|entered|exited|item)(?:_\w+)?|\w+_begin)$/;
const SILENT_ITEM =
  /^(?:AgentMessage|Reasoning|Plan|WebSearch|Image\w+|CollabAgentToolCall|SubAgentActivity|HookPrompt|EnteredReviewMode|ExitedReviewMode|Sleep)$/;
const NOT_TYPED =
  /^(?:\s|\\n)*(?:# AGENTS\.md|<(?:environment_context|INSTRUCTIONS|user_instructions|turn_aborted|skill|subagent_notification|goal_context|codex_internal_context|recommended_plugins)\b)/;

export const codex: Agent = {
  id: "codex",
  title: "Codex",
  retention: "deletes nothing by itself",
  streams: [
    tail<State>({
      kind: "transcript",
      rank: 50,
      version: 1,
      locate: (environment) =>
        environment.homes.flatMap((home) => {
          const override = home.own ? environment.variable("CODEX_HOME") : undefined;
          const roots = (override || `${home.path}/.codex`).split(",").map((root) => root.trim());
          const match = ["sessions/**/rollout-*.jsonl", "archived_sessions/**/rollout-*.jsonl"];
          return roots.filter(Boolean).map((root) => ({ root, match }));
        }),
      session: threadOf,
      start,
      step,
      open,
    }),
  ],
};

/** The thread's id in a file's name; a rollout's id may follow it. */
function threadOf(path: string): string | undefined {
  return /rollout-[^/]*?([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})[^/]*$/.exec(path)?.[1];
}

function start(source: SourceInfo): State {
  const own = threadOf(source.path) ?? source.stem;
  const none = { held: [], compactions: {}, tools: [], closed: [] };
  return { base: { session_id: own }, origin: own, prompts: 0, turn: -1, ...none };
}

function step(state: State, line: Line, emit: Emit): void {
  const { timestamp, type, payload } = fastRead(state, line) ?? slowRead(line);
  const now: Now = { state, line, time: utc(timestamp), emit };
  if (state.told === undefined && type !== "session_meta") tellSession(now, "line", { time: now.time });
  if (type === "response_item") responseItem(now, payload);
  else if (type === "event_msg") event(now, payload);
  else if (type === "session_meta") sessionMeta(now, payload);
  else if (type === "turn_context") turnContext(now, payload);
  else if (type === "token_usage_record") usageRecord(now, payload);
  else if (type === "compacted") compaction(now, type, payload);
  else if (!SILENT.test(type)) emit.unknown(`type ${type}`);
}

/** What the line says without its texts, when it is laid out as Codex writes it. */
function fastRead(state: State, line: Line): Item | undefined {
  const [, timestamp, type, kind] = HEAD.exec(line.head) ?? [];
  if (type === "world_state") return { timestamp, type, payload: {} };
  const window = type === "compacted" ? line.part(WINDOW)?.head : undefined;
  if (type !== undefined && window !== undefined)
    return { timestamp, type, payload: { window_number: Number(window) } };
  if (kind === undefined || (type !== "response_item" && type !== "event_msg")) return undefined;
  const payload = type === "event_msg" ? fastEvent(state, kind, line) : fastResponseItem(kind, line);
  return payload && { timestamp, type, payload };
}

function fastEvent(state: State, type: string, line: Line): JsonObject | undefined {
  if (type === "agent_message" || type === "agent_reasoning") return { type };
  if (type === "token_count") return state.records || line.head.includes('"info":null') ? { type } : undefined;
  if (type !== "item_completed") return undefined;
  const item = ITEM_TYPE.exec(line.head)?.[1] ?? "";
  if (SILENT_ITEM.test(item)) return { type, item: { type: item } };
  const payload = line.length > FAST ? object(line.envelope(ITEM)?.payload) : undefined;
  return text(object(payload?.item)?.id) === undefined ? undefined : payload;
}

function fastResponseItem(type: string, line: Line): JsonObject | undefined {
  if (type === "reasoning" || type === "agent_message") return { type };
  if (type === "message") {
    const [found, role, said] = MESSAGE.exec(line.head) ?? [];
    return found === undefined ? undefined : { type, role, content: [{ text: said }] };
  }
  if (type.endsWith("_output")) {
    const id = OUTPUT.exec(line.head)?.[1];
    return id === undefined ? undefined : { type, call_id: id };
  }
  if (type !== "function_call" && type !== "custom_tool_call") return undefined;
  const [, first, name, namespace] = CALL.exec(line.head) ?? [];
  const at = first === undefined ? line.find('","call_id":"', 0) : -1;
  const id = at < 0 ? first : CALL_ID.exec(line.latin1(at, Math.min(line.length, at + 200)))?.[1];
  if (name === undefined || id === undefined || (!namespace && line.has(',"namespace":'))) return undefined;
  return { type, call_id: id, name, namespace };
}

/** Before September 2025 items stood bare, after a first line that was the session's metadata. */
function slowRead(line: Line): Item {
  const o = line.json();
  const { timestamp } = o;
  const payload = object(o.payload);
  if (payload) return { timestamp, type: text(o.type) ?? "", payload };
  const type = o.record_type === undefined ? "session_meta" : "state";
  return { timestamp, type: o.type === undefined ? type : "response_item", payload: o };
}

function tell({ state, emit }: Now, known: Draft): void {
  emit({ ...state.base, turn: state.turn < 0 ? undefined : state.turn, ...known });
}

function tellSession(now: Now, told: "meta" | "line", known: Known): void {
  now.state.told = told;
  const { base, provider } = now.state;
  const at = { offset: 0 };
  tell(now, { key: "session", fact: base.session_id, operation: "session", turn: undefined, provider, at, ...known });
}

/** The first one is the thread's own; later ones come with copied lines. */
function sessionMeta(now: Now, p: JsonObject): void {
  const { state } = now;
  const own = text(p.id) ?? state.origin;
  if (own !== state.origin) state.prompts = 0;
  state.origin = own;
  if (state.told === "meta") return;
  const source = object(p.source);
  const spawn = object(object(source?.subagent)?.thread_spawn);
  const git = object(p.git);
  const tree = text(p.session_id);
  state.base = {
    session_id: own,
    parent_session_id: text(p.parent_thread_id) ?? text(spawn?.parent_thread_id),
    forked_from: text(p.forked_from_id),
    conversation_id: tree === own ? undefined : tree,
    agent_version: text(p.cli_version),
    cwd: text(p.cwd),
    repository: text(git?.repository_url),
    branch: text(git?.branch),
  };
  const { parent_session_id, forked_from } = state.base;
  state.provider = providerName(text(p.model_provider));
  state.agentName = text(p.agent_nickname) ?? text(spawn?.agent_nickname) ?? text(p.agent_path);
  state.spawned = parent_session_id !== undefined || source?.subagent !== undefined;
  state.continues = object(p.history_base) !== undefined;
  if (state.spawned || forked_from) state.channel = "copies";
  tellSession(now, "meta", {
    time: utc(p.timestamp) ?? now.time,
    subagent: state.spawned ? { id: own, name: state.agentName } : undefined,
    agent_name: state.agentName,
    attributes: allowAttributes({
      originator: p.originator,
      source: text(p.source) ?? Object.keys(source ?? {})[0],
      thread_source: p.thread_source,
      history_mode: p.history_mode,
    }),
  });
}

function turnContext(now: Now, p: JsonObject): void {
  const { state } = now;
  const id = text(p.turn_id);
  if (id !== undefined && id !== state.turnId) enterTurn(now, id);
  state.base.cwd = text(p.cwd) ?? state.base.cwd;
  useModel(state, p.model, p.effort);
}

function useModel(state: State, model: unknown, effort: unknown): void {
  state.model = text(model) ?? state.model;
  state.effort = text(effort) ?? state.effort;
}

/** What is still open in a turn when the next one begins was killed with it. */
function enterTurn(now: Now, id: string | undefined): void {
  const { state, emit } = now;
  for (const { draft } of state.tools) emit({ ...state.base, ...draft });
  if (state.run) emit({ ...state.base, ...state.run });
  state.tools = [];
  state.run = undefined;
  state.turnId = id;
  countTurn(state);
}

function countTurn(state: State): void {
  state.turn++;
  state.began = undefined;
  state.compactions = {};
  if (state.channel) state.channel = "before";
}

/** What makes a name that is unique in its turn unique anywhere, and the same in a copy. */
function scope(state: State): string {
  return state.turnId ?? `${state.origin}/${state.turn}`;
}

function taskStarted(now: Now, p: JsonObject): void {
  const { state, time } = now;
  const id = text(p.turn_id);
  if (id === undefined || id !== state.turnId) enterTurn(now, id);
  state.asked = time ?? state.asked;
  state.window = number(p.model_context_window) ?? state.window;
  const { turn, origin, provider, agentName } = state;
  const key = id ?? `turn:${turn}`;
  const common = { key, fact: id ?? fingerprint([origin, turn]), turn, provider, agent_name: agentName };
  state.run = { ...common, operation: "invoke_agent", kind: "internal", time, at: { offset: now.line.offset } };
}

function taskEnded(now: Now, p: JsonObject): void {
  const { run } = now.state;
  if (!run || (text(p.turn_id) ?? run.key) !== run.key) return;
  now.state.run = undefined;
  const error = object(p.error);
  const info = error?.codex_error_info;
  const failure = error && (text(info) ?? Object.keys(object(info) ?? {})[0] ?? "error");
  const error_type = p.type === "turn_aborted" ? (text(p.reason) ?? "aborted") : failure;
  const ended: Known = { status: error_type === undefined ? "ok" : "error", error_type };
  const duration_ms = number(p.duration_ms) ?? between(run.time, now.time);
  tell(now, { ...run, ...ended, end_time: now.time, duration_ms, ttft_ms: number(p.time_to_first_token_ms) });
  const { key, fact, turn, provider } = run;
  if (error) tell(now, { key, fact, turn, provider, ...ended, operation: "error", kind: "client", time: now.time });
}

function responseItem(now: Now, p: JsonObject): void {
  const { state, time, line } = now;
  const kind = text(p.type) ?? "";
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
    if (!state.channel && !NOT_TYPED.test(firstText(p.content))) state.held.push({ time, at: line.offset });
  } else if (kind !== "message" && !SILENT.test(kind)) now.emit.unknown(`response_item ${kind}`);
}

function firstText(content: unknown): string {
  return text(object(list(content)[0])?.text) ?? "";
}

/** The model answers: what it was asked had no other channel than `message` lines. */
function answered(now: Now): void {
  const { state } = now;
  for (const { time, at } of state.held) {
    if (state.turnId === undefined && !state.run) countTurn(state);
    if (!state.spawned) tell(now, { key: `message@${at}`, operation: "user_message", time, at: { offset: at } });
  }
  if (state.held.length > 0) state.held = [];
  state.began ??= state.asked ?? now.time;
}

/** A prompt of one of the channels that have nothing but prompts; of two in one turn the first is believed. */
function prompt(now: Now, channel: "item" | "event", id: string | undefined, said: string): void {
  const { state, time } = now;
  state.asked = time ?? state.asked;
  state.held = [];
  if (NOT_TYPED.test(said)) return;
  if (channel === "event" && state.turnId === undefined && !state.run) countTurn(state);
  if (state.channel === (channel === "event" ? "item" : "event")) return;
  state.channel = channel;
  const key = id ?? fingerprint([state.turnId ?? state.origin, ++state.prompts, said.length]);
  if (!state.spawned) tell(now, { key, fact: key, operation: "user_message", time });
}

function openTool(now: Now, p: JsonObject, kind: string): void {
  const { state, time, line } = now;
  const call_id = text(p.call_id);
  const id = call_id ?? text(p.id);
  const fact = id && toolFact(id, undefined, scope(state));
  const name = [text(p.namespace), text(p.name) ?? kind.replace(/_call$/, "")].filter(Boolean).join(".");
  const draft: Draft = {
    key: fact ?? `${kind}@${line.offset}`,
    fact,
    operation: "execute_tool",
    kind: "internal",
    turn: state.turn < 0 ? undefined : state.turn,
    time,
    tool: { name, call_id: id, type: "function" },
    at: { offset: line.offset },
  };
  if (call_id === undefined) tell(now, { ...draft, end_time: time, ...outcomeOf({ status: p.status }) });
  else state.tools.push({ id: call_id, draft });
}

function closeTool({ state, time, line, emit }: Now, id: string | undefined, output: unknown): void {
  const at = state.tools.findIndex((call) => call.id === id);
  const call = state.tools[at];
  if (!call) return; // it stands in another file
  state.tools.splice(at, 1);
  if (state.closed.push(call.id) > CLOSED_CALLS) state.closed.shift();
  const outcome = call.outcome ?? outcomeOf(saidBy(line, output));
  const duration_ms = outcome.duration_ms ?? between(call.draft.time, time);
  emit({ ...state.base, ...call.draft, ...outcome, end_time: time, duration_ms });
}

/** What the first and last characters of the output say of how the call ended. */
function saidBy(line: Line, output: unknown): JsonObject {
  const from = line.head.indexOf(OUTPUT_KEY) + OUTPUT_KEY.length;
  const whole = output === undefined ? undefined : JSON.stringify(output);
  const start = whole === undefined ? line.head.slice(from, from + 300) : whole.slice(0, 300);
  if (REFUSED.test(start)) return { status: "failed" };
  if (!/^"?\{/.test(start))
    return { exit_code: numberAfter(start, "exited with code ") ?? numberAfter(start, "Exit code: ") };
  const mark = start.startsWith("{") ? '"exit_code":' : '\\"exit_code\\":';
  const end = whole?.slice(-400) ?? line.latin1(Math.max(0, line.length - 400));
  return { exit_code: numberAfter(end, mark) ?? numberAfter(start, mark) };
}

function numberAfter(said: string, mark: string): number | undefined {
  const at = said.indexOf(mark);
  return at < 0 ? undefined : number(Number.parseInt(said.slice(at + mark.length, at + mark.length + 12), 10));
}

/** The outcome that an item tells, or an event before there were items. */
function outcomeOf(o: JsonObject): Known {
  const exit = number(o.exit_code);
  const result = object(o.result);
  const unsaid = exit ? exit !== 0 : o.success === false || !!result?.Err || object(result?.Ok)?.isError === true;
  const failed = text(o.status) === undefined ? unsaid : o.status === "failed" || o.status === "declined";
  const took = object(o.duration);
  return {
    duration_ms: took && (number(took.secs) ?? 0) * 1000 + (number(took.nanos) ?? 0) / 1e6,
    status: failed ? "error" : "ok",
    error_type: failed ? "tool_error" : undefined,
    attributes: allowAttributes({ exit_code: exit }),
  };
}

/** True when it is an open call whose outcome this is. */
function noteOutcome(state: State, id: string | undefined, o: JsonObject): boolean {
  const call = state.tools.find((c) => c.id === id);
  if (call) call.outcome = outcomeOf(o);
  return call !== undefined;
}

function event(now: Now, p: JsonObject): void {
  const { state, emit } = now;
  const kind = text(p.type) ?? "";
  const settings = object(p.thread_settings);
  const id = text(p.call_id);
  if (kind === "token_count") tokenCount(now, object(p.info));
  else if (kind === "item_completed") itemCompleted(now, p, object(p.item) ?? {});
  else if (kind === "user_message") prompt(now, "event", undefined, text(p.message) ?? "");
  else if (kind === "task_started" || kind === "turn_started") taskStarted(now, p);
  else if (/^(?:task_complete|turn_complete|turn_aborted)$/.test(kind)) taskEnded(now, p);
  else if (kind === "context_compacted") compaction(now, kind, {});
  else if (settings) {
    useModel(state, settings.model, settings.reasoning_effort);
    state.provider = providerName(text(settings.model_provider_id)) ?? state.provider;
  } else if (/^(?:exec_command|mcp_tool_call|patch_apply)_end$/.test(kind)) {
    noteOutcome(state, id, p);
  } else if (!SILENT.test(kind)) emit.unknown(`event_msg ${kind}`);
}

function itemCompleted(now: Now, p: JsonObject, item: JsonObject): void {
  const { state, emit } = now;
  const type = text(item.type) ?? "";
  const id = text(item.id);
  if (type === "UserMessage") prompt(now, "item", id, firstText(item.content));
  else if (type === "ContextCompaction") compaction(now, type, {});
  else if (noteOutcome(state, id, item)) return;
  else if (NESTED.test(type)) {
    if (id === undefined || state.closed.includes(id)) return;
    const [time, end_time] = [fromMillis(p.started_at_ms), fromMillis(p.completed_at_ms) ?? now.time];
    const outcome = outcomeOf(item);
    const times = { time, end_time, duration_ms: outcome.duration_ms ?? between(time, end_time) };
    tell(now, { key: id, fact: id, operation: "other", kind: "internal", name: type, ...outcome, ...times });
  } else if (!SILENT_ITEM.test(type)) emit.unknown(`item ${type}`);
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
  tell(now, { key, fact: key, operation: "compaction", time, attributes });
}

/** A copied line names the thread whose call it was: then it is that thread's own telling, which knows less. */
function usageRecord(now: Now, p: JsonObject): void {
  now.state.records = true;
  const id = text(p.response_id);
  const session_id = text(p.thread_id) ?? now.state.base.session_id;
  if (id === undefined) now.emit.unknown("token_usage_record without a response_id");
  else tellChat(now, { key: id, fact: id, response_id: id, session_id }, object(p.usage));
}

/** A call moves the total, after a rollback also back. The same total again tells of no call, whatever comes with it. */
function tokenCount(now: Now, info: JsonObject | undefined): void {
  const { state } = now;
  if (!info || state.records) return;
  state.window = number(info.model_context_window) ?? state.window;
  const last = object(info.last_token_usage);
  const sums = object(info.total_token_usage);
  const total = sums && numbersOf(sums).join();
  const again = total !== undefined && total === state.total;
  const inherited = state.continues && state.total === undefined && state.began === undefined;
  state.total = total ?? state.total;
  if (again || inherited || !last || !(last.input_tokens || last.output_tokens)) return;
  const numbers = numbersOf(last);
  const whose = state.turnId ?? (total === numbers.join() ? state.origin : "");
  const fact = sums && fingerprint([whose, total, ...numbers, state.model]);
  tellChat(now, { key: fact ?? `token_count@${now.line.offset}`, fact }, last);
}

function numbersOf(usage: JsonObject): number[] {
  const { input_tokens, cached_input_tokens, output_tokens, reasoning_output_tokens } = usage;
  return [input_tokens, cached_input_tokens, output_tokens, reasoning_output_tokens].map((n) => number(n) ?? 0);
}

function tellChat(
  now: Now,
  known: Pick<Draft, "key" | "fact" | "response_id" | "session_id">,
  used: JsonObject = {},
): void {
  const { state, emit } = now;
  const { base, turn, provider, model, effort, window } = state;
  const time = state.began ?? state.asked;
  state.began = undefined;
  const isOwn = known.session_id === undefined || known.session_id === base.session_id;
  emit({
    ...(isOwn && base),
    turn: isOwn && turn >= 0 ? turn : undefined,
    attributes: isOwn ? allowAttributes({ effort, model_context_window: window }) : undefined,
    ...known,
    session_id: known.session_id ?? base.session_id,
    operation: "chat",
    kind: "client",
    time,
    end_time: now.time,
    duration_ms: between(time, now.time),
    status: "ok",
    provider,
    model,
    usage: totalUsage({
      input: used.input_tokens,
      output: used.output_tokens,
      cacheRead: used.cached_input_tokens,
      cacheCreation: used.cache_write_input_tokens,
      reasoning: used.reasoning_output_tokens,
    }),
  });
}

function open({ base, run, tools }: State, emit: Emit): void {
  for (const { draft } of tools) emit({ ...base, ...draft, open: true });
  if (run) emit({ ...base, ...run, open: true });
}
