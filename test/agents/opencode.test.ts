/** Owns the proof that OpenCode's and Kilo Code's calls are counted once, whatever forks, imports and schemas write. */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { JsonObject } from "../../src/record/json.ts";
import type { WeirRecord } from "../../src/record/schema.ts";
import { figuresOf, syncHome, type Told, toldIn } from "../support/agent.ts";
import { counted } from "../support/archive.ts";
import { scratch } from "../support/home.ts";
import { type Random, random, SEED, setting } from "../support/random.ts";

const fixtures = join(import.meta.dir, "../../fixtures/agents");
const T = 1_780_000_000_000;

const SESSION = `(id TEXT PRIMARY KEY, parent_id TEXT, directory TEXT, version TEXT, title TEXT, agent TEXT,
  tokens_input INTEGER, time_created INTEGER, time_updated INTEGER)`;
const V1 = `CREATE TABLE session ${SESSION};
  CREATE TABLE message (id TEXT PRIMARY KEY, session_id TEXT, time_created INTEGER, time_updated INTEGER, data TEXT);
  CREATE TABLE part (id TEXT PRIMARY KEY, message_id TEXT, session_id TEXT, time_created INTEGER, time_updated INTEGER,
    data TEXT);
  CREATE INDEX part_message_id_id_idx ON part (message_id, id)`;
const V2 = `CREATE TABLE session_v2 ${SESSION};
  CREATE TABLE session_message (id TEXT PRIMARY KEY, session_id TEXT, type TEXT, seq INTEGER, time_created INTEGER,
    time_updated INTEGER, data TEXT)`;

type Cell = string | number | null;
/** A row as it is written, again when it changes. */
interface Write {
  readonly table: string;
  readonly row: Readonly<Record<string, Cell>>;
}

