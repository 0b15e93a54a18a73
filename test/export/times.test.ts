/** Proves that times are read to the nanosecond, as the platform reads their milliseconds. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { isBefore, later } from "../../src/export/otel.ts";
import { instantOf, millisOf } from "../../src/record/time.ts";

test("a time is read to the nanosecond", () => {
  expect(instantOf("2026-11-21T05:20:43.112Z")).toEqual([1795238443, 112_000_000]);
  expect(instantOf("2026-11-21T05:20:43.123456789Z")).toEqual([1795238443, 123_456_789]);
  expect(instantOf("2026-11-21T05:20:43Z")).toEqual([1795238443, 0]);
  expect(instantOf("2026-11-21T06:20:43.5+01:00")).toEqual([1795238443, 500_000_000]);
});

test("a time that no calendar has, which was archived once, is read as whole numbers that every format can write", () => {
  for (const text of ["2026-13-45T99:99:99Z", "0001-01-01T00:00:00Z", "2026-11-21T23:59:60Z", "2026-11-21T24:00:00Z"])
    for (const part of instantOf(text)) expect(Number.isInteger(part) && part >= 0).toBe(true);
  expect(instantOf("0001-01-01T00:00:00Z")).toEqual([0, 0]);
  expect(instantOf("2026-11-21T23:59:60Z")).toEqual(instantOf("2026-11-22T00:00:00Z"));
});

test("every millisecond is read as the platform reads it", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 253_402_300_799_999 }), (ms) => {
      const [seconds, nanos] = instantOf(new Date(ms).toISOString());
      expect(seconds * 1000 + nanos / 1e6).toBe(ms);
    }),
  );
});

test("milliseconds are those of the platform's own reading, smaller parts cut off", () => {
  for (const text of ["2026-11-21T05:20:43.1129Z", "2026-11-21T05:20:43.999999999Z", "2026-11-21T05:20:43Z"])
    expect(millisOf(text)).toBe(Date.parse(text));
});

test("later goes on into the next second", () => {
  expect(later([1, 999_000_000], 2.5)).toEqual([2, 1_500_000]);
  expect(isBefore([1, 5], [1, 6])).toBe(true);
  expect(isBefore([2, 0], [1, 6])).toBe(false);
});
