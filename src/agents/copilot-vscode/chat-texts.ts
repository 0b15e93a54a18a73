/** The texts of a chat session's requests: what was typed, what was answered, what tools were given and gave back. */
import { type JsonObject, list, object, text } from "../../record/json.ts";
import { answer, message, reasoningPart, structured, textPart, toolCallPart } from "../../record/messages.ts";
import type { Message, Part } from "../../record/schema.ts";
import { bareCallId } from "./facts.ts";

/** What a tool call was given and gave back; the name is the model's word for the tool. */
interface ToolText {
  name?: string;
  given?: unknown;
  result?: unknown;
}

/** By the call's whole id and, of several calls of the same bare id the last one, by that. */
export type ToolTexts = ReadonlyMap<string, ToolText>;

/** What a person typed. */
export function typedIn({ message: typed }: JsonObject): readonly Message[] | undefined {
  const parts = list(object(typed)?.parts).map((part) => text(object(part)?.text) ?? "");
  return message("user", [textPart(text(typed) ?? text(object(typed)?.text) ?? parts.join(""))]);
}

/** What an agent answered, as it was shown; with early editions' answers of texts alone. */
export function shownIn({ response }: JsonObject, tools: ToolTexts): readonly Message[] | undefined {
  const parts: Part[] = [];
  let said = "";
  const flush = (): void => {
    const part = textPart(said);
    said = "";
    if (part) parts.push(part);
  };
  for (const item of list(response)) {
    const words = wordsOf(item);
    if (words !== undefined) {
      said += words;
      continue;
    }
    const part = partOf(object(item) ?? {}, tools);
    if (!part) continue;
    flush();
    parts.push(part);
  }
  flush();
  return answer(parts, undefined);
}

/** Running text: Markdown, and what a reference in the midst of it is called. */
function wordsOf(item: unknown): string | undefined {
  const shown = object(item);
  const kind = shown?.kind;
  if (!shown) return text(item);
  if (kind === undefined || kind === "markdownVuln") return text(shown.value) ?? markdown(shown.content);
  if (kind === "markdownContent") return markdown(shown.content);
  return kind === "inlineReference" ? text(shown.name) : undefined;
}

const markdown = (value: unknown): string | undefined => text(object(value)?.value) ?? text(value);

function partOf(shown: JsonObject, tools: ToolTexts): Part | undefined {
  if (shown.kind === "thinking") return reasoningPart(Array.isArray(shown.value) ? shown.value.join("") : shown.value);
  const callId = shown.kind === "toolInvocationSerialized" ? text(shown.toolCallId) : undefined;
  const id = bareCallId(callId);
  if (callId === undefined || id === undefined) return undefined;
  const tool = tools.get(callId) ?? tools.get(id);
  return toolCallPart(id, tool?.name ?? shown.toolId, tool?.given);
}

/** The texts of a request's tools: of its rounds, and of what its response shows. */
export function toolTextsIn(request: JsonObject): ToolTexts {
  const texts = new Map<string, ToolText>();
  const put = (callId: string, told: ToolText): void => {
    texts.set(callId, told);
    texts.set(bareCallId(callId) ?? "", told);
  };
  const metadata = object(object(request.result)?.metadata);
  const results = object(metadata?.toolCallResults);
  for (const round of list(metadata?.toolCallRounds))
    for (const call of list(object(round)?.toolCalls).map(object)) {
      const id = text(call?.id) ?? "";
      const result = results && Object.hasOwn(results, id) ? givenBy(results[id]) : undefined;
      put(id, { name: text(call?.name), given: structured(call?.arguments), result });
    }
  for (const shown of list(request.response).map(object)) {
    const callId = text(shown?.toolCallId);
    const details = object(shown?.resultDetails);
    if (callId === undefined || !details) continue;
    const told = texts.get(callId) ?? texts.get(bareCallId(callId) ?? "") ?? {};
    const shownResult = list(details.output).map((one) => object(one)?.value);
    told.given ??= structured(details.input);
    told.result ??= shownResult.length > 0 ? joined(shownResult) : undefined;
    put(callId, told);
  }
  return texts;
}

/** A tool's result as the extension keeps it: parts with a value, mostly texts. */
function givenBy(result: unknown): unknown {
  const values = list(object(result)?.content).map((part) => object(part)?.value);
  return values.length > 0 ? joined(values) : (result ?? undefined);
}

const joined = (values: readonly unknown[]): unknown =>
  values.every((value) => typeof value === "string") ? values.join("\n") : values;
