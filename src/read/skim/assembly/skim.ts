/**
 * Owns skimming: copies of one JSON text, mostly a line, what a shape asks for, and passes over the rest without decoding it.
 * AssemblyScript; `npm run skim` compiles it into `../module.ts`. It checks the nesting and the quotes of all that it
 * passes, never the text inside; what it copies is for a JSON parser to judge. A line it cannot follow is refused (0).
 *
 * A shape is a node in memory: [head][tail][length mask, 8 bytes][hint][count], then entries of [key][length][node][apart],
 * of which the first, without a key, stands for any other key. Node 1 keeps a value whole; 0 stands for none. Whoever
 * writes nodes keeps `HEADER` and `ENTRY` in step.
 *
 * Keys that are set apart go into the frame, which most lines repeat: two frames are kept, the latest and the one that is
 * being written, and the words at `FRAME` say where the latest is, how long, and whether the line before had the same.
 */

const HEADER: u32 = 24;
const ENTRY: u32 = 16;
const WHOLE: u32 = 1;
const FRAME: u32 = 16;
const FRAMES: u32 = 32;
const FRAME_BYTES: u32 = 4096;
/** Nested deeper than this, a line is left to the full parser. */
const DEPTH: u32 = 256;

const QUOTE: u8 = 0x22;
const BACKSLASH: u8 = 0x5c;
const COMMA: u8 = 0x2c;
const COLON: u8 = 0x3a;
const OPEN_OBJECT: u8 = 0x7b;
const CLOSE_OBJECT: u8 = 0x7d;
const OPEN_LIST: u8 = 0x5b;
const CLOSE_LIST: u8 = 0x5d;
/** The most bytes of a character that is one UTF-16 unit. */
const ESCAPE: u32 = 6;
const LOW: u64 = 0x0101010101010101;
const HIGH: u64 = 0x8080808080808080;

let end: u32 = 0;
let out: u32 = 0;
/** Where the frame is written to. */
let frame: u32 = 0;

/** Marks, by their high bits, the bytes that are quotes; the lowest mark is exact, those above may be wrong. */
function quotesIn(bytes: u64): u64 {
  const same = bytes ^ 0x2222222222222222;
  return (same - LOW) & ~same & HIGH;
}

function isEscaped(at: u32, first: u32): bool {
  let from = at;
  while (from > first && load<u8>(from - 1) === BACKSLASH) from--;
  return ((at - from) & 1) === 1;
}

/** Where the quote stands that closes the text whose first byte is given; 0 when none does. */
function closingQuote(first: u32): u32 {
  let at = first;
  while (at < end) {
    // Most of a long text is passed over two words at a time.
    let marks = quotesIn(load<u64>(at));
    if (marks === 0) {
      marks = quotesIn(load<u64>(at + 8));
      at += 8;
      if (marks === 0) {
        at += 8;
        continue;
      }
    }
    at += <u32>(ctz(marks) >> 3);
    if (at >= end) return 0;
    if (!isEscaped(at, first)) return at;
    at++;
  }
  return 0;
}

function skipSpace(at: u32): u32 {
  while (at < end && load<u8>(at) <= 0x20) at++;
  return at;
}

function put(byte: u8): void {
  store<u8>(out, byte);
  out++;
}

function copy(from: u32, to: u32): void {
  memory.copy(out, from, to - from);
  out += to - from;
}

