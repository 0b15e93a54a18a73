/** Owns the proof that no store, however odd, makes Claude Code's reducer tell a wrong number. */
import { describe, expect, test } from "bun:test";
import { claudeCode } from "../../src/agents/claude-code/claude-code.ts";
import type { WeirRecord } from "../../src/record/schema.ts";
import { lines, tellOf } from "../support/agent.ts";
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

/** A call's line with another message. */
const saying = (uuid: string, seconds: number, message: unknown, more: object = {}) =>
  chain(uuid, seconds, { message, type: "assistant", ...more });
const told = (records: readonly WeirRecord[]) =>
  records.filter((r) => r.operation === "chat").map((r) => [r.response_id, r.usage]);

describe("fields that are missing, null or of another type", () => {
  test("tell no number at all", async () => {
    const odd: unknown[] = [
      "x",
      5,
      null,
      [],
      { input_tokens: "12", output_tokens: null },
      { input_tokens: -4, output_tokens: Number.NaN },
    ];
    const messages = odd.map((usage, n) => saying(`a${n}`, n, { id: `msg_${"0".repeat(12)}${n}`, content: 5, usage }));
    const { records, summary } = await of(file(messages));
    expect(told(records).map(([, usage]) => usage)).toEqual(odd.map(() => undefined));
    expect(summary).toMatchObject({ unknown: {}, quarantined: [] });
  });

  test("of which some are right tell those", async () => {
    const usage = { input_tokens: 7, output_tokens: "9", cache_read_input_tokens: null, cache_creation: "x" };
    const { records } = await of(file([saying("a1", 1, { id: "msg_0000000000001", usage })]));
    expect(told(records)).toEqual([["msg_0000000000001", { input_tokens: 7 }]]);
  });

  test("leave a call without a message id to its line's id, and without both count it as unknown", async () => {
    const usage = { input_tokens: 1, output_tokens: 2 };
    const { records, summary } = await of(
      file([
        saying("00000000-0000-4000-8000-000000000001", 1, { id: 5, usage }),
        { ...saying("", 2, { usage }), uuid: undefined },
        saying("a3", 3, "text"),
        saying("a4", 4, null),
      ] as never),
    );
    expect(told(records).length).toBe(1);
    expect(summary.unknown).toEqual({
      "claude-code/transcript: assistant without an id": 1,
      "claude-code/transcript: assistant without a message": 2,
    });
  });

  test("of lines, blocks and tools are passed over", async () => {
    const odd = [
      { type: 5, sessionId: S },
      { type: null },
      {},
      prompt("u1", 1, null),
      prompt("u2", 2, [null, 5, { type: "tool_result" }, { type: "tool_result", tool_use_id: 7 }]),
      chain("x1", 3, { type: "user" }),
      chain("x2", 4, { type: "system" }),
      chain("x3", 5, { type: "attachment" }),
      answer("a1", 6, "msg_0000000000001", 5, { type: "tool_use", name: "Bash" }, {}, "tool_use"),
      answer("a2", 7, "msg_0000000000001", 5, null as never, {}, "tool_use"),
    ];
    const { tokens, by, summary } = await of(file(odd as never));
    expect(tokens).toEqual([5]);
    expect(by("execute_tool")).toEqual([]);
    expect(summary.quarantined).toEqual([]);
    expect(summary.unknown["claude-code/transcript: tool_use without an id"]).toBe(1);
  });

  test("times: a line without one, or with one that is none, is told without", async () => {
    const { by, tokens } = await of(
      file([
        { ...prompt("u1", 0), timestamp: undefined },
        { ...answer("a1", 1, "msg_0000000000001", 5, says, {}, "end_turn"), timestamp: "yesterday" },
      ] as never),
    );
    expect(tokens).toEqual([5]);
    expect(by("chat")[0]).not.toContainKey("time");
    expect(by("session").length).toBe(1);
  });
});

