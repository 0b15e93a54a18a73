/**
 * Owns passing over JSON text in bytes without decoding it; AssemblyScript, for the modules that `npm run wasm` makes. It
 * checks the nesting and the quotes of what it passes, never the text inside. Whoever uses it says first where the text ends,
 * and has sixteen bytes more behind it.
 */

export const QUOTE: u8 = 0x22;
export const BACKSLASH: u8 = 0x5c;
export const COMMA: u8 = 0x2c;
export const COLON: u8 = 0x3a;
export const OPEN_OBJECT: u8 = 0x7b;
export const CLOSE_OBJECT: u8 = 0x7d;
export const OPEN_LIST: u8 = 0x5b;
export const CLOSE_LIST: u8 = 0x5d;

/** Where the text ends: nothing from here on belongs to it. */
export let end: u32 = 0;

export function endAt(to: u32): void {
  end = to;
}

/** Which of the sixteen bytes from `at` on are the one looked for: a bit each, the lowest for the first. */
export function marksOf(wanted: u8, at: u32): u32 {
  return i8x16.bitmask(i8x16.eq(v128.load(at), i8x16.splat(wanted)));
}

export function isEscaped(at: u32, first: u32): bool {
  let from = at;
  while (from > first && load<u8>(from - 1) === BACKSLASH) from--;
  return ((at - from) & 1) === 1;
}

/** Where the quote stands that closes the text whose first byte is given; 0 when none does. */
export function closingQuote(first: u32): u32 {
  for (let at = first; at < end; at += 16) {
    for (let marks = marksOf(QUOTE, at); marks !== 0; marks &= marks - 1) {
      const quote = at + ctz(marks);
      if (quote >= end) return 0;
      if (!isEscaped(quote, first)) return quote;
    }
  }
  return 0;
}

/** The same of a text without escapes; 0 for one that has any. */
export function plainQuote(first: u32): u32 {
  for (let at = first; at < end; at += 16) {
    const quotes = marksOf(QUOTE, at);
    const slashes = marksOf(BACKSLASH, at);
    if ((quotes | slashes) === 0) continue;
    const close = at + ctz(quotes);
    return close < end && ctz(quotes) < ctz(slashes) ? close : 0;
  }
  return 0;
}

export function skipSpace(at: u32): u32 {
  while (at < end && load<u8>(at) <= 0x20) at++;
  return at;
}

/** The byte after a value; 0 when it is no value. */
export function skipValue(at: u32): u32 {
  if (at >= end) return 0;
  const byte = load<u8>(at);
  if (byte === QUOTE) {
    const close = closingQuote(at + 1);
    return close === 0 ? 0 : close + 1;
  }
  return byte === OPEN_OBJECT || byte === OPEN_LIST ? skipNested(at) : skipPlain(at);
}

function skipNested(at: u32): u32 {
  let depth = 0;
  while (at < end) {
    const byte = load<u8>(at);
    if (byte === QUOTE) {
      at = closingQuote(at + 1);
      if (at === 0) return 0;
    } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
      depth++;
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
      depth--;
      if (depth === 0) return at + 1;
    }
    at++;
  }
  return 0;
}

/** A number, true, false or null. */
function skipPlain(at: u32): u32 {
  const first = at;
  while (at < end) {
    const byte = load<u8>(at);
    if (byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_LIST || byte <= 0x20) break;
    at++;
  }
  return at > first ? at : 0;
}

/** Reads up to seven bytes more of each. */
export function equals(a: u32, b: u32, length: u32): bool {
  let i: u32 = 0;
  for (; i + 8 <= length; i += 8) if (load<u64>(a + i) !== load<u64>(b + i)) return false;
  return i === length || (load<u64>(a + i) ^ load<u64>(b + i)) << (64 - ((length - i) << 3)) === 0;
}
