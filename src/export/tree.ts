/** Owns which span is whose child: a family's records as one tree of turns, calls, tools, hooks and subagents. */
import { derivedSpanId, derivedTraceId, recordId } from "../record/identity.ts";
import type { WeirRecord } from "../record/schema.ts";
import { isRandomSpanId } from "../record/spans.ts";
import { instantOf } from "../record/time.ts";
import { errorTypeOf, SPAN_OPERATIONS } from "./attributes.ts";
import { callerOf } from "./callers.ts";
import { isBefore, type Time, type Times, timesOf } from "./otel.ts";

/** A record that becomes a span, or a turn that no record tells of. */
export interface Node {
  /** What it says; a turn's provider and model are filled in from its calls where it does not tell them. */
  record: WeirRecord;
  /** No record tells this turn: it is known by what happened in it. */
  readonly derived: boolean;
  traceId: string;
  readonly spanId: string;
  parent: Node | undefined;
  /** The parent's span id, where that is a span that is not in the archive. */
  readonly elsewhere: string | undefined;
  start: Time;
  end: Time;
  /** What happened in it and is no span: user messages, compactions, errors. */
  readonly notes: WeirRecord[];
  /** How many spans are above it; -1 while that is not known. */
  depth: number;
}

/** A record that becomes no span. */
interface Note {
  readonly record: WeirRecord;
  readonly times: Times | undefined;
}

/** What is read of a family; see `archive/families.ts`. */
export interface Family {
  readonly root: string | undefined;
  readonly records: readonly WeirRecord[];
  /** For records without a time in a family without any. */
  readonly archived: string;
}

/** One session's, or one of its subagents', own line of turns. */
class Line {
  readonly turns = new Map<number, Node>();
  readonly loose: Node[] = [];
  /** Turns by their start, for records that do not say theirs. */
  starts: { readonly turn: number; readonly start: Time }[] = [];

  constructor(
    readonly session: string | undefined,
    readonly subagent: WeirRecord["subagent"],
  ) {}
}

const subagentKey = (subagent: WeirRecord["subagent"]): string => subagent?.id ?? subagent?.name ?? "";

/** Names the line of turns that a record belongs to: its session's own, or one of its subagents'. */
export function lineKey({ session_id, subagent }: WeirRecord): string {
  return `${session_id ?? ""}\0${subagentKey(subagent)}`;
}

const VALID_TRACE = /^(?!0{32})[0-9a-f]{32}$/;

/** The nodes of a family's tree, parents before their children, else by time. */
export function treeOf({ root, records, archived }: Family): readonly Node[] {
  return new Builder(root, records, instantOf(archived)).build();
}

/** True for a span that its producer wrote itself, which knows its place in a trace. */
export function isReal({ record, derived }: Node): boolean {
  return !derived && record.trace_id !== undefined && record.span_id !== undefined;
}

class Builder {
  readonly #lines = new Map<string, Line>();
  #lastLine: Line | undefined;
  readonly #real = new Map<string, Node>();
  /** Real spans that are not exported, with their parents: their children are handed up. */
  readonly #passed = new Map<string, string | undefined>();
  readonly #nodes: Node[] = [];
  /** When each record was; most are asked for it several times. */
  readonly #times: readonly (Times | undefined)[];
  readonly #earliest: Time | undefined;
  /** That of all spans without a trace of their own. */
  readonly #traceId: string | undefined;

