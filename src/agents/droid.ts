/**
 * Factory droid: one JSONL file a session, and beside it the session's settings with its sums of tokens.
 * Counting rule: tokens are known only as a session's own sum (`tokenUsage`, never the inclusive one), told with its run;
 * a call is one message of the assistant, without tokens, wherever a fork copies it to.
 */
import type { Agent, Draft, Emit, Environment, Line, Place, Reads, SourceInfo } from "../read/types.ts";
import { tail, whole } from "../read/types.ts";
import { allowAttributes } from "../record/attributes.ts";
import { type JsonObject, list, number, object, text, under } from "../record/json.ts";
import { answer, partsOf, resultOf, message as roleMessage, structured, textPart } from "../record/messages.ts";
import { providerName } from "../record/provider.ts";
import type { Scalars, Usage } from "../record/schema.ts";
import { between, utc } from "../record/time.ts";
import { type ToolCall, toolDraft } from "../record/tool.ts";
import { summedUsage, tokensOf } from "../record/usage.ts";

interface State {
  session: string;
  cwd?: string;
  /** The session it is a fork of, and the message that the copied ones end with. */
  forked?: string;
  forkedAt?: string;
  /** When the last of the copied messages was written. */
  copied?: string;
  /** The session whose tool call started it. */
  parent?: string;
  parentCall?: string;
  /** A line of droid's has been read; the session has been told. */
  seen?: boolean;
  told?: boolean;
  began?: string;
  last?: string;
  /** The latest message of the user or a tool: the start of the call that answers it. */
  asked?: string;
  model?: string;
  turn: number;
  tools: Record<string, ToolCall>;
  /** What the settings told when reading began; when they change it begins again. */
  settings: { model?: string; provider?: string; usage?: Usage; attributes?: Scalars };
}

/** One message, and where it stands. */
interface Message {
  readonly m: JsonObject;
  readonly id: string;
  readonly time?: string;
  readonly at: number;
}

const SETTINGS = ".settings.json";
/** How many characters of a text tell whether the agent put it there. */
const SHOWN = 80;

const READS: Reads = {
  keys: {
    ...whole("type", "timestamp", "id"),
    message: {
      ...whole("role", "modelId", "openaiMessageId", "reasoningEffort", "visibility"),
      content: { ...whole("type", "id", "name", "tool_use_id", "is_error"), "": SHOWN, text: SHOWN },
    },
    ...whole("cwd", "parent", "forkedAtMessageId", "callingSessionId", "callingToolUseId"),
    ...whole("summaryKind", "summaryTokens", "removedCount", "reason", "turnId"),
  },
};

const SILENT: ReadonlySet<string> = new Set(["todo_state", "session_end"]);
/** What the agent puts among a person's words. */
const INJECTED = /^\s*(?:<system-reminder>|Contents of )/;
/** How a turn ends that the person neither stopped nor refused. */
const FAILED = /^(?:error$|(?:completion|custom_model|model|no_approver|prompt|structured_output)_)/;

export const droid: Agent = {
  id: "droid",
  title: "Factory droid",
  retention: "deletes nothing by itself",
  streams: [
    tail<State>({ kind: "transcript", rank: 50, version: 3, reads: READS, locate, session: stem, start, step, open }),
  ],
};

function stem(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1).replace(/\.jsonl$/, "");
}

/** Older sessions lie directly in the folder. */
function locate({ homes, variable }: Environment): Place[] {
  return homes.map((home) => {
    const path = variable("FACTORY_HOME_OVERRIDE") || home.path;
    const factory = variable("FACTORY_DIR") || `${path}/.factory`;
    return {
      root: `${factory}/sessions`,
      match: ["*.jsonl", "*/*.jsonl"],
      sidecars: [{ ending: ".jsonl", beside: SETTINGS }],
    };
  });
}

