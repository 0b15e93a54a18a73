/** Proves what the ledger lets through: each fact once, each change once, nothing that knows less than what is known. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Ledger, type Manner } from "../../src/archive/ledger.ts";
import type { Encoded } from "../../src/record/encode.ts";

const FINAL: Manner = { soft: false, monotone: true };
const OPEN: Manner = { soft: true, monotone: true };
const ROW: Manner = { soft: true, monotone: false };

function telling(id: number, content: number, when = 1, score = 10): Encoded {
  return { id, content, when, score, line: () => "" };
}

/** The same metadata, told with texts of this hash and size. */
function withTexts(hash: number, size = 10, hasRaw = false): Encoded {
  return { ...telling(7, 1), captured: { hash, size, hasRaw } };
}

function at(level: 1 | 2, manner: Manner, isWantedAgain = false): Manner {
  return { ...manner, capture: { level, isWantedAgain: () => isWantedAgain } };
}

function judged(...tellings: readonly (readonly [record: Encoded, manner: Manner])[]): (number | undefined)[] {
  const ledger = new Ledger();
  return tellings.map(([record, manner]) => ledger.judge(record, manner));
}

const tellings = fc.array(
  fc.record({
    record: fc
      .record({
        id: fc.integer({ min: 0, max: 3 }),
        content: fc.integer({ min: 1, max: 3 }),
        when: fc.integer({ min: 1, max: 3 }),
        score: fc.integer({ min: 0, max: 3 }),
        captured: fc.option(
          fc.record({ hash: fc.nat({ max: 3 }), size: fc.nat({ max: 0xffffffff }), hasRaw: fc.boolean() }),
          { nil: undefined },
        ),
      })
      .map(({ id, content, when, score, captured }) => ({ ...telling(id, content, when, score), captured })),
    manner: fc.constantFrom(FINAL, OPEN, ROW, at(1, FINAL), at(1, ROW, true), at(2, FINAL), at(2, OPEN, true)),
  }),
  { maxLength: 30 },
);

describe("the first telling of an id", () => {
  test("is a new record, whatever it is", () => {
    for (const manner of [FINAL, OPEN, ROW]) expect(new Ledger().judge(telling(7, 1), manner)).toBe(0);
  });
});

describe("a telling of a known id", () => {
  test("that says the same is dropped, however often it comes", () => {
    const ledger = new Ledger();
    ledger.judge(telling(7, 1), FINAL);
    for (const manner of [FINAL, OPEN, ROW, FINAL]) expect(ledger.judge(telling(7, 1), manner)).toBeUndefined();
  });

  test("that differs only in its times is a revision while it was open, and nothing once it was final", () => {
    const ledger = new Ledger();
    expect(ledger.judge(telling(7, 1, 1), OPEN)).toBe(0);
    expect(ledger.judge(telling(7, 1, 2), OPEN)).toBe(1);
    expect(ledger.judge(telling(7, 1, 3), FINAL)).toBe(2);
    expect(ledger.judge(telling(7, 1, 4), FINAL)).toBeUndefined();
    expect(ledger.judge(telling(7, 1, 5), OPEN)).toBeUndefined();
  });

  test("that is the same, but final now, lets its times move no more", () => {
    const ledger = new Ledger();
    ledger.judge(telling(7, 1, 1), OPEN);
    expect(ledger.judge(telling(7, 1, 1), FINAL)).toBeUndefined();
    expect(ledger.judge(telling(7, 1, 2), OPEN)).toBeUndefined();
  });

  test("that knows more is a revision, in append-only files one that knows less is not", () => {
    const ledger = new Ledger();
    ledger.judge(telling(7, 1, 1, 10), FINAL);
    expect(ledger.judge(telling(7, 2, 1, 9), FINAL)).toBeUndefined();
    expect(ledger.judge(telling(7, 2, 1, 10), FINAL)).toBe(1);
    expect(ledger.judge(telling(7, 3, 1, 11), FINAL)).toBe(2);
    expect(ledger.judge(telling(7, 1, 1, 10), FINAL)).toBeUndefined();
  });

  test("of a row or document is its last content, also when that knows less", () => {
    const ledger = new Ledger();
    ledger.judge(telling(7, 1, 1, 10), ROW);
    expect(ledger.judge(telling(7, 2, 1, 9), ROW)).toBe(1);
    expect(ledger.judge(telling(7, 1, 1, 10), ROW)).toBe(2);
  });
});

