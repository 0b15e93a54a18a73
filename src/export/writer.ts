/** Owns the contract of a format of records: what comes first, one piece a record, what comes last. */
import type { WeirRecord } from "../record/schema.ts";

export interface Writer {
  /** Before the first record; also when there is none. */
  begin(): string | Uint8Array;
  /** `line` is the record as the archive has it, where nothing of it is changed or left out. */
  record(record: WeirRecord, line?: string): string | Uint8Array;
  end(): string | Uint8Array;
}
