/** Owns the CSV format: one row a record, RFC 4180, safe to open in a spreadsheet. */
import type { WeirRecord } from "../record/schema.ts";
import { type Cell, COLUMNS, type Column } from "./columns.ts";
import type { Writer } from "./writer.ts";

/** A text that a spreadsheet would take for a formula gets an apostrophe in front. */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/;

/** One cell: numbers as numbers, texts quoted where needed and never a formula. */
function csvCell(value: Cell): string {
  if (value === undefined) return "";
  if (typeof value !== "string") return String(value);
  const safe = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function csv(): Writer {
  return {
    begin: () => `${COLUMNS.map(({ name }) => name).join(",")}\r\n`,
    record: (r) => `${COLUMNS.map((column) => csvCell(cellOf(column, r))).join(",")}\r\n`,
    end: () => "",
  };
}

/** Lists are joined by spaces. */
function cellOf({ type, value }: Column, record: WeirRecord): Cell {
  const given = value(record);
  return type === "list" ? (given as readonly string[] | undefined)?.join(" ") : (given as Cell);
}
