/** Owns Codex's tool calls: opened by the model's item, closed by their output, their outcome told by either or a third. */
import type { Draft, JsonObject } from "../../read/types.ts";
import { allowAttributes } from "../../record/attributes.ts";
import { isRandomId } from "../../record/identity.ts";
import { number, object, text } from "../../record/json.ts";
import { resultOf, structured } from "../../record/messages.ts";
import { between } from "../../record/time.ts";
import { headerOf, SAID_FIRST, SAID_LAST } from "./lines.ts";
import { type Known, type Now, numbered, type State, type ToolCall, take, tell, turnOf } from "./state.ts";

const CLOSED_CALLS = 32;
/** A tool call that came to nothing, in the agent's words. */
const REFUSED =
  /^"(?:apply_patch verification failed|failed to parse function arguments|unsupported call|exec_command failed|aborted by user)/;

export function openTool(now: Now, p: JsonObject, kind: string): void {
  const { state, time, line } = now;
  const call_id = text(p.call_id);
  const id = call_id ?? text(p.id);
  const fact = id !== undefined && isRandomId(id) ? id : numbered(state, id ?? kind);
  const name = [text(p.namespace), text(p.name) ?? kind.replace(/_call$/, "")].filter(Boolean).join(".");
  const draft: Draft & Pick<Known, "content"> = {
    key: id === undefined ? `${kind}@${line.offset}` : fact,
    fact,
    operation: "execute_tool",
    kind: "internal",
    turn: turnOf(state),
    time,
    tool: { name, call_id: id, type: "function" },
    at: { offset: line.offset },
  };
  const tool_arguments = now.emit.keep(structured(p.arguments ?? p.input ?? p.action));
  if (tool_arguments !== undefined) draft.content = { tool_arguments };
  if (call_id === undefined) tell(now, { ...draft, end_time: time, ...outcomeOf({ status: p.status }) });
  else state.tools.push({ id: call_id, draft });
}

export function closeTool({ state, time, emit }: Now, id: string | undefined, output: unknown): void {
  const isIt = (one: ToolCall): boolean => one.id === id;
  const call = take(state.tools, isIt) ?? take(state.left.tools, isIt);
  if (!call) return; // it stands in another file
  if (state.closed.push(call.id) > CLOSED_CALLS) state.closed.shift();
  const outcome = call.outcome ?? outcomeOf(saidBy(output));
  const duration_ms = outcome.duration_ms ?? between(call.draft.time, time);
  const tool_result = emit.keep(resultOf(structured(output)));
  const error_message = outcome.status === "error" && typeof tool_result === "string" ? tool_result : undefined;
  const content = { ...call.draft.content, tool_result, error_message };
  emit({ ...state.base, ...call.draft, ...outcome, end_time: time, duration_ms, content });
}

/** What the first and last characters of the output say of how the call ended. */
function saidBy(output: unknown): JsonObject {
  const whole = JSON.stringify(output) ?? "";
  const start = whole.slice(0, SAID_FIRST);
  if (REFUSED.test(start)) return { status: "failed" };
  if (!/^"?\{/.test(start)) {
    const header = headerOf(start);
    return { exit_code: numberAfter(header, "exited with code ") ?? numberAfter(header, "Exit code: ") };
  }
  const mark = start.startsWith("{") ? '"exit_code":' : '\\"exit_code\\":';
  return { exit_code: numberAfter(whole.slice(-SAID_LAST), mark) ?? numberAfter(start, mark) };
}

function numberAfter(said: string, mark: string): number | undefined {
  const at = said.indexOf(mark);
  return at < 0 ? undefined : number(Number.parseInt(said.slice(at + mark.length, at + mark.length + 12), 10));
}

/** The outcome that an item tells, or an event before there were items. */
export function outcomeOf(o: JsonObject): Known {
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
export function noteOutcome(state: State, id: string | undefined, o: JsonObject): boolean {
  const isIt = (one: ToolCall): boolean => one.id === id;
  const call = state.tools.find(isIt) ?? state.left.tools.find(isIt);
  if (call) call.outcome = outcomeOf(o);
  return call !== undefined;
}
