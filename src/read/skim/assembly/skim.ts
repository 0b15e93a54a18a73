/**
 * Owns skimming: copies of one JSON text, mostly a line, what a shape asks for, and passes over the rest without decoding it.
 * AssemblyScript; `npm run wasm` compiles it into `../module.ts`. It checks the nesting and the quotes of all that it
 * passes, never the text inside; what it copies is for a JSON parser to judge. A line it cannot follow is refused (0).
 *
 * A shape is a node in memory: [head][tail][length mask, 8 bytes][hint][count], then entries of [key][length][node][apart],
 * of which the first, without a key, stands for any other key. Node 1 keeps a value whole; 0 stands for none. Whoever
 * writes nodes keeps `HEADER` and `ENTRY` in step.
 *
 * Keys that are set apart go into the frame, which most lines repeat: two frames are kept, the latest and the one that is
 * being written, and the words at `FRAME` say where the latest is, how long, and whether the line before had the same.
 */
import {
  BACKSLASH,
  CLOSE_LIST,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  closingQuote,
  end,
  endAt,
  equals,
  isEscaped,
  OPEN_LIST,
  OPEN_OBJECT,
  plainQuote,
  QUOTE,
  skipSpace,
  skipValue,
} from "../../../record/assembly/scan";

const HEADER: u32 = 24;
const ENTRY: u32 = 16;
const WHOLE: u32 = 1;
const FRAME: u32 = 16;
const FRAMES: u32 = 32;
const FRAME_BYTES: u32 = 4096;
/** Nested deeper than this, a line is left to the full parser. */
const DEPTH: u32 = 256;

/** The most bytes of a character that is one UTF-16 unit. */
const ESCAPE: u32 = 6;

let out: u32 = 0;
/** Where the frame is written to. */
let frame: u32 = 0;

function put(byte: u8): void {
  store<u8>(out, byte);
  out++;
}

/** Writes up to fifteen bytes more; a loop is cheaper than the instruction that copies memory (measured). */
function copy(from: u32, to: u32): void {
  for (let at = from; at < to; at += 16) v128.store(out + (at - from), v128.load(at));
  out += to - from;
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
    const plain = plainQuote(key);
    const close = plain !== 0 ? plain : closingQuote(key);
    if (close === 0) return 0;
    at = skipSpace(close + 1);
    if (at >= end || load<u8>(at) !== COLON) return 0;
    at = skipSpace(at + 1);
    const entry = entryOf(node, key, close - key);
    const child = load<u32>(entry + 8);
    if (child === 0) {
      if (plain === 0) return 0;
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
  if (frame + (after - key) + 24 > base + FRAME_BYTES) return 0;
  const back = out;
  out = frame;
  if (frame > base + 1) put(COMMA);
  const copied = copyField(at, key, close, child, depth);
  frame = out;
  out = back;
  return copied;
}

function isAscii(at: u32, to: u32): bool {
  let bits = i64x2.splat(0);
  for (; at + 16 <= to; at += 16) bits = v128.or(bits, v128.load(at));
  for (; at < to; at++) if (load<u8>(at) >= 0x80) return false;
  return i8x16.bitmask(bits) === 0;
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
  endAt(to);
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
