/** Owns what the entry needs before anything else is loaded; it imports as little as can be. */
import { writeSync } from "node:fs";
import process from "node:process";

/** True when this is the one argument. */
export function only(argument: string): boolean {
  return process.argv.length === 3 && process.argv[2] === argument;
}

/** Writes a short text to stdout. A reader that has gone is no error, anything else sets exit code 1. */
export function tell(text: string): void {
  try {
    writeSync(1, text);
  } catch (error) {
    if ((error as { code?: unknown }).code !== "EPIPE") process.exitCode = 1;
  }
}
