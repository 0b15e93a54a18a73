/** Owns output files that are whole or not there: written beside their final name, renamed when complete. */
import { dirname } from "node:path";
import { systemReason, WeirError } from "../system/errors.ts";
import { errorCode, ifPresent, openForWriting, syncFolder, sys, writeFully } from "../system/system.ts";

const BUFFER = 1 << 18;

export interface WholeFile {
  write(text: string | Uint8Array): void;
  /** Makes the file durable under its final name. */
  finish(): void;
  /** Leaves nothing behind. */
  abandon(): void;
}

/**
 * Begins a file; throws `write` when its folder cannot be written or when what stands under the name is no file: a pipe
 * or a device would be replaced by one. What stood there stays until `finish`; a link stays one.
 */
export function wholeFile(name: string): WholeFile {
  const guarded = <T>(work: () => T): T => {
    try {
      return work();
    } catch (cause) {
      if (cause instanceof WeirError) throw cause;
      const isLost = errorCode(cause) === "ENOENT";
      throw cannotWrite(name, isLost ? `there is no folder ${dirname(name)}` : systemReason(cause), undefined, cause);
    }
  };
  const path = guarded(() => placeOf(name));
  const part = `${path}.${Buffer.from(sys.random(4)).toString("hex")}.part`;
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

/** Where the file itself stands. */
function placeOf(name: string): string {
  const kind = ifPresent(() => sys.stat(name))?.kind;
  if (kind === undefined) return name;
  if (kind === "file") return sys.realpath(name);
  if (kind === "directory") throw cannotWrite(name, "it is a folder", "name a file in it");
  throw cannotWrite(name, "it is a pipe or a device", `write to standard output instead: weir export > ${name}`);
}

function cannotWrite(name: string, reason: string, hint?: string, cause?: unknown): WeirError {
  return new WeirError("write", `cannot write ${name}: ${reason}`, hint, { cause });
}
