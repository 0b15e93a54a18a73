/** Proves that a value cut to a size is the same JSON with less in it, and says what is missing. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import * as v from "valibot";
import { cut } from "../../src/record/cut.ts";
import { contentSchema } from "../../src/record/schema.ts";

const sizeOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));
const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 400 }),
  fc.string({ unit: "binary", maxLength: 100 }),
  fc.constantFrom("😀".repeat(300), '"\\\n'.repeat(200), "\ud800".repeat(100), "x".repeat(5000)),
);
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    text,
    fc.double({ noDefaultInfinity: true, noNaN: true }),
    fc.constantFrom(null, true),
    fc.array(tie("value"), { maxLength: 40 }),
    fc.dictionary(fc.oneof(fc.string({ maxLength: 12 }), fc.constant("__proto__")), tie("value"), { maxKeys: 20 }),
  ),
})).value;

describe("a value", () => {
  test("is within the limit, is JSON, and has no half of a character that it did not have", () => {
    fc.assert(
      fc.property(json, fc.integer({ min: 256, max: 4000 }), (value, limit) => {
        const before = JSON.stringify(value);
        const less = cut(value, limit);
        expect(sizeOf(less)).toBeLessThanOrEqual(limit);
        expect(JSON.parse(JSON.stringify(less))).toEqual(JSON.parse(JSON.stringify(less)));
        if (!/\\ud[89a-f]/.test(before)) expect(JSON.stringify(less)).not.toMatch(/\\ud[89a-f]/);
        expect(JSON.stringify(value)).toBe(before);
      }),
      { numRuns: 500 },
    );
  });

  test("that is within the limit, or without one, is itself", () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(cut(value, 0)).toBe(value);
        expect(cut(value, sizeOf(value))).toBe(value);
      }),
    );
  });
});

test("the longest texts are shortened first, all to one length, and say by how much", () => {
  const given = { path: "src/a.ts", old: "a".repeat(10_000), new: "b".repeat(2_000) };
  const less = cut(given, 1000) as typeof given;
  expect(less.path).toBe("src/a.ts");
  expect(less.old).toMatch(/^a{300,}… \[cut: \d+ characters\]$/);
  expect(less.new).toMatch(/^b{300,}… \[cut: \d+ characters\]$/);
  for (const key of ["old", "new"] as const) {
    const [kept, n] = less[key].split(/… \[cut: | characters\]/);
    expect((kept?.length ?? 0) + Number(n)).toBe(given[key].length);
  }
});

test("a text that was cut before counts what was left out then", () => {
  const once = cut("a".repeat(10_000), 2000) as string;
  const twice = cut(once, 500) as string;
  expect(twice.indexOf("…") + Number(/\d+/.exec(twice)?.[0])).toBe(10_000);
});

test("what is still too much is dropped from the end on, with a mark of its own shape", () => {
  const messages = Array.from({ length: 500 }, (_, n) => ({
    role: "user",
    parts: [{ type: "text", content: `t${n}` }],
  }));
  const less = cut(messages, 2000) as typeof messages;
  expect(less[0]).toEqual(messages[0]!);
  expect(less.at(-1)).toEqual({
    role: "user",
    parts: [{ type: "text", content: `[cut: ${501 - less.length} items]` }],
  });
  const parts = [{ role: "assistant", parts: messages.flatMap((message) => message.parts) }];
  const content = {
    input_messages: less,
    output_messages: cut(parts, 2000),
    tool_result: cut([1, 2, "x".repeat(9)], 4),
  };
  expect(v.safeParse(contentSchema, content).success).toBe(true);
  const tools = Array.from({ length: 99 }, (_, n) => ({ type: "function", name: `tool-${n}`, description: "d" }));
  expect(v.safeParse(contentSchema, { tool_definitions: cut(tools, 1000) }).success).toBe(true);
});

test("a file's base64 is whole or not there", () => {
  const blob = { type: "blob", modality: "image", mime_type: "image/png", content: "A".repeat(5000) };
  expect(cut([{ role: "user", parts: [blob] }], 6000)).toEqual([{ role: "user", parts: [blob] }]);
  const gone = { ...blob, content: "", cut: "[cut: 5000 characters]" };
  expect(cut([{ role: "user", parts: [blob] }], 1000)).toEqual([{ role: "user", parts: [gone] }]);
});
