/** Owns reading what counts a family of sessions at a time: each family's own lines, after one pass that noted places. */
import type { WeirRecord } from "../record/schema.ts";
import type { StandingOf } from "./count/counts.ts";
import type { Verdicts } from "./count/verdicts.ts";
import { type Counted, count } from "./counting.ts";
import type { ReadableSegment } from "./read.ts";
import { parseSegmentName } from "./segment.ts";

/** Records without a session are handed out in parts of this many. */
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
  standingOf: StandingOf,
  pause: () => Promise<void>,
): Promise<Families> {
  const counted = await count(segments, standingOf, pause);
  const groups = groupsOf(counted.verdicts);
  return {
    records: groups.reduce((sum, { members }) => sum + members.length, 0),
    *[Symbol.iterator]() {
      for (const { root, members } of groups)
        for (const part of root === 0 ? parts(members) : [members]) yield familyOf(root, part, counted);
    },
  };
}

function familyOf(root: number, members: Uint32Array, { places, verdicts }: Counted): Family {
  const records: WeirRecord[] = [];
  const segments: number[] = [];
  places.each(members, (index, record) => {
    verdicts.change(record, index);
    records.push(record);
    const segment = places.segment(index);
    if (segment !== segments.at(-1)) segments.push(segment);
  });
  return {
    root: root === 0 ? undefined : verdicts.sessions.name(root),
    records,
    segments,
    archived: `${dateOf(places.segments[segments[0] ?? 0])}T00:00:00Z`,
  };
}

function dateOf(segment: ReadableSegment | undefined): string {
  return parseSegmentName(segment?.name ?? "")?.date ?? "1970-01-01";
}

interface Group {
  /** The root session's number; 0 for records without a session. */
  readonly root: number;
  readonly members: Uint32Array;
}

/** The records that count, by their family, in the order of each family's first. */
function groupsOf(verdicts: Verdicts): Group[] {
  const { sessions } = verdicts;
  const roots = Uint32Array.from({ length: sessions.count }, (_, number) =>
    number === 0 ? 0 : sessions.rootOf(number),
  );
  const counting = verdicts.counting();
  const rootOf = (index: number): number => roots[verdicts.sessionOf(index)] as number;
  const sizes = new Uint32Array(sessions.count);
  for (let at = 0; at < counting.length; at++) (sizes[rootOf(counting[at] as number)] as number)++;
  const groups = new Map<number, Group>();
  const filled = new Uint32Array(sessions.count);
  for (let at = 0; at < counting.length; at++) {
    const index = counting[at] as number;
    const root = rootOf(index);
    if (filled[root] === 0) groups.set(root, { root, members: new Uint32Array(sizes[root] as number) });
    const group = groups.get(root) as Group;
    group.members[(filled[root] as number)++] = index;
  }
  return [...groups.values()];
}

function parts(members: Uint32Array): Uint32Array[] {
  return Array.from({ length: Math.ceil(members.length / LOOSE) }, (_, n) =>
    members.subarray(n * LOOSE, (n + 1) * LOOSE),
  );
}
