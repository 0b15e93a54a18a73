/** Owns what a person said and what surrounded the calls: prompts, compactions, turns, hooks. */
import type { Draft, Emit, JsonObject, Line } from "../../read/types.ts";
import { allowAttributes } from "../../record/attributes.ts";
import { list, number, object, text } from "../../record/json.ts";
import { answer, message, partsOf, resultOf } from "../../record/messages.ts";
import type { Content } from "../../record/schema.ts";
import { between, fromMillis } from "../../record/time.ts";
import { apiError, toolResult } from "./calls.ts";
import { SHOWN } from "./reads.ts";
import { type Context, lineFact, noteAsked, noteTurn, type State, turnAt, uuidOf } from "./state.ts";

const KNOWN_HOOKS = 32;
/** What the agent puts in. */
const TAGS =
  "task-notification|teammate-message|local-command-stdout|local-command-caveat|system-reminder|bash-stdout|bash-stderr|ide_[a-z_]+";
const INTERRUPTED = "\\[Request interrupted by user";
const PUT_IN = new RegExp(`^\\s*(?:<(?:${TAGS})\\b|Stop hook feedback:|${INTERRUPTED}|Caveat: The messages below)`);
/** What the person typed may follow it in the same text, unless that ends with something put in. */
const BEFORE_TYPED = /^\s*<(?:system-reminder|ide_[a-z_]+)\b/;
const ENDS_PUT_IN = new RegExp(`(?:</(?:${TAGS})>|${INTERRUPTED}[^\\]]*\\])$`);

export function user(state: State, o: JsonObject, context: Context, time: string | undefined, emit: Emit): void {
  const content = object(o.message)?.content;
  noteAsked(state, time);
  let hasResult = false;
  for (const item of list(content)) {
    const block = object(item);
    if (block?.type !== "tool_result") continue;
    hasResult = true;
    const end = { time, failed: block.is_error === true, result: resultOf(block.content) };
    toolResult(state, text(block.tool_use_id), context, end, emit);
  }
  if (o.isCompactSummary === true) summary(state, content, emit);
  if (hasResult || context.subagent || o.isMeta === true || o.isCompactSummary === true) return;
  const origin = text(object(o.origin)?.kind);
  if ((origin ?? "human") === "human" && isTyped(content)) prompt(state, uuidOf(o), context, time, content, emit);
}

/** What a compaction left of the lines before it stands on the first prompt after it. */
function summary(state: State, content: unknown, emit: Emit): void {
  if (!state.compaction) return;
  emit({ ...state.compaction, content: { output_messages: emit.keep(answer(partsOf(content), undefined)) } });
  delete state.compaction;
}

/** True unless all texts are what the agent put in: an editor's notes stand before what the person typed. */
function isTyped(content: unknown): boolean {
  if (typeof content === "string") return isTypedText(content);
  const texts = list(content).flatMap((item) => {
    const block = object(item);
    return block?.type === "text" ? [text(block.text) ?? ""] : [];
  });
  const [first = "", ...others] = texts.filter((said) => said.trim() !== "");
  if (first === "") return texts.length === 0 || texts.length < list(content).length;
  return isTypedText(first) || (BEFORE_TYPED.test(first) && others.some(isTypedText));
}

function isTypedText(said: string): boolean {
  if (!PUT_IN.test(said.slice(0, SHOWN[0]))) return true;
  return BEFORE_TYPED.test(said) && !ENDS_PUT_IN.test(said.slice(-SHOWN[1]).trimEnd());
}

function prompt(
  state: State,
  uuid: string | undefined,
  context: Context,
  time: string | undefined,
  said: unknown,
  emit: Emit,
): void {
  noteTurn(state, time);
  const turn = turnAt(state.turns, time);
  const key = uuid ?? `prompt@${time}`;
  const content = contentOf(said, emit);
  const fact = lineFact(uuid, "user_message", context, time);
  emit({ ...context, key, fact, operation: "user_message", time, turn, content });
}

function contentOf(said: unknown, emit: Emit): Content {
  return { input_messages: emit.keep(message("user", partsOf(said))) };
}

