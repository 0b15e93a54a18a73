/**
 * Qwen Code: one JSONL file a session, one for each background subagent beside it; before that one JSON document a session.
 * Counting rule: a call is one `api_response` event, which covers subagents, memory and compaction too; the assistant's
 * line with the same tokens is the same call told again, and a call of its own only where no event tells it.
 */
import type { Agent, Cut, Draft, Emit, Environment, Group, Line, Place, SourceInfo, Stream } from "../read/types.ts";
import { snapshot, tail } from "../read/types.ts";
import { allowAttributes } from "../record/attributes.ts";
import { fingerprint, responseFact } from "../record/identity.ts";
import { gluedObjects, type JsonObject, list, number, object, text } from "../record/json.ts";
import { providerName } from "../record/provider.ts";
import type { Usage } from "../record/schema.ts";
import { between, fromMillis, utc } from "../record/time.ts";
import { type ToolCall, toolDraft } from "../record/tool.ts";
import { summedUsage, tokensOf, totalUsage } from "../record/usage.ts";

interface State {
  /** The file's own session: a subagent's file belongs to its parent's. */
  own: string;
  subagent?: { id: string; name?: string };
  /** What the subagent's sidecar tells of its run. */
  run?: { call?: string; start?: string; status?: string; model?: string };
  /** Only tools are told: the second stream of a subagent's file. */
  toolsOnly?: boolean;
  told?: boolean;
  /** The session that the first lines were copied from, and the one that spawned this. */
  forked?: string;
  parent?: string;
  began?: string;
  last?: string;
  /** The latest line of the user or a tool: where no event tells it, the start of the call that answers it. */
  asked?: string;
  turn: number;
  /** A request has failed since the latest prompt. */
  failed?: boolean;
  /** Tokens of the calls that events have told and no assistant's line yet, and the other way round. */
  events: string[];
  answers: string[];
  tools: Record<string, ToolCall>;
  /** Tools that events have timed and whose results have not come: name, milliseconds. */
  timed: [string, number][];
}

/** One record of the file. */
interface Entry {
  readonly o: JsonObject;
  readonly key: string;
  readonly time?: string;
  readonly at: number;
}

type Common = Omit<Draft, "key" | "operation">;

/** What input, output, cached part, thoughts and their total are called in lines, events and old documents. */
interface Names {
  readonly of: readonly string[];
  readonly ending: string;
}

const IN_LINE: Names = { of: ["prompt", "candidates", "cachedContent", "thoughts", "total"], ending: "TokenCount" };
const IN_EVENT: Names = { of: ["input", "output", "cached_content", "thoughts", "total"], ending: "_token_count" };
const IN_DOCUMENT: Names = { of: ["input", "output", "cached", "thoughts", "total"], ending: "" };

/** How many calls of all agents at once may lie between the two tellings of one; and tools between event and result. */
const PAIRS = 64;
const TIMED = 16;
const FAST = 1024;

const ANSWER: readonly Cut[] = [{ from: '"message":', to: [',"usageMetadata":'] }];
const RESULT: readonly Cut[] = [
  { from: '"message":', to: [',"toolCallResult":{"callId":'] },
  { from: '"resultDisplay":', to: [',"error":{},"errorType":"'], optional: true },
];
const EVENT: readonly Cut[] = [
  { from: '"function_args":', to: [',"duration_ms":'], optional: true },
  { from: '"response_text":', to: [',"prompt_id":'], optional: true },
];

/** System records that say nothing weir keeps; titles and the like are written again and again. */
const SILENT =
  /^(?:agent_(?:bootstrap|launch_prompt|retry|session_ready)|at_command|attribution_snapshot|background_task_completed|branch_checkpoint|cron|custom_title|file_history_snapshot|goal_\w+|managed_session_\w+|notification|realtime_message|rewind|session_(?:approval_mode|artifact_\w+|model|notes|source)|slash_command)$/;
