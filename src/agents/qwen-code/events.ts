/** The events that Qwen Code's session logs carry: what the program measured of its calls and tools. */
import type { Draft, Emit } from "../../read/types.ts";
import { allowAttributes } from "../../record/attributes.ts";
import { responseFact } from "../../record/identity.ts";
import { type JsonObject, number, text } from "../../record/json.ts";
import { answer, structured, textPart } from "../../record/messages.ts";
import { providerName } from "../../record/provider.ts";
import { fromMillis, utc } from "../../record/time.ts";
import { toolDraft } from "../../record/tool.ts";
import { base, type Common, type Entry, hold, note, type State, taken } from "./state.ts";
import { IN_EVENT, tokensText, usageOf } from "./tokens.ts";

/** How many tools may lie between their events and their results. */
const TIMED = 16;
const SILENT_EVENT =
  /^(?:qwen-code\.)?(?:api_cancel|api_request|request_lifecycle|tool_lifecycle|user_feedback|user_prompt)$/;
/** `<session>#<subagent>#<round>`; the main conversation's own are made otherwise. */
const SUBAGENT_PROMPT = /^[^#]+#([^#]+)#\d+$/;

/** An event of the conversation, or of a subagent that may have no file of its own. */
export function event(state: State, { o, key, time, at }: Entry, e: JsonObject, emit: Emit): void {
  const name = (text(e["event.name"]) ?? "").replace(/^qwen-code\./, "");
  const end_time = utc(e["event.timestamp"]) ?? time;
  const duration_ms = number(e.duration_ms);
  const begun = end_time && duration_ms !== undefined ? fromMillis(Date.parse(end_time) - duration_ms) : undefined;
  const by = subagentOf(e, SUBAGENT_PROMPT.exec(text(e.prompt_id) ?? "")?.[1]);
  const common = { ...base(state, o), ...by, key, fact: key, time: begun ?? end_time, end_time, duration_ms };
  const function_name = text(e.function_name);
  if (name === "api_response") response(state, e, common, by === undefined, emit);
  else if (name === "api_error") {
    state.failed = true;
    const error_type = text(e.error_type) ?? String(e.status_code ?? "api_error");
    const attributes = allowAttributes({ auth_type: e.auth_type, status_code: e.status_code });
    const request_model = text(e.model);
    const content = { error_message: emit.keep(text(e.error_message)) };
    const failed = { operation: "error", kind: "client", status: "error", error_type, request_model } as const;
    emit({ ...common, ...failed, attributes, content });
  } else if (name === "tool_call" && by) {
    const error = text(e.error_type) ?? (e.status === "error" ? undefined : text(e.status));
    const args = emit.keep(structured(e.function_args));
    const end = { failed: e.success === false, error, result: emit.keep(text(e.error)) };
    const draft = toolDraft(key, { start: begun, at, args }, state.own, end);
    emit({ ...draft, ...common, tool: { name: function_name, call_id: text(e.call_id), type: "function" } });
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

/** The main conversation's calls are told by the assistant's lines as well. */
function response(state: State, e: JsonObject, common: Common & { key: string }, isMain: boolean, emit: Emit): void {
  const usage = usageOf(e, IN_EVENT);
  const tokens = usage && tokensText(e, IN_EVENT);
  if (tokens !== undefined && isMain) {
    if (taken(state.answers, tokens)) return;
    note(state.events, tokens);
  }
  const id = text(e.response_id);
  const key = id === undefined ? common.key : responseFact(id, common.end_time);
  const draft: Draft = {
    ...common,
    key,
    fact: key,
    operation: "chat",
    kind: "client",
    status: "ok",
    provider: providerName(text(e.auth_type)),
    model: text(e.model),
    response_id: id,
    usage,
  };
  if (isMain && tokens !== undefined && emit.captures) hold(state, tokens, draft);
  const output_messages = isMain ? undefined : emit.keep(answer([textPart(e.response_text)], undefined));
  emit({ ...draft, content: { output_messages } });
}
