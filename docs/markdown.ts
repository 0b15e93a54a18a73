/** Owns how generated pages write a table: padded, as the formatter wants it. */

/** The formatter makes no column narrower. */
const LEAST = 3;

export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [header, ...rows].map((row) => row.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = header.map((_, at) => Math.max(LEAST, ...cells.map((row) => Bun.stringWidth(row[at] ?? ""))));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, at) => cell + " ".repeat((widths[at] ?? 0) - Bun.stringWidth(cell))).join(" | ")} |`;
  const [first = [], ...body] = cells;
  return [line(first), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join("\n");
}
