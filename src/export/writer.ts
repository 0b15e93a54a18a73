/** Owns the contract of a text format: what comes first, one piece a record, what comes last. */
import type { WeirRecord } from "../record/schema.ts";

export interface Writer {
  /** Before the first record; also when there is none. */
  begin(): string;
  record(record: WeirRecord): string;
  end(): string;
}
