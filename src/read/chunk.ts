/** Owns the memory that files are read into, and how it is used again: fresh memory costs more than reading it. */
import { Skimmer } from "./skim/skim.ts";
import type { Reads } from "./types.ts";

/** Bytes that are read into, and how they are skimmed there. */
export interface Chunk {
  readonly bytes: Buffer;
  readonly skimmer?: Skimmer;
}

/** Larger chunks are not kept. */
const KEPT = 2 << 20;

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
  if (!reads) return { bytes: Buffer.allocUnsafeSlow(capacity) };
  const skimmer = new Skimmer(reads, capacity);
  return { bytes: skimmer.bytes, skimmer };
}

/** Gives a chunk back that was taken for `reads`; it may be taken again at once. */
export function putBack(chunk: Chunk, reads: Reads | undefined): void {
  const capacity = chunk.bytes.length;
  if (capacity <= KEPT && reads === reading) spare.set(capacity, chunk);
}