const SILENT_EVENT = /^(?:qwen-code\.)?(?:api_cancel|api_request|request_lifecycle|tool_lifecycle|user_prompt)$/;
/** `<session>#<subagent>#<round>`; the main conversation's own are made otherwise. */
const SUBAGENT_PROMPT = /^([^#]+)#([^#]+)#\d+$/;
const SUBAGENTS = "projects/*/subagents/*/agent-*.jsonl";

export const qwenCode: Agent = {
  id: "qwen-code",
  title: "Qwen Code",
  retention: "deletes nothing by itself",
  streams: [
    transcript("transcript", 50, ["projects/*/chats/*.jsonl", SUBAGENTS], start),
    // Subagents' tools are told by events of the parent's file as well, without an id that would join the two.
    transcript("subagent_tools", 40, [SUBAGENTS], (source) => ({ ...start(source), toolsOnly: true })),
    snapshot({
      kind: "legacy_chats",
      rank: 30,
      version: 1,
      locate: (environment) => placesOf(environment, ["tmp/*/chats/*.json"]),
      session: () => undefined,
      groups: { form: "json" },
      reduce,
    }),
  ],
};

function transcript(kind: string, rank: number, match: string[], begin: (source: SourceInfo) => State): Stream {
  const locate = (environment: Environment): Place[] => placesOf(environment, match);
  const session = (path: string): string | undefined => parentOf(path) ?? /([^/]+)\.jsonl$/.exec(path)?.[1];
  return tail<State>({ kind, rank, version: 1, locate, session, start: begin, step, open });
}

/** The session whose subagent a file is of. */
function parentOf(path: string): string | undefined {
  return /subagents\/([^/]+)\/[^/]+$/.exec(path)?.[1];
}

/** The runtime folder takes what is new; what was kept before it was set stays where it was. */
function placesOf({ homes, variable }: Environment, match: readonly string[]): Place[] {
  const sidecars = [{ ending: ".jsonl", beside: ".meta.json" }];
  return homes.flatMap((home) => {
    const runtime = home.own ? variable("QWEN_RUNTIME_DIR") : undefined;
    const roots = [...(runtime ? [runtime] : []), `${home.path}/.qwen`];
    return roots.map((root) => ({ root, match, sidecars }));
  });
}

function start(source: SourceInfo): State {
  const parent = parentOf(source.path);
  const state: State = { own: parent ?? source.stem, turn: -1, events: [], answers: [], tools: {}, timed: [] };
  if (parent === undefined) return state;
  const meta = object(source.sidecars[".meta.json"]) ?? {};
  const name = text(meta.subagentName) ?? text(meta.agentType);
  state.subagent = { id: text(meta.agentId) ?? source.stem.replace(/^agent-/, ""), ...(name && { name }) };
  const [call, status, model] = [text(meta.toolUseId), text(meta.status), text(meta.model)];
  return { ...state, run: { call, status, model, start: utc(meta.createdAt) } };
}

function step(state: State, line: Line, emit: Emit): void {
  const subtype = /"type":"system".{0,400}?"subtype":"(\w+)"/.exec(line.head)?.[1];
  if (state.told && subtype !== undefined && SILENT.test(subtype)) return;
  const fast = line.length > FAST ? fastRead(line, subtype) : undefined;
  for (const o of fast ? [fast] : wholeObjects(line)) {
    const time = utc(o.timestamp);
    tell(state, { o, key: text(o.uuid) ?? `${text(o.type)}@${time}`, time, at: line.offset }, emit);
  }
}

/** The line without its payload, when it is laid out as Qwen Code writes it. */
function fastRead(line: Line, subtype: string | undefined): JsonObject | undefined {
  if (line.has('}{"uuid":')) return undefined;
  if (subtype === "ui_telemetry") {
    const o = line.envelope(EVENT);
    return object(object(o?.systemPayload)?.uiEvent)?.["event.name"] === undefined ? undefined : o;
  }
  if (line.head.includes('"type":"tool_result"')) {
    const o = line.envelope(RESULT);
    return text(object(o?.toolCallResult)?.status) === undefined ? undefined : o;
  }
  if (!line.head.includes('"type":"assistant"') || line.has('"functionCall":')) return undefined;
  const o = line.envelope(ANSWER);
  return object(o?.usageMetadata) ? o : undefined;
}

function wholeObjects(line: Line): readonly JsonObject[] {
  try {
    return [line.json()];
  } catch (error) {
    const objects = gluedObjects(line.slice(0));
    if (!objects) throw error;
    return objects;
  }
}

function tell(state: State, entry: Entry, emit: Emit): void {
  const { o, time } = entry;
  if (state.subagent) {
    state.own = text(o.sessionId) ?? state.own;
    state.subagent.name ??= text(o.agentName);
    state.run = { ...state.run, start: state.run?.start ?? time };
  } else tellSession(state, entry, emit);
  state.last = time ?? state.last;
  if (o.type === "assistant") assistant(state, entry, emit);
  else if (o.type === "tool_result") toolResult(state, entry, emit);
  else if (state.toolsOnly) return;
  else if (o.type === "user") user(state, entry, emit);
  else if (o.type === "system") system(state, entry, emit);
  else emit.unknown(`type ${text(o.type) ?? ""}`);
}

/** What every record of a line has in common. */
function base(state: State, o: JsonObject): Common {
  return {
    session_id: state.own,
    agent_version: text(o.version),
    cwd: text(o.cwd),
    branch: text(o.gitBranch),
    subagent: state.subagent && { ...state.subagent },
    turn: state.turn < 0 || state.subagent ? undefined : state.turn,
  };
}

/** The session begins with its first line that is no copy; a line that names the spawner later tells it again. */
function tellSession(state: State, { o, time }: Entry, emit: Emit): void {
  const from = text(object(o.forkedFrom)?.sessionId);
  if (!state.told) state.forked ??= from;
  const parent = o.subtype === "parent_session" ? text(object(o.systemPayload)?.parentSessionId) : undefined;
  if ((state.told && (parent === undefined || parent === state.parent)) || from !== undefined) return;
  state.parent = parent ?? state.parent;
  state.began ??= time;
  state.told = true;
  emit({ ...base(state, o), ...sessionDraft(state), turn: undefined });
}

function sessionDraft({ own, parent, forked, began }: State): Draft {
  const at = { offset: 0 };
  const forked_from = forked === own ? undefined : forked;
  const lineage = { session_id: own, parent_session_id: parent, forked_from };
  return { key: "session", fact: own, operation: "session", ...lineage, time: began, at };
}

/** Thoughts are part of the output, unless the total proves that they were counted apart. */
function usageOf(value: unknown, names: Names): Usage | undefined {
  const counts = object(value) ?? {};
  const [input, output, cacheRead, reasoning, total] = names.of.map((name) => number(counts[name + names.ending]));
  const parts = { input, output, cacheRead, reasoning };
  const isApart = (reasoning ?? 0) > 0 && total === (input ?? 0) + (output ?? 0) + (reasoning ?? 0);
  const usage = isApart ? summedUsage(parts, { reasoning: true }) : totalUsage(parts);
  return tokensOf(usage) > 0 ? usage : undefined;
}

/** By what the two tellings of one call know each other: their times are milliseconds apart. */
function tokensText(usage: Usage): string {
  return `${usage.input_tokens}|${usage.output_tokens}|${usage.cache_read_input_tokens ?? 0}`;
}

/** True when the call was noted before; it is noted no more then. */
function taken(noted: string[], tokens: string): boolean {
  const at = noted.indexOf(tokens);
  if (at >= 0) noted.splice(at, 1);
  return at >= 0;
}

function note(noted: string[], tokens: string): void {
  noted.push(tokens);
  if (noted.length > PAIRS) noted.shift();
}

function assistant(state: State, entry: Entry, emit: Emit): void {
  const { o, key, time } = entry;
  if (state.toolsOnly || !state.subagent) noteTools(state, entry, emit);
  const usage = usageOf(o.usageMetadata, IN_LINE);
  if (!usage || state.toolsOnly) return;
  const tokens = tokensText(usage);
  if (!state.subagent) {
    if (taken(state.events, tokens)) return;
    note(state.answers, tokens);
  }
  const begun = state.asked ?? time;
  emit({
    ...base(state, o),
    key,
    fact: state.subagent ? fingerprint([state.own, tokens]) : key,
    operation: "chat",
    kind: "client",
    agent_name: state.subagent?.name,
    time: begun,
    end_time: time,
    duration_ms: between(begun, time),
    status: "ok",
    model: text(o.model) ?? state.run?.model,
    usage,
  });
}

function noteTools(state: State, { o, time, at }: Entry, emit: Emit): void {
  const common = base(state, o);
  for (const part of list(object(o.message)?.parts)) {
    const call = object(object(part)?.functionCall);
    const id = text(call?.id);
    if (id === undefined) continue;
    const earlier = state.tools[id];
    if (earlier) emit({ ...common, ...toolDraft(id, earlier, state.own, undefined) });
    state.tools[id] = { name: text(call?.name), start: time, turn: common.turn, at };
  }
}

/** A command that ran and ended with another code than 0 is a success here. */
function toolResult(state: State, { o, time, at }: Entry, emit: Emit): void {
  state.asked = time;
  if (state.subagent && !state.toolsOnly) return;
  const result = object(o.toolCallResult) ?? {};
  const responses = list(object(o.message)?.parts).map((part) => object(object(part)?.functionResponse));
  const told = responses.find((response) => response !== undefined);
  const id = text(result.callId) ?? text(told?.id);
  if (id === undefined) return;
  const call = state.tools[id] ?? { name: text(told?.name), at };
  delete state.tools[id];
  const status = text(result.status) ?? (object(told?.response)?.error === undefined ? "success" : "error");
  const error = text(result.errorType) ?? (status === "error" ? undefined : status);
  const draft = toolDraft(id, call, state.own, { time, failed: status !== "success", error });
  const timed = state.timed.findIndex(([name]) => name === call.name);
  const duration = timed < 0 ? undefined : state.timed.splice(timed, 1)[0]?.[1];
  emit({ ...base(state, o), ...draft, duration_ms: duration ?? draft.duration_ms });
}

/** Only what a person typed: not a subagent's task, and nothing that the agent put in. */
function user(state: State, entry: Entry, emit: Emit): void {
  const { o, key, time } = entry;
  state.asked = time;
  const isTyped = (o.provenance ?? "real_user") === "real_user" && o.subtype === undefined && o.isSidechain !== true;
  const isResult = list(object(o.message)?.parts).some((part) => object(part)?.functionResponse !== undefined);
  if (!isTyped || isResult || state.subagent) return;
  state.turn++;
  state.failed = false;
  emit({ ...base(state, o), key, fact: key, operation: "user_message", time });
}

function system(state: State, entry: Entry, emit: Emit): void {
  const { o, key, time } = entry;
  const subtype = text(o.subtype) ?? "";
  const payload = object(o.systemPayload) ?? {};
  const common = { ...base(state, o), key, fact: key, time };
  if (subtype === "ui_telemetry") event(state, entry, object(payload.uiEvent) ?? {}, emit);
  else if (subtype === "mid_turn_user_message") emit({ ...common, operation: "user_message" });
  else if (subtype === "chat_compression") {
    const { originalTokenCount, newTokenCount, compressionStatus } = object(payload.info) ?? {};
    const attributes = allowAttributes({ originalTokenCount, newTokenCount, compressionStatus });
    emit({ ...common, operation: "compaction", kind: "internal", attributes });
  } else if (subtype === "turn_result") {
    const error = object(payload.error);
    if (!error || state.failed) return; // the failed request has been told
    const error_type = text(error.type) ?? text(error.code) ?? "turn_error";
    emit({ ...common, operation: "error", kind: "client", status: "error", error_type });
  } else if (!SILENT.test(subtype) && subtype !== "parent_session") emit.unknown(`system ${subtype}`);
}

/** An event of the conversation, or of a subagent that may have no file of its own. */
function event(state: State, { o, key, time, at }: Entry, e: JsonObject, emit: Emit): void {
  const name = (text(e["event.name"]) ?? "").replace(/^qwen-code\./, "");
  const end_time = utc(e["event.timestamp"]) ?? time;
  const duration_ms = number(e.duration_ms);
  const begun = end_time && duration_ms !== undefined ? fromMillis(Date.parse(end_time) - duration_ms) : undefined;
  const [, session = state.own, agent] = SUBAGENT_PROMPT.exec(text(e.prompt_id) ?? "") ?? [];
  const by = subagentOf(e, agent);
  const common = { ...base(state, o), ...by, key, fact: key, time: begun ?? end_time, end_time, duration_ms };
  const function_name = text(e.function_name);
  if (name === "api_response") response(state, e, common, by ? session : undefined, emit);
  else if (name === "api_error") {
    state.failed = true;
    const error_type = text(e.error_type) ?? String(e.status_code ?? "api_error");
    const attributes = allowAttributes({ auth_type: e.auth_type, status_code: e.status_code });
    const request_model = text(e.model);
    emit({ ...common, operation: "error", kind: "client", status: "error", error_type, request_model, attributes });
  } else if (name === "tool_call" && by) {
    const error = text(e.error_type) ?? (e.status === "error" ? undefined : text(e.status));
    const draft = toolDraft(key, { start: begun, at }, state.own, { failed: e.success === false, error });
    emit({ ...draft, ...common, tool: { name: function_name, type: "function" } });
  } else if (name === "tool_call") {
    state.timed.push([function_name ?? "", duration_ms ?? 0]);
    if (state.timed.length > TIMED) state.timed.shift();
  } else if (!SILENT_EVENT.test(name)) emit.unknown(`event ${name}`);
}

/** The subagent that an event is of: newer versions name it, older ones only in the prompt's id. */
function subagentOf(e: JsonObject, agent: string | undefined): Common | undefined {
  const id = text(e.subagent_id) ?? agent;
  if (id === undefined) return undefined;
  const name = text(e.subagent_name) ?? text(e.subagent_type) ?? id.replace(/-[a-z0-9]{6}$/, "");
  return { subagent: { id, name }, agent_name: name, turn: undefined };
}

/** A subagent's call stands in the subagent's file too, without the response's id: there it is known by its tokens. */
function response(
  state: State,
  e: JsonObject,
  common: Common & { key: string },
  session: string | undefined,
  emit: Emit,
): void {
  const usage = usageOf(e, IN_EVENT);
  const tokens = usage && tokensText(usage);
  if (tokens !== undefined && session === undefined) {
    if (taken(state.answers, tokens)) return;
    note(state.events, tokens);
  }
  const id = text(e.response_id);
  const key = id === undefined ? common.key : responseFact(id, common.end_time);
  emit({
    ...common,
    key,
    fact: tokens !== undefined && session !== undefined ? fingerprint([session, tokens]) : key,
    operation: "chat",
    kind: "client",
    status: "ok",
    provider: providerName(text(e.auth_type)),
    model: text(e.model),
    response_id: id,
    usage,
  });
}

function open(state: State, emit: Emit): void {
  for (const [id, call] of Object.entries(state.tools))
    emit({ ...base(state, {}), ...toolDraft(id, call, state.own, undefined) });
  if (state.subagent && !state.toolsOnly) tellRun(state, state.subagent, emit);
  else if (!state.told && state.last !== undefined && !state.toolsOnly) emit(sessionDraft(state)); // only copies so far
}

function tellRun({ own, run = {}, last }: State, subagent: { id: string; name?: string }, emit: Emit): void {
  const ended = run.status === "running" || run.status === "paused" ? undefined : run.status;
  const isDone = ended === "completed";
  emit({
    key: subagent.id,
    fact: `${own}/${subagent.id}`,
    open: ended === undefined ? true : undefined,
    operation: "invoke_agent",
    kind: "internal",
    session_id: own,
    subagent: { ...subagent },
    agent_name: subagent.name,
    request_model: run.model,
    tool: run.call ? { call_id: run.call } : undefined,
    time: run.start,
    end_time: last,
    duration_ms: between(run.start, last),
    status: ended === undefined ? undefined : isDone ? "ok" : "error",
    error_type: isDone ? undefined : ended,
    at: { offset: 0 },
  });
}

/** A session as the first versions kept it: one document, its messages with their tokens. */
function reduce(group: Group, source: SourceInfo, emit: Emit): void {
  const document = object(group.document) ?? {};
  const session_id = text(document.sessionId) ?? source.stem;
  if (!Array.isArray(document.messages)) emit.unknown("document without messages");
  const began = utc(document.startTime);
  emit({ key: "session", fact: session_id, operation: "session", session_id, time: began, at: { index: 0 } });
  let turn = -1;
  list(document.messages).forEach((value, index) => {
    const m = object(value) ?? {};
    const key = text(m.id) ?? String(index);
    const time = utc(m.timestamp);
    if (m.type === "user") turn++;
    const common = { key, fact: key, session_id, time, turn: turn < 0 ? undefined : turn, at: { index } };
    if (m.type === "user") emit({ ...common, operation: "user_message" });
    const usage = usageOf(m.tokens, IN_DOCUMENT);
    if (usage) emit({ ...common, operation: "chat", kind: "client", status: "ok", model: text(m.model), usage });
    for (const item of list(m.toolCalls)) {
      const call = object(item) ?? {};
      const status = text(call.status);
      const end = status === undefined ? undefined : { failed: status !== "success" };
      const tool = { name: text(call.name), start: utc(call.timestamp) ?? time, turn: common.turn, at: 0 };
      emit({ ...toolDraft(text(call.id) ?? `${key}#${tool.name}`, tool, session_id, end), at: { index } });
    }
  });
}
