/** Proves the retention plan: a prefix, never the segment being written, no more than the limits ask, nothing held back. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type KeptSegment, type Limits, type PlanInput, planRetention } from "../../src/archive/retention.ts";

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 10, 21);

const segments = fc
  .array(fc.record({ bytes: fc.nat(10_000), age: fc.nat(100 * DAY) }), { maxLength: 12 })
  .map((given) =>
    given.map(({ bytes, age }, at): KeptSegment => {
      return { seq: at + 3, name: `s${at}`, bytes, records: 1, written: NOW - age };
    }),
  );
const limits: fc.Arbitrary<Limits> = fc.record(
  { maxAgeMs: fc.integer({ min: 1, max: 100 * DAY }), maxTotalBytes: fc.nat(60_000), force: fc.boolean() },
  { requiredKeys: [] },
);
const delivered = fc
  .dictionary(fc.constantFrom("a", "b"), fc.nat(16))
  .map((given): ReadonlyMap<string, number> => new Map(Object.entries(given)));
const inputs: fc.Arbitrary<PlanInput> = fc.record({ segments, now: fc.constant(NOW), delivered });

const law = (check: (input: PlanInput, limits: Limits) => void): void =>
  fc.assert(fc.property(inputs, limits, check), { numRuns: 2000 });
const sum = (list: readonly KeptSegment[]): number => list.reduce((total, s) => total + s.bytes, 0);
const names = (list: readonly KeptSegment[]): string[] => list.map((s) => s.name);

describe("planRetention", () => {
  test("removes a prefix in the order of writing, and never the segment being written", () => {
    law((input, given) => {
      const { prune, kept } = planRetention(input, given);
      expect(names(prune)).toEqual(names(input.segments.slice(0, prune.length)));
      expect(prune.length === 0 || prune.length < input.segments.length).toBe(true);
      expect(kept).toEqual({
        segments: input.segments.length - prune.length,
        bytes: sum(input.segments.slice(prune.length)),
      });
    });
  });

  test("removes by age only what is older, and by size only while the rest is too large", () => {
    law((input, given) => {
      const { prune } = planRetention(input, given);
      for (const [at, { reason, written }] of prune.entries()) {
        if (reason === "age") expect(NOW - written).toBeGreaterThan(given.maxAgeMs ?? Number.POSITIVE_INFINITY);
        else expect(sum(input.segments.slice(at))).toBeGreaterThan(given.maxTotalBytes ?? Number.POSITIVE_INFINITY);
      }
    });
  });

  test("removes all that the limits ask for, where nobody holds it back", () => {
    law((input, given) => {
      const { prune, kept } = planRetention({ ...input, delivered: new Map() }, given);
      const next = input.segments[prune.length];
      if (kept.segments <= 1 || next === undefined) return;
      if (given.maxTotalBytes !== undefined) expect(kept.bytes).toBeLessThanOrEqual(given.maxTotalBytes);
      if (given.maxAgeMs !== undefined) expect(NOW - next.written).toBeLessThanOrEqual(given.maxAgeMs);
    });
  });

  test("removes nothing that a destination has not had, unless forced, and then what it would without destinations", () => {
    law((input, given) => {
      const plan = planRetention(input, { ...given, force: false });
      for (const has of input.delivered?.values() ?? []) expect(plan.prune.every(({ seq }) => seq <= has)).toBe(true);
      const free = planRetention({ ...input, delivered: new Map() }, { ...given, force: true });
      expect(planRetention(input, { ...given, force: true })).toEqual(free);
      expect(plan.prune.length + Math.max(0, ...Object.values(plan.held))).toBe(free.prune.length);
    });
  });

  test("has nothing left to do after it was carried out", () => {
    law((input, given) => {
      const { prune } = planRetention(input, given);
      const rest = { ...input, segments: input.segments.slice(prune.length) };
      expect(planRetention(rest, given).prune).toEqual([]);
    });
  });

  test("goes by the number of a segment, whatever order it is given in", () => {
    law((input, given) => {
      const reversed = { ...input, segments: [...input.segments].reverse() };
      expect(planRetention(reversed, given)).toEqual(planRetention(input, given));
    });
  });

  test("without limits removes nothing", () => {
    fc.assert(fc.property(inputs, (input) => expect(planRetention(input, {}).prune).toEqual([])));
  });

  describe("a clock that may be wrong", () => {
    const old: KeptSegment[] = [1, 2].map((seq) => ({
      seq,
      name: `s${seq}`,
      bytes: 10,
      records: 1,
      written: NOW - 40 * DAY,
    }));
    const plan = (last: number | undefined, given: Limits = { maxAgeMs: 30 * DAY }) =>
      planRetention({ segments: old, now: NOW, last }, given);

    test("removes nothing by age when it stands before the last run, or two days after it", () => {
      expect(plan(NOW + 2 * 3_600_000)).toMatchObject({
        prune: [],
        refused: "the clock stands 2 h before weir's last run",
      });
      expect(plan(NOW - 49 * 3_600_000)).toMatchObject({ prune: [], refused: "weir last ran 49 h ago by this clock" });
    });

    test("is believed when it stands near the last run, or when nothing is known", () => {
      for (const last of [NOW, NOW + 1000, NOW - 47 * 3_600_000, undefined]) expect(plan(last).prune).toHaveLength(1);
    });

    test("does not matter for size alone, nor when forced", () => {
      expect(plan(NOW + DAY, { maxTotalBytes: 10 }).prune).toHaveLength(1);
      expect(plan(NOW + DAY, { maxAgeMs: DAY, force: true }).prune).toHaveLength(1);
    });
  });
});