function start(source: SourceInfo): State {
  const told = object(source.sidecars[SETTINGS]) ?? {};
  const { assistantActiveTimeMs, autonomyMode, reasoningEffort } = told;
  const provider = text(told.providerLock);
  const settings = {
    model: text(told.model),
    provider,
    usage: usageOf(told.tokenUsage, provider),
    attributes: allowAttributes({ assistantActiveTimeMs, autonomyMode, reasoningEffort }),
  };
  return { session: source.stem, turn: -1, tools: {}, settings };
}

/**
 * Input is counted without caches, output with thinking. Thinking of Anthropic's models is an estimate of the agent's
 * own, and zero where the provider tells none.
 */
function usageOf(value: unknown, provider: string | undefined): Usage | undefined {
  const { inputTokens, outputTokens, cacheReadTokens, cacheCreationTokens, thinkingTokens } = object(value) ?? {};
  const reasoning = provider === "anthropic" ? undefined : number(thinkingTokens) || undefined;
  const usage = summedUsage(
    {
      input: inputTokens,
      output: outputTokens,
      cacheRead: cacheReadTokens,
      cacheCreation: cacheCreationTokens,
      reasoning,
    },
    { caches: true },
  );
  return tokensOf(usage) > 0 ? usage : undefined;
}

function step(state: State, line: Line, emit: Emit): void {
  const o = line.json();
  const type = text(o.type) ?? "";
  const time = utc(o.timestamp);
  const at = line.offset;
  if (type === "session_start") header(state, o);
  else if (type === "message")
    message(state, { m: object(o.message) ?? {}, id: text(o.id) ?? `@${time ?? at}`, time, at }, emit);
  else if (type === "compaction_state") compaction(state, o, time, emit);
  else if (type === "agent_turn_outcome") outcome(state, o, emit);
  else if (!SILENT.has(type)) {
    emit.unknown(`type ${type}`);
    return;
  }
  state.seen = true;
}

/** A fork names the message that it goes on from; a subagent's session names the session and call that started it. */
function header(state: State, o: JsonObject): void {
  state.session = text(o.id) ?? state.session;
  state.cwd = text(o.cwd);
  state.forked = text(o.parent);
  state.forkedAt = text(o.forkedAtMessageId);
  state.parent = text(o.callingSessionId);
  state.parentCall = text(o.callingToolUseId);
}

function base(state: State): Pick<Draft, "session_id" | "parent_session_id" | "cwd" | "turn"> {
  const turn = state.turn < 0 ? undefined : state.turn;
  return { session_id: state.session, parent_session_id: state.parent, cwd: state.cwd, turn };
}

/** The session begins with its first message that is no copy; until there is one, after the last copied one. */
function tellSession(state: State, emit: Emit): void {
  const at = { offset: 0 };
  const forked_from = state.forked;
  const of = { ...base(state), forked_from, time: state.began ?? state.copied, turn: undefined, at };
  emit({ ...of, key: "session", fact: state.session, operation: "session" });
}

function message(state: State, one: Message, emit: Emit): void {
  const { m, id, time } = one;
  const isCopy = state.forkedAt !== undefined;
  if (id === state.forkedAt) {
    state.forkedAt = undefined;
    state.copied = time;
  }
  if (!isCopy && !state.told && time !== undefined) {
    state.told = true;
    state.began = time;
    tellSession(state, emit);
  }
  if (!isCopy) state.last = time ?? state.last;
  if (m.role === "assistant") assistant(state, one, emit);
  else if (m.role === "user") user(state, one, emit);
  else emit.unknown(`role ${text(m.role) ?? ""}`);
}

