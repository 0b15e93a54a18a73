/** Owns segment files: their names, when the next one starts, how bytes get into them and how long they really are. */
import { WeirError } from "../system/errors.ts";
import {
  errorCode,
  ifPresent,
  lstatIfPresent,
  openForWriting,
  readAt,
  syncFolder,
  sys,
  writeFully,
} from "../system/system.ts";

const NAME = /^weir-(\d{4}-\d\d-\d\d)-([0-9a-f]{8})(?:\.(\d+))?\.jsonl$/;

export interface SegmentName {
  readonly date: string;
  readonly install: string;
  readonly index: number;
}

/** A segment as the state knows it; bytes beyond `bytes` do not exist. */
export interface Segment {
  readonly seq: number;
  readonly name: string;
  bytes: number;
  records: number;
  sealed: boolean;
  /** Known once it is sealed. */
  sha256?: string;
}

/** The parts of a segment's name, or undefined for any other file. */
export function parseSegmentName(name: string): SegmentName | undefined {
  const found = NAME.exec(name);
  if (!found) return undefined;
  return { date: found[1] ?? "", install: found[2] ?? "", index: Number(found[3] ?? 0) };
}

/** The name of a segment: the UTC date of writing, the installation, a number from the second of a day on. */
export function segmentName({ date, install, index }: SegmentName): string {
  return `weir-${date}-${install}${index === 0 ? "" : `.${index}`}.jsonl`;
}

/** An installation as its segments' names carry it: the first characters of the host that its records name. */
export function installOf(host: string): string {
  return host.slice(0, 8);
}

/** Orders names as they were written. */
export function bySegmentName(a: string, b: string): number {
  const x = parseSegmentName(a);
  const y = parseSegmentName(b);
  if (!x || !y) return a < b ? -1 : a > b ? 1 : 0;
  if (x.date !== y.date) return x.date < y.date ? -1 : 1;
  if (x.install !== y.install) return x.install < y.install ? -1 : 1;
  return x.index - y.index;
}

/** True when a record of `length` bytes belongs into the next segment: a new date, or this one is full. */
export function startsNext(current: Segment | undefined, date: string, length: number, limit: number): boolean {
  if (!current || current.sealed) return true;
  if (!current.name.startsWith(`weir-${date}-`)) return true;
  return current.bytes > 0 && current.bytes + length > limit;
}

/** Writes bytes at a segment's committed length and makes them durable; creates the file when `create` says so. */
export function appendDurably(
  folder: string,
  name: string,
  committed: number,
  bytes: Uint8Array,
  create: boolean,
): void {
  const path = `${folder}/${name}`;
  const fd = openForWriting(path, create);
  try {
    writeFully(fd, bytes, committed);
    sys.fsync(fd);
  } finally {
    sys.close(fd);
  }
  if (create) syncFolder(folder);
}

/** What to do about a segment that is shorter than it should be, or gone; what is left of it stays in use. */
export const RESTORE =
  "restore the file from a backup; without one, move state.db aside together with its -wal and -shm: the next sync rebuilds it from what is there";

/** The error for a segment that lacks bytes; undefined `size`: it is gone. */
export function tooShort(path: string, committed: number, size: number | undefined): WeirError {
  const found = size === undefined ? "it is missing" : `it has ${size}`;
  return new WeirError("damaged", `the archive is damaged: ${path} should hold ${committed} bytes, ${found}`, RESTORE);
}

/**
 * Brings a segment file back to its committed length: surplus bytes are cut off. Throws `damaged`, naming file and
 * bytes, when the file is shorter or gone.
 */
export function cutToCommitted(folder: string, name: string, committed: number): void {
  const path = `${folder}/${name}`;
  const stat = lstatIfPresent(path);
  const size = stat?.kind === "file" ? stat.size : -1;
  if (size === committed) return;
  if (size < committed) {
    throw tooShort(path, committed, size < 0 ? undefined : size);
  }
  const fd = openForWriting(path, false);
  try {
    sys.truncate(fd, committed);
    sys.fsync(fd);
  } finally {
    sys.close(fd);
  }
}

/** The length of a segment file up to its last complete line; for a segment that no state knows. */
export function completeLength(path: string): number {
  const fd = sys.open(path, 0);
  try {
    const { size } = sys.fstat(fd);
    const step = 1 << 16;
    for (let end = size; end > 0; end -= step) {
      const start = Math.max(0, end - step);
      const newline = readAt(fd, start, end - start).lastIndexOf(10);
      if (newline >= 0) return start + newline + 1;
    }
    return 0;
  } finally {
    sys.close(fd);
  }
}

/** The regular files of the archive folder that bear a segment's name, as they were written. */
export function listSegments(folder: string): string[] {
  const entries = ifPresent(() => sys.list(folder)) ?? [];
  return entries
    .filter((e) => e.kind === "file" && parseSegmentName(e.name))
    .map((e) => e.name)
    .sort(bySegmentName);
}

/** True for the errors that mean "this disk or folder cannot be written". */
export function isWriteError(error: unknown): boolean {
  return /^(ENOSPC|EDQUOT|EIO|EROFS|EACCES|EPERM|EFBIG|EMFILE|ENFILE|ENOMEM|ENOENT|ENOTDIR|ELOOP|EEXIST)$/.test(
    errorCode(error) ?? "",
  );
}
