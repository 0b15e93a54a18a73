/** Owns token usage: one convention for all agents, the parts inside their totals (semantic conventions v1.41.1). */
import type { Usage } from "./schema.ts";

/** A count; a number that no count can be, or that could not be added exactly, is none. */
const whole = (n: unknown): number | undefined =>
  typeof n === "number" && n >= 0 && n <= Number.MAX_SAFE_INTEGER ? Math.floor(n) : undefined;

interface Counts {
  /** Input tokens as the agent counts them. */
  readonly input?: unknown;
  readonly output?: unknown;
  readonly cacheRead?: unknown;
  readonly cacheCreation?: unknown;
  readonly reasoning?: unknown;
}

function build(input: number | undefined, output: number | undefined, c: Counts): Usage | undefined {
  const usage: Usage = {};
  if (input !== undefined) usage.input_tokens = input;
  if (output !== undefined) usage.output_tokens = output;
  const read = whole(c.cacheRead);
  const creation = whole(c.cacheCreation);
  const reasoning = whole(c.reasoning);
  if (read !== undefined) usage.cache_read_input_tokens = read;
  if (creation !== undefined) usage.cache_creation_input_tokens = creation;
  if (reasoning !== undefined) usage.reasoning_output_tokens = reasoning;
  for (const _ in usage) return usage;
  return undefined;
}

/** Usage of an agent whose totals already include caches and reasoning. Absent counts stay absent. */
export function totalUsage(c: Counts): Usage | undefined {
  return build(whole(c.input), whole(c.output), c);
}

/**
 * Usage of an agent that reports parts apart. `caches: true` adds both cache counts to the input,
 * `reasoning: true` adds the reasoning to the output.
 */
export function summedUsage(
  c: Counts,
  apart: { readonly caches?: boolean; readonly reasoning?: boolean },
): Usage | undefined {
  const input = whole(c.input);
  const output = whole(c.output);
  const caches = apart.caches ? (whole(c.cacheRead) ?? 0) + (whole(c.cacheCreation) ?? 0) : 0;
  const reasoning = apart.reasoning ? (whole(c.reasoning) ?? 0) : 0;
  return build(
    input === undefined && caches === 0 ? undefined : (input ?? 0) + caches,
    output === undefined && reasoning === 0 ? undefined : (output ?? 0) + reasoning,
    c,
  );
}

/** All tokens of a usage. */
export function tokensOf(usage: Usage | undefined): number {
  return (usage?.input_tokens ?? 0) + (usage?.output_tokens ?? 0);
}
