/** Owns times as records write them: RFC 3339 in UTC, fractions kept. */

/** Of all times since 1970 only; whether a month has a 29th, 30th or 31st is asked apart. */
const CANONICAL =
  /^(?:19[7-9]|[2-9]\d\d)\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?Z$/;

/** A time text in RFC 3339 UTC; what already is, stays as it is. Undefined for what is no time of the years 1970 to 9999. */
export function utc(text: unknown): string | undefined {
  if (typeof text !== "string") return undefined;
  if (CANONICAL.test(text)) return two(text, 8) <= 28 || two(text, 8) <= lastDayOf(text) ? text : undefined;
  const ms = Date.parse(text);
  return Number.isFinite(ms) ? fromMillis(ms) : undefined;
}

/** The last day of the month of a time. */
function lastDayOf(time: string): number {
  const month = two(time, 5);
  if (month !== 2) return 30 + ((month + (month >> 3)) & 1);
  const year = two(time, 0) * 100 + two(time, 2);
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}

const MINUTE = 60_000;
/** The minute of the time that was told last, up to its seconds: most times follow each other, and dates are dear. */
let minute = { from: 0, text: "1970-01-01T00:00:" };

/** Whole milliseconds since 1970. */
function isoOf(ms: number): string {
  let rest = ms - minute.from;
  if (rest < 0 || rest >= MINUTE) {
    rest = ms % MINUTE;
    minute = { from: ms - rest, text: new Date(ms - rest).toISOString().slice(0, 17) };
  }
  const digits = String(100_000 + rest);
  return `${minute.text}${digits.slice(1, 3)}.${digits.slice(3)}Z`;
}

/** Milliseconds since 1970 (fractions kept, to the microsecond) as RFC 3339 UTC. Undefined outside years 1970 to 9999. */
export function fromMillis(ms: unknown): string | undefined {
  if (typeof ms !== "number" || !(ms >= 0 && ms < 253_402_300_800_000)) return undefined;
  const whole = Math.floor(ms);
  const micros = Math.round((ms - whole) * 1000);
  if (micros === 1000) return isoOf(whole + 1);
  const iso = isoOf(whole);
  return micros > 0 ? `${iso.slice(0, -1)}${String(micros).padStart(3, "0").replace(/0+$/, "")}Z` : iso;
}

/** A time that may be a text, or milliseconds since 1970. */
export function timeOf(value: unknown): string | undefined {
  return typeof value === "number" ? fromMillis(value) : utc(value);
}

/** Seconds since 1970 as RFC 3339 UTC. */
export function fromSeconds(seconds: unknown): string | undefined {
  return typeof seconds === "number" ? fromMillis(seconds * 1000) : undefined;
}

/** Nanoseconds since 1970, given as digits, as RFC 3339 UTC with all nine fractional digits that matter. */
export function fromNanos(nanos: bigint): string | undefined {
  const iso = fromMillis(Number(nanos / 1_000_000n));
  const rest = Number(nanos % 1_000_000n);
  return iso && rest > 0 ? `${iso.slice(0, -1)}${String(rest).padStart(6, "0").replace(/0+$/, "")}Z` : iso;
}

/** Milliseconds between two times of a record; undefined unless both are known and in order. */
export function between(start: string | undefined, end: string | undefined): number | undefined {
  if (start === undefined || end === undefined) return undefined;
  const ms =
    start.length === 24 && end.length === 24 && sameDay(start, end)
      ? ofDay(end) - ofDay(start)
      : Date.parse(end) - Date.parse(start);
  return ms >= 0 ? ms : undefined;
}

const sameDay = (a: string, b: string): boolean => a.slice(0, 11) === b.slice(0, 11);

/** Milliseconds of the day of a canonical time (`2026-11-21T05:20:29.192Z`); dates are dear to parse. */
function ofDay(time: string): number {
  const seconds = two(time, 11) * 3600 + two(time, 14) * 60 + two(time, 17);
  return seconds * 1000 + two(time, 20) * 10 + time.charCodeAt(22) - 48;
}

/** Seconds and nanoseconds since 1970. */
export type Instant = [seconds: number, nanos: number];

let lastDay = "";
let lastDaySeconds = 0;

/**
 * A record's time (RFC 3339 in UTC, up to nine fractional digits) as seconds and nanoseconds. A day that no calendar has,
 * which a record of an earlier version may tell, is the first one: in OTLP 0 is a time that is not known.
 */
export function instantOf(text: string): Instant {
  const end = text.length - 1;
  if (text.charCodeAt(10) !== 84 || text.charCodeAt(end) !== 90 || (end > 19 && text.charCodeAt(19) !== 46)) {
    const ms = Date.parse(text);
    const seconds = Math.floor(ms / 1000);
    return [seconds, (ms - seconds * 1000) * 1e6];
  }
  // A date is parsed once a day: parsing every time takes as long as building the span (measured).
  if (!text.startsWith(lastDay) || lastDay === "") {
    lastDay = text.slice(0, 11);
    lastDaySeconds = Math.max(0, Date.parse(`${lastDay}00:00:00Z`) / 1000 || 0);
  }
  let nanos = 0;
  let scale = 1e8;
  for (let at = 20; at < end && scale >= 1; at++, scale /= 10) nanos += (text.charCodeAt(at) - 48) * scale;
  return [lastDaySeconds + two(text, 11) * 3600 + two(text, 14) * 60 + two(text, 17), Math.round(nanos)];
}

/** Two digits as a number. */
function two(text: string, at: number): number {
  return text.charCodeAt(at) * 10 + text.charCodeAt(at + 1) - 528;
}

/** A record's time in whole milliseconds since 1970. */
export function millisOf(text: string): number {
  const at = instantOf(text);
  return at[0] * 1000 + Math.floor(at[1] / 1e6);
}
