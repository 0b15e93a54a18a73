/** Owns the text table: aligned columns without borders. It must not know what the cells mean. */
import type { Style } from "./color.ts";
import { fit, show } from "./text.ts";

export interface Column {
  readonly header: string;
  /** Numbers go right; a right column is shrunk only after every left one. */
  readonly align?: "left" | "right";
  /** Put around each finished cell of the column, not its header. */
  readonly style?: Style;
}

export interface TableOptions {
  /** Columns of the terminal; `Infinity` where there is none, so that nothing is cut. */
  readonly width: number;
  readonly headerStyle?: Style;
}

const GAP = "  ";
/** Left columns shrink to this width before right columns lose a digit. */
const READABLE = 8;

/**
 * Rows under a header, one line each, every line ended by a newline and none wider than `width` (at least 1). Cells
 * pass through `show`, so they may hold anything. Where even one character a column is too much, the last columns are
 * left out.
 */
export function table(
  rows: readonly (readonly string[])[],
  columns: readonly Column[],
  { width, headerStyle }: TableOptions,
): string {
  const limit = Math.max(1, width);
  const kept = columns.slice(0, Math.max(1, Math.floor((limit + GAP.length) / (1 + GAP.length))));
  if (kept.length === 0) return "";
  const header = kept.map((column) => show(column.header));
  const body = rows.map((row) => kept.map((_, at) => show(row[at] ?? "")));
  const natural = kept.map((_, at) => widest([header, ...body], at));
  const widths = shrink(natural, kept, limit);
  const headerStyles = kept.map(() => headerStyle);
  const cellStyles = kept.map((column) => column.style);
  const lines = [line(header, kept, widths, headerStyles), ...body.map((row) => line(row, kept, widths, cellStyles))];
  return `${lines.join("\n")}\n`;
}

function widest(rows: readonly (readonly string[])[], at: number): number {
  return rows.reduce((most, row) => Math.max(most, Bun.stringWidth(row[at] ?? "")), 1);
}

/** Takes from the widest until the line fits: left columns first, then all, then below what is readable. */
function shrink(natural: readonly number[], columns: readonly Column[], limit: number): readonly number[] {
  const widths = [...natural];
  let excess = widths.reduce((sum, each) => sum + each, GAP.length * (widths.length - 1)) - limit;
  const take = (floor: number, mayShrink: (column: Column) => boolean): void => {
    while (excess > 0) {
      let found = -1;
      for (const [at, column] of columns.entries()) {
        if (mayShrink(column) && (widths[at] ?? 0) > Math.max(floor, widths[found] ?? 0)) found = at;
      }
      if (found === -1) return;
      widths[found] = (widths[found] ?? 0) - 1;
      excess -= 1;
    }
  };
  take(READABLE, (column) => column.align !== "right");
  take(READABLE, () => true);
  take(1, () => true);
  return widths;
}

function line(
  cells: readonly string[],
  columns: readonly Column[],
  widths: readonly number[],
  styles: readonly (Style | undefined)[],
): string {
  let text = "";
  let padding = "";
  for (const [at, column] of columns.entries()) {
    const width = widths[at] ?? 1;
    const cell = fit(cells[at] ?? "", width);
    const space = " ".repeat(width - Bun.stringWidth(cell));
    const right = column.align === "right";
    if (cell !== "") {
      text += padding + (right ? space : "") + (styles[at]?.(cell) ?? cell);
      padding = "";
    }
    padding += (cell === "" || !right ? space : "") + GAP;
  }
  return text;
}
