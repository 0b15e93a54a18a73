/** What runs beside the calls, from one event to another: tools, subagents, hooks. */
import { allowAttributes } from "../../record/attributes.ts";
import { type JsonObject, number, object, text, under } from "../../record/json.ts";
import { structured } from "../../record/messages.ts";
import type { Content } from "../../record/schema.ts";
import { between } from "../../record/time.ts";
import { toolCallFact } from "./facts.ts";
import { base, KNOWN_AGENTS, type Now, sourceOf } from "./state.ts";

export function toolStart(now: Now): void {
  const { state, data, time } = now;
  const id = text(data.toolCallId);
  if (id === undefined) return;
  const name = text(data.toolName);
  const fact = toolCallFact(state.ids, id, sourceOf(state));
  state.tools[id] = {
    ...base(now),
    key: fact,
    fact,
    operation: "execute_tool",
    kind: "internal",
    time,
    tool: { name, call_id: id, type: "function" },
    attributes: allowAttributes({ mcpServerName: data.mcpServerName }),
    content: { tool_arguments: now.emit.keep(structured(data.arguments)) },
  };
}

/** A command that failed is a tool that went well, for the agent; its exit code says otherwise. */
export function toolEnd(now: Now): void {
  const { state, data, time } = now;
  const id = text(data.toolCallId) ?? "";
  const draft = under(state.tools, id);
  if (!draft) return; // its beginning was taken back, or stands in no file
  delete state.tools[id];
  const exit = number(object(data.shellExecution)?.exitCode);
  const old = text(object(data.result)?.result_type);
  const failed = data.success === undefined ? old !== undefined && old !== "success" : data.success !== true;
  const error = failed ? (text(object(data.error)?.code) ?? old ?? "tool_error") : exit ? "exit_code" : undefined;
  now.emit({
    ...draft,
    end_time: time,
    duration_ms: between(draft.time, time),
    status: error === undefined ? "ok" : "error",
    error_type: error,
    attributes: exit === undefined ? draft.attributes : { ...draft.attributes, exitCode: exit },
    content: { ...draft.content, ...now.emit.keep(givenBy(data)) },
  });
}

/** What a tool gave back; the first versions had it as one text for the model. */
function givenBy({ result, error }: JsonObject): Content {
  const { content, text_result_for_llm, contents } = object(result) ?? {};
  const tool_result = content ?? text_result_for_llm ?? contents ?? (text(result) || undefined);
  return { tool_result, error_message: text(object(error)?.message) };
}

export function agentStart(now: Now): void {
  const { state, o, data, time } = now;
  const id = text(o.agentId) ?? text(data.toolCallId);
  if (id === undefined) return;
  const name = text(data.agentName);
  if (name !== undefined && Object.keys(state.names).length < KNOWN_AGENTS) state.names[id] = name;
  state.agents[id] = {
    ...base(now),
    key: id,
    fact: `${sourceOf(state)}/${id}`,
    operation: "invoke_agent",
    kind: "internal",
    agent_name: name,
    subagent: { id, name },
    time,
    request_model: text(data.model),
    tool: { call_id: text(data.toolCallId) },
  };
}

export function agentEnd(now: Now): void {
  const { state, o, data, time } = now;
  const id = text(o.agentId) ?? text(data.toolCallId) ?? "";
  const draft = under(state.agents, id);
  if (!draft) return;
  delete state.agents[id];
  const failed = o.type === "subagent.failed";
  now.emit({
    ...draft,
    end_time: time,
    duration_ms: number(data.durationMs) ?? between(draft.time, time),
    status: failed ? "error" : "ok",
    error_type: failed ? "agent_failed" : data.cancelled === true ? "cancelled" : undefined,
    content: failed
      ? { error_message: now.emit.keep(text(object(data.error)?.message) ?? text(data.error)) }
      : undefined,
  });
}

export function hookStart(now: Now): void {
  const { data, time } = now;
  const id = text(data.hookInvocationId);
  const content = { tool_arguments: now.emit.keep(structured(data.input)) };
  const what = { operation: "execute_hook", kind: "internal", name: text(data.hookType) } as const;
  const own = { ...base(now), ...what, time, content };
  if (id !== undefined) now.state.hooks[id] = { ...own, key: id, fact: id };
}

export function hookEnd(now: Now): void {
  const { state, data, time } = now;
  const id = text(data.hookInvocationId) ?? "";
  const draft = under(state.hooks, id);
  if (!draft) return;
  delete state.hooks[id];
  const failed = data.success === false;
  const outcome = { status: failed ? "error" : "ok", error_type: failed ? "hook_error" : undefined } as const;
  const tool_result = now.emit.keep(structured(data.output));
  const error_message = now.emit.keep(text(object(data.error)?.message) ?? text(data.error));
  const content = { ...draft.content, tool_result, error_message };
  now.emit({ ...draft, ...outcome, end_time: time, duration_ms: between(draft.time, time), content });
}
