/** Proves that skimming gives of a line exactly what its shape asks for, and refuses what it cannot follow. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Skimmer } from "../../src/read/skim/skim.ts";
import { BadLine } from "../../src/read/text.ts";
import type { Keys, Shape } from "../../src/read/types.ts";

const CAPACITY = 1 << 16;

let last: { readonly shape: Keys; readonly skimmer: Skimmer } | undefined;

function skim(shape: Keys, line: string | Uint8Array): unknown {
  if (last?.shape !== shape) last = { shape, skimmer: Skimmer.of({ keys: shape }, CAPACITY)! };
  const { skimmer } = last;
  const bytes = Buffer.from(line as string);
  bytes.copy(skimmer.bytes);
  return skimmer.skim(0, bytes.length);
}

/** What a shape asks for, said plainly. Texts are cut at characters, so it holds for those of one UTF-16 unit. */
function wanted(value: unknown, shape: Shape): unknown {
  if (shape === true) return value;
  if (Array.isArray(value)) return value.map((item) => wanted(item, shape));
  const keys: Keys = typeof shape === "number" || Array.isArray(shape) ? { "": shape as Shape } : (shape as Keys);
  if (typeof value === "string") {
    const said = (keys[""] ?? 0) as true | number | readonly [number, number];
    if (said === true) return value;
    const [head, tail] = typeof said === "number" ? [said, 0] : said;
    return value.length <= head + tail ? value : value.slice(0, head) + value.slice(value.length - tail);
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => {
      const asked = key === "" || key === "*" ? keys["*"] : (keys[key] ?? keys["*"]);
      return asked === undefined ? [] : [[key, wanted(inner, asked)]];
    }),
  );
}

const key = fc.constantFrom("a", "b", "type", "message", "content", "usage", "a-long-key", "another-long-one");
const plain = fc.stringMatching(/^[ !#-[\]-~]{0,40}$/);
const { value: json } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: "medium" },
    plain,
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(key, tie("value"), { maxKeys: 5 }),
  ),
}));
const objects = fc.dictionary(key, json, { maxKeys: 8 });
const excerpt = fc.oneof(fc.nat({ max: 20 }), fc.tuple(fc.nat({ max: 10 }), fc.nat({ max: 10 })));
const { keys: shapes } = fc.letrec<{ keys: Keys; shape: Shape }>((tie) => ({
  shape: fc.oneof({ maxDepth: 3 }, fc.constant(true as const), excerpt, tie("keys")) as fc.Arbitrary<Shape>,
  keys: fc
    .tuple(
      fc.dictionary(key, tie("shape"), { maxKeys: 5 }),
      fc.option(fc.oneof(excerpt, fc.constant(true as const)), { nil: undefined }),
      fc.option(tie("shape"), { nil: undefined, freq: 3 }),
    )
    .map(([known, said, any]) => ({
      ...known,
      ...(said !== undefined && { "": said }),
      ...(any !== undefined && { "*": any }),
    })) as fc.Arbitrary<Keys>,
}));
/** White space between tokens, as other writers leave it. */
const spaced = (object: unknown, indent: number): string => JSON.stringify(object, null, indent).replaceAll("\n", "\t");