  constructor(
    root: string | undefined,
    private readonly records: readonly WeirRecord[],
    private readonly archived: Time,
  ) {
    this.#traceId = root === undefined ? undefined : derivedTraceId(root);
    this.#times = records.map(timesOf);
    let earliest: Time | undefined;
    for (const times of this.#times)
      if (times && (!earliest || isBefore(times.start, earliest))) earliest = times.start;
    this.#earliest = earliest;
    // Not every line tells the program's version; without one it would seem to be another service.
    const versions = new Map<string, string>();
    for (const { session_id, agent_version } of records)
      if (session_id !== undefined && agent_version !== undefined) versions.set(session_id, agent_version);
    for (const record of records)
      if (record.session_id !== undefined) record.agent_version ??= versions.get(record.session_id);
  }

  build(): Node[] {
    const notes: Note[] = [];
    for (let at = 0; at < this.records.length; at++) {
      const record = this.records[at] as WeirRecord;
      const times = this.#times[at];
      if (SPAN_OPERATIONS.has(record.operation)) this.#admit(record, times);
      else notes.push({ record, times });
    }
    for (const { record, times } of notes) {
      const { trace_id, span_id, parent_span_id, turn } = record;
      if (trace_id && span_id) this.#passed.set(`${trace_id}${span_id}`, parent_span_id);
      if (turn !== undefined) this.#noteStart(record, times);
    }
    for (const line of this.#lines.values()) line.starts.sort((a, b) => compare(a.start, b.start));
    for (const node of [...this.#nodes]) if (!isReal(node)) this.#placeInTurn(node);
    for (const node of this.#nodes) if (isReal(node)) node.parent = this.#realParent(node.record);
    for (const { record, times } of notes) this.#placeNote(record, times);
    this.#placeSubagents();
    const nodes = this.#ordered();
    for (const node of nodes) if (node.parent && !isReal(node)) node.traceId = node.parent.traceId;
    for (const node of nodes.toReversed()) tellParent(node);
    for (const node of nodes) if (node.derived) tellNotes(node);
    return nodes;
  }

  #admit(record: WeirRecord, times: Times | undefined): void {
    const start = times?.start ?? this.#earliest ?? this.archived;
    const node = this.#nodeOf(record, start, times?.end ?? start);
    this.#nodes.push(node);
    if (isReal(node)) this.#real.set(`${record.trace_id}${record.span_id}`, node);
    if (record.operation === "invoke_agent") this.#admitTurn(node);
    else if (record.turn !== undefined) this.#noteStart(record, times);
  }

  #nodeOf(record: WeirRecord, start: Time, end: Time): Node {
    const { trace_id, span_id, parent_span_id } = record;
    const own = trace_id !== undefined && VALID_TRACE.test(trace_id);
    const traceId = own ? trace_id : (this.#traceId ?? derivedTraceId(record.id));
    const spanId = own && span_id !== undefined && isRandomSpanId(span_id) ? span_id : derivedSpanId(record.id);
    const elsewhere =
      own && parent_span_id !== undefined && isRandomSpanId(parent_span_id) ? parent_span_id : undefined;
    return { record, derived: false, traceId, spanId, parent: undefined, elsewhere, start, end, notes: [], depth: -1 };
  }

  #lineOf(record: WeirRecord): Line {
    const { session_id, subagent } = record;
    const last = this.#lastLine;
    if (
      last &&
      last.session === session_id &&
      last.subagent?.id === subagent?.id &&
      last.subagent?.name === subagent?.name
    )
      return last;
    const key = lineKey(record);
    let line = this.#lines.get(key);
    if (!line) {
      line = new Line(session_id, subagent);
      this.#lines.set(key, line);
    }
    this.#lastLine = line;
    return line;
  }

  #noteStart(record: WeirRecord, times: Times | undefined): void {
    if (times && record.turn !== undefined) this.#lineOf(record).starts.push({ turn: record.turn, start: times.start });
  }

  #admitTurn(node: Node): void {
    const line = this.#lineOf(node.record);
    const { turn } = node.record;
    if (turn !== undefined && !line.turns.has(turn)) line.turns.set(turn, node);
    else line.loose.push(node);
    if (turn !== undefined) line.starts.push({ turn, start: node.start });
  }

  /** Puts a call, tool or hook below its turn; a turn of its own stays where it is. */
  #placeInTurn(node: Node): void {
    const { record } = node;
    if (record.operation === "invoke_agent" || record.session_id === undefined) return;
    node.parent = this.#turnAt(record, node.start, true);
  }

  #turnAt(record: WeirRecord, start: Time, make: boolean): Node | undefined {
    const line = this.#lineOf(record);
    const told = record.turn === undefined ? undefined : line.turns.get(record.turn);
    if (told) return told;
    const around =
      containing(line.loose, start) ??
      (record.subagent ? (line.loose[0] ?? line.turns.values().next().value) : undefined);
    if (around) return around;
    const turn = record.turn ?? turnByTime(line, start);
    return line.turns.get(turn) ?? (make ? this.#derivedTurn(line, turn, record, start) : undefined);
  }

  #derivedTurn(line: Line, turn: number, like: WeirRecord, start: Time): Node {
    const { agent, agent_version, session_id, parent_session_id, host, cwd, repository, branch, source, resource } =
      like;
    const { subagent } = line;
    const id = recordId(agent, "turn", session_id ?? "", "invoke_agent", `${subagentKey(subagent)}\0${turn}`);
    const record: WeirRecord = {
      v: 1,
      id,
      fact: id,
      rev: 0,
      turn,
      agent,
      agent_version,
      stream: "turn",
      session_id,
      parent_session_id,
      subagent,
      cwd,
      repository,
      branch,
      operation: "invoke_agent",
      source,
      host,
      resource,
    };
    const node: Node = { ...this.#nodeOf(record, start, start), derived: true };
    line.turns.set(turn, node);
    this.#nodes.push(node);
    return node;
  }

  #realParent({ trace_id, parent_span_id }: WeirRecord): Node | undefined {
    let up = parent_span_id;
    for (let steps = 0; up !== undefined && steps < 64; steps++) {
      const found = this.#real.get(`${trace_id}${up}`);
      if (found) return found;
      const key = `${trace_id}${up}`;
      if (!this.#passed.has(key)) return undefined;
      up = this.#passed.get(key);
    }
    return undefined;
  }

