/** Owns the texts of spans: what the conventions' content attributes hold, as JSON text, cut or not, or as structure. */
import { GEN_AI } from "./attributes.ts";
import { set } from "./cut.ts";
import type { Emit } from "./draft.ts";
import { type JsonObject, object, text } from "./json.ts";
import { mended } from "./mended.ts";
import { message, partsOf, toolDefinitions } from "./messages.ts";
import type { Operation } from "./operations.ts";
import type { Content, Message, Part, ToolDefinition } from "./schema.ts";

/**
 * The texts of a call's or a tool's span; undefined unless they are captured. A run's span repeats those of its calls.
 * What is not in the message schema is left out; what its producer cut says so.
 */
export function spanContent(a: JsonObject, operation: Operation, { captures, keep }: Emit): Content | undefined {
  if (!captures) return undefined;
  if (operation === "chat")
    return {
      input_messages: keep(messagesIn(a[GEN_AI.inputMessages] ?? a["gen_ai.prompt"], "user")),
      output_messages: keep(messagesIn(a[GEN_AI.outputMessages] ?? a["gen_ai.completion"], "assistant")),
      system_instructions: keep(instructionsIn(a[GEN_AI.systemInstructions])),
      tool_definitions: keep(definitionsIn(a[GEN_AI.toolDefinitions])),
    };
  if (operation !== "execute_tool") return undefined;
  const [tool_arguments, tool_result] = [GEN_AI.toolCallArguments, GEN_AI.toolCallResult].map((name) => a[name]);
  return { tool_arguments: keep(markedIn(tool_arguments)), tool_result: keep(markedIn(tool_result)) };
}

/** The messages of a list of them, each with its parts or its content; a text is one message of `role`. */
export function messagesIn(given: unknown, role: Message["role"]): readonly Message[] | undefined {
  const { value, mark } = mended(given);
  const told = (Array.isArray(value) ? value : [value]).flatMap((item): Message[] => {
    const one = typeof item === "string" ? { content: item } : object(item);
    const parts = partsOf(one?.parts ?? one?.content);
    return parts.length === 0
      ? []
      : [{ role: text(one?.role) ?? role, parts, finish_reason: text(one?.finish_reason) }];
  });
  const last = told.at(-1);
  if (mark !== undefined) told.splice(-1, 1, { role, ...last, parts: [...(last?.parts ?? []), saying(mark)] });
  return told.length === 0 ? undefined : told;
}

/** The value of JSON text; at its end it says when it was cut. */
export function markedIn(given: unknown): unknown {
  const { value, mark } = mended(given);
  if (mark === undefined) return value;
  if (Array.isArray(value)) return [...value, mark];
  const fields = { ...object(value) };
  set(fields, "[cut]", mark);
  return fields;
}

/** The tools of a list of them. */
export function definitionsIn(given: unknown): readonly ToolDefinition[] | undefined {
  const { value, mark } = mended(given);
  const told = toolDefinitions(value);
  return mark === undefined ? told : [...(told ?? []), { type: "cut", name: mark }];
}

function instructionsIn(given: unknown): readonly Part[] | undefined {
  const { value, mark } = mended(given);
  return message("system", [...partsOf(value), mark === undefined ? undefined : saying(mark)])?.[0]?.parts;
}

const saying = (content: string): Part => ({ type: "text", content });
