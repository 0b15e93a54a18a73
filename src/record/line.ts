/** Owns what a line of an archive holds. */
import type { WeirRecord } from "./schema.ts";

/** The record that a line holds; undefined where it holds none. Of one of a newer schema only `v` is known. */
export function recordIn(line: string): WeirRecord | undefined {
  try {
    const value = JSON.parse(line) as Partial<WeirRecord> | null;
    return value && (value.v === 1 ? isRecord(value) : Number(value.v) > 1) ? (value as WeirRecord) : undefined;
  } catch {
    return undefined; // whoever asks says what that means
  }
}

/** Whether all is there that the archive relies on; `verify` looks at the rest. */
function isRecord({ id, fact, rev, agent, stream, operation, source, host }: Partial<WeirRecord>): boolean {
  return (
    isText(id) &&
    isText(fact) &&
    isText(agent) &&
    isText(stream) &&
    isText(operation) &&
    isText(source?.path) &&
    isText(host) &&
    typeof rev === "number"
  );
}

const isText = (value: unknown): boolean => typeof value === "string";
