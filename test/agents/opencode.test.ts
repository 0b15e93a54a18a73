/** Owns the proof that OpenCode's and Kilo Code's calls are counted once, whatever forks, imports and schemas write. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { opencode } from "../../src/agents/opencode/opencode.ts";
import type { JsonObject } from "../../src/record/json.ts";
import { figuresOf, syncHome, type Told, toldIn } from "../support/agent.ts";
import { counted } from "../support/archive.ts";
import { scratch } from "../support/home.ts";
import {
  answer,
  DB,
  done,
  entry,
  input,
  message,
  of,
  part,
  session,
  step,
  T,
  tell,
  tellTexts,
  tokens,
  tool,
  user,
  V1,
  V2,
  type Write,
  write,
} from "../support/opencode.ts";
import { type Random, random, SEED, setting } from "../support/random.ts";

const fixtures = join(import.meta.dir, "../../fixtures/agents");
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

  test("though a fork copies it after its tokens and before its end, which the copy never gets", async () => {
    using place = scratch();
    const ending = { time: { created: T + 10 } };
    const forked = [session("s2", 600), answer("f", "s2", 10, ending)];
    const syncs = [[session("s1", 0), answer("a", "s1", 10, ending), ...forked], [answer("a", "s1", 10)]];
    for (const rows of syncs) {
      write(join(place.home, DB), rows);
      const grown = toldIn(place.data, await syncHome("opencode", place.home, place.data));
      expect(of(grown, "chat").map((r) => r.session_id)).toEqual(["s1"]);
    }
    const told = await tell(syncs.flat());
    expect(of(told, "chat").map((r) => [r.session_id, r.open])).toEqual([["s1", undefined]]);
    expect(new Set(told.all.flatMap((r) => (r.operation === "chat" ? [r.fact] : []))).size).toBe(1);
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

describe("an answer of many steps", () => {
  const steps = [
    step("p1", "a", 20, tokens(10, 1), { reason: "tool-calls", cost: 0.1 }),
    step("p2", "a", 30, tokens(20, 2), { reason: "tool-calls", cost: 0.2 }),
    step("p3", "a", 40, tokens(20, 2), { cost: 0.3 }),
  ];
  const whole = answer("a", "s", 10, { tokens: tokens(20, 2), cost: 0.6 });

  test("is as many calls, each with its own tokens and cost, also where two are alike", async () => {
    const told = await tell([session("s", 0), whole, ...steps]);
    expect(input(told)).toEqual([10, 20, 20]);
    expect(of(told, "chat").map((r) => [r.cost_usd, r.finish_reasons])).toEqual([
      [0.1, ["tool-calls"]],
      [0.2, ["tool-calls"]],
      [0.3, ["stop"]],
    ]);
  });

  test("counts once, though a fork copies it", async () => {
    const copies = steps.map(({ row }, at) => ({ table: "part", row: { ...row, id: `f${at}`, message_id: "fa" } }));
    const copy = { table: "message", row: { ...whole.row, id: "fa", session_id: "f" } };
    const told = await tell([session("s", 0), whole, ...steps, session("f", 900), copy, ...copies]);
    expect(of(told, "chat").map((r) => r.session_id)).toEqual(["s", "s", "s"]);
  });

  test("that was read between its steps is told again, each call once", async () => {
    using place = scratch();
    const begun = { time: { created: T + 10 }, finish: undefined };
    const early = [
      [session("s", 0), answer("a", "s", 10, { ...begun, tokens: tokens(0, 0), cost: 0 }), steps[0]!],
      [answer("a", "s", 10, { ...begun, tokens: tokens(10, 1), cost: 0.1 }), steps[1]!],
      [steps[2]!, whole],
    ];
    let told: Told | undefined;
    for (const rows of early) {
      write(join(place.home, DB), rows);
      told = toldIn(place.data, await syncHome("opencode", place.home, place.data));
    }
    const uncut = await tell([session("s", 0), whole, ...steps]);
    expect(counted(told?.all ?? [])).toEqual(counted(uncut.all));
  });

  test("was killed before it could tell them itself: its steps did", async () => {
    const killed = { time: { created: T + 10 }, tokens: tokens(0, 0), cost: 0, finish: undefined };
    const [call] = of(await tell([session("s", 0), answer("a", "s", 10, killed), steps[0]!]), "chat");
    expect(call).toMatchObject({ open: true, usage: { input_tokens: 10 }, finish_reasons: ["tool-calls"] });
  });

  test("that broke off has the error at its last call", async () => {
    const error = { name: "MessageAbortedError" };
    const told = await tell([session("s", 0), answer("a", "s", 10, { error }), ...steps.slice(0, 2)]);
    expect(of(told, "chat").map((r) => r.status)).toEqual(["ok", "error"]);
  });
});

describe("version 2", () => {
  const tellEntries = (...entries: readonly Write[]) =>
    tell([session("s", 0, {}, "session_v2"), ...entries], V2).then((told) => told);
  const model = { id: "m", providerID: "openai" };
  const time = { created: T + 1, streamed: T + 4, completed: T + 9 };
  const call = (more: JsonObject = {}) => ({ agent: "build", model, finish: "stop", time, content: [], ...more });

  test("tells reasoning beside the output", async () => {
    const [told] = of(await tellEntries(entry("a", "s", 1, "assistant", call({ tokens: tokens(10, 5, 3) }))), "chat");
    expect(told?.usage).toMatchObject({ output_tokens: 8, reasoning_output_tokens: 3 });
  });

  test("knows the exit code of a command by either of two names", async () => {
    const shell = (id: string, state: JsonObject) => ({ type: "tool", id, name: "shell", state, time });
    const content = [
      shell("call_1", { status: "completed", metadata: { exit: 1 } }),
      shell("call_2", { status: "completed", structured: { exit: 2 } }),
      shell("call_3", { status: "completed", structured: { exit: 0 } }),
      shell("call_4", { status: "streaming", input: "{" }),
    ];
    const told = await tellEntries(entry("a", "s", 1, "assistant", call({ tokens: tokens(10, 5), content })));
    expect(of(told, "execute_tool").map((r) => [r.tool?.call_id, r.status])).toEqual([
      ["call_1", "error"],
      ["call_2", "error"],
      ["call_3", "ok"],
    ]);
  });

  test("compacts by a call of its own, which may have failed; the first versions told no status", async () => {
    const made = (more: JsonObject) => ({ reason: "auto", summary: "x", recent: "y", time: { created: T }, ...more });
    const told = await tellEntries(
      entry("a", "s", 1, "compaction", made({ status: "running" })),
      entry("b", "s", 2, "compaction", made({})),
      entry("c", "s", 3, "compaction", made({ status: "completed", model, tokens: tokens(10, 5) })),
      entry("d", "s", 4, "compaction", made({ status: "failed", error: { type: "x" }, tokens: tokens(20, 5) })),
    );
    expect(of(told, "compaction").map((r) => [r.status, r.attributes])).toEqual([
      ["ok", { trigger: "auto" }],
      ["ok", { trigger: "auto" }],
      ["error", { trigger: "auto" }],
    ]);
    expect(of(told, "chat").map((r) => [r.usage?.input_tokens, r.status])).toEqual([
      [10, "ok"],
      [20, "error"],
    ]);
  });

  test("names the session that a fork was made of; its copies count there, those of its fork too", async () => {
    const rows = ["s", "f", "g"].flatMap((id, at) => [
      session(id, at * 100, { fork_session_id: at === 0 ? null : ["s", "s", "f"][at]! }, "session_v2"),
      entry(`${id}1`, id, 1, "assistant", call({ tokens: tokens(10, 5) })),
      entry(`${id}2`, id, 2, "assistant", call({ tokens: tokens(20 + at, 5), time: { ...time, created: T + at } })),
    ]);
    const told = await tell(rows.toReversed(), V2.replace("slug TEXT", "fork_session_id TEXT"));
    expect(of(told, "chat").map((r) => [r.session_id, r.usage?.input_tokens])).toEqual([
      ["f", 21],
      ["g", 22],
      ["s", 10],
      ["s", 20],
    ]);
    expect(of(told, "session").map((r) => r.forked_from)).toEqual([undefined, "s", "f"]);
  });

  test("has commands that a person ran, each once, though a fork copies them", async () => {
    const ran = (at: number, more: JsonObject = {}) => ({
      ...{ command: "ls", status: "completed", exit: 0, time: { created: T + at, completed: T + at + 5 } },
      ...more,
    });
    const rows = (id: string) => [
      entry(`${id}1`, id, 1, "shell", ran(10)),
      entry(`${id}2`, id, 2, "shell", ran(20)),
      entry(`${id}3`, id, 3, "shell", ran(30, { time: undefined })),
    ];
    const fork = session("f", 100, { fork_session_id: "s" }, "session_v2");
    const told = await tell(
      [session("s", 0, {}, "session_v2"), ...rows("s"), fork, ...rows("f")],
      V2.replace("slug TEXT", "fork_session_id TEXT"),
    );
    expect(of(told, "other").map((r) => r.session_id)).toEqual(["f", "s", "s", "s"]);
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

  test("of reasoning never stood inside the output of Google's models", async () => {
    const google = { providerID: "google", tokens: tokens(10, 50, 20) };
    expect(await usage(google)).toMatchObject({ output_tokens: 70, reasoning_output_tokens: 20 });
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

  test("that ended a step is a call, also where no tokens were told and the answer has no reason to stop", async () => {
    const told = await tell([
      ...[session("s", 0), answer("a", "s", 10, empty), part("p", "a", 15, { type: "text", text: "x" })],
      step("q", "a", 16, tokens(0, 0)),
      ...[answer("b", "s", 20, empty), step("r", "b", 25, tokens(0, 0), { reason: undefined })],
      ...[answer("c", "s", 30, { ...empty, error: { name: "APIError" } }), step("t", "c", 35, tokens(0, 0))],
    ]);
    expect(of(told, "chat").map((r) => [r.status, r.finish_reasons, r.usage])).toEqual([
      ["ok", ["stop"], undefined],
      ["ok", undefined, undefined],
    ]);
    expect(of(told, "error").map((r) => r.error_type)).toEqual(["APIError"]);
  });

  test("that broke off with tokens is a call that failed", async () => {
    const [call] = of(
      await tell([session("s", 0), answer("a", "s", 10, { error: { name: "MessageAbortedError" } })]),
      "chat",
    );
    expect(call).toMatchObject({ status: "error", error_type: "MessageAbortedError", usage: { input_tokens: 10 } });
  });

  const retry = {
    type: "retry",
    attempt: 1,
    error: { name: "APIError", data: { statusCode: 500 } },
    time: { created: T + 15 },
  };
  const failures = (told: Told) => of(told, "error").map((r) => [r.error_type, r.attributes]);
  const failure = ["APIError", { retryAttempt: 1, statusCode: 500 }];

  test("that was tried again is an error for each failure", async () => {
    const told = await tell([session("s", 0), answer("a", "s", 10), part("p", "a", 15, retry)]);
    expect(failures(told)).toEqual([failure]);
    expect(of(told, "chat")).toHaveLength(1);
  });

  test("that was tried again is told so, though version 2 tells the answer and has no word for it", async () => {
    using place = scratch();
    const time = { created: T + 10, completed: T + 510 };
    const call = { agent: "build", model: { id: "m", providerID: "anthropic" }, finish: "stop", time };
    const older = [session("s", 0), answer("a", "s", 10), part("p", "a", 15, retry)];
    const newer = [
      session("s", 0, {}, "session_v2"),
      entry("a", "s", 10, "assistant", { ...call, tokens: tokens(10, 5) }),
    ];
    const both = `${V1}; ${V2}`;
    for (const rows of [older, newer]) {
      write(join(place.home, DB), rows, both);
      const told = toldIn(place.data, await syncHome("opencode", place.home, place.data));
      expect(failures(told)).toEqual([failure]);
    }
    const told = await tell([...older, ...newer], both);
    expect([failures(told), input(told)]).toEqual([[failure], [10]]);
    expect(of(await tellTexts([[...older, ...newer]], both), "error")[0]?.raw).toBe(JSON.stringify(retry));
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

describe("rows of a shape that nobody expects", () => {
  const odd: readonly JsonObject[] = [
    { tokens: "many", cost: "dear", finish: "stop" },
    { tokens: { input: "10", output: null, cache: [] }, finish: "stop" },
    { tokens: { input: -5, output: 1e300, reasoning: 2.7, cache: { read: true } } },
    { time: "now", tokens: tokens(1, 1) },
    { time: { created: -1, completed: T + 5 }, tokens: tokens(1, 1) },
    { providerID: 5, modelID: null, agent: [], error: "x", summary: "true", parentID: 7, path: "/" },
  ];

  test("tell what can be known of them, and never a number that is not there", async () => {
    const rows = odd.map((more, at) => answer(`a${at}`, "s", 10 + at, more));
    const told = await tell([session("s", 0), ...rows, answer("z", "s", 90)]);
    expect([told.summary.quarantined, told.summary.unreadable]).toEqual([[], []]);
    expect(of(told, "chat").map((r) => r.usage)).toEqual([
      undefined,
      undefined,
      undefined,
      ...Array(3).fill(expect.objectContaining({ input_tokens: expect.any(Number) })),
      expect.objectContaining({ input_tokens: 10 }),
    ]);
  });

  test("among parts and prompts are passed over", async () => {
    const parts = [
      null,
      5,
      "x",
      [],
      {},
      { type: 5 },
      { type: "tool" },
      { type: "tool", state: { status: "completed" } },
    ];
    const rows = parts.map((data, at) => part(`p${at}`, "a", at, data as JsonObject));
    const users = [null, 5, [], { role: 5 }, { role: "user" }].map((d, at) =>
      message(`u${at}`, "s", at, d as JsonObject),
    );
    const told = await tell([session("s", 0), answer("a", "s", 10), ...rows, ...users]);
    expect(told.summary.quarantined).toEqual([]);
    expect(of(told, "execute_tool")).toHaveLength(1);
    expect(told.summary.unknown).toEqual({
      "opencode/messages: message without a role": 4,
    });
  });

  test("that belong to no session, or to one that is gone, are told all the same", async () => {
    const told = await tell([answer("a", "gone", 10), tool("t", "a", 12, done(12))]);
    expect(told.records.map((r) => [r.operation, r.session_id])).toEqual([
      ["chat", "gone"],
      ["execute_tool", "gone"],
    ]);
  });

  test("whose clock went backwards have no duration", async () => {
    const [call] = of(
      await tell([session("s", 900), answer("a", "s", 10, { time: { created: T + 10, completed: T } })]),
      "chat",
    );
    expect(call).not.toHaveProperty("duration_ms");
  });
});

test("a row that changes twice within a millisecond is told at its last content", async () => {
  using place = scratch();
  for (const text of ["x", "xy"]) {
    write(join(place.home, DB), [session("s", 0), answer("a", "s", 10, { tokens: tokens(text.length * 100, 5) })]);
    write(join(place.home, DB), [tool("t", "a", 20, text === "x" ? { status: "running" } : done(20))]);
    await syncHome("opencode", place.home, place.data);
  }
  const told = toldIn(place.data, await syncHome("opencode", place.home, place.data));
  expect(of(told, "execute_tool")).toMatchObject([{ status: "ok" }]);
});

test("two homes with the same sessions count them once, and what only one has beside them", async () => {
  using place = scratch();
  using other = scratch();
  write(join(place.home, DB), [session("s", 0), answer("a", "s", 20)]);
  write(join(other.home, DB), [session("s", 0), answer("a", "s", 20), answer("b", "s", 30, { tokens: tokens(20, 5) })]);
  for (const { home } of [place, other]) await syncHome("opencode", home, place.data);
  expect(input(toldIn(place.data, await syncHome("opencode", other.home, place.data)))).toEqual([10, 20]);
});

test("the databases that the environment names are read: a name in the data folder, or a path", () => {
  const find = (variables: Record<string, string>) =>
    opencode.streams[0]!.locate({
      homes: [{ path: "/h", own: true, layouts: ["win32"] }],
      variable: (name) => variables[name],
    }).map(({ root, match }) => [root, ...match]);
  const usual = ["/h/.local/share/opencode", "opencode*.db"];
  expect(find({})).toEqual([usual]);
  expect(find({ OPENCODE_DB: ":memory:" })).toEqual([usual]);
  expect(find({ OPENCODE_DB: "mine.sqlite" })).toEqual([usual, ["/h/.local/share/opencode", "mine.sqlite"]]);
  expect(find({ OPENCODE_DB: "/d/x.db" })).toEqual([usual, ["/d", "x.db"]]);
  expect(find({ OPENCODE_DB: "C:\\d\\x.db" })).toEqual([usual, ["C:\\d", "x.db"]]);
  expect(find({ XDG_DATA_HOME: "/x" })).toEqual([["/x/opencode", "opencode*.db"]]);
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
