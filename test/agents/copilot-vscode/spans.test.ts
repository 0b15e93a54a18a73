/** Owns the proof that every span of a trace database is told once, at its last content, however the table changes. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { knownSources } from "../../../src/archive/known.ts";
import type { Summary } from "../../../src/sync/summary.ts";
import { archived, lastTellings, openWriter, toldTwice } from "../../support/archive.ts";
import {
  chat,
  countedIn,
  DATABASE,
  FIXTURE,
  figuresOf,
  NOON,
  openTraces,
  place,
  S1,
  SUB,
  syncCopilot,
  toldIn,
} from "../../support/copilot.ts";
import { type Scratch, scratch } from "../../support/home.ts";
import { random, SEED, trial } from "../../support/random.ts";

const SAMPLE = "home/.config/Code/User/globalStorage/github.copilot-chat/agent-traces.db";
const WAL = "wal/home/.config/VSCodium/User/globalStorage/github.copilot-chat/agent-traces.db";

const changes = ({ records: { added, revised } }: Summary): [number, number] => [added, revised];
const spansIn = (home: Scratch) => toldIn(home).filter((r) => r.stream === "otel_traces");

for (const [file, spans, calls, input, output, cached] of [
  [SAMPLE, 60, 20, 249073, 5538, 191827],
  [WAL, 40, 13, 139573, 3992, 93827],
  ["more/agent-traces-wal-mainonly.db", 10, 5, 36291, 885, 20736],
  ["more/agent-traces-v2-proposed.db", 60, 20, 249073, 5538, 191827],
  ["more/agent-traces-replaced.db", 20, 8, 48423, 1855, 26127],
  ["more/agent-traces-reuse-before.db", 20, 8, 48423, 1855, 26127],
  ["more/agent-traces-reuse-after.db", 21, 10, 37009, 1215, 24811],
] as const) {
  test(`${file} has ${spans} spans and ${calls} calls with tokens`, async () => {
    using home = scratch();
    place(home, file, DATABASE);
    await syncCopilot(home);
    expect(spansIn(home)).toHaveLength(spans);
    expect(figuresOf(countedIn(home))).toMatchObject({ calls, input, output, cached });
  });
}

test("one database in its states one after the other: each span once, one revision for the replaced one", async () => {
  using home = scratch();
  const seen: [number, number][] = [];
  for (const file of [
    WAL,
    SAMPLE,
    "more/agent-traces-v2-proposed.db",
    "more/agent-traces-replaced.db",
    "more/agent-traces-reuse-before.db",
    "more/agent-traces-reuse-after.db",
    "more/agent-traces-reuse-after.db",
  ]) {
    place(home, file, DATABASE);
    const summary = await syncCopilot(home);
    expect(summary.lost).toEqual({});
    seen.push(changes(summary));
  }
  expect(seen).toEqual([
    [40, 0],
    [20, 0],
    [0, 0],
    [0, 1],
    [0, 0],
    [3, 0],
    [0, 0],
  ]);
  expect(spansIn(home)).toHaveLength(63);
  expect(toldTwice(archived(home.data))).toEqual([]);
});

/** Copies the sample's rows with these rowids from one database into another. */
function copyRows(from: string, to: Database, low: number, high: number): void {
  to.run(`ATTACH '${from}' AS sample`);
  to.run(`INSERT INTO main.spans SELECT * FROM sample.spans WHERE rowid BETWEEN ${low} AND ${high} ORDER BY rowid`);
  const those = `SELECT span_id FROM sample.spans WHERE rowid BETWEEN ${low} AND ${high}`;
  to.run(`INSERT INTO main.span_attributes SELECT * FROM sample.span_attributes WHERE span_id IN (${those})`);
  to.run(
    `INSERT INTO main.span_events (span_id, name, timestamp_ms, attributes) SELECT span_id, name, timestamp_ms, attributes FROM sample.span_events WHERE span_id IN (${those}) ORDER BY id`,
  );
  to.run("DETACH sample");
}

/** Lets the sample's rows come in the order of their commits, with a sync after each of these rowids. */
async function growRows(home: Scratch, stops: readonly number[]): Promise<Map<string, string>> {
  using source = scratch();
  const sample = join(source.root, "sample.db");
  copyFileSync(join(FIXTURE, SAMPLE), sample);
  openTraces(home)[Symbol.dispose]();
  using db = new Database(join(home.home, DATABASE), { readwrite: true });
  await using writer = await openWriter(home.data, home.home, {
    choice: { agents: ["copilot-vscode"], streams: [], sources: [] },
  });
  let done = 0;
  for (const stop of [...stops, 60]) {
    if (stop > done) copyRows(sample, db, done + 1, stop);
    done = Math.max(done, stop);
    await writer.sync();
  }
  return lastTellings(archived(home.data));
}

