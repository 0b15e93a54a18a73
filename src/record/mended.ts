/** Owns JSON texts that their producer cut: as much of the value as they still tell, and how much of them is gone. */
import { mark } from "./cut.ts";
import { structured } from "./messages.ts";

export interface Mended {
  readonly value: unknown;
  /** What to put at the value's end; undefined where nothing is gone, or where the value is a text that says so itself. */
  readonly mark: string | undefined;
}

/** How VS Code's Copilot ends what it cuts, in spans and in debug logs. */
const ENDING = /(?:\.\.\.|…)? ?\[truncated(?:, original (\d+) chars)?\]$/;
const LONGEST_ENDING = 64;

/** A value, or what a JSON text says, also one that ends before its JSON does. */
export function mended(given: unknown): Mended {
  const value = structured(given);
  if (typeof value !== "string") return { value, mark: undefined };
  const ending = ENDING.exec(value.slice(-LONGEST_ENDING));
  const head = ending ? value.slice(0, value.length - ending[0].length) : value;
  const lost = ending?.[1] === undefined ? "[cut]" : mark(Number(ending[1]) - head.length, "character");
  const closed = /^\s*[{[]/.test(head) ? closedJson(head) : undefined;
  if (closed !== undefined) return { value: closed, mark: lost };
  return { value: ending ? `${head}… ${lost}` : value, mark: undefined };
}

const CLOSERS: Readonly<Record<string, string>> = { "{": "}", "[": "]" };
const LITERAL = /(?:-?\d[\d.eE+-]*|true|false|null)(?=[\s,\]}])/y;
const CUT_NUMBER = /^-?[\d.eE+-]*$/;
const WORDS = ["true", "false", "null"];

/** The value that the beginning of a JSON text tells; undefined when it is no such beginning. */
function closedJson(json: string): unknown {
  const open: string[] = [];
  /** What came last: a mark of JSON's, or `=` for a value. */
  let last = "";
  /** Up to here the text only wants its ends. */
  let good = 0;
  let quote = "";
  for (let at = 0; at < json.length; at++) {
    const unit = json[at] as string;
    if (unit === " " || unit === "\n" || unit === "\r" || unit === "\t") continue;
    if (unit === ":" || unit === ",") {
      last = unit;
      continue;
    }
    if (unit === "}" || unit === "]") {
      if (open.pop() !== unit) return undefined;
    } else if (last === "=") return undefined;
    else if (unit === "{" || unit === "[") open.push(CLOSERS[unit] as string);
    else if (unit === '"') {
      const { end, isWhole } = endOfString(json, at);
      const isKey = open.at(-1) === "}" && last !== ":";
      if (isKey && !isWhole) break;
      at = end - 1;
      if (isKey) continue;
      if (!isWhole) {
        good = end;
        quote = '"';
        break;
      }
    } else {
      LITERAL.lastIndex = at;
      const literal = LITERAL.exec(json)?.[0];
      if (literal === undefined && !isCutLiteral(json.slice(at))) return undefined;
      if (literal === undefined) break;
      at += literal.length - 1;
    }
    last = unit === "{" || unit === "[" ? unit : "=";
    good = at + 1;
  }
  return parsed(json.slice(0, good) + quote + open.reverse().join(""));
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined; // it is something else that only begins like JSON
  }
}

/** A number or a word at the end of a text: there may be more of it. */
function isCutLiteral(rest: string): boolean {
  return CUT_NUMBER.test(rest) || WORDS.some((word) => word.startsWith(rest));
}

/** Where a string ends; one that is cut ends before the character that is not whole. */
function endOfString(json: string, start: number): { readonly end: number; readonly isWhole: boolean } {
  let at = start + 1;
  while (at < json.length) {
    const unit = json.charCodeAt(at);
    if (unit === QUOTE) return { end: at + 1, isWhole: true };
    const width = unit !== BACKSLASH ? 1 : json[at + 1] === "u" ? 6 : 2;
    if (at + width > json.length) break;
    at += width;
  }
  const isHalf = (json.charCodeAt(at - 1) & 0xfc00) === 0xd800;
  return { end: isHalf ? at - 1 : at, isWhole: false };
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
