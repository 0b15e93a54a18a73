/** Owns when a turn may be sent to who wants each span once: when it is over, or nothing has changed for a while. */
import type { WeirRecord } from "../record/schema.ts";
import { isBefore, millisOf, type Time, timesOf } from "./otel.ts";
import { isReal, type Node } from "./tree.ts";

/** A turn in which nothing has happened for so long is taken to be over. */
const QUIET_MS = 120_000;
/** A time further ahead is that of a clock that was wrong, and no reason to wait until then. */
const AHEAD_MS = 86_400_000;
/** A tool call without a result may be a long build, or a question that nobody has answered yet. */
const PENDING_TOOL_MS = 3_600_000;

/** The nodes whose turn is closed; spans that their producer ended are always. */
export function settledNodes(nodes: readonly Node[], records: readonly WeirRecord[], now: number): ReadonlySet<Node> {
  const last = lastTime(records);
  const idle = last === undefined ? Number.POSITIVE_INFINITY : now - millisOf(last);
  if (idle < -AHEAD_MS) return new Set(nodes);
  const pending = nodes.some(({ record: r }) => r.operation === "execute_tool" && r.open === true);
  if (idle >= (pending ? PENDING_TOOL_MS : QUIET_MS)) return new Set(nodes);
  const latest = new Map<string, number>();
  for (const { session_id, subagent, turn } of records)
    if (session_id !== undefined && subagent === undefined && turn !== undefined)
      latest.set(session_id, Math.max(latest.get(session_id) ?? -1, turn));
  return new Set(nodes.filter((node) => isReal(node) || isFollowed(topOf(node), latest)));
}

function isFollowed({ record: { session_id, turn } }: Node, latest: ReadonlyMap<string, number>): boolean {
  return session_id !== undefined && turn !== undefined && turn < (latest.get(session_id) ?? -1);
}

function topOf(node: Node): Node {
  let top = node;
  for (let steps = 0; top.parent && steps < 64; steps++) top = top.parent;
  return top;
}

function lastTime(records: readonly WeirRecord[]): Time | undefined {
  let last: Time | undefined;
  for (const record of records) {
    const end = timesOf(record)?.end;
    if (end && (!last || isBefore(last, end))) last = end;
  }
  return last;
}
