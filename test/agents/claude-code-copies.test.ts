/** Owns the proof that Claude Code's copies (forks, branches, resumes, subagents, homes) count once and for the right session. */
import { describe, expect, test } from "bun:test";
import type { WeirRecord } from "../../src/record/schema.ts";
import type { Files } from "../support/agent.ts";
import { answer, at, calls, file, of, PROJECT, prompt, result, S, says, T } from "../support/claude-transcript.ts";

const U = "33333333-3333-4333-8333-333333333333";
type Line = Readonly<Record<string, unknown>>;

/** Three lines of a turn: a prompt, a call with a tool, its result. */
const turn = (n: number, session: string): Line[] =>
  [
    prompt(`u${n}`, n * 10, "go on"),
    answer(`a${n}`, n * 10 + 1, `msg_00000000000${n}`, n, calls(`toolu_00000000000${n}`), {}, "tool_use"),
    result(`r${n}`, n * 10 + 2, `toolu_00000000000${n}`),
  ].map((line) => ({ ...line, sessionId: session }));
/** Lines as `/branch` copies them: marked, in a new session. */
const branched = (lines: readonly Line[], from: string, to: string): Line[] =>
  lines.map((line) => ({ ...line, sessionId: to, forkedFrom: { sessionId: from, messageUuid: line.uuid } }));
/** Lines as `--fork-session` and old resumes copy them: without any mark. */
const copied = (lines: readonly Line[], to: string): Line[] => lines.map((line) => ({ ...line, sessionId: to }));

/** Which session each call, tool and prompt counts for, in every order of the files. */
async function ownersInAnyOrder(files: readonly Files[]): Promise<{ calls: string[]; tools: string[]; said: number }> {
  const orders = [files, files.toReversed(), [files[1], files[2], files[0]].filter((f) => f !== undefined)];
  const told = [];
  for (const steps of [...orders, [Object.assign({}, ...files) as Files]]) {
    const { by } = await of(...steps);
    const owners = (operation: string) =>
      by(operation)
        .map((r) => `${r.usage?.output_tokens ?? r.tool?.call_id?.at(-1)} ${r.session_id}`)
        .sort();
    told.push({ calls: owners("chat"), tools: owners("execute_tool"), said: by("user_message").length });
  }
  for (const one of told.slice(1)) expect(one).toEqual(told[0]!);
  return told[0]!;
}

const session = (records: readonly WeirRecord[], id: string) =>
  records.find((r) => r.operation === "session" && r.session_id === id);

describe("a branch", () => {
  const parent = turn(1, S);
  const branch = [...branched(parent, S, T), ...turn(2, T)];

  test("counts what it copied for the session that the mark names, in any order of the files", async () => {
    const owners = await ownersInAnyOrder([file(parent), file(branch, T)]);
    expect(owners).toEqual({ calls: [`1 ${S}`, `2 ${T}`], tools: [`1 ${S}`, `2 ${T}`], said: 2 });
  });

  test("names its origin and begins with its own first line", async () => {
    const { records } = await of({ ...file(parent), ...file(branch, T) });
    expect(session(records, T)).toMatchObject({ forked_from: S, time: at(20) });
    expect(session(records, S)?.forked_from).toBeUndefined();
  });

  test("that wrote its copies a second time without their mark (2.1.8x) counts them no second time", async () => {
    const twice = [...branched(parent, S, T), ...copied(parent, T), ...turn(2, T)];
    const owners = await ownersInAnyOrder([file(parent), file(twice, T)]);
    expect(owners).toEqual({ calls: [`1 ${S}`, `2 ${T}`], tools: [`1 ${S}`, `2 ${T}`], said: 2 });
    const { records } = await of({ ...file(parent), ...file(twice, T) });
    expect(session(records, T)).toMatchObject({ forked_from: S, time: at(20) });
  });

  test("of a branch: each call counts for the session that made it, before any other file is read", async () => {
    const grandchild = [...branched(branch, T, U), ...turn(3, U)];
    const owners = await ownersInAnyOrder([file(parent), file(branch, T), file(grandchild, U)]);
    expect(owners.calls).toEqual([`1 ${S}`, `2 ${T}`, `3 ${U}`]);
    expect(owners.tools).toEqual([`1 ${S}`, `2 ${T}`, `3 ${U}`]);
    expect(owners.said).toBe(3);
  });

  test("whose original is gone keeps the original's calls, for the original", async () => {
    const { by } = await of(file(branch, T));
    expect(by("chat").map((r) => r.session_id)).toEqual([S, T]);
  });

  test("without anything of its own is a session all the same", async () => {
    const { records, by } = await of({ ...file(parent), ...file(branched(parent, S, T), T) });
    expect(session(records, T)).toMatchObject({ forked_from: S });
    expect(by("chat").map((r) => r.session_id)).toEqual([S]);
  });

  test("by the SDK has new line ids, and its prompts are still the original's", async () => {
    const renamed = branched(parent, S, T).map((line) => ({ ...line, uuid: `new-${line.uuid}` }));
    const { by } = await of({ ...file(parent), ...file([...renamed, ...turn(2, T)], T) });
    expect(by("user_message").map((r) => [r.session_id, r.fact])).toEqual([
      [S, "u1"],
      [T, "u2"],
    ]);
  });
});

