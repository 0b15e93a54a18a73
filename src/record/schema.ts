/** Owns the record, schema 1: every key, its type and its meaning. Nothing else defines what a record is. */
import * as v from "valibot";
import { OPERATIONS } from "./operations.ts";

const text = v.string();
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const time = v.pipe(v.string(), v.isoTimestamp());
const scalar = v.union([v.string(), v.number(), v.boolean()]);
const scalars = v.record(v.string(), v.union([scalar, v.array(scalar)]));
const about = <T extends v.BaseSchema<unknown, unknown, v.BaseIssue<unknown>>>(schema: T, meaning: string) =>
  v.pipe(schema, v.description(meaning));
const maybe = <T extends v.BaseSchema<unknown, unknown, v.BaseIssue<unknown>>>(schema: T, meaning: string) =>
  v.optional(v.pipe(schema, v.description(meaning)));

export const usageSchema = v.object({
  input_tokens: maybe(count, "all input tokens, cached ones included"),
  output_tokens: maybe(count, "all output tokens, reasoning included"),
  cache_read_input_tokens: maybe(count, "part of input_tokens that came from the provider's cache"),
  cache_creation_input_tokens: maybe(count, "part of input_tokens that was written to the provider's cache"),
  reasoning_output_tokens: maybe(count, "part of output_tokens that was reasoning"),
});

const eventSchema = v.object({ name: text, time: v.optional(time), attributes: v.optional(scalars) });

/** A part of a message, as the GenAI conventions name them; any other type may stand there, with fields of its own. */
const PARTS = {
  text: v.looseObject({ type: v.literal("text"), content: text }),
  reasoning: v.looseObject({ type: v.literal("reasoning"), content: text }),
  tool_call: v.looseObject({
    type: v.literal("tool_call"),
    name: text,
    id: v.optional(text),
    arguments: v.optional(v.unknown()),
  }),
  tool_call_response: v.looseObject({
    type: v.literal("tool_call_response"),
    response: v.optional(v.unknown()),
    id: v.optional(text),
  }),
  blob: v.looseObject({ type: v.literal("blob"), modality: text, content: text, mime_type: v.optional(text) }),
  uri: v.looseObject({ type: v.literal("uri"), modality: text, uri: text, mime_type: v.optional(text) }),
  file: v.looseObject({ type: v.literal("file"), modality: text, file_id: text, mime_type: v.optional(text) }),
} as const;

const partSchema = v.union([...Object.values(PARTS), v.looseObject({ type: text })]);

const messageSchema = v.looseObject({
  role: text,
  parts: v.pipe(v.array(partSchema), v.readonly()),
  name: v.optional(text),
  finish_reason: v.optional(text),
});
const messages = v.pipe(v.array(messageSchema), v.readonly());

const toolSchema = v.looseObject({ type: text, name: text });

export const contentSchema = v.object({
  input_messages: maybe(
    messages,
    "messages sent: role and parts (text, reasoning, tool_call, tool_call_response, blob)",
  ),
  output_messages: maybe(messages, "messages answered, each with why it ended; of a compaction its summary"),
  system_instructions: maybe(v.pipe(v.array(partSchema), v.readonly()), "system instructions, as parts"),
  tool_definitions: maybe(
    v.pipe(v.array(toolSchema), v.readonly()),
    "the tools that were offered: type, name, description, parameters",
  ),
  tool_arguments: maybe(v.unknown(), "the arguments of the tool call"),
  tool_result: maybe(v.unknown(), "the result of the tool call"),
  error_message: maybe(text, "the error's message"),
});

export const recordSchema = v.object({
  v: about(v.literal(1), "the record schema's version"),
  id: about(
    v.pipe(text, v.regex(/^[0-9a-f]{32}$/)),
    "this telling of the fact: a hash of agent, stream, session, operation and the native key; the same on any machine",
  ),
  fact: about(text, "what the record tells of, the same wherever it is told"),
  rev: about(count, "0; higher when the source rewrote the fact"),
  open: maybe(v.literal(true), "the fact may still grow"),
  time: maybe(time, "start, RFC 3339 in UTC"),
  end_time: maybe(time, "end"),
  duration_ms: maybe(v.number(), "how long it took, in milliseconds"),
  turn: maybe(count, "the turn's number in its session, from 0"),
  agent: about(text, "the program whose session this is"),
  agent_version: maybe(text, "the program's version"),
  stream: about(text, "which of the agent's streams told this"),
  kind: maybe(v.picklist(["client", "internal"]), "client: a call to a remote service; internal: work on this machine"),
  session_id: maybe(text, "the agent's own session id, the same in all its streams"),
  parent_session_id: maybe(text, "the session that spawned this one"),
  forked_from: maybe(text, "the session that this one was forked from, where it is known"),
  conversation_id: maybe(text, "the id that groups the sessions of one conversation, where the agent has one"),
  subagent: maybe(
    v.object({ id: v.optional(text), name: v.optional(text) }),
    "the subagent that did this inside its parent's session",
  ),
  operation: about(v.picklist(OPERATIONS), "what kind of fact this is"),
  name: maybe(text, "a name, only where it is not operation + model or tool"),
  trace_id: maybe(text, "only where the source has one"),
  span_id: maybe(text, "only where the source has one"),
  parent_span_id: maybe(text, "only where the source has one"),
  agent_name: maybe(text, "the agent or subagent that ran"),
  status: maybe(v.picklist(["ok", "error", "unset"]), "how it ended"),
  error_type: maybe(text, "the class of the error, never its message"),
  provider: maybe(text, "who served the model"),
  request_model: maybe(text, "the model that was asked for"),
  model: maybe(text, "the model that answered"),
  response_id: maybe(text, "the provider's id of the response"),
  finish_reasons: maybe(v.array(text), "why the model stopped"),
  usage: maybe(usageSchema, "tokens; the last three are parts of the first two"),
  aggregate: maybe(v.literal(true), "the usage is a sum of calls"),
  cost_usd: maybe(v.number(), "cost in US dollars, only where the agent recorded one"),
  tool: maybe(
    v.object({ name: v.optional(text), call_id: v.optional(text), type: v.optional(text) }),
    "the tool that was called",
  ),
  ttft_ms: maybe(v.number(), "time to the first token, in milliseconds"),
  cwd: maybe(text, "the working directory, its home folder written as ~"),
  repository: maybe(text, "the repository's address, without user information, its home folder written as ~"),
  branch: maybe(text, "the branch that was checked out"),
  events: maybe(v.array(eventSchema), "the span's own events"),
  attributes: maybe(scalars, "further facts under their original names"),
  resource: maybe(scalars, "the producer's resource attributes"),
  content: maybe(contentSchema, "texts, only when their capture was asked for"),
  raw: maybe(text, "the source item's own text, only at capture level raw"),
  source: about(
    v.object({
      path: about(text, "the store, relative to the home in use"),
      offset: maybe(count, "byte offset of the line"),
      index: maybe(count, "index in the document"),
      row: maybe(v.union([v.number(), v.string()]), "key of the row"),
    }),
    "where this was read",
  ),
  host: about(text, "this installation's random id"),
});

export type WeirRecord = v.InferOutput<typeof recordSchema>;
export type Usage = v.InferOutput<typeof usageSchema>;
export type Part = v.InferOutput<typeof partSchema>;
export type Message = v.InferOutput<typeof messageSchema>;
export type ToolDefinition = v.InferOutput<typeof toolSchema>;
export type Content = v.InferOutput<typeof contentSchema>;
export type Scalars = v.InferOutput<typeof scalars>;
