/** Owns how generated pages write a table: padded, as the formatter wants it. */

export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [header, ...rows].map((row) => row.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = header.map((_, at) => Math.max(1, ...cells.map((row) => Bun.stringWidth(row[at] ?? ""))));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, at) => cell + " ".repeat((widths[at] ?? 0) - Bun.stringWidth(cell))).join(" | ")} |`;
  const [first = [], ...body] = cells;
  return [line(first), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join("\n");
}
