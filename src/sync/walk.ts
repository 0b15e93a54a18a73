/** Owns the walk of a place: it descends where a pattern may still fit, and tells every file that one fits. */
import { type Stamp, stampOf } from "../read/identity.ts";
import { errorCode, ifPresent, isAbsent, lstatIfPresent, type Stat, sys } from "../system/system.ts";
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

/** One walk: what belongs to its files, and what it has told so far. */
interface Walk {
  readonly files: File[];
  readonly belongings: Belongings;
  readonly unreadable: Unreadable[];
}

/** The files below this canonical folder whose paths fit one of the patterns, in a stable order. */
export function filesBelow(
  root: string,
  match: readonly string[],
  belongings: Belongings,
  unreadable: Unreadable[],
): readonly File[] {
  const walk: Walk = { files: [], belongings, unreadable };
  walkFolder(walk, root, "", match.map(patternOf), true);
  return walk.files;
}

/** `isNamed`: the patterns name each folder down to this one by its whole name, so that it is the agent's own place. */
function walkFolder(walk: Walk, folder: string, below: string, patterns: readonly Pattern[], isNamed: boolean): void {
  let names: string[];
  try {
    names = sys.names(folder).sort();
  } catch (error) {
    if (!isAbsent(error)) tell(walk, folder, error);
    return;
  }
  const beside = besideNames(names, walk.belongings);
  const before = folder === "/" ? "/" : `${folder}/`;
  const belowBefore = below === "" ? "" : `${below}/`;
  for (const name of names) {
    const isSource = areMetBy(patterns, name);
    if (!isSource && !mayGoOn(patterns, name)) continue;
    const path = before + name;
    try {
      const stat = lstatIfPresent(path);
      if (stat === undefined) continue;
      if (stat.kind === "file") {
        if (!isSource) continue;
        const sidecars = sidecarsOf(path, beside, walk.belongings);
        walk.files.push({ path, inRoot: belowBefore + name, stamp: stampOf(stat), sidecars });
      } else if (stat.kind !== "other") {
        const isPlace = isNamed && patterns.some(({ first }) => first === name);
        walkInto(walk, path, belowBefore + name, restOf(patterns, name), isPlace, stat);
      }
    } catch (error) {
      tell(walk, path, error);
    }
  }
}

/**
 * A link is followed only where it stands in the place of a folder that a pattern names, as a linked root is: somebody
 * keeps that part of the store elsewhere, and the agent writes through it. Links further down may lead anywhere.
 */
function walkInto(
  walk: Walk,
  path: string,
  inRoot: string,
  patterns: readonly Pattern[],
  isPlace: boolean,
  { kind }: Stat,
): void {
  if (patterns.length === 0) return;
  if (kind === "directory") walkFolder(walk, path, inRoot, patterns, isPlace);
  else if (isPlace) {
    const target = ifPresent(() => sys.realpath(path));
    if (target !== undefined && sys.stat(target).kind === "directory")
      walkFolder(walk, target, inRoot, patterns, false);
  }
}

function tell({ unreadable }: Walk, path: string, error: unknown): void {
  unreadable.push({ path, reason: errorCode(error) ?? String(error) });
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

/** True when a file of this name is a source. */
function areMetBy(patterns: readonly Pattern[], name: string): boolean {
  for (const pattern of patterns) if (isMetBy(pattern, name)) return true;
  return false;
}

/** True when a pattern may still fit below a folder of this name. */
function mayGoOn(patterns: readonly Pattern[], name: string): boolean {
  for (const { first, rest } of patterns) if (first === "**" || (rest !== MET && matches(first, name))) return true;
  return false;
}

/** What is left of the patterns in a folder of this name. */
function restOf(patterns: readonly Pattern[], name: string): Pattern[] {
  const left: Pattern[] = [];
  for (const pattern of patterns) advance(pattern, name, left);
  return left;
}

/** Adds what is left of a pattern after a folder's name; nothing when it does not fit. */
function advance(pattern: Pattern, name: string, left: Pattern[]): void {
  if (pattern === MET) return;
  if (pattern.first === "**") {
    left.push(pattern);
    advance(pattern.rest, name, left);
  } else if (pattern.rest !== MET && matches(pattern.first, name)) left.push(pattern.rest);
}
