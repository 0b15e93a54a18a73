/**
 * Owns reading all groups of a table of very many rows at once: rows and values each in the order in which they were
 * written, which is the same for both, so that no value has to be looked up.
 */
import type { Block, BlockReader, Place } from "./blocks.ts";
import type { Group, Row } from "./types.ts";

/** Blocks of rows that may wait for their values; where it is more, the two orders are not the same. */
const MOST_WAITING = 64;

/** A block of rows whose values have not all been read. */
interface Waiting {
  readonly low: Place;
  /** Where the values of its first rows begin; undefined when they have none. */
  readonly start: Place | undefined;
}

/** Goes once through a database, group by group. */
export class Sweep {
  readonly #reader: BlockReader;
  /** Groups that reach beyond the block that they begin in, with the block that they end in. */
  readonly #ends: ReadonlyMap<unknown, Place>;
  /** Rows of groups that are not complete, by group. */
  readonly #open = new Map<string, Row[]>();
  /** The groups that end in a block. */
  readonly #endingIn = new Map<Place, string[]>();
  /** Values of the rows at hand, by the row's key. */
  readonly #values = new Map<string, Record<string, unknown>>();
  readonly #waiting: Waiting[] = [];
  #lastStart: Place = Number.NEGATIVE_INFINITY;
  #isInOrder = true;
  readonly #told = new Set<string>();
  readonly #strays = new Set<string>();
  /** Digests of the blocks that were read. */
  readonly digests: bigint[] = [];
  /** Rows without a key of their own or of a group. */
  keyless = 0;
  /** Whether all groups were told. */
  isWhole = false;

  constructor(reader: BlockReader) {
    this.#reader = reader;
    this.#ends = new Map(reader.ask(reader.sql.far).map(([key, last]) => [key, last as Place]));
  }

  /**
   * Tells groups as they are complete. It ends early when another program writes meanwhile, or when rows and values
   * turn out to be in different orders.
   */
  *groups(): Generator<[key: string, group: Group][]> {
    let row = this.#reader.first("rows");
    let value = this.#reader.first("values");
    while (row !== undefined || value !== undefined) {
      // Every row that may have values in the next block of these has to be at hand.
      const end = value === undefined ? undefined : this.#reader.lastOf("values", value);
      while (row !== undefined && (end === undefined ? this.#waiting.length === 0 : !this.#isBeyond(end))) {
        if (this.#waiting.length === MOST_WAITING) return;
        row = this.#takeRows(this.#reader.block("rows", row));
      }
      if (value !== undefined) value = this.#takeValues(this.#reader.block("values", value));
      if (!this.#reader.isSame || !this.#isInOrder) return;
      yield this.#complete(value);
    }
    this.isWhole = true;
  }

  isTold(group: string): boolean {
    return this.#told.has(group);
  }

  /** Keys of rows of which values came when they were not at hand: they were told without them, or have yet to be told. */
  get strays(): ReadonlySet<string> {
    return this.#strays;
  }

  #isBeyond(end: Place): boolean {
    const start = this.#waiting.at(-1)?.start;
    return start !== undefined && start > end;
  }

  #takeRows(block: Block): Place | undefined {
    const { blocks, start: sql } = this.#reader.sql;
    const [[found] = []] = this.#reader.ask(sql, block.low);
    const start = typeof found === "number" || typeof found === "bigint" ? found : undefined;
    if (start !== undefined) {
      if (start < this.#lastStart) this.#isInOrder = false;
      this.#lastStart = start;
    }
    this.#waiting.push({ low: block.low, start });
    this.digests.push(block.digest);
    for (const list of block.lists()[0] as unknown[][]) {
      const [group, key] = list;
      if (typeof group !== "string" || typeof key !== "string") {
        this.keyless++;
        continue;
      }
      const values: Record<string, unknown> = {};
      this.#values.set(key, values);
      this.#rowsOf(group, block.low).push({ [blocks.row]: list, [blocks.values]: values });
    }
    return block.next;
  }

  #rowsOf(group: string, low: Place): Row[] {
    const open = this.#open.get(group);
    if (open) return open;
    const rows: Row[] = [];
    this.#open.set(group, rows);
    const end = this.#ends.get(group) ?? low;
    const ending = this.#endingIn.get(end);
    if (ending) ending.push(group);
    else this.#endingIn.set(end, [group]);
    return rows;
  }

  #takeValues(block: Block): Place | undefined {
    this.digests.push(block.digest);
    const [keys = [], names = [], values = []] = block.lists();
    let last: string | undefined;
    let into: Record<string, unknown> | undefined;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as string;
      if (key !== last) {
        last = key;
        into = this.#values.get(key);
        if (!into) this.#strays.add(key);
      }
      if (into) into[names[i] as string] = values[i];
    }
    return block.next;
  }

  /** The groups of which nothing is left to be read when the values from `next` on are. */
  #complete(next: Place | undefined): [key: string, group: Group][] {
    const waiting = this.#waiting;
    // A block's values lie before where those of a later one begin.
    const isReached = ({ start }: Waiting): boolean => start !== undefined && next !== undefined && start <= next;
    const count = next === undefined ? waiting.length : Math.max(0, waiting.findLastIndex(isReached));
    const groups: [string, Group][] = [];
    for (const { low } of waiting.splice(0, count)) {
      for (const key of this.#endingIn.get(low) ?? []) groups.push([key, this.#closed(key)]);
      this.#endingIn.delete(low);
    }
    return groups;
  }

  #closed(key: string): Group {
    const { layout, blocks } = this.#reader.sql;
    const rows = this.#open.get(key) ?? [];
    this.#open.delete(key);
    this.#told.add(key);
    for (const row of rows) this.#values.delete((row[blocks.row] as string[])[1] as string);
    return { key, layout, rows: { [blocks.part]: rows } };
  }
}
