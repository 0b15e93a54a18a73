/** Owns what the entry needs before anything else is loaded; it imports as little as can be. */
import { writeSync } from "node:fs";
import process from "node:process";

/** True when this is the one argument. */
export function only(argument: string): boolean {
  return process.argv.length === 3 && process.argv[2] === argument;
}

/** Writes a short text to stdout; a reader that has gone is no error. False when it could not: then nothing was told. */
export function tell(text: string): boolean {
  try {
    writeSync(1, text);
    return true;
  } catch (error) {
    return (error as { code?: unknown }).code === "EPIPE";
  }
}
