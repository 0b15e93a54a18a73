/** Proves the colour decision and the styles. */
import { describe, expect, test } from "bun:test";
import { decideColor, paint } from "../../src/cli/color.ts";

const auto = (env: Record<string, string>, isTTY: boolean): boolean => decideColor({ mode: "auto", env, isTTY });

describe("decideColor", () => {
  test("a terminal gets colour, a pipe does not", () => {
    expect(auto({}, true)).toBe(true);
    expect(auto({}, false)).toBe(false);
  });

  test("NO_COLOR disables with any text but the empty one", () => {
    for (const value of ["1", "0", "true", "false", " "]) expect(auto({ NO_COLOR: value }, true)).toBe(false);
    expect(auto({ NO_COLOR: "" }, true)).toBe(true);
  });

  test("FORCE_COLOR colours a pipe and a dumb terminal; 0 and false disable; NO_COLOR is stronger", () => {
    expect(auto({ FORCE_COLOR: "1" }, false)).toBe(true);
    expect(auto({ FORCE_COLOR: "3", TERM: "dumb" }, false)).toBe(true);
    expect(auto({ FORCE_COLOR: "0" }, true)).toBe(false);
    expect(auto({ FORCE_COLOR: "false" }, true)).toBe(false);
    expect(auto({ FORCE_COLOR: "" }, false)).toBe(false);
    expect(auto({ FORCE_COLOR: "1", NO_COLOR: "1" }, true)).toBe(false);
  });

  test("a dumb terminal gets none", () => {
    expect(auto({ TERM: "dumb" }, true)).toBe(false);
    expect(auto({ TERM: "xterm-256color" }, true)).toBe(true);
  });

  test("the flag is stronger than everything", () => {
    const env = { NO_COLOR: "1", TERM: "dumb" };
    expect(decideColor({ mode: "always", env, isTTY: false })).toBe(true);
    expect(decideColor({ mode: "never", env: { FORCE_COLOR: "1" }, isTTY: true })).toBe(false);
  });
});

describe("paint", () => {
  test("without colour every style is the text itself", () => {
    const { bold, dim, red, yellow, green } = paint(false);
    for (const style of [bold, dim, red, yellow, green]) expect(style("x")).toBe("x");
  });

  test("with colour every style adds escapes that take no columns, and nothing to an empty text", () => {
    const { bold, dim, red, yellow, green } = paint(true);
    for (const style of [bold, dim, red, yellow, green]) {
      expect(style("x")).not.toBe("x");
      expect(Bun.stripANSI(style("x"))).toBe("x");
      expect(style("")).toBe("");
    }
  });
});
