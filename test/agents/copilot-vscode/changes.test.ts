/** Owns the proof that every change of a large trace database is noticed, and that both ways of reading it tell the same. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { BlockReader } from "../../../src/read/blocks.ts";
import { ForeignDatabase } from "../../../src/read/sqlite.ts";
import { Sweep } from "../../../src/read/sweep.ts";
import { shapeOf } from "../../../src/read/tables.ts";
import type { Summary } from "../../../src/sync/summary.ts";
import { archived, lastTellings, syncInto } from "../../support/archive.ts";
import {
  chat,
  copilotInBlocks,
  DATABASE,
  type MadeSpan,
  NOON,
  openTraces,
  S1,
  syncCopilot,
  toldIn,
} from "../../support/copilot.ts";
import { type Scratch, scratch } from "../../support/home.ts";
import { random, SEED } from "../../support/random.ts";

const changes = ({ records: { added, revised } }: Summary): [number, number] => [added, revised];
const idOf = (n: number): string => `a${String(n).padStart(15, "0")}`;

/** Model calls of traces that begin one after the other and last for a while, so that they overlap. */
function made(from: number, to: number): MadeSpan[] {
  return Array.from({ length: to - from }, (_, i) => {
    const n = from + i;
    const trace = String(Math.floor(n / 10) - (n % 3)).padStart(32, "0");
    const attributes = {
      "copilot_chat.chat_session_id": S1,
      "server.address": "host-a",
      "gen_ai.response.id": `r-${n}-0123456789`,
    };
    return { id: idOf(n), trace, start: n, end: n + 0.5, attributes: chat(n + 1, 1, attributes) };
  });
}

/** A database of so many rows. */
function large(place: Scratch, rows: number): ReturnType<typeof openTraces> {
  return openTraces(place)
    .run("BEGIN")
    .put(...made(0, rows))
    .run("COMMIT");
}

test("rows older than thousands of others are told anew when anything of them changes where it stands", async () => {
  using place = scratch({ fast: true });
  using traces = large(place, 3000);
  traces.run(
    `INSERT INTO span_events (span_id, name, timestamp_ms, attributes) VALUES ('${idOf(7)}', 'turn_start', ${NOON}, '{"turnId":"1"}')`,
  );
  expect(changes(await syncCopilot(place))).toEqual([3000, 0]);
  const span = `span_id = '${idOf(7)}'`;
  const told = () => toldIn(place).find((r) => r.span_id === idOf(7))!;
  for (const [sql, field] of [
    [`UPDATE spans SET output_tokens = 9 WHERE ${span}`, () => told().usage?.output_tokens === 9],
    [`UPDATE spans SET status_code = 2 WHERE ${span}`, () => told().status === "error"],
    [
      `UPDATE span_attributes SET value = 'host-b' WHERE key = 'server.address' AND ${span}`,
      () => told().attributes?.["server.address"] === "host-b",
    ],
    [
      `INSERT INTO span_attributes VALUES ('${idOf(7)}', 'error.type', 'timeout')`,
      () => told().error_type === "timeout",
    ],
    [`DELETE FROM span_attributes WHERE key = 'server.address' AND ${span}`, () => told().attributes === undefined],
    [
      `UPDATE span_events SET attributes = '{"turnId":"2"}' WHERE ${span}`,
      () => told().events?.[0]?.attributes?.turnId === "2",
    ],
  ] as const) {
    traces.run(sql);
    const summary = await syncCopilot(place);
    expect([sql, ...changes(summary), field()]).toEqual([sql, 0, 1, true]);
  }
  // What a record does not tell is no news.
  traces.run(
    `INSERT INTO span_attributes VALUES ('${idOf(7)}', 'gen_ai.input.messages', 'text'), ('${idOf(7)}', 'session.id', 'w')`,
  );
  traces.run(`UPDATE spans SET status_message = 'text', turn_index = 4, ttft_ms = 5 WHERE ${span}`);
  expect(changes(await syncCopilot(place))).toEqual([0, 0]);
});

