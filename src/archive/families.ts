/** Owns reading what counts a family of sessions at a time: one pass that notes places, then each family's own lines. */
import type { WeirRecord } from "../record/schema.ts";
import { readAt, sys } from "../system/system.ts";
import { asCounted, BETWEEN_PAUSES, parseRecord } from "./counting.ts";
import { Counter, type RankOf, type Verdict } from "./counts.ts";
import { type ReadableSegment, readSegmentLines } from "./read.ts";
import { parseSegmentName } from "./segment.ts";

/** Lines that lie this close are read in one go. */
const GAP = 1 << 16;
/** The most that is read in one go. */
const STRETCH = 4 << 20;
/** Sessions that nothing joins, and records without a session, are handed out in parts of this many. */
const LOOSE = 2000;

/** A session with all sessions that it spawned, and theirs; or records that have no session. */
export interface Family {
  /** The session that was not spawned by another one of the archive; absent for records without a session. */
  readonly root: string | undefined;
  readonly records: readonly WeirRecord[];
  /** The segments that hold them, by their place in the list. */
  readonly segments: readonly number[];
  /** When the first of them was archived (midnight, UTC): for records that nobody told the time of. */
  readonly archived: string;
}

/** Where each line of the archive is, and whose it is. */
class Places {
  #segment = new Uint32Array(1 << 12);
  #offset = new Float64Array(1 << 12);
  #length = new Uint32Array(1 << 12);
  #session = new Int32Array(1 << 12);
  count = 0;

  add(segment: number, offset: number, length: number, session: number): void {
    if (this.count === this.#segment.length) this.#grow();
    this.#segment[this.count] = segment;
    this.#offset[this.count] = offset;
    this.#length[this.count] = length;
    this.#session[this.count] = session;
    this.count++;
  }

  #grow(): void {
    const twice = this.count * 2;
    const [segment, offset, length, session] = [this.#segment, this.#offset, this.#length, this.#session];
    this.#segment = new Uint32Array(twice);
    this.#offset = new Float64Array(twice);
    this.#length = new Uint32Array(twice);
    this.#session = new Int32Array(twice);
    this.#segment.set(segment);
    this.#offset.set(offset);
    this.#length.set(length);
    this.#session.set(session);
  }

  segment = (at: number): number => this.#segment[at] ?? 0;
  offset = (at: number): number => this.#offset[at] ?? 0;
  length = (at: number): number => this.#length[at] ?? 0;
  session = (at: number): number => this.#session[at] ?? -1;
}

/** Session names as numbers, and who spawned whom. */
class Sessions {
  readonly #numbers = new Map<string, number>();
  readonly names: string[] = [];
  readonly #parent: number[] = [];

  numberOf(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const number = this.names.push(name) - 1;
    this.#numbers.set(name, number);
    this.#parent[number] = -1;
    return number;
  }

  /** Notes a spawner; the smallest name wins where records disagree, so that their order does not matter. */
  spawned(child: number, by: string): void {
    const parent = this.numberOf(by);
    const before = this.#parent[child] ?? -1;
    if (parent !== child && (before < 0 || by < (this.names[before] ?? ""))) this.#parent[child] = parent;
  }

