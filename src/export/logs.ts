/** Owns the log records: which facts are told as events, under which names, each with the span that it belongs to. */
import { GEN_AI } from "../record/attributes.ts";
import type { WeirRecord } from "../record/schema.ts";
import { agentNameOf, attributesOf, errorTypeOf, nameOf, texts, toolNameOf } from "./attributes.ts";
import type { Selection } from "./filter.ts";
import { isTopSession } from "./metrics.ts";
import { millisOf, type OtelLog, type Resources, SAMPLED, SCOPE, type Time, timesOf } from "./otel.ts";
import type { SpanOptions } from "./spans.ts";
import { lineKey, type Node } from "./tree.ts";

const DETAILS = "gen_ai.client.inference.operation.details";
const INFO = 9;

/** A log record and the record that it was made from. */
export interface Told {
  readonly log: OtelLog;
  readonly record: WeirRecord;
  /** The node whose turn decides whether it is told yet. */
  readonly node: Node;
}

/** What happened in a turn. */
interface Work {
  /** Unknown where no call tells its tokens. */
  input?: number;
  output?: number;
  tools: number;
}

/** The log records of a family: model calls, tool calls, turns, and sessions that a person began. */
export function logsOf({ all, nodes, records }: Selection, options: SpanOptions): Told[] {
  const told: Told[] = [];
  const work = workOf(all);
  const indexes = indexesOf(all);
  for (const node of nodes) {
    const made = logOf(node, work.get(node), indexes.get(node), options);
    if (made) told.push({ log: made, record: node.record, node });
  }
  for (const record of records) {
    if (!isTopSession(record)) continue;
    const times = timesOf(record);
    const first = all.find((node) => node.record.session_id === record.session_id);
    if (!first) continue;
    const attributes = {
      ...about("weir.session.start", record),
      [GEN_AI.agentName]: agentNameOf(record),
      ...modelOf(all, record.session_id),
    };
    told.push({
      log: log(first, times?.start ?? first.start, `session ${record.agent}`, attributes, options.resources, record),
      record,
      node: first,
    });
  }
  return told;
}

function modelOf(nodes: readonly Node[], session: string | undefined): Record<string, string> {
  const call = nodes.find(({ record: r }) => r.session_id === session && r.operation === "chat");
  const { request_model, model } = call?.record ?? {};
  if (request_model !== undefined) return { [GEN_AI.requestModel]: request_model };
  return model === undefined ? {} : { [GEN_AI.responseModel]: model };
}

function workOf(nodes: readonly Node[]): Map<Node, Work> {
  const work = new Map<Node, Work>();
  for (const { record, parent } of nodes) {
    if (!parent) continue;
    const sum = work.get(parent) ?? { tools: 0 };
    work.set(parent, sum);
    if (record.operation === "execute_tool") sum.tools++;
    if (record.operation !== "chat") continue;
    sum.input = added(sum.input, record.usage?.input_tokens);
    sum.output = added(sum.output, record.usage?.output_tokens);
  }
  return work;
}

/** The sum of what is known. */
function added(sum: number | undefined, more: number | undefined): number | undefined {
  return more === undefined ? sum : (sum ?? 0) + more;
}

/** The index of each turn that does not tell its own: its place in time among the turns of its session, or subagent. */
function indexesOf(all: readonly Node[]): ReadonlyMap<Node, number> {
  const indexes = new Map<Node, number>();
  const turns = all.filter(({ record }) => record.operation === "invoke_agent" && record.turn === undefined);
  if (turns.length === 0) return indexes;
  const lines = Map.groupBy(
    all.filter(({ record }) => record.operation === "invoke_agent"),
    ({ record }) => lineKey(record),
  );
  for (const line of lines.values())
    line.sort((a, b) => millisOf(a.start) - millisOf(b.start)).forEach((turn, index) => void indexes.set(turn, index));
  return indexes;
}

function about(name: string, { session_id }: WeirRecord): Record<string, unknown> {
  const attributes: Record<string, unknown> = { "event.name": name };
  if (session_id !== undefined) {
    attributes[GEN_AI.conversationId] = session_id;
    attributes["session.id"] = session_id;
  }
  return attributes;
}

function logOf(
  node: Node,
  work: Work | undefined,
  index: number | undefined,
  { resources, content }: SpanOptions,
): OtelLog | undefined {
  const { record } = node;
  const made = (name: string, attributes: Record<string, unknown>): OtelLog =>
    log(node, node.end, nameOf(record), { ...about(name, record), ...attributes }, resources, record);
  if (record.operation === "chat" || record.operation === "embeddings") {
    const attributes: Record<string, unknown> = attributesOf(record, false);
    if (content) texts(record, attributes, (value) => value);
    return made(DETAILS, attributes);
  }
  if (record.operation === "execute_tool") {
    const failed = record.status === "error";
    return made("weir.tool.call", {
      [GEN_AI.toolName]: toolNameOf(record),
      success: !failed,
      ...(record.duration_ms === undefined ? {} : { duration_ms: record.duration_ms }),
      ...(failed ? { "error.type": errorTypeOf(record) } : {}),
    });
  }
  if (record.operation !== "invoke_agent") return undefined;
  const input = work?.input ?? record.usage?.input_tokens;
  const output = work?.output ?? record.usage?.output_tokens;
  return made("weir.agent.turn", {
    [GEN_AI.agentName]: agentNameOf(record),
    "turn.index": record.turn ?? index ?? 0,
    ...(input === undefined ? {} : { [GEN_AI.usageInputTokens]: input }),
    ...(output === undefined ? {} : { [GEN_AI.usageOutputTokens]: output }),
    tool_call_count: work?.tools ?? 0,
  });
}

function log(
  node: Node,
  time: Time,
  body: string,
  attributes: Record<string, unknown>,
  resources: Resources,
  record: WeirRecord,
): OtelLog {
  return {
    hrTime: time,
    hrTimeObserved: time,
    severityNumber: INFO,
    severityText: "INFO",
    body,
    eventName: String(attributes["event.name"]),
    attributes,
    droppedAttributesCount: 0,
    spanContext: { traceId: node.traceId, spanId: node.spanId, traceFlags: SAMPLED },
    resource: resources.of(record),
    instrumentationScope: SCOPE,
  };
}
