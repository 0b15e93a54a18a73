/** Owns how texts are put into the GenAI message schema: parts, messages, and what an agent's words for them become. */
import { list, object, text, under } from "./json.ts";
import type { Message, Part, ToolDefinition } from "./schema.ts";

type Parts = readonly (Part | undefined)[];

/** A text; undefined for an empty one. */
export function textPart(content: unknown): Part | undefined {
  const given = text(content);
  return given === undefined ? undefined : { type: "text", content: given };
}

/** What a model thought before it answered; undefined for an empty text. */
export function reasoningPart(content: unknown): Part | undefined {
  const given = text(content);
  return given === undefined ? undefined : { type: "reasoning", content: given };
}

/** A call of a tool; arguments that come as JSON text become what the text says. */
export function toolCallPart(id: unknown, name: unknown, given: unknown): Part {
  return { type: "tool_call", id: text(id), name: text(name) ?? "", arguments: structured(given) };
}

/** What a tool answered. */
export function toolResponsePart(id: unknown, response: unknown): Part {
  return { type: "tool_call_response", id: text(id), response: response ?? undefined };
}

/** A picture, sound or other file, by the first of these that is a text: its base64, its address, its id. */
export function mediaPart(
  mimeType: unknown,
  { data, uri, file }: { readonly data?: unknown; readonly uri?: unknown; readonly file?: unknown },
): Part | undefined {
  const mime_type = text(mimeType);
  const kind = mime_type?.slice(0, mime_type.indexOf("/"));
  const modality = kind === "image" || kind === "video" || kind === "audio" ? kind : "document";
  const [content, address, file_id] = [text(data), text(uri), text(file)];
  if (content !== undefined) return { type: "blob", modality, mime_type, content };
  if (address !== undefined) return { type: "uri", modality, mime_type, uri: address };
  return file_id === undefined ? undefined : { type: "file", modality, mime_type, file_id };
}

/** A list of one message; undefined when it has no part. */
export function message(role: Message["role"], parts: Parts): readonly Message[] | undefined {
  const those = parts.filter((part) => part !== undefined);
  return those.length === 0 ? undefined : [{ role, parts: those }];
}

/** What a model answered, with why it stopped; undefined when it has no part. */
export function answer(parts: Parts, finish: string | undefined): readonly Message[] | undefined {
  const said = message("assistant", parts);
  const finish_reason = finish === undefined ? undefined : (under(FINISH, finish.toLowerCase()) ?? finish);
  return said?.map((one) => ({ ...one, finish_reason }));
}

/** System instructions: parts without a role, of one text or a list of texts. */
export function instructions(given: unknown): readonly Part[] | undefined {
  const parts = (Array.isArray(given) ? given : [given]).map((one) => textPart(text(one) ?? object(one)?.text));
  const those = parts.filter((part) => part !== undefined);
  return those.length === 0 ? undefined : those;
}

/** The tools that were offered, in the layouts of Anthropic, OpenAI and Gemini; undefined where there are none. */
export function toolDefinitions(given: unknown): readonly ToolDefinition[] | undefined {
  const tools = list(given).flatMap((one) => list(object(one)?.functionDeclarations ?? [one]));
  const those = tools.flatMap((one) => {
    const tool = object(object(one)?.function) ?? object(one);
    const name = text(tool?.name);
    const parameters = tool?.parameters ?? tool?.input_schema ?? tool?.parametersJsonSchema;
    return name === undefined ? [] : [{ type: "function", name, description: text(tool?.description), parameters }];
  });
  return those.length === 0 ? undefined : those;
}

/**
 * The parts of content as most agents store it: a text, or a list of blocks in the manner of Anthropic (`text`,
 * `thinking`, `image`, `tool_use`, `tool_result`), OpenAI (`input_text`, `output_text`, `image_url`), Gemini
 * (`{"text": ...}`, `inlineData`) or of the conventions themselves (`tool_call`, `tool_call_response`). A block of another kind keeps its type and its fields.
 */
export function partsOf(content: unknown): readonly Part[] {
  const blocks = Array.isArray(content) ? content : [content];
  return blocks.flatMap((block) => partOf(block) ?? []);
}

