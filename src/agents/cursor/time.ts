/** Owns Cursor's times: milliseconds, or texts that mean the same on every machine. */
import { fromMillis, utc } from "../../record/time.ts";

const ZONED = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)$/;

export function zoned(time: unknown): string | undefined {
  return typeof time === "string" && ZONED.test(time) ? utc(time) : undefined;
}

export function timeOf(value: unknown): string | undefined {
  return typeof value === "number" ? fromMillis(value) : zoned(value);
}
