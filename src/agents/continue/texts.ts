/** What a session's items say: their parts, and with what an answer came. */
import { type JsonObject, list, object, text } from "../../record/json.ts";
import { answer, partsOf, reasoningPart, toolCallPart } from "../../record/messages.ts";
import type { Message, Part } from "../../record/schema.ts";
import { type Item, textOf } from "./items.ts";

/** The parts of a message's content: a text, or a list of texts and pictures. */
export function partsIn(content: unknown): readonly Part[] {
  if (!Array.isArray(content)) return partsOf(content);
  return partsOf(content.map((part) => (object(part)?.type === "imageUrl" ? pictureOf(part) : part)));
}

const pictureOf = ({ imageUrl }: JsonObject): JsonObject => ({ type: "image_url", image_url: imageUrl });

/** What an answer says: what was thought just before it, too. Why it stopped is not stored, but that it asks for tools is. */
export function saidIn(items: readonly Item[], at: number): readonly Message[] | undefined {
  const { item, message } = items[at] ?? {};
  const thoughts: string[] = [];
  for (let before = at - 1; items[before]?.message.role === "thinking"; before--)
    thoughts.unshift(textOf(items[before]?.message.content));
  const calls = list(message?.toolCalls).map((one) => {
    const call = object(one);
    const asked = object(call?.function);
    return toolCallPart(call?.id, asked?.name, asked?.arguments);
  });
  const reasoning = [...thoughts, text(object(item?.reasoning)?.text)].map((thought) => reasoningPart(thought));
  return answer([...reasoning, ...partsIn(message?.content), ...calls], calls.length > 0 ? "tool_calls" : undefined);
}
