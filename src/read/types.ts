/** Owns the contract between weir and an agent's file: where a store is, which of two shapes it has, how it is reduced. */
import type { Draft, Emit } from "../record/draft.ts";
import type { JsonObject } from "../record/json.ts";

export type { Draft, Emit, JsonObject };

export type Platform = "linux" | "darwin" | "win32";

/** A home folder to look under. */
export interface Home {
  readonly path: string;
  /** The account's, looked under because none was given. */
  readonly own: boolean;
  /** Whose folder layouts are probed: the platform's own, or all of them below another home. */
  readonly layouts: readonly Platform[];
}

/** All that an agent may know of the machine. */
export interface Environment {
  readonly homes: readonly Home[];
  /** An environment variable; none applies to homes that were given, for they may be anybody's. */
  variable(name: string): string | undefined;
  /** A settings file (JSON with comments) of any home, parsed; undefined where none can be read. Given by `discover`. */
  settings?(path: string): unknown;
  /** The names in a folder; none where there is no such folder, undefined where it cannot be looked at. Given by `discover`. */
  names?(folder: string): ReadonlySet<string> | undefined;
}

/** Where desktop programs keep their settings and data, for each layout of a home; variables move it. */
export function settingsFolders({ path, layouts }: Home, variable: Environment["variable"]): string[] {
  const folders = {
    linux: variable("XDG_CONFIG_HOME") || `${path}/.config`,
    darwin: `${path}/Library/Application Support`,
    win32: variable("APPDATA") || `${path}/AppData/Roaming`,
  };
  return layouts.map((layout) => folders[layout]);
}

/** A folder and the files in it that are sources. */
export interface Place {
  readonly root: string;
  /** Patterns below the root: `*` within a name, `**` any folders. */
  readonly match: readonly string[];
  /** Files that belong to a source. Their content comes parsed. */
  readonly sidecars?: readonly SidecarPlace[];
  /**
   * What the agent's settings say of its sources, as they stand when a source is read from its start. Unlike a sidecar it
   * is for what never changes of a source: other settings later have nothing read again.
   */
  readonly settings?: JsonObject | undefined;
}

/** True for a path that says where it is on any platform, wherever a program was started. */
export function isAbsolute(path: string): boolean {
  return /^(?:[\\/]|[A-Za-z]:)/.test(path);
}

/** The place of one file, given by its absolute path. */
export function placeOf(file: string): Place {
  const slash = Math.max(file.lastIndexOf("/"), file.lastIndexOf("\\"));
  return { root: file.slice(0, slash) || "/", match: [file.slice(slash + 1)] };
}

/** A folder as settings name it, `~` being the home; one that depends on where the program was started is not to be found. */
export function namedFolder(folder: string | undefined, home: Home): string | undefined {
  const path = folder?.replace(/^~(?=$|[\\/])/, home.path);
  return path !== undefined && isAbsolute(path) ? path : undefined;
}

/** Where the sidecars of sources with this ending are. */
export interface SidecarPlace {
  readonly ending: string;
  /**
   * What stands in the place of the ending. With a `/` in it: a path from the source's folder, whose last name is a
   * pattern; `{stem}` stands for the source's name without the ending, `{folder}` for that of its folder.
   */
  readonly beside: string;
}

/** What a reducer may know of its source. Paths use `/` on every platform. */
export interface SourceInfo {
  /** Below the place's root. */
  readonly path: string;
  /** The file's name without its last ending, and without what marks a copy that somebody made. */
  readonly stem: string;
  /** The parsed sidecars that are there: by their ending, those of another folder by their name. */
  readonly sidecars: Readonly<Record<string, unknown>>;
  /** Those of its place. */
  readonly settings?: JsonObject | undefined;
}

