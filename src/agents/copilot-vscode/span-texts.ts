/** The texts of Copilot's spans: the conventions' attributes, and what its own attributes and events hold beside them. */
import type { Draft, Emit } from "../../read/types.ts";
import { GEN_AI } from "../../record/attributes.ts";
import { type JsonObject, text } from "../../record/json.ts";
import { message, reasoningPart } from "../../record/messages.ts";
import type { Operation } from "../../record/operations.ts";
import type { Content, Message } from "../../record/schema.ts";
import { definitionsIn, markedIn, messagesIn, spanContent } from "../../record/span-content.ts";
import { type Span, spanOperation } from "../../record/spans.ts";

/** What a span's record has beside its metadata. */
export type SpanTexts = Pick<Draft, "content" | "raw">;

/** Where the texts of a span stand. */
export interface Told {
  readonly attributes: JsonObject;
  readonly events: Span["events"];
  /** The status message. */
  readonly message?: unknown;
}

/**
 * The texts of a span, kept; undefined unless they are captured. What a run was asked and answered, and the tools that
 * it was offered, early versions tell of the run alone.
 */
export function contentOf(span: Span, told: Told, emit: Emit): Content | undefined {
  if (!emit.captures) return undefined;
  const content = textsOf(spanOperation(span), told.attributes, told.events, emit);
  const error_message = span.status === 2 ? emit.keep(failureIn(told)) : undefined;
  return error_message === undefined ? content : { ...content, error_message };
}

function textsOf(operation: Operation, a: JsonObject, events: Span["events"], emit: Emit): Content {
  const { keep } = emit;
  if (operation === "execute_hook")
    return {
      tool_arguments: keep(markedIn(a["copilot_chat.hook_input"])),
      tool_result: keep(markedIn(a["copilot_chat.hook_output"])),
    };
  if (operation === "execute_tool") return spanContent(a, operation, emit) ?? {};
  const asked =
    a["copilot_chat.user_request"] ?? events.find(({ name }) => name === "user_message")?.attributes.content;
  if (operation === "chat") {
    const content = spanContent(a, operation, emit) ?? {};
    return {
      ...content,
      input_messages: content.input_messages ?? keep(messagesIn(asked, "user")),
      output_messages: thoughtful(content.output_messages, keep(text(a["copilot_chat.reasoning_content"]))),
    };
  }
  const [input, output] = [a[GEN_AI.inputMessages], a[GEN_AI.outputMessages] ?? a["copilot_chat.markdown_content"]];
  return {
    input_messages: keep(messagesIn(input, "user") ?? messagesIn(asked, "user")),
    output_messages: keep(messagesIn(output, "assistant")),
    tool_definitions: keep(definitionsIn(a[GEN_AI.toolDefinitions])),
  };
}

/** An answer with what was thought before it, which is told beside it. */
function thoughtful(said: readonly Message[] | undefined, thought: string | undefined): Content["output_messages"] {
  const isThere = said?.some(({ parts }) => parts.some(({ type }) => type === "reasoning"));
  if (thought === undefined || isThere) return said;
  const [first, ...others] = said ?? [];
  const parts = [reasoningPart(thought), ...(first?.parts ?? [])];
  return message("assistant", parts)
    ?.map((one) => ({ ...first, ...one }))
    .concat(others);
}

/** Why a span failed: what its exception says, or its status; a tool gives the message back. */
function failureIn({ attributes, events, message: said }: Told): string | undefined {
  const thrown = events.find(({ name }) => name === "exception")?.attributes["exception.message"];
  const given = text(attributes[GEN_AI.toolCallResult]);
  return text(thrown) ?? text(said) ?? (given?.startsWith("ERROR") ? given : undefined);
}
