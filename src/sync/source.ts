/** Owns what every kind of source has in common: its row, its info for the reducer, its place in the quarantine. */
import type { SourceRow, StoredSource } from "../archive/sources.ts";
import { markOf } from "../read/identity.ts";
import type { BadBytes } from "../read/tail.ts";
import type { SourceInfo } from "../read/types.ts";
import { originalName } from "../record/copies.ts";
import { safeName, withoutHome } from "../record/privacy.ts";
import { errorCode, readSmallFile, sys } from "../system/system.ts";
import type { Found } from "./discover.ts";
import { sidecarStamp } from "./match.ts";
import type { Work } from "./sync.ts";

/** As much as a document may have. */
const SIDECAR_LIMIT = 256 << 20;

/** What summaries call a source's stream. */
export function streamName({ agent, stream }: Pick<Found, "agent" | "stream">): string {
  return `${agent.id}/${stream.kind}`;
}

/** How far a source was read, and what of it is not as it was found. */
type Standing = Pick<SourceRow, "id" | "size" | "position" | "generation"> &
  Partial<Pick<SourceRow, "sidecars" | "readAt">>;

/** The row of a source as it stands when this sync leaves it. */
export function rowOf(found: Found, now: Standing): StoredSource {
  const { sidecars = sidecarStamp(found), readAt = sys.now(), size } = now;
  const { dev, ino, birth, mtime, ctime } = found.stamp;
  const { version } = found.stream;
  return {
    id: now.id,
    agent: found.agent.id,
    stream: found.stream.kind,
    path: found.path,
    relative: found.relative,
    dev,
    ino,
    birth,
    size,
    mtime,
    ctime,
    sidecars,
    readAt,
    version,
    mark: size < 0 ? 0 : markOf({ dev, ino, birth, size, mtime, ctime }, version, sidecars),
    position: now.position,
    generation: now.generation,
  };
}

/** A source's path as records tell it. */
export function toldPath({ relative }: Pick<Found, "relative">, { homes }: Pick<Work, "homes">): string {
  return safeName(withoutHome(relative, homes));
}

/** The row of a source that no sync has read. */
export function newRow(found: Found, work: Work): StoredSource {
  const id = work.archive.sources.added(found.agent.id, found.stream.kind, [toldPath(found, work), found.relative]);
  return rowOf(found, { id, size: -1, position: 0, generation: 0 });
}

export interface Info {
  /** What the reducer may know of its source. */
  readonly source: SourceInfo;
  /** What the row is to remember of the sidecars; nothing when one could not be read, so that the next run looks again. */
  readonly sidecars: string;
}

/** Reads a source's sidecars. One that cannot be read is told and left out. */
export function infoOf(found: Found, { summary }: Work): Info {
  const { inRoot, sidecars, settings } = found;
  const name = inRoot.slice(inRoot.lastIndexOf("/") + 1);
  const parsed: Record<string, unknown> = {};
  let remembered = sidecarStamp(found);
  for (const { ending, path, isContent } of sidecars) {
    if (!isContent) continue;
    try {
      parsed[ending] = JSON.parse(new TextDecoder().decode(readSmallFile(path, SIDECAR_LIMIT)));
    } catch (error) {
      const reason = error instanceof SyntaxError ? "not JSON" : (errorCode(error) ?? (error as Error).message);
      summary.unreadable.push({ path, reason });
      if (!(error instanceof SyntaxError)) remembered = "";
    }
  }
  return {
    source: { path: inRoot, stem: originalName(name.replace(/\.[^.]*$/, "")), sidecars: parsed, settings },
    sidecars: remembered,
  };
}

/** Why a reducer gave up: the kind of the error and where. Its message may quote what was read, and is told nowhere. */
export function reasonOf(error: unknown): string {
  const { name, message, stack = "" } = error as Error;
  const place = /^ +at (?:async )?([\w.$#]+) \(/m.exec(stack.replace(message, ""))?.[1];
  return place === undefined ? name : `${name} in ${place}`;
}

/** Sets bytes aside, once: counted and told in this run, remembered with their hash, never with their text. */
export function quarantine(found: Found, row: Pick<SourceRow, "id" | "generation">, bad: BadBytes, work: Work): void {
  const { offset, length, hash } = bad;
  const reason = safeName(bad.reason);
  const { id: source, generation } = row;
  if (!work.archive.sources.setAside({ source, generation, position: offset, length, hash, reason })) return;
  work.summary.quarantined.push({ path: found.path, offset, length, reason });
}