interface StreamBase {
  /** `transcript`, `otel_traces`, ... */
  readonly kind: string;
  /** Which stream is believed where several tell one fact; higher wins. */
  readonly rank: number;
  /**
   * It tells when each call began as the call's span does, to the millisecond, and the same tokens: a call that only it or
   * only a stream of spans tells is a call of its own.
   */
  readonly moments?: true;
  /** Raised when the reducer learns to count better: sources that are still there are then read again. */
  readonly version: number;
  locate(environment: Environment): readonly Place[];
  /** The session that a source belongs to, as far as its path tells; for `scan`. */
  session(path: string): string | undefined;
}

/** Append-only lines. State is plain JSON at every cut and is kept with the cursor. */
export interface Tail<S> extends StreamBase {
  readonly shape: "tail";
  /** What the reducer looks at in a line, where it leaves texts alone: the rest is never decoded. Absent: all of it. */
  readonly reads?: Reads;
  start(source: SourceInfo): S;
  step(state: S, line: Line, emit: Emit): void;
  /** Tells again what is still open; called at the end of every sync that read the source. */
  open(state: S, emit: Emit): void;
}

/** Rows or documents that change. A changed group comes whole; what of it is archived already is dropped. */
export interface Snapshot extends StreamBase {
  readonly shape: "snapshot";
  readonly groups: Documents | Tables;
  /** Stateless and pure: tells all facts of one whole group. */
  reduce(group: Group, source: SourceInfo, emit: Emit): void;
}

/** Each file is one group: one JSON value, or JSON Lines that may replace each other. */
export interface Documents {
  readonly form: "json" | "jsonl";
  /** What the reducer looks at in a document, of a list in each of its items; see `Tail.reads`. */
  readonly reads?: Reads;
}

/** Each SQLite database holds many groups. */
export interface Tables {
  readonly form: "sqlite";
  /**
   * The layouts that are understood. Of those with one name the first whose tables and columns are all there is read;
   * those with different names are all read.
   */
  readonly layouts: readonly Layout[];
  /** Nothing else is kept in these databases: one with tables of which no layout fits cannot be read. Else it is counted. */
  readonly strict?: true;
}

/** How one layout of a database is read. Only ordinary tables are, columns by name; generated columns count as absent. */
export interface Layout {
  readonly name: string;
  /** Tables and their columns that must be there. */
  readonly needs: Readonly<Record<string, readonly string[]>>;
  /** Columns that may be absent: the SQL writes them `{table.column}`, which becomes `table.column` or `NULL`. */
  readonly optional?: Readonly<Record<string, readonly string[]>>;
  /**
   * One row a group: its key (a text or a number), then whatever changes when the group does. Reads no content. The
   * groups come to the reducer in this order.
   */
  readonly index: string;
  /**
   * The group's rows by name; `?1` is a JSON list of group keys, the first column of each row is its group's key, and
   * no two columns have one name. All queries of a page see one moment of the database.
   */
  readonly rows: Readonly<Record<string, string>>;
  /** When texts are captured, these are asked beside those of `rows`, and in the place of one of the same name. */
  readonly texts?: Readonly<Record<string, string>>;
  /**
   * Where the newest rows end, as one row: kept with the source and shown by `scan`, but for columns that begin with
   * `_`. It saves no work and skips nothing.
   */
  readonly cursor?: string;
  /** How many rows came after a kept cursor, `?1` as a JSON object, and are gone from their places without having been read. */
  readonly pruned?: string;
  /** Groups that are read at once; 500 unless the groups are large. With their texts fewer of large ones are. */
  readonly page?: number;
  /** For tables of very many small rows: how they are compared and read in their own order. */
  readonly blocks?: Blocks;
}

/**
 * A part of a layout whose rows are very many, each with named values in a table of its own. Texts of blocks of both
 * tables are compared, so `index` tells the groups' keys only; where nothing is known yet, everything is read from
 * these texts, in the order in which it was written. A block is the rows whose numbers differ in their last bits only, so
 * sizes are powers of two. Keys are texts.
 */
