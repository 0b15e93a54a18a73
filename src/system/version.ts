/** Owns the program's version, which the build puts in. */
declare const WEIR_VERSION: string | undefined;

export const version: string = typeof WEIR_VERSION === "string" ? WEIR_VERSION : "0.0.0-source";
