/** Owns what stands after a secret's name: where the value ends, and whether it is a secret or only looks like one. */
import { kindOf, type NameKind } from "./names.ts";

export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A value is judged by so much of it; only one that is a secret is followed to its end. */
const JUDGED = 80;

/** Matches at a place of the text; the pattern is sticky. */
export function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** The secret after a sign, or a space, at this place: what is between quotation marks, or up to where it ends without. */
export function secretAfter(text: string, at: number, kind: NameKind): Span | undefined {
  const open = matchAt(/[=>]{0,2}\s{0,5}(?:[bfru]{1,2}(?=["']))?(\\{0,3})(?:("""|'''|["'`]))?/y, text, at + 1);
  if (!open) return undefined;
  const start = at + 1 + open[0].length;
  const mark = open[2]?.charAt(0);
  const end = (most: number): number =>
    mark === undefined ? endOfWord(text, start, most) : closing(text, start, most, mark, open[1] !== "");
  const near = end(start + JUDGED);
  const begin = text.slice(start, near);
  const isOne = mark === undefined ? isBareSecret(begin, kind, text.charAt(near)) : isSecret(begin, kind);
  return isOne ? { start, end: near < start + JUDGED ? near : end(text.length) } : undefined;
}

/** The rest of a header's line, but for the scheme of an authorization. */
export function headerAfter(text: string, at: number): Span | undefined {
  const from = at + 1 + (matchAt(/[>=:]?\s{0,5}\\{0,3}["']?/y, text, at + 1)?.[0].length ?? 0);
  const begin = matchAt(/[^"'\r\n\\]{0,80}/y, text, from)?.[0] ?? "";
  const scheme = /^(?:basic|bearer|digest|token|negotiate|apikey|aws4-hmac-sha256)\s{1,3}/i.exec(begin)?.[0] ?? "";
  const start = from + scheme.length;
  if (!isSecret(begin.slice(scheme.length), "secret")) return undefined;
  return { start, end: start + (matchAt(/[^"'\r\n\\]*/y, text, start)?.[0].length ?? 0) };
}

function endOfWord(text: string, start: number, most: number): number {
  if (most === text.length) return start + (matchAt(/[^\s"'`<>,;&(){}[\]\\|]*/y, text, start)?.[0].length ?? 0);
  return start + (matchAt(/[^\s"'`<>,;&(){}[\]\\|]{0,80}/y, text, start)?.[0].length ?? 0);
}

/** Where a quoted text ends: before its closing mark, or with its line. An escaped mark ends what one began. */
function closing(text: string, start: number, most: number, mark: string, isEscaped: boolean): number {
  const last = Math.min(text.length, most);
  for (let at = start; at < last; at++) {
    const unit = text.charAt(at);
    if (unit === "\n" || unit === "\r" || unit === mark) return at;
    if (unit !== "\\") continue;
    if (isEscaped && text.startsWith(mark, at + 1)) return at;
    at++;
  }
  return last;
}

/** What stands where a secret will be put in: a variable, a gap in a template, asterisks. */
export function isPlaceholder(text: string): boolean {
  if (/^(?:$|\$[{(]|\{\{|\{[\w.]+\}$|<[\w .-]+>$|%\w+%$|\*+$|x{3,}$|\.{3}|…|\[redacted:)/i.test(text)) return true;
  const variable = /^\$(\w+)$/.exec(text)?.[1];
  return variable !== undefined && (/^[A-Z_][A-Z0-9_]*$/.test(variable) || kindOf(variable) !== "none");
}

/** Whether the value of a field of this kind is a secret; of a long one the beginning is enough. */
export function isSecret(value: string, kind: NameKind): boolean {
  if (kind === "none" || value.length < 2 || isPlaceholder(value)) return false;
  return kind !== "random" || !/^(?:[\d._,-]{1,12}[kK]?|[A-Za-z][a-z]{0,14})$/.test(value);
}

/** Without quotation marks it may also be a type, a word of a program, a call, or another name, of the same or below it. */
function isBareSecret(value: string, kind: NameKind, next: string): boolean {
  if (!isSecret(value, kind) || /^\W+$|:$/.test(value)) return false;
  if ("([{".includes(next) && next !== "" && /[\w$]$/.test(value)) return false;
  if (/^[A-Za-z_$][\w$]*(?:\??\.[A-Za-z_$][\w$]*)*$/.test(value))
    return !value.includes(".") && kindOf(value) === "none" && !WORDS.has(value.toLowerCase());
  return true;
}

const WORDS: ReadonlySet<string> = new Set(
  (
    "string str text number boolean bool int any unknown object bytes none null nil undefined true false required optional " +
    "self this new await return function const let var key value example changeme your the is not and or for in to of a " +
    "an if inherit"
  ).split(" "),
);
