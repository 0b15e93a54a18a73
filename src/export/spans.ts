/** Owns turning a tree's nodes into spans. */
import { idNumber, textKey } from "../record/identity.ts";
import type { WeirRecord } from "../record/schema.ts";
import { instantOf } from "../record/time.ts";
import { attributesOf, errorTypeOf, given, kindOf, nameOf, statusOf, texts } from "./attributes.ts";
import { type Attributes, isBefore, OtelSpan, type Resources, type SpanEvent, timesOf } from "./otel.ts";
import type { Node } from "./tree.ts";

const NONE: readonly SpanEvent[] = [];

export interface SpanOptions {
  readonly resources: Resources;
  /** With the texts that were captured. */
  readonly content: boolean;
}

export function spanOf(node: Node, { resources, content }: SpanOptions): OtelSpan {
  const { record } = node;
  const attributes = attributesOf(record, content);
  // Some agents tell no times; such a span stands where its session does, or where it was archived.
  if (!node.derived && record.time === undefined && record.end_time === undefined)
    attributes["weir.time_unknown"] = true;
  return new OtelSpan(
    node.traceId,
    node.spanId,
    node.parent?.spanId ?? node.elsewhere,
    nameOf(record),
    kindOf(record),
    node.start,
    node.end,
    attributes,
    eventsOf(node, content),
    statusOf(record, content),
    resources.of(record),
  );
}

/** The span's own events, and what happened in a turn that is no span. */
function eventsOf({ record, notes, start }: Node, content: boolean): readonly SpanEvent[] {
  const own = record.events;
  if (!own && notes.length === 0) return NONE;
  const events = (own ?? []).map(
    ({ name, time, attributes }): SpanEvent => ({
      name,
      time: time === undefined ? start : instantOf(time),
      attributes,
      droppedAttributesCount: 0,
    }),
  );
  for (const note of notes) events.push(noted(note, start, content));
  return events.sort((a, b) => (isBefore(a.time, b.time) ? -1 : isBefore(b.time, a.time) ? 1 : 0));
}

function noted(note: WeirRecord, start: Node["start"], content: boolean): SpanEvent {
  const attributes: Attributes = {};
  if (note.name !== undefined) attributes["weir.name"] = note.name;
  if (note.status === "error") attributes["error.type"] = errorTypeOf(note);
  if (note.duration_ms !== undefined) attributes["weir.duration_ms"] = note.duration_ms;
  given(note, attributes);
  if (content) texts(note, attributes, JSON.stringify);
  return { name: `weir.${note.operation}`, time: timesOf(note)?.start ?? start, attributes, droppedAttributesCount: 0 };
}

/**
 * What a destination remembers of a sent span whose record was open, 52 bits: that record, since its source may tell it
 * again under another fact, as with the provider's id once the answer is whole.
 */
export function tellingKey({ id }: WeirRecord): number {
  return idNumber(id);
}

/** What a destination remembers of a sent span, 52 bits: the fact that it tells, whoever tells it. */
export function factKey(record: WeirRecord, what = ""): number {
  return textKey(`${what}${record.operation}\0${record.fact}`);
}
