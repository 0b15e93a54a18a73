/** Proves that a line is read no further than asked for, exactly as far, and that bytes are never taken for text. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ByteLine } from "../../src/read/line.ts";
import { Skimmer } from "../../src/read/skim/skim.ts";
import { BadLine } from "../../src/read/text.ts";

const lineOf = (text: string | Uint8Array): ByteLine => new ByteLine(Buffer.from(text as string), 0);

describe("a whole line", () => {
  test("is the object that its JSON is, with every character", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue()), (object) => {
        const text = JSON.stringify(object);
        expect(lineOf(text).json()).toEqual(JSON.parse(text));
      }),
    );
  });

  test("that is no object, no JSON or no UTF-8 is a bad line with its reason, and never a crash", () => {
    for (const text of ["[1]", "1", '"text"', "null", "true"])
      expect(() => lineOf(text).json()).toThrow(new BadLine("not a JSON object"));
    for (const text of ["{", '{"a":1}}', "{'a':1}", "", "\u{feff}{}", '{"a":01}'])
      expect(() => lineOf(text).json()).toThrow(new BadLine("not JSON"));
    for (const bytes of [[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80]])
      expect(() => lineOf(Buffer.from([0x7b, ...bytes, 0x7d])).json()).toThrow(new BadLine("invalid UTF-8"));
  });

  test("with a real replacement character in it is valid", () => {
    expect(lineOf('{"a":"\u{fffd}"}').json()).toEqual({ a: "\u{fffd}" });
  });

  test("of any bytes either is an object or a bad line", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          expect(typeof lineOf(bytes).json()).toBe("object");
        } catch (error) {
          expect(error).toBeInstanceOf(BadLine);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("nested a hundred thousand deep, with a million keys or numbers out of range, ends", () => {
    const deep = `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
    expect(Object.keys(lineOf(deep).json())).toEqual(["a"]);
    const wide = `{${Array.from({ length: 200_000 }, (_, at) => `"k${at}":1`).join()}}`;
    expect(Object.keys(lineOf(wide).json())).toHaveLength(200_000);
    expect(lineOf('{"a":1e400,"b":-1e400,"c":1716900000123456789}').json()).toMatchObject({
      a: Infinity,
      b: -Infinity,
    });
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(Object.getPrototypeOf(lineOf('{"__proto__":{"polluted":1}}').json())).toBe(Object.prototype);
  });
});

describe("a line that is skimmed", () => {
  const lineIn = (skimmer: Skimmer, text: string): ByteLine => {
    Buffer.from(text).copy(skimmer.bytes);
    return new ByteLine(skimmer.bytes, 0, 0, Buffer.byteLength(text), skimmer);
  };

  test("has of its object what its stream reads, apart from what lines repeat, and its text as it stands", () => {
    const skimmer = Skimmer.of({ keys: { a: true, b: true }, repeated: ["b"] }, 1024)!;
    const text = '{"a":1,"b":"é","c":[2]}';
    const line = lineIn(skimmer, text);
    expect(line.json()).toEqual({ a: 1 });
    expect(line.frame).toEqual({ b: "é" });
    expect([line.text(), line.isUnskimmed]).toEqual([text, false]);
  });

  test("is parsed whole where it cannot be followed, and says so", () => {
    const skimmer = Skimmer.of({ keys: { a: true, b: true }, repeated: ["b"] }, 1024)!;
    const line = lineIn(skimmer, '{"\\u0061":1,"b":2}');
    expect(line.json()).toEqual({ a: 1, b: 2 });
    expect(line.frame).toEqual({ a: 1, b: 2 });
    expect(line.isUnskimmed).toBe(true);
  });

  test("that is no JSON object is a bad line, as it is without skimming", () => {
    const skimmer = Skimmer.of({ keys: { a: true } }, 1024)!;
    expect(() => lineIn(skimmer, "[]").json()).toThrow(new BadLine("not a JSON object"));
    expect(() => lineIn(skimmer, '{"a":1').json()).toThrow(new BadLine("not JSON"));
  });
});
