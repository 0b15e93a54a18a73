/** The tokens of a call, as lines, events and old documents of Qwen Code name them. */
import { number, object } from "../../record/json.ts";
import type { Usage } from "../../record/schema.ts";
import { summedUsage, tokensOf, totalUsage } from "../../record/usage.ts";

/** What input, output, cached part, thoughts, the total and prompts of tools are called in lines, events and old documents. */
export interface Names {
  readonly of: readonly [input: string, output: string, cached: string, thoughts: string, total: string, tool?: string];
  readonly ending: string;
}

export const IN_LINE: Names = {
  of: ["prompt", "candidates", "cachedContent", "thoughts", "total"],
  ending: "TokenCount",
};
export const IN_EVENT: Names = {
  of: ["input", "output", "cached_content", "thoughts", "total"],
  ending: "_token_count",
};
export const IN_DOCUMENT: Names = { of: ["input", "output", "cached", "thoughts", "total", "tool"], ending: "" };

/** Prompts of tools are input apart. Thoughts are part of the output, unless the total proves that they were counted apart. */
export function usageOf(value: unknown, names: Names): Usage | undefined {
  const counts = object(value) ?? {};
  const of = names.of.map((name) => number(counts[name + names.ending]));
  const [said, output, cacheRead, reasoning, total, tool] = of;
  const input = tool ? (said ?? 0) + tool : said;
  const parts = { input, output, cacheRead, reasoning };
  const isApart = (reasoning ?? 0) > 0 && total === (input ?? 0) + (output ?? 0) + (reasoning ?? 0);
  const usage = isApart ? summedUsage(parts, { reasoning: true }) : totalUsage(parts);
  return tokensOf(usage) > 0 ? usage : undefined;
}

/**
 * By what the two tellings of one call know each other: their times are milliseconds apart, and one of them may lack the
 * cached tokens, the thoughts or the total.
 */
export function tokensText(value: unknown, { of: [input, output], ending }: Names): string {
  const counts = object(value) ?? {};
  return `${number(counts[input + ending]) ?? 0}|${number(counts[output + ending]) ?? 0}`;
}