test("late, tied and fractional end times: a sync after every single commit tells the same as one at the end", async () => {
  using once = scratch({ fast: true });
  using often = scratch({ fast: true });
  const whole = await growRows(once, []);
  expect(whole.size).toBe(60);
  expect(
    await growRows(
      often,
      Array.from({ length: 59 }, (_, i) => i + 1),
    ),
  ).toEqual(whole);
  expect(figuresOf(countedIn(often))).toMatchObject({ calls: 20, input: 249073, output: 5538 });
});

test("the cut law holds for rows that come in any pieces", async () => {
  using once = scratch({ fast: true });
  const whole = await growRows(once, []);
  for (let at = 0; at < 12; at++)
    await trial(SEED + at, async (r) => {
      using home = scratch({ fast: true });
      const stops = Array.from({ length: r.int(1, 8) }, () => r.int(1, 59)).sort((a, b) => a - b);
      expect(await growRows(home, stops)).toEqual(whole);
    });
});

test("spans keep their fractions: times to the microsecond, the cursor to the last bit", async () => {
  using home = scratch();
  using traces = openTraces(home);
  traces.put({ id: "a1b2c3d4e5f60718", start: 5, end: 17.00390625, attributes: chat(3, 2) });
  await syncCopilot(home);
  const [span] = spansIn(home);
  expect(span).toMatchObject({
    time: "2026-03-30T10:00:00.005Z",
    end_time: "2026-03-30T10:00:00.017004Z",
    duration_ms: 12.004,
  });
  const { proof } = knownSources(home.data)[0]!;
  expect(JSON.parse(proof!).spans).toMatchObject({ end_time_ms: NOON + 17.00390625, span_id: "a1b2c3d4e5f60718" });
});

test("of spans that end in the same instant the cursor names the last id", async () => {
  using home = scratch();
  using traces = openTraces(home);
  for (const id of ["b000000000000001", "b000000000000003", "b000000000000002"]) traces.put({ id, end: 9.5 });
  await syncCopilot(home);
  expect(JSON.parse(knownSources(home.data)[0]!.proof!).spans).toMatchObject({
    end_time_ms: NOON + 9.5,
    span_id: "b000000000000003",
  });
});

test("a span without any session is told, and one whose parent comes later is revised, not told twice", async () => {
  using home = scratch();
  using traces = openTraces(home);
  traces.put({ id: "c000000000000001", parent: "c000000000000002", start: 2, end: 3, attributes: chat(10, 1) });
  expect(changes(await syncCopilot(home))).toEqual([1, 0]);
  expect(spansIn(home)[0]!.session_id).toBeUndefined();
  traces.put({
    id: "c000000000000002",
    end: 9,
    attributes: {
      "gen_ai.operation.name": "invoke_agent",
      "gen_ai.agent.name": "GitHub Copilot Chat",
      "copilot_chat.chat_session_id": S1,
    },
  });
  expect(changes(await syncCopilot(home))).toEqual([1, 1]);
  expect(spansIn(home).map((r) => [r.operation, r.session_id])).toEqual([
    ["chat", S1],
    ["invoke_agent", S1],
  ]);
});

test("a row that is written again is told at its last content: under a new rowid, under its old one, or in place", async () => {
  using home = scratch();
  using traces = openTraces(home);
  const span = { id: "d000000000000001", start: 1, end: 2 };
  const usage = () => spansIn(home).find((r) => r.span_id === span.id)!.usage;
  traces.put(
    { ...span, attributes: chat(10, 655) },
    { id: "d000000000000002", start: 3, end: 4, attributes: chat(1, 1) },
  );
  await syncCopilot(home);
  traces.put({ ...span, attributes: chat(10, 700) });
  expect(changes(await syncCopilot(home))).toEqual([0, 1]);
  expect(usage()).toMatchObject({ output_tokens: 700 });
  // Its row is the highest now: deleted and written again, it gets the same rowid.
  traces.run(`DELETE FROM spans WHERE span_id = '${span.id}'`).put({ ...span, attributes: chat(10, 800) });
  expect(changes(await syncCopilot(home))).toEqual([0, 1]);
  traces.run("DELETE FROM spans WHERE rowid = (SELECT max(rowid) FROM spans)");
  traces.put({ ...span, attributes: chat(10, 800, { "gen_ai.usage.cache_write.input_tokens": 4 }) });
  expect(changes(await syncCopilot(home))).toEqual([0, 1]);
  expect(usage()).toEqual({ input_tokens: 10, output_tokens: 800, cache_creation_input_tokens: 4 });
  traces.run("UPDATE span_attributes SET value = '5' WHERE key = 'gen_ai.usage.cache_write.input_tokens'");
  expect(changes(await syncCopilot(home))).toEqual([0, 1]);
  traces.run("UPDATE spans SET output_tokens = 900 WHERE span_id = 'd000000000000001'");
  expect(changes(await syncCopilot(home))).toEqual([0, 1]);
  expect(usage()).toEqual({ input_tokens: 10, output_tokens: 900, cache_creation_input_tokens: 5 });
});

