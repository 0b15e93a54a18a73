/**
 * Owns what is remembered of the members of the latest object of each kind: mostly they come again in the same order, many
 * with the same value, and what is the same is compared instead of read. AssemblyScript.
 */
import { COLON, equals, plainQuote, QUOTE, skipValue } from "../../../record/assembly/scan";
import { wordOf } from "./words";

/**
 * Of each of three kinds so many members, in their order: where a key and its value stand, how long they are (a key with its
 * quotes and colon), and the key's code. The last one is of all further ones.
 */
const MEMBERS: u32 = 5504;
const MEMBER: u32 = 20;
const KEY_START: u32 = 0;
const KEY_LENGTH: u32 = 4;
const CODE: u32 = 8;
const VALUE_START: u32 = 12;
const VALUE_LENGTH: u32 = 16;
const MOST: u32 = 32;
const END: u32 = MEMBERS + 3 * MOST * MEMBER;

/** Forgets them all: the bytes that they point at may be others now. */
export function forgetMembers(): void {
  for (let at = MEMBERS; at < END; at += 8) store<u64>(at, 0);
}

/** The first member of a kind. */
export function firstMember(kind: u32): u32 {
  return MEMBERS + kind * MOST * MEMBER;
}

/** The member after this one of a kind; the last one itself. */
export function memberAfter(member: u32, kind: u32): u32 {
  return member < firstMember(kind) + (MOST - 1) * MEMBER ? member + MEMBER : member;
}

export function codeOf(member: u32): u32 {
  return load<u32>(member + CODE);
}

/** Reads the key whose opening quote is given; where its value begins, 0 when it is no key. */
export function readKey(at: u32, kind: u32, member: u32): u32 {
  const length = load<u32>(member + KEY_LENGTH);
  if (length === 0 || !equals(at, load<u32>(member + KEY_START), length)) {
    store<u32>(member + VALUE_LENGTH, 0);
    store<u32>(member + KEY_LENGTH, 0);
    if (load<u8>(at) !== QUOTE) return 0;
    const close = plainQuote(at + 1);
    if (close === 0 || load<u8>(close + 1) !== COLON) return 0;
    store<u32>(member + KEY_LENGTH, close + 2 - at);
    store<u32>(member + CODE, wordOf(kind, at + 1, close - at - 1));
  }
  store<u32>(member + KEY_START, at);
  return at + load<u32>(member + KEY_LENGTH);
}

/** The byte after a value, 0 when it is none; of one that is to be plain, also when it is a text with escapes. */
export function passValue(at: u32, member: u32, isPlain: bool): u32 {
  const length = load<u32>(member + VALUE_LENGTH);
  // With the byte that ended it.
  if (length !== 0 && equals(at, load<u32>(member + VALUE_START), length + 1)) return at + length;
  if (!isPlain || load<u8>(at) !== QUOTE) return skipValue(at);
  const close = plainQuote(at + 1);
  return close === 0 ? 0 : close + 1;
}

/** Remembers the value of a member whose key was read. */
export function keepValue(member: u32, at: u32, after: u32): void {
  store<u32>(member + VALUE_START, at);
  store<u32>(member + VALUE_LENGTH, after - at);
}
