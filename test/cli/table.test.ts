/** Proves that a table keeps to its width and that its columns stay aligned. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { paint } from "../../src/cli/color.ts";
import type { Column } from "../../src/cli/table.ts";
import { table } from "../../src/cli/table.ts";

const columns: readonly Column[] = [{ header: "agent" }, { header: "path" }, { header: "size", align: "right" }];
const rows = [
  ["claude-code", "~/.claude/projects/a-rather-long-name/session.jsonl", "5.2 MB"],
  ["日本", "", "12 B"],
];

describe("table", () => {
  test("aligns left and right by columns on the screen, without trailing spaces", () => {
    const text = table(rows, columns, { width: Number.POSITIVE_INFINITY });
    expect(text).toBe(
      [
        "agent        path                                                   size",
        "claude-code  ~/.claude/projects/a-rather-long-name/session.jsonl  5.2 MB",
        "日本                                                                12 B",
        "",
      ].join("\n"),
    );
  });

  test("shrinks left columns before it touches a number", () => {
    const text = table(rows, columns, { width: 40 });
    expect(text).toBe(
      [
        "agent        path                   size",
        "claude-code  ~/.claude/projects…  5.2 MB",
        "日本                                12 B",
        "",
      ].join("\n"),
    );
  });

  test("leaves spare columns out before anything is cut, the most spare first", () => {
    const spared = [...columns, { header: "when", spare: 2 }, { header: "n", align: "right" as const, spare: 1 }];
    const cells = [["claude-code", "~/.claude", "5.2 MB", "2026-11-21", "12"]];
    const at = (width: number): string | undefined => table(cells, spared, { width }).split("\n")[1];
    expect(at(50)).toBe("claude-code  ~/.claude  5.2 MB  2026-11-21  12");
    expect(at(40)).toBe("claude-code  ~/.claude  5.2 MB  12");
    expect(at(30)).toBe("claude-code  ~/.claude  5.2 MB");
    expect(at(26)).toBe("claude-…  ~/.clau…  5.2 MB");
  });

  test("never cuts a whole column, and cuts no other for it", () => {
    const paths = [{ header: "agent" }, { header: "path", whole: true }];
    expect(table(rows, paths, { width: 30 })).toContain(
      "claude-code  ~/.claude/projects/a-rather-long-name/session.jsonl",
    );
    const long = `/${"x".repeat(400)}`;
    expect(table([["a", `${long}\n`]], paths, { width: 30 })).toContain(`a      ${long}\\u{a}\n`);
  });

  test("is never wider than the width, whatever is in it", () => {
    const cell = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom("日本語", "\x1b[31mred", "a\nb", "❤️❤️", "e\u0301"),
    );
    const column = fc.record({ header: cell, align: fc.constantFrom("left" as const, "right" as const) });
    fc.assert(
      fc.property(
        fc.array(fc.array(cell, { maxLength: 6 }), { maxLength: 6 }),
        fc.array(column, { maxLength: 6 }),
        fc.integer({ min: 1, max: 120 }),
        (cells, cols, width) => {
          const lines = table(cells, cols, { width }).split("\n");
          return (
            lines.every((line) => Bun.stringWidth(line) <= width) &&
            lines.length === (cols.length ? cells.length + 2 : 1)
          );
        },
      ),
      { numRuns: 1000 },
    );
  });

  test("a cell cannot add a line or an escape sequence", () => {
    const text = table([["a\nb\x1b[2J"]], [{ header: "h" }], { width: 80 });
    expect(text).toBe("h\na\\u{a}b\\u{1b}[2J\n");
  });

  test("styles change nothing but the looks", () => {
    const { bold, green } = paint(true);
    const styled = table(
      rows,
      columns.map((column) => ({ ...column, style: green })),
      { width: 50, headerStyle: bold },
    );
    expect(styled).toContain("\x1b[");
    expect(Bun.stripANSI(styled)).toBe(table(rows, columns, { width: 50 }));
  });

  test("missing cells are empty, and a table of thousands of rows works", () => {
    expect(table([[]], columns, { width: 80 })).toBe("agent  path  size\n\n");
    const many = Array.from({ length: 200_000 }, (_, at) => [String(at)]);
    expect(table(many, [{ header: "n", align: "right" }], { width: 10 })).toEndWith("\n199999\n");
  });
});