test("rows that the extension deletes take nothing back, not even the session that others had from them", async () => {
  using home = scratch();
  using traces = openTraces(home);
  const run = {
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.agent.name": "copilotcli",
    "copilot_chat.chat_session_id": S1,
  };
  traces.put(
    { id: "e000000000000001", end: 50, attributes: run },
    {
      id: "e000000000000002",
      parent: "e000000000000001",
      start: 1,
      end: 40,
      attributes: { "gen_ai.operation.name": "invoke_agent" },
    },
    { id: "e000000000000003", parent: "e000000000000002", start: 2, end: 3, attributes: chat(7, 1) },
  );
  await syncCopilot(home);
  const before = lastTellings(archived(home.data));
  traces.run("DELETE FROM spans WHERE span_id < 'e000000000000003'");
  expect(changes(await syncCopilot(home))).toEqual([0, 0]);
  expect(lastTellings(archived(home.data))).toEqual(before);
});

test("rows that came and went between two syncs are reported once, with the advice to sync more often", async () => {
  using home = scratch();
  using traces = openTraces(home);
  traces.put({ id: "f000000000000001", end: 1 }, { id: "f000000000000002", end: 2 });
  expect((await syncCopilot(home)).lost).toEqual({});
  for (let at = 3; at <= 9; at++) traces.put({ id: `f00000000000000${at}`, end: at });
  traces.run("DELETE FROM spans WHERE span_id < 'f000000000000006'");
  const lost = Object.entries((await syncCopilot(home)).lost);
  expect(lost).toEqual([
    [expect.stringMatching(/copilot-vscode\/otel_traces: .*before it was read.*sync more often/), 3],
  ]);
  expect((await syncCopilot(home)).lost).toEqual({});
  // What was read and then deleted is not lost, nor is a rowid that is used again.
  traces.run("DELETE FROM spans").put({ id: "f00000000000000a", end: 20 });
  const summary = await syncCopilot(home);
  expect([summary.lost, changes(summary)]).toEqual([{}, [1, 0]]);
});

test("rows that were written again before they were read are told, and not called deleted alone", async () => {
  using home = scratch();
  using traces = openTraces(home);
  traces.put({ id: "f000000000000001", end: 1 });
  await syncCopilot(home);
  for (let again = 0; again < 2; again++) traces.put({ id: "f000000000000002", end: 2 });
  const { lost } = await syncCopilot(home);
  expect(Object.entries(lost)).toEqual([[expect.stringMatching(/deleted or wrote again before it was read/), 1]]);
  expect(toldIn(home)).toHaveLength(2);
});

test("a database that was deleted and made anew is read from its start", async () => {
  using home = scratch();
  openTraces(home)
    .put({ id: "a000000000000001", end: 90, attributes: chat(1, 1) })
    [Symbol.dispose]();
  await syncCopilot(home);
  rmSync(join(home.home, DATABASE));
  openTraces(home)
    .put({ id: "a000000000000002", end: 2, attributes: chat(2, 2) })
    [Symbol.dispose]();
  expect(changes(await syncCopilot(home))).toEqual([1, 0]);
  expect(figuresOf(countedIn(home))).toMatchObject({ calls: 2, input: 3 });
});

test("content that was cut at 64,000 characters, inside its JSON, leaves the metadata right", async () => {
  using home = scratch();
  using traces = openTraces(home);
  const cut = `[{"role":"user","parts":[{"type":"text","content":"${"secret ".repeat(9000)}... [truncated, original 90000]`;
  const attributes = {
    ...chat(1500, 25),
    "gen_ai.input.messages": cut,
    "gen_ai.response.finish_reasons": '["stop","st',
    "copilot_chat.user_request": cut,
  };
  traces.put({ id: "a100000000000001", start: 1, end: 2.5, attributes });
  traces.run(
    `INSERT INTO span_events (span_id, name, timestamp_ms, attributes) VALUES ('a100000000000001', 'user_message', ${NOON}, '${cut}')`,
  );
  const summary = await syncCopilot(home);
  expect([summary.quarantined, summary.unknown]).toEqual([[], {}]);
  const [span] = spansIn(home);
  expect(span).toMatchObject({
    usage: { input_tokens: 1500, output_tokens: 25 },
    request_model: "gpt-4.1",
    duration_ms: 1.5,
  });
  expect(JSON.stringify(archived(home.data))).not.toContain("secret");
});

