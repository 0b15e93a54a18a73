/**
 * The debug log: one JSONL file a session and one for each of its children, written as spans end, also without
 * telemetry. Its span ids begin again in every window then, so an entry is known by its run and its start as well.
 */
import type { Draft, Emit, Line, Reads, SourceInfo, Stream } from "../../read/types.ts";
import { tail, whole } from "../../read/types.ts";
import { allowAttributes, GEN_AI } from "../../record/attributes.ts";
import { type JsonObject, number, object, text } from "../../record/json.ts";
import type { Content } from "../../record/schema.ts";
import { markedIn, messagesIn } from "../../record/span-content.ts";
import { isRandomSpanId } from "../../record/spans.ts";
import { fromMillis } from "../../record/time.ts";
import { totalUsage } from "../../record/usage.ts";
import { callFact } from "./facts.ts";

interface State {
  /** The session of the file, a child's own; empty until an entry says it. */
  own: string;
  /** A child's file name, which begins with what the child is. */
  stem?: string;
  /** The session whose child this is. */
  parent?: string;
  /** A child that is no subagent: a title, a progress message. Its calls belong to no session. */
  helper?: boolean;
  version?: string;
  turn: number;
  /** The call that was told last, for its answer; only where texts are captured. */
  call?: { readonly spanId: string; readonly draft: Draft };
}

const READS: Reads = {
  keys: {
    ...whole("type", "ts", "dur", "sid", "rIdx", "spanId", "name", "status"),
    attrs: {
      ...whole("copilotVersion", "vscodeVersion", "parentSessionId", "label"),
      ...whole("model", "debugName", "responseId", "inputTokens", "outputTokens", "cachedTokens", "ttft"),
      ...whole("maxTokens", "temperature", "topP", "copilotUsageNanoAiu", "resultKind", "agentName"),
    },
  },
};
const ANSWER = "agent_response";
const SILENT: ReadonlySet<string> = new Set(["child_session_ref", "discovery", "generic", "turn_end", "turn_start"]);

/** The debug logs of these places. */
export function debugLogStream(locate: Stream["locate"], rank: number): Stream {
  return tail<State>({
    kind: "debug_log",
    rank,
    moments: true,
    version: 3,
    reads: READS,
    locate,
    session: (path) => /debug-logs\/([^/]+?)(?:\.jsonl)?(?:\/|$)/.exec(path)?.[1],
    start,
    step,
    open() {},
  });
}

/** `<session>/main.jsonl`, `<session>/<label>-<child>.jsonl`, or in older builds `<session>.jsonl`. */
function start({ path, stem }: SourceInfo): State {
  const folder = /debug-logs\/([^/]+)\//.exec(path)?.[1];
  if (!path.includes("debug-logs/")) return { own: "", turn: -1 }; // named by hand: its entries say whose they are
  if (folder === undefined) return { own: stem, turn: -1 };
  return stem === "main" ? { own: folder, turn: -1 } : { own: "", stem, parent: folder, turn: -1 };
}

function step(state: State, line: Line, emit: Emit): void {
  const o = line.json();
  const told = text(o.type) ?? "";
  const attrs = object(o.attrs) ?? {};
  if (told === ANSWER) answered(state, o, attrs, emit);
  if (told === ANSWER || SILENT.has(told)) return;
  if (state.own === "") adopt(state, o);
  switch (told) {
    case "session_start":
      sessionStart(state, o, attrs, emit);
      return;
    case "user_message":
      if (state.parent !== undefined) return; // a child is asked by an agent, not by a person
      state.turn++;
      emit({
        ...entry(state, o),
        operation: "user_message",
        kind: undefined,
        status: undefined,
        content: { input_messages: emit.keep(messagesIn(attrs.content, "user")) },
      });
      return;
    case "llm_request":
      asked(
        state,
        o,
        { ...call(state, o, attrs), content: questionOf(attrs, emit), at: { offset: line.offset } },
        emit,
      );
      return;
    case "tool_call":
      emit({
        ...entry(state, o),
        operation: "execute_tool",
        tool: { name: text(o.name), type: "function" },
        content: toolTexts(attrs.args, attrs.result, attrs.error, emit),
      });
      return;
    case "hook":
      emit({ ...hook(state, o, attrs), content: toolTexts(attrs.input, attrs.output, attrs.error, emit) });
      return;
    case "subagent":
      emit(subagent(state, o, attrs));
      return;
    case "error":
      emit({
        ...entry(state, o),
        operation: "error",
        status: "error",
        content: { error_message: emit.keep(text(attrs.error)) },
      });
      return;
    default:
      emit.unknown(`type ${told}`);
  }
}

/**
 * Takes the session of the first entry for the file's. A child's may be the id of the call that made it, which nothing
 * in the file's name tells from the label before it.
 */
