/** Owns output files that are whole or not there: written beside their final name, renamed when complete. */
import { dirname } from "node:path";
import { WeirError } from "../system/errors.ts";
import { ifPresent, openForWriting, syncFolder, sys, writeFully } from "../system/system.ts";

const BUFFER = 1 << 18;

export interface WholeFile {
  write(text: string | Uint8Array): void;
  /** Makes the file durable under its final name. */
  finish(): void;
  /** Leaves nothing behind. */
  abandon(): void;
}

/** Begins a file; throws `write` when its folder cannot be written. What stood under the name stays until `finish`. */
export function wholeFile(path: string): WholeFile {
  const part = `${path}.${Buffer.from(sys.random(4)).toString("hex")}.part`;
  const guarded = <T>(work: () => T): T => {
    try {
      return work();
    } catch (cause) {
      throw new WeirError("write", `cannot write ${path}: ${(cause as Error).message}`, undefined, { cause });
    }
  };
  const fd = guarded(() => openForWriting(part, true));
  let pending: Uint8Array[] = [];
  let size = 0;
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    sys.close(fd);
  };
  const flush = (): void => {
    if (size > 0) guarded(() => writeFully(fd, Buffer.concat(pending), null));
    pending = [];
    size = 0;
  };
  return {
    write(text) {
      const bytes = typeof text === "string" ? Buffer.from(text) : text;
      pending.push(bytes);
      size += bytes.length;
      if (size >= BUFFER) flush();
    },
    finish() {
      flush();
      guarded(() => {
        sys.fsync(fd);
        close();
        sys.rename(part, path);
        syncFolder(dirname(path));
      });
    },
    abandon() {
      close();
      ifPresent(() => sys.unlink(part));
    },
  };
}