test("a row that is written again with less in it is told with less; one that only lost its run keeps what it had", async () => {
  using place = scratch({ fast: true });
  using traces = openTraces(place);
  const tool = { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "run" };
  const run = {
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.agent.name": "task",
    "copilot_chat.chat_session_id": S1,
  };
  traces.put(
    { id: idOf(1), end: 90, attributes: { ...run, "gen_ai.agent.name": "copilotcli" } },
    { id: idOf(2), parent: idOf(1), start: 1, end: 80, attributes: run },
    {
      id: idOf(3),
      parent: idOf(2),
      start: 2,
      status: 2,
      attributes: { ...tool, "copilot_chat.chat_session_id": S1, "error.type": "E" },
    },
    { id: idOf(4), start: 3, status: 2, attributes: { ...tool, "error.type": "E" } },
  );
  await syncCopilot(place);
  const told = (n: number) => toldIn(place).find((r) => r.span_id === idOf(n))!;
  expect(told(3).subagent?.name).toBe("task");
  traces.put({ id: idOf(4), start: 3, attributes: tool });
  expect(changes(await syncCopilot(place))).toEqual([0, 1]);
  expect([told(4).status, told(4).error_type]).toEqual(["ok", undefined]);
  traces.run(`DELETE FROM spans WHERE span_id IN ('${idOf(1)}', '${idOf(2)}')`);
  expect(changes(await syncCopilot(place))).toEqual([0, 0]);
  expect(told(3).subagent?.name).toBe("task");
});

test("the rows of one block, a row that moves, and an attribute that moves are told once", async () => {
  using place = scratch({ fast: true });
  using traces = large(place, 2000);
  await syncCopilot(place);
  traces.run(`DELETE FROM spans WHERE rowid BETWEEN 300 AND 900`);
  expect(changes(await syncCopilot(place))).toEqual([0, 0]);
  traces.put({ ...made(40, 41)[0]!, attributes: chat(41, 7, { "copilot_chat.chat_session_id": S1 }) });
  expect(changes(await syncCopilot(place))).toEqual([0, 1]);
  traces.run(`INSERT OR REPLACE INTO span_attributes VALUES ('${idOf(41)}', 'server.address', 'host-z')`);
  expect(changes(await syncCopilot(place))).toEqual([0, 1]);
  traces.run("PRAGMA foreign_keys = OFF").run("VACUUM");
  expect(changes(await syncCopilot(place))).toEqual([0, 0]);
});

test("everything at once, and piece by piece by keys, is told the same, whatever the size of the blocks", async () => {
  const r = random(SEED);
  using pieces = scratch({ fast: true });
  using traces = openTraces(pieces);
  for (let at = 0; at < 700; ) {
    const next = Math.min(700, at + r.int(1, 200));
    traces
      .run("BEGIN")
      .put(...made(at, next))
      .run("COMMIT");
    await syncCopilot(pieces);
    at = next;
  }
  const whole = lastTellings(archived(pieces.data));
  expect(whole.size).toBe(700);
  for (const [rows, values] of [
    [1, 1],
    [2, 64],
    [64, 2],
    [512, 4096],
  ] as const) {
    const data = join(pieces.root, `${rows}-${values}`);
    const summary = await syncInto(data, pieces.home, { agents: [copilotInBlocks(rows, values)] });
    expect([rows, values, ...changes(summary)]).toEqual([rows, values, 700, 0]);
    expect(lastTellings(archived(data))).toEqual(whole);
  }
});

test("rows and attributes that stand in different orders are told once, and whole", async () => {
  using place = scratch({ fast: true });
  using traces = large(place, 1500);
  traces
    .run("PRAGMA foreign_keys = OFF")
    .run(
      "CREATE TEMP TABLE kept AS SELECT * FROM spans; DELETE FROM spans; INSERT INTO spans SELECT * FROM kept ORDER BY span_id DESC",
    );
  const summary = await syncCopilot(place);
  expect([...changes(summary), summary.records.known]).toEqual([1500, 0, 0]);
  expect(toldIn(place).every((r) => r.attributes?.["server.address"] === "host-a" && r.response_id !== undefined)).toBe(
    true,
  );
  expect(changes(await syncCopilot(place))).toEqual([0, 0]);
});

function sweepOf(place: Scratch, rows: number, values: number): { readonly sweep: Sweep; close(): void } {
  const [stream] = copilotInBlocks(rows, values).streams;
  if (stream?.shape !== "snapshot" || stream.groups.form !== "sqlite") throw new Error("no database");
  const db = ForeignDatabase.open(join(place.home, DATABASE), undefined);
  const sql = shapeOf(db, stream.groups.layouts, false).fits[0]?.blocks;
  if (!sql) throw new Error("no blocks");
  return { sweep: new Sweep(new BlockReader(db, sql)), close: () => db.close() };
}

test("reading everything at once ends when another program writes meanwhile, before it tells anything of two moments", () => {
  using place = scratch({ fast: true });
  using traces = openTraces(place);
  traces.run("PRAGMA journal_mode = WAL");
  traces
    .run("BEGIN")
    .put(...made(0, 400))
    .run("COMMIT");
  const { sweep, close } = sweepOf(place, 16, 64);
  const told: string[] = [];
  for (const groups of sweep.groups()) {
    told.push(...groups.map(([key]) => key));
    if (told.length === 0) continue;
    traces.run(`DELETE FROM span_attributes WHERE span_id = '${idOf(399)}'`);
  }
  expect(sweep.isWhole).toBe(false);
  expect(told.length).toBeGreaterThan(0);
  expect(told.length).toBeLessThan(20);
  expect(told.every((key) => sweep.isTold(key))).toBe(true);
  close();
});

