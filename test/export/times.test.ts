import { expect, test } from "bun:test";
import fc from "fast-check";
import { isBefore, later, timeOf } from "../../src/export/otel.ts";

test("a time is read to the nanosecond", () => {
  expect(timeOf("2026-11-21T05:20:43.112Z")).toEqual([1795238443, 112_000_000]);
  expect(timeOf("2026-11-21T05:20:43.123456789Z")).toEqual([1795238443, 123_456_789]);
  expect(timeOf("2026-11-21T05:20:43Z")).toEqual([1795238443, 0]);
  expect(timeOf("2026-11-21T06:20:43.5+01:00")).toEqual([1795238443, 500_000_000]);
});

test("every millisecond is read as the platform reads it", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 253_402_300_799_999 }), (ms) => {
      const [seconds, nanos] = timeOf(new Date(ms).toISOString());
      expect(seconds * 1000 + nanos / 1e6).toBe(ms);
    }),
  );
});

test("later goes on into the next second", () => {
  expect(later([1, 999_000_000], 2.5)).toEqual([2, 1_500_000]);
  expect(isBefore([1, 5], [1, 6])).toBe(true);
  expect(isBefore([2, 0], [1, 6])).toBe(false);
});
