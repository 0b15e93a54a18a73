/** Owns the proof that Copilot CLI's calls are counted once, whichever of its logs, stores and files tell of them. */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { appendFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { JsonObject } from "../../src/record/json.ts";
import type { WeirRecord } from "../../src/record/schema.ts";
import type { Summary } from "../../src/sync/summary.ts";
import { figuresOf, lines, syncHome, type Told, tellOf, tellTextsOf, toldIn } from "../support/agent.ts";
import { startWriter } from "../support/database.ts";
import { listing, scratch } from "../support/home.ts";
import { assistantSays, textsByOperation, userSays } from "../support/texts.ts";

const fixture = join(import.meta.dir, "../../fixtures/agents/copilot-cli");
const ID = "0f0e0d0c-0b0a-4000-8000-000000000001";
const LOG = `.copilot/session-state/${ID}/events.jsonl`;
const at = (second: number): string => new Date(Date.UTC(2026, 8, 1, 9, 0, second)).toISOString();

let count = 0;
const event = (type: string, second: number, data: JsonObject = {}, more: JsonObject = {}): JsonObject => ({
  type,
  data,
  id: `e-${++count}`,
  timestamp: at(second),
  parentId: null,
  ...more,
});
const begin = (second = 0) =>
  event("session.start", second, {
    sessionId: ID,
    copilotVersion: "1.0.102",
    startTime: at(second),
    context: { cwd: "/src/app" },
  });
/** A compaction whose call took 900 tokens and gave 60. */
const summedUp = (second: number) =>
  event("session.compaction_complete", second, {
    success: true,
    compactionAttemptId: "c1",
    compactionTokensUsed: {
      model: "m",
      inputTokens: 900,
      outputTokens: 60,
      cacheReadTokens: 0,
      cacheWriteTokens: 5,
      duration: 300,
    },
  });
const usage = (id: string, second: number, more: JsonObject = {}, envelope: JsonObject = {}) =>
  event(
    "session.usage_record",
    second,
    {
      usage: {
        model: "m",
        inputTokens: 100,
        outputTokens: 20,
        cacheReadTokens: 60,
        cacheWriteTokens: 10,
        duration: 800,
        apiCallId: id,
        ...more,
      },
    },
    envelope,
  );
const message = (id: string, second: number, more: JsonObject = {}) =>
  event("assistant.message", second, {
    messageId: `m-${id}-${second}`,
    apiCallId: id,
    model: "m",
    content: "x",
    toolRequests: [],
    ...more,
  });
const shutdown = (second: number, input: number, output: number) =>
  event("session.shutdown", second, {
    modelMetrics: { m: { requests: { count: 1 }, usage: { inputTokens: input, outputTokens: output } } },
  });

const of = ({ records }: Told, operation: string): WeirRecord[] => records.filter((r) => r.operation === operation);
const tokens = (told: Told): number =>
  told.records.reduce((sum, { usage: u }) => sum + (u?.input_tokens ?? 0) + (u?.output_tokens ?? 0), 0);
const costs = ({ records }: Told): number[] => records.flatMap(({ cost_usd }) => cost_usd ?? []);

const STORE = ".copilot/session-store.db";
const COLUMNS =
  "session_id, model, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, duration_ms, created_at";

/** Writes the store anew with these calls, or adds them. */
function writeStore(home: string, calls: readonly (readonly (string | number | null)[])[], firstId = 1): void {
  const path = join(home, STORE);
  mkdirSync(dirname(path), { recursive: true });
  const db = new Database(path, { create: true, readwrite: true });
  db.run(`CREATE TABLE IF NOT EXISTS assistant_usage_events (id INTEGER PRIMARY KEY, ${COLUMNS})`);
  calls.forEach((call, i) => {
    db.prepare(`INSERT INTO assistant_usage_events VALUES (?, ${call.map(() => "?")})`).run(firstId + i, ...call);
  });
  db.close();
}
const stored = (second: number, more: { input?: number; duration?: number | null } = {}) =>
  [ID, "m", more.input ?? 100, 20, 60, 10, more.duration === undefined ? 800 : more.duration, at(second)] as const;

for (const folder of ["", "telemetry", "runs", "older"]) {
  test(`counts exactly what stands in fixtures/agents/copilot-cli/${folder}`, async () => {
    using place = scratch();
    const { on_disk } = JSON.parse(readFileSync(join(fixture, folder, "expected.json"), "utf8"));
    const told = toldIn(place.data, await syncHome("copilot-cli", join(fixture, folder, "home"), place.data));
    for (const model of Object.values(on_disk.by_model) as Record<string, number>[])
      for (const field of on_disk.not_recorded ?? []) delete model[field];
    const records = told.records.map((r) =>
      r.usage && (on_disk.usage_on ?? ["chat"]).includes(r.operation) ? { ...r, operation: "chat" as const } : r,
    );
    expect(figuresOf(records.filter((r) => r.operation !== "chat" || r.usage))).toMatchObject({
      by_model: on_disk.by_model,
    });
    expect(new Set(told.records.map((r) => r.session_id))).toEqual(new Set(on_disk.sessions));
    expect([told.summary.unknown, told.summary.quarantined, told.summary.unreadable]).toEqual([{}, [], []]);
  });
}

describe("logs, store and telemetry tell each call once", () => {
  const parts = ["events", "store", "telemetry"] as const;
  for (const chosen of [
    ["events"],
    ["store"],
    ["events", "store"],
    ["events", "telemetry"],
    ["store", "telemetry"],
    parts,
  ]) {
    test(chosen.join(" and "), async () => {
      using place = scratch();
      cpSync(join(fixture, "home"), place.home, { recursive: true });
      cpSync(join(fixture, "telemetry/home"), place.home, { recursive: true });
      const root = join(place.home, ".copilot");
      if (!chosen.includes("events")) rmSync(join(root, "session-state"), { recursive: true });
      if (!chosen.includes("telemetry")) rmSync(join(root, "otel"), { recursive: true });
      if (!chosen.includes("store")) for (const end of ["", "-wal", "-shm"]) rmSync(join(place.home, STORE + end));
      const { on_disk } = JSON.parse(readFileSync(join(fixture, "expected.json"), "utf8"));
      const told = toldIn(place.data, await syncHome("copilot-cli", place.home, place.data));
      const figures = figuresOf(told.records).by_model as Record<string, Record<string, number>>;
      for (const [model, expected] of Object.entries(on_disk.by_model) as [string, Record<string, number>][])
        for (const field of ["calls", "input_tokens", "output_tokens", "cache_read_input_tokens"])
          expect([model, field, figures[model]?.[field]]).toEqual([model, field, expected[field]]);
    });
  }

  test("a compaction's call, which no usage record and no span tells, is one of them", async () => {
    const compacted = summedUp(20);
    using place = scratch();
    mkdirSync(dirname(join(place.home, LOG)), { recursive: true });
    writeFileSync(join(place.home, LOG), lines([begin(), usage("call-0000000000000001", 10), compacted]));
    writeStore(place.home, [stored(10), [ID, "m", 900, 60, 0, 5, 300, at(20)]]);
    const told = toldIn(place.data, await syncHome("copilot-cli", place.home, place.data));
    expect(of(told, "chat").map((r) => [r.stream, r.usage?.input_tokens])).toEqual([
      ["events", 100],
      ["events", 900],
    ]);
    expect(of(told, "compaction")).toHaveLength(1);
  });

  test("a compaction before the log's first usage record is a call with tokens from that record on, wherever the log is cut", async () => {
    const log = [begin(), summedUp(5), usage("call-0000000000000001", 10)];
    for (const cut of [2, 3]) {
      using place = scratch();
      mkdirSync(dirname(join(place.home, LOG)), { recursive: true });
      writeFileSync(join(place.home, LOG), lines(log.slice(0, cut)));
      const first = toldIn(place.data, await syncHome("copilot-cli", place.home, place.data));
      expect(tokens(first)).toBe(cut === 2 ? 960 : 1080);
      appendFileSync(join(place.home, LOG), lines(log.slice(cut)));
      writeStore(place.home, [stored(10), [ID, "m", 900, 60, 0, 5, 300, at(5)]]);
      const told = toldIn(place.data, await syncHome("copilot-cli", place.home, place.data));
      expect(of(told, "chat").map((r) => [r.stream, r.usage?.input_tokens])).toEqual([
        ["events", 900],
        ["events", 100],
      ]);
      expect(tokens(told)).toBe(1080);
    }
  });

  test("a run's span repeats the sum of its calls", async () => {
    const told = await tellOf("copilot-cli", {
      ".copilot/otel/a.jsonl": [span("chat", "a1", 10), span("invoke_agent", "a2", 11)],
    });
    expect(tokens(told)).toBe(120);
  });

  test("a request that failed and was tried again is an error, and only the telemetry tells it", async () => {
    const failed = span(
      "chat",
      "a1",
      9,
      {
        "gen_ai.usage.input_tokens": undefined,
        "gen_ai.usage.output_tokens": undefined,
        "error.type": "ModelCallError",
      },
      2,
    );
    const told = await tellOf("copilot-cli", { ".copilot/otel/a.jsonl": [failed, span("chat", "a3", 10)] });
    expect(of(told, "chat")).toHaveLength(1);
    expect(of(told, "error").map((r) => r.error_type)).toEqual(["ModelCallError"]);
  });

  test("a span that tells a subagent's sum as one call, as some versions wrote it, counts for nothing beside the calls", async () => {
    const sum = { "github.copilot.server_duration": undefined, "gen_ai.request.stream": true };
    const empty = { "gen_ai.usage.input_tokens": undefined, "gen_ai.usage.output_tokens": undefined };
    const log = [span("chat", "a1", 10), span("chat", "a2", 11, sum), span("chat", "a3", 12, empty)];
    using place = scratch();
    mkdirSync(join(place.home, ".copilot/otel"), { recursive: true });
    writeFileSync(join(place.home, ".copilot/otel/a.jsonl"), lines(log));
    writeStore(
      place.home,
      [1, 2, 3].map((n) => [ID, "m", n === 1 ? 100 : 50, n === 1 ? 20 : 10, 0, 0, n === 3 ? 700 : 800, at(9 + n)]),
    );
    const told = toldIn(place.data, await syncHome("copilot-cli", place.home, place.data));
    expect([of(told, "chat").length, tokens(told)]).toEqual([3, 240]);
  });

  test("the telemetry is known by its scope where its service has another name", async () => {
    const named = {
      ...span("chat", "a1", 10),
      resource: { attributes: { "service.name": "mine" } },
      instrumentationScope: { name: "github.copilot" },
    };
    expect(of(await tellOf("copilot-cli", { ".copilot/otel/a.jsonl": [named] }), "chat")).toHaveLength(1);
  });

  test("spans that name nobody are this one's in its own folder, and their session has several names", async () => {
    const { resource, ...bare } = span("chat", "a1", 10);
    void resource;
    const { "gen_ai.conversation.id": id, ...rest } = bare.attributes as JsonObject;
    const older = { ...bare, spanId: "f00000000000a200", attributes: { ...rest, "session.id": id } };
    const told = await tellOf("copilot-cli", { ".copilot/otel/a.jsonl": [bare, older] });
    expect(of(told, "chat").map((r) => r.session_id)).toEqual([ID, ID]);
  });

  test("what has a span's ids but is a log is no span", async () => {
    const { startTime, endTime, ...log } = span("chat", "a1", 10);
    void [startTime, endTime];
    const told = await tellOf("copilot-cli", {
      ".copilot/otel/a.jsonl": [{ ...log, type: "log" }, span("chat", "a2", 10)],
    });
    expect(of(told, "chat")).toHaveLength(1);
    expect(told.summary.unknown).toEqual({ "copilot-cli/otel_file: type log": 1 });
  });

  test("spans of other programs in the same file are not this one's", async () => {
    const other = { ...span("chat", "a1", 10), resource: { attributes: { "service.name": "copilot-chat" } } };
    expect((await tellOf("copilot-cli", { ".copilot/otel/a.jsonl": [other] })).records).toEqual([]);
  });
});

function span(operation: string, id: string, second: number, more: JsonObject = {}, code = 0): JsonObject {
  const seconds = Date.parse(at(second)) / 1000;
  return {
    type: "span",
    traceId: "0123456789abcdef0123456789abcdef",
    spanId: `f00000000000${id}00`,
    name: operation,
    startTime: [seconds, 0],
    endTime: [seconds + 1, 0],
    status: { code },
    attributes: {
      "gen_ai.operation.name": operation,
      "gen_ai.conversation.id": ID,
      "gen_ai.request.model": "m",
      "gen_ai.usage.input_tokens": 100,
      "gen_ai.usage.output_tokens": 20,
      "github.copilot.server_duration": 800,
      ...more,
    },
    events: [],
    resource: { attributes: { "service.name": "github-copilot" } },
  };
}

describe("the store", () => {
  test("that is rebuilt with other row ids tells nothing again", async () => {
    using place = scratch();
    writeStore(place.home, [stored(1), stored(2, { input: 200 })]);
    await syncHome("copilot-cli", place.home, place.data);
    rmSync(join(place.home, STORE));
    writeStore(place.home, [stored(1), stored(2, { input: 200 }), stored(3, { input: 300 })], 40);
    const told = toldIn(place.data, await syncHome("copilot-cli", place.home, place.data));
    expect(told.summary.records).toEqual({ added: 1, revised: 0, known: 2 });
    expect(of(told, "chat").map((r) => r.usage?.input_tokens)).toEqual([100, 200, 300]);
  });

  test("that its program writes all the time tells every row once at its last content, and nothing is left beside it", async () => {
    using place = scratch({ fast: true });
    const path = join(place.home, STORE);
    mkdirSync(dirname(path), { recursive: true });
    const writer = await startWriter(
      path,
      "PRAGMA journal_mode=WAL",
      `CREATE TABLE assistant_usage_events (id INTEGER PRIMARY KEY AUTOINCREMENT, ${COLUMNS})`,
    );
    const row = (n: number, input: number) =>
      `('${ID.slice(0, -3)}${100 + (n % 7)}', 'm', ${input}, ${n}, 0, 0, ${n}, '${at(n % 3600)}')`;
    const insert = (n: number) => `INSERT INTO assistant_usage_events (${COLUMNS}) VALUES ${row(n, 1000 + n)}`;
    const rebuild = `BEGIN; CREATE TEMP TABLE kept AS SELECT ${COLUMNS} FROM assistant_usage_events;
      DELETE FROM assistant_usage_events; INSERT INTO assistant_usage_events (${COLUMNS}) SELECT * FROM kept;
      DROP TABLE kept; COMMIT`;
    let summary: Summary | undefined;
    for (let n = 1; n <= 200; n++) {
      const writing = (async () => {
        await writer.run(insert(n));
        if (n % 20 === 0) await writer.run(rebuild);
        if (n % 50 === 0) await writer.run("PRAGMA wal_checkpoint(TRUNCATE)");
      })();
      summary = await syncHome("copilot-cli", place.home, place.data);
      expect(summary.unreadable).toEqual([]);
      await writing;
    }
    const before = listing(place.home);
    const told = toldIn(place.data, await syncHome("copilot-cli", place.home, place.data));
    expect(listing(place.home)).toEqual(before);
    await writer.close();
    const outputs = of(told, "chat").map((r) => r.usage?.output_tokens ?? 0);
    expect(outputs.sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
    expect(told.all.filter((r) => r.operation === "chat").every((r) => r.rev === 0)).toBe(true);
  }, 120_000);

  test("tells two calls that are alike in everything as two", async () => {
    using place = scratch();
    writeStore(place.home, [stored(1), stored(1)]);
    const told = toldIn(place.data, await syncHome("copilot-cli", place.home, place.data));
    expect(of(told, "chat")).toHaveLength(2);
  });

  test("keeps sessions that are deleted, as history", async () => {
    using place = scratch();
    const log = join(place.home, LOG);
    mkdirSync(dirname(log), { recursive: true });
    writeFileSync(log, lines([begin(), usage("call-0000000000000001", 1)]));
    writeStore(place.home, [stored(1)]);
    await syncHome("copilot-cli", place.home, place.data);
    rmSync(dirname(log), { recursive: true });
    const told = toldIn(place.data, await syncHome("copilot-cli", place.home, place.data));
    expect([of(told, "chat").length, tokens(told)]).toEqual([1, 120]);
  });

  test("is believed for calls whose messages carry no tokens", async () => {
    using place = scratch();
    const log = join(place.home, LOG);
    mkdirSync(dirname(log), { recursive: true });
    writeFileSync(log, lines([begin(), message("call-0000000000000001", 1), shutdown(5, 100, 20)]));
    writeStore(place.home, [stored(1)]);
    const told = toldIn(place.data, await syncHome("copilot-cli", place.home, place.data));
    expect([of(told, "chat").map((r) => r.stream), tokens(told)]).toEqual([["session_store"], 120]);
  });
});

describe("the sums at a session's ends", () => {
  const sum = async (...ends: JsonObject[]) =>
    tokens(await tellOf("copilot-cli", { [LOG]: [begin(), message("call-0000000000000001", 1), ...ends] }));

  test("run on over resumes, or begin anew", async () => {
    expect(await sum(shutdown(5, 100, 20))).toBe(120);
    expect(await sum(shutdown(5, 100, 20), shutdown(9, 150, 30))).toBe(180);
    expect(await sum(shutdown(5, 100, 20), shutdown(9, 40, 5))).toBe(165);
  });

  test("that begin anew with every run are added, also where each is larger than the one before", async () => {
    const run = (first: number, calls: number, input: number) => [
      ...Array.from({ length: calls }, (_, i) => message(`call-000000000000${first + i}`, first + i)),
      event("session.shutdown", first + calls, {
        modelMetrics: { m: { requests: { count: calls }, usage: { inputTokens: input, outputTokens: calls } } },
      }),
    ];
    const told = await tellOf("copilot-cli", {
      [LOG]: [begin(), ...run(10, 1, 100), event("session.resume", 19), ...run(20, 3, 300)],
    });
    expect(tokens(told)).toBe(404);
    expect(of(told, "invoke_agent")).toMatchObject([{ aggregate: true, time: at(0), end_time: at(23) }]);
  });

  test("that go on from the run before are not added", async () => {
    const end = (second: number, calls: number, input: number) =>
      event("session.shutdown", second, {
        modelMetrics: { m: { requests: { count: calls }, usage: { inputTokens: input, outputTokens: calls } } },
      });
    const [a, b, c] = [1, 2, 3].map((n) => message(`call-000000000000000${n}`, n)) as [
      JsonObject,
      JsonObject,
      JsonObject,
    ];
    const told = await tellOf("copilot-cli", { [LOG]: [begin(), a, end(4, 1, 100), b, c, end(9, 3, 300)] });
    expect(tokens(told)).toBe(303);
  });

  test("that go on from the run before know nothing of a run that was killed between", async () => {
    const calls = (first: number, count: number) =>
      Array.from({ length: count }, (_, i) => message(`call-000000000000${first + i}`, first + i));
    const end = (second: number, count: number, input: number) =>
      event("session.shutdown", second, {
        modelMetrics: { m: { requests: { count }, usage: { inputTokens: input, outputTokens: count } } },
      });
    const log = (...last: JsonObject[]) => [
      ...[begin(), ...calls(10, 2), end(12, 2, 2000), event("session.resume", 20), ...calls(21, 5)],
      ...last,
    ];
    const cold = [event("session.resume", 30), ...calls(31, 1)];
    expect(tokens(await tellOf("copilot-cli", { [LOG]: log(...cold, end(40, 3, 3000)) }))).toBe(3003);
    expect(tokens(await tellOf("copilot-cli", { [LOG]: log(...cold, end(40, 1, 3000)) }))).toBe(5003);
    for (const goesOn of [{ sessionWasActive: true }, { sessionWasActive: false, alreadyInUse: true }]) {
      const joined = [event("session.resume", 30, goesOn), ...calls(31, 1)];
      expect(tokens(await tellOf("copilot-cli", { [LOG]: log(...joined, end(40, 6, 3000)) }))).toBe(5008);
    }
  });

  test("are the output that messages tell as long as a run has no end, wherever the log is cut", async () => {
    const said = (n: number, outputTokens: number) =>
      event("assistant.message", n, { messageId: `m-${n}`, outputTokens, toolRequests: [] });
    const model = event("session.model_change", 1, { newModel: "m" });
    const killed = [begin(), model, said(2, 7), said(3, 8)];
    const ended = [...killed, shutdown(5, 100, 15)];
    const later = [...killed, usage("call-0000000000000001", 9)];
    const sums = (told: Told) => of(told, "invoke_agent").map((r) => [r.usage?.input_tokens, r.usage?.output_tokens]);
    expect(sums(await tellOf("copilot-cli", { [LOG]: killed }))).toEqual([[undefined, 15]]);
    expect(sums(await tellOf("copilot-cli", { [LOG]: killed }, { [LOG]: ended.slice(4) }))).toEqual([[100, 15]]);
    const once = await tellOf("copilot-cli", { [LOG]: later });
    const cut = await tellOf("copilot-cli", { [LOG]: killed }, { [LOG]: later.slice(4) });
    expect(cut.records.map((r) => r.id).sort()).toEqual(once.records.map((r) => r.id).sort());
    expect(tokens(once)).toBe(120);
    expect(of(once, "chat").map((r) => r.request_model)).toEqual(["m", "m", "m"]);
  });

  test("have the output of a run that was killed, also when later ones have ended, wherever the log is cut", async () => {
    const said = (n: number, outputTokens: number, model: string) => message(`c${n}`, n, { outputTokens, model });
    const killed = [begin(), said(1, 500, "m"), said(2, 57, "a"), event("session.resume", 3)];
    const log = [...killed, said(4, 40, "m"), shutdown(5, 1000, 40), said(6, 3, "a")];
    for (let cut = 1; cut <= log.length; cut++) {
      const told = await tellOf("copilot-cli", { [LOG]: log.slice(0, cut) }, { [LOG]: log.slice(cut) });
      const sums = of(told, "invoke_agent").map((r) => [r.model, r.usage?.input_tokens, r.usage?.output_tokens]);
      expect(sums.sort()).toEqual([
        ["a", undefined, 60],
        ["m", 1000, 540],
      ]);
    }
  });

  test("have the output of each call once, also where messages of several subagents' calls are mixed", async () => {
    const said = (call: string, n: number, outputTokens: number) =>
      message(call, n, { outputTokens, parentToolCallId: `agent-${call}` });
    const log = [begin(), said("a", 1, 10), said("b", 2, 20), said("a", 3, 10), said("b", 4, 20), said("c", 5, 30)];
    for (const cut of [1, 2, 3, 4, 5, 6]) {
      const told = await tellOf("copilot-cli", { [LOG]: log.slice(0, cut) }, { [LOG]: log.slice(cut) });
      expect([of(told, "chat").length, tokens(told)]).toEqual([3, 60]);
    }
  });

  test("of the desktop app neither repeat the tokens nor the cost of calls", async () => {
    using place = scratch();
    const desktop = join(place.home, ".copilot/data.db");
    mkdirSync(dirname(desktop), { recursive: true });
    const columns = "id, model, total_input_tokens, total_output_tokens, total_nano_aiu, created_at";
    const db = new Database(desktop, { create: true, readwrite: true });
    db.run(`CREATE TABLE sessions (${columns})`);
    db.run(`INSERT INTO sessions VALUES ('${ID}', 'm', 200, 40, 2e9, '${at(0)}')`);
    db.close();
    const alone = toldIn(place.data, await syncHome("copilot-cli", place.home, place.data));
    expect([tokens(alone), costs(alone)]).toEqual([240, [0.02]]);
    const calls = [1, 2].map((n) => usage(`call-000000000000000${n}`, n, { totalNanoAiu: 1e9 }));
    mkdirSync(dirname(join(place.home, LOG)), { recursive: true });
    writeFileSync(join(place.home, LOG), lines([begin(), ...calls]));
    const both = toldIn(place.data, await syncHome("copilot-cli", place.home, place.data));
    expect([tokens(both), costs(both)]).toEqual([240, [0.01, 0.01]]);
  });

  test("count for nothing where usage records tell the calls", async () => {
    const told = await tellOf("copilot-cli", {
      [LOG]: [begin(), usage("call-0000000000000001", 1), shutdown(5, 100, 20)],
    });
    expect([tokens(told), of(told, "invoke_agent")]).toEqual([120, []]);
  });
});

describe("a session's log", () => {
  test("tells a call that comes in several messages once", async () => {
    const told = await tellOf("copilot-cli", {
      [LOG]: [begin(), message("call-0000000000000001", 1), message("call-0000000000000001", 2)],
    });
    expect(of(told, "chat")).toHaveLength(1);
  });

  test("has subagents in it, whose prompts are not the person's", async () => {
    const agent = { agentId: "agent-1" };
    const told = await tellOf("copilot-cli", {
      [LOG]: [
        ...[begin(), event("user.message", 1, { messageId: "u1", content: "x" })],
        event("subagent.started", 2, { toolCallId: "toolu_000000000000001", agentName: "explore" }, agent),
        event("user.message", 3, { messageId: "u2", source: `agent-${ID}`, content: "x" }, agent),
        ...[
          event("user.message", 3, { messageId: "u3", source: "skill-tidy" }),
          usage("call-0000000000000001", 4, {}, agent),
        ],
        event(
          "subagent.completed",
          5,
          { toolCallId: "toolu_000000000000001", durationMs: 3000, totalTokens: 120 },
          agent,
        ),
      ],
    });
    expect(of(told, "user_message")).toHaveLength(1);
    expect(of(told, "chat")).toMatchObject([{ session_id: ID, turn: 0, subagent: { id: "agent-1", name: "explore" } }]);
    expect(of(told, "invoke_agent")).toMatchObject([
      { duration_ms: 3000, agent_name: "explore", tool: { call_id: "toolu_000000000000001" } },
    ]);
    expect(tokens(told)).toBe(120);
  });

  test("says that a tool went well though its command failed, or was refused", async () => {
    const tool = (id: string, end: JsonObject) => [
      event("tool.execution_start", 1, { toolCallId: id, toolName: "bash", arguments: { command: "ls" } }),
      event("tool.execution_complete", 2, { toolCallId: id, ...end }),
    ];
    const told = await tellOf("copilot-cli", {
      [LOG]: [
        begin(),
        ...tool("toolu_000000000000001", { success: true, shellExecution: { exitCode: 0 } }),
        ...tool("toolu_000000000000002", { success: true, shellExecution: { exitCode: 3 } }),
        ...tool("toolu_000000000000003", { success: false, error: { code: "denied", message: "x" } }),
        ...tool("toolu_000000000000004", { result: { result_type: "rejected", text_result_for_llm: "x" } }),
      ],
    });
    expect(of(told, "execute_tool").map((r) => [r.status, r.error_type])).toEqual([
      ["ok", undefined],
      ["error", "exit_code"],
      ["error", "denied"],
      ["error", "rejected"],
    ]);
  });

  test("has tools with short ids that come again, each time another call, whatever lies between, in the telemetry too", async () => {
    const tool = (id: string, second: number) => [
      event("tool.execution_start", second, { toolCallId: id, toolName: "bash" }),
      event("tool.execution_complete", second + 1, { toolCallId: id, success: true }),
    ];
    const calls = Array.from({ length: 70 }, (_, n) => usage(`call-0000000000001${100 + n}`, 10 + n, { duration: n }));
    const others = Array.from({ length: 70 }, (_, n) => tool(`call_${10 + n}`, 100 + n)).flat();
    const log = [begin(), ...tool("call_5", 1), ...calls, ...others, ...tool("call_5", 300)];
    const spans = log
      .filter(({ type }) => type === "tool.execution_start")
      .map(({ data }, n) =>
        span("execute_tool", `a${100 + n}`, n, { "gen_ai.tool.call.id": (data as JsonObject).toolCallId as string }),
      );
    const told = await tellOf("copilot-cli", { [LOG]: log, ".copilot/otel/a.jsonl": spans });
    expect(of(told, "execute_tool")).toHaveLength(72);
    expect(of(told, "execute_tool").filter((r) => r.tool?.call_id === "call_5")).toHaveLength(2);
  });

  test("may stand in a folder and in a file", async () => {
    const log = [begin(), usage("call-0000000000000001", 1)];
    const told = await tellOf("copilot-cli", { [LOG]: log, [`.copilot/session-state/${ID}.jsonl`]: log });
    expect([of(told, "chat").length, of(told, "session").length]).toEqual([1, 1]);
  });

  test("that is taken back keeps what was told, and goes on", async () => {
    using place = scratch();
    const log = join(place.home, LOG);
    mkdirSync(dirname(log), { recursive: true });
    const first = lines([begin(), usage("call-0000000000000001", 1)]);
    writeFileSync(log, first + lines([usage("call-0000000000000002", 2, { inputTokens: 200 })]));
    await syncHome("copilot-cli", place.home, place.data);
    writeFileSync(log, first);
    await syncHome("copilot-cli", place.home, place.data);
    appendFileSync(log, lines([usage("call-0000000000000003", 3, { inputTokens: 300 })]));
    const told = toldIn(place.data, await syncHome("copilot-cli", place.home, place.data));
    expect(of(told, "chat").map((r) => r.usage?.input_tokens)).toEqual([100, 200, 300]);
  });

  test("has line separators inside its lines", async () => {
    const said = event("user.message", 1, { messageId: "u1", content: "one\u2028two\u2029three\u0085four" });
    const told = await tellOf("copilot-cli", { [LOG]: [begin(), said, usage("call-0000000000000001", 2)] });
    expect([of(told, "user_message").length, of(told, "chat").length, told.summary.quarantined]).toEqual([1, 1, []]);
  });

  test("with events that nobody knows counts them", async () => {
    const told = await tellOf("copilot-cli", {
      [LOG]: [begin(), event("session.dreamed", 1), event("assistant.turn_end", 2)],
    });
    expect(told.summary.unknown).toEqual({ "copilot-cli/events: type session.dreamed": 1 });
  });
});

test("a call's later messages tell nothing new but their texts", async () => {
  const log = [begin(), message("c1", 2), message("c1", 3, { model: undefined }), message("c2", 4)];
  const told = await tellOf("copilot-cli", { [LOG]: log });
  expect(
    of(told, "chat").map(({ response_id, model, rev, end_time }) => ({ response_id, model, rev, end_time })),
  ).toEqual([
    { response_id: "c1", model: "m", rev: 0, end_time: at(2) },
    { response_id: "c2", model: "m", rev: 0, end_time: at(4) },
  ]);
});

describe("a fork", () => {
  const other = (n: number): string => ID.slice(0, -1) + n;
  const logOf = (id: string): string => LOG.replace(ID, id);
  const opening = (id: string, second: number): JsonObject =>
    event("session.start", second, { sessionId: id, startTime: at(second) });
  const call = (id: string, second: number, source: string, envelope: JsonObject = {}) =>
    usage(id, second, { accounting: { sourceSessionId: source } }, envelope);
  const tool = (second: number) => [
    event("tool.execution_start", second, { toolCallId: "call_1", toolName: "bash", arguments: {} }),
    event("tool.execution_complete", second, { toolCallId: "call_1", success: true }),
  ];
  const files = (ways: readonly JsonObject[][]) => Object.fromEntries(ways.map((log, i) => [logOf(other(i + 1)), log]));

  test("repeats calls, tools, runs and prompts of the session that it comes from, which count once", async () => {
    const agent = { agentId: "agent-1" };
    const first = [
      event("user.message", 1, { messageId: "u1", content: "x" }),
      call("call-0000000000000001", 2, other(1)),
      event("subagent.started", 3, { toolCallId: "t", agentName: "explore" }, agent),
      call("call-0000000000000002", 4, "of-the-subagent", agent),
      event("subagent.completed", 5, { toolCallId: "t" }, agent),
      ...tool(6),
      event("session.compaction_complete", 7, {
        success: true,
        compactionAttemptId: "c1",
        compactionTokensUsed: { model: "m", inputTokens: 9, outputTokens: 1, duration: 5 },
      }),
      shutdown(8, 209, 41),
    ];
    const second = [
      event("session.info", 20, { infoType: "fork" }),
      call("call-0000000000000003", 21, other(2)),
      ...tool(22),
    ];
    const third = [event("session.info", 40, { infoType: "fork" }), call("call-0000000000000004", 41, other(3))];
    const logs = files([
      [opening(other(1), 0), ...first],
      [opening(other(2), 20), ...first, ...second],
      [opening(other(3), 40), ...first, ...second, ...third],
    ]);
    const parts = Object.entries(logs).map(([path, log]) => ({ [path]: log }));
    for (const steps of [[logs], parts, parts.toReversed()]) {
      const told = await tellOf("copilot-cli", ...steps);
      expect(
        of(told, "chat")
          .map((r) => r.session_id)
          .sort(),
      ).toEqual([1, 1, 1, 2, 3].map(other));
      expect(tokens(told)).toBe(4 * 120 + 10);
      expect(
        of(told, "execute_tool")
          .map((r) => r.session_id)
          .sort(),
      ).toEqual([1, 2].map(other));
      for (const operation of ["user_message", "invoke_agent", "compaction"])
        expect(of(told, operation).map((r) => r.session_id)).toEqual([other(1)]);
      expect(
        of(told, "session")
          .map((r) => [r.session_id, r.forked_from])
          .sort(),
      ).toEqual([
        [other(1), undefined],
        [other(2), other(1)],
        [other(3), other(2)],
      ]);
    }
  });

  test("repeats the ends of runs as well, whose sums are not its own", async () => {
    const first = [message("call-0000000000000001", 2), shutdown(8, 100, 20)];
    const second = [
      event("session.info", 20, { infoType: "fork" }),
      message("call-0000000000000002", 21),
      shutdown(29, 30, 5),
    ];
    const told = await tellOf(
      "copilot-cli",
      files([
        [opening(other(1), 0), ...first],
        [opening(other(2), 20), ...first, ...second],
      ]),
    );
    expect([tokens(told), of(told, "chat").length]).toEqual([155, 2]);
  });

  test("repeats a compaction of before usage records, whose call stays in its original's sum", async () => {
    const first = [summedUp(1), shutdown(8, 100, 20)];
    const second = [event("session.info", 20, { infoType: "fork" }), call("call-0000000000000001", 21, other(2))];
    const told = await tellOf(
      "copilot-cli",
      files([
        [opening(other(1), 0), ...first],
        [opening(other(2), 20), ...first, ...second],
      ]),
    );
    const ofOriginal = told.records.filter((r) => r.session_id === other(1));
    expect(ofOriginal.map((r) => r.usage?.input_tokens ?? 0).reduce((a, b) => a + b)).toBe(1000);
    expect(tokens(told)).toBe(1000 + 80 + 120);
  });

  test("is none where only the clock went back", async () => {
    const log = [begin(10), event("user.message", 11, { messageId: "u1", content: "x" }), shutdown(3, 100, 20)];
    expect(tokens(await tellOf("copilot-cli", { [LOG]: log }))).toBe(120);
  });
});

describe("texts stand where they belong", () => {
  const says = (...parts: JsonObject[]) => [{ role: "assistant", parts }];
  const contents = (told: Told) => textsByOperation(told.records);

  test("in logs: instructions, prompts, answers, thoughts, arguments, results, errors, hooks, summaries", async () => {
    const log = [
      begin(),
      event("system.message", 1, { role: "system", content: "be kind" }),
      event("user.message", 2, { messageId: "u1", content: "go on", transformedContent: "<now>go on" }),
      usage("call-0000000000000001", 3, { finishReason: "tool_calls" }),
      message("call-0000000000000001", 4, {
        content: "I look",
        reasoningText: "hm",
        toolRequests: [{ toolCallId: "call_1", name: "bash", arguments: { command: "ls" } }],
      }),
      event("tool.execution_start", 5, { toolCallId: "call_1", toolName: "bash", arguments: { command: "ls" } }),
      event("tool.execution_complete", 6, {
        toolCallId: "call_1",
        success: false,
        result: { content: "none" },
        error: { code: "failure", message: "no such file" },
      }),
      event("hook.start", 7, { hookInvocationId: "h1", hookType: "preToolUse", input: { a: 1 } }),
      event("hook.end", 8, { hookInvocationId: "h1", success: true, output: { b: 2 } }),
      event("session.compaction_complete", 9, { success: true, compactionAttemptId: "c1", summaryContent: "so far" }),
      event("session.error", 10, { errorType: "query", message: "slow down" }),
    ];
    const whole = await tellTextsOf("copilot-cli", { [LOG]: log });
    for (const told of [whole, await tellTextsOf("copilot-cli", ...log.map((line) => ({ [LOG]: [line] })))]) {
      expect(contents(told)).toEqual({
        session: { system_instructions: [{ type: "text", content: "be kind" }] },
        user_message: userSays("go on"),
        chat: assistantSays(
          [
            { type: "reasoning", content: "hm" },
            "I look",
            { type: "tool_call", id: "call_1", name: "bash", arguments: { command: "ls" } },
          ],
          "tool_call",
        ),
        execute_tool: { tool_arguments: { command: "ls" }, tool_result: "none", error_message: "no such file" },
        execute_hook: { tool_arguments: { a: 1 }, tool_result: { b: 2 } },
        compaction: { output_messages: says({ type: "text", content: "so far" }) },
        error: { error_message: "slow down" },
      } as never);
      expect(JSON.parse(of(told, "chat")[0]?.raw ?? "{}").type).toBe("assistant.message");
    }
  });

  test("in logs of versions before usage records, and where a message comes before its record", async () => {
    const older = await tellTextsOf("copilot-cli", {
      [LOG]: [begin(), message("c1", 2, { content: "one" }), message("c1", 3, { content: "two" })],
    });
    const [one, two] = ["one", "two"].map((content) => ({ type: "text", content }));
    expect(contents(older).chat).toEqual({ output_messages: says(one!, two!) } as never);
    const mixed = await tellTextsOf("copilot-cli", {
      [LOG]: [begin(), usage("c0", 1), message("c1", 2, { content: "one" }), usage("c1", 3)],
    });
    expect(of(mixed, "chat")[1]?.content).toEqual({ output_messages: says(one!) } as never);
  });

  test("in telemetry, on the calls and tools that they are of", async () => {
    const asked = [{ role: "user", parts: [{ type: "text", content: "go on" }] }];
    const call = span("chat", "a1", 10, {
      "gen_ai.input.messages": JSON.stringify(asked),
      "gen_ai.output.messages": JSON.stringify(says({ type: "text", content: "done" })),
      "gen_ai.system_instructions": JSON.stringify([{ type: "text", content: "be kind" }]),
      "gen_ai.tool.definitions": JSON.stringify([{ type: "function", name: "bash", description: "runs" }]),
    });
    const tool = span("execute_tool", "a2", 11, {
      "gen_ai.tool.call.arguments": '{"command":"ls"}',
      "gen_ai.tool.call.result": "none",
    });
    expect(contents(await tellTextsOf("copilot-cli", { ".copilot/otel/a.jsonl": [call, tool] }))).toMatchObject({
      chat: {
        input_messages: asked,
        output_messages: says({ type: "text", content: "done" }),
        system_instructions: [{ type: "text", content: "be kind" }],
        tool_definitions: [{ type: "function", name: "bash", description: "runs" }],
      },
      execute_tool: { tool_arguments: { command: "ls" }, tool_result: "none" },
    } as never);
  });
});

test("lines with missing, null and wrong values are told as far as they are known, and never as another number", async () => {
  const odd = (type: string, data: unknown): JsonObject => ({ type, data: data as JsonObject, id: `e-${++count}` });
  const told = await tellOf("copilot-cli", {
    [LOG]: [
      odd("session.start", null),
      odd("session.usage_record", { usage: "x" }),
      odd("session.usage_record", { usage: { model: 5, inputTokens: "100", outputTokens: -3, apiCallId: "a" } }),
      usage("call-0000000000000001", 2, { cacheReadTokens: null, duration: "800" }),
      odd("tool.execution_complete", { toolCallId: "constructor", success: true }),
      event("tool.execution_start", 3, { toolCallId: "constructor", toolName: 5, arguments: 5 }),
      event("tool.execution_complete", 4, { toolCallId: "constructor", success: null, error: "x", shellExecution: 1 }),
      event("subagent.completed", 5, { toolCallId: "toString" }, { agentId: 5 }),
      event("hook.end", 5, { hookInvocationId: "valueOf" }),
      odd("session.compaction_complete", { compactionTokensUsed: [1] }),
      odd("session.shutdown", { modelMetrics: { constructor: { usage: { inputTokens: 7 } }, m: null } }),
      odd("assistant.message", 5),
      odd("user.message", { content: 5, messageId: {} }),
      { type: 5 } as JsonObject,
      {} as JsonObject,
    ],
  });
  expect([tokens(told), told.summary.quarantined, told.summary.unreadable]).toEqual([120, [], []]);
  expect(of(told, "execute_tool")).toMatchObject([{ status: "error", tool: { call_id: "constructor" } }]);
  expect([of(told, "invoke_agent"), of(told, "execute_hook")]).toEqual([[], []]);
  expect(told.summary.unknown).toEqual({ "copilot-cli/events: type ": 2 });
  expect(Object.hasOwn(Object, "inputTokens")).toBe(false);
});
