/** Owns made-up stores of OpenCode and of Kilo Code: rows as they are written, and what weir tells of them. */
import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { JsonObject } from "../../src/record/json.ts";
import type { WeirRecord } from "../../src/record/schema.ts";
import { syncHome, type Told, toldIn } from "./agent.ts";
import { scratch } from "./home.ts";

/** When the made-up stores begin, in milliseconds since 1970. */
export const T = 1_780_000_000_000;

const SESSION = `(id TEXT PRIMARY KEY, parent_id TEXT, directory TEXT, version TEXT, slug TEXT, title TEXT, agent TEXT,
  tokens_input INTEGER, time_created INTEGER, time_updated INTEGER)`;
export const V1 = `CREATE TABLE session ${SESSION};
  CREATE TABLE message (id TEXT PRIMARY KEY, session_id TEXT, time_created INTEGER, time_updated INTEGER, data TEXT);
  CREATE TABLE part (id TEXT PRIMARY KEY, message_id TEXT, session_id TEXT, time_created INTEGER, time_updated INTEGER,
    data TEXT);
  CREATE INDEX part_message_id_id_idx ON part (message_id, id)`;
export const V2 = `CREATE TABLE session_v2 ${SESSION};
  CREATE TABLE session_message (id TEXT PRIMARY KEY, session_id TEXT, type TEXT, seq INTEGER, time_created INTEGER,
    time_updated INTEGER, data TEXT)`;

export type Cell = string | number | null;
/** A row as it is written, again when it changes. */
export interface Write {
  readonly table: string;
  readonly row: Readonly<Record<string, Cell>>;
}

export const session = (id: string, at: number, more: Record<string, Cell> = {}, table = "session"): Write => ({
  table,
  row: {
    id,
    parent_id: null,
    directory: "/src/app",
    version: "1.2.3",
    time_created: T + at,
    time_updated: T + at,
    ...more,
  },
});
export const message = (id: string, of: string, at: number, data: JsonObject, updated = at): Write => ({
  table: "message",
  row: { id, session_id: of, time_created: T + at, time_updated: T + updated, data: JSON.stringify(data) },
});
export const part = (id: string, message_id: string, at: number, data: JsonObject, updated = at): Write => ({
  table: "part",
  row: { id, message_id, session_id: "s", time_created: T + at, time_updated: T + updated, data: JSON.stringify(data) },
});
export const user = (id: string, of: string, at: number): Write[] => [
  message(id, of, at, { role: "user", time: { created: T + at }, agent: "build" }),
  part(`${id}p`, id, at, { type: "text", text: "go on" }),
];
export const tokens = (input: number, output: number, reasoning = 0, more = {}) => ({
  input,
  output,
  reasoning,
  cache: { read: 0, write: 0 },
  ...more,
});
export const answer = (id: string, of: string, at: number, more: JsonObject = {}): Write =>
  message(id, of, at, {
    role: "assistant",
    time: { created: T + at, completed: T + at + 500 },
    providerID: "anthropic",
    modelID: "m",
    agent: "build",
    cost: 0.5,
    finish: "stop",
    tokens: tokens(10, 5),
    ...more,
  });
export const tool = (id: string, of: string, at: number, state: JsonObject, more: JsonObject = {}): Write =>
  part(id, of, at, { type: "tool", callID: `toolu_0000000000${id}`, tool: "bash", state, ...more });
export const done = (at: number, more: JsonObject = {}) => ({
  status: "completed",
  time: { start: T + at, end: T + at + 9 },
  ...more,
});

/** Writes rows, in the place of those of the same key, into a database that it makes if need be. */
export function write(path: string, writes: readonly Write[], schema = V1): void {
  mkdirSync(dirname(path), { recursive: true });
  const db = new Database(path, { create: true, readwrite: true });
  if (!db.query("SELECT 1 FROM sqlite_schema").get()) db.run(schema);
  db.transaction(() => {
    for (const { table, row } of writes) {
      const names = Object.keys(row);
      db.prepare(`REPLACE INTO ${table} (${names}) VALUES (${names.map(() => "?")})`).run(...Object.values(row));
    }
  })();
  db.close();
}

/** A database of each agent, below the home. */
export const DB = ".local/share/opencode/opencode.db";
export const KILO_DB = ".local/share/kilo/kilo.db";

/** What one sync of a database with these rows tells. */
export async function tell(writes: readonly Write[], schema = V1, agent = "opencode"): Promise<Told> {
  using place = scratch();
  write(join(place.home, agent === "opencode" ? DB : KILO_DB), writes, schema);
  return toldIn(place.data, await syncHome(agent, place.home, place.data));
}

/** The same at capture level raw, with a sync after each of the steps. */
export async function tellTexts(steps: readonly (readonly Write[])[], schema = V1, agent = "opencode"): Promise<Told> {
  using place = scratch();
  let told: Told | undefined;
  for (const writes of steps) {
    write(join(place.home, agent === "opencode" ? DB : KILO_DB), writes, schema);
    told = toldIn(place.data, await syncHome(agent, place.home, place.data, "raw"));
  }
  if (!told) throw new Error("nothing was written");
  return told;
}

export const of = ({ records }: Told, operation: string): WeirRecord[] =>
  records.filter((r) => r.operation === operation);
export const input = (told: Told): number[] => of(told, "chat").map((r) => r.usage?.input_tokens ?? 0);
/** A step that an answer took: a call of its own. */
export const step = (id: string, of: string, at: number, told: JsonObject, more: JsonObject = {}): Write =>
  part(id, of, at, { type: "step-finish", reason: "stop", cost: 0.5, tokens: told, ...more });
/** A row of version 2. */
export const entry = (id: string, of: string, seq: number, type: string, data: unknown): Write => ({
  table: "session_message",
  row: { id, session_id: of, type, seq, time_created: T + seq, time_updated: T + seq, data: JSON.stringify(data) },
});
