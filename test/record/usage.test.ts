/** Proves the one convention of token usage: parts are inside their totals, and unknown is absent, never 0. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { summedUsage, tokensOf, totalUsage } from "../../src/record/usage.ts";

const count = fc.option(fc.nat({ max: 2 ** 40 }), { nil: undefined });
const counts = fc.record({ input: count, output: count, cacheRead: count, cacheCreation: count, reasoning: count });

describe("usage", () => {
  test("of an agent that reports totals is told as it is; what is absent stays absent", () => {
    fc.assert(
      fc.property(counts, (c) => {
        const usage = totalUsage(c) ?? {};
        expect(usage).toEqual(
          JSON.parse(
            JSON.stringify({
              input_tokens: c.input,
              output_tokens: c.output,
              cache_read_input_tokens: c.cacheRead,
              cache_creation_input_tokens: c.cacheCreation,
              reasoning_output_tokens: c.reasoning,
            }),
          ),
        );
      }),
    );
    expect(totalUsage({})).toBeUndefined();
    expect(totalUsage({ input: 0 })).toEqual({ input_tokens: 0 });
  });

  test("of an agent that reports the parts apart is summed: no part is larger than its total", () => {
    fc.assert(
      fc.property(counts, (c) => {
        const usage = summedUsage(c, { caches: true, reasoning: true }) ?? {};
        const read = usage.cache_read_input_tokens ?? 0;
        const created = usage.cache_creation_input_tokens ?? 0;
        expect((usage.input_tokens ?? 0) - read - created).toBe(c.input ?? 0);
        expect((usage.output_tokens ?? 0) - (usage.reasoning_output_tokens ?? 0)).toBe(c.output ?? 0);
      }),
    );
  });

  test("adds only what was said to be apart", () => {
    const c = { input: 10, output: 5, cacheRead: 100, cacheCreation: 1000, reasoning: 3 };
    expect(summedUsage(c, { caches: true })).toMatchObject({ input_tokens: 1110, output_tokens: 5 });
    expect(summedUsage(c, { reasoning: true })).toMatchObject({ input_tokens: 10, output_tokens: 8 });
    expect(summedUsage({ cacheRead: 7 }, { caches: true })).toEqual({ input_tokens: 7, cache_read_input_tokens: 7 });
  });

  test("takes no count that is none: negative, not a number, not finite; fractions are cut", () => {
    for (const none of [-1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, Number.MAX_VALUE, "5", null, {}, true])
      expect(totalUsage({ input: none, output: 5 })).toEqual({ output_tokens: 5 });
    expect(totalUsage({ input: 5.9 })).toEqual({ input_tokens: 5 });
  });

  test("has as many tokens as its two totals", () => {
    expect(
      tokensOf({ input_tokens: 10, output_tokens: 5, cache_read_input_tokens: 7, reasoning_output_tokens: 2 }),
    ).toBe(15);
    expect(tokensOf({})).toBe(0);
    expect(tokensOf(undefined)).toBe(0);
  });
});
