/** What a message and its parts say, in the words of both versions; asked for only when texts are captured. */
import { type JsonObject, list, object, text } from "../../record/json.ts";
import {
  answer,
  mediaPart,
  message,
  reasoningPart,
  resultOf,
  structured,
  textPart,
  toolCallPart,
} from "../../record/messages.ts";
import type { Message, Part } from "../../record/schema.ts";

/** A message as its store has it, and its parts in their order; in version 2 it holds them itself. */
export interface Texts {
  readonly whole: JsonObject;
  readonly parts: readonly JsonObject[];
}

/** What a person asked: what the agent itself put beside it is left out. */
export function asked({ whole, parts }: Texts): readonly Message[] | undefined {
  const given = parts.filter((part) => part.synthetic !== true && part.ignored !== true);
  const files = list(whole.files).map((file) => partOf({ ...object(file), type: "file" }));
  return message("user", [textPart(whole.text), ...given.map(partOf), ...files]);
}

/** What one call of an answer said: the parts of its step, or all where the answer is one call. */
export function answered(
  texts: Texts,
  step: number | undefined,
  finish: string | undefined,
): readonly Message[] | undefined {
  const parts = step === undefined ? texts.parts : (stepsIn(texts.parts)[step] ?? []);
  return answer([...parts.map(partOf), textPart(texts.whole.summary)], finish);
}

/** The parts up to the end of each step; what follows the last one is of no step. */
function stepsIn(parts: readonly JsonObject[]): JsonObject[][] {
  const steps: JsonObject[][] = [[]];
  for (const part of parts) {
    steps.at(-1)?.push(part);
    if (part.type === "step-finish") steps.push([]);
  }
  return steps;
}

/** What stands in the place of a conversation: the summary that an answer, or a compaction, wrote. */
export function summary({ whole, parts }: Texts): readonly Message[] | undefined {
  const said = parts.filter(({ type }) => type === "text").map(partOf);
  return answer([...said, textPart(whole.summary)], undefined);
}

/** Why a request failed, as a message or a part tells it. */
export function failureIn({ error }: JsonObject): string | undefined {
  const told = object(error);
  return text(object(told?.data)?.message) ?? text(told?.message) ?? text(error);
}

function partOf(part: JsonObject): Part | undefined {
  const { type } = part;
  if (type === "text") return textPart(part.text);
  if (type === "reasoning") return reasoningPart(part.text);
  if (type === "tool") return toolCallPart(part.callID ?? part.id, part.tool ?? part.name, object(part.state)?.input);
  if (type === "subtask") return textPart(part.prompt);
  return type === "file" ? fileOf(part) : undefined;
}

function fileOf({ mime, url, uri }: JsonObject): Part | undefined {
  const address = text(url) ?? text(uri) ?? "";
  const inline = /^data:[^,]*;base64,/.exec(address)?.[0];
  return mediaPart(mime, inline === undefined ? { uri: address } : { data: address.slice(inline.length) });
}

/**
 * What a tool was given and gave back, and why it failed. Nothing of one whose result was taken away to save space: what
 * was told before is more.
 */
export function toolTexts(part: JsonObject): { given?: unknown; result?: unknown; failure?: string | undefined } {
  const state = object(part.state) ?? {};
  if (object(state.time)?.compacted !== undefined && text(state.output) === undefined) return {};
  const result = text(state.output) ?? resultOf(list(state.content).length > 0 ? state.content : undefined);
  return { given: structured(state.input), result, failure: failureIn(state) };
}

/** A command that the person ran. */
export function shellTexts({ whole }: Texts): { given: unknown; result: unknown } {
  const { command, output } = whole;
  return { given: text(command) === undefined ? undefined : { command }, result: text(output) };
}
