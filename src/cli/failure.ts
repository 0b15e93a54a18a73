/** Owns what an error becomes: a message for people, what to do about it, and the exit code. */
import { systemReason, WeirError } from "../system/errors.ts";
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
  const { message = String(error), path } = (error ?? {}) as { message?: string; path?: string };
  if (REFUSED.test(errorCode(error) ?? ""))
    return { code: EXIT.failed, message: `${path ?? "cannot go on"}: ${systemReason(error)}` };
  const hint = "please report this with the output of --debug";
  return { code: EXIT.failed, message: `unexpected: ${message}`, hint };
}
