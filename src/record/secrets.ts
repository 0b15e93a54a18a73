/**
 * Owns finding secrets in text: by the shapes of known tokens, and by what stands before a value. It goes through the
 * text once, from word to word, and looks closer only where a word is long or a sign follows a name that tells of a
 * secret; all that it then does is bounded, so that no text takes longer than in proportion to its length.
 */
import { isKeyVariable, isParameter, kindOf, mayTell } from "./names.ts";
import { SHORTEST_TOKEN, tokenIn } from "./tokens.ts";
import { headerAfter, isPlaceholder, matchAt, type Span, secretAfter } from "./values.ts";

export interface Secret extends Span {
  readonly rule: string;
}

/** Told of every secret that is taken out, by its rule; never its text. */
export type Found = (rule: string) => void;

/** Looks at a stretch of text where something looks like a token that nobody here knows. */
export type SecondLook = (text: string, start: number, end: number) => Secret | undefined;

/** Of each UTF-16 unit: part of a word, a sign between a name and its value, or neither. */
const WORD = 1;
const SIGN = 2;
const KINDS = new Uint8Array(0x10000);
for (const unit of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") KINDS[unit.charCodeAt(0)] = WORD;
for (const unit of ":=>") KINDS[unit.charCodeAt(0)] = SIGN;

const DASH = 45;
const COLON = 58;
const LETTER_R = 114;
const LETTER_U = 117;
const SLASH = 47;

/** Every secret in a text, in its order; none overlaps another. */
export function secretsIn(text: string, secondLook?: SecondLook): Secret[] {
  const found: Secret[] = [];
  const { length } = text;
  let lastStart = 0; // of the word before
  let lastEnd = 0;
  for (let at = 0; at < length; at++) {
    const start = at;
    while (at < length && KINDS[text.charCodeAt(at)] === WORD) at++;
    let secret: Secret | undefined;
    if (at > start) {
      if (at - start >= SHORTEST_TOKEN || (text.charCodeAt(start) === DASH && text.charCodeAt(start + 1) === DASH))
        secret = atWord(text, start, at, lastStart, lastEnd, secondLook);
      lastStart = start;
      lastEnd = at;
    }
    if (secret === undefined && at < length && KINDS[text.charCodeAt(at)] === SIGN)
      secret = atSign(text, at, lastStart, lastEnd);
    if (secret !== undefined) {
      found.push(secret);
      at = Math.max(at, secret.end - 1);
    }
  }
  return found;
}

/** The text with each secret replaced by `[redacted:RULE]`. */
export function withoutSecrets(text: string, found: Found, secondLook?: SecondLook): string {
  const secrets = secretsIn(text, secondLook);
  if (secrets.length === 0) return text;
  let clean = "";
  let from = 0;
  for (const { start, end, rule } of secrets) {
    found(rule);
    clean += `${text.slice(from, start)}[redacted:${rule}]`;
    from = end;
  }
  return clean + text.slice(from);
}

/** A long word, or one that begins with dashes. */
function atWord(
  text: string,
  start: number,
  end: number,
  lastStart: number,
  lastEnd: number,
  look?: SecondLook,
): Secret | undefined {
  if (text.startsWith("--", start)) {
    const opened = text.startsWith("-----BEGIN", start) ? keyBlock(text, start) : option(text, start, end);
    if (opened) return opened;
  }
  if (end - start < SHORTEST_TOKEN) return undefined;
  const token = tokenIn(text, start, end);
  if (token) return { ...token, rule: "token" };
  const scheme = start - lastEnd === 1 && lastEnd - lastStart <= 6 ? text.slice(lastStart, lastEnd).toLowerCase() : "";
  return (
    jwt(text, start, end) ??
    credentials(text, start, end, scheme) ??
    announced(text, start, end) ??
    look?.(text, start, end)
  );
}

const KEY_END = "-----END ";
const LONGEST_KEY = 1 << 16;
/** Where a key's last line comes next: nobody looks for it twice in the same part of a text. */
let ending = { text: "", from: 0, at: -1 };

/** From its first line to its last; where that is missing, as far as the text could be its body. */
function keyBlock(text: string, start: number): Secret | undefined {
  const begin = matchAt(/-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----/y, text, start);
  if (!begin) return undefined;
  const from = start + begin[0].length;
  if (ending.text !== text || from < ending.from || (ending.at >= 0 && ending.at < from))
    ending = { text, from, at: text.indexOf(KEY_END, from) };
  const isThere = ending.at >= 0 && ending.at - from <= LONGEST_KEY;
  const close = isThere ? text.indexOf("-----", ending.at + KEY_END.length) : -1;
  const end = close < 0 ? from + (matchAt(/[A-Za-z0-9+/=\s\\:,.-]*/y, text, from)?.[0].length ?? 0) : close + 5;
  return { start, end, rule: "private-key" };
}

/** `--password hunter2`; with `=` it is a sign like others. */
function option(text: string, start: number, end: number): Secret | undefined {
  const kind = kindOf(text.slice(start + 2, end));
  if (kind === "none" || text.charCodeAt(end) !== 32) return undefined;
  return text.charCodeAt(end + 1) === DASH ? undefined : named("option", secretAfter(text, end, kind));
}

function jwt(text: string, start: number, end: number): Secret | undefined {
  const begin = text.charCodeAt(end) === 46 ? text.slice(start, end).search(/(?<![A-Za-z0-9])eyJ/) : -1;
  const rest = begin < 0 ? null : matchAt(/\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?/y, text, end);
  return rest ? { start: start + begin, end: end + rest[0].length, rule: "jwt" } : undefined;
}

/** True where a word ends a few spaces and quotation marks before `start`: nothing else could announce what stands there. */
function isAnnounced(text: string, start: number): boolean {
  let at = start - 1;
  while (at >= start - 4 && /[\s"'`]/.test(text.charAt(at))) at--;
  return at < start - 1 && /[A-Za-z]/.test(text.charAt(at));
}

/** A word made by chance that the words before it announce: `the password is ...`, `-p ...`, and `-p...` itself. */
function announced(text: string, start: number, end: number): Secret | undefined {
  if (!isAnnounced(text, start) && !text.startsWith("-p", start)) return undefined;
  if (!/^(?=[^\d]*\d)(?=[^A-Za-z]*[A-Za-z])[\w-]{16,}$/.test(text.slice(start, end))) return undefined;
  if (text.startsWith("-p", start)) return { start: start + 2, end, rule: "option" };
  if (
    !/(?:\b(?:password|passphrase|passwd|pwd|secret|token|credentials?|(?:api|access|secret|private)[ _-]?key)(?:\s{1,2}(?:is|was|of|for|to|as)){0,2}[\s"'`]{1,4}|(?:^|\s)-p\s)$/i.test(
      text.slice(Math.max(0, start - 40), start),
    )
  )
    return undefined;
  return {
    start,
    end: start + (matchAt(/[A-Za-z0-9._~+/=-]+/y, text, start)?.[0].length ?? end - start),
    rule: "announced",
  };
}

/** `Bearer ...` and `Basic ...` without a header's name; `basic` is a word, too, unless what follows says `name:password`. */
function credentials(text: string, start: number, end: number, scheme: string): Secret | undefined {
  if (scheme !== "bearer" && scheme !== "basic") return undefined;
  const value = matchAt(/[A-Za-z0-9._~+/=-]+/y, text, start)?.[0] ?? "";
  if (scheme === "bearer" ? !/\d/.test(value) && end - start < 24 : !isNameAndPassword(value)) return undefined;
  return { start, end: start + value.length, rule: scheme };
}

function isNameAndPassword(base64: string): boolean {
  try {
    return atob(base64.slice(0, 400)).includes(":");
  } catch {
    return false; // no base64, so nothing that a server would take
  }
}

/** A sign: what stands before it may be the name of a secret. */
function atSign(text: string, at: number, lastStart: number, lastEnd: number): Secret | undefined {
  const isColon = text.charCodeAt(at) === COLON;
  if (isColon && text.charCodeAt(at + 1) === SLASH && text.charCodeAt(at + 2) === SLASH)
    return webhook(text, at + 3) ?? userInfo(text, at + 3, text.slice(lastStart, lastEnd).toLowerCase());
  if (lastEnd - lastStart < 2) return undefined;
  if (!mayTell(text, lastStart, lastEnd))
    return isColon && at === lastEnd ? curlPassword(text, at, lastStart) : undefined;
  if (!isNear(text, lastEnd, at)) return undefined;
  const name = text.slice(lastStart, lastEnd);
  const kind = kindOf(name);
  if (kind === "header") return named("header", headerAfter(text, at));
  if (kind === "none") return isColon ? curlPassword(text, at, lastStart) : tightValue(text, at, lastStart, name);
  return named("assignment", secretAfter(text, at, kind));
}

const named = (rule: string, span: Span | undefined): Secret | undefined => span && { ...span, rule };

/** Between a name and its sign there are only quotation marks, brackets and spaces. */
function isNear(text: string, end: number, at: number): boolean {
  if (at - end > 8) return false;
  for (let i = end; i < at; i++) if (!" \t\"'`\\]".includes(text.charAt(i))) return false;
  return true;
}

/** An address that anybody may post to who knows it. */
function webhook(text: string, start: number): Secret | undefined {
  const found = matchAt(
    /(?:hooks\.slack\.com\/(?:services|workflows|triggers)|(?:\w+\.)?discord(?:app)?\.com\/api\/webhooks|\w+\.webhook\.office\.com)\/([\w@/.-]{8,})/iy,
    text,
    start,
  );
  if (!found) return undefined;
  const end = start + found[0].length;
  return { start: end - (found[1] ?? "").length, end, rule: "webhook" };
}

function userInfo(text: string, start: number, scheme: string): Secret | undefined {
  const user = matchAt(/[^\s/?#"'`<>\\]+@/y, text, start)?.[0].slice(0, -1);
  if (user === undefined || user.startsWith("[redacted:")) return undefined;
  const [name = "", password] = [
    user.slice(0, user.indexOf(":")),
    user.includes(":") ? user.slice(user.indexOf(":") + 1) : undefined,
  ];
  if (
    password === undefined
      ? !/^https?$/.test(scheme)
      : isPlaceholder(password) && (name === "" || isPlaceholder(password))
  )
    return undefined;
  return { start, end: start + user.length, rule: "url-credentials" };
}

/** `curl -u name:password`. */
function curlPassword(text: string, at: number, nameStart: number): Secret | undefined {
  const [near, far] = [text.charCodeAt(nameStart - 2), text.charCodeAt(nameStart - 3)];
  if (near !== LETTER_U && near !== LETTER_R && far !== LETTER_U && far !== LETTER_R) return undefined;
  if (!/(?:^|\s)(?:-u|--(?:proxy-)?user)[ =]["']?$/.test(text.slice(Math.max(0, nameStart - 16), nameStart)))
    return undefined;
  const password = matchAt(/[^\s"'`]+/y, text, at + 1)?.[0] ?? "";
  return isPlaceholder(password) ? undefined : { start: at + 1, end: at + 1 + password.length, rule: "option" };
}

/** Names that tell of a secret only where their value follows at once: parameters of an address, and keys. */
function tightValue(text: string, at: number, nameStart: number, name: string): Secret | undefined {
  const before = text.charAt(nameStart - 1);
  const isInAddress = (before === "?" || before === "&") && isParameter(name);
  if (!isInAddress && !isKeyVariable(name)) return undefined;
  const value = secretAfter(text, at, "random");
  if (!value || value.end - value.start < (isInAddress ? 8 : 16)) return undefined;
  return named(isInAddress ? "url-parameter" : "assignment", value);
}
