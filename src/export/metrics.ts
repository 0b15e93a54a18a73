/** Owns the metrics: which instruments there are, their bounds and attributes (semantic conventions v1.41.1), and what feeds them. */
import { GEN_AI } from "../record/attributes.ts";
import type { WeirRecord } from "../record/schema.ts";
import { agentNameOf, errorTypeOf, toolNameOf, UNKNOWN } from "./attributes.ts";
import type { Selection } from "./filter.ts";
import { type Attributes, millisOf, type Resources, timesOf } from "./otel.ts";
import type { Instrument, Meter } from "./points.ts";
import type { Node } from "./tree.ts";

/** The conventions' buckets for tokens and for seconds. */
export const TOKEN_BOUNDS: readonly number[] = Array.from({ length: 14 }, (_, n) => 4 ** n);
export const SECOND_BOUNDS: readonly number[] = Array.from({ length: 14 }, (_, n) => 2 ** n / 100);
const COUNT_BOUNDS: readonly number[] = [0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144];

const histogram = (name: string, unit: string, bounds: readonly number[], description: string): Instrument => ({
  name,
  unit,
  bounds,
  description,
  whole: unit !== "s",
});
const counter = (name: string, unit: string, description: string): Instrument => ({
  name,
  unit,
  description,
  whole: true,
});

export const INSTRUMENTS = {
  tokens: histogram("gen_ai.client.token.usage", "{token}", TOKEN_BOUNDS, "Number of input and output tokens used."),
  duration: histogram("gen_ai.client.operation.duration", "s", SECOND_BOUNDS, "GenAI operation duration."),
  firstChunk: histogram(
    "gen_ai.client.operation.time_to_first_chunk",
    "s",
    SECOND_BOUNDS,
    "Time to receive the first chunk of a streamed response.",
  ),
  toolCalls: counter("weir.tool.call.count", "{call}", "Tool calls."),
  toolDuration: histogram("weir.tool.call.duration", "s", SECOND_BOUNDS, "Duration of tool calls."),
  invocation: histogram("weir.agent.invocation.duration", "s", SECOND_BOUNDS, "Duration of an agent's turns."),
  turns: histogram("weir.agent.turn.count", "{turn}", COUNT_BOUNDS, "Model calls in an agent's turn."),
  sessions: counter("weir.session.count", "{session}", "Sessions that nothing but a person began."),
} as const satisfies Readonly<Record<string, Instrument>>;

/** Gathers a family's share of all metrics: of what is told of it, and of the sessions among its records. */
export function measure(meter: Meter, { all, nodes, records }: Selection, resources: Resources): void {
  const calls = new Map<Node, number>();
  for (const { record, parent } of all)
    if (record.operation === "chat" && parent) calls.set(parent, (calls.get(parent) ?? 0) + 1);
  for (const node of nodes) measureNode(meter, node, calls.get(node), resources);
  for (const record of records) {
    const time = isTopSession(record) ? (timesOf(record)?.start ?? all[0]?.start) : undefined;
    if (time) meter.add(resources.of(record), INSTRUMENTS.sessions, 1, {}, time);
  }
}

/** A session that a person began, not another session or a subagent. */
export function isTopSession({ operation, parent_session_id, subagent }: WeirRecord): boolean {
  return operation === "session" && parent_session_id === undefined && subagent === undefined;
}

function measureNode(meter: Meter, node: Node, calls: number | undefined, resources: Resources): void {
  const { record } = node;
  const resource = resources.of(record);
  const add = (instrument: Instrument, value: number, attributes: Attributes): void =>
    meter.add(resource, instrument, value, attributes, node.end);
  const seconds = secondsOf(node);
  if (record.operation === "chat" || record.operation === "embeddings") {
    const about = inferenceAttributes(record);
    measureTokens(record, about, add);
    if (record.ttft_ms !== undefined) add(INSTRUMENTS.firstChunk, record.ttft_ms / 1000, about);
    const failed: Attributes = record.status === "error" ? { "error.type": errorTypeOf(record) } : {};
    if (seconds !== undefined) add(INSTRUMENTS.duration, seconds, { ...about, ...failed });
  } else if (record.operation === "execute_tool") {
    const name = { [GEN_AI.toolName]: toolNameOf(record) };
    add(INSTRUMENTS.toolCalls, 1, { ...name, success: record.status !== "error" });
    if (seconds !== undefined) add(INSTRUMENTS.toolDuration, seconds, name);
  } else if (record.operation === "invoke_agent") {
    const name = { [GEN_AI.agentName]: agentNameOf(record) };
    if (node.derived || seconds !== undefined) add(INSTRUMENTS.invocation, seconds ?? 0, name);
    add(INSTRUMENTS.turns, calls ?? 0, name);
    // A sum of calls that nobody told one by one.
    if (record.aggregate) measureTokens(record, inferenceAttributes(record), add);
  }
}

function measureTokens(
  { usage }: WeirRecord,
  about: Attributes,
  add: (instrument: Instrument, value: number, attributes: Attributes) => void,
): void {
  const { input_tokens: input, output_tokens: output } = usage ?? {};
  if (input !== undefined) add(INSTRUMENTS.tokens, input, { ...about, "gen_ai.token.type": "input" });
  if (output !== undefined) add(INSTRUMENTS.tokens, output, { ...about, "gen_ai.token.type": "output" });
}

function inferenceAttributes(r: WeirRecord): Attributes {
  const out: Attributes = { [GEN_AI.operationName]: r.operation, [GEN_AI.providerName]: r.provider ?? UNKNOWN };
  if (r.request_model !== undefined) out[GEN_AI.requestModel] = r.request_model;
  if (r.model !== undefined) out[GEN_AI.responseModel] = r.model;
  for (const name of ["server.address", "server.port"]) {
    const value = r.attributes?.[name];
    if (value !== undefined) out[name] = value;
  }
  return out;
}

/** How long it took, in seconds; undefined where nobody told. */
function secondsOf({ record, derived, start, end }: Node): number | undefined {
  if (record.duration_ms !== undefined) return record.duration_ms / 1000;
  if (!derived && record.end_time === undefined) return undefined;
  return Math.round((millisOf(end) - millisOf(start)) * 1000) / 1e6;
}
