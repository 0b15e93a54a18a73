/** Owns the walk of a place: it descends where a pattern may still fit, and tells every file that one fits. */
import { type Stamp, stampOf } from "../read/identity.ts";
import { errorCode, ifPresent, isAbsent, type Stat, sys } from "../system/system.ts";
import { matches } from "./glob.ts";
import { type Belongings, besideNames, type Sidecar, sidecarsOf } from "./sidecars.ts";

/** A place or source that could not be looked at; others go on. */
export interface Unreadable {
  readonly path: string;
  readonly reason: string;
}

export interface File {
  /** Canonical. */
  readonly path: string;
  /** Below the place's root. */
  readonly inRoot: string;
  readonly stamp: Stamp;
  readonly sidecars: readonly Sidecar[];
}

/** The files below this canonical folder whose paths fit one of the patterns, in a stable order. */
export function filesBelow(
  root: string,
  match: readonly string[],
  belongings: Belongings,
  unreadable: Unreadable[],
): File[] {
  const walk = new Walk(belongings, unreadable);
  walk.folder(root, "", match.map(patternOf), true);
  return walk.files;
}

class Walk {
  readonly files: File[] = [];
  readonly #belongings: Belongings;
  readonly #unreadable: Unreadable[];

  constructor(belongings: Belongings, unreadable: Unreadable[]) {
    this.#belongings = belongings;
    this.#unreadable = unreadable;
  }

  /** `isNamed`: the patterns name each folder down to this one by its whole name, so that it is the agent's own place. */
  folder(folder: string, below: string, patterns: readonly Pattern[], isNamed: boolean): void {
    let entries: readonly { readonly name: string; readonly kind: Stat["kind"] }[];
    try {
      entries = sys.list(folder);
    } catch (error) {
      if (!isAbsent(error)) this.#tell(folder, error);
      return;
    }
    const names = besideNames(entries, this.#belongings);
    const before = folder === "/" ? "/" : `${folder}/`;
    const belowBefore = below === "" ? "" : `${below}/`;
    for (const { name, kind } of [...entries].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (kind === "file") {
        if (patterns.some((pattern) => isMetBy(pattern, name))) this.#file(before + name, belowBefore + name, names);
      } else if (kind !== "other") {
        const rest: Pattern[] = [];
        for (const pattern of patterns) advance(pattern, name, rest);
        if (rest.length === 0) continue;
        const isPlace = isNamed && patterns.some(({ first }) => first === name);
        if (kind === "directory") this.folder(before + name, belowBefore + name, rest, isPlace);
        else if (isPlace) this.#movedFolder(before + name, belowBefore + name, rest);
      }
    }
  }

  /**
   * A link is followed only where it stands in the place of a folder that a pattern names, as a linked root is: somebody
   * keeps that part of the store elsewhere, and the agent writes through it. Links further down may lead anywhere.
   */
  #movedFolder(path: string, inRoot: string, patterns: readonly Pattern[]): void {
    try {
      const target = ifPresent(() => sys.realpath(path));
      if (target !== undefined && sys.stat(target).kind === "directory") this.folder(target, inRoot, patterns, false);
    } catch (error) {
      this.#tell(path, error);
    }
  }

  #file(path: string, inRoot: string, names: ReadonlySet<string>): void {
    try {
      const stat = ifPresent(() => sys.lstat(path));
      if (stat?.kind !== "file") return;
      this.files.push({ path, inRoot, stamp: stampOf(stat), sidecars: sidecarsOf(path, names, this.#belongings) });
    } catch (error) {
      this.#tell(path, error);
    }
  }

  #tell(path: string, error: unknown): void {
    this.#unreadable.push({ path, reason: errorCode(error) ?? String(error) });
  }
}

/** What of a place's pattern lies ahead, name by name. */
interface Pattern {
  readonly first: string;
  readonly rest: Pattern;
}

/** Nothing lies ahead: a file here is a source. */
const MET: Pattern = {
  first: "",
  get rest() {
    return MET;
  },
};

function patternOf(text: string): Pattern {
  return text.split("/").reduceRight((rest, first) => ({ first, rest }), MET);
}

/** True when a file of this name is all that a pattern asks for. */
function isMetBy(pattern: Pattern, name: string): boolean {
  if (pattern.first === "**") return isMetBy(pattern.rest, name);
  return pattern !== MET && pattern.rest === MET && matches(pattern.first, name);
}

/** Adds what is left of a pattern after a folder's name; nothing when it does not fit. */
function advance(pattern: Pattern, name: string, left: Pattern[]): void {
  if (pattern === MET) return;
  if (pattern.first === "**") {
    left.push(pattern);
    advance(pattern.rest, name, left);
  } else if (pattern.rest !== MET && matches(pattern.first, name)) left.push(pattern.rest);
}
