/** Owns reading files that are rewritten as a whole: one moment's bytes, or the word that they do not hold still. */
import { openForReading, readAt, readInto, sys } from "../system/system.ts";
import { putBack, sizeFor, takeChunk } from "./chunk.ts";
import { type Stamp, stampOf } from "./identity.ts";
import { type BadBytes, hashBytes, LineReader } from "./tail.ts";
import { BadLine } from "./text.ts";
import type { Documents, Group, Reads } from "./types.ts";

/** A larger document is not read: it would have to be held in memory as a whole. */
const DOCUMENT_LIMIT = 256 << 20;

/** What one look at a document gave: its group, what in it could not be read, and the stamp it was read under. */
export interface DocumentRead {
  readonly group?: Group;
  readonly bad: readonly BadBytes[];
  readonly stamp: Stamp;
  /** It changed while it was read, or it is half-written: look again. */
  readonly unsettled: boolean;
}

/** Reads a document once, of it no more than `reads` asks for. Throws the system's errors. */
export function readDocument(path: string, form: Documents["form"], reads?: Reads): DocumentRead {
  const fd = openForReading(path);
  try {
    const stamp = stampOf(sys.fstat(fd));
    const read = form === "json" ? readJson(fd, stamp.size, reads) : readLines(fd, stamp.size, reads);
    const after = stampOf(sys.fstat(fd));
    const moved = after.size !== stamp.size || after.mtime !== stamp.mtime || after.ctime !== stamp.ctime;
    return { ...read, stamp, unsettled: moved || read.bad.some((b) => b.reason === "not JSON" && form === "json") };
  } finally {
    sys.close(fd);
  }
}

type Read = Pick<DocumentRead, "group" | "bad">;

function readJson(fd: number, size: number, reads: Reads | undefined): Read {
  const bad = (reason: string, hash: string): Read => ({ bad: [{ offset: 0, length: size, hash, reason }] });
  if (size > DOCUMENT_LIMIT) return bad(`a document of more than ${DOCUMENT_LIMIT >> 20} MiB`, "");
  const document = reads && skimmed(fd, size, reads);
  if (document !== undefined) return { group: { key: "", document }, bad: [] };
  const bytes = readAt(fd, 0, size);
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return { group: { key: "", document: JSON.parse(text) }, bad: [] };
  } catch (error) {
    return bad(error instanceof SyntaxError ? "not JSON" : "invalid UTF-8", hashBytes(bytes));
  }
}

/** A document as far as it is read; undefined where it cannot be skimmed: then the whole document decides. */
function skimmed(fd: number, size: number, reads: Reads): unknown {
  const capacity = sizeFor(size);
  if (capacity === undefined) return undefined;
  const chunk = takeChunk(reads, capacity);
  try {
    const isWhole = readInto(chunk.bytes, fd, 0, size) === size;
    return isWhole ? chunk.skimmer?.skim(0, size) : undefined;
  } catch (error) {
    if (error instanceof BadLine) return undefined;
    throw error;
  } finally {
    putBack(chunk, reads);
  }
}

function readLines(fd: number, size: number, reads: Reads | undefined): Read {
  const lines: NonNullable<Group["lines"]>[number][] = [];
  const bad: BadBytes[] = [];
  const reader = new LineReader(fd, 0, size, reads);
  try {
    for (let piece = reader.next(); piece; piece = reader.next()) {
      bad.push(...piece.bad);
      for (const line of piece.lines) {
        try {
          lines.push(line.json());
        } catch (error) {
          if (!(error instanceof BadLine)) throw error;
          const { offset, bytes } = line;
          bad.push({ offset, length: bytes.length, hash: hashBytes(bytes), reason: error.message });
        }
      }
    }
  } finally {
    reader.close();
  }
  return { group: { key: "", lines }, bad };
}
