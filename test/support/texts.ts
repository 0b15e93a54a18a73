/** Owns the texts that tests expect of a record: messages of one speaker, as the GenAI schema has them. */
import type { WeirRecord } from "../../src/record/schema.ts";

/** What a person is to have said; a text alone is a part of that type. */
export function userSays(...parts: readonly (string | object)[]) {
  return { input_messages: [{ role: "user", parts: parts.map(partOf) }] };
}

/** What a model is to have answered, and why it ended. */
export function assistantSays(parts: readonly (string | object)[], finish_reason?: string) {
  return {
    output_messages: [{ role: "assistant", parts: parts.map(partOf), ...(finish_reason && { finish_reason }) }],
  };
}

function partOf(part: string | object): object {
  return typeof part === "string" ? { type: "text", content: part } : part;
}

/** The texts of records, by operation; of several of one operation the last one's. */
export function textsByOperation(records: readonly WeirRecord[]): Record<string, WeirRecord["content"]> {
  return Object.fromEntries(records.map(({ operation, content }) => [operation, content]));
}
