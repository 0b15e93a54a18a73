/** Owns the only way data goes to stdout: a buffer emptied by synchronous writes. No other file may write there. */

import { WeirError, wordsFor } from "../system/errors.ts";
import { errorCode } from "../system/system.ts";

/** `fs.writeSync` in shape: writes some of the bytes, tells how many, throws an error with a `code`. */
export type WriteSync = (fd: number, bytes: Uint8Array, offset: number, length: number) => number;

export interface Stdout {
  /** Takes text (as UTF-8) or bytes. False once the reader has gone: stop quietly, there is nobody left to tell. */
  write(data: string | Uint8Array): boolean;
  /** Hands everything taken so far to the system. False once the reader has gone. */
  flush(): boolean;
  /** True once the reader has gone. */
  readonly closed: boolean;
}

export interface StdoutOptions {
  readonly fd?: number;
  /** Bytes held back between writes; at least 4, so that any character fits. */
  readonly capacity?: number;
  /** Sleeps while a pipe is full; given by tests. */
  readonly wait?: (ms: number) => void;
}

/** stdout could not take the data, for a reason other than a reader that went away (a full disk, say). */
export class OutputError extends WeirError {
  override readonly name = "OutputError";

  constructor(
    readonly code: string,
    cause?: unknown,
  ) {
    super("failed", `cannot write to standard output: ${wordsFor(code)}`, undefined, { cause });
  }
}

const CAPACITY = 128 * 1024;
const LONGEST_WAIT_MS = 50;
/** A device that takes no bytes and gives no reason this many times in a row is broken. */
const EMPTY_WRITES = 100;

/** Sleeps without burning the processor; the thread is blocked, as it would be in a blocking write. */
function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/**
 * A sink on synchronous writes. Guarantees: bytes leave in order, whole, whatever pieces the system takes; a full pipe
 * is waited for; a reader that went away closes the sink; any other failure throws `OutputError`, then and ever after.
 */
export function createStdout(write: WriteSync, options: StdoutOptions = {}): Stdout {
  const { fd = 1, capacity = CAPACITY, wait = sleep } = options;
  const buffer = new Uint8Array(Math.max(4, capacity));
  const encoder = new TextEncoder();
  let used = 0;
  let closed = false;
  let failure: OutputError | undefined;

  const drain = (): boolean => {
    if (failure) throw failure;
    const length = used;
    used = 0;
    if (closed) return false;
    try {
      closed = !writeAll((from) => write(fd, buffer, from, length - from), length, wait);
    } catch (error) {
      failure = error instanceof OutputError ? error : new OutputError(errorCode(error) ?? "unknown error", error);
      throw failure;
    }
    return !closed;
  };

  const takeText = (text: string): void => {
    let rest = text;
    while (rest !== "" && !closed) {
      const { read, written } = encoder.encodeInto(rest, buffer.subarray(used));
      used += written;
      rest = rest.slice(read);
      if (rest !== "") drain();
    }
  };

  const takeBytes = (bytes: Uint8Array): void => {
    let from = 0;
    while (from < bytes.length && !closed) {
      const piece = bytes.subarray(from, from + buffer.length - used);
      buffer.set(piece, used);
      used += piece.length;
      from += piece.length;
      if (from < bytes.length) drain();
    }
  };

  return {
    write(data: string | Uint8Array): boolean {
      if (failure) throw failure;
      if (!closed) {
        if (typeof data === "string") takeText(data);
        else takeBytes(data);
      }
      return !closed;
    },
    flush: drain,
    get closed(): boolean {
      return closed;
    },
  };
}

/** Writes all `length` bytes, waiting while the pipe is full. False when the reader has gone; else it throws. */
function writeAll(writeFrom: (from: number) => number, length: number, wait: (ms: number) => void): boolean {
  let from = 0;
  let pause = 1;
  let empty = 0;
  while (from < length) {
    const written = attempt(() => writeFrom(from));
    if (written === "gone") return false;
    if (written === "again" || written === 0) {
      if (written === 0 && ++empty >= EMPTY_WRITES) throw new OutputError("nothing is taken");
      wait(pause);
      pause = Math.min(pause * 2, LONGEST_WAIT_MS);
      continue;
    }
    if (!(written > 0 && written <= length - from)) throw new OutputError("impossible count of bytes written");
    from += written;
    pause = 1;
    empty = 0;
  }
  return true;
}

function attempt(write: () => number): number | "again" | "gone" {
  for (;;) {
    try {
      return write();
    } catch (error) {
      const code = errorCode(error);
      if (code === "EINTR") continue;
      if (code === "EAGAIN" || code === "EWOULDBLOCK") return "again";
      // A socket whose peer went away says ECONNRESET; a Windows pipe says EOF.
      if (code === "EPIPE" || code === "ECONNRESET" || code === "EOF") return "gone";
      throw error;
    }
  }
}
