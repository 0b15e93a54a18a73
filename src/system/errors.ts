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
