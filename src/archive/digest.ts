/** Owns the SHA-256 of segments: computed while they are written, or from the file where another run began it. */
import { sys } from "../system/system.ts";

const CHUNK = 1 << 20;

/** The SHA-256 of `[0, bytes)` of a file, in hex; undefined when the file ends before. */
export function digestOf(path: string, bytes: number): string | undefined {
  const hasher = new Bun.CryptoHasher("sha256");
  const fd = sys.open(path, 0);
  try {
    const chunk = new Uint8Array(Math.min(CHUNK, Math.max(bytes, 1)));
    for (let at = 0; at < bytes; ) {
      const got = sys.read(fd, chunk, 0, Math.min(chunk.length, bytes - at), at);
      if (got === 0) return undefined;
      hasher.update(chunk.subarray(0, got));
      at += got;
    }
    return hasher.digest("hex");
  } finally {
    sys.close(fd);
  }
}

/** Follows the segment that is being written. */
export class WritingDigest {
  #name = "";
  #hasher = new Bun.CryptoHasher("sha256");
  #bytes = 0;

  /** Bytes went into a segment at this offset; only one that was followed from its first byte stays followed. */
  wrote(name: string, offset: number, bytes: Uint8Array): void {
    if (offset === 0) {
      this.#name = name;
      this.#hasher = new Bun.CryptoHasher("sha256");
      this.#bytes = 0;
    }
    if (name !== this.#name || offset !== this.#bytes) return;
    this.#hasher.update(bytes);
    this.#bytes += bytes.length;
  }

  /** The digest of a segment that is sealed now. */
  sealed(name: string, path: string, bytes: number): string | undefined {
    return name === this.#name && bytes === this.#bytes ? this.#hasher.digest("hex") : digestOf(path, bytes);
  }
}
