/** Proves that a batch holds each line's bytes, with what cannot be seen escaped, however large its lines are. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { OutputBatch } from "../../src/archive/batch.ts";
import { visibleJson } from "../../src/record/visible.ts";

const texts = fc.oneof(
  fc.string({ unit: "grapheme-ascii", maxLength: 50 }),
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.constantFrom("\x7f", "\u202e", "é\x7f", "x".repeat(400_000), "\u{1f600}\u200b"),
);

test("a batch is its lines one after the other, no character in them invisible", () => {
  const batch = new OutputBatch();
  fc.assert(
    fc.property(fc.array(texts, { maxLength: 8 }), (list) => {
      batch.clear();
      let expected = "";
      for (const line of list.map((text) => `${JSON.stringify({ text })}\n`)) {
        batch.add(line);
        expected += visibleJson(line);
        expect(batch.ends.at(-1)).toBe(Buffer.byteLength(expected));
      }
      expect(Buffer.from(batch.bytes()).toString()).toBe(expected);
    }),
  );
});
