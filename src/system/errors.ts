/** Owns the one error that weir throws on purpose: what went wrong, in which class, and what to do about it. */

/** The classes; `src/cli/exit.ts` gives each its exit code. */
export type Failure = "failed" | "usage" | "write" | "damaged" | "refused" | "export" | "locked";

export class WeirError extends Error {
  constructor(
    readonly failure: Failure,
    message: string,
    readonly hint?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = "WeirError";
  }
}

/** The error of a data folder, or of a file in it, that takes nothing more. */
export function cannotWrite(path: string, cause: unknown): WeirError {
  return new WeirError(
    "write",
    `cannot write to ${path}: ${systemReason(cause)}`,
    "what was archived before is safe; make room or fix the folder's rights, then run the same command again",
    { cause },
  );
}

/** What the system's codes mean, as far as a person meets them. */
const WORDS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EBUSY: "it is in use",
  EDQUOT: "the disk quota is used up",
  EEXIST: "it is there already",
  EFBIG: "it is too large",
  EIO: "the device failed (input/output error)",
  EISDIR: "it is a folder",
  ELOOP: "too many links",
  EMFILE: "too many files are open",
  ENOENT: "there is no such file or folder",
  ENOSPC: "no space left on the device",
  ENOTDIR: "a part of the path is no folder",
  ENOTFILE: "it is not a regular file",
  EPERM: "not permitted",
  EROFS: "the file system is read-only",
  SQLITE_FULL: "no space left on the device",
  SQLITE_READONLY: "the state may only be read",
  SQLITE_READONLY_DIRECTORY: "its folder may only be read",
};

/** A reason that is one of the system's codes in words; any other text as it is. */
export function wordsFor(reason: string): string {
  return Object.hasOwn(WORDS, reason) ? `${WORDS[reason]}` : reason;
}

/** Why a call to the system failed, in words. */
export function systemReason(error: unknown): string {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  if (typeof code === "string" && Object.hasOwn(WORDS, code)) return wordsFor(code);
  return typeof message === "string" ? message : String(error);
}
