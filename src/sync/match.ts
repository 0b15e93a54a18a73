/** Owns joining what is found with what is known: the same path, the same file under a new name, or its copy in a home that moved. */
import type { Archive } from "../archive/archive.ts";
import type { Mark, SourceRow } from "../archive/sources.ts";
import { isSettled, markOf, sameFile } from "../read/identity.ts";
import { lstatIfPresent } from "../system/system.ts";
import { type Found, isBelow } from "./discover.ts";

export interface Match {
  readonly found: Found;
  /** The source as it was left by an earlier sync. */
  readonly known: SourceRow | undefined;
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

/** Programs that copy files with their times may drop what is less than a second. */
const COPIED_TIMES_MS = 1000;

export interface MatchOptions {
  /** Also the sources that cannot have changed. */
  readonly all: boolean;
  /** The homes in use. What lies below one of them may be offline, and is never taken to have moved. */
  readonly homes: readonly string[];
}

/**
 * The sources that may have changed, each with its row. A file that was moved keeps its row, when nothing else stands at its
 * old path; so does one that was copied with its home to another path and is gone from the old one, so that what was pruned
 * of it does not come back.
 */
export function changedSources(found: readonly Found[], archive: Archive, { all, homes }: MatchOptions): Match[] {
  const changed: Match[] = [];
  for (const group of streamsOf(found)) {
    const [first] = group;
    if (!first) continue;
    const marks = all ? undefined : archive.sources.marksOf(first.agent.id, first.stream.kind);
    let rows: Rows | undefined; // only a source that may have changed asks for them: in most runs few do
    for (const f of group) {
      const known = marks?.get(f.path);
      if (known && isUnchanged(f, known)) continue;
      rows ??= new Rows(archive.sources.of(first.agent.id, first.stream.kind), group, homes);
      changed.push({ found: f, known: rows.of(f) });
    }
  }
  return changed;
}

/** True when nothing can have changed since a source was read to its end, so that nothing need be opened. */
function isUnchanged(f: Found, [, mark, readAt]: Mark): boolean {
  if (!isSettled(f.stamp, readAt)) return false;
  for (const { stamp } of f.sidecars) if (!isSettled(stamp, readAt)) return false;
  return mark === markOf(f.stamp, f.stream.version, sidecarStamp(f));
}

/** What is known of a stream's sources, by path and by file. */
class Rows {
  readonly #rows: readonly SourceRow[];
  readonly #group: readonly Found[];
  readonly #homes: readonly string[];
  readonly #byPath = new Map<string, SourceRow>();
  #rowsByInode: Map<number, SourceRow[]> | undefined;
  #foundByInode: Map<number, Found[]> | undefined;
  #rowsByRelative: Map<string, SourceRow[]> | undefined;

  constructor(rows: readonly SourceRow[], group: readonly Found[], homes: readonly string[]) {
    this.#rows = rows;
    this.#group = group;
    this.#homes = homes;
    // Where one file took another's place, both rows have its path: the one that was read last is the one that stood there.
    for (const row of rows)
      if (!((this.#byPath.get(row.path)?.readAt ?? 0) > row.readAt)) this.#byPath.set(row.path, row);
  }

  of(f: Found): SourceRow | undefined {
    const here = this.#byPath.get(f.path);
    if (here && sameFile(here, f.stamp)) return here;
    // Replaced under its name, unless the file that stood here was only moved.
    return this.#movedFrom(f) ?? (here && !this.#isMoved(here) ? here : this.#copiedFrom(f));
  }

  #movedFrom({ stamp }: Found): SourceRow | undefined {
    this.#rowsByInode ??= Map.groupBy(this.#rows, (row) => row.ino);
    return this.#rowsByInode.get(stamp.ino)?.find((row) => sameFile(row, stamp));
  }

  /** What stood at the same place in a home, as large and as old, and is there no more and nowhere else; each only once. */
  #copiedFrom({ relative, stamp }: Found): SourceRow | undefined {
    this.#rowsByRelative ??= Map.groupBy(this.#rows, (row) => row.relative);
    const rows = this.#rowsByRelative.get(relative) ?? [];
    const isAlike = (row: SourceRow): boolean =>
      row.size === stamp.size && Math.abs(row.mtime - stamp.mtime) < COPIED_TIMES_MS;
    const at = rows.findLastIndex((row) => isAlike(row) && !this.#isMoved(row) && this.#isGone(row));
    return at < 0 ? undefined : rows.splice(at, 1)[0];
  }

  #isGone({ path }: SourceRow): boolean {
    if (this.#homes.some((home) => isBelow(path, home))) return false;
    try {
      return lstatIfPresent(path) === undefined;
    } catch {
      return false; // what cannot be looked at may be there
    }
  }

  #isMoved(row: SourceRow): boolean {
    this.#foundByInode ??= Map.groupBy(this.#group, (f) => f.stamp.ino);
    return this.#foundByInode.get(row.ino)?.some((other) => sameFile(row, other.stamp)) === true;
  }
}
