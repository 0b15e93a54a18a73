/** Owns messages as models are sent them: both generations of Cline keep them, and tell their tools by them. */
import type { Draft, Emit } from "../../read/types.ts";
import { toolFact } from "../../record/identity.ts";
import { type JsonObject, list, object, text } from "../../record/json.ts";
import { structured } from "../../record/messages.ts";
import type { Usage } from "../../record/schema.ts";
import { timeOf } from "../../record/time.ts";
import { toolDraft } from "../../record/tool.ts";

/** What the records of one document have in common. */
export type Common = Omit<Draft, "key" | "operation">;
/** What the records of one message or entry have in common. */
export type Keyed = Omit<Draft, "operation">;

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
  return typeof content === "string" ? [{ type: "text", text: content }] : objectsOf(content);
}

/** A sum counts only where no call of its session has tokens. */
export function sumOf(usage: Usage | undefined, model: unknown): Pick<Draft, "usage" | "aggregate" | "model"> {
  return usage ? { usage, aggregate: true, model: text(model) } : {};
}

/**
 * Every call of a tool, with the first result of its id that follows. Where `isCopied`, another document tells of the
 * same calls at other times, so that only their ids make them known.
 */
export function tellTools(
  common: Common,
  messages: readonly Message[],
  turns: readonly (number | undefined)[],
  isCopied: boolean,
  emit: Emit,
): void {
  const results = Map.groupBy(
    messages.flatMap(({ m, time }, at) =>
      blocksOf(m)
        .filter((block) => block.type === "tool_result")
        .map((block) => ({ at, time, id: text(block.tool_use_id), failed: hasFailed(block) })),
    ),
    ({ id }) => id,
  );
  messages.forEach(({ m, time, index }, at) => {
    for (const block of blocksOf(m)) {
      const id = block.type === "tool_use" ? text(block.id) : undefined;
      if (id === undefined) continue;
      const call = { name: text(block.name), start: time, turn: turns[at], at: 0 };
      const end = results.get(id)?.find((result) => result.at > at);
      const draft = toolDraft(id, call, common.session_id ?? "", end);
      const fact = isCopied ? toolFact(id, undefined, common.session_id) : draft.fact;
      emit({ ...common, ...draft, key: fact ?? id, fact, session_id: common.session_id, at: { index } });
    }
  });
}

/** A result says that it failed, or its content does: an outcome or a list of them, maybe as JSON in a text. */
function hasFailed({ is_error, content }: JsonObject): boolean {
  const outcomes = structured(content);
  return is_error === true || [outcomes, ...list(outcomes)].some((outcome) => object(outcome)?.success === false);
}
