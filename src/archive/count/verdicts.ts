/** Owns the verdict on each record: whether it counts, in which session, and below which parent. */
import type { WeirRecord } from "../../record/schema.ts";
import { Numbers } from "./numbers.ts";
import type { Sessions } from "./sessions.ts";
import { spanHash } from "./told.ts";

/** What becomes of a record: it counts, it counts but its usage and cost are sums that others tell, or it does not count. */
export type Verdict = "counts" | "counts without usage" | "no";

/** A run of which nobody knows how it ended, how long it took or who ran is told for the sum's sake alone. */
export function isSumAlone({ status, duration_ms, agent_name }: WeirRecord): boolean {
  return status === undefined && duration_ms === undefined && agent_name === undefined;
}

/** Spans in whose place another one counts, each with the index of that one. */
export class StandIns {
  readonly #replaced = new Numbers();
  readonly #by: number[] = [];

  get count(): number {
    return this.#replaced.count;
  }

  note(high: number, low: number, by: number): void {
    this.#by[this.#replaced.of(high, low)] = by;
  }

  /** The index of the record that counts instead of this span's. */
  of(trace: string | undefined, span: string): number | undefined {
    if (this.count === 0) return undefined;
    return this.#by[this.#replaced.known(...spanHash(trace, span))];
  }
}

/** Verdicts by the order in which the records were added. */
export class Verdicts {
  /** 0 where the record does not count, else its session's number times two, one more without its usage, and one. */
  readonly #given: Uint32Array;
  readonly #spans = new Map<number, string | undefined>();

  constructor(
    records: number,
    /** With their names and who spawned them. */
    readonly sessions: Sessions,
    private readonly standIns: StandIns,
    private readonly recordAt: (index: number) => WeirRecord,
  ) {
    this.#given = new Uint32Array(records);
  }

  give(index: number, session: number, withoutUsage: boolean): void {
    this.#given[index] = session * 2 + (withoutUsage ? 1 : 0) + 1;
  }

  /** Takes a verdict back: the record does not count. */
  withdraw(index: number): void {
    this.#given[index] = 0;
  }

  of(index: number): Verdict {
    const given = this.#given[index] ?? 0;
    return given === 0 ? "no" : given % 2 === 1 ? "counts" : "counts without usage";
  }

  /** The session of a record that counts; 0 where it has none. */
  sessionOf(index: number): number {
    return ((this.#given[index] ?? 0) - 1) >>> 1;
  }

  /** The indexes of all records that count. */
  counting(): Uint32Array {
    const given = this.#given;
    const indexes = new Uint32Array(given.length);
    let count = 0;
    for (let at = 0; at < given.length; at++) if ((given[at] as number) > 0) indexes[count++] = at;
    return indexes.slice(0, count);
  }

  /** The parent that a span has among those that count: of one run that two spans tell, the one that does. */
  parentOf({ trace_id, span_id, parent_span_id }: WeirRecord): string | undefined {
    if (parent_span_id === undefined) return undefined;
    const by = this.standIns.of(trace_id, parent_span_id);
    const parent = (by === undefined ? undefined : this.#spanAt(by)) ?? parent_span_id;
    return parent === span_id ? undefined : parent;
  }

  #spanAt(index: number): string | undefined {
    if (!this.#spans.has(index)) this.#spans.set(index, this.recordAt(index).span_id);
    return this.#spans.get(index);
  }

  /**
   * Makes of a record what counts of it: without its usage and cost where those are sums of what others tell, below a
   * parent that counts. False when that is all of it, as it is.
   */
  change(record: WeirRecord, index: number): boolean {
    const parent = this.parentOf(record);
    const isMoved = parent !== record.parent_span_id;
    if (isMoved && parent === undefined) delete record.parent_span_id;
    else if (isMoved) record.parent_span_id = parent;
    const isSum = this.of(index) === "counts without usage";
    if (isSum) {
      delete record.usage;
      delete record.cost_usd;
      delete record.aggregate;
    }
    return isMoved || isSum;
  }
}
