/** Owns how a command gets the archive: for reading, or for writing, where it waits for another writer and says so. */
import { Archive, type ArchiveOptions } from "../archive/archive.ts";
import { type ArchiveReader, openReader } from "../archive/read.ts";
import { WeirError } from "../system/errors.ts";
import type { Io } from "./io.ts";
import { lockedOrInterrupted } from "./pause.ts";

const WAIT_MS = 10_000;

/**
 * Throws `locked` when another process still holds the lock after ten seconds, or at once where `wait` is false;
 * `Interrupted` when a stop signal ended the waiting.
 */
export async function openForWriting(
  io: Io,
  { wait, ...options }: Omit<ArchiveOptions, "waitMs" | "stopped"> & { readonly wait: boolean },
): Promise<Archive> {
  const stopped = (): boolean => io.stopSignal() !== undefined;
  const open = (waitMs: number): Promise<Archive> => Archive.open(io.dataDir, { ...options, waitMs, stopped });
  try {
    return await open(0);
  } catch (error) {
    if (!wait || !(error instanceof WeirError && error.failure === "locked")) throw error;
    io.log.progress(() => `${error.message}: waiting for it`);
  }
  try {
    return await lockedOrInterrupted(io, open(WAIT_MS));
  } finally {
    io.log.progressEnd();
  }
}

/** Says so where nothing is archived yet: silence alone would look like a filter that fits nothing. */
export function openForReading({ dataDir, log }: Io): ArchiveReader {
  const reader = openReader(dataDir);
  if (reader.segments.length === 0) log.info(`the archive in ${dataDir} is still empty; weir sync fills it`);
  return reader;
}
