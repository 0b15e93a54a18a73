/** Owns the proof that what the versions and forks of Pi write beyond its first format is counted and placed right. */
import { expect, test } from "bun:test";
import { agents } from "../../src/agents/index.ts";
import type { JsonObject } from "../../src/record/json.ts";
import { type Files, type Told, tellOf, tellTextsOf } from "../support/agent.ts";

const FOLDER = ".pi/agent/sessions/--src-app--";
const fileOf = (session: string): string => `${FOLDER}/2026-03-01T09-00-00-000Z_${session}.jsonl`;
const at = (second: number): string => new Date(Date.UTC(2026, 2, 1, 9, 0, second)).toISOString();

const header = (id: string, second: number, parent?: string): JsonObject => ({
  type: "session",
  version: 3,
  id,
  timestamp: at(second),
  ...(parent && { parentSession: `/home/u/${fileOf(parent)}` }),
});
const entry = (id: string, second: number, more: JsonObject): JsonObject => ({ id, timestamp: at(second), ...more });
const message = (id: string, second: number, m: JsonObject): JsonObject =>
  entry(id, second, { type: "message", message: { timestamp: Date.parse(at(second)), ...m } });
const answer = (id: string, second: number, output: number): JsonObject =>
  message(id, second, {
    role: "assistant",
    content: [{ type: "text", text: "done" }],
    provider: "p",
    model: "m",
    usage: { input: 10, output, cacheRead: 3, cacheWrite: 2 },
    stopReason: "stop",
  });
const of = (told: Told, operation: string) => told.records.filter((r) => r.operation === operation);

test("an entry of usage is a call with its own model, in a fork the same call", async () => {
  const warm = (id: string, second: number): JsonObject =>
    entry(id, second, {
      type: "usage",
      kind: "cache_warm",
      provider: "anthropic",
      model: "claude-x",
      usage: { input: 0, output: 0, cacheRead: 50, cacheWrite: 0, cost: { total: 0.015 } },
    });
  const told = await tellOf("pi", {
    [fileOf("aaaa")]: [header("aaaa", 0), answer("e1", 1, 5), warm("e2", 2), warm("e3", 9)],
    [fileOf("bbbb")]: [header("bbbb", 20, "aaaa"), answer("e1", 1, 5), warm("e2", 2)],
  });
  expect(of(told, "chat")).toHaveLength(3);
  expect(of(told, "chat")[1]).toMatchObject({
    session_id: "aaaa",
    request_model: "claude-x",
    provider: "anthropic",
    usage: { input_tokens: 50, output_tokens: 0, cache_read_input_tokens: 50 },
    cost_usd: 0.015,
  });
  expect(told.summary.unknown).toEqual({});
});

test("a fork of a fork: each answer counts in the session that gave it, whichever is read first", async () => {
  const original: Files = { [fileOf("cccc")]: [header("cccc", 0), answer("e1", 1, 1)] };
  const fork: Files = { [fileOf("bbbb")]: [header("bbbb", 10, "cccc"), answer("e1", 1, 1), answer("e2", 11, 2)] };
  const last: Files = {
    [fileOf("aaaa")]: [header("aaaa", 20, "bbbb"), answer("e1", 1, 1), answer("e2", 11, 2), answer("e3", 21, 3)],
  };
  for (const steps of [[original, fork, last], [last, fork, original], [{ ...original, ...fork, ...last }]]) {
    const told = await tellOf("pi", ...steps);
    const given = of(told, "chat").map((r) => [r.session_id, r.usage?.output_tokens]);
    expect(given.toSorted()).toEqual([
      ["aaaa", 3],
      ["bbbb", 2],
      ["cccc", 1],
    ]);
  }
});

test("edits of the context and injected rules say nothing, an unknown entry is counted", async () => {
  const told = await tellOf("pi", {
    [fileOf("aaaa")]: [
      header("aaaa", 0),
      entry("x", 1, { type: "context_edit", targetId: "e", replacement: { content: "PLANTED" } }),
      entry("y", 2, { type: "ttsr_injection", injectedRules: ["PLANTED"] }),
      message("z", 3, { role: "fileMention", files: [] }),
      entry("w", 4, { type: "weather" }),
    ],
  });
  expect(told.summary.unknown).toEqual({ "pi/transcript: type weather": 1 });
});