  #placeNote(note: WeirRecord, times: Times | undefined): void {
    if (note.operation === "session" || note.session_id === undefined) return;
    const start = times?.start ?? this.#earliest ?? this.archived;
    const real = note.span_id === undefined ? undefined : this.#realParent(note);
    const turn = real ?? this.#turnAt(note, start, true);
    if (!turn) return;
    turn.notes.push(note);
    if (turn.derived && isBefore(start, turn.start)) turn.start = start;
  }

  /** Puts subagents, and sessions that others spawned, below the tool that called them. */
  #placeSubagents(): void {
    const callers = this.#nodes.filter((n) => n.record.operation === "execute_tool");
    const turns = this.#nodes.filter(
      (n) => n.record.operation === "invoke_agent" && !n.parent && n.elsewhere === undefined,
    );
    const used = new Map<Line, Node>();
    const taken = new Set<Node>();
    for (const turn of turns.sort((a, b) => compare(a.start, b.start))) {
      const { session_id, parent_session_id, subagent } = turn.record;
      const inside = subagent !== undefined && parent_session_id === undefined;
      const above = inside ? session_id : parent_session_id;
      if (above === undefined || isReal(turn)) continue;
      const line = this.#lineOf(turn.record);
      const caller = (inside ? undefined : used.get(line)) ?? callerOf(turn, above, callers, taken);
      if (caller) used.set(line, caller);
      const parent = caller ?? this.#mainTurn(above, turn);
      if (parent && !isBelow(parent, turn)) turn.parent = parent;
    }
  }

  #mainTurn(session: string, turn: Node): Node | undefined {
    const line = this.#lines.get(`${session}\0`);
    if (!line) return undefined;
    const told =
      turn.record.session_id === session && turn.record.turn !== undefined
        ? line.turns.get(turn.record.turn)
        : undefined;
    return told ?? containing(line.loose, turn.start) ?? line.turns.get(turnByTime(line, turn.start));
  }

  #ordered(): Node[] {
    for (const node of this.#nodes) node.depth = depthOf(node);
    return this.#nodes.sort((a, b) => a.depth - b.depth || compare(a.start, b.start));
  }
}

function depthOf(node: Node): number {
  if (node.depth >= 0) return node.depth;
  node.depth = 0; // a circle ends here
  node.depth = node.parent ? depthOf(node.parent) + 1 : 0;
  return node.depth;
}

function compare(a: Time, b: Time): number {
  return a[0] - b[0] || a[1] - b[1];
}

function containing(turns: readonly Node[], time: Time): Node | undefined {
  return turns.findLast((t) => !isBefore(time, t.start) && !isBefore(t.end, time));
}

/** The turn that had begun last at this time; the first one before that. */
function turnByTime(line: Line, time: Time): number {
  const begun = line.starts.findLast(({ start }) => !isBefore(time, start));
  return (begun ?? line.starts[0])?.turn ?? 0;
}

function isBelow(node: Node, top: Node): boolean {
  for (let at: Node | undefined = node; at; at = at.parent) if (at === top) return true;
  return false;
}

/** A turn reaches as far as what happened in it, and its calls tell which model it had. Called for children first. */
function tellParent(node: Node): void {
  const { parent, record } = node;
  if (!parent) return;
  if (parent.derived && isBefore(node.start, parent.start)) parent.start = node.start;
  if ((parent.derived || isUnended(parent.record)) && isBefore(parent.end, node.end)) parent.end = node.end;
  if (parent.record.operation !== "invoke_agent" || record.operation !== "chat") return;
  const { provider, request_model, finish_reasons } = parent.record;
  if (provider !== undefined && (!parent.derived || (request_model && finish_reasons))) return;
  const told = {
    provider: provider ?? record.provider,
    request_model: request_model ?? record.request_model,
    finish_reasons: finish_reasons ?? (parent.derived ? record.finish_reasons : undefined),
  };
  if (told.provider !== provider || told.request_model !== request_model || told.finish_reasons !== finish_reasons)
    parent.record = { ...parent.record, ...told };
}

/** Nobody told when it ended: it was killed, or still goes on. */
function isUnended({ end_time, duration_ms }: WeirRecord): boolean {
  return end_time === undefined && duration_ms === undefined;
}

/** An error that nothing followed is how the turn ended. */
function tellNotes(turn: Node): void {
  for (const note of turn.notes) {
    const end = timesOf(note)?.end;
    if (!end || isBefore(end, turn.end)) continue;
    turn.end = end;
    if (note.operation === "error") turn.record = { ...turn.record, status: "error", error_type: errorTypeOf(note) };
  }
}