describe("a skimmed line", () => {
  test("is what the shape asks for of the whole line, however it is nested and spaced", () => {
    fc.assert(
      fc.property(
        fc.array(objects, { minLength: 1, maxLength: 9 }),
        shapes,
        fc.nat({ max: 3 }),
        (lines, shape, indent) => {
          for (const line of lines.map((object) => spaced(object, indent)))
            expect(skim(shape, line)).toEqual(wanted(JSON.parse(line), shape));
        },
      ),
      { numRuns: 150 },
    );
  });

  test("keeps every character of what is kept whole", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.string({ unit: "binary" }), (a, b) => {
        const line = JSON.stringify({ gone: b, a: { b: [a, b] }, more: a });
        expect(skim({ a: true }, line) as unknown).toEqual(JSON.parse(JSON.stringify({ a: { b: [a, b] } })));
      }),
    );
  });

  test("cuts a text only between characters and between escapes, and has as many as were asked for", () => {
    const unit = fc.oneof(
      fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }),
      fc.constantFrom(...'\n\\"\u0001'),
    );
    const text = fc.array(unit, { maxLength: 30 }).map((units) => units.join(""));
    const json = fc.tuple(text, fc.boolean()).map(([said, isAscii]) => {
      const written = JSON.stringify(said);
      const escaped = (c: string): string => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;
      return isAscii ? written.replace(/[^ -~]/g, escaped) : written;
    });
    for (const [head, tail] of [
      [0, 0],
      [1, 0],
      [5, 3],
      [12, 7],
      [0, 9],
    ] as const) {
      const shape: Keys = { first: head, both: [head, tail] };
      fc.assert(
        fc.property(json, (written) => {
          const said = JSON.parse(written) as string;
          const { first = "", both = "" } = skim(shape, `{"first":${written},"both":${written}}`) as Record<
            string,
            string
          >;
          expect(said.startsWith(first)).toBe(true);
          expect(first.length).toBeGreaterThanOrEqual(Math.min(head, said.length));
          expect(first.length).toBeLessThanOrEqual(head + 1);
          if (both === said) return;
          expect(both.startsWith(first)).toBe(true);
          const last = both.slice(first.length);
          expect(said.endsWith(last)).toBe(true);
          expect(last.length).toBeGreaterThanOrEqual(tail);
          expect(last.length).toBeLessThanOrEqual(tail + 1);
        }),
      );
    }
  });

  test("takes the last of a key's values, as the parser does", () => {
    expect(skim({ a: true, b: { c: true } }, '{"a":1,"b":{"c":1,"d":2,"c":3},"a":2}')).toEqual({ a: 2, b: { c: 3 } });
  });

  test("of a key spelled with escapes is refused, because it may be one that is asked for", () => {
    expect(skim({ a: true }, '{"\\u0061":1}')).toBeUndefined();
    expect(skim({ "*": true }, '{"\\u0061":1}')).toEqual({ a: 1 });
  });

  test("may be damaged where nothing is asked for, and nowhere else", () => {
    const broken = Buffer.concat([
      Buffer.from('{"a":1,"payload":"'),
      Buffer.from([0xff, 0x00, 0xc3]),
      Buffer.from('"}'),
    ]);
    expect(skim({ a: true }, broken)).toEqual({ a: 1 });
    expect(() => skim({ payload: true }, broken)).toThrow(BadLine);
    expect(skim({ a: true }, '{"a":01}')).toBeUndefined();
    expect(skim({ b: true }, '{"a":01,"b":2}')).toEqual({ b: 2 });
  });

  test("may be a list: of each of its items what the shape asks for", () => {
    fc.assert(
      fc.property(fc.array(json, { maxLength: 5 }), shapes, fc.nat({ max: 3 }), (list, shape, indent) => {
        expect(skim(shape, spaced(list, indent))).toEqual(wanted(JSON.parse(JSON.stringify(list)), shape));
      }),
      { numRuns: 100 },
    );
  });

  test("with a text where keys are asked for has as much of the text as is asked for", () => {
    expect(skim({ a: { b: true } }, '{"a":"said"}')).toEqual({ a: "" });
    expect(skim({ a: { "": 2, b: true } }, '{"a":"said"}')).toEqual({ a: "sa" });
    expect(skim({ a: { "": true, b: true } }, '{"a":["said",{"b":1,"c":2}]}')).toEqual({ a: ["said", { b: 1 }] });
  });

  test("is followed by a shape that stands within itself, however deep", () => {
    const shape: Keys = {
      a: true,
      get inner() {
        return shape;
      },
    };
    const nested = (levels: number): object => ({ a: levels, b: 1, ...(levels > 0 && { inner: nested(levels - 1) }) });
    expect(JSON.stringify(skim(shape, JSON.stringify(nested(50))))).toBe(
      JSON.stringify(nested(50)).replaceAll(',"b":1', ""),
    );
  });

  test("that is no single object or list is refused", () => {
    for (const line of ["", " ", "1", '"a"', "{", "}", '{"a"', '{"a":', '{"a":1', '{"a":1,', '{"a":1,}', '{"a" 1}'])
      expect([line, skim({ a: true, b: true }, line)]).toEqual([line, undefined]);
    for (const line of [
      "[",
      "]",
      "[1,]",
      "[1]x",
      "[]{}",
      "{}{}",
      '{"a":1}x',
      '{"a":1}}',
      "{a:1}",
      '{"a":[1,]}',
      '{"a":[1 2]}',
      '{"a":"1}',
      '{,"a":1}',
    ])
      expect([line, skim({ a: {} }, line)]).toEqual([line, undefined]);
  });

  test("nested too deep for it is refused, however deep", () => {
    const deep = (depth: number): string => `{"a":${'{"a":'.repeat(depth)}1${"}".repeat(depth)}}`;
    const nested = (levels: number): Keys => (levels === 0 ? { a: true } : { a: nested(levels - 1) });
    expect(skim({ a: true }, deep(5000))).toEqual(JSON.parse(deep(5000)));
    expect(skim(nested(300), deep(320))).toBeUndefined();
    expect(skim(nested(200), deep(220))).toEqual(JSON.parse(deep(220)));
  });

  test("of any bytes is what the parser says, or refused, and never a crash", () => {
    const line = JSON.stringify({ type: "x", a: { b: ["c", { d: 'e"\\' }], f: 1.5e3 }, message: "é\u{1f600}" });
    const shape: Keys = { type: true, a: { b: { d: 3 } }, message: 4 };
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(line.length + 8), fc.nat(255)), { maxLength: 4 }), (changes) => {
        const bytes = Buffer.from(line);
        for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
        let got: unknown;
        try {
          got = skim(shape, bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(BadLine);
          return;
        }
        if (got !== undefined) expect(typeof got).toBe("object");
      }),
      { numRuns: 2000 },
    );
  });
});

