/** Owns access to the machine: the one object through which all of weir reads, writes and tells the time. */
import { constants } from "node:fs";
import { type Calls, type Entry, machine, type Stat } from "./calls.ts";
import { cannotWrite } from "./errors.ts";
import { injectFaults } from "./faults.ts";

export type { Calls, Entry, Stat };

declare const WEIR_FAULTS: string | undefined;

/** The machine; a build made with `--faults` wraps it, in every other build the harness is not even present. */
export const sys: Calls = typeof WEIR_FAULTS === "string" && WEIR_FAULTS === "true" ? injectFaults(machine) : machine;

const COPY_CHUNK = 1 << 20;

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = constants;

/** The system's error code (`ENOENT`, ...), or undefined for an error of another kind. */
export function errorCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : undefined;
}

/** True for the two codes that mean "there is nothing at this path"; every other error is an error. */
export function isAbsent(error: unknown): boolean {
  const code = errorCode(error);
  return code === "ENOENT" || code === "ENOTDIR";
}

/** Runs a call that may find nothing at its path: undefined then, any other error is thrown. */
export function ifPresent<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/**
 * What is at a path, links not followed; undefined when there is nothing. Throws the system's other errors. It is asked of
 * every file in every run, so it needs no function of its caller as `ifPresent` does.
 */
export function lstatIfPresent(path: string): Stat | undefined {
  try {
    return sys.lstat(path);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Opens a regular file for reading without ever blocking on a pipe or following a link at the leaf. */
export function openForReading(path: string): number {
  const fd = sys.open(path, O_RDONLY | (O_NONBLOCK ?? 0) | (O_NOFOLLOW ?? 0));
  if (sys.fstat(fd).kind === "file") return fd;
  sys.close(fd);
  throw Object.assign(new Error(`${path} is not a regular file`), { code: "ENOTFILE" });
}

/** Why a file cannot be opened in this way, where the system says so; a library's error may not. It is closed again at once. */
export function openingError(open: () => number): unknown {
  try {
    sys.close(open());
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Creates a file that must not exist yet (mode 0600), or opens one of ours for writing; never through a link. */
export function openForWriting(path: string, create: boolean): number {
  return sys.open(path, O_RDWR | (O_NOFOLLOW ?? 0) | (create ? O_CREAT | O_EXCL : 0), 0o600);
}

/** Makes a folder's list of names durable. Windows has no such call and needs none. */
export function syncFolder(path: string): void {
  if (O_DIRECTORY === undefined) return;
  const fd = sys.open(path, O_RDONLY | O_DIRECTORY);
  try {
    sys.fsync(fd);
  } finally {
    sys.close(fd);
  }
}

/** Writes all bytes at a position; a short write goes on where it stopped, an error is thrown. */
export function writeFully(fd: number, bytes: Uint8Array, position: number | null): void {
  let done = 0;
  while (done < bytes.length) {
    const n = sys.write(fd, bytes, done, bytes.length - done, position === null ? null : position + done);
    if (n <= 0) throw Object.assign(new Error("the write took no bytes"), { code: "EIO" });
    done += n;
  }
}

/** Reads up to `length` bytes at a position into a new array, which is shorter only at the file's end. */
export function readAt(fd: number, position: number, length: number): Uint8Array {
  const into = new Uint8Array(length);
  const done = readInto(into, fd, position, length);
  return done === length ? into : into.subarray(0, done);
}

/** Reads up to `length` bytes to the start of `into`; tells how many, fewer at the file's end. Throws the system's errors. */
export function readInto(into: Uint8Array, fd: number, position: number, length: number): number {
  let done = 0;
  while (done < length) {
    const n = sys.read(fd, into, done, length - done, position + done);
    if (n === 0) break;
    done += n;
  }
  return done;
}

/** Reads a small file whole; throws `EFBIG` when it is larger than `limit` bytes. */
export function readSmallFile(path: string, limit: number): Uint8Array {
  const fd = openForReading(path);
  try {
    const { size } = sys.fstat(fd);
    if (size > limit) throw Object.assign(new Error(`${path} is larger than ${limit} bytes`), { code: "EFBIG" });
    return readAt(fd, 0, size);
  } finally {
    sys.close(fd);
  }
}

/** Copies a regular file to a path of ours where nothing is yet (mode 0600). Throws `write` where that takes no more. */
export function copyFile(from: string, to: string): void {
  const written = <T>(step: () => T): T => {
    try {
      return step();
    } catch (error) {
      throw cannotWrite(to, error);
    }
  };
  const source = openForReading(from);
  try {
    const target = written(() => openForWriting(to, true));
    try {
      const chunk = new Uint8Array(COPY_CHUNK);
      for (let at = 0; ; ) {
        const got = sys.read(source, chunk, 0, COPY_CHUNK, at);
        if (got === 0) break;
        written(() => writeFully(target, chunk.subarray(0, got), at));
        at += got;
      }
    } finally {
      sys.close(target);
    }
  } finally {
    sys.close(source);
  }
}

/** Removes a folder of ours with all below it; links are removed, never followed. Nothing there is fine. */
export function removeFolder(path: string): void {
  for (const { name, kind } of ifPresent(() => sys.list(path)) ?? []) {
    if (kind === "directory") removeFolder(`${path}/${name}`);
    else ifPresent(() => sys.unlink(`${path}/${name}`));
  }
  ifPresent(() => sys.rmdir(path));
}
