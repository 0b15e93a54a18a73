/**
 * Owns finding secrets in text: by the shapes of known tokens, and by what stands before a value. It goes through the
 * text once, from word to word, and looks closer only where a word is long or a sign follows a name that tells of a
 * secret; all that it then does is bounded, so that no text takes longer than in proportion to its length.
 */
import { isKeyVariable, isParameter, kindOf, mayTell, type NameKind } from "./names.ts";
import { SHORTEST_TOKEN, type Span, tokenIn } from "./tokens.ts";

export interface Secret extends Span {
  readonly rule: string;
}

/** Told of every secret that is taken out, by its rule; never its text. */
export type Found = (rule: string) => void;

/** Looks at a stretch of text where something looks like a token that nobody here knows. */
export type SecondLook = (text: string, start: number, end: number) => Secret | undefined;

/** Of each UTF-16 unit: part of a word, a sign between a name and its value, or neither. */
const OTHER = 0;
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
  let start = 0; // of the word that is being read
  let lastStart = 0; // of the word before
  let lastEnd = 0;
  for (let at = 0; at <= length; at++) {
    const kind = at < length ? KINDS[text.charCodeAt(at)] : OTHER;
    if (kind === WORD) continue;
    let secret: Secret | undefined;
    if (at > start) {
      if (at - start >= SHORTEST_TOKEN || (text.charCodeAt(start) === DASH && text.charCodeAt(start + 1) === DASH))
        secret = atWord(text, start, at, lastStart, lastEnd, secondLook);
      lastStart = start;
      lastEnd = at;
    }
    if (kind === SIGN && secret === undefined) secret = atSign(text, at, lastStart, lastEnd);
    if (secret !== undefined) {
      found.push(secret);
      at = Math.max(at, secret.end - 1);
    }
    start = at + 1;
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

const sticky = (pattern: RegExp, text: string, at: number): RegExpExecArray | null => {
  pattern.lastIndex = at;
  return pattern.exec(text);
};

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

const KEY_BEGIN = /-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----/y;
const KEY_BODY = /[A-Za-z0-9+/=\s\\:,.-]{0,20000}/y;
const KEY_END = "-----END ";
const LONGEST_KEY = 20_000;

/** From its first line to its last; where that is missing, as far as the text could be its body. */
function keyBlock(text: string, start: number): Secret | undefined {
  const begin = sticky(KEY_BEGIN, text, start);
  if (!begin) return undefined;
  const from = start + begin[0].length;
  const last = text.indexOf(KEY_END, from);
  const close = last < 0 || last - from > LONGEST_KEY ? -1 : text.indexOf("-----", last + KEY_END.length);
  const end = close < 0 ? from + (sticky(KEY_BODY, text, from)?.[0].length ?? 0) : close + 5;
  return { start, end, rule: "private-key" };
}

/** `--password hunter2`; with `=` it is a sign like others. */
function option(text: string, start: number, end: number): Secret | undefined {
  const kind = kindOf(text.slice(start + 2, end));
  if (kind === "none" || text.charCodeAt(end) !== 32) return undefined;
  const value = valueAt(text, end);
  return value && text.charCodeAt(value.start) !== DASH && isSecret(text, value, kind)
    ? { ...value, rule: "option" }
    : undefined;
}

const JWT_REST = /\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?/y;

function jwt(text: string, start: number, end: number): Secret | undefined {
  const begin = text.charCodeAt(end) === 46 ? text.slice(start, end).search(/(?<![A-Za-z0-9])eyJ/) : -1;
  const rest = begin < 0 ? null : sticky(JWT_REST, text, end);
  return rest ? { start: start + begin, end: end + rest[0].length, rule: "jwt" } : undefined;
}

const RANDOM = /^(?=[^\d]*\d)(?=[^A-Za-z]*[A-Za-z])[\w-]{16,500}$/;
const ANNOUNCED =
  /(?:\b(?:password|passphrase|passwd|pwd|secret|token|credentials?|(?:api|access|secret|private)[ _-]?key)(?:\s{1,2}(?:is|was|of|for|to|as)){0,2}[\s"'`]{1,4}|(?:^|\s)-p\s)$/i;

/** A word made by chance that the words before it announce: `the password is ...`, `-p ...`, and `-p...` itself. */
function announced(text: string, start: number, end: number): Secret | undefined {
  if (!RANDOM.test(text.slice(start, end))) return undefined;
  if (text.startsWith("-p", start)) return { start: start + 2, end, rule: "option" };
  if (!ANNOUNCED.test(text.slice(Math.max(0, start - 40), start))) return undefined;
  return { start, end: start + (sticky(CREDENTIALS, text, start)?.[0].length ?? end - start), rule: "announced" };
}

const CREDENTIALS = /[A-Za-z0-9._~+/=-]+/y;

/** `Bearer ...` and `Basic ...` without a header's name; `basic` is a word, too, unless what follows says `name:password`. */
function credentials(text: string, start: number, end: number, scheme: string): Secret | undefined {
  if (scheme !== "bearer" && scheme !== "basic") return undefined;
  const value = sticky(CREDENTIALS, text, start)?.[0] ?? "";
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

const USER = /[^\s/?#"'`<>\\]{1,300}@/y;
const CURL_USER = /(?:^|\s)(?:-u|--(?:proxy-)?user)[ =]["']?$/;
const CURL_PASSWORD = /[^\s"'`]{1,1000}/y;

/** A sign: what stands before it may be the name of a secret. */
function atSign(text: string, at: number, lastStart: number, lastEnd: number): Secret | undefined {
  const isColon = text.charCodeAt(at) === COLON;
  if (isColon && text.charCodeAt(at + 1) === SLASH && text.charCodeAt(at + 2) === SLASH)
    return webhook(text, at + 3) ?? userInfo(text, at + 3, text.slice(lastStart, lastEnd).toLowerCase());
  if (lastEnd - lastStart < 2) return undefined;
  if (!mayTell(text.charCodeAt(lastEnd - 2), text.charCodeAt(lastEnd - 1)))
    return isColon && at === lastEnd ? curlPassword(text, at, lastStart) : undefined;
  if (!isNear(text, lastEnd, at)) return undefined;
  const name = text.slice(lastStart, lastEnd);
  const kind = kindOf(name);
  if (kind === "header") return headerValue(text, at);
  if (kind === "none") return isColon ? curlPassword(text, at, lastStart) : tightValue(text, at, lastStart, name);
  const value = valueAt(text, at);
  return value && isSecret(text, value, kind) ? { ...value, rule: "assignment" } : undefined;
}

/** Between a name and its sign there are only quotation marks, brackets and spaces. */
function isNear(text: string, end: number, at: number): boolean {
  if (at - end > 8) return false;
  for (let i = end; i < at; i++) if (!" \t\"'`\\]".includes(text.charAt(i))) return false;
  return true;
}

const WEBHOOK =
  /(?:hooks\.slack\.com\/(?:services|workflows|triggers)|(?:\w+\.)?discord(?:app)?\.com\/api\/webhooks|\w+\.webhook\.office\.com)\/([\w@/.-]{8,500})/iy;

/** An address that anybody may post to who knows it. */
function webhook(text: string, start: number): Secret | undefined {
  const found = sticky(WEBHOOK, text, start);
  if (!found) return undefined;
  const end = start + found[0].length;
  return { start: end - (found[1] ?? "").length, end, rule: "webhook" };
}

function userInfo(text: string, start: number, scheme: string): Secret | undefined {
  const user = sticky(USER, text, start)?.[0].slice(0, -1);
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

const isPlaceholder = (text: string): boolean => /^(?:$|\$|\{|<|%[A-Z]|\*+$|x{3,}$|\.{3})/.test(text);

/** `curl -u name:password`. */
function curlPassword(text: string, at: number, nameStart: number): Secret | undefined {
  const [near, far] = [text.charCodeAt(nameStart - 2), text.charCodeAt(nameStart - 3)];
  if (near !== LETTER_U && near !== LETTER_R && far !== LETTER_U && far !== LETTER_R) return undefined;
  if (!CURL_USER.test(text.slice(Math.max(0, nameStart - 16), nameStart))) return undefined;
  const password = sticky(CURL_PASSWORD, text, at + 1)?.[0] ?? "";
  return isPlaceholder(password) ? undefined : { start: at + 1, end: at + 1 + password.length, rule: "option" };
}

/** Names that tell of a secret only where their value follows at once: parameters of an address, and keys. */
function tightValue(text: string, at: number, nameStart: number, name: string): Secret | undefined {
  const before = text.charAt(nameStart - 1);
  const isInAddress = (before === "?" || before === "&") && isParameter(name);
  if (!isInAddress && !isKeyVariable(name)) return undefined;
  const value = valueAt(text, at);
  if (!value) return undefined;
  const secret = text.slice(value.start, value.end);
  if (isInAddress ? secret.length < 8 : !/^(?=.*\d)(?=.*[A-Za-z])[\w+/=.-]{16,}$/.test(secret)) return undefined;
  return { ...value, rule: isInAddress ? "url-parameter" : "assignment" };
}

const LINE = /[^"'\r\n\\]{1,8000}/y;
const SCHEME = /^(?:basic|bearer|digest|token|negotiate|apikey|aws4-hmac-sha256)\s{1,3}/i;

/** The rest of a header's line, but for the scheme of an authorization. */
function headerValue(text: string, at: number): Secret | undefined {
  const open = /[>=:]?\s{0,5}\\{0,3}["']?/y;
  const from = at + 1 + (sticky(open, text, at + 1)?.[0].length ?? 0);
  const line = sticky(LINE, text, from)?.[0] ?? "";
  const scheme = SCHEME.exec(line)?.[0] ?? "";
  const value = { start: from + scheme.length, end: from + line.length };
  return isSecret(text, value, "secret") ? { ...value, rule: "header" } : undefined;
}

const OPEN = /[=>]{0,2}\s{0,5}(?:[bfru]{1,2}(?=["']))?(\\{0,3})(?:("""|'''|["'`]))?/y;
const BARE = /[^\s"'`<>,;&(){}[\]\\|]{1,8000}/y;
const LONGEST_VALUE = 8000;

/** The value after a sign: what is between quotation marks, or up to where a value without them ends. */
function valueAt(text: string, at: number): (Span & { readonly isQuoted: boolean }) | undefined {
  const open = sticky(OPEN, text, at + 1);
  if (!open) return undefined;
  const start = at + 1 + open[0].length;
  const quote = open[2];
  if (quote !== undefined) return { start, end: closing(text, start, quote.charAt(0), open[1] !== ""), isQuoted: true };
  const bare = sticky(BARE, text, start)?.[0] ?? "";
  return bare === "" ? undefined : { start, end: start + bare.length, isQuoted: false };
}

/** Where a quoted text ends: before its closing mark, or with its line. Within escaped marks there is none. */
function closing(text: string, start: number, quote: string, isEscaped: boolean): number {
  const most = Math.min(text.length, start + LONGEST_VALUE);
  for (let at = start; at < most; at++) {
    const unit = text.charAt(at);
    if (unit === "\n" || unit === "\r") return at;
    if (unit === "\\" && (isEscaped ? text.startsWith(quote, at + 1) : true)) {
      if (isEscaped) return at;
      at++;
    } else if (unit === quote) return at;
  }
  return most;
}

/** Types, words of programs, and expressions that stand where a secret would. */
const WORDS =
  /^(?:string|str|text|number|boolean|bool|int|any|unknown|object|bytes|none|null|nil|undefined|true|false|required|optional|self|this|new|await|return|function|const|let|var|secret|token|password|passwd|pwd|credentials?|apikey|api_key|key|value|example|changeme|your|the|is|not|and|or|for|in|to|of|a|an|if)$/i;
const EXPRESSION = /^[A-Za-z_$][\w$]*(?:\??\.[A-Za-z_$][\w$]*)*(?:[([]|$)/;
const NUMBER = /^[\d._,-]{1,12}$/;
/** A word, as no token or key is one. */
const PLAIN_WORD = /^[A-Za-z][a-z]{0,14}$/;

/** Whether the value of a field is a secret, by the field's name. */
export function isSecretValue(text: string, kind: NameKind): boolean {
  return kind !== "none" && isSecret(text, { start: 0, end: text.length, isQuoted: true }, kind);
}

/** Whether a value is a secret, by its beginning: not a placeholder, a word of a program, an expression or a count. */
function isSecret(text: string, value: Span & { readonly isQuoted?: boolean }, kind: NameKind): boolean {
  if (value.end - value.start < 2 || text.startsWith("[redacted:", value.start)) return false;
  const begin = text.slice(value.start, Math.min(value.end, value.start + 80));
  if (isPlaceholder(begin) || (kind === "random" && (NUMBER.test(begin) || PLAIN_WORD.test(begin)))) return false;
  if (value.isQuoted !== false) return true;
  if (WORDS.test(begin) || /^\W+$/.test(begin)) return false;
  const next = text.charAt(value.end);
  if ((next === "(" || next === "[" || next === "{") && /[\w$]$/.test(begin)) return false;
  return !(EXPRESSION.test(begin) && (begin.includes(".") || kindOf(begin) !== "none"));
}