test("a table that lacks columns, or has more, is read by the columns it has", async () => {
  using home = scratch();
  using traces = openTraces(home);
  for (const column of ["ttft_ms", "input_tokens", "tool_type", "chat_session_id"])
    traces.run(`ALTER TABLE spans DROP COLUMN ${column}`);
  traces.run("ALTER TABLE spans ADD COLUMN later TEXT").run("UPDATE schema_version SET version = 9");
  traces.run(
    "INSERT INTO spans (span_id, trace_id, name, start_time_ms, end_time_ms) VALUES ('a200000000000001', 't', 'chat m', 1774864800000, 1774864800001)",
  );
  traces.run(
    "INSERT INTO span_attributes VALUES ('a200000000000001', 'gen_ai.operation.name', 'chat'), ('a200000000000001', 'gen_ai.usage.input_tokens', '12'), ('a200000000000001', 'copilot_chat.chat_session_id', 's')",
  );
  await syncCopilot(home);
  expect(spansIn(home)[0]).toMatchObject({ operation: "chat", session_id: "s", usage: { input_tokens: 12 } });
});

test("spans whose attributes were lost are told by their columns", async () => {
  using home = scratch();
  using traces = openTraces(home);
  traces
    .put({ id: "a300000000000001", attributes: chat(9, 4, { "copilot_chat.chat_session_id": S1 }) })
    .run("DELETE FROM span_attributes");
  await syncCopilot(home);
  expect(spansIn(home)[0]).toMatchObject({
    operation: "chat",
    session_id: S1,
    usage: { input_tokens: 9, output_tokens: 4 },
  });
});

test("a file of no bytes and a database without tables are silence", async () => {
  using home = scratch();
  mkdirSync(dirname(join(home.home, DATABASE)), { recursive: true });
  writeFileSync(join(home.home, DATABASE), "");
  const other = join(home.home, DATABASE.replace("/Code/", "/VSCodium/"));
  mkdirSync(dirname(other), { recursive: true });
  using db = new Database(other);
  db.run("PRAGMA journal_mode = WAL");
  expect(await syncCopilot(home)).toMatchObject({ unreadable: [], quarantined: [], unknown: {} });
});

test("spans of the debug panel are archived and never count; a permission counts as other", async () => {
  using home = scratch();
  using traces = openTraces(home);
  const of = (operation: string) => ({ "gen_ai.operation.name": operation, "copilot_chat.chat_session_id": S1 });
  traces.put(
    {
      id: "a400000000000001",
      name: "content_event",
      attributes: { ...of("content_event"), "copilot_chat.markdown_content": "text" },
    },
    { id: "a400000000000002", name: "user_message", attributes: of("user_message") },
    { id: "a400000000000003", name: "core_event", attributes: of("core_event") },
    { id: "a400000000000004", name: "permission", attributes: { "github.copilot.permission.result": "approved" } },
  );
  await syncCopilot(home);
  expect(spansIn(home).map((r) => r.operation)).toEqual(["other", "other", "other", "other"]);
  expect(countedIn(home).map((r) => [r.operation, r.name, r.attributes])).toEqual([
    ["other", "permission", { "github.copilot.permission.result": "approved" }],
  ]);
});

test("a hook is known by its operation, its name or its type", async () => {
  using home = scratch();
  using traces = openTraces(home);
  traces.put(
    {
      id: "a500000000000001",
      start: 1,
      name: "execute_hook PreToolUse",
      attributes: { "gen_ai.operation.name": "execute_hook", "copilot_chat.hook_type": "PreToolUse" },
    },
    { id: "a500000000000002", start: 2, name: "hook sessionEnd" },
    {
      id: "a500000000000003",
      start: 3,
      name: "anything",
      status: 2,
      attributes: { "github.copilot.hook.type": "postToolUse", "copilot_chat.hook_result_kind": "error" },
    },
  );
  await syncCopilot(home);
  expect(spansIn(home).map((r) => [r.operation, r.name, r.status, r.error_type])).toEqual([
    ["execute_hook", "PreToolUse", "ok", undefined],
    ["execute_hook", "sessionEnd", "ok", undefined],
    ["execute_hook", "postToolUse", "error", "error"],
  ]);
});

