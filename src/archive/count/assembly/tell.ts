/**
 * Owns telling of an archive's lines what counting needs to know, as rows of numbers, and passes over the rest without
 * decoding it. AssemblyScript; `npm run wasm` compiles it into `../module.ts`. It follows lines as weir writes them; one
 * that it cannot follow, or of which a text that is hashed has escapes, is left to the JSON parser: its row says nothing.
 *
 * What lines mostly repeat from the line before (`HELD`) is compared byte by byte, and never decoded here.
 */
import { hash } from "../../../record/assembly/hash";
import { CLOSE_OBJECT, COMMA, endAt, equals, marksOf, OPEN_OBJECT, QUOTE } from "../../../record/assembly/scan";
import { millisOf } from "../../../record/assembly/time";
import { codeOf, firstMember, forgetMembers, keepValue, memberAfter, passValue, readKey } from "./members";
import { wordOf } from "./words";

// Where things are in memory, and what codes mean, as in `../teller.ts`. Up to 4160 stand the tables of `words.ts`, from 5504 to
// 7424 what `members.ts` remembers.
/** Where the values of some keys stand, by code: their first bytes and lengths. */
const STARTS: u32 = 4608;
const LENGTHS: u32 = STARTS + 128;
const SPAN: u32 = 8192;
const SPAN_BYTES: u32 = 1024;
/** The values that lines repeat, as the latest one had them, one after the other; and their lengths. */
const HELD: u32 = SPAN + SPAN_BYTES;
const HELD_LENGTHS: u32 = LENGTHS + 128;
/** Which of them it had: an empty text is not none. */
const HELD_SEEN: u32 = HELD_LENGTHS + 128;
const HELD_BYTES: u32 = 4096;
const ROWS: u32 = 16384;
const ROW: u32 = 64;

const NEWLINE: u8 = 0x0a;

// The kinds of objects that are looked into, and the codes of their words.
const RECORD: u32 = 0;
const USAGE: u32 = 1;
const SOURCE: u32 = 2;
const OPERATION: u32 = 3;

const V: u32 = 1;
const ID: u32 = 2;
const FACT: u32 = 3;
const REV: u32 = 4;
const TIME: u32 = 5;
const OPERATED: u32 = 6;
const SUBAGENT: u32 = 7;
const TRACE_ID: u32 = 8;
const SPAN_ID: u32 = 9;
const PARENT_SPAN_ID: u32 = 10;
const USED: u32 = 11;
const AGGREGATE: u32 = 12;
const FROM: u32 = 13;
/** The first of those that lines repeat, up to the last code. */
const AGENT: u32 = 14;
const STREAM: u32 = 15;
const HOST: u32 = 19;
const PATH: u32 = 20;
const KEPT: u32 = PATH + 1 - AGENT;
const NEEDED: u32 =
  (1 << V) |
  (1 << ID) |
  (1 << FACT) |
  (1 << REV) |
  (1 << OPERATED) |
  (1 << FROM) |
  (1 << AGENT) |
  (1 << STREAM) |
  (1 << HOST);

// The words of a row.
const LENGTH: u32 = 0;
const FLAGS: u32 = 4;
const REVISION: u32 = 8;
const ID_HIGH: u32 = 12;
const ID_LOW: u32 = 16;
const FACT_HIGH: u32 = 20;
const FACT_LOW: u32 = 24;
const SPAN_HIGH: u32 = 28;
const SPAN_LOW: u32 = 32;
const WHEN: u32 = 40;
const TOKENS: u32 = 48;

const TOLD: u32 = 1;
/** It repeats what the line before had. */
const REPEATS: u32 = 2;
const SIDECHAIN: u32 = 4;
const TRACED: u32 = 8;
const NESTED: u32 = 16;
const IS_AGGREGATE: u32 = 32;
const OPERATION_SHIFT: u32 = 8;

/** Four zeros, as text. */
const ZEROS: u32 = 0x30303030;

/** Changes the seed for the second half of a hash, as in `../told.ts`. */
const SECOND: u32 = 0x9e3779b9;

let row: u32 = 0;
let flags: u32 = 0;
let seen: u32 = 0;
let operation: u32 = 0;
let tokens: f64 = 0;

