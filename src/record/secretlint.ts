/**
 * Owns the second look: the rules of secretlint, on the stretch of a text around a word that may be a token. They are run
 * by themselves: secretlint's own engine is asynchronous, and heeds comments in the text that switch its rules off.
 */
import { rules } from "@secretlint/secretlint-rule-preset-recommend";
import type { Secret } from "./secrets.ts";

interface Report {
  readonly range: readonly [start: number, end: number];
}

interface Rule {
  readonly meta: { readonly id: string };
  create(
    context: { createTranslator(): () => object; report(report: Report): void },
    options: object,
  ): { file(source: { content: string; filePath: string; ext: string; contentType: "text" }): unknown };
}

/** Not of texts: one reads key files by their name, the other is what heeds comments. */
const NOT_OF_TEXTS = /-(?:gcp|filter-comments)$/;

/** What a token may need around it to be known. */
const BEFORE = 80;
const AFTER = 320;

let reported: Report[] = [];
/** The stretch that was looked at last, and what was found there: words stand close together. */
let looked: { readonly text: string; readonly from: number; readonly to: number; readonly found: readonly Secret[] } = {
  text: "",
  from: 0,
  to: 0,
  found: [],
};

const lookers = (rules as unknown as readonly Rule[])
  .filter(({ meta }) => !NOT_OF_TEXTS.test(meta.id))
  .map((rule) => ({
    name: rule.meta.id.replace(/^.*secretlint-rule-/, ""),
    looker: rule.create({ createTranslator: () => () => ({}), report: (one) => void reported.push(one) }, {}),
  }));

/** A word of letters and digits that is no hash, no UUID and no id of a call: of those there are too many. */
const LIKE_TOKEN =
  /^(?!(?:toolu|srvtoolu|msg|call|chatcmpl|resp|req|item|gen|rs|fc|ctc|tool|run|thread|session|agent)[_-])(?=.*\d)(?=.*[g-zG-Z])[\w-]{20,}$/;

/** The first secret that secretlint finds with a part in this word of a text. */
export function secretlint(text: string, start: number, end: number): Secret | undefined {
  if (end - start > AFTER || !LIKE_TOKEN.test(text.slice(start, end))) return undefined;
  if (text !== looked.text || start < looked.from || end >= looked.to) looked = look(text, start - BEFORE, end + AFTER);
  const found = looked.found.find((one) => one.start < end && one.end > start);
  return found && { ...found, start: Math.max(start, found.start) };
}

function look(text: string, start: number, end: number): typeof looked {
  const from = Math.max(0, start);
  const content = text.slice(from, end);
  const found = lookers.flatMap(({ name, looker }) => {
    reported = [];
    looker.file({ content, filePath: "text", ext: "", contentType: "text" });
    return reported.map(({ range }): Secret => ({ start: from + range[0], end: from + range[1], rule: name }));
  });
  return { text, from, to: Math.min(end, text.length), found };
}
