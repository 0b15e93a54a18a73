/** Proves that amounts are read as people write them, and shown so that they read back as the same. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { amountIn, textOf } from "../../src/config/units.ts";

describe("amountIn", () => {
  test.each([
    ["5MiB", "size", 5 << 20],
    ["100MB", "size", 100_000_000],
    ["64 KiB", "size", 65536],
    ["1.5mib", "size", 1.5 * 2 ** 20],
    ["4096B", "size", 4096],
    ["30d", "age", 30],
    ["12h", "age", 0.5],
    ["2w", "age", 14],
    ["15s", "duration", 15_000],
    ["1500ms", "duration", 1500],
    ["0", "size", 0],
  ] as const)("%s is a %s of %p", (text, kind, amount) => {
    expect(amountIn(text, kind, false)).toBe(amount);
  });

  test.each([
    ["30", "age", "needs a unit"],
    ["1048576", "size", "needs a unit"],
    ["-30d", "age", "negative"],
    ["-5MiB", "size", "negative"],
    ["30MB", "age", "no unit of an age"],
    ["5d", "size", "no unit of a size"],
    ["much", "size", "is no size"],
    ["", "size", "is no size"],
    ["0x10B", "size", "is no size"],
    ["1e3B", "size", "is no size"],
    ["99999999TiB", "size", "too large"],
  ] as const)("%p is no %s: %s", (text, kind, problem) => {
    expect(amountIn(text, kind, false)).toEqual({ problem: expect.stringContaining(problem) });
  });

  test("takes a bare number where the name says the unit, and then only a whole one for sizes", () => {
    expect(amountIn(5_000_000, "size", true)).toBe(5_000_000);
    expect(amountIn("30", "age", true)).toBe(30);
    expect(amountIn(1.5, "size", true)).toEqual({ problem: "must be a whole number" });
    expect(amountIn(Number.POSITIVE_INFINITY, "size", true)).toHaveProperty("problem");
  });

  test.each(["512MB", "10GB", "1TB", "100MB", "5MiB", "1GiB", "2TiB", "64kB", "4097B"])(
    "%s is shown as it was written",
    (text) => {
      expect(textOf("size", amountIn(text, "size", false) as number)).toBe(text);
    },
  );

  test("reads back what textOf wrote", () => {
    const kinds = fc.constantFrom("size", "duration" as const);
    fc.assert(
      fc.property(kinds, fc.nat({ max: 2 ** 50 }), (kind, n) => {
        expect(amountIn(textOf(kind as "size", n), kind as "size", false)).toBe(n);
      }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000_000 }), (minutes) => {
        expect(amountIn(textOf("age", minutes / 1440), "age", false)).toBeCloseTo(minutes / 1440, 9);
      }),
    );
  });
});