function startOf(code: u32): u32 {
  return load<u32>(STARTS + code * 4);
}

function lengthOf(code: u32): u32 {
  return load<u32>(LENGTHS + code * 4);
}

/** Reads the members of an object; the byte after it, 0 when it cannot be followed. */
function readObject(at: u32, kind: u32, stop: u32): u32 {
  if (load<u8>(at) !== OPEN_OBJECT) return 0;
  let member = firstMember(kind);
  while (true) {
    const value = readKey(at + 1, kind, member);
    if (value === 0) return 0;
    const code = codeOf(member);
    at =
      code === FROM
        ? readObject(value, SOURCE, stop)
        : code === USED
          ? readObject(value, USAGE, stop)
          : passValue(value, member, code !== 0 && code < AGENT);
    if (at === 0 || at >= stop) return 0;
    keepValue(member, value, at);
    if (code !== 0 && !take(kind, code, value, at)) return 0;
    const byte = load<u8>(at);
    if (byte === CLOSE_OBJECT) return at + 1;
    if (byte !== COMMA) return 0;
    member = memberAfter(member, kind);
  }
}

/** Takes what counting needs of a value; false when it is not as weir writes it. */
function take(kind: u32, code: u32, at: u32, after: u32): bool {
  const bit: u32 = 1 << (kind === USAGE ? PATH + code : code);
  if (seen & bit) return false;
  seen |= bit;
  if (kind === USAGE) return takeTokens(at, after);
  store<u32>(STARTS + code * 4, at + 1);
  store<u32>(LENGTHS + code * 4, after - at - 2);
  if (code >= AGENT) return load<u8>(at) === QUOTE;
  if (code === V) return after - at === 1 && load<u8>(at) === 0x31;
  if (code === REV) return takeRevision(at, after);
  if (code === SUBAGENT) flags |= SIDECHAIN;
  else if (code === AGGREGATE) {
    flags |= IS_AGGREGATE;
    return after - at === 4 && load<u8>(at) === 0x74;
  } else if (code !== USED && code !== FROM) return load<u8>(at) === QUOTE && takeText(code, at + 1, after - 1);
  return true;
}

function takeText(code: u32, at: u32, to: u32): bool {
  if (code === ID) return to - at === 32 && takeHex(at, ID_HIGH) && takeHex(at + 8, ID_LOW);
  if (code === TIME) return takeTime(at, to);
  if (code === OPERATED) {
    operation = wordOf(OPERATION, at, to - at);
    return operation !== 0;
  }
  if (code === TRACE_ID) flags |= TRACED;
  else if (code === PARENT_SPAN_ID) flags |= NESTED;
  return true;
}

/** A whole number of at most 15 digits; negative when it is none. */
function wholeNumber(at: u32, after: u32): f64 {
  let value: u64 = 0;
  if (after - at > 15) return -1;
  for (; at < after; at++) {
    const digit = <u32>load<u8>(at) - 0x30;
    if (digit > 9) return -1;
    value = value * 10 + digit;
  }
  return <f64>value;
}

function takeTokens(at: u32, after: u32): bool {
  const count = wholeNumber(at, after);
  tokens += count;
  return count >= 0;
}

function takeRevision(at: u32, after: u32): bool {
  const rev = wholeNumber(at, after);
  store<u32>(row + REVISION, <u32>rev);
  return rev >= 0 && rev <= 0xffffffff;
}

/** Eight hexadecimal digits. */
function takeHex(at: u32, word: u32): bool {
  let value: u32 = 0;
  for (let i: u32 = 0; i < 8; i++) {
    const byte = <u32>load<u8>(at + i);
    const digit = byte - 0x30 < 10 ? byte - 0x30 : byte - 0x61 < 6 ? byte - 0x57 : 16;
    if (digit > 15) return false;
    value = (value << 4) | digit;
  }
  store<u32>(row + word, value);
  return true;
}

function takeTime(at: u32, to: u32): bool {
  const time = millisOf(at, to);
  store<f64>(row + WHEN, time);
  return time >= 0;
}

