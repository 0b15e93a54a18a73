/** Owns reading the archive back: the committed lines of every segment, never a byte beyond. */
import { type Database, isDamaged } from "../system/database.ts";
import { WeirError } from "../system/errors.ts";
import { ifPresent, lstatIfPresent, sys } from "../system/system.ts";
import { type DataFolder, dataFolder, noArchive } from "./folder.ts";
import { bySegmentName, completeLength, installOf, listSegments, parseSegmentName, tooShort } from "./segment.ts";
import { damagedState, getMeta, openStateForReading } from "./state.ts";
import { refuseOlder, witnessed } from "./witness.ts";

/** What fits into a core's second-level cache while its lines are looked at. */
export const CHUNK = 1 << 18;

/** A segment to read and how far. */
export interface ReadableSegment {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
}

/** An archive held as one moment saw it: nothing that it lists is removed before it is disposed of. */
export interface ArchiveReader extends Disposable {
  readonly segments: readonly ReadableSegment[];
}

/**
 * The segments of an archive as one moment sees them: this installation's at their committed lengths, those that other
 * installations put into the folder up to their last complete line. It holds a read transaction on the state, which
 * retention waits for before it removes a file. Throws `damaged` when a segment is shorter than committed, `failed` when
 * there is no archive at all.
 */
export function openReader(path: string): ArchiveReader {
  const folder = dataFolder(path);
  const state = committedState(folder);
  try {
    const segments = segmentsOf(folder, state);
    return { segments, [Symbol.dispose]: () => state?.db.close() };
  } catch (error) {
    state?.db.close();
    throw error;
  }
}

interface CommittedState {
  /** In a read transaction. */
  readonly db: Database;
  /** The first characters of this installation's id; empty while a writer is only just making the state. */
  readonly install: string;
  readonly segments: readonly { readonly name: string; readonly bytes: number; readonly pruned: number }[];
}

function segmentsOf(folder: DataFolder, state: CommittedState | undefined): ReadableSegment[] {
  const known = new Map(state?.segments.map((s) => [s.name, s]));
  const names = new Set(listSegments(folder.archive));
  if (names.size === 0 && known.size === 0 && !ifPresent(() => sys.stat(folder.path))) throw noArchive(folder.path);
  for (const [name, s] of known) if (!s.pruned) names.add(name);
  const readable: ReadableSegment[] = [];
  for (const name of [...names].sort(bySegmentName)) {
    const file = `${folder.archive}/${name}`;
    const committed = known.get(name);
    if (committed?.pruned) continue;
    // A segment of ours that this moment does not know is a writer's next one, not yet committed.
    if (!committed && parseSegmentName(name)?.install === state?.install) continue;
    const size = lstatIfPresent(file)?.size;
    if (committed && (size ?? -1) < committed.bytes) throw tooShort(file, committed.bytes, size);
    readable.push({ name, path: file, bytes: committed?.bytes ?? completeLength(file) });
  }
  return readable;
}

function committedState(folder: DataFolder): CommittedState | undefined {
  if (!ifPresent(() => sys.stat(folder.state))?.size) return undefined;
  const commits = witnessed(folder);
  const db = openStateForReading(folder.state);
  if (db === undefined) return undefined;
  try {
    db.run("BEGIN");
    refuseOlder(db, folder, commits);
    const segments = db.query("SELECT name, bytes, pruned FROM segment").all() as CommittedState["segments"];
    return { db, install: installOf(getMeta(db, "install") ?? ""), segments };
  } catch (error) {
    db.close();
    if (isDamaged(error)) throw damagedState(folder.state, error);
    throw error;
  }
}

/** The lines of `[0, bytes)` of a segment, without their newlines, at the memory of a chunk and the longest line. */
export function* readSegmentLines(path: string, bytes: number): Generator<string> {
  for (const chunk of wholeLines(path, bytes)) yield* linesOf(chunk);
}

/** A chunk's lines. Where it is ASCII it becomes a text as a whole, which is cheaper than line by line. */
function linesOf(chunk: Buffer): string[] {
  const text = chunk.toString("utf8");
  const isAscii = text.length === chunk.length;
  const lines: string[] = [];
  for (let start = 0; start < chunk.length; ) {
    const end = isAscii ? text.indexOf("\n", start) : chunk.indexOf(10, start);
    lines.push(isAscii ? text.slice(start, end) : chunk.toString("utf8", start, end));
    start = end + 1;
  }
  return lines;
}

/**
 * `[0, bytes)` of a segment in chunks of whole lines, each with its newline; a chunk holds until the next one. They are read
 * into the bytes that are given, as long as each line fits.
 */
export function* wholeLines(path: string, bytes: number, into?: Buffer): Generator<Buffer> {
  const fd = sys.open(path, 0);
  try {
    let buffer = into ?? Buffer.allocUnsafeSlow(Math.min(CHUNK, Math.max(bytes, 1)));
    let held = 0;
    for (let position = 0; position < bytes; ) {
      if (held === buffer.length) buffer = Buffer.concat([buffer], held * 2);
      const got = sys.read(fd, buffer, held, Math.min(buffer.length - held, bytes - position), position);
      if (got === 0) throw new WeirError("damaged", `the archive is damaged: ${path} ends before byte ${bytes}`);
      position += got;
      const end = buffer.subarray(0, held + got).lastIndexOf(10, held + got - 1) + 1;
      held += got;
      if (end === 0) continue;
      yield buffer.subarray(0, end);
      buffer.copyWithin(0, end, held);
      held -= end;
    }
  } finally {
    sys.close(fd);
  }
}