export function system(
  state: State,
  o: JsonObject,
  context: Context,
  time: string | undefined,
  line: Line,
  emit: Emit,
): void {
  const uuid = uuidOf(o);
  const at = { offset: line.offset };
  const fact = lineFact(uuid, `system ${text(o.subtype)}`, context, time);
  const common = { ...context, key: uuid ?? `system@${time}`, fact, time, at };
  switch (o.subtype) {
    case "compact_boundary":
    case "microcompact_boundary": {
      const meta = object(o.compactMetadata) ?? object(o.microcompactMetadata) ?? {};
      const attributes = allowAttributes({
        trigger: meta.trigger,
        preTokens: meta.preTokens,
        postTokens: meta.postTokens,
      });
      const compaction: Draft = {
        ...common,
        operation: "compaction",
        duration_ms: number(meta.durationMs),
        attributes,
      };
      if (emit.captures) state.compaction = compaction;
      emit(compaction);
      return;
    }
    case "api_error":
      apiError({ ...o, isApiErrorMessage: true, error: "api_error", failure: o.error }, context, time, emit);
      return;
    case "turn_duration": {
      const duration = number(o.durationMs) ?? -1;
      const begin = duration < 0 ? undefined : fromMillis(Date.parse(time ?? "") - duration);
      const duration_ms = between(begin, time);
      emit({ ...common, operation: "invoke_agent", kind: "internal", time: begin, end_time: time, duration_ms });
      return;
    }
    case "stop_hook_summary":
      hookSummary(state, o, common, emit);
      return;
  }
}

/** A summary tells hooks again that attachments have told; only those without an attachment are taken from it. */
function hookSummary(state: State, o: JsonObject, common: Omit<Draft, "operation">, emit: Emit): void {
  const id = text(o.toolUseID) ?? common.key;
  if (state.hooks.includes(id)) return;
  list(o.hookInfos).forEach((info, i) => {
    const key = `${id}#${i}`;
    const attributes = allowAttributes({ hookEvent: "Stop" });
    emit({
      ...common,
      key,
      fact: key,
      operation: "execute_hook",
      kind: "internal",
      duration_ms: number(object(info)?.durationMs),
      attributes,
      content: { tool_arguments: emit.keep(text(object(info)?.command)) },
    });
  });
}

export function attachment(state: State, o: JsonObject, context: Context, time: string | undefined, emit: Emit): void {
  const a = object(o.attachment);
  const type = text(a?.type) ?? "";
  const uuid = uuidOf(o);
  if (type === "queued_command") {
    const own = text(object(a?.origin)?.kind) ?? "human";
    if (own !== "human" || context.subagent || a?.isMeta === true || !isTyped(a?.prompt)) return;
    const key = uuid ?? `queued@${time}`;
    const fact = lineFact(uuid, "queued_command", context, time);
    const content = contentOf(a?.prompt, emit);
    emit({ ...context, key, fact, operation: "user_message", time, content });
    return;
  }
  if (!a || !/^hook_(?:success|.*error|cancelled)/.test(type)) return;
  const id = text(a.toolUseID);
  if (id && !state.hooks.includes(id)) state.hooks = [...state.hooks, id].slice(-KNOWN_HOOKS);
  const failed = type !== "hook_success";
  emit({
    ...context,
    key: uuid ?? `hook@${time}`,
    fact: lineFact(uuid, `hook ${text(a.hookName)}`, context, time),
    operation: "execute_hook",
    kind: "internal",
    name: text(a.hookName),
    time,
    duration_ms: number(a.durationMs),
    status: failed ? "error" : "ok",
    error_type: failed ? type : undefined,
    attributes: allowAttributes({ hookEvent: a.hookEvent, hookName: a.hookName, exitCode: a.exitCode }),
    content: { tool_arguments: emit.keep(text(a.command)), tool_result: emit.keep(saidBy(a)) },
  });
}

/** What a hook printed, as far as the line has it. */
function saidBy(a: JsonObject): string | undefined {
  const printed = [text(a.stdout), text(a.stderr)].filter((one) => one !== undefined);
  return printed.length > 0 ? printed.join("\n") : text(a.content);
}
