/** Owns the proof that Kilo Code's calls are counted once where it differs from OpenCode, on which it is built. */
import { describe, expect, test } from "bun:test";
import { answer, of, part, session, step, T, tell, tokens, tool, user, V1, type Write } from "../support/opencode.ts";

const told = (writes: readonly Write[]) => tell(writes, V1, "kilo-code");

describe("a fork", () => {
  const copy = { cost: 0, agent: "code" };
  const child = (id: string, parent: string, at: number) => session(id, at, { parent_id: parent, agent: "general" });

  test("copies calls with a cost of 0: they count where they were made, with their cost", async () => {
    const rows = await told([
      ...[session("s", 0), ...user("u", "s", 5), answer("a", "s", 10, { agent: "code" })],
      step("p", "a", 20, tokens(10, 5)),
      ...[
        session("f", 5000),
        ...user("fu", "f", 5),
        answer("fa", "f", 10, copy),
        answer("fb", "f", 6000, { agent: "code" }),
      ],
      step("fp", "fa", 20, tokens(10, 5), { cost: 0 }),
    ]);
    expect(of(rows, "chat").map((r) => [r.session_id, r.cost_usd])).toEqual([
      ["f", 0.5],
      ["s", 0.5],
    ]);
    expect(of(rows, "user_message").map((r) => r.session_id)).toEqual(["s"]);
  });

  test("copies its subagents' sessions too: neither their calls nor their runs count again", async () => {
    const rows = await told([
      ...[
        session("s", 0),
        child("c", "s", 10),
        answer("ca", "c", 20),
        tool("t", "ca", 30, { status: "completed", time: { start: T + 30 } }),
      ],
      ...[session("f", 5000), child("d", "f", 5001), answer("da", "d", 20, { cost: 0 })],
      tool("dt", "da", 30, { status: "completed", time: { start: T + 30 } }, { callID: "toolu_0000000000t" }),
    ]);
    expect(of(rows, "chat").map((r) => r.session_id)).toEqual(["c"]);
    expect(of(rows, "execute_tool").map((r) => r.session_id)).toEqual(["c"]);
    expect(of(rows, "invoke_agent").map((r) => r.session_id)).toEqual(["c"]);
  });

  test("of a fork counts each call once", async () => {
    const rows = ["s", "f", "g"].flatMap((id, at) => [
      session(id, at * 1000),
      answer(`${id}a`, id, 10, at === 0 ? {} : { cost: 0 }),
      ...(at > 0 ? [answer(`${id}b`, id, 1010, at === 1 ? {} : { cost: 0 })] : []),
    ]);
    expect(of(await told(rows.toReversed()), "chat").map((r) => r.session_id)).toEqual(["f", "s"]);
  });
});

test("what a call's subagents cost is not the call's cost", async () => {
  const rows = await told([session("s", 0), answer("a", "s", 10, { cost: 9.5 }), step("p", "a", 20, tokens(10, 5))]);
  expect(of(rows, "chat").map((r) => r.cost_usd)).toEqual([0.5]);
});

test("the model that answered is told by the step, where it is not the one that was asked", async () => {
  const model = { providerID: "openai", modelID: "gpt-5-mini" };
  const rows = await told([
    ...[session("s", 0), answer("a", "s", 10, { providerID: "kilo", modelID: "kilo/auto" })],
    ...[step("p", "a", 20, tokens(10, 5), { model }), answer("b", "s", 30), step("q", "b", 40, tokens(10, 5))],
  ]);
  expect(of(rows, "chat")).toMatchObject([
    { model: "gpt-5-mini", request_model: "kilo/auto", provider: "openai" },
    { model: "m", provider: "anthropic" },
  ]);
  expect(of(rows, "chat")[1]).not.toHaveProperty("request_model");
});

describe("a session that was made of an older task", () => {
  const legacy = { providerID: "legacy", modelID: "legacy", cost: 0, tokens: tokens(0, 0), finish: undefined };
  const task = "0a1b2c3d-1111-4222-8333-444455556666";
  const made = [
    session("ses_migrated_1", 0, { slug: task, version: "v2" }),
    answer("m1", "ses_migrated_1", 10, { ...legacy, time: { created: T + 10, completed: T + 10 } }),
    tool("t1", "m1", 10, { status: "completed", time: { start: T + 10, end: T + 10 } }),
    part("r1", "m1", 10, { type: "reasoning", text: "x" }),
  ];

  test("has no failed requests for the calls that the task tells", async () => {
    const rows = await told(made);
    expect([...of(rows, "error"), ...of(rows, "chat")]).toEqual([]);
  });

  test("tells its tools as the task's, and itself as its fork", async () => {
    const rows = await told([...made, answer("m2", "ses_migrated_1", 9000)]);
    expect(of(rows, "execute_tool").map((r) => r.session_id)).toEqual([task]);
    expect(of(rows, "session").map((r) => [r.session_id, r.forked_from])).toEqual([["ses_migrated_1", task]]);
    expect(of(rows, "chat").map((r) => r.session_id)).toEqual(["ses_migrated_1"]);
  });
});
