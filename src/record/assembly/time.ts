/**
 * Owns reading times in RFC 3339, UTC, with up to nine fractional digits, from bytes, as `millisOf` of `../time.ts` does;
 * AssemblyScript.
 */
import { COLON } from "./scan";

/** The number that so many digits are; more than 9999 when they are none. */
function digits(at: u32, count: u32): u32 {
  let value: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const digit = <u32>load<u8>(at + i) - 0x30;
    if (digit > 9) return 10000;
    value = value * 10 + digit;
  }
  return value;
}

/** Whole milliseconds since 1970 of the time in `[at, to)`, cut off; below 0 for one that is left to who knows calendars. */
export function millisOf(at: u32, to: u32): f64 {
  const length = to - at;
  if (length < 20 || length > 30 || load<u8>(to - 1) !== 0x5a) return -1;
  if (load<u8>(at + 4) !== 0x2d || load<u8>(at + 7) !== 0x2d || load<u8>(at + 10) !== 0x54) return -1;
  if (load<u8>(at + 13) !== COLON || load<u8>(at + 16) !== COLON) return -1;
  const year = digits(at, 4);
  const month = digits(at + 5, 2);
  const day = digits(at + 8, 2);
  const hour = digits(at + 11, 2);
  const minute = digits(at + 14, 2);
  const second = digits(at + 17, 2);
  // A 31st, and what comes after a 28th of February, not every month or year has.
  if (year < 1970 || year > 9999 || month - 1 > 11 || day - 1 > 27 + <u32>(month !== 2) * 2) return -1;
  if (hour > 23 || minute > 59 || second > 59) return -1;
  let fraction: u32 = 0;
  if (length > 20) {
    if (load<u8>(at + 19) !== 0x2e || length === 21) return -1;
    for (let i: u32 = 0; i < length - 21; i++) if (<u32>load<u8>(at + 20 + i) - 0x30 > 9) return -1;
    let scale: u32 = 100;
    for (let i: u32 = 0; i < min<u32>(3, length - 21); i++, scale /= 10) fraction += digits(at + 20 + i, 1) * scale;
  }
  const days = daysOf(year, month, day);
  const seconds = <f64>days * 86400 + <f64>(hour * 3600 + minute * 60 + second);
  return seconds * 1000 + <f64>fraction;
}

/** Days since 1970 of a day of the Gregorian calendar; years are counted from March, so that leap days end them. */
function daysOf(year: u32, month: u32, day: u32): u32 {
  const years = month > 2 ? year : year - 1;
  const months = month > 2 ? month - 3 : month + 9;
  return years * 365 + years / 4 - years / 100 + years / 400 + (153 * months + 2) / 5 + day - 719469;
}
