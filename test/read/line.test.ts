/** Proves that a line is read no further than asked for, exactly as far, and that bytes are never taken for text. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { BadLine, ByteLine } from "../../src/read/line.ts";
import type { Cut } from "../../src/read/types.ts";

const lineOf = (text: string | Uint8Array): ByteLine => new ByteLine(Buffer.from(text as string), 0);

/** Several lines in one buffer, as a reader's chunk holds them, sharing what was found. */
function linesOf(texts: readonly string[]): ByteLine[] {
  const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(""));
  const places = new Map();
  let start = 0;
  return texts.map((text) => {
    const end = start + Buffer.byteLength(text);
    const line = new ByteLine(bytes, start, start, end, undefined, places);
    start = end + 1;
    return line;
  });
}

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

describe("finding text in a line", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", '"', "ü", ":"), maxLength: 30 });

  test("tells the byte where it next begins, in this line only, whatever was searched for before", () => {
    fc.assert(
      fc.property(
        fc.array(text, { minLength: 1, maxLength: 6 }),
        fc.array(fc.tuple(fc.nat({ max: 5 }), fc.constantFrom("a", "ab", '":', "bb", "zz"), fc.nat({ max: 40 })), {
          maxLength: 30,
        }),
        (texts, questions) => {
          const lines = linesOf(texts);
          for (const [which, wanted, from] of questions) {
            const at = which % texts.length;
            const bytes = Buffer.from(texts[at]!);
            const start = Math.min(from, bytes.length);
            expect(lines[at]!.find(wanted, start)).toBe(bytes.indexOf(wanted, start, "latin1"));
            expect(lines[at]!.has(wanted)).toBe(bytes.includes(wanted, 0, "latin1"));
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test("does not see a text that begins in this line and ends in the next", () => {
    const [first, second] = linesOf(["xx-ab", "cd-yy"]) as [ByteLine, ByteLine];
    expect(first.find("ab\ncd", 0)).toBe(-1);
    expect(first.find("ab", 0)).toBe(3);
    expect(second.find("ab", 0)).toBe(-1);
    expect(second.find("cd", 0)).toBe(0);
  });

  test("its head is at most its first 640 bytes, one character a byte", () => {
    const line = lineOf(`ü${"x".repeat(1000)}`);
    expect(line.head).toHaveLength(640);
    expect(line.head.startsWith("\u00c3\u00bcx")).toBe(true);
    expect(lineOf("short").head).toBe("short");
  });

  test("slices are text in UTF-8, or a bad line when they cut a character", () => {
    const line = lineOf("aüb");
    expect(line.slice(1, 3)).toBe("ü");
    expect(line.slice(3)).toBe("b");
    expect(() => line.slice(2)).toThrow(BadLine);
    expect(line.latin1(1, 3)).toBe("\u00c3\u00bc");
  });
});

describe("the envelope around a part", () => {
  const CONTENT: Cut = { from: '"content":', to: [',"id":'] };

  test("is the line's object with the part left out, unread", () => {
    const line = lineOf('{"type":"a","content":[{"not":json],"id":"x"}');
    expect(line.envelope([CONTENT])).toEqual({ type: "a", content: null, id: "x" });
    expect(line.part(CONTENT)?.head).toBe('[{"not":json]');
    expect(line.part(CONTENT)?.has("json")).toBe(true);
    expect(line.part(CONTENT)?.has("type")).toBe(false);
    expect(() => line.json()).toThrow("not JSON");
  });

  test("is nothing where a cut does not fit or what is left is no object, unless the cut is optional", () => {
    const line = lineOf('{"type":"a","id":"x"}');
    expect(line.envelope([CONTENT])).toBeUndefined();
    expect(line.envelope([{ ...CONTENT, optional: true }])).toEqual({ type: "a", id: "x" });
    expect(lineOf('{"content":1,"id":').envelope([CONTENT])).toBeUndefined();
  });

  test("ends with the object where none of the ends follows and the part is the last", () => {
    const last: Cut = { from: '"result":', to: [',"x":'], last: true };
    expect(lineOf('{"type":"a","result":{"b":1}}').envelope([last])).toEqual({ type: "a", result: null });
  });
});
