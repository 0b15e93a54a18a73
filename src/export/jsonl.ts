/** Owns the JSON Lines format: each record as the archive has it. */
import { visibleJson } from "../record/visible.ts";
import type { Writer } from "./writer.ts";

export function jsonl(): Writer {
  return {
    begin: () => "",
    record: (record, line) => `${visibleJson(line ?? JSON.stringify(record))}\n`,
    end: () => "",
  };
}
