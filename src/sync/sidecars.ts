/** Owns finding the files that belong to a source: parts of its store, and sidecars beside it or in another folder. */
import { normalize } from "node:path/posix";
import { type Stamp, stampOf } from "../read/identity.ts";
import type { Place } from "../read/types.ts";
import { ifPresent, lstatIfPresent, sys } from "../system/system.ts";
import { matches } from "./glob.ts";

export interface Sidecar {
  /** The ending that it has in the place of the source's own; of one in another folder, its name. */
  readonly ending: string;
  readonly path: string;
  readonly stamp: Stamp;
  /** Its content is JSON for the reducer; false for a part of the store itself. */
  readonly isContent: boolean;
}

type Beside = NonNullable<Place["sidecars"]>;

/** What belongs to each source of a place. */
export interface Belongings {
  /** Sidecars in the source's own folder. */
  readonly near: Beside;
  /** Sidecars in other folders. */
  readonly elsewhere: Beside;
  /** Endings of files that belong to the source's store. */
  readonly parts: readonly string[];
}

/** What belongs to a place's sources, whose stores have parts with these endings. */
export function belongingsOf({ sidecars = [] }: Place, parts: readonly string[]): Belongings {
  const isElsewhere = (beside: string): boolean => beside.includes("/");
  return {
    near: sidecars.filter(({ beside }) => !isElsewhere(beside)),
    elsewhere: sidecars.filter(({ beside }) => isElsewhere(beside)),
    parts,
  };
}

/** The names that may be sidecars. */
export function besideNames(all: readonly string[], { near, parts }: Belongings): Set<string> {
  const endings = [...near.map(({ beside }) => beside), ...parts];
  const names = new Set<string>();
  if (endings.length === 0) return names;
  for (const name of all) {
    for (const ending of endings) if (name.endsWith(ending)) names.add(name);
  }
  return names;
}

const NO_SIDECARS: readonly Sidecar[] = [];

/**
 * The sidecars of a source. Those in the same folder are found by the list of its names: asking for each would cost as
 * much as the walk. Throws the system's errors.
 */
export function sidecarsOf(path: string, names: ReadonlySet<string>, belongings: Belongings): readonly Sidecar[] {
  if (names.size === 0 && belongings.elsewhere.length === 0) return NO_SIDECARS;
  const elsewhere = sidecarsElsewhere(path, belongings);
  if (names.size === 0) return elsewhere;
  const sidecars = [...elsewhere];
  const add = (ending: string, beside: string, isContent: boolean): void => {
    if (names.has(beside.slice(beside.lastIndexOf("/") + 1))) sidecars.push(...sidecarAt(ending, beside, isContent));
  };
  for (const { ending, beside } of belongings.near)
    if (path.endsWith(ending)) add(beside, path.slice(0, -ending.length) + beside, true);
  for (const part of belongings.parts) add(part, path + part, false);
  return sidecars;
}

/** The sidecars in other folders, by name. */
function sidecarsElsewhere(path: string, { elsewhere }: Belongings): readonly Sidecar[] {
  const theirs = elsewhere.filter(({ ending }) => path.endsWith(ending));
  return theirs.flatMap(({ ending, beside }) => {
    const [own = "", folder = ""] = path.split("/").reverse();
    const below = beside.replace("{stem}", own.slice(0, -ending.length)).replace("{folder}", folder);
    const pattern = normalize(path.slice(0, -own.length) + below);
    const slash = pattern.lastIndexOf("/");
    return filesIn(pattern.slice(0, slash), pattern.slice(slash + 1));
  });
}

/** The files of a folder whose names fit; none where there is no such folder, or only a link to one. */
function filesIn(folder: string, glob: string): Sidecar[] {
  const real = ifPresent(() => sys.realpath(folder));
  if (real?.replaceAll("\\", "/") !== folder.replaceAll("\\", "/")) return [];
  return (ifPresent(() => sys.names(folder)) ?? [])
    .filter((name) => matches(glob, name))
    .sort()
    .flatMap((name) => sidecarAt(name, `${folder}/${name}`, true));
}

function sidecarAt(ending: string, path: string, isContent: boolean): Sidecar[] {
  const stat = lstatIfPresent(path);
  return stat?.kind === "file" ? [{ ending, path, stamp: stampOf(stat), isContent }] : [];
}
