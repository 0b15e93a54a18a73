/** Owns the list of calls that weir makes to the machine; nothing else in `src/` touches files, clocks or processes. */
import * as fs from "node:fs";

/** What a file or folder is, as one `lstat` or `fstat` tells it. Times are milliseconds with their fraction kept. */
export interface Stat {
  readonly kind: "file" | "directory" | "link" | "other";
  readonly dev: number;
  readonly ino: number;
  readonly size: number;
  readonly mtime: number;
  readonly ctime: number;
  readonly birth: number;
  readonly mode: number;
  readonly uid: number;
}

export interface Entry {
  readonly name: string;
  readonly kind: Stat["kind"];
}

/**
 * The machine, as weir sees it. Every call may throw the system's own error (with `code`).
 * A harness may wrap the whole object; product code knows nothing of it.
 */
export interface Calls {
  open(path: string, flags: number, mode?: number): number;
  close(fd: number): void;
  /** Reads at a position; returns the number of bytes, 0 at the end. */
  read(fd: number, into: Uint8Array, offset: number, length: number, position: number): number;
  /** Writes at a position (null: where the descriptor stands); returns the number of bytes really taken. */
  write(fd: number, from: Uint8Array, offset: number, length: number, position: number | null): number;
  fsync(fd: number): void;
  truncate(fd: number, length: number): void;
  fstat(fd: number): Stat;
  lstat(path: string): Stat;
  stat(path: string): Stat;
  list(path: string): Entry[];
  /** The names alone: of most files, `lstat` is asked anyway. */
  names(path: string): string[];
  realpath(path: string): string;
  mkdir(path: string, mode: number): void;
  chmod(path: string, mode: number): void;
  unlink(path: string): void;
  /** Removes an empty folder. */
  rmdir(path: string): void;
  rename(from: string, to: string): void;
  /** A position in the work of a database that the harness can stop at; does nothing by itself. */
  step(name: string): void;
  /** Milliseconds since 1970. */
  now(): number;
  random(bytes: number): Uint8Array;
}

function kindOf(s: fs.Stats | fs.Dirent): Stat["kind"] {
  return s.isFile() ? "file" : s.isDirectory() ? "directory" : s.isSymbolicLink() ? "link" : "other";
}

function toStat(s: fs.Stats): Stat {
  return {
    kind: kindOf(s),
    dev: s.dev,
    ino: s.ino,
    size: s.size,
    mtime: s.mtimeMs,
    ctime: s.ctimeMs,
    birth: s.birthtimeMs,
    mode: s.mode,
    uid: s.uid,
  };
}

/** The calls as the operating system offers them. */
export const machine: Calls = {
  open: (path, flags, mode) => fs.openSync(path, flags, mode),
  close: (fd) => fs.closeSync(fd),
  read: (fd, into, offset, length, position) => fs.readSync(fd, into, offset, length, position),
  write: (fd, from, offset, length, position) => fs.writeSync(fd, from, offset, length, position),
  fsync: (fd) => fs.fsyncSync(fd),
  truncate: (fd, length) => fs.ftruncateSync(fd, length),
  fstat: (fd) => toStat(fs.fstatSync(fd)),
  lstat: (path) => toStat(fs.lstatSync(path)),
  stat: (path) => toStat(fs.statSync(path)),
  list: (path) => fs.readdirSync(path, { withFileTypes: true }).map((e) => ({ name: e.name, kind: kindOf(e) })),
  names: (path) => fs.readdirSync(path),
  realpath: (path) => fs.realpathSync.native(path),
  mkdir: (path, mode) => {
    fs.mkdirSync(path, { recursive: true, mode });
  },
  chmod: (path, mode) => fs.chmodSync(path, mode),
  unlink: (path) => fs.unlinkSync(path),
  rmdir: (path) => fs.rmdirSync(path),
  rename: (from, to) => fs.renameSync(from, to),
  step: () => undefined,
  now: () => Date.now(),
  random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
};
