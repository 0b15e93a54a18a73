/** Owns joining what is found with what is known: the same path, or the same file under a new name. */
import type { Archive, SourceRow } from "../archive/archive.ts";
import { isSettled, isUnchanged, sameFile } from "../read/identity.ts";
import type { Found } from "./discover.ts";

export interface Match {
  readonly found: Found;
  /** The source as it was left by an earlier sync. */
  readonly known: SourceRow | undefined;
  /** Nothing can have changed since; nothing need be opened. */
  readonly unchanged: boolean;
}

/** Sidecars' stamps in one text: they belong to the source's own stamp. */
export function sidecarStamp(found: Found): string {
  return found.sidecars.map(({ ending, stamp }) => `${ending}:${stamp.ino}:${stamp.size}:${stamp.mtime}`).join();
}

/** Matches each found source with its row. A file that was moved keeps its row, when nothing else stands at its old path. */
export function* matchSources(found: readonly Found[], archive: Archive): Generator<Match> {
  const streams = Map.groupBy(found, (f) => `${f.agent.id}\0${f.stream.kind}`);
  for (const group of streams.values()) {
    const [first] = group;
    if (!first) continue;
    const rows = archive.sourcesOf(first.agent.id, first.stream.kind);
    const byPath = new Map(rows.map((row) => [row.path, row]));
    const byInode = Map.groupBy(rows, (row) => row.ino);
    const inodes = Map.groupBy(group, (f) => f.stamp.ino);
    for (const f of group) {
      const here = byPath.get(f.path);
      const known =
        here && sameFile(here, f.stamp)
          ? here
          : (byInode.get(f.stamp.ino)?.find((row) => sameFile(row, f.stamp)) ??
            // Replaced under its name, unless the file that stood here was only moved.
            (here && !inodes.get(here.ino)?.some((other) => sameFile(here, other.stamp)) ? here : undefined));
      const unchanged =
        known !== undefined &&
        known.path === f.path &&
        known.version === f.stream.version &&
        known.size >= 0 &&
        isUnchanged(f.stamp, known, known.readAt) &&
        f.sidecars.every(({ stamp }) => isSettled(stamp, known.readAt)) &&
        known.sidecars === sidecarStamp(f);
      yield { found: f, known, unchanged };
    }
  }
}