function partOf(block: unknown): Part | undefined {
  if (typeof block === "string") return textPart(block);
  const b = object(block);
  if (!b) return undefined;
  const type = text(b.type);
  if (type === undefined) return untypedPart(b);
  return (under(BLOCKS, type) ?? other)(b);
}

type Block = Readonly<Record<string, unknown>>;

const plain = (b: Block): Part | undefined => textPart(b.text ?? b.content);
const thought = (b: Block): Part | undefined => reasoningPart(b.thinking ?? b.reasoning ?? b.text ?? b.content);
const call = (b: Block): Part => toolCallPart(b.id ?? b.toolCallId ?? b.call_id, b.name, b.input ?? b.arguments);
const response = (b: Block): Part =>
  toolResponsePart(b.tool_use_id ?? b.toolCallId ?? b.call_id ?? b.id, resultOf(b.response ?? b.content ?? b.output));
const media = (b: Block): Part | undefined => {
  const source = object(b.source) ?? b;
  const url = text(object(b.image_url)?.url ?? b.image_url ?? source.url);
  const inline = /^data:([\w.+-]+\/[\w.+-]+);base64,/.exec(url ?? "");
  if (inline) return mediaPart(inline[1], { data: url?.slice(inline[0].length) });
  const mime = text(source.media_type ?? source.mimeType ?? source.mime_type) ?? "image/";
  return mediaPart(mime, { data: source.data, uri: url, file: source.file_id });
};
/** A block that has no part of its own: any type may stand in a message. */
const other = (b: Block): Part => ({ ...b, type: text(b.type) ?? "other" });

const BLOCKS: Readonly<Record<string, (block: Block) => Part | undefined>> = {
  text: plain,
  input_text: plain,
  output_text: plain,
  thinking: thought,
  reasoning: thought,
  tool_use: call,
  tool_call: call,
  toolCall: call,
  tool_result: response,
  tool_call_response: response,
  image: media,
  image_url: media,
  input_image: media,
};

function untypedPart(b: Block): Part | undefined {
  const data = object(b.inlineData);
  if (data) return mediaPart(data.mimeType, { data: data.data });
  const file = object(b.fileData);
  if (file) return mediaPart(file.mimeType, { uri: file.fileUri });
  const called = object(b.functionCall);
  if (called) return toolCallPart(called.id, called.name, called.args);
  const answered = object(b.functionResponse);
  if (answered) return toolResponsePart(answered.id, answered.response);
  return b.thought === true ? reasoningPart(b.text) : textPart(b.text);
}

const isTextBlock = (type: unknown): boolean => type === "text" || type === "input_text" || type === "output_text";

/** What tools give back, as most agents store it: the texts of a list of text blocks as one text, all else as it is. */
export function resultOf(content: unknown): unknown {
  const texts = list(content).map((block) => (isTextBlock(object(block)?.type) ? object(block)?.text : undefined));
  const isText = texts.length > 0 && texts.every((one) => typeof one === "string");
  return isText ? texts.join("\n") : (content ?? undefined);
}

/** A value of JSON text that is an object or a list; everything else as it is, nothing for what is not there. */
export function structured(value: unknown): unknown {
  if (value === null) return undefined;
  if (typeof value !== "string" || !/^\s*[{[]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value; // a text that only begins like JSON
  }
}

/** Providers' words for why a model stopped, by those of the GenAI conventions. */
const FINISH: Readonly<Record<string, string>> = {
  end_turn: "stop",
  stop_sequence: "stop",
  stop: "stop",
  endturn: "stop",
  max_tokens: "length",
  length: "length",
  maxtokens: "length",
  tool_use: "tool_call",
  tool_calls: "tool_call",
  tooluse: "tool_call",
  toolcalls: "tool_call",
  "tool-calls": "tool_call",
  refusal: "content_filter",
  safety: "content_filter",
  content_filter: "content_filter",
  "content-filter": "content_filter",
  error: "error",
  aborted: "error",
  cancelled: "error",
};
