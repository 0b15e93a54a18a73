/** Owns reading a database's groups: which layouts fit it, which groups it has, and each group's rows of one moment. */
import { type BlocksSql, blocksSql } from "./blocks.ts";
import { type ForeignDatabase, type Questions, UnreadableDatabase } from "./sqlite.ts";
import type { Group, Layout, Row } from "./types.ts";

/** A group's key as the database holds it. */
export type Key = string | number | bigint;

/** A layout that fits a database, its SQL ready to run. */
export interface Fit {
  readonly name: string;
  readonly index: string;
  readonly rows: readonly (readonly [name: string, sql: string])[];
  readonly cursor: string | undefined;
  readonly pruned: string | undefined;
  readonly page: number;
  readonly blocks: BlocksSql | undefined;
}

/** What a database is like, as far as the layouts know. */
export interface Shape {
  readonly fits: readonly Fit[];
  /** What is there instead of a known layout; undefined when one fits or there is nothing. */
  readonly unknown?: string;
}

/** The groups of one layout as they stand: key and digest, in the layout's order. */
export interface Index {
  readonly keys: readonly Key[];
  readonly digests: readonly bigint[];
  /** Rows whose key is neither text nor number. */
  readonly keyless: number;
}

const PAGE = 500;
/** With their texts, groups may be large. */
const TEXTS_PAGE = 50;
const NAMES = 12;
/** The bytes that a row of a table needs at the very least. */
const LEAST_ROW = 4;

type Columns = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * Finds the layouts that fit; `captures`: their texts are asked for, too. Views, virtual tables and generated columns
 * count as absent.
 */
export function shapeOf(db: ForeignDatabase, layouts: readonly Layout[], captures: boolean): Shape {
  const wanted = new Set(layouts.flatMap((layout) => Object.keys(layout.needs).map((table) => table.toLowerCase())));
  const { tables, columns } = db.page((ask) => tablesOf(ask, wanted));
  if (tables.length === 0) return { fits: [] };
  const fits = new Map<string, Fit>();
  const lacking = new Map<string, string>();
  for (const layout of layouts) {
    if (fits.has(layout.name)) continue;
    const lack = lackOf(layout, columns);
    if (lack === undefined) fits.set(layout.name, fitOf(layout, columns, captures));
    else if (lack !== "") lacking.set(layout.name, lack);
  }
  if (fits.size > 0) return { fits: [...fits.values()] };
  const rest = tables.length > NAMES ? ` and ${tables.length - NAMES} more` : "";
  return {
    fits: [],
    unknown: [...lacking.values()].join(", ") || `tables ${tables.slice(0, NAMES).join(", ")}${rest}`,
  };
}

/** The ordinary tables' names, and the ordinary columns of those that the layouts ask for. */
function tablesOf(ask: Questions, wanted: ReadonlySet<string>): { tables: string[]; columns: Columns } {
  const tables = ask
    .values("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 AND name NOT GLOB 'sqlite_*'")
    .map(([name]) => String(name))
    .sort();
  const columns = new Map<string, ReadonlySet<string>>();
  for (const table of tables) {
    if (!wanted.has(table.toLowerCase())) continue;
    const names = ask.values("SELECT name FROM pragma_table_xinfo(?1) WHERE hidden = 0", table);
    columns.set(table.toLowerCase(), new Set(names.map(([name]) => String(name).toLowerCase())));
  }
  return { tables, columns };
}

/** What keeps a layout from fitting: undefined nothing, "" whole tables, else the columns that its tables lack. */
function lackOf({ needs }: Layout, columns: Columns): string | undefined {
  const lacks: string[] = [];
  for (const [table, wanted] of Object.entries(needs)) {
    const there = columns.get(table.toLowerCase());
    if (!there) return "";
    lacks.push(...wanted.filter((name) => !there.has(name.toLowerCase())).map((name) => `${table}.${name}`));
  }
  return lacks.length > 0 ? `without ${lacks.join(", ")}` : undefined;
}

