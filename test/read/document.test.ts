/** Proves that a document is read at one moment, and of it no more than is asked for. */
import { describe, expect, test } from "bun:test";
import { readDocument } from "../../src/read/document.ts";
import type { Reads } from "../../src/read/types.ts";
import { scratch } from "../support/home.ts";

const READS: Reads = { keys: { a: true, items: { id: true, said: 3 } } };

describe("a document", () => {
  test("has of its object, or of each of its list's items, what is asked for; all of it without reads", () => {
    using place = scratch({ fast: true });
    const value = { a: [1], b: "é", items: [{ id: 1, said: "abcdef", more: {} }] };
    const path = place.write("a.json", JSON.stringify(value, null, 2));
    expect(readDocument(path, "json", READS).group?.document).toEqual({ a: [1], items: [{ id: 1, said: "abc" }] });
    expect(readDocument(path, "json").group?.document).toEqual(value);
    const list = place.write("b.json", JSON.stringify([value, value]));
    expect(readDocument(list, "json", { keys: { b: true } }).group?.document).toEqual([{ b: "é" }, { b: "é" }]);
    const lines = place.write("c.jsonl", `${JSON.stringify(value)}\n{"a":2,"b":1}\n`);
    expect(readDocument(lines, "jsonl", { keys: { b: true } }).group?.lines).toEqual([{ b: "é" }, { b: 1 }]);
  });

  test("that cannot be skimmed is parsed whole, and what is no JSON or no UTF-8 is set aside as it is without reads", () => {
    using place = scratch({ fast: true });
    const escaped = place.write("a.json", '{"\\u0061":1,"b":2}');
    expect(readDocument(escaped, "json", READS).group?.document).toEqual({ a: 1, b: 2 });
    for (const bytes of ["", "{", '{"a":1', '{"a":tru}', "nonsense", Buffer.from([0x7b, 0xff, 0x7d])]) {
      const path = place.write("b.json", bytes);
      expect(readDocument(path, "json", READS)).toEqual(readDocument(path, "json"));
      expect(readDocument(path, "json", READS).bad).toHaveLength(1);
    }
  });

  test("is read from its own bytes, whatever was read before, and however long it is", () => {
    using place = scratch({ fast: true });
    for (const length of [3 << 20, 10, 300_000, 1, 262_100, 262_200]) {
      const path = place.write("a.json", JSON.stringify({ said: "x".repeat(length), a: length }));
      expect(readDocument(path, "json", READS).group?.document).toEqual({ a: length });
    }
  });
});
