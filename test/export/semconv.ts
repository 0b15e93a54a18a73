/** Owns the requirement table of the GenAI semantic conventions v1.41.1 as data, and what of it a span violates. */
import type { ReadSpan } from "../support/otlp.ts";

type Type = "string" | "int" | "double" | "boolean" | "string[]" | "any";
/** R required, C required under a condition, N recommended, O opt-in; a missing letter: not listed for the operation. */
type Levels = Partial<Record<"inference" | "embeddings" | "invoke_agent" | "execute_tool", "R" | "C" | "N" | "O">>;

const row = (type: Type, inference = "", embeddings = "", invoke_agent = "", execute_tool = ""): [Type, Levels] => {
  const levels = { inference, embeddings, invoke_agent, execute_tool };
  return [type, Object.fromEntries(Object.entries(levels).filter(([, level]) => level !== "")) as Levels];
};

/** invoke_agent here is the internal one: local agents run in the editor's or the terminal's process. */
export const REQUIREMENTS: Readonly<Record<string, [Type, Levels]>> = {
  "gen_ai.operation.name": row("string", "R", "R", "R", "R"),
  "gen_ai.provider.name": row("string", "R", "R", "R"),
  "error.type": row("string", "C", "C", "C", "C"),
  "gen_ai.conversation.id": row("string", "C", "", "C"),
  "gen_ai.request.model": row("string", "C", "C", "C"),
  "gen_ai.output.type": row("string", "C", "", "C"),
  "gen_ai.request.choice.count": row("int", "C", "", "C"),
  "gen_ai.request.seed": row("int", "C", "", "C"),
  "gen_ai.request.stream": row("boolean", "C"),
  "server.port": row("int", "C", "C"),
  "server.address": row("string", "N", "N"),
  "gen_ai.agent.id": row("string", "", "", "C"),
  // The minimum that weir emits has the agent's name on model calls too.
  "gen_ai.agent.name": row("string", "C", "", "C"),
  "gen_ai.agent.version": row("string", "", "", "C"),
  "gen_ai.agent.description": row("string", "", "", "C"),
  "gen_ai.data_source.id": row("string", "", "", "C"),
  "gen_ai.request.max_tokens": row("int", "N", "", "N"),
  "gen_ai.request.temperature": row("double", "N", "", "N"),
  "gen_ai.request.top_p": row("double", "N", "", "N"),
  "gen_ai.request.frequency_penalty": row("double", "N", "", "N"),
  "gen_ai.request.presence_penalty": row("double", "N", "", "N"),
  "gen_ai.request.top_k": row("double", "N"),
  "gen_ai.request.stop_sequences": row("string[]", "N", "", "N"),
  "gen_ai.request.encoding_formats": row("string[]", "", "N"),
  "gen_ai.embeddings.dimension.count": row("int", "", "N"),
  "gen_ai.response.id": row("string", "N"),
  "gen_ai.response.model": row("string", "N", "N"),
  "gen_ai.response.finish_reasons": row("string[]", "N", "", "N"),
  "gen_ai.response.time_to_first_chunk": row("double", "N"),
  "gen_ai.usage.input_tokens": row("int", "N", "N", "N"),
  "gen_ai.usage.output_tokens": row("int", "N", "", "N"),
  "gen_ai.usage.cache_read.input_tokens": row("int", "N", "", "N"),
  "gen_ai.usage.cache_creation.input_tokens": row("int", "N", "", "N"),
  "gen_ai.usage.reasoning.output_tokens": row("int", "N"),
  "gen_ai.tool.name": row("string", "", "", "", "R"),
  "gen_ai.tool.call.id": row("string", "", "", "", "N"),
  "gen_ai.tool.description": row("string", "", "", "", "N"),
  "gen_ai.tool.type": row("string", "", "", "", "N"),
  "gen_ai.tool.call.arguments": row("any", "", "", "", "O"),
  "gen_ai.tool.call.result": row("any", "", "", "", "O"),
  "gen_ai.input.messages": row("any", "O", "", "O"),
  "gen_ai.output.messages": row("any", "O", "", "O"),
  "gen_ai.system_instructions": row("any", "O", "", "O"),
  "gen_ai.tool.definitions": row("any", "O", "", "O"),
};

/** Names that producers gave to attributes before the conventions did; kept as they are. */
const PRODUCERS: ReadonlySet<string> = new Set(["gen_ai.embeddings.input_count"]);

const CLASS: Readonly<Record<string, keyof Levels>> = {
  chat: "inference",
  embeddings: "embeddings",
  invoke_agent: "invoke_agent",
  execute_tool: "execute_tool",
};
const ABOUT: Readonly<Record<string, string>> = {
  chat: "gen_ai.request.model",
  embeddings: "gen_ai.request.model",
  invoke_agent: "gen_ai.agent.name",
  execute_tool: "gen_ai.tool.name",
};
const INTERNAL = 1;
const CLIENT = 3;
const ERROR = 2;

