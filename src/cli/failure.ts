/** Owns what an error becomes: a message for people, what to do about it, and the exit code. */
import { WeirError } from "../system/errors.ts";
import { errorCode } from "../system/system.ts";
import { EXIT, exitCodeOf } from "./exit.ts";

export interface Told {
  readonly code: number;
  readonly message: string;
  readonly hint?: string;
}

/** What the machine refuses: a file, a disk, memory. It is no mistake of weir's. */
const REFUSED = /^(?:E[A-Z0-9]+|SQLITE_(?:BUSY|LOCKED|FULL|IOERR|READONLY|CANTOPEN|NOMEM)\w*)$/;

export function toldOf(error: unknown): Told {
  if (error instanceof WeirError) return { code: exitCodeOf(error.failure), message: error.message, hint: error.hint };
  const message = error instanceof Error ? error.message : String(error);
  if (REFUSED.test(errorCode(error) ?? "")) return { code: EXIT.failed, message: `cannot go on: ${message}` };
  const hint = "please report this with the output of --debug";
  return { code: EXIT.failed, message: `unexpected: ${message}`, hint };
}
