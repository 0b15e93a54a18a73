/** Owns how text and numbers are written for people. Pure: it reads no clock, no terminal, no locale. */
import { visibleJson } from "../record/visible.ts";

/** The widest a foreign string may be on a terminal. */
const SHOWN_COLUMNS = 200;
/** Marks without a width would get round the column limit, so code units are limited too. */
const SHOWN_UNITS = 1000;

// Control, format and invisible characters, line and paragraph separators, half surrogates. The one invisible
// character left alone is the emoji variation selector, and only where it follows a pictograph.
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|(?!\u{FE0F})\p{DI}|(?<!\p{Extended_Pictographic})\u{FE0F}/gu;

/** Every character that could steer a terminal, reorder text or hide in it, as a visible `\u{..}`; nothing is cut. */
export function escapeControls(text: string): string {
  return text.replace(UNSAFE, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
}

/** A document of `--json`, on one line; it may be looked at on a terminal. */
export function jsonLine(document: object): string {
  return `${visibleJson(JSON.stringify(document))}\n`;
}

/** A foreign string made safe for a terminal: one line, no control or invisible character, at most 200 columns. */
export function show(text: string): string {
  if (text.length <= SHOWN_UNITS) return fit(escapeControls(text), SHOWN_COLUMNS);
  const head = text.slice(0, SHOWN_UNITS).replace(/[\uD800-\uDBFF]$/, "");
  return fit(`${escapeControls(head)}…`, SHOWN_COLUMNS);
}

/** The text itself if it fits, else its longest beginning with an ellipsis; never wider than `columns`. */
export function fit(text: string, columns: number): string {
  if (Bun.stringWidth(text) <= columns) return text;
  if (columns < 1) return "";
  let kept = "";
  for (const char of text) {
    if (Bun.stringWidth(kept + char) > columns - 1) break;
    kept += char;
  }
  return `${kept}…`;
}

/** A whole number with thousands separators: `1,234,567`. */
export function count(n: number | bigint): string {
  if (typeof n === "number" && !Number.isFinite(n)) return "?";
  const digits = (typeof n === "bigint" ? n : BigInt(Math.trunc(n))).toString();
  return digits.replace(/\B(?=(\d{3})+$)/g, ",");
}

/** A number with its noun: `1 session`, `1,234 sessions`. */
export function plural(n: number | bigint, one: string, many: string = `${one}s`): string {
  return `${count(n)} ${n === 1 || n === 1n ? one : many}`;
}

const BYTE_UNITS = ["kB", "MB", "GB", "TB", "PB"] as const;

/** A size in decimal units with at most one fraction digit: `999 B`, `5.2 MB`, `524 MB`. */
export function bytes(n: number): string {
  if (!Number.isFinite(n)) return "?";
  if (Math.abs(n) < 1000) return `${Math.trunc(n)} B`;
  let value = n;
  let unit: string = "B";
  for (const next of BYTE_UNITS) {
    if (Math.abs(value) < 999.5) break;
    value /= 1000;
    unit = next;
  }
  const digits = Math.abs(value) < 99.95 ? value.toFixed(1) : count(Math.round(value));
  return `${digits} ${unit}`;
}

/** Breaks a text at its spaces into lines no wider than `room`; a word that is wider stays whole, on a line of its own. */
export function wrap(text: string, room: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`;
    if (lines.length === 0 || Bun.stringWidth(longer) > room) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}

/** The candidate that was probably meant: fewest edits apart, else the only one that begins so, else undefined. */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  const wanted = folded(name);
  if (wanted === "") return undefined;
  let best: string | undefined;
  let fewest = Math.min(3, Math.max(1, Math.round(wanted.length / 3))) + 1;
  for (const candidate of candidates) {
    const edits = distance(wanted, folded(candidate), fewest);
    if (edits < fewest) [best, fewest] = [candidate, edits];
  }
  if (best !== undefined) return best;
  const longer = beginningWith(wanted, candidates);
  return longer.length === 1 ? longer[0] : undefined;
}

/** What to do about a name that is none of the candidates: the one that was meant, those that begin so, else all. */
export function meant(name: string, candidates: readonly string[], otherwise?: string): string {
  const near = nearest(name, candidates);
  const named = near === undefined ? beginningWith(folded(name), candidates) : [near];
  if (named.length === 0) return otherwise ?? `one of ${candidates.join(", ")}`;
  return `did you mean ${named.join(" or ")}?`;
}

function beginningWith(wanted: string, candidates: readonly string[]): readonly string[] {
  return wanted.length < 2 ? [] : candidates.filter((candidate) => folded(candidate).startsWith(wanted));
}

function folded(name: string): string {
  return name.toLowerCase().replaceAll("_", "-").replace(/^-+/, "");
}

/** How many letters to change, add, drop or swap with their neighbour; `limit` or more where lengths tell that much. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = swapped ? (before[j - 2] ?? 0) + 1 : limit;
      next.push(Math.min(change, swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    before = row;
    row = next;
  }
  return row[b.length] ?? limit;
}
