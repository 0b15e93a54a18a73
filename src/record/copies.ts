/** Owns how the names of copies that people make are known: what stands behind an id that a program named a file by. */

const COPY = /^(.*?[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12})[ .(~].*$/i;

/** A file's or folder's name as the program gave it: without the ` (copy)` or `.backup` that follows a UUID. */
export function originalName(name: string): string {
  return COPY.exec(name)?.[1] ?? name;
}