const session = (id: string, at: number, more: Record<string, Cell> = {}, table = "session"): Write => ({
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
const message = (id: string, of: string, at: number, data: JsonObject, updated = at): Write => ({
  table: "message",
  row: { id, session_id: of, time_created: T + at, time_updated: T + updated, data: JSON.stringify(data) },
});
const part = (id: string, message_id: string, at: number, data: JsonObject, updated = at): Write => ({
  table: "part",
  row: { id, message_id, session_id: "s", time_created: T + at, time_updated: T + updated, data: JSON.stringify(data) },
});
const user = (id: string, of: string, at: number): Write[] => [
  message(id, of, at, { role: "user", time: { created: T + at }, agent: "build" }),
  part(`${id}p`, id, at, { type: "text", text: "go on" }),
];
const tokens = (input: number, output: number, reasoning = 0, more = {}) => ({
  input,
  output,
  reasoning,
  cache: { read: 0, write: 0 },
  ...more,
});
const answer = (id: string, of: string, at: number, more: JsonObject = {}): Write =>
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
const tool = (id: string, of: string, at: number, state: JsonObject, more: JsonObject = {}): Write =>
  part(id, of, at, { type: "tool", callID: `toolu_0000000000${id}`, tool: "bash", state, ...more });
const done = (at: number, more: JsonObject = {}) => ({
  status: "completed",
  time: { start: T + at, end: T + at + 9 },
  ...more,
});

function write(path: string, writes: readonly Write[], schema = V1): void {
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

const DB = ".local/share/opencode/opencode.db";

async function tell(writes: readonly Write[], schema = V1): Promise<Told> {
  using place = scratch();
  write(join(place.home, DB), writes, schema);
  return toldIn(place.data, await syncHome("opencode", place.home, place.data));
}

const of = ({ records }: Told, operation: string): WeirRecord[] => records.filter((r) => r.operation === operation);
const input = (told: Told): number[] => of(told, "chat").map((r) => r.usage?.input_tokens ?? 0);

for (const [agent, folder] of [
  ["opencode", ""],
  ["opencode", "v2"],
  ["opencode", "storage"],
  ["kilo-code", ""],
  ["kilo-code", "storage"],
  ["kilo-code", "tasks"],
] as const) {
  test(`counts exactly what stands in fixtures/agents/${agent}/${folder}`, async () => {
    using place = scratch();
    const base = join(fixtures, agent, folder);
    const { on_disk } = JSON.parse(readFileSync(join(base, "expected.json"), "utf8"));
    const { records, summary } = toldIn(place.data, await syncHome(agent, join(base, "home"), place.data));
    const { by_model, tool_calls, sessions } = on_disk;
    expect(figuresOf(records)).toMatchObject({ by_model, tool_calls, sessions });
    expect([summary.unknown, summary.quarantined, summary.unreadable]).toEqual([{}, [], []]);
  });
}

describe("a call is told once", () => {
  test("though a fork copies it under new ids", async () => {
    const copy = (id: string, of: string) => [...user(`${id}u`, of, 10), answer(`${id}a`, of, 20)];
    const told = await tell([
      ...[session("s1", 0), session("s2", 5000)],
      ...copy("m", "s1").concat(copy("f", "s2")),
      ...[tool("t1", "ma", 30, done(30)), tool("t2", "fa", 30, done(30), { callID: "toolu_0000000000t1" })],
      answer("f2", "s2", 6000),
    ]);
    expect(of(told, "chat").map((r) => r.session_id)).toEqual(["s1", "s2"]);
    expect(of(told, "execute_tool").map((r) => r.session_id)).toEqual(["s1"]);
    expect(of(told, "user_message").map((r) => r.session_id)).toEqual(["s1"]);
  });

  test("though two calls are alike in everything but their time", async () => {
    expect(input(await tell([session("s", 0), answer("a", "s", 10), answer("b", "s", 11)]))).toEqual([10, 10]);
  });

  test("though step parts and the session's sums repeat its tokens", async () => {
    const step = { type: "step-finish", reason: "stop", cost: 0.5, tokens: tokens(10, 5) };
    const told = await tell([session("s", 0, { tokens_input: 10 }), answer("a", "s", 10), part("p", "a", 20, step)]);
    expect(told.records.filter((r) => r.usage)).toHaveLength(1);
  });

  test("though the JSON file that it was imported from is still there; the database's telling counts", async () => {
    using place = scratch();
    const rows = [session("s", 0), ...user("u", "s", 10), answer("a", "s", 20)];
    write(join(place.home, DB), rows);
    const file = (name: string, text: string): void => {
      const path = join(place.home, ".local/share/opencode/storage/message/s", name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    };
    const dataOf = (id: string): JsonObject => ({
      id,
      sessionID: "s",
      ...JSON.parse(String(rows.find((w) => w.row.id === id)?.row.data)),
    });
    file("u.json", JSON.stringify(dataOf("u")));
    file("a.json", JSON.stringify(dataOf("a")));
    file(
      "never-imported.json",
      JSON.stringify({ ...dataOf("a"), id: "never-imported", time: { created: T + 900, completed: T + 990 } }),
    );
    const told = toldIn(place.data, await syncHome("opencode", place.home, place.data));
    expect(of(told, "chat").map((r) => r.stream)).toEqual(["messages", "storage"]);
    expect(of(told, "user_message").map((r) => r.stream)).toEqual(["messages"]);
  });

  test("though it stands in the databases of two channels", async () => {
    using place = scratch();
    for (const name of ["opencode.db", "opencode-next.db"])
      write(join(place.home, dirname(DB), name), [session("s", 0), answer("a", "s", 20)]);
    expect(input(toldIn(place.data, await syncHome("opencode", place.home, place.data)))).toEqual([10]);
  });

  test("though the tables of version 1 are still there; version 2 wins", async () => {
    const entry = {
      agent: "build",
      model: { id: "m", providerID: "anthropic" },
      finish: "stop",
      cost: 0.5,
      time: { created: T + 20, completed: T + 520 },
    };
    const rows = [
      ...[
        session("s", 0),
        session("s", 0, {}, "session_v2"),
        session("old", 1),
        answer("a", "s", 20),
        answer("b", "old", 99),
      ],
      {
        table: "session_message",
        row: {
          id: "a",
          session_id: "s",
          type: "assistant",
          seq: 1,
          time_created: T + 20,
          time_updated: T,
          data: JSON.stringify({ ...entry, tokens: tokens(11, 5) }),
        },
      },
    ];
    const told = await tell(rows, `${V1}; ${V2}`);
    expect(input(told)).toEqual([11, 10]);
    expect(told.all.filter((r) => r.rev > 0)).toEqual([]);
    expect(of(told, "session").map((r) => r.session_id)).toEqual(["s", "old"]);
  });
});

describe("tokens", () => {
  const usage = async (more: JsonObject) =>
    of(await tell([session("s", 0), answer("a", "s", 10, more)]), "chat")[0]?.usage;

  test("of the input come without caches", async () => {
    const told = await usage({ tokens: { ...tokens(10, 5), cache: { read: 100, write: 7 } } });
    expect(told).toMatchObject({ input_tokens: 117, cache_read_input_tokens: 100, cache_creation_input_tokens: 7 });
  });

  test("of reasoning stand beside the output, or inside it, as the total says", async () => {
    expect(await usage({ tokens: tokens(10, 50, 20, { total: 80 }) })).toMatchObject({ output_tokens: 70 });
    expect(await usage({ tokens: tokens(10, 50, 20, { total: 60 }) })).toMatchObject({ output_tokens: 50 });
  });

  test("of reasoning stood inside the output before there was a total, unless they are more", async () => {
    expect(await usage({ tokens: tokens(10, 50, 20) })).toMatchObject({
      output_tokens: 50,
      reasoning_output_tokens: 20,
    });
    expect(await usage({ tokens: tokens(10, 5, 20) })).toMatchObject({ output_tokens: 25 });
  });

  test("cost nothing that is known when the cost is 0", async () => {
    const [call] = of(await tell([session("s", 0), answer("a", "s", 10, { cost: 0 })]), "chat");
    expect(call).not.toHaveProperty("cost_usd");
  });
});

describe("a request", () => {
  const empty = { tokens: tokens(0, 0), cost: 0, finish: undefined };

  test("that runs, or was killed, is nothing yet", async () => {
    const told = await tell([session("s", 0), answer("a", "s", 10, { ...empty, time: { created: T + 10 } })]);
    expect(told.records.map((r) => r.operation)).toEqual(["session"]);
  });

  test("that failed is an error and no call", async () => {
    const error = { name: "APIError", data: { message: "no", statusCode: 529 } };
    const told = await tell([session("s", 0), answer("a", "s", 10, { ...empty, error }), answer("b", "s", 20, empty)]);
    expect(of(told, "chat")).toEqual([]);
    expect(of(told, "error").map((r) => [r.error_type, r.attributes])).toEqual([
      ["APIError", { statusCode: 529 }],
      ["no_response", undefined],
    ]);
  });

  test("that broke off with tokens is a call that failed", async () => {
    const [call] = of(
      await tell([session("s", 0), answer("a", "s", 10, { error: { name: "MessageAbortedError" } })]),
      "chat",
    );
    expect(call).toMatchObject({ status: "error", error_type: "MessageAbortedError", usage: { input_tokens: 10 } });
  });

  test("that was tried again is an error for each failure", async () => {
    const retry = {
      type: "retry",
      attempt: 1,
      error: { name: "APIError", data: { statusCode: 500 } },
      time: { created: T + 15 },
    };
    const told = await tell([session("s", 0), answer("a", "s", 10), part("p", "a", 15, retry)]);
    expect(of(told, "error").map((r) => [r.error_type, r.attributes])).toEqual([
      ["APIError", { retryAttempt: 1, statusCode: 500 }],
    ]);
    expect(of(told, "chat")).toHaveLength(1);
  });

  test("whose row was read early is told again when it is whole", async () => {
    using place = scratch();
    const path = join(place.home, DB);
    write(path, [session("s", 0), answer("a", "s", 10, { ...empty, time: { created: T + 10 } })]);
    await syncHome("opencode", place.home, place.data);
    write(
      path,
      [answer("a", "s", 10, { time: { created: T + 10 } })].map((w) => ({
        ...w,
        row: { ...w.row, time_updated: T + 600 },
      })),
    );
    const half = toldIn(place.data, await syncHome("opencode", place.home, place.data));
    expect(of(half, "chat")).toMatchObject([{ open: true }]);
    write(path, [message("a", "s", 10, JSON.parse(String(answer("a", "s", 10).row.data)), 700)]);
    const whole = toldIn(place.data, await syncHome("opencode", place.home, place.data));
    expect(of(whole, "chat")).toMatchObject([{ rev: 1, usage: { input_tokens: 10 } }]);
    expect(of(whole, "chat")[0]).not.toHaveProperty("open");
  });

  test("that wrote a summary is a call and a compaction", async () => {
    const asked = message("u", "s", 10, { role: "user", time: { created: T + 10 } });
    const told = await tell([
      ...[session("s", 0), asked, part("p", "u", 10, { type: "compaction", auto: true })],
      answer("a", "s", 20, { summary: true, agent: "compaction", parentID: "u" }),
    ]);
    expect(of(told, "chat")).toHaveLength(1);
    expect(of(told, "compaction").map((r) => r.attributes)).toEqual([{ trigger: "auto" }]);
    expect(of(told, "user_message")).toEqual([]);
  });
});

describe("a tool", () => {
  const states = async (state: JsonObject, more: JsonObject = {}) => {
    const told = await tell([session("s", 0), answer("a", "s", 10), tool("t", "a", 20, state, more)]);
    return of(told, "execute_tool").map((r) => [r.tool?.name, r.status, r.error_type, r.open]);
  };

  test("that has not begun is nothing yet; one that runs is open", async () => {
    expect(await states({ status: "pending" })).toEqual([]);
    expect(await states({ status: "running", time: { start: T + 20 } })).toEqual([
      ["bash", undefined, undefined, true],
    ]);
  });

  test("fails by its state, by the exit code of its command, or because the model does not have it", async () => {
    expect(await states(done(20))).toEqual([["bash", "ok", undefined, undefined]]);
    expect(await states({ ...done(20), status: "error" })).toEqual([["bash", "error", "tool_error", undefined]]);
    expect(await states(done(20, { metadata: { exit: 3 } }))).toEqual([["bash", "error", "exit_code", undefined]]);
    expect(await states(done(20), { tool: "invalid" })).toEqual([["invalid", "error", "invalid_tool", undefined]]);
  });

  test("that ends after its message did is told again", async () => {
    using place = scratch();
    write(join(place.home, DB), [
      session("s", 0),
      answer("a", "s", 10),
      tool("t", "a", 20, { status: "running", time: { start: T + 20 } }),
    ]);
    await syncHome("opencode", place.home, place.data);
    write(join(place.home, DB), [
      { ...tool("t", "a", 20, done(20)), row: { ...tool("t", "a", 20, done(20)).row, time_updated: T + 900 } },
    ]);
    const told = toldIn(place.data, await syncHome("opencode", place.home, place.data));
    expect(of(told, "execute_tool")).toMatchObject([{ rev: 1, status: "ok" }]);
  });
});

describe("a session", () => {
  test("of a subagent has its parent; its prompts are not the person's", async () => {
    const told = await tell([
      ...[session("s", 0), ...user("u", "s", 5), session("c", 10, { parent_id: "s", agent: "general" })],
      ...[...user("cu", "c", 11), answer("ca", "c", 20, { parentID: "cu" })],
    ]);
    expect(of(told, "user_message").map((r) => r.session_id)).toEqual(["s"]);
    expect(of(told, "chat")).toMatchObject([{ session_id: "c", parent_session_id: "s", turn: 0 }]);
    expect(of(told, "invoke_agent")).toMatchObject([{ session_id: "c", agent_name: "general", duration_ms: 510 }]);
  });

  test("counts its turns by the prompts that a person gave", async () => {
    const synthetic = [
      message("x", "s", 30, { role: "user", time: { created: T + 30 } }),
      part("xp", "x", 30, { type: "text", synthetic: true }),
    ];
    const told = await tell([
      ...[session("s", 0), ...user("u", "s", 5), answer("a", "s", 10, { parentID: "u" }), ...synthetic],
      ...[answer("b", "s", 40, { parentID: "x" }), ...user("v", "s", 50), answer("d", "s", 45, { parentID: "v" })],
    ]);
    expect(of(told, "user_message").map((r) => r.turn)).toEqual([0, 1]);
    expect(of(told, "chat").map((r) => r.turn)).toEqual([0, 0, 1]);
  });

  test("of a schema that nobody knows is counted, not told", async () => {
    const told = await tell([], "CREATE TABLE message (id, data); CREATE TABLE chapter (id)");
    expect(told.summary.unknown).toEqual({ "opencode/messages: schema tables chapter, message": 1 });
  });

  test("with rows that are no JSON tells the others", async () => {
    const broken = { table: "message", row: { id: "x", session_id: "s", time_created: T, time_updated: T, data: "{" } };
    const told = await tell([
      session("s", 0),
      broken,
      answer("a", "s", 10),
      { ...part("p", "a", 1, {}), row: { ...part("p", "a", 1, {}).row, data: "[" } },
    ]);
    expect(input(told)).toEqual([10]);
    expect(told.summary.unknown).toEqual({ "opencode/messages: message without data": 1 });
  });
});

/** The rows of a few sessions in the order in which the agent writes them: begun, with their parts, then whole. */
function history(r: Random): Write[] {
  const writes: Write[] = [];
  for (let s = 0; s < 3; s++) {
    const id = `s${s}`;
    writes.push(session(id, s * 10_000, s === 2 ? { parent_id: "s0" } : {}));
    for (let k = 0; k < r.int(1, 4); k++) {
      const at = s * 10_000 + k * 1000;
      writes.push(...user(`${id}u${k}`, id, at + 1));
      for (let n = 0; n < r.int(1, 3); n++) {
        const [name, began] = [`${id}a${k}${n}`, at + 10 + n * 100];
        const whole = JSON.parse(String(answer(name, id, began, { parentID: `${id}u${k}` }).row.data));
        const { finish: _, ...begun } = { ...whole, tokens: tokens(0, 0), cost: 0, time: { created: T + began } };
        writes.push(message(name, id, began, begun));
        if (r.chance(0.5)) {
          const of = `t${name}`;
          writes.push(
            tool(of, name, began + 20, { status: "pending" }),
            tool(of, name, began + 30, { status: "running", time: { start: T + began + 30 } }),
          );
          const end = done(began + 30);
          writes.push({ table: "part", row: { ...tool(of, name, began + 20, end).row, time_updated: T + began + 40 } });
        }
        const how = r.chance(0.2) ? { ...begun, time: whole.time, error: { name: "APIError" } } : whole;
        writes.push(message(name, id, began, how, began + 50));
      }
    }
  }
  return writes;
}

test("cut law: wherever a growing database is read, what is told and counted in the end is the same", async () => {
  const rounds = setting("WEIR_CUTS", 10);
  for (let seed = SEED; seed < SEED + rounds; seed++) {
    const r = random(seed);
    const writes = history(r);
    const uncut = await tell(writes);
    using place = scratch();
    let told: Told | undefined;
    for (let at = 0; at < writes.length; ) {
      const next = Math.min(writes.length, at + r.int(1, 8));
      write(join(place.home, DB), writes.slice(at, next));
      told = toldIn(place.data, await syncHome("opencode", place.home, place.data));
      at = next;
    }
    expect(counted(told?.all ?? [])).toEqual(counted(uncut.all));
  }
}, 600_000);
