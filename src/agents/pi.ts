/**
 * Pi and the forks that keep its format: one JSONL file a session, a tree of entries that is only appended to.
 * Counting rule: a call is one assistant message with tokens, wherever it is copied to: known by its response id, else by
 * its times, model, tokens and cost, never by entry or session ids, which forks and migrations change.
 */
import type { Agent, Cut, Draft, Emit, Environment, Line, Place, SourceInfo, Stream } from "../read/types.ts";
import { tail } from "../read/types.ts";
import { allowAttributes } from "../record/attributes.ts";
import { fingerprint, responseFact } from "../record/identity.ts";
import { type JsonObject, list, number, object, text } from "../record/json.ts";
import { answer, message as messageOf, partsOf, resultOf } from "../record/messages.ts";
import { providerName } from "../record/provider.ts";
import type { Usage } from "../record/schema.ts";
import { between, timeOf } from "../record/time.ts";
import { type ToolCall, toolDraft } from "../record/tool.ts";
import { summedUsage, tokensOf } from "../record/usage.ts";

interface State {
  own: string;
  parent?: string;
  /** The subagent that this file is of. */
  agent?: string;
  cwd?: string;
  told?: boolean;
  turn: number;
  /** What a compaction's own call is made with. */
  model?: string;
  provider?: string;
  /** The latest message of the user or a tool: where its own time is missing, an answer starts there. */
  asked?: string;
  tools: Record<string, ToolCall>;
  /** The latest fingerprint, and how often other entries had it in a row. */
  same?: { print: string; id?: string; times: number };
}

/** Whom a call is made with, as far as it is known. */
type Made = Pick<State, "model" | "provider">;

/** One line's entry, and when it was written. */
interface Entry {
  readonly o: JsonObject;
  readonly id?: string;
  readonly time?: string;
  readonly at: number;
}

const FAST = 1024;

const ASSISTANT: readonly Cut[] = [{ from: '"role":"assistant","content":[', to: ['],"api":"'] }];
const TOOL_RESULT: readonly Cut[] = [
  { from: '"content":[', to: ['],"details":', '],"isError":'] },
  { from: '"details":', to: [',"isError":'], optional: true },
];
const [ASSISTANT_CONTENT] = ASSISTANT as readonly [Cut];

/** Entries that say nothing weir keeps (`child_usage_attributed` repeats what the child's own session tells). */
const SILENT: ReadonlySet<string> = new Set([
  "child_usage_attributed",
  "custom",
  "custom_message",
  "label",
  "session-artifacts",
  "session_info",
  "thinking_level_change",
  "title",
]);
/** Context that the agent itself puts among the messages; `hookMessage` is `custom` before format 3. */
const INJECTED: ReadonlySet<string> = new Set([
  "branchSummary",
  "compactionSummary",
  "custom",
  "hookMessage",
  "system",
]);

export const pi: Agent = {
  id: "pi",
  title: "Pi",
  retention: "deletes nothing by itself",
  streams: [
    transcript("transcript", locate),
    fork("omp_transcript", ".omp/agent"),
    fork("prime_transcript", ".prime/agent"),
    fork("senpi_transcript", ".senpi/agent"),
    fork("kimchi_transcript", ".config/kimchi/harness"),
    fork("gjc_transcript", ".gjc/agent", "GJC_CONFIG_DIR"),
  ],
};

function transcript(kind: string, places: (environment: Environment) => Place[]): Stream {
  return tail<State>({ kind, rank: 50, version: 1, locate: places, session: sessionOf, start, step, open });
}

/** A fork is told apart by its folder, never by its content. */
function fork(kind: string, folder: string, variable?: string): Stream {
  return transcript(kind, ({ homes, variable: value }) =>
    homes.flatMap((home) => {
      const override = home.own && variable !== undefined ? value(variable) : undefined;
      return placesOf(override ? `${override}/agent` : `${home.path}/${folder}`);
    }),
  );
}

