/** Owns the texts of spans: what the conventions' content attributes hold, as JSON text or as structure. */
import { GEN_AI } from "./attributes.ts";
import type { Emit } from "./draft.ts";
import { type JsonObject, list, object, text } from "./json.ts";
import { structured, toolDefinitions } from "./messages.ts";
import type { Operation } from "./operations.ts";
import type { Content, Message, Part } from "./schema.ts";

/**
 * The texts of a call's or a tool's span; undefined unless they are captured. A run's span repeats those of its calls.
 * What is not in the message schema is left out.
 */
export function spanContent(a: JsonObject, operation: Operation, { captures, keep }: Emit): Content | undefined {
  if (!captures) return undefined;
  if (operation === "chat")
    return {
      input_messages: keep(messagesIn(a[GEN_AI.inputMessages])),
      output_messages: keep(messagesIn(a[GEN_AI.outputMessages])),
      system_instructions: keep(partsIn(a[GEN_AI.systemInstructions])),
      tool_definitions: keep(toolDefinitions(structured(a[GEN_AI.toolDefinitions]))),
    };
  if (operation !== "execute_tool") return undefined;
  const [tool_arguments, tool_result] = [GEN_AI.toolCallArguments, GEN_AI.toolCallResult].map((name) => a[name]);
  return { tool_arguments: keep(structured(tool_arguments)), tool_result: keep(structured(tool_result)) };
}

function messagesIn(value: unknown): readonly Message[] | undefined {
  const messages = list(structured(value)).flatMap((item): Message[] => {
    const one = object(item);
    const [role, parts] = [text(one?.role), partsIn(one?.parts)];
    return role === undefined || !parts ? [] : [{ role, parts, finish_reason: text(one?.finish_reason) }];
  });
  return messages.length === 0 ? undefined : messages;
}

function partsIn(value: unknown): readonly Part[] | undefined {
  const parts = list(structured(value)).filter((part) => text(object(part)?.type) !== undefined);
  return parts.length === 0 ? undefined : (parts as readonly Part[]);
}
