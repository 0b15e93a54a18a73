/**
 * The transcript: one JSONL file a session, written for hooks. It has no tokens and no models, so it tells no calls:
 * the session, what was typed, and the tools. Earlier turns are replayed into it when it is begun late.
 */
import type { Draft, Emit, Line, Reads, SourceInfo, Stream } from "../../read/types.ts";
import { tail, whole } from "../../read/types.ts";
import { allowAttributes } from "../../record/attributes.ts";
import { type JsonObject, list, object, text, under } from "../../record/json.ts";
import { message, resultOf, structured, textPart } from "../../record/messages.ts";
import { utc } from "../../record/time.ts";
import { type ToolCall, type ToolEnd, toolContent, toolDraft } from "../../record/tool.ts";
import { bareCallId, toolCallFact } from "./facts.ts";

interface State {
  own: string;
  version?: string;
  turn: number;
  told?: boolean;
  /** Inside a turn that was played again from the session's history: its tools have no lines of their own. */
  replayed?: boolean;
  tools: Record<string, ToolCall>;
}

const READS: Reads = {
  keys: {
    ...whole("type", "timestamp", "id"),
    data: {
      ...whole("sessionId", "copilotVersion", "vscodeVersion", "producer", "startTime"),
      context: { cwd: true },
      ...whole("turnId", "toolCallId", "toolName", "success"),
      toolRequests: whole("toolCallId", "name", "type"),
    },
  },
};

/** The transcripts of these places. */
export function transcriptStream(locate: Stream["locate"], rank: number): Stream {
  return tail<State>({
    kind: "transcript",
    rank,
    version: 1,
    reads: READS,
    locate,
    session: (path) => /([^/]+)\.jsonl$/.exec(path)?.[1],
    start: (source: SourceInfo): State => ({ own: source.stem, turn: -1, tools: {} }),
    step,
    open,
  });
}

function step(state: State, line: Line, emit: Emit): void {
  const o = line.json();
  const data = object(o.data) ?? {};
  const time = utc(o.timestamp);
  switch (o.type) {
    case "session.start":
      sessionStart(state, data, time, emit);
      return;
    case "user.message":
      state.turn++;
      state.replayed = false;
      emit({
        ...base(state, state.turn),
        key: keyOf(o),
        fact: text(o.id),
        operation: "user_message",
        time,
        content: { input_messages: emit.keep(message("user", [textPart(data.content)])) },
      });
      return;
    case "assistant.turn_start":
      state.replayed = text(data.turnId)?.includes(".") ?? false;
      return;
    case "assistant.turn_end":
      state.replayed = false;
      return;
    case "assistant.message":
      if (state.replayed) replay(state, data, time, emit);
      return;
    case "tool.execution_start":
      toolStart(state, data, time, line.offset, emit);
      return;
    case "tool.execution_complete":
      toolEnd(state, data, time, emit);
      return;
    default:
      emit.unknown(`type ${text(o.type)}`);
  }
}

const keyOf = (o: JsonObject): string => text(o.id) ?? `${text(o.type)}@${text(o.timestamp)}`;

function base(state: State, turn: number | undefined): Pick<Draft, "session_id" | "agent_version" | "turn"> {
  return {
    session_id: state.own,
    agent_version: state.version,
    turn: turn !== undefined && turn >= 0 ? turn : undefined,
  };
}

function sessionStart(state: State, data: JsonObject, time: string | undefined, emit: Emit): void {
  if (state.told) return;
  state.told = true;
  state.own = text(data.sessionId) ?? state.own;
  state.version = text(data.copilotVersion);
  if (data.producer !== "copilot-agent") emit.unknown(`producer ${text(data.producer)}`);
  emit({
    ...base(state, undefined),
    key: "session",
    fact: state.own,
    operation: "session",
    time: utc(data.startTime) ?? time,
    cwd: text(object(data.context)?.cwd),
    attributes: allowAttributes({ vscodeVersion: data.vscodeVersion }),
  });
}

/** A round of an earlier turn: when its tools began and how they ended is not told. */
function replay(state: State, data: JsonObject, time: string | undefined, emit: Emit): void {
  for (const item of list(data.toolRequests)) {
    const request = object(item);
    const id = bareCallId(text(request?.toolCallId));
    if (id === undefined) continue;
    const fact = toolCallFact(id, state.own, time, id);
    emit({
      ...base(state, state.turn),
      key: fact,
      fact,
      operation: "execute_tool",
      kind: "internal",
      time,
      tool: { name: text(request?.name), call_id: id, type: text(request?.type) },
      content: toolContent(emit.keep(structured(request?.arguments)), undefined),
    });
  }
}

function toolStart(state: State, data: JsonObject, time: string | undefined, at: number, emit: Emit): void {
  const id = bareCallId(text(data.toolCallId));
  if (id === undefined) return;
  const tool: ToolCall = { name: text(data.toolName), at, args: emit.keep(structured(data.arguments)) };
  if (time !== undefined) tool.start = time;
  if (state.turn >= 0) tool.turn = state.turn;
  state.tools[id] = tool;
}

function toolEnd(state: State, data: JsonObject, time: string | undefined, emit: Emit): void {
  const id = bareCallId(text(data.toolCallId));
  const tool = id === undefined ? undefined : under(state.tools, id);
  if (id === undefined || !tool) return;
  delete state.tools[id];
  const { result: given } = data;
  const result = emit.keep(resultOf(object(given)?.content ?? given));
  tellTool(state, id, tool, { time, failed: data.success === false, result }, emit);
}

function tellTool(state: State, id: string, tool: ToolCall, end: ToolEnd | undefined, emit: Emit): void {
  const fact = toolCallFact(id, state.own, tool.start, id);
  emit({ ...toolDraft(id, tool, state.own, end), ...base(state, tool.turn), key: fact, fact });
}

function open(state: State, emit: Emit): void {
  for (const [id, tool] of Object.entries(state.tools)) tellTool(state, id, tool, undefined, emit);
}