/** The session folder of the environment holds files directly; what was kept before it was set stays where it was. */
function locate({ homes, variable }: Environment): Place[] {
  return homes.flatMap((home) => {
    const sessions = home.own ? variable("PI_CODING_AGENT_SESSION_DIR") : undefined;
    const agent = (home.own && variable("PI_CODING_AGENT_DIR")) || `${home.path}/.pi/agent`;
    const direct = { root: sessions ?? "", match: ["*.jsonl", "*/*.jsonl", "*_*/**/*.jsonl"] };
    return sessions ? [direct, ...placesOf(agent)] : placesOf(agent);
  });
}

/** Sessions lie below their working directory's folder, those of a session's subagents below a folder of its own name. */
function placesOf(agent: string): Place[] {
  return [{ root: `${agent}/sessions`, match: ["*/*.jsonl", "*/*_*/**/*.jsonl"] }];
}

/** The session in a file's name; a subagent's file has only its own name. */
function sessionOf(path: string): string | undefined {
  return /(?:^|[\\/])\d{4}-\d\d-\d\dT[^\\/_]*_([^\\/]+)\.jsonl$/.exec(path)?.[1];
}

function start(source: SourceInfo): State {
  const parent = /(?:^|\/)\d{4}-\d\d-\d\dT[^/_]*_([^/]+)\//.exec(source.path)?.[1];
  const state: State = { own: sessionOf(source.path) ?? source.stem, turn: -1, tools: {} };
  return parent ? { ...state, parent, agent: source.stem } : state;
}