describe("the frame of a line", () => {
  const repeated = ["a", "b", "type"];
  const shape: Keys = { a: true, b: { c: 3 }, type: true, message: true };
  const skimmer = Skimmer.of({ keys: shape, repeated }, CAPACITY)!;
  const read = (line: string): { rest: unknown; frame: unknown } => {
    const bytes = Buffer.from(line);
    bytes.copy(skimmer.bytes);
    const rest = skimmer.skim(0, bytes.length);
    return { rest, frame: skimmer.frame };
  };

  test("has the repeated keys of each line, wherever they stand in it, and the line has the others", () => {
    fc.assert(
      fc.property(fc.array(objects, { minLength: 2, maxLength: 12 }), (lines) => {
        for (const line of lines.map((object) => JSON.stringify(object))) {
          const whole = wanted(JSON.parse(line), shape) as Record<string, unknown>;
          const apart = (is: boolean): unknown =>
            Object.fromEntries(Object.entries(whole).filter(([key]) => repeated.includes(key) === is));
          expect(read(line)).toEqual({ rest: apart(false), frame: apart(true) });
        }
      }),
      { numRuns: 150 },
    );
  });

  test("is one object as long as lines repeat it, and another after any other line", () => {
    const one = read('{"a":1,"message":1,"type":"x"}').frame;
    expect(read('{"a":1,"message":"2","type":"x"}').frame).toBe(one as object);
    expect(read('{"a":2,"type":"x"}').frame).toEqual({ a: 2, type: "x" });
    expect(read('{"a":1,"type":"x"}').frame).toEqual({ a: 1, type: "x" });
    expect(read('{"a":01,"type":"x"}').rest).toBeUndefined();
    expect(read('{"a":1,"type":"x"}').frame).toEqual({ a: 1, type: "x" });
    expect(read(`{"a":"${"y".repeat(5000)}"}`).rest).toBeUndefined();
    expect(read('{"a":1,"type":"x","message":[]}')).toEqual({ rest: { message: [] }, frame: { a: 1, type: "x" } });
  });
});
