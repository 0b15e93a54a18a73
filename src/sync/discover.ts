/** Owns finding sources: walks the places that agents name and tells every file with its stamp. Reads no content. */
import { type Stamp, sameFile, stampOf } from "../read/identity.ts";
import type { Agent, Environment, Place, Stream } from "../read/types.ts";
import { errorCode, ifPresent, isAbsent, readSmallFile, type Stat, sys } from "../system/system.ts";
import { matches } from "./glob.ts";
import { type Belongings, belongingsOf, besideNames, type Sidecar, sidecarsOf } from "./sidecars.ts";

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
export function discover(agents: readonly Agent[], given: Environment, choice: Choice): Discovery {
  const environment: Environment = { settings: settingsAt, names: namesOf(), ...given };
  const found: Found[] = [];
  const unreadable: Unreadable[] = [...offlineHomes(environment), ...missingSources(choice)];
  canonicalPaths.clear();
  for (const agent of agents) {
    if (choice.agents.length > 0 && !choice.agents.includes(agent.id)) continue;
    const seen = new Map<string, Seen>();
    for (const stream of agent.streams) {
      if (choice.streams.length > 0 && !choice.streams.includes(stream.kind)) continue;
      const parts = stream.shape === "snapshot" && stream.groups.form === "sqlite" ? DATABASE_PARTS : [];
      const others = seen.get(stream.kind) ?? new Map();
      seen.set(stream.kind, others);
      for (const place of placesOf(agent, stream, environment, choice)) {
        const belongings = belongingsOf(place, parts);
        look(place, environment, { agent, stream, belongings, seen: others, found, unreadable });
      }
    }
  }
  // Several streams look at one folder; it is told once.
  return { found, unreadable: [...new Map(unreadable.map((one) => [one.path, one])).values()] };
}

/** The files that streams of one kind have been given, by their inodes: one, or where several devices use it, each. */
type Seen = Map<number, Stamp | Stamp[]>;

/** False for a hard link or a second way to a file that a stream of this kind has been given already. */
function isFirst(stamp: Stamp, seen: Seen): boolean {
  const others = seen.get(stamp.ino);
  if (others === undefined) {
    seen.set(stamp.ino, stamp);
    return true;
  }
  const all = Array.isArray(others) ? others : [others];
  if (all.some((other) => sameFile(other, stamp))) return false;
  seen.set(stamp.ino, [...all, stamp]);
  return true;
}

function placesOf(agent: Agent, stream: Stream, environment: Environment, choice: Choice): readonly Place[] {
  if (choice.sources.length === 0) return stream.locate(environment);
  const named = choice.sources.filter(
    (s) => s.agent === agent.id && s.stream === stream.kind && isFormOf(s.path, stream, agent, environment),
  );
  return named.map(({ path }) => {
    const slash = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"));
    const endings = stream.locate(environment).flatMap((place) => place.sidecars ?? []);
    const isFolder = isFolderAt(path);
    const match = isFolder ? stream.locate(environment).flatMap((place) => place.match) : [path.slice(slash + 1)];
    return { root: isFolder ? path : path.slice(0, slash) || "/", match, sidecars: endings };
  });
}

/** What cannot be looked at is taken for a file: then the walk of its folder tells why. */
function isFolderAt(path: string): boolean {
  try {
    return sys.stat(path).kind === "directory";
  } catch {
    return false;
  }
}

/** Two streams of one kind are two forms of a store, told apart by how their files end. */
function isFormOf(path: string, stream: Stream, agent: Agent, environment: Environment): boolean {
  const others = agent.streams.filter((other) => other !== stream && other.kind === stream.kind);
  const endsLike = (one: Stream): boolean =>
    one.locate(environment).some(({ match }) => match.some((m) => path.endsWith(m.slice(m.lastIndexOf("*") + 1))));
  return others.length === 0 || endsLike(stream) || !others.some(endsLike);
}

const SETTINGS_LIMIT = 4 << 20;

/** A settings file as its program reads it: JSON with comments and trailing commas. */
function settingsAt(path: string): unknown {
  try {
    return Bun.JSONC.parse(Buffer.from(readSmallFile(path, SETTINGS_LIMIT)).toString("utf8"));
  } catch {
    return undefined; // absent, unreadable or no JSON: then nothing is known of what it sets
  }
}