export interface Blocks {
  /** The part, and the columns that its rows have in `rows`: what is read of a row as a list, and its values by name. */
  readonly part: string;
  readonly row: string;
  readonly values: string;
  /** The table of the rows, how many row numbers a block of it has, and the columns of a group's key and a row's own. */
  readonly table: string;
  readonly size: number;
  readonly group: string;
  readonly key: string;
  /** What is read of a row, as SQL that never gives bytes. */
  readonly columns: readonly string[];
  readonly details: Details;
}

/** The table of the named values of rows. */
export interface Details {
  readonly table: string;
  readonly size: number;
  /** Columns: the key of the row, the value's name. */
  readonly of: string;
  readonly name: string;
  /** The value, as SQL that never gives bytes. */
  readonly value: string;
  /** Names that are not read. */
  readonly silent: readonly string[];
  /** Columns of rows, by the names of the values that they repeat: those are not read from blocks. */
  readonly repeated: Readonly<Record<string, string>>;
}

/** Values by column: texts, numbers (REALs as exact doubles), null, bytes; integers beyond 2^53 are bigints. */
export type Row = Readonly<Record<string, unknown>>;

/** One group, whole. */
export interface Group {
  readonly key: string;
  /** Of a `json` document. */
  readonly document?: unknown;
  /** Of a `jsonl` document: the lines that are JSON objects, in their order. */
  readonly lines?: readonly JsonObject[];
  /** Of a database: by the names of the layout's `rows`. */
  readonly rows?: Readonly<Record<string, readonly Row[]>>;
  /** Of a database: the layout's name. */
  readonly layout?: string;
}

export type Stream = Tail<unknown> | Snapshot;

export interface Agent {
  readonly id: string;
  readonly title: string;
  /** What the agent deletes by itself, and when. */
  readonly retention: string;
  /** Read from documents of its formats alone: no store that the agent itself wrote has been tried. */
  readonly unverified?: true;
  readonly streams: readonly Stream[];
}

/**
 * How much is read of a text: at least so many of its first characters (UTF-16 units), or of its first and its last ones,
 * joined. A shorter text is read whole.
 */
export type Excerpt = number | readonly [head: number, tail: number];

/**
 * What is read of a value. `true`: all of it; an excerpt: that much of a text; keys: of an object these, of each of a list's
 * items the same.
 */
export type Shape = true | Excerpt | Keys;

/**
 * ASCII keys. `""` is what is read of a text that stands here in an object's place (nothing without it), `*` stands for
 * every other key. Keys may stand within themselves.
 */
export interface Keys {
  readonly [key: string]: Shape;
}

/** Keys of which all is read. */
export function whole(...keys: readonly string[]): Keys {
  return Object.fromEntries(keys.map((key) => [key, true]));
}

/** What is read of a line. */
export interface Reads {
  readonly keys: Keys;
  /** Those of its keys that lines mostly repeat from the line before: they are told as the line's frame. */
  readonly repeated?: readonly string[];
}

/** One line of a store. */
export interface Line {
  readonly offset: number;
  /**
   * The line's object, no more of it than the stream `reads` unless texts are captured. Throws `BadLine` when what is
   * read is no JSON object in valid UTF-8.
   */
  json(): JsonObject;
  /** An object with at least the repeated keys of the line whose `json` was asked for last; one object while they repeat. */
  readonly frame: JsonObject;
  /** The whole line as text. Throws `BadLine` when it is not valid UTF-8. */
  text(): string;
}

/** Makes a tail of a typed state one of the registry's streams. */
export function tail<S>(stream: Omit<Tail<S>, "shape">): Stream {
  return { ...stream, shape: "tail" } as unknown as Stream;
}

/** Makes a snapshot one of the registry's streams. */
export function snapshot(stream: Omit<Snapshot, "shape">): Stream {
  return { ...stream, shape: "snapshot" };
}