test("a span is told whole, though one of its attributes was written long after it", async () => {
  using place = scratch({ fast: true });
  using traces = large(place, 1200);
  traces.run(`DELETE FROM span_attributes WHERE span_id = '${idOf(3)}' AND key = 'server.address'`);
  traces.run(`INSERT INTO span_attributes VALUES ('${idOf(3)}', 'server.address', 'host-late')`);
  await syncCopilot(place);
  expect(toldIn(place).find((r) => r.span_id === idOf(3))!.attributes).toEqual({ "server.address": "host-late" });
  expect(toldIn(place)).toHaveLength(1200);
});

test("columns that do not repeat what the attributes say are not believed", async () => {
  using place = scratch({ fast: true });
  using traces = large(place, 600);
  traces.run(
    "UPDATE spans SET operation_name = NULL, request_model = NULL, chat_session_id = NULL, input_tokens = NULL",
  );
  await syncCopilot(place);
  const told = toldIn(place);
  expect(told).toHaveLength(600);
  for (const record of told)
    expect(record).toMatchObject({
      operation: "chat",
      request_model: "gpt-4.1",
      session_id: S1,
      usage: { output_tokens: 1 },
    });
  expect(told.every((record) => record.usage?.input_tokens)).toBe(true);
});

test("bytes where texts and numbers should be, keys that are none, and numbers of rows beyond all others harm nobody", async () => {
  using place = scratch({ fast: true });
  using traces = large(place, 20);
  const blob = "x'00ff'";
  traces.run(`UPDATE spans SET name = ${blob}, parent_span_id = ${blob}, status_code = ${blob}, tool_name = ${blob},
    input_tokens = ${blob}, end_time_ms = ${blob} WHERE span_id = '${idOf(1)}'`);
  traces.run(`UPDATE span_attributes SET value = ${blob} WHERE span_id = '${idOf(2)}'`);
  traces.run(`INSERT INTO span_attributes VALUES ('${idOf(2)}', ${blob}, 'x'), ('${idOf(3)}', 'x.unknown', NULL)`);
  traces.run(
    `INSERT INTO span_events (span_id, name, timestamp_ms, attributes) VALUES ('${idOf(4)}', ${blob}, ${blob}, ${blob})`,
  );
  traces.run(`UPDATE spans SET trace_id = ${blob} WHERE span_id = '${idOf(5)}'`);
  traces.run(`UPDATE spans SET rowid = -7 WHERE span_id = '${idOf(6)}'`);
  traces.run(`UPDATE spans SET rowid = 9223372036854775807 WHERE span_id = '${idOf(8)}'`);
  traces.run(`UPDATE spans SET rowid = 9007199254740993 WHERE span_id = '${idOf(9)}'`);
  const summary = await syncCopilot(place);
  expect([summary.unreadable, summary.quarantined]).toEqual([[], []]);
  const told = toldIn(place).map((r) => r.span_id);
  for (const n of [0, 1, 2, 3, 4, 6, 7, 8, 9, 19]) expect(told).toContain(idOf(n));
  traces.run(`UPDATE spans SET output_tokens = 5 WHERE span_id = '${idOf(9)}'`);
  expect(changes(await syncCopilot(place))).toEqual([0, 1]);
});

test("a run that is stopped while it reads everything leaves nothing half told", async () => {
  using place = scratch({ fast: true });
  large(place, 1500)[Symbol.dispose]();
  const { Archive } = await import("../../../src/archive/archive.ts");
  const { sync } = await import("../../../src/sync/sync.ts");
  const { environmentAt, EVERYTHING } = await import("../../support/archive.ts");
  const run = async (asked: number): Promise<Summary> => {
    const archive = await Archive.open(place.data, { waitMs: 0, segmentMaxBytes: 5 << 20 });
    let left = asked;
    const stopped = (): boolean => --left < 0;
    const summary = await sync([copilotInBlocks(64, 512)], environmentAt(place.home), archive, {
      choice: EVERYTHING,
      stopped,
    });
    archive.close(summary);
    return summary;
  };
  let added = 0;
  for (const asked of [8, 15, 22]) {
    const { stopped, records } = await run(asked);
    expect(stopped).toBe(true);
    added += records.added;
  }
  expect(added).toBeGreaterThan(0);
  expect(added + (await run(1e9)).records.added).toBe(1500);
  expect(changes(await run(1e9))).toEqual([0, 0]);
});
