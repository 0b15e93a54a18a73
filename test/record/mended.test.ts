/** Owns the proof that of JSON which its producer cut anywhere as much is told as it says, and that the rest is marked. */
import { describe, expect, test } from "bun:test";
import { mended } from "../../src/record/mended.ts";
import { definitionsIn, markedIn, messagesIn } from "../../src/record/span-content.ts";

const said = [
  { role: "system", parts: [{ type: "text", content: 'Say "so" \\ \u00e9 \u{1f600} now.' }] },
  {
    role: "assistant",
    parts: [
      { type: "tool_call", id: "c1", name: "edit", arguments: { lines: [1, -2.5e3], all: true, none: null } },
      { type: "text", content: "done" },
    ],
  },
];

describe("a JSON text that ends too early", () => {
  test("tells a beginning of its value, wherever it ends", () => {
    const json = JSON.stringify(said);
    for (let end = 1; end < json.length; end++) {
      const { value, mark } = mended(`${json.slice(0, end)}...[truncated, original ${json.length} chars]`);
      expect(mark).toBe(`[cut: ${json.length - end} character${json.length - end === 1 ? "" : "s"}]`);
      expect(isBeginning(value, said)).toBe(true);
      expect(mended(json.slice(0, end)).value).toEqual(value);
    }
    const escaped = json.replaceAll(/[\u0080-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
    for (let end = 1; end < escaped.length; end++)
      expect(() => JSON.stringify(mended(escaped.slice(0, end)).value)).not.toThrow();
  });

  test("is told nearly whole: of a text all that is there", () => {
    const json = JSON.stringify([{ role: "user", parts: [{ type: "text", content: "x".repeat(70_000) }] }]);
    const ending = `...[truncated, original ${json.length} chars]`;
    const head = json.slice(0, 64_000 - ending.length);
    const messages = messagesIn(head + ending, "user");
    const kept = head.length - head.indexOf("xx");
    expect(messages).toEqual([
      {
        role: "user",
        parts: [
          { type: "text", content: "x".repeat(kept) },
          { type: "text", content: `[cut: ${json.length - head.length} characters]` },
        ],
        finish_reason: undefined,
      },
    ]);
  });

  test("says so where nothing of it is left, as a message, a tool, a value", () => {
    expect(messagesIn('[{"ro[truncated]', "assistant")).toEqual([
      { role: "assistant", parts: [{ type: "text", content: "[cut]" }] },
    ]);
    expect(definitionsIn('[{"name":"a"},{"na...[truncated, original 30 chars]')).toEqual([
      { type: "function", name: "a", description: undefined, parameters: undefined },
      { type: "cut", name: "[cut: 12 characters]" },
    ]);
    expect(markedIn('{"path":"/w/a.t...[truncated, original 40 chars]')).toEqual({
      path: "/w/a.t",
      "[cut]": "[cut: 25 characters]",
    });
    expect(markedIn("[1,2...[truncated, original 40 chars]")).toEqual([1, "[cut: 36 characters]"]);
  });
});

test("a text that is no JSON stays as it is, and says how much of it was cut", () => {
  for (const text of ["{ foo", "[INFO] all is well", '{"a":1}\n{"b":2}', "{}}", "[1 2", "{a: 1", "plain", "- [x", ""])
    expect(mended(text)).toEqual({ value: text, mark: undefined });
  expect(mended("[INFO] all i...[truncated, original 18 chars]").value).toBe("[INFO] all i… [cut: 6 characters]");
  expect(mended("line one\nline t[truncated]").value).toBe("line one\nline t… [cut]");
});

test("a value that is whole is that value", () => {
  expect(mended(JSON.stringify(said))).toEqual({ value: said, mark: undefined });
  expect(mended(said)).toEqual({ value: said, mark: undefined });
  expect(mended(undefined)).toEqual({ value: undefined, mark: undefined });
  expect(mended(null)).toEqual({ value: undefined, mark: undefined });
});

test("messages are known by parts, by content, or as one text", () => {
  const words = (role: string, content: string) => ({ role, parts: [{ type: "text", content }] });
  expect(messagesIn('[{"role":"user","content":"hello"}]', "user")).toEqual([words("user", "hello")]);
  expect(messagesIn("hello", "user")).toEqual([words("user", "hello")]);
  expect(messagesIn('[{"parts":[{"type":"text","content":"hi"}]},{"role":"tool","parts":[]},7]', "user")).toEqual([
    words("user", "hi"),
  ]);
  expect(messagesIn("[]", "user")).toBeUndefined();
});

/** True when a value is what another one begins with. */
function isBeginning(some: unknown, all: unknown): boolean {
  if (typeof some === "string") return typeof all === "string" && all.startsWith(some);
  if (Array.isArray(some)) return Array.isArray(all) && some.every((item, at) => isBeginning(item, all[at]));
  if (typeof some !== "object" || some === null) return some === all;
  return Object.entries(some).every(([key, item]) => isBeginning(item, (all as Record<string, unknown>)[key]));
}