/** Lists each folder once. */
function namesOf(): NonNullable<Environment["names"]> {
  const known = new Map<string, ReadonlySet<string> | undefined>();
  return (folder) => {
    if (!known.has(folder)) known.set(folder, namesIn(folder));
    return known.get(folder);
  };
}

function namesIn(folder: string): ReadonlySet<string> | undefined {
  try {
    return new Set(sys.list(folder).map(({ name }) => name));
  } catch (error) {
    return isAbsent(error) ? new Set() : undefined; // what cannot be looked at, the walk tells
  }
}

function pathInHome(path: string, environment: Environment): string | undefined {
  for (const home of environment.homes) {
    for (const root of [home.path, canonical(home.path)]) {
      if (root && path.startsWith(root) && /[\\/]/.test(path[root.length] ?? "")) return path.slice(root.length + 1);
    }
  }
  return undefined;
}

function withSlashes(path: string): string {
  return path.includes("\\") ? path.replaceAll("\\", "/") : path;
}

/** Homes that were named but are not there: offline, never a sign that their sessions were deleted. */
function offlineHomes(environment: Environment): Unreadable[] {
  const offline: Unreadable[] = [];
  for (const { path, own } of environment.homes) {
    if (own) continue;
    try {
      if (!ifPresent(() => sys.stat(path))) offline.push({ path, reason: "offline: there is no such folder now" });
    } catch (error) {
      offline.push({ path, reason: errorCode(error) ?? String(error) });
    }
  }
  return offline;
}

/** Stores that were named by hand but are not there. */
function missingSources({ sources }: Choice): Unreadable[] {
  return sources.flatMap(({ path }) => {
    try {
      sys.stat(path);
      return [];
    } catch (error) {
      return isAbsent(error) ? [{ path, reason: "ENOENT" }] : []; // else the walk of its folder tells why
    }
  });
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

/** One stream's search: where what it finds is told. */
interface Search extends Pick<Found, "agent" | "stream"> {
  readonly belongings: Belongings;
  readonly seen: Seen;
  readonly found: Found[];
  readonly unreadable: Unreadable[];
}

/** A place that is searched. */
interface Searched extends Search {
  /** A file's path below the home in use. */
  relativeOf(path: string, inRoot: string): string;
}

function look(place: Place, environment: Environment, search: Search): void {
  try {
    const root = canonical(place.root);
    if (root === undefined) return;
    const inHome = pathInHome(root, environment);
    const relativeOf = (path: string, inRoot: string): string =>
      withSlashes(inHome === undefined ? (pathInHome(path, environment) ?? path) : `${inHome}/${inRoot}`);
    walk(root, "", place.match.map(patternOf), { ...search, relativeOf });
  } catch (error) {
    search.unreadable.push({ path: place.root, reason: errorCode(error) ?? String(error) });
  }
}

/** Descends only where a pattern may still match. Links are followed for folders that stay inside the root, never for files. */
function walk(folder: string, below: string, patterns: readonly Pattern[], search: Searched): void {
  let entries: readonly { readonly name: string; readonly kind: Stat["kind"] }[];
  try {
    entries = sys.list(folder);
  } catch (error) {
    if (!isAbsent(error)) search.unreadable.push({ path: folder, reason: errorCode(error) ?? String(error) });
    return;
  }
  const names = besideNames(entries, search.belongings);
  const before = folder === "/" ? "/" : `${folder}/`;
  const belowBefore = below === "" ? "" : `${below}/`;
  for (const { name, kind } of [...entries].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (kind === "file") {
      if (patterns.some((pattern) => isMetBy(pattern, name))) addFile(before + name, belowBefore + name, names, search);
    } else if (kind === "directory") {
      const rest: Pattern[] = [];
      for (const pattern of patterns) advance(pattern, name, rest);
      if (rest.length > 0) walk(before + name, belowBefore + name, rest, search);
    }
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

function addFile(path: string, inRoot: string, names: ReadonlySet<string>, search: Searched): void {
  const { agent, stream, belongings, seen, found, unreadable } = search;
  try {
    const stat = ifPresent(() => sys.lstat(path));
    if (stat?.kind !== "file") return;
    const stamp = stampOf(stat);
    const sidecars = sidecarsOf(path, names, belongings);
    const relative = search.relativeOf(path, inRoot);
    if (isFirst(stamp, seen)) found.push({ agent, stream, path, inRoot, relative, stamp, sidecars });
  } catch (error) {
    unreadable.push({ path, reason: errorCode(error) ?? String(error) });
  }
}