/** The byte after a value; 0 when it is no value. */
function skipValue(at: u32): u32 {
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

/** The bytes of a character, as it is or as an escape. */
function sizeAt(at: u32): u32 {
  const byte = load<u8>(at);
  if (byte === BACKSLASH) return load<u8>(at + 1) === 0x75 ? 6 : 2;
  let size: u32 = 1;
  if (byte >= 0x80) while ((load<u8>(at + size) & 0xc0) === 0x80) size++;
  return size;
}

/** The UTF-16 units of a character: two when it takes four bytes. */
function unitsAt(at: u32): i32 {
  return load<u8>(at) >= 0xf0 ? 2 : 1;
}

/** Where the characters end that have the first `units` of the text in `[first, close)`. */
function headEnd(first: u32, close: u32, units: i32): u32 {
  let at = first;
  for (; units > 0 && at < close; at += sizeAt(at)) units -= unitsAt(at);
  return min(at, close);
}

/** Where the characters begin that have the last `units` of the text in `[first, close)`. */
function tailStart(first: u32, close: u32, units: i32): u32 {
  // Far enough back that also of escapes there are enough; what is left of one that is cut is passed over with the rest.
  const reach = <u32>(units + 1) * ESCAPE;
  let from = close - first > reach ? close - reach : first;
  if (isEscaped(from, first)) from++;
  while (from < close && (load<u8>(from) & 0xc0) === 0x80) from++;
  let excess = -units;
  for (let at = from; at < close; at += sizeAt(at)) excess += unitsAt(at);
  for (; excess >= unitsAt(from) && from < close; from += sizeAt(from)) excess -= unitsAt(from);
  return from;
}

/** Copies a text, of a long one only its first and last characters. */
function cutText(at: u32, node: u32): u32 {
  const first = at + 1;
  const close = closingQuote(first);
  if (close === 0) return 0;
  const head = load<u32>(node);
  const tail = load<u32>(node + 4);
  if (close - first > head + tail) {
    const stop = headEnd(first, close, head);
    const from = tail > 0 ? tailStart(stop, close, tail) : close;
    if (from > stop) {
      copy(at, stop);
      copy(from, close + 1);
      return close + 1;
    }
  }
  copy(at, close + 1);
  return close + 1;
}

function equals(a: u32, b: u32, length: u32): bool {
  let i: u32 = 0;
  for (; i + 8 <= length; i += 8) if (load<u64>(a + i) !== load<u64>(b + i)) return false;
  for (; i < length; i++) if (load<u8>(a + i) !== load<u8>(b + i)) return false;
  return true;
}

/** The entry under which a node knows a key. Lines repeat the order of keys: the next one is tried first. */
function entryOf(node: u32, key: u32, length: u32): u32 {
  const any = node + HEADER;
  if ((load<u64>(node + 8) & ((<u64>1) << (length & 63))) === 0) return any;
  const first = any + ENTRY;
  const last = any + load<u32>(node + 20) * ENTRY;
  const hint = load<u32>(node + 16);
  let entry = hint;
  do {
    if (load<u32>(entry + 4) === length && equals(load<u32>(entry), key, length)) {
      store<u32>(node + 16, entry + ENTRY === last ? first : entry + ENTRY);
      return entry;
    }
    entry += ENTRY;
    if (entry === last) entry = first;
  } while (entry !== hint);
  return any;
}

function hasEscape(at: u32, to: u32): bool {
  for (; at < to; at++) if (load<u8>(at) === BACKSLASH) return true;
  return false;
}

/** Copies of a value what the node asks for; the byte after it, 0 when it is no value. */
function copyValue(at: u32, node: u32, depth: u32): u32 {
  if (at >= end || depth > DEPTH) return 0;
  const byte = load<u8>(at);
  if (node !== WHOLE) {
    if (byte === OPEN_OBJECT) return copyObject(at, node, depth);
    if (byte === OPEN_LIST) return copyList(at, node, depth);
    if (byte === QUOTE) return cutText(at, node);
  }
  const after = skipValue(at);
  if (after !== 0) copy(at, after);
  return after;
}

function copyList(at: u32, node: u32, depth: u32): u32 {
  put(OPEN_LIST);
  at = skipSpace(at + 1);
  if (at < end && load<u8>(at) === CLOSE_LIST) {
    put(CLOSE_LIST);
    return at + 1;
  }
  while (true) {
    at = copyValue(at, node, depth + 1);
    if (at === 0) return 0;
    at = skipSpace(at);
    if (at >= end) return 0;
    const byte = load<u8>(at);
    if (byte !== COMMA && byte !== CLOSE_LIST) return 0;
    put(byte);
    if (byte === CLOSE_LIST) return at + 1;
    at = skipSpace(at + 1);
  }
}

function copyObject(at: u32, node: u32, depth: u32): u32 {
  put(OPEN_OBJECT);
  const first = out;
  at = skipSpace(at + 1);
  if (at < end && load<u8>(at) === CLOSE_OBJECT) {
    put(CLOSE_OBJECT);
    return at + 1;
  }
  while (true) {
    if (at >= end || load<u8>(at) !== QUOTE) return 0;
    const key = at + 1;
    const close = closingQuote(key);
    if (close === 0) return 0;
    at = skipSpace(close + 1);
    if (at >= end || load<u8>(at) !== COLON) return 0;
    at = skipSpace(at + 1);
    const entry = entryOf(node, key, close - key);
    const child = load<u32>(entry + 8);
    if (child === 0) {
      if (hasEscape(key, close)) return 0;
      at = skipValue(at);
    } else if (load<u32>(entry + 12) === 0) {
      if (out !== first) put(COMMA);
      at = copyField(at, key, close, child, depth);
    } else {
      at = copyApart(at, key, close, child, depth);
    }
    if (at === 0) return 0;
    at = skipSpace(at);
    if (at >= end) return 0;
    const byte = load<u8>(at);
    if (byte === CLOSE_OBJECT) {
      put(CLOSE_OBJECT);
      return at + 1;
    }
    if (byte !== COMMA) return 0;
    at = skipSpace(at + 1);
  }
}

function copyField(at: u32, key: u32, close: u32, child: u32, depth: u32): u32 {
  copy(key - 1, close + 1);
  put(COLON);
  return copyValue(at, child, depth + 1);
}

/** Copies a field into the frame; refuses one for which there is no room. */
function copyApart(at: u32, key: u32, close: u32, child: u32, depth: u32): u32 {
  const after = skipValue(at);
  if (after === 0) return 0;
  const base = FRAMES + (frame >= FRAMES + FRAME_BYTES ? FRAME_BYTES : 0);
  if (frame + (after - key) + 8 > base + FRAME_BYTES) return 0;
  const back = out;
  out = frame;
  if (frame > base + 1) put(COMMA);
  const copied = copyField(at, key, close, child, depth);
  frame = out;
  out = back;
  return copied;
}

function isAscii(at: u32, to: u32): bool {
  let bits: u64 = 0;
  for (; at + 8 <= to; at += 8) bits |= load<u64>(at);
  for (; at < to; at++) bits |= load<u8>(at);
  return (bits & HIGH) === 0;
}

/** Closes the frame, and makes it the latest unless it is what the latest was. */
function closeFrame(): void {
  const latest = load<u32>(FRAME);
  const base = FRAMES + (frame >= FRAMES + FRAME_BYTES ? FRAME_BYTES : 0);
  store<u8>(frame, CLOSE_OBJECT);
  const length = frame + 1 - base;
  const isSame = latest !== 0 && load<u32>(FRAME + 4) === length && equals(latest, base, length);
  store<u32>(FRAME + 8, isSame ? 1 : 0);
  if (isSame) return;
  store<u32>(FRAME, base);
  store<u32>(FRAME + 4, length);
}

/**
 * Skims the object or list in `[from, to)` into the bytes from `into` on, which must have room for as many. Returns how many it
 * wrote, negative when some are not ASCII; 0 when it is no single one, nested too deep, or spells a key with escapes.
 */
export function skim(from: u32, to: u32, into: u32, node: u32): i32 {
  end = to;
  out = into;
  const other = load<u32>(FRAME) === FRAMES ? FRAMES + FRAME_BYTES : FRAMES;
  store<u8>(other, OPEN_OBJECT);
  frame = other + 1;
  const at = skipSpace(from);
  if (at >= end || (load<u8>(at) !== OPEN_OBJECT && load<u8>(at) !== OPEN_LIST)) return 0;
  const after = copyValue(at, node, 0);
  if (after === 0 || skipSpace(after) < end) return 0;
  closeFrame();
  const length = <i32>(out - into);
  return isAscii(into, out) ? length : -length;
}
