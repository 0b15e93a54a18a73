/** Owns finding sources: looks at the places that agents name and tells every file with its stamp. Reads no content. */
import { basename, dirname } from "node:path";
import { type Stamp, sameFile } from "../read/identity.ts";
import type { Agent, Environment, Place, Stream } from "../read/types.ts";
import { platform } from "../system/process.ts";
import { errorCode, ifPresent, isAbsent, readSmallFile, sys } from "../system/system.ts";
import { belongingsOf } from "./sidecars.ts";
import { type File, filesBelow, type Unreadable } from "./walk.ts";

/** One file (with its sidecars) that a stream names; two ways to one file are one source. */
export interface Found extends File {
  readonly agent: Agent;
  readonly stream: Stream;
  /** Below the home in use, or absolute where it lies outside. */
  readonly relative: string;
  /** Those of its place. */
  readonly settings: Place["settings"];
}

/** What SQLite keeps beside a database: a part of the store, so its stamp is part of the source's. */
const DATABASE_PARTS = ["-wal", "-journal"];

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
  const paths = new Paths(homesOf(environment));
  for (const agent of agents) {
    if (choice.agents.length > 0 && !choice.agents.includes(agent.id)) continue;
    const seen = new Map<string, Seen>();
    for (const stream of agent.streams) {
      if (choice.streams.length > 0 && !choice.streams.includes(stream.kind)) continue;
      const parts = stream.shape === "snapshot" && stream.groups.form === "sqlite" ? DATABASE_PARTS : [];
      const others = seen.get(stream.kind) ?? new Map();
      seen.set(stream.kind, others);
      for (const place of placesOf(agent, stream, environment, choice)) {
        for (const one of foundIn(place, parts, agent, stream, paths, unreadable))
          if (isFirst(one.stamp, others)) found.push(one);
      }
    }
  }
  // Several streams look at one folder; it is told once.
  return { found, unreadable: [...new Map(unreadable.map((one) => [one.path, one])).values()] };
}

function foundIn(
  place: Place,
  parts: readonly string[],
  agent: Agent,
  stream: Stream,
  paths: Paths,
  unreadable: Unreadable[],
): Found[] {
  try {
    const root = paths.canonical(place.root);
    if (root === undefined) return [];
    const folder = paths.inHome(root);
    const files = filesBelow(root, place.match, belongingsOf(place, parts), unreadable);
    const found: Found[] = [];
    for (const { path, inRoot, stamp, sidecars } of files) {
      const relative = folder === undefined ? (paths.inHome(path) ?? path) : `${folder}/${inRoot}`;
      const { settings } = place;
      found.push({ agent, stream, path, inRoot, relative: withSlashes(relative), stamp, sidecars, settings });
    }
    return found;
  } catch (error) {
    unreadable.push({ path: place.root, reason: errorCode(error) ?? String(error) });
    return [];
  }
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
    const endings = stream.locate(environment).flatMap((place) => place.sidecars ?? []);
    if (isFolderAt(path))
      return { root: path, match: stream.locate(environment).flatMap((place) => place.match), sidecars: endings };
    const file = realPath(path); // the walk follows no link, but this one was named by hand
    return { root: dirname(file), match: [basename(file)], sidecars: endings };
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
    return new Set(sys.names(folder));
  } catch (error) {
    return isAbsent(error) ? new Set() : undefined; // what cannot be looked at, the walk tells
  }
}

/** Paths as one look at the machine finds them: a folder that was absent then may be there the next time. */
class Paths {
  readonly #homes: readonly string[];
  readonly #canonical = new Map<string, string | undefined>();

  /** `homes`: as `homesOf` gives them. */
  constructor(homes: readonly string[]) {
    this.#homes = homes;
  }

  /** A path with all links resolved; undefined when there is nothing. Throws the system's errors. */
  canonical(path: string): string | undefined {
    if (!this.#canonical.has(path))
      this.#canonical.set(
        path,
        ifPresent(() => sys.realpath(path)),
      );
    return this.#canonical.get(path);
  }

  /** What of a path lies below a home; undefined when it lies outside. */
  inHome(path: string): string | undefined {
    const home = this.#homes.find((root) => isBelow(path, root));
    return home && path.slice(home.length + 1);
  }
}

/** True for a path within this folder. */
export function isBelow(path: string, folder: string): boolean {
  return path.startsWith(folder) && /[\\/]/.test(path[folder.length] ?? "");
}

/** A path as records carry it. Only Windows divides with backslashes; elsewhere they are part of a name. */
function withSlashes(path: string): string {
  return platform === "win32" ? path.replaceAll("\\", "/") : path;
}

/** The homes in use as paths in stores may name them: as they were given, and with all links resolved. */
export function homesOf({ homes }: Environment): readonly string[] {
  return [...new Set(homes.flatMap(({ path }) => [path, realPath(path)]))];
}

/** What cannot be looked at stays as it is: the walk tells of it. */
function realPath(path: string): string {
  try {
    return sys.realpath(path);
  } catch {
    return path;
  }
}

/** Homes that were named but are not there: offline, never a sign that their sessions were deleted. */
function offlineHomes(environment: Environment): Unreadable[] {
  const offline: Unreadable[] = [];
  for (const { path, own } of environment.homes) {
    if (own) continue;
    try {
      if (!ifPresent(() => sys.stat(path))) offline.push({ path, reason: "there is no such folder; is it offline?" });
    } catch (error) {
      offline.push({ path, reason: errorCode(error) ?? String(error) });
    }
  }
  return offline;
}

/** Stores that were named by hand but are not there, or are neither files nor folders. */
function missingSources({ sources }: Choice): Unreadable[] {
  return sources.flatMap(({ path }) => {
    try {
      return sys.stat(path).kind === "other" ? [{ path, reason: "ENOTFILE" }] : [];
    } catch (error) {
      if (isAbsent(error)) return [{ path, reason: "ENOENT" }];
      return errorCode(error) === "ELOOP" ? [{ path, reason: "ELOOP" }] : []; // else the walk of its folder tells why
    }
  });
}
