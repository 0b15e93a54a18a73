/** Owns the memory that files are read into, and how it is used again: fresh memory costs more than reading it. */
import { Skimmer } from "./skim/skim.ts";
import type { Reads } from "./types.ts";

/** Bytes that are read into, and how they are skimmed there. */
export interface Chunk {
  readonly bytes: Buffer;
  readonly skimmer?: Skimmer;
}

/**
 * The usual size stays in a core's second-level cache while its lines are looked at (a quarter faster than 1 MiB, measured);
 * others are for what is longer.
 */
export const CHUNK = 1 << 18;
export const LARGEST = 1 << 26;
const SIZES = [CHUNK, 1 << 21, 1 << 24, LARGEST];
/** Larger chunks are not kept. */
const KEPT = 1 << 21;

/** The size of the smallest chunk that has room for so many bytes; undefined where none has. */
export function sizeFor(bytes: number): number | undefined {
  return SIZES.find((size) => size >= bytes);
}

/** Of each size the latest one, all for what is read now. */
const spare = new Map<number, Chunk>();
let reading: Reads | undefined;

/** A chunk of a capacity, in which no more than `reads` is read of a line or document, or all without it. */
export function takeChunk(reads: Reads | undefined, capacity: number): Chunk {
  if (reads !== reading) spare.clear();
  reading = reads;
  const chunk = spare.get(capacity) ?? newChunk(reads, capacity);
  spare.delete(capacity);
  return chunk;
}

function newChunk(reads: Reads | undefined, capacity: number): Chunk {
  const skimmer = reads && Skimmer.of(reads, capacity);
  return skimmer ? { bytes: skimmer.bytes, skimmer } : { bytes: Buffer.allocUnsafeSlow(capacity) };
}

/** Gives a chunk back that was taken for `reads`; it may be taken again at once. */
export function putBack(chunk: Chunk, reads: Reads | undefined): void {
  const capacity = chunk.bytes.length;
  if (capacity <= KEPT && reads === reading) spare.set(capacity, chunk);
}
