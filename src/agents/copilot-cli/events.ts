/**
 * The log of a session's events, its subagents' among them. Since late 2026 each call has a usage record; before, a call
 * is told by its message alone, without tokens, and the session's end tells their sums.
 */
import type { Cut, Line, SourceInfo, Stream } from "../../read/types.ts";
import { tail } from "../../read/types.ts";
import { allowAttributes } from "../../record/attributes.ts";
import type { Draft, Emit } from "../../record/draft.ts";
import { type JsonObject, number, object, text } from "../../record/json.ts";
import { providerName } from "../../record/provider.ts";
import type { Usage } from "../../record/schema.ts";
import { between, utc } from "../../record/time.ts";
import { totalUsage } from "../../record/usage.ts";
import { callFact, costOf } from "./facts.ts";
import { agentEnd, agentStart, hookEnd, hookStart, toolEnd, toolStart } from "./runs.ts";
import { agentOf, base, KNOWN_AGENTS, type Now, type State } from "./state.ts";
import { startOf } from "./store.ts";
import { addSums, addUsed, noSums, noteCall, tellSums } from "./sums.ts";

const FAST = 1024;
const TYPE = /^\{"type":"([\w.]+)"/;
const TOOL_START: readonly Cut[] = [{ from: '"arguments":', to: [',"model":"', '},"agentId":"', '},"id":"'] }];
const TOOL_END: readonly Cut[] = [{ from: '"result":', to: ['},"agentId":"', '},"id":"'] }];

/** Events that say nothing weir keeps. Anything else that is not handled is counted as unknown. */
const SILENT =
  /^(?:abort|assistant\.(?:intent|reasoning|turn_end)|command\.\w+|elicitation\.\w+|exit_plan_mode\.\w+|external_tool\.\w+|mcp\.\w+|permission\.\w+|sampling\.\w+|session\.(?:auto_mode_resolved|background_tasks_changed|context_cleared|custom_agents_updated|handoff|idle|import_legacy|info|mode_changed|permissions_changed|plan_changed|remote_steerable_changed|skills_loaded|task_complete|title_changed|tools_updated|truncation|usage_checkpoint|usage_info|warning|workspace_file_changed)|skill\.\w+|subagent\.(?:configured|deselected|selected)|system\.\w+|tool\.(?:execution_partial_result|execution_progress|user_requested)|user_input\.\w+)$/;

export function eventStream(locate: Stream["locate"], rank: number): Stream {
  return tail<State>({ kind: "events", rank, version: 2, locate, session: sessionOf, start, step, open });
}

/** A session's folder, or its file in older versions, bears its id. */
function sessionOf(path: string): string | undefined {
  return /(?:^|\/)session-state\/([^/]+?)(?:\/events)?\.jsonl$/.exec(path)?.[1];
}

function start(source: SourceInfo): State {
  const none = { names: {}, models: {}, turns: {}, tools: {}, agents: {}, hooks: {}, sums: noSums() };
  return { session: sessionOf(source.path) ?? source.stem, turn: -1, ...none };
}

function step(state: State, line: Line, emit: Emit): void {
  const type = TYPE.exec(line.head)?.[1];
  if (type !== undefined && isSilent(state, type)) return;
  const o = (line.length > FAST ? bare(type, line) : undefined) ?? line.json();
  const now: Now = {
    state,
    o,
    data: object(o.data) ?? {},
    time: utc(o.timestamp),
    at: { offset: line.offset },
    emit,
  };
  const name = text(o.type) ?? "";
  if (isSilent(state, name)) return;
  const handle = Object.hasOwn(HANDLERS, name) ? HANDLERS[name] : undefined;
  if (!state.told && handle !== context) tellSession(now, {});
  if (handle) handle(now);
  else emit.unknown(`type ${name}`);
}

const isSilent = (state: State, type: string): boolean =>
  SILENT.test(type) || (state.records === true && type === "assistant.message");

/** The line without what a tool was given and gave. */
function bare(type: string | undefined, line: Line): JsonObject | undefined {
  const cuts = type === "tool.execution_start" ? TOOL_START : type === "tool.execution_complete" ? TOOL_END : undefined;
  const o = cuts && line.envelope(cuts);
  return object(o?.data)?.toolCallId !== undefined && o?.timestamp !== undefined ? o : undefined;
}

const HANDLERS: Readonly<Record<string, (now: Now) => void>> = {
  "assistant.message": message,
  "assistant.turn_start": (now) => {
    if (now.time !== undefined) now.state.turns[agentOf(now) ?? ""] = now.time;
  },
  "hook.end": hookEnd,
  "hook.start": hookStart,
  "session.compaction_complete": compacted,
  "session.compaction_start": compacting,
  "session.context_changed": context,
  "session.error": failure,
  "session.model_change": ({ state, o, data }) => {
    useModel(state, text(o.agentId), text(data.newModel));
  },
  "session.resume": context,
  "session.shutdown": shutdown,
  "session.start": context,
  "session.usage_record": usageRecord,
  "subagent.completed": agentEnd,
  "subagent.failed": agentEnd,
  "subagent.started": agentStart,
  "tool.execution_complete": toolEnd,
  "tool.execution_start": toolStart,
  "user.message": prompt,
};

/** Where the session stands; a resumed one may stand elsewhere. */
function context(now: Now): void {
  const { state, data } = now;
  const place = object(data.context) ?? data;
  state.session = text(data.sessionId) ?? state.session;
  state.version = text(data.copilotVersion) ?? state.version;
  state.cwd = text(place.cwd) ?? state.cwd;
  state.branch = text(place.branch) ?? state.branch;
  useModel(state, undefined, text(data.selectedModel));
  if (!state.told) tellSession(now, place);
}

/** Of an agent that has not told its model it stays unknown. */
function useModel({ models }: State, agent: string | undefined, model: string | undefined): void {
  const key = agent ?? "";
  if (model !== undefined && (key in models || Object.keys(models).length < KNOWN_AGENTS)) models[key] = model;
}

function tellSession(now: Now, place: JsonObject): void {
  const { state, data, time } = now;
  const [host, name] = [text(place.repositoryHost), text(place.repository)];
  state.told = true;
  state.began = utc(data.startTime) ?? time;
  now.emit({
    ...base(now),
    key: "session",
    fact: state.session,
    operation: "session",
    parent_session_id: text(data.detachedFromSpawningParentSessionId),
    time: state.began,
    subagent: undefined,
    repository: host && name && !name.includes("://") ? `https://${host}/${name}` : name,
  });
}

/** Subagents are asked by models; skills and the autopilot speak for themselves. */
function prompt(now: Now): void {
  const { state, o, data, time } = now;
  const source = text(data.source);
  if (text(o.agentId) !== undefined || data.isAutopilotContinuation === true) return;
  if (source !== undefined && source !== "user") return;
  state.turn++;
  const key = text(data.messageId) ?? text(o.id) ?? `message@${time}`;
  now.emit({ ...base(now), key, fact: key, operation: "user_message", time });
}

/** Tokens are totals: caches and reasoning are parts of them. Older versions have shorter names for a compaction's. */
function usageOf(u: JsonObject): Usage | undefined {
  return totalUsage({
    input: u.inputTokens ?? u.input,
    output: u.outputTokens ?? u.output,
    cacheRead: u.cacheReadTokens ?? u.cachedInput,
    cacheCreation: u.cacheWriteTokens,
    reasoning: u.reasoningTokens,
  });
}

function usageRecord(now: Now): void {
  const { state, data, time } = now;
  const u = object(data.usage) ?? {};
  const [model, id, finish] = [u.model, u.apiCallId, u.finishReason].map(text);
  if (!state.records && state.sums.untold) tellRuns(state, now.emit); // an older version's run, which had no end
  state.records = true;
  call(now, id ?? text(now.o.id), u, {
    response_id: id,
    model,
    provider: providerName(text(u.providerType) ?? text(u.modelProvider)),
    ttft_ms: number(u.timeToFirstTokenMs),
    finish_reasons: finish === undefined ? undefined : [finish],
    cost_usd: costOf(u.totalNanoAiu ?? object(u.copilotUsage)?.totalNanoAiu, time),
    attributes: allowAttributes({
      initiator: u.initiator,
      apiEndpoint: u.apiEndpoint,
      reasoningEffort: u.reasoningEffort,
      maxOutputTokens: u.maxOutputTokens,
      maxPromptTokens: u.maxPromptTokens,
    }),
  });
}

/** A call that ended with this line. */
function call(now: Now, id: string | undefined, u: JsonObject, more: Partial<Draft>): void {
  const { state, time } = now;
  const usage = usageOf(u);
  const duration = number(u.duration);
  now.emit({
    ...base(now),
    key: id ?? `call@${time}`,
    fact: callFact({ session: state.session, model: more.model, usage, duration }),
    operation: "chat",
    kind: "client",
    time: startOf(time, duration),
    end_time: time,
    duration_ms: duration,
    status: "ok",
    request_model: more.model,
    usage,
    ...more,
  });
}

/** A call as its message tells it, when nothing else does. What the agent says by itself has no model and no tokens. */
function message(now: Now): void {
  const { state, data, time } = now;
  const [call, told, output] = [text(data.apiCallId), text(data.model), number(data.outputTokens)];
  const id = call ?? text(data.messageId);
  if (id === undefined || (call === undefined && told === undefined && output === undefined)) return;
  const agent = agentOf(now) ?? "";
  const model = told ?? state.models[agent];
  if (state.message !== id) noteCall(state.sums, model, output);
  state.message = id;
  const began = state.turns[agent];
  now.emit({
    ...base(now),
    key: id,
    fact: id,
    operation: "chat",
    kind: "client",
    time: began ?? time,
    end_time: time,
    duration_ms: between(began, time),
    status: "ok",
    request_model: model,
    model: told,
    response_id: call,
  });
}

function compacting(now: Now): void {
  const { data, o, time } = now;
  const key = text(data.compactionAttemptId) ?? text(o.id) ?? `compaction@${time}`;
  now.state.compaction = { ...base(now), key, fact: key, operation: "compaction", kind: "internal", time };
}

/** The summary is a call of its own, which no usage record tells, and no sum at the session's end. */
function compacted(now: Now): void {
  const { state, data, o, time } = now;
  const begun = state.compaction;
  const key = text(data.compactionAttemptId) ?? begun?.key ?? text(o.id) ?? `compaction@${time}`;
  state.compaction = undefined;
  now.emit({
    ...base(now),
    key,
    fact: key,
    operation: "compaction",
    kind: "internal",
    time: begun?.time ?? time,
    end_time: time,
    duration_ms: between(begun?.time, time),
    status: data.success === false ? "error" : "ok",
    error_type: data.success === false ? "compaction_failed" : undefined,
    attributes: allowAttributes({
      trigger: data.trigger,
      preCompactionTokens: data.preCompactionTokens,
      postCompactionTokens: data.postCompactionTokens,
    }),
  });
  const used = object(data.compactionTokensUsed) ?? {};
  const model = text(used.model) ?? text(data.behaviorModelId) ?? text(data.model);
  const usage = usageOf(used);
  if (!usage) return;
  const attributes = allowAttributes({ initiator: "compaction" });
  if (state.records) call(now, `compaction ${key}`, used, { model, attributes });
  else {
    addUsed(state.sums, model, usage);
    call(now, `compaction ${key}`, { duration: used.duration }, { fact: key, model, attributes });
  }
}

function failure(now: Now): void {
  const { data, o, time } = now;
  const key = text(o.id) ?? `error@${time}`;
  const attributes = allowAttributes({ statusCode: number(data.statusCode) });
  const error_type = text(data.errorType) ?? text(data.errorCode) ?? "error";
  const own = { ...base(now), key, fact: key, time, error_type, attributes } as const;
  now.emit({ ...own, operation: "error", kind: "client", status: "error" });
}

/** The sums of a session's models. Where its calls are told with their tokens, they only repeat them. */
function shutdown({ state, data, time, emit }: Now): void {
  state.ended = time ?? state.ended;
  addSums(state.sums, object(data.modelMetrics) ?? {});
  if (!state.records) tellRuns(state, emit);
}

function tellRuns({ session, began, ended, cwd, version, sums }: State, emit: Emit): void {
  const more = { time: began, end_time: ended, cwd, agent_version: version, at: { offset: 0 } };
  tellSums(sums, session, more, emit);
}

function open(state: State, emit: Emit): void {
  for (const drafts of [state.tools, state.agents, state.hooks])
    for (const draft of Object.values(drafts)) emit({ ...draft, open: true });
  if (state.compaction) emit({ ...state.compaction, open: true });
  if (state.sums.untold && !state.records) tellRuns(state, emit);
}
