/** Owns the contract of a format of records: what comes first, one piece a record, what comes last. */
import type { WeirRecord } from "../record/schema.ts";

export interface Writer {
  /** Before the first record; also when there is none. */
  begin(): string | Uint8Array;
  record(record: WeirRecord): string | Uint8Array;
  end(): string | Uint8Array;
}