function assistant(state: State, { m, id, time, at }: Message, emit: Emit): void {
  const responseId = text(m.openaiMessageId);
  state.model = text(m.modelId) ?? state.model;
  const begun = state.asked ?? time;
  emit({
    ...base(state),
    key: id,
    fact: id,
    operation: "chat",
    kind: "client",
    time: begun,
    end_time: time,
    duration_ms: between(begun, time),
    status: "ok",
    request_model: text(m.modelId),
    // Of OpenAI's Responses it is the id of the message in the response.
    response_id: responseId?.startsWith("msg_") ? undefined : responseId,
    attributes: allowAttributes({ reasoningEffort: m.reasoningEffort }),
    content: { output_messages: emit.keep(answer(partsOf(m.content), undefined)) },
  });
  for (const item of list(m.content)) {
    const block = object(item);
    const call = block?.type === "tool_use" ? text(block.id) : undefined;
    if (call === undefined) continue;
    const earlier = under(state.tools, call);
    if (earlier) emit({ ...base(state), ...toolDraft(call, earlier, state.session, undefined) });
    const args = emit.keep(structured(block?.input));
    state.tools[call] = { name: text(block?.name), start: time, turn: base(state).turn, at, args };
  }
}

/** A message that the person typed begins a turn; what is meant for one side only nobody typed. */
function user(state: State, { m, id, time, at }: Message, emit: Emit): void {
  state.asked = time ?? state.asked;
  let hasResult = false;
  for (const item of list(m.content)) {
    const block = object(item);
    if (block?.type !== "tool_result") continue;
    hasResult = true;
    const call = text(block.tool_use_id);
    if (call === undefined) {
      emit.unknown("result without an id");
      continue;
    }
    const known = under(state.tools, call) ?? { at };
    delete state.tools[call];
    const end = { time, failed: block.is_error === true, result: emit.keep(resultOf(block.content)) };
    emit({ ...base(state), ...toolDraft(call, known, state.session, end) });
  }
  if (hasResult || m.visibility !== undefined || state.parent !== undefined) return;
  const said = (typeof m.content === "string" ? [m.content] : list(m.content)).filter((block) => !isInjected(block));
  if (said.length === 0) return;
  state.turn++;
  const input_messages = emit.keep(roleMessage("user", partsOf(said)));
  emit({ ...base(state), key: id, fact: id, operation: "user_message", time, content: { input_messages } });
}

function isInjected(block: unknown): boolean {
  const said = typeof block === "string" ? block : text(object(block)?.text);
  return INJECTED.test(said?.slice(0, SHOWN) ?? "");
}

function compaction(state: State, o: JsonObject, time: string | undefined, emit: Emit): void {
  const key = text(o.id) ?? `compaction@${time}`;
  const { summaryKind, summaryTokens, removedCount } = o;
  const attributes = allowAttributes({ summaryKind, summaryTokens, removedCount });
  const output_messages = emit.keep(answer([textPart(o.summaryText)], undefined));
  const what = { operation: "compaction", kind: "internal", content: { output_messages } } as const;
  emit({ ...base(state), key, fact: key, time, attributes, ...what });
}

/** How a turn ended; without a time of its own. */
function outcome(state: State, o: JsonObject, emit: Emit): void {
  const error_type = text(o.reason) ?? "";
  if (!FAILED.test(error_type)) return;
  const key = text(o.turnId) ?? `outcome@${state.last}`;
  const what = { ...base(state), key, fact: key, time: state.last, status: "error" as const, error_type };
  emit({ ...what, operation: "error", kind: "client", request_model: state.model });
}

/** The session's sum is told as its run. Sessions that were never used have none. */
function open(state: State, emit: Emit): void {
  for (const [id, call] of Object.entries(state.tools))
    emit({ ...base(state), ...toolDraft(id, call, state.session, undefined) });
  if (!state.seen) return;
  if (!state.told) tellSession(state, emit);
  const { usage, model, provider, attributes } = state.settings;
  if (!usage) return;
  emit({
    ...base(state),
    key: "run",
    fact: `${state.session}/run`,
    operation: "invoke_agent",
    kind: "internal",
    time: state.began,
    end_time: state.last,
    duration_ms: between(state.began, state.last),
    turn: undefined,
    provider: providerName(provider),
    request_model: model ?? state.model,
    usage,
    aggregate: true,
    tool: state.parentCall === undefined ? undefined : { call_id: state.parentCall },
    attributes,
    at: { offset: 0 },
  });
}
