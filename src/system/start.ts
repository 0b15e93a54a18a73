/** Owns what the entry needs before anything else is loaded; it imports as little as can be. */
import process from "node:process";

/** True when this is the one argument. */
export function only(argument: string): boolean {
  return process.argv.length === 3 && process.argv[2] === argument;
}

/**
 * Writes a short text to stdout; a reader that has gone is no error. False when it could not: then nothing was told.
 * By Bun's own call, because loading node:fs would take a quarter of the whole start (measured with Bun 1.4.5).
 */
export async function tell(text: string): Promise<boolean> {
  try {
    await Bun.write(Bun.stdout, text);
    return true;
  } catch (error) {
    return (error as { code?: unknown }).code === "EPIPE";
  }
}
