/** Owns the proof that Codex's calls are counted once and right, in every era of its files and in every copy of them. */
import { describe, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { agents } from "../../src/agents/index.ts";
import type { JsonObject } from "../../src/record/json.ts";
import { type Files, figuresOf, lines, syncHome, type Told, tellOf, toldIn } from "../support/agent.ts";
import {
  at,
  CHILD,
  call,
  chats,
  count,
  fileOf,
  GRANDCHILD,
  inAnyOrder,
  legacy,
  modern,
  of,
  output,
  PARENT,
  respond,
  restamped,
  tellOne,
  thread,
  tokens,
} from "../support/codex-rollout.ts";
import { scratch } from "../support/home.ts";
import { agentRoots } from "../support/places.ts";

const fixture = join(import.meta.dir, "../../fixtures/agents/codex");
test("counts exactly what stands in fixtures/agents/codex", async () => {
  using place = scratch();
  const expected = JSON.parse(readFileSync(join(fixture, "expected.json"), "utf8")).on_disk;
  const told = toldIn(place.data, await syncHome("codex", join(fixture, "home"), place.data));
  const figures = figuresOf(told.records);
  expect(figures.by_model).toEqual(expected.by_model);
  expect(figures.tool_calls).toBe(expected.tool_calls);
  expect(figures.sessions).toEqual(expect.arrayContaining(expected.sessions));
  const bySession: Record<string, { calls: number; tokens: number }> = {};
  for (const { session_id, usage } of of(told, "chat")) {
    bySession[session_id!] ??= { calls: 0, tokens: 0 };
    bySession[session_id!]!.calls++;
    bySession[session_id!]!.tokens += usage!.input_tokens! + usage!.output_tokens!;
  }
  expect(bySession).toEqual(expected.by_session);
  expect(of(told, "execute_tool").filter((r) => r.status === "error")).toHaveLength(8);
  expect(told.summary).toMatchObject({ unknown: {}, quarantined: [] });
  for (const marker of expected.content_markers) expect(JSON.stringify(told.all)).not.toContain(marker);
});

describe("pitfalls of the catalogue", () => {
  test("1, 2, 11: copied history with new times counts once, for its first thread, in any order", async () => {
    const parent = legacy(PARENT, 0).out;
    const child = thread(CHILD, 100, { forked_from_id: PARENT });
    child.out.push(...restamped(parent.slice(0, 4), 101), ...restamped(parent.slice(4), 104));
    child.event("user_message", { message: "another way" });
    child.item("function_call", call("call_of_the_child_00"));
    child.item("function_call_output", output("call_of_the_child_00", "done"));
    child.event("token_count", count([700, 70], [400, 40]));
    for (const told of await inAnyOrder({ [fileOf(PARENT)]: parent }, { [fileOf(CHILD)]: child.out })) {
      const owners = (operation: string) =>
        of(told, operation)
          .map((r) => r.session_id)
          .sort();
      expect(owners("chat")).toEqual([PARENT, PARENT, CHILD]);
      expect(owners("execute_tool")).toEqual([PARENT, PARENT, CHILD]);
      expect(owners("user_message")).toEqual([PARENT, PARENT, CHILD]);
      expect(of(told, "session").find((r) => r.session_id === CHILD)?.forked_from).toBe(PARENT);
    }
  });

  test("1: a subagent that copies history without a fork mark, and a fork of a fork", async () => {
    const parent = legacy(PARENT, 0).out;
    const child = thread(CHILD, 100, { parent_thread_id: PARENT, thread_source: "subagent" });
    child.out.push(...restamped(parent, 101));
    child.event("token_count", count([350, 35], [50, 5]));
    const grandchild = thread(GRANDCHILD, 200, { forked_from_id: CHILD });
    grandchild.out.push(...restamped(child.out, 201));
    grandchild.event("token_count", count([360, 37], [10, 2]));
    const files = [
      { [fileOf(PARENT)]: parent },
      { [fileOf(CHILD)]: child.out },
      { [fileOf(GRANDCHILD)]: grandchild.out },
    ];
    for (const told of await inAnyOrder(...files))
      expect(
        of(told, "chat")
          .map((r) => r.session_id)
          .sort(),
      ).toEqual([PARENT, PARENT, CHILD, GRANDCHILD]);
  });

  test("1: totals that begin anew in the middle of copied history", async () => {
    const parent = legacy(PARENT, 0);
    parent.event("token_count", count([40, 4], [40, 4]));
    parent.event("token_count", count([90, 9], [50, 5]));
    const child = thread(CHILD, 100, { forked_from_id: PARENT });
    child.out.push(...restamped(parent.out, 101));
    child.event("token_count", count([60, 6], [60, 6]));
    for (const told of await inAnyOrder({ [fileOf(PARENT)]: parent.out }, { [fileOf(CHILD)]: child.out }))
      expect(chats(told).toSorted((a, b) => a[0]! - b[0]!)).toEqual([
        [40, 4],
        [50, 5],
        [60, 6],
        [100, 10],
        [200, 20],
      ]);
  });

  test("1: if the parent is missing, its copied calls count", async () => {
    const child = thread(CHILD, 100, { forked_from_id: PARENT });
    child.out.push(...restamped(legacy(PARENT, 0).out, 101));
    expect(chats(await tellOf("codex", { [fileOf(CHILD)]: child.out }))).toEqual([
      [100, 10],
      [200, 20],
    ]);
  });

  test("3: a copied token_usage_record is told as its own thread's, which tells more of it", async () => {
    const parent = modern(PARENT, 0);
    respond(parent, "resp_of_the_parent_1", PARENT, [100, 10], [100, 10]);
    const child = thread(CHILD, 100, { forked_from_id: PARENT });
    child.out.push(...restamped(parent.out, 101));
    respond(child, "resp_of_the_child_01", CHILD, [200, 20], [300, 30]);
    for (const told of await inAnyOrder({ [fileOf(PARENT)]: parent.out }, { [fileOf(CHILD)]: child.out })) {
      expect(
        of(told, "chat")
          .map((r) => r.session_id)
          .sort(),
      ).toEqual([PARENT, CHILD]);
      const first = of(told, "chat").find((r) => r.session_id === PARENT);
      expect(first).toMatchObject({ end_time: at(6), cwd: "/src/app", turn: 0, attributes: { effort: "high" } });
      expect(first).not.toContainKey("forked_from");
      expect(of(told, "invoke_agent")).toHaveLength(1);
      expect(of(told, "user_message")).toHaveLength(1);
    }
  });

  test("3: a fork with history_base starts at its parent's totals and does not tell them again", async () => {
    const child = thread(CHILD, 100, { forked_from_id: PARENT, history_base: { thread_id: PARENT } });
    child.event("task_started", { turn_id: "t" });
    child.event("token_count", count([300, 30], [200, 20]));
    child.item("message", { role: "assistant", content: [] });
    child.event("token_count", count([340, 34], [40, 4]));
    expect(chats(await tellOf("codex", { [fileOf(CHILD)]: child.out }))).toEqual([[40, 4]]);
    child.out.splice(2, 1);
    expect(chats(await tellOf("codex", { [fileOf(CHILD)]: child.out }))).toEqual([[40, 4]]);
  });

  test("4: unchanged totals are no call, equal last usage with an advanced total is one", async () => {
    const t = legacy(PARENT, 0);
    t.event("token_count", count([300, 30], [200, 20]));
    t.event("token_count", { ...count([300, 30], [200, 20]), rate_limits: { primary: null } });
    t.event("token_count", count([500, 50], [200, 20]));
    expect(chats(await tellOne(t.out))).toEqual([
      [100, 10],
      [200, 20],
      [200, 20],
    ]);
  });

  test("4: a token_count with nothing but total_tokens tells of a compaction, not of a call", async () => {
    const t = legacy(PARENT, 0);
    t.event("token_count", {
      info: {
        total_token_usage: tokens(400, 30),
        last_token_usage: { input_tokens: 0, output_tokens: 0, total_tokens: 77 },
      },
    });
    expect(chats(await tellOne(t.out))).toHaveLength(2);
  });

  test("5: a total that rolls back is a call of its last usage, and the new baseline", async () => {
    const t = legacy(PARENT, 0);
    t.event("token_count", count([150, 15], [50, 5]));
    t.event("token_count", count([150, 15], [50, 5]));
    t.event("token_count", count([210, 21], [60, 6]));
    expect(chats(await tellOne(t.out))).toEqual([
      [100, 10],
      [200, 20],
      [50, 5],
      [60, 6],
    ]);
  });

  test("5: totals that begin anew are calls, also where they come to what they were", async () => {
    const t = legacy(PARENT, 0);
    t.event("token_count", count([50, 5], [50, 5]));
    t.event("token_count", count([100, 10], [50, 5]));
    expect(chats(await tellOne(t.out))).toEqual([
      [100, 10],
      [200, 20],
      [50, 5],
      [50, 5],
    ]);
  });

  test("6: without any total each token_count is a call, however alike", async () => {
    const t = thread(PARENT, 0);
    for (let i = 0; i < 3; i++) t.event("token_count", count(undefined, [100, 10]));
    expect(chats(await tellOne(t.out))).toHaveLength(3);
  });

  test("6: two sessions whose calls are all alike have all their calls", async () => {
    const files = [PARENT, CHILD].map((id) => {
      const t = thread(id, 0);
      for (let n = 1; n <= 3; n++) t.event("token_count", count([100 * n, 10 * n], [100, 10]));
      return { [fileOf(id)]: t.out };
    });
    expect(chats(await tellOf("codex", ...files))).toHaveLength(6);
  });

  test("6: the same, where their turns are only numbered", async () => {
    const files = [PARENT, CHILD].map((id) => {
      const t = thread(id, 0);
      for (let n = 1; n <= 3; n++) {
        t.event("task_started", { turn_id: String(n) });
        t.item("function_call", call("call_1"));
        t.event("token_count", count([100 * n, 10 * n], [100, 10]));
        t.event("task_complete", { turn_id: String(n) });
      }
      return { [fileOf(id)]: t.out };
    });
    const told = await tellOf("codex", ...files);
    for (const operation of ["chat", "execute_tool", "invoke_agent"]) expect(of(told, operation)).toHaveLength(6);
  });

  test("7: of token_usage_record and token_count the record is believed", async () => {
    const t = modern(PARENT, 0);
    respond(t, "resp_1", PARENT, [100, 10], [100, 10]);
    t.event("token_count", count([999, 99], [899, 89]));
    respond(t, "resp_2", PARENT, [200, 20], [300, 30]);
    const told = await tellOne(t.out);
    expect(chats(told)).toEqual([
      [100, 10],
      [200, 20],
    ]);
    expect(of(told, "chat")[0]).toMatchObject({
      response_id: "resp_1",
      fact: `resp_1@${PARENT}`,
      model: "m",
      provider: "p",
      time: at(4),
      end_time: at(6),
      duration_ms: 2000,
      usage: { cache_read_input_tokens: 1, cache_creation_input_tokens: 3, reasoning_output_tokens: 2 },
      attributes: { effort: "high", model_context_window: 1000 },
    });
  });

  test("7: an old file that a newer version resumed changes its channel at the first record", async () => {
    const t = legacy(PARENT, 0);
    t.event("task_started", { turn_id: "turn-3" });
    t.event("token_count", count([300, 30], [200, 20]));
    t.event("item_completed", {
      item: { type: "UserMessage", id: "said-3-0123456789", content: [{ type: "text", text: "and on" }] },
    });
    respond(t, "resp_3", PARENT, [400, 40], [700, 70]);
    const told = await tellOne(t.out);
    expect(chats(told)).toEqual([
      [100, 10],
      [200, 20],
      [400, 40],
    ]);
    expect(of(told, "user_message").map((r) => r.turn)).toEqual([0, 1, 2]);
    expect(of(told, "chat").map((r) => r.turn)).toEqual([0, 1, 2]);
  });

  test("7: a record that names no response leaves its call to the token_count", async () => {
    const t = modern(PARENT, 0);
    t.add("token_usage_record", { thread_id: PARENT, response_id: null, usage: tokens(5, 1) });
    t.event("token_count", count([5, 1], [5, 1]));
    expect(chats(await tellOne(t.out))).toEqual([[5, 1]]);
  });

  test("8: a token_count without info is no call", async () => {
    const t = thread(PARENT, 0);
    t.event("token_count", { info: null, rate_limits: { primary: { used_percent: 1 } } });
    expect(chats(await tellOne(t.out))).toEqual([]);
  });

  test("9: reasoning is part of the output, cached and written tokens are part of the input", async () => {
    const [first] = of(await tellOne(legacy(PARENT, 0).out), "chat");
    expect(first?.usage).toEqual({
      input_tokens: 100,
      output_tokens: 10,
      cache_read_input_tokens: 1,
      reasoning_output_tokens: 2,
    });
  });

  test("10: a rollout that is archived, on this volume or another, tells nothing twice", async () => {
    using place = scratch();
    const t = legacy(PARENT, 0);
    const live = join(place.home, fileOf(PARENT));
    const archived = join(place.home, fileOf(PARENT, "archived_sessions"));
    for (const path of [live, archived]) mkdirSync(dirname(path), { recursive: true });
    await Bun.write(live, lines(t.out));
    const before = toldIn(place.data, await syncHome("codex", place.home, place.data));
    renameSync(live, archived);
    const moved = toldIn(place.data, await syncHome("codex", place.home, place.data));
    expect(moved.summary.records.added).toBe(0);
    copyFileSync(archived, live);
    rmSync(archived);
    await Bun.write(`${archived}.zst`, Bun.zstdCompressSync(lines(t.out)));
    const copied = toldIn(place.data, await syncHome("codex", place.home, place.data));
    for (const told of [moved, copied]) expect(figuresOf(told.records)).toEqual(figuresOf(before.records));
    expect(copied.summary).toMatchObject({ unreadable: [], quarantined: [] });
  });

  test("12: a prompt is told by one channel", async () => {
    expect(of(await tellOne(legacy(PARENT, 0).out), "user_message")).toHaveLength(2);
    const t = modern(PARENT, 0);
    t.event("user_message", { message: "go on" });
    respond(t, "resp_1", PARENT, [1, 1], [1, 1]);
    const told = await tellOne(t.out);
    expect(of(told, "user_message")).toHaveLength(1);
    expect(of(told, "user_message")[0]).toMatchObject({ fact: "turn-1-said-0123456789", turn: 0, time: at(4) });
  });

  test("12: prompts that only message lines tell are told when the model answers, injected ones never", async () => {
    const t = thread(PARENT, 0);
    const user = (text: string) => t.item("message", { role: "user", content: [{ type: "input_text", text }] });
    for (const text of [
      "# AGENTS.md instructions",
      "<environment_context>x",
      "\n<user_instructions>x",
      "<turn_aborted>",
    ])
      user(text);
    t.item("message", { role: "developer", content: [{ type: "input_text", text: "x" }] });
    user("go on");
    t.item("reasoning", {});
    user("and on");
    t.item("function_call", call("call_with_a_long_id"));
    user("never answered");
    const told = await tellOne(t.out);
    expect(of(told, "user_message").map((r) => [r.time, r.turn])).toEqual([
      [at(6), 0],
      [at(8), 1],
    ]);
  });

  test("12: prompts that only message lines tell, and searches, count once where a newer version rewrote the file", async () => {
    const t = thread(PARENT, 0);
    for (const text of ["go on", "and on"]) {
      t.item("message", { role: "user", content: [{ type: "input_text", text }] });
      t.item("web_search_call", { status: "completed" });
    }
    const rewritten = t.out.map((line, ordinal) => ({ ordinal, ...line }));
    const files = [{ [fileOf(PARENT)]: t.out }, { [fileOf(PARENT, "archived_sessions")]: rewritten }];
    for (const told of await inAnyOrder(...files))
      expect([of(told, "user_message").length, of(told, "execute_tool").length]).toEqual([2, 2]);
  });

  test("13: a rollback of the thread takes no call back", async () => {
    const t = legacy(PARENT, 0);
    t.event("thread_rolled_back", { num_turns: 1 });
    t.event("token_count", count([130, 13], [30, 3]));
    const told = await tellOne(t.out);
    expect(chats(told)).toEqual([
      [100, 10],
      [200, 20],
      [30, 3],
    ]);
    expect(told.summary.unknown).toEqual({});
  });

  test("13: nor does one after which the same is asked and answered again", async () => {
    const t = legacy(PARENT, 0);
    t.event("thread_rolled_back", { num_turns: 1 });
    t.event("task_started", { turn_id: "01990000-0000-7000-8000-0000000000f1" });
    t.event("token_count", count([100, 10], [100, 10]));
    expect(chats(await tellOne(t.out))).toEqual([
      [100, 10],
      [200, 20],
      [100, 10],
    ]);
  });
});

describe("tool calls", () => {
  test("fail as the item says, else as the output says", async () => {
    const t = modern(PARENT, 0);
    const failedItem = { type: "CommandExecution", status: "failed", exit_code: 3, duration: { secs: 1, nanos: 5e8 } };
    const outputs: Record<string, [unknown, JsonObject?]> = {
      said_by_the_item_000: ["Process exited with code 0", failedItem],
      said_by_the_item_001: ["Process exited with code 1", { type: "FileChange", status: "completed" }],
      said_by_the_output_0: ["Chunk ID: 1\nProcess exited with code 2\nOutput:\nexited with code 0"],
      said_by_the_output_1: [JSON.stringify({ output: 'exit_code":5', metadata: { exit_code: 4 } })],
      said_by_the_output_2: [`${"x".repeat(400)} exited with code 9`],
      said_by_the_output_3: ["Exit code: 1\nWall time: 0 seconds"],
      said_by_the_output_4: ["apply_patch verification failed: no such line"],
      said_by_the_output_5: [{ content: "x", exit_code: 6 }],
      said_by_the_output_6: [[{ type: "input_text", text: "Wall time: 0\nOutput:" }]],
      said_by_a_long_one_7: [JSON.stringify({ output: '"exit_code":1,'.repeat(500), metadata: { exit_code: 0 } })],
    };
    for (const [id, [text, item]] of Object.entries(outputs)) {
      t.item("function_call", call(id));
      if (item) t.event("item_completed", { item: { id, ...item } });
      t.item("function_call_output", output(id, text));
    }
    const told = of(await tellOne(t.out), "execute_tool");
    expect(told.map((r) => [r.status, r.attributes?.exit_code])).toEqual([
      ["error", 3],
      ["ok", undefined],
      ["error", 2],
      ["error", 4],
      ["ok", undefined],
      ["error", 1],
      ["error", undefined],
      ["error", 6],
      ["ok", undefined],
      ["ok", 0],
    ]);
    expect(told[0]).toMatchObject({
      error_type: "tool_error",
      duration_ms: 1500,
      time: at(5),
      end_time: at(7),
      turn: 0,
    });
    expect(told[2]).toMatchObject({ duration_ms: 1000, tool: { name: "shell", call_id: "said_by_the_output_0" } });
  });

  test("fail as events before there were items say", async () => {
    const t = legacy(PARENT, 0);
    const ends: [string, JsonObject][] = [
      ["exec_command_end", { exit_code: 7, duration: { secs: 2, nanos: 0 } }],
      ["mcp_tool_call_end", { result: { Err: "no" } }],
      ["mcp_tool_call_end", { result: { Ok: { isError: true } } }],
      ["patch_apply_end", { success: false }],
      ["patch_apply_end", { success: true }],
    ];
    for (const [n, [type, end]] of ends.entries()) {
      t.item("function_call", call(`call_of_an_event_${n}`));
      t.event(type, { call_id: `call_of_an_event_${n}`, ...end });
      t.item("function_call_output", output(`call_of_an_event_${n}`, "x"));
    }
    const told = of(await tellOne(t.out), "execute_tool").slice(2);
    expect(told.map((r) => r.status)).toEqual(["error", "error", "error", "error", "ok"]);
    expect(told[0]).toMatchObject({ attributes: { exit_code: 7 }, duration_ms: 2000 });
  });

  test("carry their namespace, and those that the provider runs end at once", async () => {
    const t = modern(PARENT, 0);
    t.item("function_call", call("call_of_a_namespace", { namespace: "mcp__notes", name: "lookup" }));
    t.item("local_shell_call", { call_id: "call_of_local_shell", status: "completed", action: {} });
    t.item("web_search_call", { id: "ws_0123456789abcdef", status: "completed" });
    t.item("image_generation_call", { status: "failed", result: "x".repeat(2000) });
    const told = of(await tellOne(t.out), "execute_tool");
    expect(Object.fromEntries(told.map((r) => [r.tool?.name, r.open ?? r.status]))).toEqual({
      "mcp__notes.lookup": true,
      local_shell: true,
      web_search: "ok",
      image_generation: "error",
    });
  });

  test("without an id of their own, or with a short one that comes again, are known by their number in the turn", async () => {
    const parent = modern(PARENT, 0);
    for (const status of ["completed", "failed"]) parent.item("web_search_call", { status });
    for (const name of ["shell", "apply_patch"]) {
      parent.item("function_call", call("call_0", { name }));
      parent.item("function_call_output", output("call_0", "done"));
    }
    const child = thread(CHILD, 100, { forked_from_id: PARENT });
    child.out.push(...restamped(parent.out, 101));
    child.item("web_search_call", { status: "completed" });
    const files = [{ [fileOf(PARENT)]: parent.out }, { [fileOf(CHILD)]: child.out }];
    for (const told of await inAnyOrder(...files))
      expect(
        of(told, "execute_tool")
          .map((r) => [r.session_id, r.tool?.name])
          .sort(),
      ).toEqual([
        [PARENT, "apply_patch"],
        [PARENT, "shell"],
        [PARENT, "web_search"],
        [PARENT, "web_search"],
        [CHILD, "web_search"],
      ]);
  });

  test("what a script runs inside its call is no tool call", async () => {
    const t = modern(PARENT, 0);
    t.item("custom_tool_call", { call_id: "call_of_the_script_1", name: "exec", input: "tools.exec_command()" });
    const nested = {
      type: "CommandExecution",
      id: "exec-1",
      status: "failed",
      exit_code: 2,
      aggregated_output: "PLANTED",
    };
    t.event("item_completed", { item: nested, started_at_ms: Date.parse(at(7)), completed_at_ms: Date.parse(at(8)) });
    t.item("custom_tool_call_output", output("call_of_the_script_1", "Script completed", "custom_tool_call_output"));
    t.event("item_completed", { item: { type: "CommandExecution", id: "call_of_the_script_1", status: "failed" } });
    const told = await tellOne(t.out);
    expect(of(told, "execute_tool").map((r) => [r.tool?.name, r.status])).toEqual([["exec", "ok"]]);
    expect(of(told, "other")).toHaveLength(1);
    expect(of(told, "other")[0]).toMatchObject({
      name: "CommandExecution",
      status: "error",
      time: at(7),
      attributes: { exit_code: 2 },
    });
    expect(JSON.stringify(told.all)).not.toContain("PLANTED");
  });

  test("with short ids are known by their turn, in a copy too", async () => {
    const parent = modern(PARENT, 0);
    const child = thread(CHILD, 100, { forked_from_id: PARENT });
    for (const turn of ["turn-1", "turn-2"]) {
      parent.event("task_started", { turn_id: turn });
      parent.item("function_call", call("call_0"));
      parent.item("function_call_output", output("call_0", "x"));
    }
    child.out.push(...restamped(parent.out, 101));
    for (const told of await inAnyOrder({ [fileOf(PARENT)]: parent.out }, { [fileOf(CHILD)]: child.out }))
      expect(of(told, "execute_tool").map((r) => r.session_id)).toEqual([PARENT, PARENT]);
  });
});

describe("turns", () => {
  test("end, are aborted, fail or are killed", async () => {
    const t = thread(PARENT, 0, {
      source: { subagent: { thread_spawn: { parent_thread_id: CHILD, agent_nickname: "Euler" } } },
    });
    t.event("task_started", { turn_id: "done" });
    t.event("task_complete", { turn_id: "done", duration_ms: 1234, time_to_first_token_ms: 56 });
    t.event("task_started", { turn_id: "stopped" });
    t.event("turn_aborted", { turn_id: "stopped", reason: "interrupted" });
    t.event("task_started", { turn_id: "failed" });
    t.event("task_complete", {
      turn_id: "failed",
      error: { message: "PLANTED", codex_error_info: { http_error: { code: 500 } } },
    });
    t.event("task_started", { turn_id: "killed" });
    t.item("function_call", call("call_that_was_killed"));
    t.event("task_started", { turn_id: "running" });
    const told = await tellOne(t.out);
    expect(
      of(told, "invoke_agent").map((r) => [r.fact, r.turn, r.status, r.error_type, r.open, r.duration_ms]),
    ).toEqual([
      [`${PARENT}/done`, 0, "ok", undefined, undefined, 1234],
      [`${PARENT}/stopped`, 1, "error", "interrupted", undefined, 1000],
      [`${PARENT}/failed`, 2, "error", "http_error", undefined, 1000],
      [`${PARENT}/killed`, 3, undefined, undefined, undefined, undefined],
      [`${PARENT}/running`, 4, undefined, undefined, true, undefined],
    ]);
    expect(of(told, "invoke_agent")[0]).toMatchObject({ ttft_ms: 56, agent_name: "Euler" });
    expect(of(told, "error")).toHaveLength(1);
    expect(of(told, "error")[0]).toMatchObject({ error_type: "http_error", turn: 2 });
    expect(of(told, "execute_tool")[0]).not.toContainKey("open");
    expect(JSON.stringify(told.all)).not.toContain("PLANTED");
  });

  test("of two windows on one thread have each their own calls, tools, end and error, in any number of cuts", async () => {
    const t = thread(PARENT, 0);
    const start = (id: string): void => t.event("task_started", { turn_id: id });
    const end = (id: string, more: JsonObject = {}): void => t.event("task_complete", { turn_id: id, ...more });
    start("before");
    t.event("token_count", count([100, 10], [100, 10]));
    end("before");
    start("one");
    t.event("token_count", count([100, 10], [100, 10]));
    t.item("function_call", call("call_of_window_one_00"));
    t.item("function_call", call("call_of_window_one_01"));
    t.event("token_count", count([300, 30], [200, 20]));
    start("two");
    t.event("token_count", count([100, 10], [100, 10]));
    t.event("token_count", count([150, 15], [50, 5]));
    t.event("item_completed", { item: { type: "CommandExecution", id: "call_of_window_one_01", exit_code: 2 } });
    end("two");
    t.item("function_call_output", output("call_of_window_one_00", "Process exited with code 0"));
    t.item("function_call_output", output("call_of_window_one_01", "done"));
    t.event("token_count", count([300, 30], [200, 20]));
    t.event("token_count", count([700, 70], [400, 40]));
    start("three");
    end("one", { error: { message: "x", codex_error_info: "other" } });
    end("three");
    for (const told of [
      await tellOne(t.out),
      await tellOf("codex", ...t.out.map((line) => ({ [fileOf(PARENT)]: [line] }))),
    ]) {
      expect(
        chats(told)
          .map(([input]) => input)
          .sort(),
      ).toEqual([100, 200, 400, 50]);
      expect(
        of(told, "execute_tool")
          .map((r) => [r.tool?.call_id, r.turn, r.status, r.open])
          .sort(),
      ).toEqual([
        ["call_of_window_one_00", 1, "ok", undefined],
        ["call_of_window_one_01", 1, "error", undefined],
      ]);
      expect(
        of(told, "invoke_agent")
          .map((r) => [r.fact, r.turn, r.status, r.duration_ms, r.open])
          .sort(),
      ).toEqual([
        [`${PARENT}/before`, 0, "ok", 2000, undefined],
        [`${PARENT}/one`, 1, "error", 15000, undefined],
        [`${PARENT}/three`, 3, "ok", 2000, undefined],
        [`${PARENT}/two`, 2, "ok", 4000, undefined],
      ]);
      expect(of(told, "error").map((r) => [r.fact, r.turn, r.error_type])).toEqual([[`${PARENT}/one`, 1, "other"]]);
    }
  });

  test("of the same session are compacted as often as one kind of line says", async () => {
    const t = modern(PARENT, 0);
    const compact = (kinds: string[]) => {
      if (kinds.includes("line"))
        t.add("compacted", { message: "PLANTED", replacement_history: [], window_number: 2, window_id: "w" });
      if (kinds.includes("item")) t.event("item_completed", { item: { type: "ContextCompaction", id: "c" } });
      if (kinds.includes("event")) t.event("context_compacted");
    };
    compact(["line", "item", "event"]);
    compact(["line", "item"]);
    t.event("task_started", { turn_id: "turn-2" });
    compact(["event"]);
    const told = of(await tellOne(t.out), "compaction");
    expect(told.map((r) => [r.turn, r.attributes?.window_number])).toEqual([
      [0, 2],
      [0, 2],
      [1, undefined],
    ]);
  });
});

describe("sessions", () => {
  test("carry what the first session_meta says, on every record", async () => {
    const t = modern(CHILD, 0, {
      session_id: PARENT,
      source: { subagent: { thread_spawn: { parent_thread_id: PARENT, agent_nickname: "Euler", depth: 1 } } },
      thread_source: "subagent",
      originator: "codex_exec",
      git: { branch: "main", repository_url: "https://user:secret@example.com/app.git" },
      base_instructions: { text: "PLANTED" },
    });
    respond(t, "resp_1", CHILD, [1, 1], [1, 1]);
    const told = await tellOf("codex", { [fileOf(CHILD)]: t.out });
    for (const record of told.records)
      expect(record).toMatchObject({
        session_id: CHILD,
        parent_session_id: PARENT,
        conversation_id: PARENT,
        agent_version: "0.99.0",
        branch: "main",
        repository: "https://example.com/app.git",
      });
    expect(of(told, "session")[0]).toMatchObject({
      fact: CHILD,
      time: at(0),
      subagent: { id: CHILD, name: "Euler" },
      attributes: {
        originator: "codex_exec",
        source: "subagent",
        thread_source: "subagent",
        history_mode: "paginated",
      },
    });
    expect(of(told, "user_message")).toEqual([]);
    expect(told.records.filter((r) => r.subagent)).toHaveLength(1);
    expect(JSON.stringify(told.all)).not.toMatch(/PLANTED|secret/);
  });

  test("without metadata are those of the file's name", async () => {
    const [, ...rest] = legacy(PARENT, 0).out;
    const told = await tellOne(rest);
    expect(of(told, "session").map((r) => [r.session_id, r.time])).toEqual([[PARENT, at(1)]]);
    expect(chats(told)).toHaveLength(2);
  });

  test("of bare items are read as far as they tell", async () => {
    const told = await tellOne([
      { id: PARENT, timestamp: at(0), instructions: "PLANTED", git: { branch: "main" } },
      { record_type: "state" },
      { type: "message", role: "user", content: [{ type: "input_text", text: "<environment_context>" }] },
      { type: "message", role: "user", content: [{ type: "input_text", text: "PLANTED" }] },
      { type: "reasoning", id: "rs_1", summary: [] },
      { type: "function_call", ...call("call_of_a_bare_item") },
      output("call_of_a_bare_item", JSON.stringify({ output: "PLANTED", metadata: { exit_code: 1 } })),
      { type: "message", role: "assistant", content: [{ type: "output_text", text: "PLANTED" }] },
    ]);
    expect(told.records.map((r) => [r.operation, r.session_id, r.branch, r.status])).toEqual([
      ["session", PARENT, "main", undefined],
      ["user_message", PARENT, "main", undefined],
      ["execute_tool", PARENT, "main", "error"],
    ]);
    expect(told.summary.unknown).toEqual({});
    expect(JSON.stringify(told.all)).not.toContain("PLANTED");
  });

  test("of bare items have their prompts though nothing answered them", async () => {
    const user = (text: string): JsonObject => ({
      type: "message",
      role: "user",
      content: [{ type: "input_text", text }],
    });
    const meta = { id: PARENT, timestamp: at(0), instructions: null, git: {} };
    const bare = [meta, user("go on"), user("and on")];
    const document = {
      [`.codex/sessions/rollout-2025-05-05-${PARENT}.json`]: JSON.stringify({ session: meta, items: bare.slice(1) }),
    };
    const answered = [...bare, { type: "reasoning", id: "rs_1", summary: [] }];
    const prompts = (told: Told) => of(told, "user_message").map((r) => [r.id, r.fact, r.turn]);
    const told = await tellOne(bare);
    expect(prompts(told).map(([, , turn]) => turn)).toEqual([0, 1]);
    expect(prompts(await tellOne(answered))).toEqual(prompts(told));
    expect(of(await tellOf("codex", document), "user_message")).toHaveLength(2);
  });

  test("count what is unknown, and pass over what says nothing", async () => {
    const t = thread(PARENT, 0);
    t.add("world_state", {});
    t.event("agent_message", { message: "x" });
    t.event("weather");
    t.item("weather");
    t.add("weather", {});
    t.event("item_completed", { item: { type: "Weather", id: "x" } });
    const { summary } = await tellOne(t.out);
    expect(summary.unknown).toEqual({
      "codex/transcript: event_msg weather": 1,
      "codex/transcript: response_item weather": 1,
      "codex/transcript: type weather": 1,
      "codex/transcript: item Weather": 1,
    });
  });
});

test("CODEX_HOME may name several folders; a home may have commas in its path", () => {
  expect(agentRoots("codex", { CODEX_HOME: "/a, /b" })[0]).toEqual(["/a", "/b"]);
  expect(agentRoots("codex", {}, { given: ["/c,omma/h", "/other"] })[0]).toEqual(["/c,omma/h/.codex", "/other/.codex"]);
});

test("a subagent's file belongs to its parent's thread", () => {
  const [stream] = agents.find((a) => a.id === "codex")!.streams;
  expect(stream!.session(`2026/rollout-2026-03-01T09-00-00-${PARENT}_${CHILD}.jsonl`)).toBe(PARENT);
});

test("a home read in any number of cuts tells what it tells at once", async () => {
  const parent = modern(PARENT, 0);
  respond(parent, "resp_of_the_parent_1", PARENT, [100, 10], [100, 10]);
  parent.item("function_call", call("call_of_the_parent_1"));
  parent.item("function_call_output", output("call_of_the_parent_1", "Process exited with code 1"));
  parent.event("task_started", { turn_id: "turn-2" });
  const child = thread(CHILD, 100, { forked_from_id: PARENT });
  child.out.push(...restamped(parent.out, 101), ...legacy(CHILD, 110).out.slice(1));
  const files = { [fileOf(PARENT)]: lines(parent.out), [fileOf(CHILD)]: lines(child.out) };
  const plain = ({ records }: Told) =>
    records.map(({ rev: _r, open: _o, host: _h, ...rest }) => JSON.stringify(rest)).sort();
  const whole = plain(await tellOf("codex", files));
  for (const pieces of [2, 7, 40]) {
    const steps = Array.from({ length: pieces }, (_, i): Files => {
      const part = (text: string): string => text.slice((i * text.length) / pieces, ((i + 1) * text.length) / pieces);
      return Object.fromEntries(Object.entries(files).map(([path, text]) => [path, part(text)]));
    });
    expect(plain(await tellOf("codex", ...steps))).toEqual(whole);
  }
});