test("span ids that are counters come again in other windows: each is a span of its own", async () => {
  using home = scratch();
  using traces = openTraces(home);
  const session = { "copilot_chat.chat_session_id": S1 };
  traces.put({ id: "000000000000000c", trace: "1", start: 5, end: 6, attributes: chat(10, 1, session) });
  await syncCopilot(home);
  traces.put({ id: "000000000000000c", trace: "1", start: 900, end: 901, attributes: chat(20, 2, session) });
  await syncCopilot(home);
  expect(figuresOf(countedIn(home))).toMatchObject({ calls: 2, input: 30 });
});

test("a response id that is a request's is shared by the calls of a turn: they are told apart by their tokens", async () => {
  using home = scratch();
  using traces = openTraces(home);
  const same = { "gen_ai.response.id": "7d9514c7-f619-4699-ab3b-8b4bbf86e2aa", "copilot_chat.chat_session_id": S1 };
  traces.put(
    { id: "a600000000000001", start: 1, attributes: chat(100, 5, same) },
    { id: "a600000000000002", start: 2, attributes: chat(200, 5, same) },
  );
  await syncCopilot(home);
  expect(figuresOf(countedIn(home))).toMatchObject({ calls: 2, input: 300 });
});

test("old names, new names and names of this producer tell the same; what the service did not say is not told as 0", async () => {
  using home = scratch();
  using traces = openTraces(home);
  const operation = { "gen_ai.operation.name": "chat", "gen_ai.response.finish_reasons": '["stop","stop"]' };
  traces.put(
    {
      id: "a700000000000001",
      start: 1,
      attributes: {
        ...operation,
        "gen_ai.system": "gemini",
        "gen_ai.usage.prompt_tokens": 9,
        "gen_ai.usage.completion_tokens": 8,
        "gen_ai.usage.reasoning_tokens": 3,
        "gen_ai.usage.reasoning.output_tokens": 3,
      },
    },
    {
      id: "a700000000000002",
      start: 2,
      attributes: {
        ...operation,
        "gen_ai.usage.input_tokens": 9,
        "gen_ai.usage.cache_write.input_tokens": 2,
        "gen_ai.usage.cache_creation.input_tokens": 2,
        "gen_ai.response.time_to_first_chunk": 0.4386763,
      },
    },
    { id: "a700000000000003", start: 3, attributes: chat(0, 0) },
  );
  await syncCopilot(home);
  const [old, recent, silent] = spansIn(home);
  expect(old).toMatchObject({
    provider: "gcp.gemini",
    finish_reasons: ["stop"],
    usage: { input_tokens: 9, output_tokens: 8, reasoning_output_tokens: 3 },
  });
  expect(recent).toMatchObject({ ttft_ms: 438.676, usage: { input_tokens: 9, cache_creation_input_tokens: 2 } });
  expect(silent!.usage).toBeUndefined();
});

test("spans that name each other as parents, or themselves, are told all the same", async () => {
  using home = scratch();
  using traces = openTraces(home);
  traces.put(
    { id: "a800000000000001", parent: "a800000000000002" },
    { id: "a800000000000002", parent: "a800000000000001" },
    { id: "a800000000000003", parent: "a800000000000003" },
  );
  await syncCopilot(home);
  expect(spansIn(home)).toHaveLength(3);
});

test("what random syncs tell of rows that are added, replaced and deleted is every row at its last content", async () => {
  for (let at = 0; at < 6; at++)
    await trial(SEED + at, async (r) => {
      using home = scratch({ fast: true });
      using traces = openTraces(home);
      const last = new Map<string, number>();
      for (let step = 0; step < 40; step++) {
        const id = `ab${String(r.int(1, 25)).padStart(14, "0")}`;
        if (r.chance(0.15))
          traces.run(`DELETE FROM spans WHERE rowid <= (SELECT min(rowid) + ${r.int(0, 3)} FROM spans)`);
        else {
          last.set(id, step + 1);
          traces.put({
            id,
            trace: `t${id.at(-1)}`,
            start: 1,
            end: random(step).int(1, 900) + 0.25,
            attributes: chat(step + 1, 1, { "copilot_chat.chat_session_id": SUB }),
          });
          if (r.chance(0.6)) await syncCopilot(home);
        }
      }
      await syncCopilot(home);
      const rows = new Map(spansIn(home).map((s) => [s.span_id, s.usage?.input_tokens]));
      using db = new Database(join(home.home, DATABASE), { readonly: true });
      for (const row of db.query("SELECT span_id, input_tokens FROM spans").all() as {
        span_id: string;
        input_tokens: number;
      }[])
        expect(rows.get(row.span_id)).toBe(row.input_tokens);
    });
}, 60_000);