/** As `isRandomSpanId` in `../../../record/spans.ts`. */
function isRandomSpan(at: u32, length: u32): bool {
  if (length !== 16 || (load<u32>(at) === ZEROS && load<u16>(at + 4) === <u16>ZEROS)) return false;
  for (let end = at + 16; at < end; at++) {
    const byte = <u32>load<u8>(at);
    if (byte - 0x30 >= 10 && byte - 0x61 >= 6) return false;
  }
  return true;
}

/** A span is known by its id, where that is a counter with its trace; false where they are longer than any. */
function takeSpan(): bool {
  if (isRandomSpan(startOf(SPAN_ID), lengthOf(SPAN_ID))) {
    store<u32>(row + SPAN_HIGH, hash(startOf(SPAN_ID), 16, 0));
    store<u32>(row + SPAN_LOW, hash(startOf(SPAN_ID), 16, SECOND));
    return true;
  }
  const trace = lengthOf(TRACE_ID);
  const length = trace + 1 + lengthOf(SPAN_ID);
  if (length > SPAN_BYTES) return false;
  memory.copy(SPAN, startOf(TRACE_ID), trace);
  store<u8>(SPAN + trace, 0x20);
  memory.copy(SPAN + trace + 1, startOf(SPAN_ID), lengthOf(SPAN_ID));
  store<u32>(row + SPAN_HIGH, hash(SPAN, length, 0));
  store<u32>(row + SPAN_LOW, hash(SPAN, length, SECOND));
  return true;
}

/** Compares what lines repeat with the latest line's, and holds it; false where there is no room for it. */
function hold(): bool {
  const present = seen & (((1 << KEPT) - 1) << AGENT);
  let same = load<u32>(HELD_SEEN) === present;
  let at = HELD;
  for (let i: u32 = 0; i < KEPT; i++) {
    const length = lengthOf(AGENT + i);
    same = same && load<u32>(HELD_LENGTHS + i * 4) === length && equals(at, startOf(AGENT + i), length);
    at += length;
    if (at > HELD + HELD_BYTES) return false;
  }
  if (same) {
    flags |= REPEATS;
    return true;
  }
  store<u32>(HELD_SEEN, present);
  at = HELD;
  for (let i: u32 = 0; i < KEPT; i++) {
    const length = lengthOf(AGENT + i);
    store<u32>(HELD_LENGTHS + i * 4, length);
    memory.copy(at, startOf(AGENT + i), length);
    at += length;
  }
  return true;
}

/** A few words: a loop is cheaper than the instruction that fills memory (measured). */
function clear(from: u32, to: u32): void {
  for (let at = from; at < to; at += 8) store<u64>(at, 0);
}

/** Fills the row of the line in `[at, to)`; false when it is to be parsed. */
function tellLine(at: u32, to: u32): bool {
  endAt(to);
  flags = TOLD;
  seen = 0;
  tokens = 0;
  clear(LENGTHS, LENGTHS + (PATH + 1) * 4);
  store<f64>(row + WHEN, Infinity);
  if (readObject(at, RECORD, to) !== to || (seen & NEEDED) !== NEEDED || !(seen & (1 << PATH))) return false;
  if (seen & (1 << SPAN_ID) && !takeSpan()) return false;
  store<u32>(row + FACT_HIGH, hash(startOf(FACT), lengthOf(FACT), operation));
  store<u32>(row + FACT_LOW, hash(startOf(FACT), lengthOf(FACT), operation ^ SECOND));
  store<f64>(row + TOKENS, tokens);
  if (!hold()) return false;
  store<u32>(row + FLAGS, flags | (operation << OPERATION_SHIFT));
  return true;
}

/** Where the newline stands that ends a line. */
function newline(at: u32): u32 {
  while (true) {
    const marks = marksOf(NEWLINE, at);
    if (marks !== 0) return at + ctz(marks);
    at += 16;
  }
}

/** Fills the rows of as many of the lines in `[from, to)` as `most`, each of which ends with a newline; returns how many. */
export function tell(from: u32, to: u32, most: u32): u32 {
  let count: u32 = 0;
  forgetMembers();
  for (let at = from; at < to && count < most; count++) {
    row = ROWS + count * ROW;
    clear(row, row + ROW);
    const close = newline(at);
    if (!tellLine(at, close)) store<u32>(row + FLAGS, 0);
    store<u32>(row + LENGTH, close - at);
    at = close + 1;
  }
  return count;
}
