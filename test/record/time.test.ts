/** Proves that times come through exactly: fractions kept, UTC everywhere, and what is no time is nothing. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { between, fromMillis, fromNanos, fromSeconds, timeOf, utc } from "../../src/record/time.ts";

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/;

describe("a time text", () => {
  test("that is UTC stays as it is, with all its digits", () => {
    for (const text of ["2026-11-21T05:20:29Z", "2026-11-21T05:20:29.1Z", "2026-11-21T05:20:29.123456789Z"])
      expect(utc(text)).toBe(text);
  });

  test("of another zone is told in UTC", () => {
    expect(utc("2026-11-21T07:20:29.5+02:00")).toBe("2026-11-21T05:20:29.500Z");
    expect(utc("2026-11-20T21:20:29-08:00")).toBe("2026-11-21T05:20:29.000Z");
  });

  test("that is none, or of another type, is nothing", () => {
    for (const none of ["", "yesterday", "2026-13-45T99:99:99Z+x", 5, null, undefined, {}])
      expect(utc(none)).toBeUndefined();
  });
});

describe("a time text that looks like UTC", () => {
  test("and is no time of any calendar is nothing", () => {
    for (const none of [
      "2026-13-45T99:99:99Z",
      "2026-00-10T00:00:00Z",
      "2026-11-00T00:00:00Z",
      "2026-11-31T00:00:00Z",
      "2026-02-29T00:00:00.123456789Z",
      "2100-02-29T00:00:00Z",
      "2026-11-21T24:00:01Z",
      "2026-11-21T05:60:00Z",
      "2026-11-21T23:59:60Z",
    ])
      expect(utc(none)).toBeUndefined();
  });

  test("and lies before 1970 is nothing, as for numbers", () => {
    expect(utc("0001-01-01T00:00:00Z")).toBeUndefined();
    expect(utc("1969-12-31T23:59:59.999Z")).toBeUndefined();
    expect(utc("1970-01-01T00:00:00Z")).toBe("1970-01-01T00:00:00Z");
    expect(utc("9999-12-31T23:59:59.999999999Z")).toBe("9999-12-31T23:59:59.999999999Z");
  });

  test("and ends its day is the next day's beginning", () => {
    expect(utc("2026-11-21T24:00:00Z")).toBe("2026-11-22T00:00:00.000Z");
  });

  test("stays as it is on every day that there is", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2_932_896 }), (day) => {
        const text = new Date(day * 86_400_000).toISOString();
        expect(utc(text)).toBe(text);
      }),
    );
    expect(utc("2028-02-29T12:00:00.123456789Z")).toBe("2028-02-29T12:00:00.123456789Z");
    expect(utc("2000-02-29T12:00:00Z")).toBe("2000-02-29T12:00:00Z");
  });
});

describe("a number of milliseconds", () => {
  test("is RFC 3339 in UTC, and the same moment again", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 253_402_300_799_999 }), (ms) => {
        const text = fromMillis(ms) ?? "";
        expect(text).toMatch(RFC3339);
        expect(Date.parse(text)).toBe(ms);
      }),
    );
  });

  test("keeps its fraction to the microsecond", () => {
    expect(fromMillis(1_795_238_429_192.25)).toBe("2026-11-21T05:20:29.19225Z");
    expect(fromMillis(1_795_238_429_192.001)).toBe("2026-11-21T05:20:29.192001Z");
    expect(fromMillis(1_795_238_429_192.9)).toBe("2026-11-21T05:20:29.1929Z");
    expect(fromMillis(1_795_238_429_192.9993)).toBe("2026-11-21T05:20:29.192999Z");
    expect(fromMillis(1_795_238_429_192.9998)).toBe("2026-11-21T05:20:29.193Z");
    expect(fromMillis(1_795_238_459_999.9998)).toBe("2026-11-21T05:21:00.000Z");
  });

  test("outside the years that RFC 3339 can write is nothing", () => {
    for (const none of [-1, 253_402_300_800_000, Number.NaN, Number.POSITIVE_INFINITY, "5", null])
      expect(fromMillis(none)).toBeUndefined();
    expect(timeOf(1_795_238_429_192)).toBe("2026-11-21T05:20:29.192Z");
    expect(timeOf("2026-11-21T05:20:29Z")).toBe("2026-11-21T05:20:29Z");
    expect(fromSeconds(1_795_238_429)).toBe("2026-11-21T05:20:29.000Z");
    expect(fromSeconds("1")).toBeUndefined();
  });
});

test("nanoseconds keep all nine digits, which no double could", () => {
  expect(fromNanos(1_795_238_429_192_000_001n)).toBe("2026-11-21T05:20:29.192000001Z");
  expect(fromNanos(1_795_238_429_192_000_000n)).toBe("2026-11-21T05:20:29.192Z");
  expect(fromNanos(1_795_238_429_192_300_000n)).toBe("2026-11-21T05:20:29.1923Z");
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 4_102_444_800_000_000_000n }), (nanos) => {
      const text = fromNanos(nanos) ?? "";
      expect(text).toMatch(RFC3339);
      const [, seconds = "", fraction = ""] = /^(.+:\d\d)(?:\.(\d+))?Z$/.exec(text) ?? [];
      const back = BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
      expect(back).toBe(nanos);
    }),
  );
});

test("a duration is known only between two known times in order", () => {
  expect(between("2026-11-21T05:20:29.192Z", "2026-11-21T05:20:30Z")).toBe(808);
  expect(between("2026-11-21T05:20:29Z", "2026-11-21T05:20:29Z")).toBe(0);
  expect(between("2026-11-21T05:20:30Z", "2026-11-21T05:20:29Z")).toBeUndefined();
  expect(between(undefined, "2026-11-21T05:20:29Z")).toBeUndefined();
  expect(between("2026-11-21T05:20:29Z", undefined)).toBeUndefined();
});