describe("numbers and ids", () => {
  test("a huge count is kept, and tells no revision that is less", async () => {
    const huge = saying("a1", 1, { id: "msg_0000000000001", usage: { input_tokens: 1e15, output_tokens: 1 } });
    const less = saying("a2", 2, { id: "msg_0000000000001", usage: { input_tokens: 1, output_tokens: 1 } });
    const { records } = await of(file([huge]), file([less]));
    expect(told(records)).toEqual([["msg_0000000000001", { input_tokens: 1e15, output_tokens: 1 }]]);
  });

  test("a short message id that two sessions have is two calls, and one in a copy", async () => {
    const own = [prompt("u1", 0), answer("a1", 1, "msg_1", 5, says, {}, "end_turn")];
    const other = [prompt("v1", 60), answer("b1", 61, "msg_1", 6, says, {}, "end_turn")];
    const as = (session: string, lines: object[]) =>
      file(
        lines.map((line) => ({ ...line, sessionId: session })),
        session,
      );
    const { tokens } = await of({ ...file(own), ...as(T, other), ...as(S.replaceAll("1", "4"), own) });
    expect(tokens.sort()).toEqual([5, 6]);
  });

  test("a short tool id that comes again is another call", async () => {
    const round = (n: number) => [
      answer(`a${n}`, n, `msg_${"0".repeat(12)}${n}`, n, calls("call_1"), {}, "tool_use"),
      result(`r${n}`, n + 1, "call_1"),
    ];
    const { by } = await of({
      ...file(round(1)),
      ...file(
        round(11).map((line) => ({ ...line, sessionId: T })),
        T,
      ),
    });
    expect(by("execute_tool").map((r) => [r.session_id, r.status])).toEqual([
      [S, "ok"],
      [T, "ok"],
    ]);
  });

  test("a short tool id that comes again in one session is another call", async () => {
    const round = (n: number, name: string) => [
      answer(`a${n}`, n, `msg_${"0".repeat(10)}${n}00`, n, calls("call_0", name), {}, "tool_use"),
      result(`r${n}`, n + 1, "call_0"),
    ];
    const lines = ["Bash", "Read", "Edit"].flatMap((name, n) => round(10 * n + 1, name));
    const { by } = await of(file(lines), file(lines.slice(0, 2)));
    expect(by("execute_tool").map((r) => r.tool?.name)).toEqual(["Bash", "Read", "Edit"]);
  });

  test("a tool without a result takes none of a later call's tool of the same short id", async () => {
    const stopped = [
      answer("a1", 1, "msg_0000000000001", 5, calls("call_0"), {}),
      answer("a2", 2, "msg_0000000000001", 6, calls("call_0"), {}, "tool_use"),
      prompt("u1", 3, "[Request interrupted by user for tool use]"),
    ];
    const again = [
      answer("a3", 300, "msg_0000000000002", 7, calls("call_0", "Read"), {}, "tool_use"),
      result("r1", 301, "call_0"),
    ];
    for (const steps of [[file([...stopped, ...again])], [...stopped, ...again].map((line) => file([line]))]) {
      const { by } = await of(...steps);
      expect(by("execute_tool").map((r) => [r.tool?.name, r.time, r.status, r.duration_ms])).toEqual([
        ["Bash", at(1), undefined, undefined],
        ["Read", at(300), "ok", 1000],
      ]);
    }
  });

  test("a sidechain's tools end with its own results, also where the main chain's have the same short ids", async () => {
    const side = { isSidechain: true };
    const lines = [
      answer("a1", 1, "msg_0000000000001", 5, calls("call_0", "Task"), {}, "tool_use"),
      answer("a2", 2, "msg_0000000000002", 6, calls("call_0", "Read"), side, "tool_use"),
      result("r1", 4, "call_0", true, side),
      result("r2", 9, "call_0"),
    ];
    const { by } = await of(file(lines));
    expect(
      by("execute_tool")
        .map((r) => [r.tool?.name, r.status, r.duration_ms])
        .sort(),
    ).toEqual([
      ["Read", "error", 2000],
      ["Task", "ok", 8000],
    ]);
  });

  test("a short message id is another call for another request, and a call without one is its request's", async () => {
    const asked = (n: number, id: string | undefined, requestId: string, output: number) => {
      const message = { model: "claude-x-5", id, role: "assistant", content: [says], usage: usage(output) };
      return chain(`a${n}`, n, { type: "assistant", message, requestId });
    };
    const short = [1, 2, 3].flatMap((n) => [prompt(`u${n}`, 10 * n), asked(10 * n + 1, "msg_1", `req_${n}`, n)]);
    expect((await of(file([...short, asked(32, "msg_1", "req_3", 4)]))).tokens).toEqual([1, 2, 4]);
    const unnamed = [prompt("u1", 0), asked(1, undefined, "req_1", 1), asked(2, undefined, "req_1", 9)];
    const { by } = await of(file(unnamed));
    expect(by("chat").map((r) => [r.usage?.output_tokens, r.response_id])).toEqual([[9, undefined]]);
  });

  test("a call whose lines name no reason to stop is open only until something comes after it", async () => {
    const first = [prompt("u1", 0), answer("a1", 1, "msg_0000000000001", 5, says)];
    const openOf = async (...more: object[]) =>
      (await of(file([...first, ...more]))).by("chat").map((r) => r.open === true);
    expect(await openOf()).toEqual([true]);
    expect(await openOf(prompt("u2", 2))).toEqual([false]);
    expect(await openOf(answer("a2", 3, "msg_0000000000002", 6, says))).toEqual([false, true]);
  });

  test("hostile tool ids are ids", async () => {
    const ids = ["constructor", "__proto__", "toString"];
    const lines = ids.flatMap((id, n) => [
      answer(`a${n}`, n, `msg_${"0".repeat(12)}${n}`, n, calls(id), {}, "tool_use"),
      result(`r${n}`, n, id),
    ]);
    const { by } = await of(file(lines));
    expect(by("execute_tool").map((r) => [r.tool?.call_id, r.status])).toEqual(ids.map((id) => [id, "ok"]));
  });
});

