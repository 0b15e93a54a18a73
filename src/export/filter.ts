/** Owns which records an export is about. */
import type { WeirRecord } from "../record/schema.ts";

export interface Filter {
  /** Milliseconds since 1970; records without a time pass neither bound. */
  readonly since?: number;
  readonly until?: number;
  readonly agents: readonly string[];
  readonly sessions: readonly string[];
  readonly models: readonly string[];
  readonly operations: readonly string[];
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

/** True for a record with texts that were captured. */
export function hasContent({ content, raw }: WeirRecord): boolean {
  return content !== undefined || raw !== undefined;
}

/** The same record without the texts that were captured. */
export function withoutContent({ content, raw, ...record }: WeirRecord): WeirRecord {
  void [content, raw];
  return record;
}
