/** Owns the tables of words that `../teller.ts` puts into memory, each word with its code; AssemblyScript. */
import { equals } from "../../../record/assembly/scan";

/** Of each kind of object 32 places by the length of a key, [first word, words], and then its words. */
const TABLES: u32 = 64;
const TABLE: u32 = 1024;
const BUCKETS: u32 = 64;
const WORD: u32 = 32;

/** The code of a word of a table; 0 when it is none of them. */
export function wordOf(kind: u32, at: u32, length: u32): u32 {
  if (length >= 32) return 0;
  const table = TABLES + kind * TABLE;
  let word = table + BUCKETS + <u32>load<u8>(table + length * 2) * WORD;
  for (let left = load<u8>(table + length * 2 + 1); left > 0; left--) {
    if (equals(word + 4, at, length)) return load<u32>(word);
    word += WORD;
  }
  return 0;
}
