/** Owns the shop: an agent whose store is one database, for tests of how databases are read. */
import { Database } from "bun:sqlite";
import { expect } from "bun:test";
import { join } from "node:path";
import { type Agent, type Layout, snapshot } from "../../src/read/types.ts";
import { list, number, text } from "../../src/record/json.ts";
import type { WeirRecord } from "../../src/record/schema.ts";
import type { Summary } from "../../src/sync/summary.ts";
import { archived, syncInto, toldTwice } from "./archive.ts";
import { type Scratch, scratch } from "./home.ts";

export const layout: Layout = {
  name: "items",
  needs: { item: ["id", "n"], part: ["item", "word"] },
  optional: { item: ["cost"] },
  index: "SELECT id, n, (SELECT count(*) FROM part WHERE item = id), {item.cost} FROM item ORDER BY id",
  rows: {
    item: "SELECT item.id, item.n, {item.cost} AS cost FROM item WHERE id IN (SELECT value FROM json_each(?1))",
    part: `SELECT item, json_group_array(word) AS words FROM part
      WHERE item IN (SELECT value FROM json_each(?1)) GROUP BY item`,
  },
};

/** An agent whose one database holds items with parts; `n` is told as a call's tokens, the parts as its finish reasons. */
export function agentOf(layouts: readonly Layout[] = [layout], version = 1): Agent {
  return {
    id: "shop",
    title: "Shop",
    retention: "keeps everything",
    streams: [
      snapshot({
        kind: "items",
        rank: 1,
        version,
        locate: ({ homes }) => homes.map(({ path }) => ({ root: path, match: ["*.db"] })),
        session: () => undefined,
        groups: { form: "sqlite", layouts },
        reduce({ key, rows, layout: name }, source, emit) {
          const item = rows?.item?.[0];
          if (item?.n === 13) throw new Error("unlucky");
          emit({
            key: `${name} ${key}`,
            session_id: source.stem,
            operation: "chat",
            usage: { input_tokens: number(item?.n) ?? 0 },
            cost_usd: number(item?.cost),
            finish_reasons: list(JSON.parse(text(rows?.part?.[0]?.words) ?? "[]")).map(String),
          });
        },
      }),
    ],
  };
}

export const agents = [agentOf()];
export const SCHEMA = "CREATE TABLE item (id TEXT PRIMARY KEY, n INTEGER); CREATE TABLE part (item TEXT, word TEXT)";

export interface Shop extends Scratch {
  readonly path: string;
  /** Runs SQL and closes the database again. */
  run(sql: string): void;
  sync(with_?: readonly Agent[]): Promise<Summary>;
  /** The last content of each item, as the archive has it. */
  items(): Record<string, unknown>;
}

/** A shop with this schema; `using` removes it. */
export function shop(schema = SCHEMA): Shop {
  const place = scratch();
  const path = join(place.home, "shop.db");
  const run = (sql: string): void => {
    const db = new Database(path, { create: true, readwrite: true });
    db.run(sql);
    db.close();
  };
  run(schema);
  return Object.assign(place, {
    path,
    run,
    sync: (given = agents) => syncInto(place.data, place.home, { agents: given }),
    items: () => itemsOf(archived(place.data)),
  });
}

function itemsOf(records: readonly WeirRecord[]): Record<string, unknown> {
  expect(toldTwice(records)).toEqual([]);
  const last = new Map<string, WeirRecord>();
  for (const record of records) {
    const key = String(record.source.row);
    if ((last.get(key)?.rev ?? -1) < record.rev) last.set(key, record);
  }
  const tell = (r: WeirRecord): unknown[] => [r.usage?.input_tokens, ...(r.finish_reasons ?? [])];
  return Object.fromEntries([...last].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, r]) => [key, tell(r)]));
}