function hasType(value: unknown, type: Type): boolean {
  if (type === "any") return true;
  if (type === "string[]") return Array.isArray(value) && value.every((item) => typeof item === "string");
  if (type === "int") return Number.isSafeInteger(value);
  return typeof value === (type === "double" ? "number" : type);
}

/** The fields that parts of messages must have, by type; a part of another type needs only that. */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  text: ["content"],
  tool_call: ["name"],
  tool_call_response: ["response"],
  server_tool_call: ["name", "server_tool_call"],
  server_tool_call_response: ["server_tool_call_response"],
  blob: ["modality", "content"],
  file: ["modality", "file_id"],
  uri: ["modality", "uri"],
  reasoning: ["content"],
};

type Object = Readonly<Record<string, unknown>>;

function partViolations(part: Object): string[] {
  if (typeof part.type !== "string") return ["a part has no type"];
  return (PARTS[part.type] ?? []).filter((key) => !(key in part)).map((key) => `a part ${part.type} has no ${key}`);
}

/** What is wrong with the texts of a span, against the conventions' message schema. */
export function contentViolations({ name, spanId, attributes }: ReadSpan): string[] {
  const listIn = (key: string): Object[] => JSON.parse(String(attributes[`gen_ai.${key}`] ?? "[]")) as Object[];
  const messages = (key: string, needs: readonly string[]): string[] =>
    listIn(key).flatMap((message) => [
      ...needs.filter((need) => typeof message[need] !== "string").map((need) => `a message has no ${need}`),
      ...(Array.isArray(message.parts) ? message.parts.flatMap(partViolations) : ["a message has no parts"]),
    ]);
  return [
    ...messages("input.messages", ["role"]),
    ...messages("output.messages", ["role", "finish_reason"]),
    ...listIn("system_instructions").flatMap(partViolations),
    ...listIn("tool.definitions").flatMap((tool) =>
      ["type", "name"].filter((key) => typeof tool[key] !== "string").map((key) => `a tool has no ${key}`),
    ),
  ].map((what) => `${name} ${spanId}: ${what}`);
}

/** What is wrong with a span; nothing when it is as the conventions ask. */
export function violations(span: ReadSpan): string[] {
  const found: string[] = [];
  const { attributes, name, kind, status } = span;
  const operation = String(attributes["gen_ai.operation.name"]);
  const wrong = (what: string): number => found.push(`${name} ${span.spanId}: ${what}`);
  if (!/^(?!0+$)[0-9a-f]{32}$/.test(span.traceId)) wrong("its trace id is not valid");
  if (!/^(?!0+$)[0-9a-f]{16}$/.test(span.spanId)) wrong("its span id is not valid");
  if (span.parentSpanId === span.spanId) wrong("it is its own parent");
  if (span.start === 0n || span.end < span.start) wrong("its times are not in order");
  if (!span.resource["service.name"]) wrong("its resource has no service.name");
  if ((status === ERROR) !== (attributes["error.type"] !== undefined)) wrong("status and error.type disagree");
  if (status === 1) wrong("status ok is for applications");
  if (operation === "execute_hook") return found;
  const levels = CLASS[operation];
  if (!levels) return [...found, `${name}: unknown operation ${operation}`];
  const about = attributes[ABOUT[operation] ?? ""];
  if (name !== (about === undefined ? operation : `${operation} ${about}`)) wrong("its name is not what it should be");
  if (kind !== (levels === "inference" || levels === "embeddings" ? CLIENT : INTERNAL)) wrong(`its kind is ${kind}`);
  for (const [key, [type, of]] of Object.entries(REQUIREMENTS)) {
    const value = attributes[key];
    if (value === undefined && of[levels] === "R") wrong(`${key} is required`);
    if (value !== undefined && !hasType(value, type)) wrong(`${key} is no ${type}`);
    if (value !== undefined && of[levels] === undefined && key.startsWith("gen_ai."))
      wrong(`${key} does not belong there`);
    if (value === "" && type !== "any") wrong(`${key} is empty`);
  }
  for (const key of Object.keys(attributes))
    if (key.startsWith("gen_ai.") && !REQUIREMENTS[key] && !PRODUCERS.has(key)) wrong(`${key} is no convention's`);
  return [...found, ...tokenViolations(span)];
}

function tokenViolations({ name, spanId, attributes: a }: ReadSpan): string[] {
  const count = (key: string): number => Number(a[`gen_ai.usage.${key}`] ?? 0);
  const parts = count("cache_read.input_tokens") + count("cache_creation.input_tokens");
  const found = [];
  if (a["gen_ai.usage.input_tokens"] !== undefined && parts > count("input_tokens"))
    found.push("caches exceed the input");
  if (a["gen_ai.usage.output_tokens"] !== undefined && count("reasoning.output_tokens") > count("output_tokens"))
    found.push("reasoning exceeds the output");
  return found.map((what) => `${name} ${spanId}: ${what}`);
}
