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
  if (found.sidecars.length === 0) return "";
  return found.sidecars.map(({ ending, stamp }) => `${ending}:${stamp.ino}:${stamp.size}:${stamp.mtime}`).join();
}

/** What was found, by agent and kind of stream. */
function streamsOf(found: readonly Found[]): Iterable<Found[]> {
  const groups = new Map<string, Found[]>();
  let last: Found | undefined;
  let group: Found[] = [];
  for (const f of found) {
    if (f.agent !== last?.agent || f.stream !== last.stream) {
      const key = `${f.agent.id}\0${f.stream.kind}`;
      group = groups.get(key) ?? [];
      groups.set(key, group);
      last = f;
    }
    group.push(f);
  }
  return groups.values();
}

/** Matches each found source with its row. A file that was moved keeps its row, when nothing else stands at its old path. */
export function* matchSources(found: readonly Found[], archive: Archive): Generator<Match> {
  for (const group of streamsOf(found)) {
    const [first] = group;
    if (!first) continue;
    const rows = archive.sourcesOf(first.agent.id, first.stream.kind);
    const byPath = new Map<string, SourceRow>();
    // Where one file took another's place, both rows have its path: the one that was read last is the one that stood there.
    for (const row of rows) if (!((byPath.get(row.path)?.readAt ?? 0) > row.readAt)) byPath.set(row.path, row);
    // Only a file that is not where it was asks for these; in most runs none is.
    let rowsByInode: Map<number, SourceRow[]> | undefined;
    let foundByInode: Map<number, Found[]> | undefined;
    const movedFrom = ({ stamp }: Found): SourceRow | undefined => {
      rowsByInode ??= Map.groupBy(rows, (row) => row.ino);
      return rowsByInode.get(stamp.ino)?.find((row) => sameFile(row, stamp));
    };
    const isMoved = (row: SourceRow): boolean => {
      foundByInode ??= Map.groupBy(group, (f) => f.stamp.ino);
      return foundByInode.get(row.ino)?.some((other) => sameFile(row, other.stamp)) === true;
    };
    for (const f of group) {
      const here = byPath.get(f.path);
      const known =
        here && sameFile(here, f.stamp)
          ? here
          : // Replaced under its name, unless the file that stood here was only moved.
            (movedFrom(f) ?? (here && !isMoved(here) ? here : undefined));
      const unchanged =
        known !== undefined &&
        known.path === f.path &&
        known.version === f.stream.version &&
        known.size >= 0 &&
        isUnchanged(f.stamp, known, known.readAt) &&
        (f.sidecars.length === 0 || f.sidecars.every(({ stamp }) => isSettled(stamp, known.readAt))) &&
        known.sidecars === sidecarStamp(f);
      yield { found: f, known, unchanged };
    }
  }
}
