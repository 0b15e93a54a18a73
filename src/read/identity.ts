/** Owns the proof that a file is still the file that a cursor was made for: its identity, its head, and an anchor. */
import { readAt, type Stat } from "../system/system.ts";
import { hashBytes } from "./tail.ts";

const HEAD = 1024;
const ANCHOR = 256;
/** A file that changed this shortly before it was read may change again within one tick of its clock. */
const SETTLED_MS = 2000;

/** Which file this is and what its content looked like from outside; taken before it is read, never after. */
export interface Stamp {
  readonly dev: number;
  readonly ino: number;
  readonly birth: number;
  readonly size: number;
  readonly mtime: number;
  readonly ctime: number;
}

/** What a cursor remembers of the bytes before it. */
export interface Proof {
  readonly headLength: number;
  readonly headHash: string;
  readonly anchorLength: number;
  readonly anchorHash: string;
}

export function stampOf(stat: Stat): Stamp {
  const { dev, ino, birth, size, mtime, ctime } = stat;
  return { dev, ino, birth, size, mtime, ctime };
}

/** True when the two stamps name one file (device, inode and birth; an inode alone is reused at once on ext4). */
export function sameFile(a: Stamp, b: Stamp): boolean {
  return a.dev === b.dev && a.ino === b.ino && a.birth === b.birth;
}

/** True when a file that was read at `readAtMs` could not change again without another time of change. */
export function isSettled(stamp: Pick<Stamp, "mtime" | "ctime">, readAtMs: number): boolean {
  return readAtMs - Math.max(stamp.mtime, stamp.ctime) > SETTLED_MS;
}

const marked = new Float64Array(7);
const markedBytes = new Uint8Array(marked.buffer);

/** 52 bits of all that is the same of a file, its sidecars and its reader for as long as nothing changes; never 0. */
export function markOf({ dev, ino, birth, size, mtime, ctime }: Stamp, version: number, sidecars: string): number {
  marked.set([dev, ino, birth, size, mtime, ctime, version]);
  const seed = sidecars === "" ? 0n : Bun.hash.xxHash64(sidecars);
  return Number(Bun.hash.xxHash64(markedBytes, seed) >> 12n) || 1;
}

/** The proof for a cursor at `offset`: hashes of the first bytes and of the last bytes before it. */
export function proofAt(fd: number, offset: number): Proof {
  const head = readAt(fd, 0, Math.min(HEAD, offset));
  return proofFrom(head, readAt(fd, Math.max(0, offset - ANCHOR), Math.min(ANCHOR, offset)));
}

/** The same, when all bytes before the cursor are at hand. */
export function proofOf(bytes: Uint8Array): Proof {
  return proofFrom(bytes.subarray(0, HEAD), bytes.subarray(Math.max(0, bytes.length - ANCHOR)));
}

function proofFrom(head: Uint8Array, anchor: Uint8Array): Proof {
  return {
    headLength: head.length,
    headHash: hashBytes(head),
    anchorLength: anchor.length,
    anchorHash: hashBytes(anchor),
  };
}

/** True when the file still holds, up to `offset`, the bytes that the proof was made from. */
export function proves(proof: Proof, fd: number, offset: number, size: number): boolean {
  if (size < offset) return false;
  const head = readAt(fd, 0, proof.headLength);
  const anchor = readAt(fd, offset - proof.anchorLength, proof.anchorLength);
  return hashBytes(head) === proof.headHash && hashBytes(anchor) === proof.anchorHash;
}
