/** The log of a session's events, its subagents' among them. A fork's begins with the events that it comes from. */
import type { Line, SourceInfo, Stream } from "../../read/types.ts";
import { tail } from "../../read/types.ts";
import { allowAttributes } from "../../record/attributes.ts";
import type { Draft, Emit } from "../../record/draft.ts";
import { type JsonObject, number, object, text } from "../../record/json.ts";
import { instructions, message as roleMessage, textPart } from "../../record/messages.ts";
import { utc } from "../../record/time.ts";
import { compacted, compacting, message, usageRecord } from "./calls.ts";
import { READS } from "./reads.ts";
import { agentEnd, agentStart, hookEnd, hookStart, toolEnd, toolStart } from "./runs.ts";
import { agentOf, base, KNOWN_AGENTS, type Now, type State } from "./state.ts";
import { addSums, leaveRun, noSums, tellSums } from "./sums.ts";

/** Events that say nothing weir keeps. Anything else that is not handled is counted as unknown. */
const SILENT =
  /^(?:abort|assistant\.(?:intent|reasoning|turn_end)|command\.\w+|elicitation\.\w+|exit_plan_mode\.\w+|external_tool\.\w+|mcp\.\w+|permission\.\w+|sampling\.\w+|session\.(?:auto_mode_resolved|background_tasks_changed|context_cleared|custom_agents_updated|handoff|idle|import_legacy|info|mode_changed|permissions_changed|plan_changed|remote_steerable_changed|skills_loaded|task_complete|title_changed|tools_updated|truncation|usage_checkpoint|usage_info|warning|workspace_file_changed)|skill\.\w+|subagent\.(?:configured|deselected|selected)|system\.notification|tool\.(?:execution_partial_result|execution_progress|user_requested)|user_input\.\w+)$/;
/** Events whose texts are kept, also where nothing else is told of them. */
const TEXTS: ReadonlySet<string> = new Set(["assistant.message", "system.message"]);

export function eventStream(locate: Stream["locate"], rank: number): Stream {
  return tail<State>({ kind: "events", rank, version: 4, reads: READS, locate, session: sessionOf, start, step, open });
}

/** A session's folder, or its file in older versions, bears its id. */
function sessionOf(path: string): string | undefined {
  return /(?:^|\/)session-state\/([^/]+?)(?:\/events)?\.jsonl$/.exec(path)?.[1];
}

function start(source: SourceInfo): State {
  const none = { seen: [], ids: [], told: [], names: {}, models: {}, turns: {}, sums: noSums() };
  return { session: sessionOf(source.path) ?? source.stem, turn: -1, ...none, tools: {}, agents: {}, hooks: {} };
}

function step(state: State, line: Line, emit: Emit): void {
  const o = line.json();
  const now: Now = {
    state,
    o,
    data: object(o.data) ?? {},
    time: utc(o.timestamp),
    at: { offset: line.offset },
    emit,
  };
  const name = text(o.type) ?? "";
  const says = !isSilent(state, name);
  if (says || state.copies === "next") findCopies(state, now.time);
  if (!says && !(emit.captures && TEXTS.has(name))) return;
  const handle = Object.hasOwn(HANDLERS, name) ? HANDLERS[name] : undefined;
  if (says && handle && !state.opening && handle !== context) tellSession(now, {});
  if (handle) handle(now);
  else emit.unknown(`type ${name}`);
}

/** Events that nothing is told of, but for their texts. */
function isSilent({ records }: State, type: string): boolean {
  return SILENT.test(type) || type === "system.message" || (records === true && type === "assistant.message");
}

/** The line after a fork's first is older than the fork; its copies end with the first line that is not. */
function findCopies(state: State, time: string | undefined): void {
  if (state.copies === undefined || time === undefined) return;
  state.copies = time < (state.opening?.time ?? "") ? "here" : undefined;
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
  "session.usage_record": (now) => {
    const { state, emit } = now;
    if (!state.records && state.sums.untold) tellRuns(state, emit); // an older version's run, which had no end
    usageRecord(now);
  },
  "subagent.completed": agentEnd,
  "subagent.failed": agentEnd,
  "subagent.started": agentStart,
  "system.message": instructed,
  "tool.execution_complete": toolEnd,
  "tool.execution_start": toolStart,
  "user.message": prompt,
};