describe("time", () => {
  test("a compaction in the middle of a turn, with older lines written again, makes no call begin with them", async () => {
    const history = [
      prompt("u1", 0),
      answer("a1", 1, "msg_0000000000001", 5, calls("toolu_000000000001"), {}, "tool_use"),
      result("r1", 2, "toolu_000000000001"),
    ];
    const boundary = chain("s1", 100, { type: "system", subtype: "compact_boundary", compactMetadata: {} });
    const summary = prompt("u2", 101, "This session continues", { isCompactSummary: true });
    const after = answer("a2", 105, "msg_0000000000002", 6, says, {}, "end_turn");
    const { by } = await of(file([...history, boundary, summary, ...history, after]));
    expect(by("chat")[1]).toMatchObject({ time: at(101), end_time: at(105), duration_ms: 4000 });
  });

  test("a compaction that writes only the first line of a call again leaves the call its end", async () => {
    const lines = [
      prompt("u1", 0),
      answer("a1", 2, "msg_0000000000001", 5, says, {}, "tool_use"),
      answer("a2", 30, "msg_0000000000001", 5, calls("toolu_000000000001"), {}, "tool_use"),
      result("r1", 40, "toolu_000000000001"),
    ];
    const copies = lines.slice(0, 2);
    for (const steps of [[file([...lines, ...copies])], [file(lines), file(copies)]]) {
      const { by } = await of(...steps);
      expect(by("chat").map((r) => [r.time, r.end_time, r.duration_ms])).toEqual([[at(0), at(30), 30_000]]);
    }
  });

  test("a call that a compaction writes again, with another branch or version, begins with what asked for it", async () => {
    const lines = [0, 1, 2, 3, 4, 5, 6].flatMap((n) => [
      prompt(`u${n}`, 60 * n),
      answer(`a${n}`, 60 * n + 20, `msg_000000000000${n}`, 5, says, {}, "end_turn"),
    ]);
    const copies = lines.slice(0, 4).map((line) => ({ ...line, version: "2.1.221", gitBranch: "other" }));
    const after = [prompt("u9", 900), answer("a9", 920, "msg_0000000000009", 6, says, {}, "end_turn")];
    const all = [...lines, ...copies, ...after];
    for (const steps of [[file(all)], all.map((line) => file([line]))]) {
      const { by } = await of(...steps);
      const times = by("chat").map((r) => [r.time, r.duration_ms]);
      expect(times.sort()).toEqual([0, 60, 120, 180, 240, 300, 360, 900].map((second) => [at(second), 20_000]));
    }
  });

  test("an answer that is written before its prompt or its tool's result begins with it, and has its turn", async () => {
    const tool = "toolu_000000000001";
    const lines = [
      prompt("u1", 0),
      answer("a1", 1, "msg_0000000000001", 5, says, {}, "end_turn"),
      prompt("u2", 60),
      answer("a2", 62, "msg_0000000000002", 6, says),
      answer("a3", 63, "msg_0000000000002", 6, calls(tool), {}, "tool_use"),
      result("r1", 64, tool),
      answer("a4", 66, "msg_0000000000003", 7, says, {}, "end_turn"),
    ];
    const orders = [
      [0, 1, 2, 3, 4, 5, 6],
      [0, 1, 3, 4, 2, 5, 6],
      [0, 1, 3, 2, 4, 5, 6],
      [0, 1, 2, 3, 4, 6, 5],
      [1, 0, 3, 4, 2, 5, 6],
    ];
    for (const order of orders) {
      const written = order.map((n) => lines[n] as object);
      for (const steps of [[file(written)], written.map((line) => file([line]))]) {
        const { by } = await of(...steps);
        expect(by("chat").map((r) => [r.turn, r.time, r.duration_ms])).toEqual([
          [0, at(0), 1000],
          [1, at(60), 3000],
          [1, at(64), 2000],
        ]);
        expect(by("execute_tool").map((r) => [r.turn, r.time, r.duration_ms])).toEqual([[1, at(63), 1000]]);
      }
    }
  });

  test("a turn's duration that no time can be before is none", async () => {
    const lines = [1e20, -5, 2000].map((durationMs, n) =>
      chain(`t${n}`, n, { type: "system", subtype: "turn_duration", durationMs }),
    );
    const { by, summary } = await of(file(lines));
    expect(by("invoke_agent").map((r) => [r.time, r.end_time, r.duration_ms])).toEqual([
      [undefined, at(0), undefined],
      [undefined, at(1), undefined],
      [at(0), at(2), 2000],
    ]);
    expect(summary.quarantined).toEqual([]);
  });

  test("a clock that goes back loses nothing and makes no negative duration", async () => {
    const { by, tokens } = await of(
      file([
        prompt("u1", 1000),
        answer("a1", 10, "msg_0000000000001", 5, calls("toolu_000000000001"), {}, "tool_use"),
        result("r1", 5, "toolu_000000000001"),
        prompt("u2", 20),
        answer("a2", 21, "msg_0000000000002", 6, says, {}, "end_turn"),
      ]),
    );
    expect(tokens).toEqual([5, 6]);
    expect(by("user_message").length).toBe(2);
    for (const { duration_ms = 0 } of [...by("chat"), ...by("execute_tool")])
      expect(duration_ms).toBeGreaterThanOrEqual(0);
  });
});

