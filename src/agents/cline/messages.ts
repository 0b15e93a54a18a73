/** Owns messages as models are sent them: both generations of Cline keep them, and tell their tools by them. */
import type { Draft, Emit } from "../../read/types.ts";
import { toolFact } from "../../record/identity.ts";
import { type JsonObject, list, object, text } from "../../record/json.ts";
import { resultOf, structured } from "../../record/messages.ts";
import type { Usage } from "../../record/schema.ts";
import { timeOf } from "../../record/time.ts";
import { toolDraft } from "../../record/tool.ts";

/** One message, and its place in the document. */
export interface Message {
  readonly m: JsonObject;
  readonly index: number;
  readonly time?: string;
}

export function messagesOf(value: unknown): Message[] {
  return list(value).flatMap((item, index) => {
    const m = object(item);
    return m ? [{ m, index, time: timeOf(m.ts) }] : [];
  });
}

export function objectsOf(value: unknown): JsonObject[] {
  return list(value).flatMap((item) => {
    const found = object(item);
    return found ? [found] : [];
  });
}

export function blocksOf({ content }: JsonObject): JsonObject[] {
  if (typeof content !== "string") return objectsOf(content);
  return content === "" ? [] : [{ type: "text", text: content }];
}

/** A sum counts only where no call of its session has tokens. */
export function sumOf(usage: Usage | undefined, model: unknown): Pick<Draft, "usage" | "aggregate" | "model"> {
  return usage ? { usage, aggregate: true, model: text(model) } : {};
}

/** A result of a tool, and the message that tells it. */
interface Result {
  readonly at: number;
  readonly time?: string;
  readonly block: JsonObject;
}

/**
 * Every call of a tool, with the first result of its id that follows. Where `isCopied`, another document tells of the
 * same calls at other times, so that only their ids make them known, and their number among those that have the same.
 */
export function tellTools(
  common: Omit<Draft, "key" | "operation">,
  messages: readonly Message[],
  turns: readonly (number | undefined)[],
  isCopied: boolean,
  emit: Emit,
): void {
  const results = resultsIn(messages);
  const times = new Map<string, number>();
  messages.forEach(({ m, time, index }, at) => {
    for (const block of blocksOf(m)) {
      const id = block.type === "tool_use" ? text(block.id) : undefined;
      if (id === undefined) continue;
      const args = emit.keep(structured(block.input));
      const call = { name: text(block.name), start: time, turn: turns[at], at: 0, args };
      const found = results.get(id)?.find((result) => result.at > at);
      const end = found && { time: found.time, failed: hasFailed(found.block), result: kept(found.block, emit) };
      const draft = toolDraft(id, call, common.session_id ?? "", end);
      const known = isCopied ? toolFact(id, undefined, common.session_id) : draft.key;
      const before = times.get(known) ?? 0;
      times.set(known, before + 1);
      const fact = before > 0 ? `${known}#${before}` : known;
      const raw = found ? [block, found.block] : block;
      emit({ ...common, ...draft, key: fact, fact, session_id: common.session_id, at: { index }, raw });
    }
  });
}

function resultsIn(messages: readonly Message[]): Map<unknown, Result[]> {
  const all = messages.flatMap(({ m, time }, at) =>
    blocksOf(m).flatMap((block): Result[] => (block.type === "tool_result" ? [{ at, time, block }] : [])),
  );
  return Map.groupBy(all, ({ block }) => block.tool_use_id);
}

const kept = ({ content }: JsonObject, emit: Emit): unknown =>
  emit.captures ? emit.keep(structured(resultOf(content))) : undefined;

/** A result says that it failed, or its content does: an outcome or a list of them, maybe as JSON in a text. */
function hasFailed({ is_error, content }: JsonObject): boolean {
  const outcomes = structured(content);
  return is_error === true || [outcomes, ...list(outcomes)].some((outcome) => object(outcome)?.success === false);
}
