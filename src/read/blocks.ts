/**
 * Owns the blocks of tables of very many rows with named values: their texts, and which groups have rows in them. A
 * block is the rows whose numbers differ in their last bits only, so it stays the same while others come and go.
 */
import { type ForeignDatabase, UnreadableDatabase } from "./sqlite.ts";
import type { Blocks } from "./types.ts";

/** So that a block of one table never looks like one of the other. */
const SEEDS = { rows: 1n, values: 2n } as const;
/** First rows of a block that are asked where their values begin: some may have none. */
const ASKED = 4;
/** Rows at either end that are asked whether their columns repeat what their values say. */
const PROBED = 64;

export type Side = "rows" | "values";

/** A row's number; a bigint beyond 2^53. */
export type Place = number | bigint;

/** The SQL of a layout's blocks. */
export interface BlocksSql {
  readonly layout: string;
  readonly blocks: Blocks;
  readonly sizes: Readonly<Record<Side, number>>;
  readonly first: Readonly<Record<Side, string>>;
  /** A block: the next row's number, how many rows there are, and what is read of them as bytes of text. */
  readonly rows: string;
  /** With the values that columns repeat, and without. */
  readonly values: string;
  readonly leanValues: string;
  /** One row when a column lacks what it should repeat; undefined when none repeats anything. */
  readonly lack: string | undefined;
  /** Where the values of a block's first rows begin. */
  readonly start: string;
  /** Groups that reach beyond the block that they begin in, with the block that they end in. */
  readonly far: string;
  /** The groups that have rows in a block. */
  readonly groups: Readonly<Record<Side, string>>;
  /** The groups of rows with these keys. */
  readonly groupsOfKeys: string;
}

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;
const listed = (names: readonly string[]): string => `(${names.map(quoted).join()})`;
const inBlock = (of: { readonly size: number }): string => `rowid BETWEEN ?1 AND ?1 | ${of.size - 1}`;
const first = (table: string): string => `SELECT min(rowid) FROM ${table}`;
const next = ({ table, size }: Pick<Blocks, "table" | "size">): string =>
  `(${first(table)} WHERE rowid > ?1 | ${size - 1})`;
const text = (column: string): string => `CAST(${column} AS TEXT)`;

/** The SQL for these blocks; `has` tells which columns the table of rows really has. */
export function blocksSql(layout: string, blocks: Blocks, has: (column: string) => boolean): BlocksSql {
  const { table, size, group, key, columns, details: d } = blocks;
  const repeated = Object.entries(d.repeated).filter(([, column]) => has(column));
  const names = repeated.map(([name]) => name);
  const values = (left: readonly string[]): string => `SELECT ${next(d)}, count(*),
      CAST(${[text(d.of), text(d.name), d.value].map((one) => `json_group_array(${one})`).join(" || char(10) || ")} AS BLOB)
    FROM ${d.table} WHERE ${inBlock(d)} AND ${d.name} NOT IN ${listed(left)}`;
  const end = (order: string): string =>
    `SELECT * FROM (SELECT rowid FROM ${table} ORDER BY rowid ${order} LIMIT ${PROBED})`;
  const column = `CASE v.n ${repeated.map(([name, c]) => `WHEN ${quoted(name)} THEN r.${c}`).join(" ")} END`;
  return {
    layout,
    blocks,
    sizes: { rows: size, values: d.size },
    first: { rows: first(table), values: first(d.table) },
    rows: `SELECT ${next(blocks)}, count(*),
        CAST(json_group_array(json_array(${text(group)}, ${text(key)}, ${columns.join()})) AS BLOB)
      FROM ${table} WHERE ${inBlock(blocks)}`,
    values: values(d.silent),
    leanValues: values([...d.silent, ...names]),
    lack:
      names.length === 0
        ? undefined
        : `SELECT 1 FROM (SELECT ${d.of} AS o, ${d.name} AS n FROM ${d.table}
            WHERE ${d.of} IN (SELECT ${key} FROM ${table} WHERE rowid IN (${end("ASC")} UNION ALL ${end("DESC")}))
              AND ${d.name} IN ${listed(names)} AND ${d.value} IS NOT NULL) v
          JOIN ${table} r ON r.${key} = v.o WHERE ${column} IS NULL LIMIT 1`,
    start: `${first(d.table)} WHERE ${d.of} IN
      (SELECT ${key} FROM ${table} WHERE ${inBlock(blocks)} ORDER BY rowid LIMIT ${ASKED})`,
    far: `SELECT ${text(group)}, max(rowid) & -${size} AS last FROM ${table} GROUP BY ${group}
      HAVING last > min(rowid) & -${size}`,
    groups: {
      rows: `SELECT DISTINCT ${group} FROM ${table} WHERE ${inBlock(blocks)}`,
      values: `SELECT DISTINCT ${group} FROM ${table}
        WHERE ${key} IN (SELECT ${d.of} FROM ${d.table} WHERE ${inBlock(d)})`,
    },
    groupsOfKeys: `SELECT DISTINCT ${group} FROM ${table} WHERE ${key} IN (SELECT value FROM json_each(?1))`,
  };
}

