/** Owns the JSON Lines format: each record as the archive has it. */
import type { Writer } from "./writer.ts";

export function jsonl(): Writer {
  return { begin: () => "", record: (record) => `${JSON.stringify(record)}\n`, end: () => "" };
}