describe("texts of a known record", () => {
  test("that are others are a revision, in append-only files only when there is more of them", () => {
    const tail = at(1, FINAL);
    expect(judged([withTexts(1, 10), tail], [withTexts(1, 10), tail], [withTexts(2, 20), tail])).toEqual([
      0,
      undefined,
      1,
    ]);
    expect(judged([withTexts(2, 20), tail], [withTexts(1, 10), tail], [withTexts(3, 20), tail])).toEqual([
      0,
      undefined,
      undefined,
    ]);
    expect(judged([withTexts(2, 20), at(1, ROW)], [withTexts(1, 10), at(1, ROW)])).toEqual([0, 1]);
  });

  test("are followed by those of the end, also when what was told before it was longer", () => {
    expect(judged([withTexts(2, 20), at(1, OPEN)], [withTexts(1, 10), at(1, FINAL)])).toEqual([0, 1]);
  });

  test("are never replaced by none, and a raw item comes where none was", () => {
    const raw = at(2, FINAL);
    const none = withTexts(0, 0);
    expect(judged([withTexts(1), raw], [none, raw], [telling(7, 1), raw])).toEqual([0, undefined, undefined]);
    expect(judged([withTexts(1), raw], [withTexts(1, 10, true), raw], [withTexts(1), raw])).toEqual([0, 1, undefined]);
    expect(judged([withTexts(0, 0), raw], [withTexts(1), raw])).toEqual([0, 1]);
  });

  test("told at a lower level are told again only when that is asked for", () => {
    const [content, raw] = [at(1, ROW), at(2, ROW)];
    const [contentAgain, rawAgain] = [at(1, ROW, true), at(2, ROW, true)];
    expect(judged([telling(7, 1), ROW], [withTexts(1), content], [withTexts(1), contentAgain])).toEqual([
      0,
      undefined,
      1,
    ]);
    expect(judged([withTexts(1), content], [withTexts(1, 10, true), raw], [withTexts(1, 10, true), rawAgain])).toEqual([
      0,
      undefined,
      1,
    ]);
    expect(judged([withTexts(1), content], [withTexts(2), raw])).toEqual([0, 1]);
    expect(judged([withTexts(1), contentAgain], [withTexts(1), contentAgain])).toEqual([0, undefined]);
  });

  test("do not matter where the metadata is another", () => {
    expect(judged([withTexts(1), at(1, ROW)], [telling(7, 2), ROW], [withTexts(1), at(1, ROW)])).toEqual([0, 1, 2]);
  });

  test("are known again from the archive's own lines", () => {
    const ledger = new Ledger();
    ledger.note({ ...withTexts(1, 10, true), rev: 3 });
    expect(ledger.judge(withTexts(1, 10, true), at(2, FINAL))).toBeUndefined();
    expect(ledger.judge(withTexts(2, 20, true), at(2, FINAL))).toBe(4);
  });
});

test("no revision of an id is given twice, and they follow each other", () => {
  fc.assert(
    fc.property(tellings, (list) => {
      const ledger = new Ledger();
      const revisions = new Map<number, number>();
      for (const { record, manner } of list) {
        const rev = ledger.judge(record, manner);
        if (rev === undefined) continue;
        expect(rev).toBe((revisions.get(record.id) ?? -1) + 1);
        revisions.set(record.id, rev);
      }
    }),
  );
});

describe("what is stored", () => {
  /** What a ledger answers to any telling tells what it knows. */
  function answers(ledger: Ledger): (number | undefined)[] {
    const all: (number | undefined)[] = [];
    const stored = ledger.packed();
    for (let id = 0; id < 4; id++)
      for (let content = 1; content < 4; content++)
        for (let when = 1; when < 4; when++)
          for (const manner of [FINAL, OPEN, ROW, at(1, FINAL), at(2, ROW), at(1, ROW, true)])
            for (const captured of [
              undefined,
              { hash: 1, size: 2 ** 31, hasRaw: false },
              { hash: 2, size: 1, hasRaw: true },
            ])
              all.push(Ledger.from([stored]).judge({ ...telling(id, content, when, 2), captured }, manner));
    return all;
  }

  test("in batches of any size is the same ledger again", () => {
    fc.assert(
      fc.property(tellings, fc.integer({ min: 1, max: 7 }), (list, every) => {
        const ledger = new Ledger();
        const batches: Uint8Array[] = [];
        list.forEach(({ record, manner }, at) => {
          ledger.judge(record, manner);
          if (at % every === 0) batches.push(ledger.takeBatch() ?? new Uint8Array());
        });
        batches.push(ledger.takeBatch() ?? new Uint8Array());
        expect(ledger.takeBatch()).toBeUndefined();
        expect(answers(Ledger.from(batches))).toEqual(answers(ledger));
        expect(answers(Ledger.from([ledger.packed()]))).toEqual(answers(ledger));
      }),
      { numRuns: 50 },
    );
  });

  test("keeps every id, hash and score exactly, up to their largest values", () => {
    const id = 2 ** 52 - 1;
    const ledger = new Ledger();
    ledger.judge(telling(id, 0xffffffff, 0xfffffffe, 2 ** 50 + 1), FINAL);
    const again = Ledger.from([ledger.takeBatch() ?? new Uint8Array()]);
    expect(again.judge(telling(id, 0xffffffff, 0xfffffffe, 2 ** 50 + 1), FINAL)).toBeUndefined();
    expect(again.judge(telling(id, 1, 1, 2 ** 50), FINAL)).toBeUndefined();
    expect(again.judge(telling(id, 1, 1, 2 ** 50 + 1), FINAL)).toBe(1);
  });

  test("is at most 28 bytes a record without texts: a ledger of a million records is 28 MB", () => {
    const ledger = new Ledger();
    for (let id = 0; id < 100; id++) ledger.judge(telling(id, 1), FINAL);
    expect(ledger.packed().length).toBeLessThanOrEqual(2800);
  });
});

test("a ledger made from the archive's own lines suppresses them all, in whatever order they are noted", () => {
  fc.assert(
    fc.property(tellings, fc.boolean(), (list, backwards) => {
      const ledger = new Ledger();
      const lines: { record: Encoded; rev: number }[] = [];
      for (const { record, manner } of list) {
        const rev = ledger.judge(record, manner);
        if (rev !== undefined) lines.push({ record, rev });
      }
      const rebuilt = new Ledger();
      for (const { record, rev } of backwards ? lines.toReversed() : lines) rebuilt.note({ ...record, rev });
      const last = new Map(lines.map(({ record, rev }) => [record.id, { record, rev }]));
      for (const { record, rev } of last.values()) {
        expect(rebuilt.judge(record, OPEN)).toBeUndefined();
        expect(rebuilt.judge({ ...record, content: 99, score: 99 }, FINAL)).toBe(rev + 1);
      }
    }),
  );
});
