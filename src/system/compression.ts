/** Owns decompression; the runtime's library is loaded only where there is something to decompress. */

/** What zstd-compressed bytes hold. Throws when they are damaged or hold more than `limit` bytes. */
export function unzstd(bytes: Uint8Array, limit: number): Buffer {
  const { zstdDecompressSync } = process.getBuiltinModule("node:zlib");
  return zstdDecompressSync(bytes, { maxOutputLength: limit });
}