function fitOf(layout: Layout, columns: Columns, captures: boolean): Fit {
  const { name, index, rows, texts, cursor, pruned, page, blocks, optional = {} } = layout;
  const has = (table: string, column: string): boolean =>
    columns.get(table.toLowerCase())?.has(column.toLowerCase()) === true;
  const sqlOf = (sql: string): string =>
    sql.replace(/\{(\w+)\.(\w+)\}/g, (whole, table: string, column: string) => {
      if (!optional[table]?.includes(column)) throw new Error(`layout ${name} has no optional column ${whole}`);
      return has(table, column) ? `${table}.${column}` : "NULL";
    });
  return {
    name,
    index: sqlOf(index),
    rows: Object.entries(captures ? { ...rows, ...texts } : rows).map(([part, sql]) => [part, sqlOf(sql)]),
    cursor: cursor && sqlOf(cursor),
    pruned: pruned && sqlOf(pruned),
    page: captures && texts ? Math.min(TEXTS_PAGE, page ?? PAGE) : (page ?? PAGE),
    blocks:
      blocks &&
      blocksSql(name, { ...blocks, columns: blocks.columns.map(sqlOf) }, (column) => has(blocks.table, column)),
  };
}

/** Reads all keys and digests of a layout in one statement. */
export function readIndex(db: ForeignDatabase, { name, index }: Fit): Index {
  // A damaged tree may lead back into itself: no file has more rows than its bytes can hold.
  const limit = Math.ceil(db.bytes / LEAST_ROW) + 1;
  const found = db.page((ask) => ask.values(`SELECT * FROM (${index}) LIMIT ?1`, limit));
  if (found.length === limit) throw new UnreadableDatabase("unreadable", "damaged (more rows than it has room for)");
  const keys: Key[] = [];
  const digests: bigint[] = [];
  for (const row of found) {
    const key = keyOf(row[0]);
    if (key === undefined) continue;
    keys.push(key);
    digests.push(Bun.hash.xxHash64(name + JSON.stringify(row, row.some(isBig) ? asText : undefined)));
  }
  return { keys, digests, keyless: found.length - keys.length };
}

/** Where the layout's newest rows end; undefined where it has no cursor or there are no rows. */
export function readCursor(db: ForeignDatabase, { cursor }: Fit): Row | undefined {
  const row = cursor === undefined ? undefined : db.page((ask) => ask.rows(cursor)).rows[0];
  // It is kept as JSON; an integer beyond 2^53 is no time and no row's number, and may be rounded.
  return (
    row && Object.fromEntries(Object.entries(row).map(([name, value]) => [name, isBig(value) ? Number(value) : value]))
  );
}

/** How many rows came after this cursor and were deleted, or moved to a new number, before anybody read them. */
export function countPruned(db: ForeignDatabase, { pruned }: Fit, since: Row): number {
  if (pruned === undefined) return 0;
  const [[count] = []] = db.page((ask) => ask.values(pruned, JSON.stringify(since)));
  return typeof count === "number" && count > 0 ? count : 0;
}

function keyOf(value: unknown): Key | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  return typeof value === "string" || typeof value === "bigint" ? value : undefined;
}

const isBig = (value: unknown): boolean => typeof value === "bigint";
const asText = (_: string, value: unknown): unknown => (typeof value === "bigint" ? `${value}` : value);

/** Reads these groups whole, in one read transaction. A group that is gone by now is left out. */
export function readGroups(db: ForeignDatabase, fit: Fit, keys: readonly Key[]): Map<Key, Group> {
  const list = `[${keys.map((key) => (typeof key === "string" ? JSON.stringify(key) : String(key))).join()}]`;
  const groups = new Map<Key, Record<string, Row[]>>();
  db.page((ask) => {
    for (const [part, sql] of fit.rows) {
      const { rows, first } = ask.rows(sql, list);
      for (const row of rows) {
        const key = row[first] as Key;
        let group = groups.get(key);
        if (!group) {
          group = Object.fromEntries(fit.rows.map(([name]) => [name, []]));
          groups.set(key, group);
        }
        group[part]?.push(row);
      }
    }
  });
  return new Map([...groups].map(([key, rows]) => [key, { key: String(key), layout: fit.name, rows }]));
}
