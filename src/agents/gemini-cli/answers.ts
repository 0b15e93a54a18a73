/** What the model answered: calls with their tokens, the tools that they asked for, the subagents that these started. */
import type { Draft, Emit } from "../../read/types.ts";
import { allowAttributes } from "../../record/attributes.ts";
import { type JsonObject, list, number, object, text } from "../../record/json.ts";
import { answer as answerOf, partsOf, reasoningPart, toolCallPart } from "../../record/messages.ts";
import type { Message as Said, Usage } from "../../record/schema.ts";
import { between, utc } from "../../record/time.ts";
import { endByStatus, toolDraft } from "../../record/tool.ts";
import { tokensOf, totalUsage } from "../../record/usage.ts";
import { base, heard, known, type Message, placeOf, type State } from "./state.ts";

/** An answer is told again with its tokens, and again with its tools; its first telling has its times. */
export function answer(state: State, told: Message, emit: Emit): void {
  const { id } = told;
  const first = state.call?.id === id ? state.call : { id, start: state.asked, time: told.time };
  state.call = first;
  heard(state, told.time);
  tellCall(state, { ...told, time: first.time }, first.start, emit, emit.captures ? saidIn(told.m) : undefined);
  for (const item of list(told.m.toolCalls)) {
    const tool = object(item);
    if (tool) tellTool(state, tool, { ...told, time: first.time }, emit);
  }
}

/** What an answer says. Why it stopped is not stored, but that it asks for tools is. */
function saidIn({ thoughts, content, toolCalls }: JsonObject): readonly Said[] | undefined {
  const thought = list(thoughts).map((one) => {
    const { subject, description } = object(one) ?? {};
    return reasoningPart([subject, description].filter((each) => typeof each === "string").join("\n"));
  });
  const calls = list(toolCalls).map((one) => toolCallPart(object(one)?.id, object(one)?.name, object(one)?.args));
  return answerOf([...thought, ...partsOf(content), ...calls], calls.length > 0 ? "tool_call" : undefined);
}

/**
 * Without tokens it is no call of its own: history, an answer that the agent made up, or one that is not finished.
 * History tells no texts: parts of it may be masked.
 */
export function tellCall(
  state: State,
  told: Message,
  asked: string | undefined,
  emit: Emit,
  said?: readonly Said[] | undefined,
): void {
  const tokens = object(told.m.tokens);
  if (!tokens) return;
  const { time } = told;
  const begun = asked !== undefined && time !== undefined && asked <= time ? asked : time;
  emit({
    ...base(state),
    ...known(told),
    operation: "chat",
    kind: "client",
    time: begun,
    end_time: time,
    duration_ms: between(begun, time),
    status: "ok",
    provider: "gcp.gen_ai",
    model: text(told.m.model),
    usage: usageOf(tokens),
    content: { output_messages: emit.keep(said) },
  });
}

/**
 * Prompts of tools are input apart, thoughts are output apart. The cached tokens are part of the input, unless the total
 * proves that an older version took them out of it.
 */
function usageOf(tokens: JsonObject): Usage | undefined {
  const [input, output, cached] = [number(tokens.input), number(tokens.output), number(tokens.cached) ?? 0];
  const [thoughts, tool, total] = [number(tokens.thoughts) ?? 0, number(tokens.tool) ?? 0, number(tokens.total)];
  const apart = cached > 0 && total === (input ?? 0) + (output ?? 0) + thoughts + tool + cached ? cached : 0;
  const usage = totalUsage({
    input: input === undefined ? undefined : input + tool + apart,
    output: output === undefined ? undefined : output + thoughts,
    cacheRead: tokens.cached,
    reasoning: tokens.thoughts,
  });
  return tokensOf(usage) > 0 ? usage : undefined;
}

function tellTool(state: State, tool: JsonObject, told: Message, emit: Emit): void {
  const [id, name] = [text(tool.id), text(tool.name)];
  if (id === undefined) {
    emit.unknown("tool without an id");
    return;
  }
  const end = endByStatus(text(tool.status), utc(tool.timestamp), emit.keep(resultIn(tool)));
  heard(state, end?.time);
  const { session, turn } = state;
  const call = { name, start: told.time, turn: turn < 0 ? undefined : turn, at: 0, args: emit.keep(tool.args) };
  emit({ ...base(state), ...toolDraft(id, call, session, end), ...placeOf(told) });
  const child = text(tool.agentId);
  if (child !== undefined) tellSubagent(state, child, tool, told, emit);
}

/** What the model was given back: mostly one text. */
function resultIn({ result }: JsonObject): unknown {
  const responses = list(result).map((one) => object(object(one)?.functionResponse)?.response);
  const [first] = responses;
  if (responses.length !== 1) return result ?? undefined;
  return object(first)?.output ?? object(first)?.error ?? first;
}

/** What the spawner knows of a subagent; the subagent's own log has neither its name nor how it ended. */
function tellSubagent(state: State, id: string, tool: JsonObject, told: Message, emit: Emit): void {
  const shown = object(tool.resultDisplay);
  const name = text(shown?.agentName) ?? text(object(tool.args)?.agent_name);
  const failed = tool.status !== "success";
  emit({
    ...base(state),
    ...subagentDraft(state.session, id, told.time, utc(tool.timestamp)),
    subagent: { id, name },
    agent_name: name,
    tool: { call_id: text(tool.id) },
    status: failed ? "error" : "ok",
    error_type: failed ? (tool.status === "cancelled" ? "cancelled" : "tool_error") : undefined,
    attributes: allowAttributes({ terminateReason: shown?.terminateReason }),
    ...placeOf(told),
  });
}

export function subagentDraft(
  session: string,
  id: string,
  time: string | undefined,
  end_time: string | undefined,
): Draft {
  const fact = `${session}/${id}`;
  const common = { key: id, fact, session_id: session, subagent: { id }, time, end_time };
  return { ...common, operation: "invoke_agent", kind: "internal", duration_ms: between(time, end_time) };
}