function step(state: State, line: Line, emit: Emit): void {
  if (SILENT.has(/^\{"type":"([\w-]+)"/.exec(line.head)?.[1] ?? "")) return;
  const o = (line.length > FAST && !emit.captures ? fastRead(line) : undefined) ?? line.json();
  const entry: Entry = { o, id: text(o.id), time: timeOf(o.timestamp), at: line.offset };
  const type = text(o.type) ?? "";
  if (type === "session") header(state, entry, emit);
  else if (SILENT.has(type)) return;
  else if (!state.told) tellSession(state, entry.time, undefined, emit);
  if (type === "message") message(state, entry, emit);
  else if (type === "compaction" || type === "branch_summary") summary(state, entry, emit);
  else if (type === "model_change") {
    state.provider = text(o.provider) ?? state.provider;
    state.model = text(o.modelId) ?? state.model;
  } else if (type !== "session") emit.unknown(`type ${type}`);
}

/** The line without its payload, where it asks for no tool and is laid out as Pi writes it. */
function fastRead(line: Line): JsonObject | undefined {
  if (!line.head.startsWith('{"type":"message"')) return undefined;
  if (line.head.includes('"role":"assistant"')) {
    if (line.part(ASSISTANT_CONTENT)?.has('"toolCall"') !== false) return undefined;
    const o = line.envelope(ASSISTANT);
    return object(object(o?.message)?.usage) && o?.timestamp !== undefined ? o : undefined;
  }
  if (!line.head.includes('"role":"toolResult"') || line.has('"usage":')) return undefined;
  const o = line.envelope(TOOL_RESULT);
  return typeof object(o?.message)?.isError === "boolean" && o?.timestamp !== undefined ? o : undefined;
}

function base(state: State): Pick<Draft, "session_id" | "parent_session_id" | "agent_name" | "cwd" | "turn"> {
  return {
    session_id: state.own,
    parent_session_id: state.parent,
    agent_name: state.agent,
    cwd: state.cwd,
    turn: state.turn < 0 ? undefined : state.turn,
  };
}

/** Known by what it is like; another entry that is like it in every way is another fact (not so a line written twice). */
function printOf(state: State, entry: Entry, parts: readonly (string | number | undefined)[]): string {
  const print = fingerprint([entry.time, ...parts]);
  const again = state.same?.print === print ? state.same : undefined;
  const times = again ? again.times + (again.id === entry.id ? 0 : 1) : 0;
  state.same = { print, id: entry.id, times };
  return times > 0 ? `${print}#${times}` : print;
}

/** A fork names its parent's file (`branchedFrom` in format 1); a subagent's session was spawned by it. */
function header(state: State, { o, time }: Entry, emit: Emit): void {
  if (state.told) return;
  state.own = text(o.id) ?? state.own;
  state.cwd = text(o.cwd);
  state.model = text(o.modelId);
  state.provider = text(o.provider);
  const parent = sessionOf(text(o.parentSession) ?? text(o.branchedFrom) ?? "");
  if (state.agent !== undefined) state.parent = parent ?? state.parent;
  tellSession(state, time, state.agent === undefined ? parent : undefined, emit);
}

function tellSession(state: State, time: string | undefined, forked_from: string | undefined, emit: Emit): void {
  state.told = true;
  emit({ ...base(state), key: "session", fact: state.own, operation: "session", forked_from, time });
}

function message(state: State, entry: Entry, emit: Emit): void {
  const m = object(entry.o.message) ?? {};
  if (m.role === "assistant") assistant(state, entry, m, emit);
  else if (m.role === "user") prompt(state, entry, m, emit);
  else if (m.role === "toolResult") toolResult(state, entry, m, emit);
  else if (m.role === "bashExecution") shell(state, entry, m, emit);
  else if (!INJECTED.has(text(m.role) ?? "")) emit.unknown(`role ${text(m.role) ?? ""}`);
}

/** Its text is told by its length only: with two times to the millisecond it need not be known by more. */
function prompt(state: State, entry: Entry, m: JsonObject, emit: Emit): void {
  state.turn++;
  state.asked = entry.time;
  const content = Array.isArray(m.content)
    ? m.content.map((block) => text(object(block)?.text) ?? "").join()
    : m.content;
  const key = printOf(state, entry, ["user", number(m.timestamp), text(content)?.length]);
  const time = timeOf(m.timestamp) ?? entry.time;
  const input_messages = emit.keep(messageOf("user", partsOf(m.content)));
  emit({ ...base(state), key, fact: key, operation: "user_message", time, content: { input_messages } });
}

/** An answer without tokens that failed is a failed request; one that broke off after tokens were counted is a call. */
function assistant(state: State, entry: Entry, m: JsonObject, emit: Emit): void {
  const [model, provider, stop] = [text(m.model), text(m.provider), text(m.stopReason)];
  state.model = model ?? state.model;
  state.provider = provider ?? state.provider;
  noteTools(state, entry, m, emit);
  const usage = usageOf(m.usage);
  if (!usage && (stop === "pending" || stop === "deferred")) return; // the answer is an entry of its own
  const failed = stop === "error" || stop === "aborted";
  const operation = failed && !usage ? "error" : "chat";
  const begun = timeOf(m.timestamp);
  const time = begun !== undefined && begun <= (entry.time ?? begun) ? begun : (state.asked ?? entry.time);
  const [cost, responseId, reason] = [costOf(m.usage), text(m.responseId), text(m.rawStopReason) ?? stop];
  const like = ["assistant", begun, provider, model, stop, cost, JSON.stringify(usage)];
  const isNamed = responseId !== undefined && operation === "chat";
  const fact = isNamed ? responseFact(responseId, entry.time) : printOf(state, entry, like);
  emit({
    ...base(state),
    key: fact,
    fact,
    operation,
    kind: "client",
    time,
    end_time: entry.time,
    duration_ms: between(time, entry.time),
    status: failed ? "error" : "ok",
    error_type: failed ? errorType(m, stop) : undefined,
    provider: providerName(provider),
    request_model: model,
    model: text(m.responseModel) ?? model,
    response_id: responseId,
    finish_reasons: operation === "error" || reason === undefined ? undefined : [reason],
    usage,
    cost_usd: cost,
    attributes: allowAttributes({ api: m.api, thinkingLevel: m.providerThinkingLevel ?? m.thinkingLevel }),
    content: {
      output_messages: emit.keep(answer(partsOf(m.content), stop)),
      error_message: emit.keep(text(m.errorMessage)),
    },
  });
}

/** Tokens that are all zero are tokens that nobody counted. Input comes without caches, output with reasoning. */
function usageOf(value: unknown): Usage | undefined {
  const { input, output, cacheRead, cacheWrite, reasoning } = object(value) ?? {};
  const usage = summedUsage({ input, output, cacheRead, cacheCreation: cacheWrite, reasoning }, { caches: true });
  return tokensOf(usage) > 0 ? usage : undefined;
}

/** A cost of zero is an unknown price or a subscription. */
function costOf(usage: unknown): number | undefined {
  return number(object(object(usage)?.cost)?.total) || undefined;
}

/** The status that a provider's message begins with, else how the answer ended. */
function errorType(m: JsonObject, stop: string | undefined): string | undefined {
  return stop === "error" ? (/^\s*(\d{3})\b/.exec(text(m.errorMessage) ?? "")?.[1] ?? stop) : stop;
}

/** An id that comes again before its result is another call: the earlier one is told as it stands. */
function noteTools(state: State, entry: Entry, m: JsonObject, emit: Emit): void {
  for (const item of list(m.content)) {
    const block = object(item);
    const id = block?.type === "toolCall" ? text(block.id) : undefined;
    if (id === undefined) continue;
    const earlier = state.tools[id];
    if (earlier) emit({ ...base(state), ...toolDraft(id, earlier, state.own, undefined) });
    const args = emit.keep(block?.arguments);
    state.tools[id] = { name: text(block?.name), start: entry.time, turn: base(state).turn, at: entry.at, args };
  }
}

function toolResult(state: State, entry: Entry, m: JsonObject, emit: Emit): void {
  const id = text(m.toolCallId);
  state.asked = entry.time;
  if (id === undefined) {
    emit.unknown("toolResult without an id");
    return;
  }
  const call = state.tools[id] ?? { at: entry.at };
  delete state.tools[id];
  const result = emit.keep(resultOf(m.content));
  const end = { time: timeOf(m.timestamp) ?? entry.time, failed: m.isError === true, result };
  emit({ ...base(state), ...toolDraft(id, { ...call, name: call.name ?? text(m.toolName) }, state.own, end) });
  tellCall(state, entry, `tool ${id}`, m.usage, {}, emit);
}

/** A command that the person ran with `!`; no model asked for it. */
function shell(state: State, entry: Entry, m: JsonObject, emit: Emit): void {
  const key = printOf(state, entry, ["shell", number(m.timestamp), number(m.exitCode)]);
  const failed = m.cancelled === true || (number(m.exitCode) ?? 0) !== 0;
  emit({
    ...base(state),
    key,
    fact: key,
    operation: "other",
    kind: "internal",
    name: "user_shell",
    time: timeOf(m.timestamp) ?? entry.time,
    status: failed ? "error" : "ok",
    error_type: failed ? (m.cancelled === true ? "cancelled" : "exit_code") : undefined,
    attributes: allowAttributes({ exitCode: m.exitCode }),
    content: { tool_arguments: emit.keep(m.command), tool_result: emit.keep(m.output) },
  });
}

/** The summary of a compaction or of a branch that was left. Messages in `retainedTail` carry usage that was told before. */
function summary(state: State, entry: Entry, emit: Emit): void {
  const { type, tokensBefore, fromHook, usage } = entry.o;
  const output_messages = emit.keep(answer(partsOf(entry.o.summary), undefined));
  if (type === "compaction") {
    const key = printOf(state, entry, ["compaction", number(tokensBefore)]);
    const attributes = allowAttributes({ tokensBefore, fromHook });
    const common = { ...base(state), key, fact: key, time: entry.time };
    emit({ ...common, operation: "compaction", kind: "internal", attributes, content: { output_messages } });
  }
  tellCall(state, entry, "summary", usage, fromHook === true ? {} : state, emit);
}

/** A call that newer versions tell by its tokens only: a summary's own, or those that a tool made. */
function tellCall(state: State, entry: Entry, what: string, told: unknown, by: Made, emit: Emit): void {
  const usage = usageOf(told);
  if (!usage) return;
  const fact = fingerprint([entry.time, what, usage.input_tokens, usage.output_tokens]);
  emit({
    ...base(state),
    key: fact,
    fact,
    operation: "chat",
    kind: "client",
    time: entry.time,
    end_time: entry.time,
    status: "ok",
    provider: providerName(by.provider),
    request_model: by.model,
    usage,
    cost_usd: costOf(told),
  });
}

function open(state: State, emit: Emit): void {
  for (const [id, call] of Object.entries(state.tools))
    emit({ ...base(state), ...toolDraft(id, call, state.own, undefined) });
}
