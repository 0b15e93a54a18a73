/** Owns the contract between weir and an agent's file: where a store is, which of two shapes it has, how it is reduced. */
import type { Draft, Emit } from "../record/draft.ts";
import type { JsonObject } from "../record/json.ts";

export type { Draft, Emit, JsonObject };

export type Platform = "linux" | "darwin" | "win32";

/** A home folder to look under. Overrides (`CLAUDE_CONFIG_DIR`, XDG, ...) apply to the own home only. */
export interface Home {
  readonly path: string;
  readonly own: boolean;
  /** Whose folder layouts are probed: the platform's own, or all of them below another home. */
  readonly layouts: readonly Platform[];
}

/** All that an agent may know of the machine. */
export interface Environment {
  readonly homes: readonly Home[];
  /** An environment variable, of the own home only. */
  variable(name: string): string | undefined;
}

/** A folder and the files in it that are sources. */
export interface Place {
  readonly root: string;
  /** Patterns below the root: `*` within a name, `**` any folders. */
  readonly match: readonly string[];
  /** Files beside a source that belong to it: the source's ending and the sidecar's. Their content comes parsed. */
  readonly sidecars?: readonly { readonly ending: string; readonly beside: string }[];
}

/** What a reducer may know of its source. Paths use `/` on every platform. */
export interface SourceInfo {
  /** Below the place's root. */
  readonly path: string;
  /** The file's name without its last ending. */
  readonly stem: string;
  /** The parsed sidecars that are there, by their ending. */
  readonly sidecars: Readonly<Record<string, unknown>>;
}

interface StreamBase {
  /** `transcript`, `otel_traces`, ... */
  readonly kind: string;
  /** Which stream is believed where several tell one fact; higher wins. */
  readonly rank: number;
  /** Raised when the reducer learns to count better: sources that are still there are then read again. */
  readonly version: number;
  locate(environment: Environment): readonly Place[];
  /** The session that a source belongs to, as far as its path tells; for `scan`. */
  session(path: string): string | undefined;
}

/** Append-only lines. State is plain JSON at every cut and is kept with the cursor. */
export interface Tail<S> extends StreamBase {
  readonly shape: "tail";
  start(source: SourceInfo): S;
  step(state: S, line: Line, emit: Emit): void;
  /** Tells again what is still open; called at the end of every sync that read the source. */
  open(state: S, emit: Emit): void;
}

export type Stream = Tail<unknown>;

export interface Agent {
  readonly id: string;
  readonly title: string;
  /** What the agent deletes by itself, and when. */
  readonly retention: string;
  readonly streams: readonly Stream[];
}

/** A part of a line that is left out unread: from after `from` to before the first of `to` that follows. */
export interface Cut {
  /** ASCII text that ends where the part begins. */
  readonly from: string;
  /** ASCII texts of which one begins where the part ends, tried in this order. */
  readonly to: readonly string[];
  /** Where none of `to` follows, the part ends the line's object. */
  readonly last?: boolean;
  /** The line may lack the part. */
  readonly optional?: boolean;
}

/** The bytes that a cut leaves out: enough to tell what they are, without decoding them. */
export interface Part {
  /** The first 256 bytes, one character a byte. */
  readonly head: string;
  has(ascii: string): boolean;
}

/** One line, read no further than asked for. */
export interface Line {
  readonly offset: number;
  readonly length: number;
  /** The first 1024 bytes, one character a byte: for finding ASCII, never for values. */
  readonly head: string;
  /** True when the line's bytes contain this ASCII text. */
  has(ascii: string): boolean;
  /** The bytes that a cut would leave out; undefined when it does not fit. */
  part(cut: Cut): Part | undefined;
  /**
   * The line's object with each cut part replaced by null, without decoding these parts. Undefined when the cuts do
   * not fit or what is left is no JSON object: then `json` decides.
   */
  envelope(cuts: readonly Cut[]): JsonObject | undefined;
  /** The whole line. Throws `BadLine` when it is no JSON object in valid UTF-8. */
  json(): JsonObject;
}

/** Makes a tail of a typed state one of the registry's streams. */
export function tail<S>(stream: Omit<Tail<S>, "shape">): Stream {
  return { ...stream, shape: "tail" } as unknown as Stream;
}