test("thinking tokens are part of the output, where the provider told them", async () => {
  const usage = (thinking_tokens: number) => ({ output_tokens: 9, output_tokens_details: { thinking_tokens } });
  const { records } = await of(
    file([
      saying("a1", 1, { id: "msg_0000000000001", usage: usage(4) }),
      saying("a2", 2, { id: "msg_0000000000002", usage: usage(0) }),
    ]),
  );
  expect(told(records).map(([, tokens]) => tokens)).toEqual([
    { output_tokens: 9, reasoning_output_tokens: 4 },
    { output_tokens: 9 },
  ]);
});

describe("an advisor", () => {
  const usage = {
    input_tokens: 2,
    output_tokens: 491,
    cache_read_input_tokens: 100,
    iterations: [
      { type: "message", input_tokens: 1, output_tokens: 45 },
      {
        type: "advisor_message",
        model: "claude-opus-9",
        input_tokens: 1594,
        output_tokens: 78,
        cache_read_input_tokens: 6,
      },
      { type: "message", input_tokens: 1, output_tokens: 446 },
    ],
  };
  const message = { id: "msg_0000000000001", model: "claude-x-5", content: [says], stop_reason: "end_turn", usage };
  const line = (uuid: string, second: number) => saying(uuid, second, message, { advisorModel: "claude-opus-9" });

  test("is a call of its own model, once, whose tokens are not in the usage of the call that asked it", async () => {
    const { by } = await of(file([line("a1", 1), line("a2", 2)]), {
      ...file(
        [line("a1", 1)].map((one) => ({ ...one, sessionId: T })),
        T,
      ),
    });
    expect(by("chat").map((r) => [r.model, r.usage?.input_tokens, r.usage?.output_tokens])).toEqual([
      ["claude-x-5", 102, 491],
      ["claude-opus-9", 1600, 78],
    ]);
  });
});

