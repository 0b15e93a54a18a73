/** Owns the text table: aligned columns without borders. It must not know what the cells mean. */
import type { Style } from "./color.ts";
import { escapeControls, fit, show } from "./text.ts";

export interface Column {
  readonly header: string;
  /** Numbers go right; a right column is shrunk only after every left one. */
  readonly align?: "left" | "right";
  /** Where the line does not fit, columns with a number are left out before any is cut, the highest number first. */
  readonly spare?: number;
  /** Of the last column: it is never cut but wrapped by the terminal, because a part of a path is no use. */
  readonly whole?: boolean;
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
 * Rows under a header, one line each, every line ended by a newline and none wider than `width` (at least 1) but for a
 * `whole` column. Cells pass through `show`, so they may hold anything. Where even one character a column is too much,
 * the last columns are left out.
 */
export function table(
  rows: readonly (readonly string[])[],
  columns: readonly Column[],
  { width, headerStyle }: TableOptions,
): string {
  if (columns.length === 0) return "";
  const limit = Math.max(1, width);
  const all = columns.map((column, at) => shownColumn(column, rows, at));
  const kept = withoutSpare(all, limit).slice(0, Math.max(1, Math.floor((limit + GAP.length) / (1 + GAP.length))));
  const widths = shrink(kept, limit);
  const heads = kept.map(({ header }) => header);
  const lines = [line(heads, kept, widths, () => headerStyle)];
  for (const at of rows.keys()) {
    const cells = kept.map((column) => column.cells[at] ?? "");
    lines.push(line(cells, kept, widths, ({ style }) => style));
  }
  return `${lines.join("\n")}\n`;
}

/** A column with its cells as they are shown, and the width that all of them need. */
interface Shown extends Column {
  readonly cells: readonly string[];
  readonly natural: number;
}

function shownColumn(column: Column, rows: readonly (readonly string[])[], at: number): Shown {
  const header = show(column.header);
  const cells = rows.map((row) => (column.whole ? escapeControls : show)(row[at] ?? ""));
  const natural = [header, ...cells].reduce((most, cell) => Math.max(most, Bun.stringWidth(cell)), 1);
  return { ...column, header, cells, natural };
}

/** What a line is wide; a column that may be as wide as it likes counts with its header alone. */
function lineWidth(columns: readonly Shown[]): number {
  const widths = columns.map(({ whole, header, natural }) => (whole ? Bun.stringWidth(header) : natural));
  return widths.reduce((sum, each) => sum + each, GAP.length * (columns.length - 1));
}

function withoutSpare(columns: readonly Shown[], limit: number): readonly Shown[] {
  let kept = columns;
  while (lineWidth(kept) > limit) {
    const most = Math.max(...kept.map(({ spare = 0 }) => spare));
    if (most === 0) break;
    kept = kept.filter(({ spare }) => spare !== most);
  }
  return kept;
}

/** Takes from the widest until the line fits: left columns first, then all, then below what is readable. */
function shrink(columns: readonly Shown[], limit: number): readonly number[] {
  const widths = columns.map(({ natural }) => natural);
  let excess = lineWidth(columns) - limit;
  const take = (floor: number, mayShrink: (column: Column) => boolean): void => {
    while (excess > 0) {
      let found = -1;
      for (const [at, column] of columns.entries()) {
        const isWider = (widths[at] ?? 0) > Math.max(floor, widths[found] ?? 0);
        if (!column.whole && mayShrink(column) && isWider) found = at;
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
  styleOf: (column: Column) => Style | undefined,
): string {
  let text = "";
  let padding = "";
  for (const [at, column] of columns.entries()) {
    const width = widths[at] ?? 1;
    const cell = fit(cells[at] ?? "", width);
    const space = " ".repeat(width - Bun.stringWidth(cell));
    const right = column.align === "right";
    if (cell !== "") {
      text += padding + (right ? space : "") + (styleOf(column)?.(cell) ?? cell);
      padding = "";
    }
    padding += (cell === "" || !right ? space : "") + GAP;
  }
  return text;
}