  rootOf(session: number): number {
    let at = session;
    const seen = new Set<number>();
    for (let up = this.#parent[at] ?? -1; up >= 0 && !seen.has(at); up = this.#parent[at] ?? -1) {
      seen.add(at);
      at = up;
    }
    return seen.has(at) ? Math.min(...seen) : at; // sessions that name each other in a circle have no root of their own
  }
}

export interface Families {
  /** Records that count. */
  readonly records: number;
  /** Families in the order in which their first line was archived. Throws `damaged` for a line that is no record. */
  [Symbol.iterator](): Iterator<Family>;
}

/**
 * Goes once through the archive to see what counts and where it is; then gives one family at a time. `pause` is called
 * every now and then, so that a stop signal is heard; it may throw.
 */
export async function familiesOf(
  segments: readonly ReadableSegment[],
  rankOf: RankOf,
  pause: () => Promise<void> = async () => undefined,
): Promise<Families> {
  const counter = new Counter(rankOf);
  const places = new Places();
  const sessions = new Sessions();
  for (const [number, { path, bytes }] of segments.entries()) {
    let offset = 0;
    for (const line of readSegmentLines(path, bytes)) {
      const record = parseRecord(line, path, offset);
      const length = Buffer.byteLength(line);
      if (record.v === 1) {
        counter.add(record, line);
        const session = record.session_id === undefined ? -1 : sessions.numberOf(record.session_id);
        if (session >= 0 && record.parent_session_id !== undefined) sessions.spawned(session, record.parent_session_id);
        places.add(number, offset, length, session);
        if (places.count % BETWEEN_PAUSES === 0) await pause();
      }
      offset += length + 1;
    }
  }
  const verdictOf = counter.verdicts();
  const groups = groupsOf(places, sessions, verdictOf);
  let records = 0;
  for (const { members } of groups) records += members.length;
  return {
    records,
    *[Symbol.iterator]() {
      for (const { root, members } of groups) {
        for (const part of root === undefined ? parts(members) : [members])
          yield {
            root: root === undefined ? undefined : sessions.names[root],
            records: [...linesAt(part, segments, places)].map(([at, text]) =>
              asCounted(
                parseRecord(text, segments[places.segment(at)]?.path ?? "", places.offset(at)),
                verdictOf(at),
                counter,
              ),
            ),
            segments: [...new Set(part.map(places.segment))],
            archived: `${dateOf(segments[places.segment(part[0] ?? 0)]?.path ?? "")}T00:00:00Z`,
          };
      }
    },
  };
}

function dateOf(path: string): string {
  return parseSegmentName(path.replace(/^.*[\\/]/, ""))?.date ?? "1970-01-01";
}

interface Group {
  readonly root: number | undefined;
  readonly members: readonly number[];
}

function groupsOf(places: Places, sessions: Sessions, verdictOf: (at: number) => Verdict): Group[] {
  const groups = new Map<number, number[]>();
  for (let at = 0; at < places.count; at++) {
    if (verdictOf(at) === "no") continue;
    const session = places.session(at);
    const root = session < 0 ? -1 : sessions.rootOf(session);
    const members = groups.get(root);
    if (members) members.push(at);
    else groups.set(root, [at]);
  }
  return [...groups].map(([root, members]) => ({ root: root < 0 ? undefined : root, members }));
}

function parts(members: readonly number[]): (readonly number[])[] {
  return Array.from({ length: Math.ceil(members.length / LOOSE) }, (_, n) => members.slice(n * LOOSE, (n + 1) * LOOSE));
}

/** The lines at these places, which are in the archive's order; what lies close together is read in one go. */
function* linesAt(
  members: readonly number[],
  segments: readonly ReadableSegment[],
  places: Places,
): Generator<[at: number, line: string]> {
  for (let from = 0; from < members.length; ) {
    const first = members[from] ?? 0;
    const segment = places.segment(first);
    const start = places.offset(first);
    let end = start + places.length(first);
    let to = from + 1;
    for (; to < members.length; to++) {
      const next = members[to] ?? 0;
      const after = places.offset(next) + places.length(next);
      if (places.segment(next) !== segment || places.offset(next) - end > GAP || after - start > STRETCH) break;
      end = after;
    }
    const bytes = stretch(segments[segment]?.path ?? "", start, end - start);
    for (const at of members.slice(from, to)) {
      const begin = places.offset(at) - start;
      yield [at, Buffer.from(bytes.buffer, bytes.byteOffset + begin, places.length(at)).toString("utf8")];
    }
    from = to;
  }
}

function stretch(path: string, offset: number, length: number): Uint8Array {
  const fd = sys.open(path, 0);
  try {
    return readAt(fd, offset, length);
  } finally {
    sys.close(fd);
  }
}
