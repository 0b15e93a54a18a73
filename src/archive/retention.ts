/** Owns the decision what retention removes: a pure plan from segments, limits and a clock. It removes nothing. */

/** A segment of this installation that is still there. */
export interface KeptSegment {
  readonly seq: number;
  readonly name: string;
  readonly bytes: number;
  readonly records: number;
  /** When it was last written, in milliseconds since 1970. */
  readonly written: number;
}

export interface Limits {
  /** Segments that were last written longer ago go. */
  readonly maxAgeMs?: number;
  /** The oldest segments go until no more bytes than this are left. */
  readonly maxTotalBytes?: number;
  /** Also what a registered destination has not had, and although the clock looks wrong. */
  readonly force?: boolean;
}

export interface PlanInput {
  /** In any order; the one with the highest number is being written and always stays. */
  readonly segments: readonly KeptSegment[];
  readonly now: number;
  /** When weir last ran, by the clock of then. */
  readonly last?: number;
  /** By destination, the number of the last segment that it has had whole. */
  readonly delivered?: ReadonlyMap<string, number>;
}

export interface PlannedSegment extends KeptSegment {
  readonly reason: "age" | "size";
}

export interface Plan {
  /** The oldest segments, in the order of writing: always a prefix of all there are. */
  readonly prune: readonly PlannedSegment[];
  readonly kept: { readonly segments: number; readonly bytes: number };
  /** Destinations for whose sake segments stay that the limits would remove, with their number. */
  readonly held: Readonly<Record<string, number>>;
  /** Why nothing is removed although a limit is set. */
  readonly refused?: string;
}

const HOUR = 3_600_000;
/** Clocks are set back by little all the time. */
const BACKWARD_MS = HOUR / 60;
const FORWARD_MS = 48 * HOUR;

/** Age first, then the oldest until the rest fits. */
export function planRetention({ segments, now, last, delivered = new Map() }: PlanInput, limits: Limits): Plan {
  const all = [...segments].sort((a, b) => a.seq - b.seq);
  const refused = limits.maxAgeMs === undefined || limits.force ? undefined : clockDoubt(now, last);
  const wanted = refused === undefined ? wantedOf(all, now, limits) : [];
  const held: Record<string, number> = {};
  let count = wanted.length;
  for (const [destination, has] of limits.force ? [] : delivered) {
    const first = wanted.findIndex(({ seq }) => seq > has);
    if (first < 0) continue;
    held[destination] = wanted.length - first;
    count = Math.min(count, first);
  }
  const kept = all.slice(count);
  return { prune: wanted.slice(0, count), kept: { segments: kept.length, bytes: sizeOf(kept) }, held, refused };
}

function wantedOf(all: readonly KeptSegment[], now: number, { maxAgeMs, maxTotalBytes }: Limits): PlannedSegment[] {
  const wanted: PlannedSegment[] = [];
  let total = sizeOf(all);
  for (const segment of all.slice(0, -1)) {
    const isOld = maxAgeMs !== undefined && segment.written < now - maxAgeMs;
    const isTooMuch = maxTotalBytes !== undefined && total > maxTotalBytes;
    if (!isOld && !isTooMuch) break;
    wanted.push({ ...segment, reason: isOld ? "age" : "size" });
    total -= segment.bytes;
  }
  return wanted;
}

function sizeOf(segments: readonly KeptSegment[]): number {
  return segments.reduce((sum, { bytes }) => sum + bytes, 0);
}

/**
 * A clock that stands before what it has already seen, or far behind it, may be wrong, and age would then remove what is
 * young. After a rest of more than two days, or a step back, the first run is told so and removes nothing; the next one
 * finds that run.
 */
function clockDoubt(now: number, last: number | undefined): string | undefined {
  if (last === undefined) return undefined;
  const hours = Math.round(Math.abs(now - last) / HOUR);
  if (now < last - BACKWARD_MS) return `the clock stands ${hours} h before weir's last run`;
  if (now > last + FORWARD_MS) return `weir last ran ${hours} h ago by this clock`;
  return undefined;
}
