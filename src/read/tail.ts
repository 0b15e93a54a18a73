/** Owns reading append-only files: whole lines from a byte offset, in pieces, at bounded memory. */
import { unzstd } from "../system/compression.ts";
import { readAt, sys } from "../system/system.ts";
import { CHUNK, type Chunk, LARGEST, putBack, sizeFor, takeChunk } from "./chunk.ts";
import { ByteLine } from "./line.ts";
import type { Reads } from "./types.ts";

const NEWLINE = 10;
const RETURN = 13;
const NONE = new Uint8Array();
/** How a file begins that was compressed as a whole, and how much it may hold. */
const ZSTD = 0xfd2fb528;
const COMPRESSED_LIMIT = 512 << 20;

/** Bytes that were not read as a line: where, how many, their hash and why. */
export interface BadBytes {
  readonly offset: number;
  readonly length: number;
  readonly hash: string;
  readonly reason: string;
}

/** What one chunk held. `end` is the offset after its last complete line: everything before it is dealt with. */
export interface Piece {
  readonly lines: readonly ByteLine[];
  readonly bad: readonly BadBytes[];
  readonly end: number;
  /** The bytes of its lines, up to `end`; none where they were not held. */
  readonly bytes: Uint8Array;
}

/** The hash under which quarantined bytes are known (64 bits, hex). */
export function hashBytes(bytes: Uint8Array): string {
  return Bun.hash.xxHash64(bytes).toString(16).padStart(16, "0");
}

/**
 * Reads the complete lines of `[from, size)`, a chunk at a time, of each no more than `reads` asks for. A last line
 * without its newline is left for later. Lines over 64 MiB are passed over by a scan that only hashes them. A file that
 * was compressed as a whole is one piece, whose lines' offsets are those in what it holds.
 */
export class LineReader {
  #chunk: Chunk;
  /** Of the chunk's first byte in the file. */
  #position: number;
  /** Bytes in the chunk. */
  #held = 0;
  /** Those of them that the latest piece told. */
  #told = 0;

  constructor(
    private readonly fd: number,
    from: number,
    private readonly size: number,
    private readonly reads?: Reads,
  ) {
    this.#chunk = takeChunk(reads, CHUNK);
    this.#position = from;
  }

  /** The next piece, whose lines are valid until this is called again; undefined after the last. Throws the system's error. */
  next(): Piece | undefined {
    const { fd, size } = this;
    this.moveOn();
    while (this.#position + this.#held < size) {
      const capacity = sizeFor(this.#held + 1);
      if (capacity === undefined) {
        const passed = passOver(fd, this.#position, size);
        return passed && this.past({ lines: [], bad: [passed], end: passed.offset + passed.length, bytes: NONE });
      }
      if (this.#held === this.#chunk.bytes.length) this.changeTo(capacity);
      const { bytes } = this.#chunk;
      const at = this.#position + this.#held;
      const got = sys.read(fd, bytes, this.#held, Math.min(bytes.length - this.#held, size - at), at);
      if (got === 0) return undefined; // cut short while being read; the next run finds out how
      const whole = at === 0 ? wholePiece(fd, bytes, got, size) : undefined;
      if (whole) return this.past(whole);
      const last = bytes.lastIndexOf(NEWLINE, this.#held + got - 1);
      if (last >= this.#held) this.#told = last + 1;
      this.#held += got;
      if (this.#told > 0) return split(this.#chunk, this.#told, this.#position);
    }
    return undefined;
  }

  /** Gives its memory back. */
  close(): void {
    putBack(this.#chunk, this.reads);
  }

  /** Goes on behind a piece that was not read into the chunk. */
  private past(piece: Piece): Piece {
    this.#position = piece.end;
    this.#held = 0;
    return piece;
  }

  /** Makes room for what comes after the latest piece. */
  private moveOn(): void {
    if (this.#told === 0) return;
    this.#chunk.bytes.copyWithin(0, this.#told, this.#held);
    this.#position += this.#told;
    this.#held -= this.#told;
    this.#told = 0;
    if (this.#chunk.bytes.length > CHUNK && this.#held < CHUNK) this.changeTo(CHUNK);
  }

  private changeTo(capacity: number): void {
    const other = takeChunk(this.reads, capacity);
    this.#chunk.bytes.copy(other.bytes, 0, 0, this.#held);
    putBack(this.#chunk, this.reads);
    this.#chunk = other;
  }
}

/** A file that is no lines of UTF-8 as it stands, by its first bytes: compressed, or encoded otherwise. */
function wholePiece(fd: number, first: Buffer, length: number, size: number): Piece | undefined {
  if (length >= 4 && first.readUInt32LE(0) === ZSTD) return compressedPiece(fd, size);
  const encoding = otherEncoding(first.subarray(0, length));
  if (!encoding) return undefined;
  const reason = `encoded as ${encoding}`;
  return { lines: [], bad: [{ offset: 0, length: size, hash: "", reason }], end: size, bytes: NONE };
}

function compressedPiece(fd: number, size: number): Piece {
  const bytes = readAt(fd, 0, size);
  let held: Buffer;
  try {
    held = unzstd(bytes, COMPRESSED_LIMIT);
  } catch (error) {
    const reason = `compressed, and not readable: ${(error as Error).message}`;
    return { lines: [], bad: [{ offset: 0, length: size, hash: hashBytes(bytes), reason }], end: size, bytes: NONE };
  }
  const piece = split({ bytes: held }, held.lastIndexOf(NEWLINE) + 1, 0);
  return { ...piece, end: size, bytes: NONE };
}

/** Splits the whole lines out of a chunk's first `length` bytes, of which the last is a newline. */
function split({ bytes: chunk, skimmer }: Chunk, length: number, position: number): Piece {
  const lines: ByteLine[] = [];
  const bad: BadBytes[] = [];
  let start = position === 0 && chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf ? 3 : 0;
  while (start < length) {
    const newline = chunk.indexOf(NEWLINE, start);
    let end = newline;
    if (end > start && chunk[end - 1] === RETURN) end--;
    let first = start;
    while (first < end && chunk[first] === 0) first++;
    if (first < end) lines.push(new ByteLine(chunk, position + first, first, end, skimmer));
    else if (end > start) {
      const bytes = chunk.subarray(start, end);
      bad.push({ offset: position + start, length: bytes.length, hash: hashBytes(bytes), reason: "only NUL bytes" });
    }
    start = newline + 1;
  }
  return { lines, bad, end: position + length, bytes: chunk.subarray(0, length) };
}

/** Finds the end of a line that is too long to hold, hashing it on the way; undefined while it has none. */
function passOver(fd: number, offset: number, size: number): BadBytes | undefined {
  const chunk = Buffer.allocUnsafeSlow(CHUNK);
  const hasher = new Bun.CryptoHasher("sha256");
  for (let at = offset; at < size; ) {
    const got = sys.read(fd, chunk, 0, Math.min(CHUNK, size - at), at);
    if (got === 0) return undefined;
    const newline = chunk.subarray(0, got).indexOf(NEWLINE);
    hasher.update(chunk.subarray(0, newline < 0 ? got : newline));
    at += newline < 0 ? got : newline + 1;
    if (newline >= 0) {
      const reason = `a line of more than ${LARGEST >> 20} MiB`;
      return { offset, length: at - offset, hash: hasher.digest("hex").slice(0, 16), reason };
    }
  }
  return undefined;
}

function otherEncoding([a, b]: Uint8Array): string | undefined {
  if (a === 0xff && b === 0xfe) return "UTF-16LE";
  if (a === 0xfe && b === 0xff) return "UTF-16BE";
  return undefined;
}