test("the provider is told by the shape of an answer's id, and a faster mode is no other model", async () => {
  const ids = ["msg_bdrk_0000000000001", "msg_vrtx_0000000000002", "chatcmpl-0000000000003", "msg_0000000000000004"];
  const log = ids.map((id, n) => {
    const message = { id, model: "claude-x-5", content: [says], usage: { input_tokens: 1, output_tokens: n + 1 } };
    return saying(`a${n}`, n, { ...message, usage: { ...message.usage, ...(n === 3 && { speed: "fast" }) } });
  });
  const { by } = await of(file(log));
  expect(by("chat").map((r) => [r.provider, r.model])).toEqual([
    ["aws.bedrock", "claude-x-5"],
    ["gcp.vertex_ai", "claude-x-5"],
    ["openai", "claude-x-5"],
    ["anthropic", "claude-x-5"],
  ]);
  expect(by("chat").at(-1)?.attributes).toEqual({ speed: "fast" });
});

test("12: a session that only asked for its usage has no call", async () => {
  const asked = "<command-name>/usage</command-name>\n<command-message>usage</command-message>";
  const { by } = await of(
    file([prompt("u1", 1, asked), prompt("u2", 2, "<local-command-stdout>x</local-command-stdout>")]),
  );
  expect([by("chat").length, by("session").length]).toEqual([0, 1]);
});

describe("files", () => {
  test("that are empty, hold one line or only lines without a time tell what they hold", async () => {
    const { records, summary } = await of({
      [`${PROJECT}/${S}.jsonl`]: "",
      [`${PROJECT}/${T}.jsonl`]: [{ type: "summary", summary: "x", leafUuid: "y" }],
    });
    expect(records).toEqual([]);
    expect(summary.sources.found).toBe(2);
  });

  test("a line that a crash cut and the next run wrote on is set aside, and all others are told", async () => {
    const whole = lines([answer("a1", 1, "msg_0000000000001", 5, says, {}, "end_turn")] as never);
    const next = lines([answer("a2", 2, "msg_0000000000002", 6, says, {}, "end_turn")] as never);
    const path = `${PROJECT}/${S}.jsonl`;
    const { records, summary } = await tellOf("claude-code", { [path]: whole + whole.slice(0, 90) + next + next });
    expect(told(records).map(([id]) => id)).toEqual(["msg_0000000000001", "msg_0000000000002"]);
    expect(summary.quarantined.length).toBe(1);
  });

  test("the desktop app's sessions are found below its package's folder too", () => {
    const places = claudeCode.streams[0]?.locate({
      homes: [{ path: "C:/Users/ana", own: false, layouts: ["win32"] }],
      variable: () => undefined,
    });
    const below = places?.find(({ root }) => root.endsWith("/AppData/Local/Packages"));
    expect(below?.match[0]).toBe(
      "Claude_*/LocalCache/Roaming/Claude/local-agent-mode-sessions/*/*/*/.claude/projects/*/*.jsonl",
    );
  });
});
