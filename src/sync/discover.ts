/** Owns finding sources: walks the places that agents name and tells every file with its stamp. Reads no content. */
import { type Stamp, stampOf } from "../read/identity.ts";
import type { Agent, Environment, Place, Stream } from "../read/types.ts";
import { errorCode, ifPresent, isAbsent, type Stat, sys } from "../system/system.ts";

/** One file (with its sidecars) that a stream names. */
export interface Found {
  readonly agent: Agent;
  readonly stream: Stream;
  /** Canonical and absolute: two ways to one file are one source. */
  readonly path: string;
  /** Below the place's root. */
  readonly inRoot: string;
  /** Below the home in use, or absolute where it lies outside. This is what records carry. */
  readonly relative: string;
  readonly stamp: Stamp;
  readonly sidecars: readonly Sidecar[];
}

export interface Sidecar {
  readonly ending: string;
  readonly path: string;
  readonly stamp: Stamp;
  /** Its content is JSON for the reducer; false for a part of the store itself. */
  readonly isContent: boolean;
}

/** What SQLite keeps beside a database: a part of the store, so its stamp is part of the source's. */
const DATABASE_PARTS = ["-wal", "-journal"];

/** A place or source that could not be looked at; others go on. */
export interface Unreadable {
  readonly path: string;
  readonly reason: string;
}

export interface Discovery {
  readonly found: readonly Found[];
  readonly unreadable: readonly Unreadable[];
}

/** Which agents and streams a run is about; empty lists mean all. */
export interface Choice {
  readonly agents: readonly string[];
  readonly streams: readonly string[];
  /** Stores named by hand: agent, stream, path. */
  readonly sources: readonly { readonly agent: string; readonly stream: string; readonly path: string }[];
}

/** Finds every source of the chosen streams, in a stable order. An absent place is silence, an unreadable one is told. */
export function discover(agents: readonly Agent[], environment: Environment, choice: Choice): Discovery {
  const found = new Map<string, Found>();
  const unreadable: Unreadable[] = [];
  const seen = new Set<string>();
  canonicalPaths.clear();
  for (const agent of agents) {
    if (choice.agents.length > 0 && !choice.agents.includes(agent.id)) continue;
    for (const stream of agent.streams) {
      if (choice.streams.length > 0 && !choice.streams.includes(stream.kind)) continue;
      for (const place of placesOf(agent, stream, environment, choice)) {
        const parts = stream.shape === "snapshot" && stream.groups.form === "sqlite" ? DATABASE_PARTS : [];
        for (const file of filesOf({ ...place, parts }, unreadable)) {
          const key = `${agent.id}\0${stream.kind}\0${file.path}`;
          const identity = `${agent.id}\0${stream.kind}\0${file.stamp.dev}:${file.stamp.ino}:${file.stamp.birth}`;
          if (found.has(key) || seen.has(identity)) continue; // a hard link or a second way to the same file
          seen.add(identity);
          found.set(key, { agent, stream, ...file, relative: relativeTo(file.path, environment) });
        }
      }
    }
  }
  return { found: [...found.values()], unreadable };
}

function placesOf(agent: Agent, stream: Stream, environment: Environment, choice: Choice): readonly Place[] {
  if (choice.sources.length === 0) return stream.locate(environment);
  const named = choice.sources.filter((s) => s.agent === agent.id && s.stream === stream.kind);
  return named.map(({ path }) => {
    const slash = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"));
    const endings = stream.locate(environment).flatMap((place) => place.sidecars ?? []);
    const isFolder = ifPresent(() => sys.stat(path))?.kind === "directory";
    const match = isFolder ? stream.locate(environment).flatMap((place) => place.match) : [path.slice(slash + 1)];
    return { root: isFolder ? path : path.slice(0, slash) || "/", match, sidecars: endings };
  });
}

function relativeTo(path: string, environment: Environment): string {
  for (const home of environment.homes) {
    for (const root of [home.path, canonical(home.path)]) {
      if (root && path.startsWith(root) && /[\\/]/.test(path[root.length] ?? ""))
        return path.slice(root.length + 1).replaceAll("\\", "/");
    }
  }
  return path.replaceAll("\\", "/");
}

/** What one look at the homes has found out: a root that was absent then may be there the next time. */
const canonicalPaths = new Map<string, string | undefined>();