test("OMP names a model and its provider as one, and a summary's call has the model of the talk", async () => {
  const folder = ".omp/agent/sessions/--src-app--/2026-03-01T09-00-00-000Z_aaaa.jsonl";
  const told = await tellOf("pi", {
    [folder]: [
      header("aaaa", 0),
      entry("m1", 1, { type: "model_change", model: "openrouter/vendor/big" }),
      entry("m2", 2, { type: "model_change", model: "p/small", role: "smol" }),
      entry("c1", 3, { type: "compaction", usage: { input: 5, output: 5 } }),
      entry("c2", 4, { type: "compaction", usage: { input: 6, output: 6 }, fromExtension: true }),
    ],
  });
  expect(of(told, "chat").map((r) => [r.provider, r.request_model, r.usage?.output_tokens])).toEqual([
    ["openrouter", "vendor/big", 5],
    [undefined, undefined, 6],
  ]);
});

test("values of the wrong type are no numbers, and the entries around them stay right", async () => {
  const odd: JsonObject[] = [
    { type: "message", message: "x" },
    { type: "message", message: { role: "assistant", content: 5, usage: "x", stopReason: 7 } },
    { type: "message", message: { role: "user", content: { a: 1 } }, timestamp: 5e20 },
    { type: "message", message: { role: "toolResult", toolCallId: 5 } },
    { type: "message", message: { role: "assistant", content: [null, "x", { type: "toolCall" }], usage: null } },
    { type: "usage", usage: { input: "5", output: Number.MAX_VALUE, cacheRead: -1 } },
    { type: "compaction", usage: [] },
    { type: "model_change", model: 5, modelId: null },
    { type: null },
    {},
  ];
  const told = await tellOf("pi", { [fileOf("aaaa")]: [header("aaaa", 0), ...odd, answer("e9", 9, 5)] });
  expect(told.summary.quarantined).toEqual([]);
  expect(of(told, "chat").at(-1)?.usage).toMatchObject({ input_tokens: 15, output_tokens: 5 });
});

test("the session folder of the settings is read where the environment names none; one of a working folder is not", () => {
  const locate = agents.find((a) => a.id === "pi")?.streams[0]?.locate;
  const roots = (sessionDir: unknown, variables: Record<string, string> = {}, own = true) =>
    locate?.({
      homes: [{ path: "/h", own, layouts: ["linux"] }],
      variable: (name) => variables[name],
      settings: (path) => (path === "/h/.pi/agent/settings.json" ? { sessionDir } : undefined),
    }).map(({ root }) => root);
  expect(roots("~/kept")).toEqual(["/h/kept", "/h/.pi/agent/sessions"]);
  expect(roots("/kept", {}, false)).toEqual(["/kept", "/h/.pi/agent/sessions"]);
  expect(roots("/kept", { PI_CODING_AGENT_SESSION_DIR: "~/other" })).toEqual(["/h/other", "/h/.pi/agent/sessions"]);
  for (const none of ["kept", 5, "", undefined]) expect(roots(none)).toEqual(["/h/.pi/agent/sessions"]);
});

test("what the model was told before all else, and the tools it was given, stand with the session", async () => {
  const system = (id: string, second: number, sections: JsonObject): JsonObject =>
    message(id, second, {
      role: "system",
      content: "",
      sections,
      toolsAdded: [{ name: "read", description: "reads", parameters: { type: "object" } }],
    });
  const log = [
    header("aaaa", 0, "bbbb"),
    system("s1", 1, { preamble: "Be brief.", cwd: "/w", none: null }),
    message("u1", 2, { role: "user", content: "go" }),
    system("s2", 3, { skills: "later" }),
  ];
  const steps = log.map((line): Files => ({ [fileOf("aaaa")]: [line] }));
  for (const told of [await tellTextsOf("pi", { [fileOf("aaaa")]: log }), await tellTextsOf("pi", ...steps)])
    expect(of(told, "session")).toMatchObject([
      {
        forked_from: "bbbb",
        time: at(0),
        content: {
          system_instructions: [
            { type: "text", content: "Be brief." },
            { type: "text", content: "/w" },
          ],
          tool_definitions: [{ type: "function", name: "read", description: "reads", parameters: { type: "object" } }],
        },
      },
    ]);
  const bare = await tellOf("pi", { [fileOf("aaaa")]: log });
  expect(JSON.stringify(bare.all)).not.toMatch(/brief|later|reads/);
});

test("an id is only a name, whatever it is called", async () => {
  const ids = ["constructor", "toString", "hasOwnProperty"];
  const content = ids.map((id) => ({ type: "toolCall", id, name: "bash", arguments: {} }));
  const results = ids.map((toolCallId, i) =>
    message(`r${i}`, 3 + i, { role: "toolResult", toolCallId, isError: false }),
  );
  const asked = message("e1", 2, { role: "assistant", content, stopReason: "toolUse" });
  const told = await tellOf("pi", { [fileOf("aaaa")]: [header("aaaa", 0), asked, ...results] });
  expect(of(told, "execute_tool").map((r) => [r.tool?.name, r.status])).toEqual(ids.map(() => ["bash", "ok"]));
});
