/** Owns which records an export is about, and what that makes of a family's tree. */
import type { WeirRecord } from "../record/schema.ts";
import type { Node } from "./tree.ts";

export interface Filter {
  /** Milliseconds since 1970; records without a time pass neither bound. */
  readonly since?: number;
  readonly until?: number;
  readonly agents: readonly string[];
  readonly sessions: readonly string[];
  readonly models: readonly string[];
  readonly operations: readonly string[];
}

/** Whether a filter leaves anything out. */
export function isFiltering({ since, until, agents, sessions, models, operations }: Filter): boolean {
  const lists = [agents, sessions, models, operations];
  return since !== undefined || until !== undefined || lists.some((names) => names.length > 0);
}

const among = (wanted: readonly string[], value: string | undefined): boolean =>
  wanted.length === 0 || (value !== undefined && wanted.includes(value));

export function passes(record: WeirRecord, filter: Filter): boolean {
  if (filter.since !== undefined || filter.until !== undefined) {
    const time = Date.parse(record.time ?? "");
    if (!(time >= (filter.since ?? Number.NEGATIVE_INFINITY) && time < (filter.until ?? Number.POSITIVE_INFINITY)))
      return false;
  }
  return (
    among(filter.agents, record.agent) &&
    among(filter.sessions, record.session_id) &&
    among(filter.models, record.model ?? record.request_model) &&
    among(filter.operations, record.operation)
  );
}

/** What an export tells of a family. */
export interface Selection {
  /** The whole tree, by which turns know what happened in them, whatever of it is told. */
  readonly all: readonly Node[];
  /** What is told of it. */
  readonly nodes: readonly Node[];
  /** The records that pass. */
  readonly records: readonly WeirRecord[];
}

export function select(all: readonly Node[], records: readonly WeirRecord[], filter: Filter): Selection {
  if (!isFiltering(filter)) return { all, nodes: all, records };
  return { all, nodes: wanted(all, filter), records: records.filter((record) => passes(record, filter)) };
}

/** A turn that no record tells has neither time nor model of its own: it is wanted where something in it is. */
function wanted(all: readonly Node[], filter: Filter): Node[] {
  const anything: Filter = { ...filter, operations: [] };
  const turns = new Set<Node>();
  for (const node of all.toReversed()) {
    if (node.derived && node.notes.some((note) => passes(note, anything))) turns.add(node);
    const isWanted = node.derived ? turns.has(node) : passes(node.record, anything);
    if (isWanted && node.parent?.derived) turns.add(node.parent);
  }
  return all.filter((node) =>
    node.derived ? turns.has(node) && among(filter.operations, node.record.operation) : passes(node.record, filter),
  );
}

/** True for a record with texts that were captured. */
export function hasContent({ content, raw }: WeirRecord): boolean {
  return content !== undefined || raw !== undefined;
}

/** The same record without the texts that were captured. */
export function withoutContent({ content, raw, ...record }: WeirRecord): WeirRecord {
  return record;
}