/** Where the session stands; a resumed one may stand elsewhere. */
function context(now: Now): void {
  const { state, o, data } = now;
  // A session that somebody joins is still in the run that it was in, and one that is in use goes on with it elsewhere.
  const goesOn = data.sessionWasActive === true || data.alreadyInUse === true;
  if (o.type === "session.resume" && !goesOn) leaveRun(state.sums);
  const place = object(data.context) ?? data;
  state.session = text(data.sessionId) ?? state.session;
  state.version = text(data.copilotVersion) ?? state.version;
  state.cwd = text(place.cwd) ?? state.cwd;
  state.branch = text(place.branch) ?? state.branch;
  useModel(state, undefined, text(data.selectedModel));
  if (!state.opening) tellSession(now, place);
}

/** Of an agent that has not told its model it stays unknown. */
function useModel({ models }: State, agent: string | undefined, model: string | undefined): void {
  const key = agent ?? "";
  if (model !== undefined && (Object.hasOwn(models, key) || Object.keys(models).length < KNOWN_AGENTS))
    models[key] = model;
}

function tellSession(now: Now, place: JsonObject): void {
  const { state, o, data, time } = now;
  const [host, name] = [text(place.repositoryHost), text(place.repository)];
  const opening: Draft = {
    ...base(now),
    key: "session",
    fact: state.session,
    operation: "session",
    parent_session_id: text(data.detachedFromSpawningParentSessionId),
    time: utc(data.startTime) ?? time,
    subagent: undefined,
    repository: host && name && !name.includes("://") ? `https://${host}/${name}` : name,
  };
  state.opening = opening;
  if (o.type === "session.start") state.copies = "next";
  now.emit(opening);
}

/** The instructions that the session's own agent works by, told with the session. */
function instructed(now: Now): void {
  const { state, data, emit } = now;
  if (agentOf(now) !== undefined || !state.opening || state.copies === "here") return;
  emit({ ...state.opening, content: { system_instructions: emit.keep(instructions(data.content)) } });
}

/** Subagents are asked by models; skills and the autopilot speak for themselves. */
function prompt(now: Now): void {
  const { state, o, data, time } = now;
  const source = text(data.source);
  if (text(o.agentId) !== undefined || data.isAutopilotContinuation === true) return;
  if (source !== undefined && source !== "user") return;
  state.turn++;
  const key = text(data.messageId) ?? text(o.id) ?? `message@${time}`;
  const input_messages = now.emit.keep(roleMessage("user", [textPart(data.content)]));
  now.emit({ ...base(now), key, fact: key, operation: "user_message", time, content: { input_messages } });
}

function failure(now: Now): void {
  const { data, o, time } = now;
  const key = text(o.id) ?? `error@${time}`;
  const attributes = allowAttributes({ statusCode: number(data.statusCode) });
  const error_type = text(data.errorType) ?? text(data.errorCode) ?? "error";
  const own = { ...base(now), key, fact: key, time, error_type, attributes } as const;
  const content = { error_message: now.emit.keep(text(data.message)) };
  now.emit({ ...own, operation: "error", kind: "client", status: "error", content });
}

/** The sums of a session's models. Where its calls are told with their tokens, they only repeat them. */
function shutdown({ state, data, time, emit }: Now): void {
  if (state.copies === "here") return;
  state.ended = time ?? state.ended;
  addSums(state.sums, object(data.modelMetrics) ?? {});
  if (!state.records) tellRuns(state, emit);
}

function tellRuns({ session, opening, ended, cwd, version, sums }: State, emit: Emit): void {
  const more = { time: opening?.time, end_time: ended, cwd, agent_version: version, at: { offset: 0 } };
  tellSums(sums, session, more, emit);
}

function open(state: State, emit: Emit): void {
  for (const drafts of [state.tools, state.agents, state.hooks])
    for (const draft of Object.values(drafts)) emit({ ...draft, open: true });
  if (state.compaction) emit({ ...state.compaction, open: true });
  if (state.sums.untold && !state.records) tellRuns(state, emit);
}
