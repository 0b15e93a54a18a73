/** Owns where the bytes of an export go: stdout or a file that is whole or not there, compressed or not. */
import { wholeFile } from "./file.ts";

export type Compression = "none" | "gzip" | "zstd";

/** Bytes are compressed in pieces of this size, so that memory stays flat; both formats allow pieces in a row. */
const PIECE = 1 << 20;

export interface Output {
  /** False once nobody reads any more. */
  write(data: string | Uint8Array): boolean;
  /** Makes the output durable under its final name. */
  finish(): void;
  /** Leaves nothing behind. */
  abandon(): void;
}

export function fileOutput(path: string, compression: Compression): Output {
  const file = wholeFile(path);
  const write = (data: string | Uint8Array): boolean => {
    file.write(data);
    return true;
  };
  return compressed({ write, finish: file.finish, abandon: file.abandon }, compression);
}

/** An output on something that is written to as it comes. */
export function streamOutput(write: (data: string | Uint8Array) => boolean, compression: Compression): Output {
  return compressed({ write, finish: () => undefined, abandon: () => undefined }, compression);
}

function compressed(to: Output, compression: Compression): Output {
  if (compression === "none") return to;
  const compress = (bytes: Uint8Array<ArrayBuffer>): Uint8Array =>
    compression === "gzip" ? Bun.gzipSync(bytes, { level: 6 }) : Bun.zstdCompressSync(bytes);
  let pending: Uint8Array[] = [];
  let size = 0;
  let written = false;
  const flush = (): boolean => {
    const bytes = Buffer.concat(pending);
    pending = [];
    size = 0;
    written = true;
    return to.write(compress(bytes));
  };
  return {
    write(data) {
      const bytes = typeof data === "string" ? Buffer.from(data) : data;
      pending.push(bytes);
      size += bytes.length;
      return size < PIECE || flush();
    },
    finish() {
      if (size > 0 || !written) flush();
      to.finish();
    },
    abandon: to.abandon,
  };
}

/** The name of one signal's file beside others: before the ending, `all.json` → `all.traces.json`. */
export function signalPath(path: string, signal: string): string {
  const [, stem = path, ending = ""] = /^(.*?[^/\\])((?:\.[a-z0-9]+){1,2})$/i.exec(path) ?? [];
  return `${stem}.${signal}${ending}`;
}