function adopt(state: State, o: JsonObject): void {
  const attrs = object(o.attrs);
  const { stem } = state;
  state.own = text(o.sid) ?? stem ?? "?";
  const parent = state.parent ?? text(attrs?.parentSessionId);
  if (parent === undefined) return;
  state.parent = parent;
  const label = stem === undefined ? text(attrs?.label) : stem.split(`-${state.own}`)[0];
  if (!/subagent/i.test(label ?? "")) state.helper = true;
}

/** What all entries have in common. */
function entry(state: State, o: JsonObject): Omit<Draft, "operation"> {
  const started = number(o.ts);
  const took = number(o.dur);
  const spanId = text(o.spanId) ?? "";
  const isSpan = isRandomSpanId(spanId);
  const key = `${number(o.rIdx) ?? 0}/${spanId}@${started}`;
  return {
    key,
    scope: state.own,
    fact: isSpan ? spanId : `${state.own}/${key}`,
    kind: "internal",
    span_id: isSpan ? spanId : undefined,
    session_id: state.helper ? undefined : state.own,
    parent_session_id: state.parent,
    agent_version: state.version,
    time: fromMillis(started),
    end_time: started !== undefined && took ? fromMillis(started + took) : undefined,
    duration_ms: took || undefined,
    turn: state.turn >= 0 ? state.turn : undefined,
    status: o.status === "error" ? "error" : "ok",
  };
}

function sessionStart(state: State, o: JsonObject, attrs: JsonObject, emit: Emit): void {
  state.version = text(attrs.copilotVersion) ?? state.version;
  if (state.helper) return;
  emit({
    ...entry(state, o),
    key: "session",
    fact: state.own,
    operation: "session",
    kind: undefined,
    status: undefined,
    turn: undefined,
    attributes: allowAttributes({ vscodeVersion: attrs.vscodeVersion }),
  });
}

function call(state: State, o: JsonObject, attrs: JsonObject): Draft {
  const base = entry(state, o);
  const usage = totalUsage({
    input: number(attrs.inputTokens) || undefined,
    output: attrs.outputTokens,
    cacheRead: attrs.cachedTokens,
  });
  const responseId = text(attrs.responseId);
  return {
    ...base,
    fact: callFact(responseId, usage, base.time, base.fact ?? ""),
    operation: "chat",
    kind: "client",
    agent_name: text(attrs.debugName),
    request_model: text(attrs.model),
    response_id: responseId,
    usage,
    ttft_ms: number(attrs.ttft),
    attributes: allowAttributes({
      [GEN_AI.requestMaxTokens]: attrs.maxTokens,
      [GEN_AI.requestTemperature]: attrs.temperature,
      [GEN_AI.requestTopP]: attrs.topP,
      "copilot_chat.copilot_usage_nano_aiu": attrs.copilotUsageNanoAiu,
    }),
  };
}

/** What a call was asked, and why it failed. */
function questionOf({ inputMessages, userRequest, error }: JsonObject, { keep }: Emit): Content {
  const input_messages = keep(messagesIn(inputMessages, "user") ?? messagesIn(userRequest, "user"));
  return { input_messages, error_message: keep(text(error)) };
}

function asked(state: State, o: JsonObject, draft: Draft, emit: Emit): void {
  emit(draft);
  if (emit.captures) state.call = { spanId: text(o.spanId) ?? "", draft };
}

/** Tells a call again with its answer, which stands in an entry of its own behind it. */
function answered(state: State, { spanId }: JsonObject, { response }: JsonObject, emit: Emit): void {
  const { call: told } = state;
  delete state.call;
  if (!told || spanId !== `agent-msg-${told.spanId}`) return;
  const output_messages = emit.keep(messagesIn(response, "assistant"));
  if (output_messages) emit({ ...told.draft, content: { ...told.draft.content, output_messages } });
}

function toolTexts(given: unknown, result: unknown, error: unknown, { keep }: Emit): Content {
  return {
    tool_arguments: keep(markedIn(given)),
    tool_result: keep(markedIn(result)),
    error_message: keep(text(error)),
  };
}

function hook(state: State, o: JsonObject, attrs: JsonObject): Draft {
  const kind = text(attrs.resultKind);
  return {
    ...entry(state, o),
    operation: "execute_hook",
    name: text(o.name),
    error_type: o.status === "error" && kind !== "success" ? kind : undefined,
    attributes: allowAttributes({ "copilot_chat.hook_type": o.name, "copilot_chat.hook_result_kind": kind }),
  };
}

/** A subagent's run: in a file of its own it is the run of its session, else it shares its parent's. */
function subagent(state: State, o: JsonObject, attrs: JsonObject): Draft {
  const base = entry(state, o);
  const name = text(attrs.agentName) ?? text(o.name);
  const run: Draft = { ...base, operation: "invoke_agent", agent_name: name };
  return state.parent === undefined
    ? { ...run, subagent: { id: text(o.spanId), name } }
    : { ...run, fact: `run of ${state.own}` };
}