/** A path with all links resolved; undefined when there is nothing. */
function canonical(path: string): string | undefined {
  if (!canonicalPaths.has(path))
    canonicalPaths.set(
      path,
      ifPresent(() => sys.realpath(path)),
    );
  return canonicalPaths.get(path);
}

type File = Pick<Found, "path" | "inRoot" | "stamp" | "sidecars">;

interface Search extends Place {
  /** Endings of files that belong to each source's store. */
  readonly parts: readonly string[];
}

function filesOf(place: Search, unreadable: Unreadable[]): File[] {
  const files: File[] = [];
  let root: string | undefined;
  try {
    root = canonical(place.root);
  } catch (error) {
    unreadable.push({ path: place.root, reason: errorCode(error) ?? String(error) });
  }
  if (root === undefined) return files;
  const patterns = place.match.map((pattern) => pattern.split("/"));
  walk(root, "", patterns, files, unreadable, place);
  return files;
}

const NO_NAMES: ReadonlySet<string> = new Set();

/** Descends only where a pattern may still match. Links are followed for folders that stay inside the root, never for files. */
function walk(
  folder: string,
  below: string,
  patterns: readonly string[][],
  files: File[],
  unreadable: Unreadable[],
  place: Search,
): void {
  let entries: readonly { readonly name: string; readonly kind: Stat["kind"] }[];
  try {
    entries = sys.list(folder);
  } catch (error) {
    if (!isAbsent(error)) unreadable.push({ path: folder, reason: errorCode(error) ?? String(error) });
    return;
  }
  const names = place.sidecars || place.parts.length > 0 ? new Set(entries.map((e) => e.name)) : NO_NAMES;
  for (const { name, kind } of [...entries].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const rest = patterns.flatMap((pattern) => advance(pattern, name));
    if (rest.length === 0) continue;
    const path = `${folder === "/" ? "" : folder}/${name}`;
    const inRoot = below === "" ? name : `${below}/${name}`;
    if (kind === "file") {
      if (rest.some((p) => p.length === 0)) addFile(path, inRoot, names, files, unreadable, place);
    } else if (kind === "directory")
      walk(
        path,
        inRoot,
        rest.filter((p) => p.length > 0),
        files,
        unreadable,
        place,
      );
  }
}

/** What is left of a pattern after one name; nothing when it does not fit. */
function advance(pattern: string[], name: string): string[][] {
  const [first, ...rest] = pattern;
  if (first === undefined) return [];
  if (first === "**") return [pattern, ...advance(rest, name)];
  return matches(first, name) ? [rest] : [];
}

const compiled = new Map<string, RegExp>();

function matches(glob: string, name: string): boolean {
  if (glob === name) return true;
  if (!glob.includes("*")) return false;
  let regex = compiled.get(glob);
  if (!regex) {
    regex = new RegExp(
      `^${glob
        .split("*")
        .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"))
        .join("[^/]*")}$`,
    );
    compiled.set(glob, regex);
  }
  return regex.test(name);
}

function addFile(
  path: string,
  inRoot: string,
  names: ReadonlySet<string>,
  files: File[],
  unreadable: Unreadable[],
  place: Search,
): void {
  try {
    const stat = ifPresent(() => sys.lstat(path));
    if (stat?.kind !== "file") return;
    files.push({ path, inRoot, stamp: stampOf(stat), sidecars: sidecarsOf(path, names, place) });
  } catch (error) {
    unreadable.push({ path, reason: errorCode(error) ?? String(error) });
  }
}

/** The sidecars that stand in the same folder, by the list of its names: asking for each would cost as much as the walk. */
function sidecarsOf(path: string, names: ReadonlySet<string>, place: Search): Sidecar[] {
  const sidecars: Sidecar[] = [];
  const add = (ending: string, beside: string, isContent: boolean): void => {
    if (!names.has(beside.slice(beside.lastIndexOf("/") + 1))) return;
    const stat = ifPresent(() => sys.lstat(beside));
    if (stat?.kind === "file") sidecars.push({ ending, path: beside, stamp: stampOf(stat), isContent });
  };
  for (const { ending, beside } of place.sidecars ?? [])
    if (path.endsWith(ending)) add(beside, path.slice(0, -ending.length) + beside, true);
  for (const part of place.parts) add(part, path + part, false);
  return sidecars;
}