describe("a copy without any mark", () => {
  const parent = turn(1, S);

  test("by --fork-session begins with its original's first line: the original is the one that ended first", async () => {
    const fork = [...copied(parent, "00000000-0000-4000-8000-000000000000"), ...turn(2, "x")].map((line) => ({
      ...line,
      sessionId: "00000000-0000-4000-8000-000000000000",
    }));
    const owners = await ownersInAnyOrder([file(parent), file(fork, "00000000-0000-4000-8000-000000000000")]);
    expect(owners.calls).toEqual([`1 ${S}`, "2 00000000-0000-4000-8000-000000000000"]);
  });

  test("by versions that resumed into a new file, again and again, counts each call for the file that made it", async () => {
    const [a, b, c] = [T, S, U]; // names that do not follow the order of the resumes
    const first = turn(1, a);
    const second = [{ type: "summary", summary: "x", leafUuid: "r1" }, ...copied(first, b), ...turn(2, b)];
    const third = [{ type: "summary", summary: "x", leafUuid: "r2" }, ...copied(second.slice(1), c), ...turn(3, c)];
    const owners = await ownersInAnyOrder([file(first, a), file(second, b), file(third, c)]);
    expect(owners.calls).toEqual([`1 ${a}`, `2 ${b}`, `3 ${c}`]);
    expect(owners.said).toBe(3);
  });

  test("by versions that gave all copied lines new ids and one new time (1.0) counts each call and tool once", async () => {
    const first = turn(1, S);
    const anew = copied(first, T).map((line, n) => ({ ...line, uuid: `new-${n}`, timestamp: at(20) }));
    const owners = await ownersInAnyOrder([file(first), file([...anew, ...turn(3, T)], T)]);
    expect(owners.calls).toEqual([`1 ${S}`, `3 ${T}`]);
    expect(owners.tools).toEqual([`1 ${S}`, `3 ${T}`]);
  });

  test("that somebody made under another name is its original's session, in any order of the files", async () => {
    const names = ["before the clean-up", `${S} (1)`, `${S}.backup`];
    const files = [file(parent), ...names.map((name) => file(parent, name))];
    for (const steps of [files, files.toReversed(), files.slice(1)]) {
      const { by } = await of(...steps);
      expect(by("session").map((r) => r.session_id)).toEqual([S]);
      expect([by("chat").length, by("execute_tool").length, by("user_message").length]).toEqual([1, 1, 1]);
    }
  });

  test("in two homes or folders is one session", async () => {
    const { by } = await of({ ...file(parent), [`.config/claude/projects/-w-app/${S}.jsonl`]: parent as never });
    expect(by("chat").length).toBe(1);
    expect(by("execute_tool").length).toBe(1);
    expect(by("session").length).toBe(1);
  });

  test("of a home whose session went on elsewhere adds only what is new there", async () => {
    const more = [...parent, ...turn(2, S)];
    const { by } = await of({ ...file(parent), [`.config/claude/projects/-w-app/${S}.jsonl`]: more as never });
    expect(by("chat").map((r) => r.usage?.output_tokens)).toEqual([1, 2]);
  });
});

describe("a subagent", () => {
  const side = { isSidechain: true, agentId: "a1" };
  const sub = (name: string, lines: readonly Line[], parent = S): Files => ({
    [`${PROJECT}/${parent}/subagents/${name}.jsonl`]: lines as never,
  });

  test("whose parent's file is gone counts for its parent's session", async () => {
    const { by } = await of(sub("agent-a1", [answer("s1", 1, "msg_000000000001", 5, says, side, "end_turn")]));
    expect(by("chat").map((r) => [r.session_id, r.subagent?.id])).toEqual([[S, "a1"]]);
  });

  test("that began with its parent's lines counts only its own, and the compaction's that one of them made", async () => {
    const parent = turn(1, S);
    const compaction = [
      { type: "fork-context-ref", agentId: "acompact-1", parentSessionId: S },
      ...parent.map((line) => ({ ...line, ...side })),
      answer("c1", 30, "msg_compaction00001", 9, says, side, "end_turn"),
    ];
    const { by, summary } = await of({ ...file(parent), ...sub("agent-acompact-1", compaction) });
    expect(Object.fromEntries(by("chat").map((r) => [r.usage?.output_tokens, r.subagent?.id]))).toEqual({
      1: undefined,
      9: "acompact-1",
    });
    expect(by("execute_tool").length).toBe(1);
    expect(summary.unknown).toEqual({});
  });

  test("beside the sessions (2.0) is told once its first line names its session, however it is cut", async () => {
    const path = `${PROJECT}/agent-a1.jsonl`;
    const [line] = [answer("s1", 1, "msg_000000000001", 5, says, side, "end_turn")].map(
      (one) => `${JSON.stringify(one)}\n`,
    );
    const { all } = await of({ [path]: "" }, { [path]: line!.slice(0, 40) }, { [path]: line!.slice(40) });
    expect(all.map((r) => [r.operation, r.session_id]).sort()).toEqual([
      ["chat", S],
      ["invoke_agent", S],
    ]);
  });

  test("that ran again under another session is told in both", async () => {
    const run = (n: number, session: string) => [
      answer(`s${n}`, n, `msg_00000000000${n}`, n, says, { ...side, sessionId: session }, "end_turn"),
    ];
    const { by } = await of({ ...sub("agent-a1", run(1, S)), ...sub("agent-a1", run(2, T), T) });
    expect(by("chat").map((r) => r.session_id)).toEqual([S, T]);
    expect(by("invoke_agent").map((r) => r.session_id)).toEqual([S, T]);
  });
});
