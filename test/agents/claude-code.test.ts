/** Owns what Claude Code's reducer must get right: each pitfall of its stores, by the law that it would break. */
import { describe, expect, test } from "bun:test";
import { claudeCode } from "../../src/agents/claude-code/claude-code.ts";
import { environmentOf } from "../../src/config/environment.ts";
import {
  answer,
  at,
  calls,
  chain,
  file,
  of,
  PROJECT,
  prompt,
  result,
  S,
  says,
  T,
  usage,
} from "../support/claude-transcript.ts";

describe("claude-code", () => {
  test("1: the lines of one response are one call, with the usage of the line that knows most, and all its tools", async () => {
    const lines = [
      prompt("u1", 0),
      answer("a1", 1, "msg_1", 1, { type: "thinking", thinking: "", signature: "x" }),
      answer("a2", 2, "msg_1", 1, calls("toolu_000000000001")),
      answer("a3", 3, "msg_1", 260, calls("toolu_000000000002", "Read"), {}, "tool_use"),
    ];
    const { tokens, by } = await of(file(lines));
    expect(tokens).toEqual([260]);
    expect(by("chat")[0]?.usage).toEqual({
      input_tokens: 1110,
      output_tokens: 260,
      cache_read_input_tokens: 1000,
      cache_creation_input_tokens: 100,
    });
    expect(by("execute_tool").map((r) => r.tool?.name)).toEqual(["Bash", "Read"]);
    expect(by("chat")[0]).toMatchObject({ time: at(0), end_time: at(3), finish_reasons: ["tool_use"] });
  });

  test("2: a response that is read in two syncs is one call with its final usage", async () => {
    const first = [prompt("u1", 0), answer("a1", 1, "msg_1", 1, says)];
    const { tokens, all } = await of(file(first), file([answer("a2", 2, "msg_1", 260, says, {}, "end_turn")]));
    expect(tokens).toEqual([260]);
    expect(all.filter((r) => r.operation === "chat").map((r) => [r.rev, r.open])).toEqual([[1, undefined]]);
  });

  test("3: without request ids the message id alone makes the call", async () => {
    const bare = { requestId: undefined };
    const lines = [
      prompt("u1", 0),
      answer("a1", 1, "msg_1", 5, says, bare),
      answer("a2", 2, "msg_1", 9, says, bare, "end_turn"),
    ];
    expect((await of(file(lines))).tokens).toEqual([9]);
  });

  test("4: a call that stands in the parent's file and in the subagent's counts once", async () => {
    const side = { isSidechain: true, agentId: "abc" };
    const { tokens } = await of({
      ...file([prompt("u1", 0), answer("a1", 1, "msg_1", 7, says, { isSidechain: true }, "end_turn")]),
      [`${PROJECT}/${S}/subagents/agent-abc.jsonl`]: [answer("a1", 1, "msg_1", 7, says, side, "end_turn")],
    });
    expect(tokens).toEqual([7]);
  });

  test("5: calls of sidechains count", async () => {
    const { tokens, by } = await of({
      ...file([prompt("u1", 0), answer("a1", 1, "msg_1", 7, calls("toolu_000000000001", "Agent"), {}, "tool_use")]),
      [`${PROJECT}/${S}/subagents/agent-abc.jsonl`]: [
        prompt("s1", 2, "look", { isSidechain: true, agentId: "abc" }),
        answer("s2", 3, "msg_2", 11, says, { isSidechain: true, agentId: "abc" }, "end_turn"),
      ],
      [`${PROJECT}/${S}/subagents/agent-abc.meta.json`]: '{"agentType":"Explore","toolUseId":"toolu_000000000001"}',
    });
    expect(tokens.sort()).toEqual([11, 7]);
    expect(by("user_message").length).toBe(1); // the subagent's task is no person's message
    expect(by("invoke_agent")[0]).toMatchObject({
      session_id: S,
      agent_name: "Explore",
      subagent: { id: "abc", name: "Explore" },
      tool: { call_id: "toolu_000000000001" },
    });
  });

  test("6: a side question that replays a call under a new request id is the same call, told by the main chain", async () => {
    const replay = answer(
      "b1",
      1,
      "msg_1",
      7,
      says,
      { isSidechain: true, requestId: "req_other", sessionId: T },
      "end_turn",
    );
    const { by } = await of({
      ...file([prompt("u1", 0), answer("a1", 1, "msg_1", 7, says, {}, "end_turn")]),
      ...file([replay], T),
    });
    expect(by("chat").map((r) => r.session_id)).toEqual([S]);
  });

  test("7: a fork's copies belong to the session that they were made in, in whatever order the files are read", async () => {
    const own = [
      prompt("u1", 0),
      answer("a1", 1, "msg_1", 7, calls("toolu_000000000001"), {}, "tool_use"),
      result("r1", 2, "toolu_000000000001"),
    ];
    const copies = own.map((line) => ({ ...line, sessionId: T }));
    const fork = [
      { type: "queue-operation", operation: "enqueue", timestamp: at(50), sessionId: T },
      ...copies,
      prompt("u2", 51, "more", { sessionId: T }),
      answer("a2", 52, "msg_2", 9, says, { sessionId: T }, "end_turn"),
    ];
    for (const steps of [
      [file(own), file(fork, T)],
      [file(fork, T), file(own)],
    ]) {
      const { by } = await of(...steps);
      expect(
        by("chat")
          .map((r) => [r.session_id, r.usage?.output_tokens])
          .sort(),
      ).toEqual([
        [S, 7],
        [T, 9],
      ]);
      expect(by("execute_tool").map((r) => r.session_id)).toEqual([S]);
      expect(by("user_message").length).toBe(2);
    }
  });

  test("7b: an older resume that starts a new file with lines of the old session names it and counts nothing again", async () => {
    const old = [prompt("u1", 0), answer("a1", 1, "msg_1", 7, says, {}, "end_turn")];
    const resumed = [
      ...old,
      prompt("u2", 60, "go on", { sessionId: T }),
      answer("a2", 61, "msg_2", 9, says, { sessionId: T }, "end_turn"),
    ];
    const { by, tokens } = await of({ ...file(old), ...file(resumed, T) });
    expect(tokens.sort()).toEqual([7, 9]);
    expect(by("session").find((r) => r.session_id === T)?.forked_from).toBe(S);
  });

  test("8: a compaction that writes older lines again adds nothing and moves no turn", async () => {
    const history = [
      prompt("u1", 0),
      answer("a1", 1, "msg_1", 7, calls("toolu_000000000001"), {}, "tool_use"),
      result("r1", 2, "toolu_000000000001"),
      prompt("u2", 3),
      answer("a2", 4, "msg_2", 8, says, {}, "end_turn"),
    ];
    const boundary = chain("s1", 5, {
      type: "system",
      subtype: "compact_boundary",
      compactMetadata: { trigger: "auto", preTokens: 900 },
    });
    const copies = history.map((line) => ({ ...line, gitBranch: "other" }));
    const after = [prompt("u3", 6), answer("a3", 7, "msg_3", 9, says, {}, "end_turn")];
    const { by, tokens } = await of(file([...history, boundary, ...copies, ...after]));
    expect(tokens.sort()).toEqual([7, 8, 9]);
    expect(by("user_message").map((r) => r.turn)).toEqual([0, 1, 2]);
    expect(by("execute_tool").length).toBe(1);
    expect(by("compaction")[0]?.attributes).toEqual({ trigger: "auto", preTokens: 900 });
  });

  test("8b: a copy that knows less than what was read never takes its place", async () => {
    const history = [
      prompt("u1", 0),
      answer("a1", 1, "msg_1", 1, says),
      answer("a2", 2, "msg_1", 260, says, {}, "end_turn"),
    ];
    const others = [2, 3, 4, 5, 6].map((n) => answer(`b${n}`, n + 2, `msg_${n}`, n, says, {}, "end_turn"));
    const { tokens } = await of(file([...history, ...others, answer("a1", 1, "msg_1", 1, says)]));
    expect(tokens.sort((a = 0, b = 0) => a - b)).toEqual([2, 3, 4, 5, 6, 260]);
  });

  test("9: a synthetic API error is an error and no call", async () => {
    const error = chain("e1", 1, {
      type: "assistant",
      isApiErrorMessage: true,
      apiErrorStatus: 529,
      error: "overloaded",
      message: {
        id: "x",
        model: "<synthetic>",
        role: "assistant",
        content: [{ type: "text", text: "API Error" }],
        usage: usage(0),
      },
    });
    const { by } = await of(file([prompt("u1", 0), error]));
    expect(by("chat")).toEqual([]);
    expect(by("error")[0]).toMatchObject({
      status: "error",
      error_type: "overloaded",
      attributes: { apiErrorStatus: 529 },
    });
  });

  test("a tool's result may stand between two lines of one response", async () => {
    const lines = [
      prompt("u1", 0),
      answer("a1", 1, "msg_1", 50, calls("toolu_000000000001", "Read"), {}, "tool_use"),
      result("r1", 2, "toolu_000000000001"),
      answer("a2", 3, "msg_1", 50, calls("toolu_000000000002", "Grep"), {}, "tool_use"),
      result("r2", 4, "toolu_000000000002", true),
    ];
    const { tokens, by } = await of(file(lines));
    expect(tokens).toEqual([50]);
    expect(by("execute_tool").map((r) => [r.tool?.name, r.status, r.error_type, r.duration_ms])).toEqual([
      ["Read", "ok", undefined, 1000],
      ["Grep", "error", "tool_error", 1000],
    ]);
  });

  test("two results on one line close two calls, each with its own state", async () => {
    const both = chain("r1", 3, {
      type: "user",
      message: {
        role: "user",
        content: [
          { tool_use_id: "toolu_000000000001", type: "tool_result", content: "x".repeat(2000) },
          { tool_use_id: "toolu_000000000002", type: "tool_result", content: "y", is_error: true },
        ],
      },
    });
    const block = { ...answer("a1", 1, "msg_1", 5, calls("toolu_000000000001"), {}, "tool_use") };
    const { by } = await of(
      file([prompt("u1", 0), block, answer("a2", 2, "msg_1", 5, calls("toolu_000000000002"), {}, "tool_use"), both]),
    );
    expect(by("execute_tool").map((r) => r.status)).toEqual(["ok", "error"]);
  });

  test("what the person did not type is no user message", async () => {
    const lines = [
      prompt("u1", 0, "a real prompt"),
      prompt("u2", 1, "meta", { isMeta: true }),
      prompt("u3", 2, "summary", { isCompactSummary: true }),
      prompt("u4", 3, "<task-notification>x</task-notification>"),
      prompt("u5", 4, [{ type: "text", text: "[Request interrupted by user]" }]),
      prompt("u6", 5, "by a machine", { origin: { kind: "task" } }),
      prompt("u7", 6, [{ type: "text", text: "another" }]),
    ];
    const { by } = await of(file(lines));
    expect(by("user_message").map((r) => [r.fact, r.turn])).toEqual([
      ["u1", 0],
      ["u7", 1],
    ]);
  });

  test("what the person typed counts, whatever the editor puts before it", async () => {
    const note = "<ide_opened_file>The user opened the file /w/app/a.ts in the IDE.</ide_opened_file>";
    const reminder = `<system-reminder>${"remember this ".repeat(20)}</system-reminder>`;
    const mail = '<teammate-message teammate_id="worker-a">{"type":"idle_notification"}</teammate-message>';
    const texts = (...said: string[]) => said.map((text) => ({ type: "text", text }));
    const lines = [
      prompt("u1", 0, texts(note, "fix it")),
      prompt("u2", 1, texts(note)),
      prompt("u3", 2, `${note}\nfix it`),
      prompt("u4", 3, `${reminder}\n`),
      prompt("u5", 4, `${reminder}\nfix it`),
      prompt("u6", 5, texts(reminder, note)),
      prompt("u7", 6, mail),
      prompt("u8", 7, [{ type: "image", source: {} }]),
      prompt("u9", 8, "a task that the model wrote", { isSidechain: true }),
      ...[
        texts(note, ""),
        texts("Stop hook feedback: x", "more of it"),
        `${reminder}\n[Request interrupted by user for tool use]`,
        `${reminder}\n<task-notification>x</task-notification>`,
        `${reminder}${"\n".repeat(9)}`,
        `<teammate-message teammate_id="security-reviewer" color="blue" summary="${"Found one. ".repeat(9)}">x</teammate-message>`,
      ].map((content, n) => prompt(`v${n}`, 10 + n, content)),
    ];
    const { by } = await of(file(lines));
    expect(by("user_message").map((r) => [r.fact, r.turn])).toEqual([
      ["u1", 0],
      ["u3", 1],
      ["u5", 2],
      ["u8", 3],
    ]);
  });

  test("a prompt that waited counts once, also without an id in a fork, and a subagent's never", async () => {
    const waiting = (attachment: object) => ({
      ...chain("", 2, {
        type: "attachment",
        attachment: { type: "queued_command", prompt: "and this", ...attachment },
      }),
      uuid: undefined,
    });
    const lines = [prompt("u1", 0), waiting({})];
    const fork = lines.map((line) => ({ ...line, sessionId: T }));
    const side = { ...waiting({}), timestamp: at(3), isSidechain: true };
    const { by } = await of({
      ...file([...lines, side, { ...waiting({ isMeta: true }), timestamp: at(4) }]),
      ...file(fork, T),
    });
    expect(by("user_message").map((r) => r.time)).toEqual([at(0), at(2)]);
  });

  test("a hook that an attachment and a summary tell is one hook", async () => {
    const told = chain("h1", 1, {
      type: "attachment",
      attachment: {
        type: "hook_success",
        hookName: "Stop",
        hookEvent: "Stop",
        toolUseID: "h-1",
        exitCode: 0,
        durationMs: 1150,
        stdout: "secret",
      },
    });
    const summary = (id: string, uuid: string) =>
      chain(uuid, 2, {
        type: "system",
        subtype: "stop_hook_summary",
        toolUseID: id,
        hookInfos: [{ command: "lint.sh", durationMs: 1150 }],
      });
    const { by } = await of(file([prompt("u1", 0), told, summary("h-1", "s1"), summary("h-2", "s2")]));
    expect(by("execute_hook").map((r) => r.duration_ms)).toEqual([1150, 1150]);
    expect(by("execute_hook")[0]?.attributes).toEqual({ hookEvent: "Stop", hookName: "Stop", exitCode: 0 });
  });

  test("no text of the person, the model or a tool is kept", async () => {
    const marker = "MARKER-OF-CONTENT";
    const lines = [
      prompt("u1", 0, marker),
      answer(
        "a1",
        1,
        "msg_1",
        5,
        { type: "tool_use", id: "toolu_000000000001", name: "Bash", input: { command: marker } },
        {},
        "tool_use",
      ),
      chain("r1", 2, {
        type: "user",
        message: {
          role: "user",
          content: [{ tool_use_id: "toolu_000000000001", type: "tool_result", content: marker }],
        },
        toolUseResult: marker,
      }),
      { type: "summary", summary: marker, leafUuid: "a1" },
    ];
    const { all } = await of(file(lines));
    expect(JSON.stringify(all)).not.toContain(marker);
    expect(all.every((r) => r.cwd === "~/app")).toBe(true);
  });

  test("an unknown line type is counted by its name and stops nothing", async () => {
    const { tokens, summary } = await of(
      file([prompt("u1", 0), { type: "telepathy", sessionId: S }, answer("a1", 1, "msg_1", 5, says, {}, "end_turn")]),
    );
    expect(tokens).toEqual([5]);
    expect(summary.unknown).toEqual({ "claude-code/transcript: type telepathy": 1 });
  });

  test("an older subagent file beside the sessions belongs to its parent's session", async () => {
    const side = { isSidechain: true, agentId: "a1b2c3d4" };
    const { by } = await of({
      ...file([prompt("u1", 0)]),
      [`${PROJECT}/agent-a1b2c3d4.jsonl`]: [
        prompt("s1", 1, "task", side),
        answer("s2", 2, "msg_2", 11, says, side, "end_turn"),
      ],
    });
    expect(by("chat").map((r) => [r.session_id, r.subagent?.id])).toEqual([[S, "a1b2c3d4"]]);
    expect(by("invoke_agent").map((r) => r.session_id)).toEqual([S]);
    expect(by("session").map((r) => r.session_id)).toEqual([S]);
  });

  test("a workflow's subagents are found, its journal is not a transcript", async () => {
    const side = { isSidechain: true, agentId: "w1" };
    const { by, summary } = await of({
      ...file([prompt("u1", 0)]),
      [`${PROJECT}/${S}/subagents/workflows/run1/agent-w1.jsonl`]: [
        answer("s2", 2, "msg_2", 11, says, side, "end_turn"),
      ],
      [`${PROJECT}/${S}/subagents/workflows/run1/journal.jsonl`]: [{ type: "started", agentId: "w1" }],
    });
    expect(by("chat").map((r) => r.session_id)).toEqual([S]);
    expect(summary.sources.found).toBe(2);
  });

  test("the cache's parts are summed where they are given apart, and a recorded cost is kept", async () => {
    const line = answer("a1", 1, "msg_1", 5, says, { costUSD: 0.25 }, "end_turn");
    const split = {
      ...usage(5),
      cache_creation_input_tokens: 999,
      cache_creation: { ephemeral_5m_input_tokens: 30, ephemeral_1h_input_tokens: 4 },
    };
    const { by } = await of(
      file([
        prompt("u1", 0),
        { ...line, message: { ...(line as never as { message: object }).message, usage: split } } as never,
      ]),
    );
    expect(by("chat")[0]).toMatchObject({
      cost_usd: 0.25,
      usage: { cache_creation_input_tokens: 34, input_tokens: 1044 },
    });
  });

  test("the override names the roots, with or without projects, and holds for the own home only", () => {
    const variables = { CLAUDE_CONFIG_DIR: "/x/claude,/y/claude/projects" };
    const machine = { platform: "linux" as const, home: "/home/me", variables };
    const roots = (given: string[]) =>
      claudeCode.streams[0]?.locate(environmentOf(given, machine)).map((place) => place.root);
    expect(roots([])?.slice(0, 2)).toEqual(["/x/claude", "/y/claude"]);
    expect(roots(["/backup"])).toContain("/backup/.claude");
    expect(roots(["/backup"])).toContain("/backup/Library/Application Support/Claude");
    expect(roots(["/backup"])?.some((root) => root.startsWith("/x"))).toBe(false);
  });
});
