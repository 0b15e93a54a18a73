/** The tokens of a session by model, as its ends tell them: running on over resumes, or from the last one. */
import type { Draft, Emit } from "../../record/draft.ts";
import { type JsonObject, number, object } from "../../record/json.ts";
import type { Usage } from "../../record/schema.ts";
import { totalUsage } from "../../record/usage.ts";
import { costOf } from "./facts.ts";
import { sumDraft } from "./store.ts";

const FIELDS = ["inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens", "reasoningTokens"] as const;
const NANO = "totalNanoAiu";

type Counts = Record<string, number>;

export interface Sums {
  /** By model: what was last told, and what all ends together tell. */
  last: Record<string, Counts>;
  total: Record<string, Counts>;
}

export function noSums(): Sums {
  return { last: {}, total: {} };
}

/** Adds what an end tells beyond the one before. Numbers that fell begin anew. */
export function addSums(sums: Sums, metrics: JsonObject): void {
  for (const [model, value] of Object.entries(metrics)) {
    const told = object(value) ?? {};
    const usage = object(told.usage) ?? {};
    const now: Counts = {};
    for (const field of FIELDS) if (number(usage[field]) !== undefined) now[field] = number(usage[field]) ?? 0;
    if (number(told[NANO]) !== undefined) now[NANO] = number(told[NANO]) ?? 0;
    const before = sums.last[model] ?? {};
    const isOn = Object.entries(before).every(([field, count]) => (now[field] ?? 0) >= count);
    const total = sums.total[model] ?? {};
    for (const [field, count] of Object.entries(now))
      total[field] = (total[field] ?? 0) + count - (isOn ? (before[field] ?? 0) : 0);
    sums.total[model] = total;
    sums.last[model] = now;
  }
}

/** Adds a call that no end tells of. */
export function addUsed(sums: Sums, model: string | undefined, usage: Usage): void {
  const total = sums.total[model ?? ""] ?? {};
  const told = [
    usage.input_tokens,
    usage.output_tokens,
    usage.cache_read_input_tokens,
    usage.cache_creation_input_tokens,
  ];
  [...told, usage.reasoning_output_tokens].forEach((count, i) => {
    const field = FIELDS[i] as string;
    if (count !== undefined) total[field] = (total[field] ?? 0) + count;
  });
  sums.total[model ?? ""] = total;
}

export function tellSums({ total }: Sums, session: string, more: Pick<Draft, "time" | "at">, emit: Emit): void {
  for (const [model, counts] of Object.entries(total)) {
    const { inputTokens: input, outputTokens: output, reasoningTokens: reasoning } = counts;
    const usage = totalUsage({
      input,
      output,
      reasoning,
      cacheRead: counts.cacheReadTokens,
      cacheCreation: counts.cacheWriteTokens,
    });
    emit({ ...sumDraft(session, model), ...more, usage, cost_usd: costOf(counts[NANO], more.time) });
  }
}