/** One block as it stood at one moment. */
export interface Block {
  readonly side: Side;
  readonly low: Place;
  /** The first number of the next block that is there; undefined after the last. */
  readonly next: Place | undefined;
  readonly digest: bigint;
  /** What is read of its rows: of rows a list of lists; of values the rows' keys, the names and the values. */
  lists(): unknown[][];
}

/** Reads the blocks of one database. Throws `UnreadableDatabase`. */
export class BlockReader {
  readonly sql: BlocksSql;
  readonly #db: ForeignDatabase;
  readonly #texts: Readonly<Record<Side, string>>;
  #version: unknown;
  #isSame = true;

  constructor(db: ForeignDatabase, sql: BlocksSql) {
    this.sql = sql;
    this.#db = db;
    const lacks = sql.lack === undefined || this.ask(sql.lack).length > 0;
    this.#texts = { rows: sql.rows, values: lacks ? sql.values : sql.leanValues };
  }

  /** False once another program has committed anything since the first question. */
  get isSame(): boolean {
    return this.#isSame;
  }

  /** Asks one question in a moment of its own. */
  ask(sql: string, ...given: (string | number | bigint)[]): unknown[][] {
    return this.#db.page((questions) => {
      const [[version] = []] = questions.values("PRAGMA data_version");
      this.#version ??= version;
      if (version !== this.#version) this.#isSame = false;
      return questions.values(sql, ...given);
    });
  }

  /** The number of a side's first row; undefined when it has none. */
  first(side: Side): Place | undefined {
    return placeOf(this.ask(this.sql.first[side])[0]?.[0]);
  }

  /** The block that a row's number is in. */
  block(side: Side, at: Place): Block {
    const size = BigInt(this.sql.sizes[side]);
    const low = BigInt(at) & -size;
    const [[following, count, text] = []] = this.ask(this.#texts[side], low);
    // No block has more rows than numbers, but a damaged tree may lead back into itself.
    if (Number(count) > this.sql.sizes[side])
      throw new UnreadableDatabase("unreadable", "damaged (more rows than it has room for)");
    const bytes = text instanceof Uint8Array ? text : new Uint8Array();
    return {
      side,
      low: small(low),
      next: placeOf(following),
      digest: Bun.hash.xxHash64(bytes, SEEDS[side]),
      lists: () =>
        new TextDecoder()
          .decode(bytes)
          .split("\n")
          .map((line) => JSON.parse(line) as unknown[]),
    };
  }

  /** The last number of the block that a row's number is in. */
  lastOf(side: Side, at: Place): Place {
    return small(BigInt(at) | BigInt(this.sql.sizes[side] - 1));
  }

  /** All blocks, first of the rows, then of the values. */
  *all(): Generator<Block> {
    for (const side of ["rows", "values"] as const)
      for (let at = this.first(side); at !== undefined; ) {
        const block = this.block(side, at);
        yield block;
        at = block.next;
      }
  }

  /** The keys of the groups that have rows in a block. */
  groupsIn({ side, low }: Block): string[] {
    return texts(this.ask(this.sql.groups[side], low));
  }

  /** The keys of the groups that have rows with these keys. */
  groupsOf(keys: Iterable<string>): string[] {
    return texts(this.ask(this.sql.groupsOfKeys, JSON.stringify([...keys])));
  }
}

const texts = (rows: readonly unknown[][]): string[] => rows.flatMap(([key]) => (typeof key === "string" ? key : []));
const small = (place: bigint): Place => (Number.isSafeInteger(Number(place)) ? Number(place) : place);

function placeOf(value: unknown): Place | undefined {
  return typeof value === "number" || typeof value === "bigint" ? value : undefined;
}
