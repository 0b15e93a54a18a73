/** Owns the proof that what Codex copies, gives on, goes on from or rewrites counts once, in any order of the files. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { JsonObject } from "../../src/record/json.ts";
import { lines, syncHome, type Told, tellOf, toldIn } from "../support/agent.ts";
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
} from "../support/codex-rollout.ts";
import { scratch } from "../support/home.ts";

const numbered = (out: readonly JsonObject[], from = 0): JsonObject[] =>
  out.map(({ timestamp, ...line }, n) => ({ timestamp, ordinal: from + n, ...line }));
const owners = (told: Told, operation = "chat") =>
  of(told, operation)
    .map((r) => `${r.usage?.input_tokens ?? ""} ${r.session_id}`)
    .sort();

describe("a subagent that was given its parent's history", () => {
  /** A parent whose calls usage records tell, and a child that was given its lines but not its usage records. */
  function family(start: number, more: JsonObject = {}) {
    const parent = modern(PARENT, 0);
    respond(parent, "resp_of_the_parent_1", PARENT, [100, 10], [100, 10]);
    respond(parent, "resp_of_the_parent_2", PARENT, [200, 20], [300, 30]);
    const given = parent.out.filter(({ type }) => type !== "token_usage_record" && type !== "turn_context");
    const meta = { parent_thread_id: PARENT, thread_source: "subagent", subagent_history_start_ordinal: start };
    const child = thread(CHILD, 100, { history_mode: "paginated", ...meta, ...more });
    child.out.push(...restamped(given, 101));
    const own = child.out.length;
    child.event("task_started", { turn_id: "turn-of-the-child" });
    child.add("turn_context", { turn_id: "turn-of-the-child", model: "m2" });
    return { parent, child, own };
  }

  test("and its counts, but not its usage records, counts only its own calls", async () => {
    const { parent, child, own } = family(0);
    const meta = (child.out[0] as { payload: JsonObject }).payload as Record<string, unknown>;
    meta.subagent_history_start_ordinal = own;
    respond(child, "resp_of_the_child_01", CHILD, [30, 3], [30, 3]);
    const files = [{ [fileOf(PARENT)]: numbered(parent.out) }, { [fileOf(CHILD)]: numbered(child.out) }];
    for (const told of await inAnyOrder(...files))
      expect(owners(told)).toEqual([`100 ${PARENT}`, `200 ${PARENT}`, `30 ${CHILD}`]);
  });

  test("and was rewritten to the paginated form keeps its own calls, which stand before the line it names", async () => {
    const { child } = family(999);
    child.out.splice(1, child.out.length - 3); // the rewriting drops the parent's metadata with its lines
    child.event("token_count", count([30, 3], [30, 3]));
    expect(chats(await tellOf("codex", { [fileOf(CHILD)]: numbered(child.out) }))).toEqual([[30, 3]]);
  });

  test("in a shortened copy, without the turns' models, counts nothing of it twice", async () => {
    const parent = modern(PARENT, 0);
    parent.event("token_count", count([100, 10], [100, 10]));
    parent.event("token_count", count([300, 30], [200, 20]));
    const child = thread(CHILD, 100, { forked_from_id: PARENT, parent_thread_id: PARENT });
    const kept = parent.out.filter(({ type }) => type !== "turn_context");
    child.out.push(...restamped(kept, 101));
    child.event("task_started", { turn_id: "turn-of-the-child" });
    child.add("turn_context", { turn_id: "turn-of-the-child", model: "m2" });
    child.event("token_count", count([340, 34], [40, 4]));
    for (const told of await inAnyOrder({ [fileOf(PARENT)]: parent.out }, { [fileOf(CHILD)]: child.out })) {
      expect(owners(told)).toEqual([`100 ${PARENT}`, `200 ${PARENT}`, `40 ${CHILD}`]);
      expect(
        of(told, "chat")
          .map((r) => r.model)
          .sort(),
      ).toEqual(["m", "m", "m2"]);
    }
  });

  test("for a review counts no call of the review before it", async () => {
    const review = thread(CHILD, 0, { thread_source: "guardian_review", subagent_history_start_ordinal: 3 });
    review.add("compacted", { message: "", replacement_history: [], window_number: 1 });
    review.event("token_count", count([500, 50], [70, 7]));
    review.event("task_started", { turn_id: "turn-of-the-review" });
    review.event("token_count", count([530, 53], [30, 3]));
    expect(chats(await tellOf("codex", { [fileOf(CHILD)]: numbered(review.out) }))).toEqual([[30, 3]]);
  });
});

test("a compaction that a turn begins with is a call of the turn's model, which a later line names", async () => {
  const t = thread(PARENT, 0);
  const turn = (n: number): void => t.event("task_started", { turn_id: `turn-of-the-parent-${n}` });
  const context = (n: number, model: string): void =>
    t.add("turn_context", { turn_id: `turn-of-the-parent-${n}`, model });
  turn(1);
  context(1, "m1");
  t.event("token_count", count([100, 10], [100, 10]));
  turn(2);
  t.event("token_count", count([130, 13], [30, 3]));
  t.add("compacted", { message: "", replacement_history: [] });
  context(2, "m2");
  t.event("token_count", count([150, 15], [20, 2]));
  turn(3);
  t.event("token_count", count([190, 19], [40, 4]));
  const steps = t.out.map((line) => ({ [fileOf(PARENT)]: [line] }));
  for (const told of [await tellOne(t.out), await tellOf("codex", ...steps)]) {
    expect(
      of(told, "chat")
        .map((r) => [r.usage?.input_tokens, r.model, r.open])
        .sort(),
    ).toEqual([
      [100, "m1", undefined],
      [20, "m2", undefined],
      [30, "m2", undefined],
      [40, "m2", true],
    ]);
  }
});

describe("a thread that goes on in another file", () => {
  test("after it was turned back is one session, whose calls count whether they were turned back or not", async () => {
    const first = modern(PARENT, 0, {}, "turn-1");
    respond(first, "resp_of_the_turn_001", PARENT, [100, 10], [100, 10]);
    first.event("task_started", { turn_id: "turn-2" });
    respond(first, "resp_of_the_turn_002", PARENT, [200, 20], [300, 30]);
    const base = { thread_id: PARENT, end_ordinal_exclusive: 9 };
    const next = modern(PARENT, 100, { history_base: base }, "turn-3");
    respond(next, "resp_of_the_turn_003", PARENT, [50, 5], [150, 15]);
    const again = fileOf(`${PARENT}_${GRANDCHILD}`);
    const files = [{ [fileOf(PARENT)]: numbered(first.out) }, { [again]: numbered(next.out, 9) }];
    for (const told of await inAnyOrder(...files)) {
      expect(owners(told)).toEqual([`100 ${PARENT}`, `200 ${PARENT}`, `50 ${PARENT}`]);
      expect(of(told, "session").map((r) => [r.session_id, r.time])).toEqual([[PARENT, at(0)]]);
      expect(
        of(told, "chat")
          .map((r) => [r.usage?.input_tokens, r.turn])
          .sort(),
      ).toEqual([
        [100, 0],
        [200, 1],
        [50, undefined],
      ]);
    }
  });
});

describe("an old file that is rewritten to the paginated form", () => {
  /** What the rewriting makes of an old file: numbered lines, made-up turns, items in the place of events. */
  function rewritten(out: readonly JsonObject[]): JsonObject[] {
    const made: JsonObject[] = [];
    out.forEach((line, n) => {
      const { timestamp, type, payload } = line as { timestamp: string; type: string; payload: JsonObject };
      const event = (more: JsonObject): number => made.push({ timestamp, type: "event_msg", payload: more });
      if (payload.type !== "user_message") {
        made.push(type === "session_meta" ? { ...line, payload: { ...payload, history_mode: "paginated" } } : line);
        return;
      }
      const turn_id = `rollout-${n}`;
      const item = { type: "UserMessage", id: `item-${n}`, content: [{ type: "text", text: payload.message }] };
      event({ type: "task_started", turn_id, started_at: 1 });
      event({ type: "item_completed", thread_id: PARENT, turn_id, item, completed_at_ms: 1 });
    });
    return numbered(made);
  }

  test("tells no call, tool, prompt or compaction a second time", async () => {
    using place = scratch();
    const old = legacy(PARENT, 0);
    old.item("function_call", call("call_0"));
    old.item("function_call_output", output("call_0", "x"));
    old.add("compacted", { message: "", replacement_history: [] });
    old.event("token_count", count([350, 35], [50, 5]));
    const path = join(place.home, fileOf(PARENT));
    mkdirSync(dirname(path), { recursive: true });
    await Bun.write(path, lines(old.out));
    const before = toldIn(place.data, await syncHome("codex", place.home, place.data));
    rmSync(path);
    await Bun.write(path, lines(rewritten(old.out)));
    const after = toldIn(place.data, await syncHome("codex", place.home, place.data));
    expect(after.summary.quarantined).toEqual([]);
    for (const operation of ["chat", "execute_tool", "user_message", "compaction", "session"])
      expect([operation, of(after, operation).length]).toEqual([operation, of(before, operation).length]);
    expect(owners(after)).toEqual([`100 ${PARENT}`, `200 ${PARENT}`, `50 ${PARENT}`]);
  });
});

describe("a compressed rollout", () => {
  const t = modern(PARENT, 0);
  respond(t, "resp_of_the_parent_1", PARENT, [100, 10], [100, 10]);
  t.item("function_call", call("call_of_the_parent_1"));
  respond(t, "resp_of_the_parent_2", PARENT, [200, 20], [300, 30]);
  const text = lines(t.out);
  const archived = `${fileOf(PARENT, "archived_sessions")}.zst`;
  const told = async (home: string, data: string): Promise<Told> => toldIn(data, await syncHome("codex", home, data));
  const put = async (path: string, content: string | Uint8Array): Promise<void> => {
    mkdirSync(dirname(path), { recursive: true });
    await Bun.write(path, content);
  };

  test("that was never seen before tells what the plain one would", async () => {
    using place = scratch();
    using plain = scratch();
    await put(join(place.home, archived), Bun.zstdCompressSync(text));
    await put(join(plain.home, fileOf(PARENT)), text);
    const bare = ({ records }: Told) => records.map(({ source: _s, host: _h, ...rest }) => rest);
    expect(bare(await told(place.home, place.data))).toEqual(bare(await told(plain.home, plain.data)));
    const again = await told(place.home, place.data);
    expect(again.summary).toMatchObject({ records: { added: 0, revised: 0 }, bytes: { read: 0 } });
  });

  test("tells nothing twice after its plain form, and a resumed plain form goes on from it", async () => {
    using place = scratch();
    const [live, packed] = [join(place.home, fileOf(PARENT)), join(place.home, archived)];
    await put(live, text);
    expect(owners(await told(place.home, place.data)).length).toBe(2);
    await put(packed, Bun.zstdCompressSync(text));
    rmSync(live);
    const alone = await told(place.home, place.data);
    expect(owners(alone).length).toBe(2);
    expect(of(alone, "execute_tool").length).toBe(1);
    respond(t, "resp_of_the_parent_3", PARENT, [50, 5], [350, 35]);
    await put(live, lines(t.out));
    rmSync(packed);
    expect(owners(await told(place.home, place.data))).toEqual([`100 ${PARENT}`, `200 ${PARENT}`, `50 ${PARENT}`]);
  });

  test("that is damaged or holds a broken line is set aside as far as it is", async () => {
    using place = scratch();
    await put(join(place.home, archived), Bun.zstdCompressSync(`${text.slice(0, 40)}\n${text}`));
    const packed = Bun.zstdCompressSync(text);
    packed.fill(7, 8, 40);
    await put(join(place.home, `${fileOf(CHILD, "archived_sessions")}.zst`), packed);
    const { records, summary } = await told(place.home, place.data);
    expect(records.filter((r) => r.operation === "chat").length).toBe(2);
    expect(summary.quarantined.map(({ reason }) => reason.slice(0, 28)).sort()).toEqual([
      "compressed, and not readable",
      "not JSON",
    ]);
  });
});

describe("a document of the first Codex", () => {
  const user = (text: string): JsonObject => ({
    type: "message",
    role: "user",
    content: [{ type: "input_text", text }],
  });
  const items = [
    user("PLANTED"),
    { type: "reasoning", id: "rs_1", summary: [] },
    { type: "function_call", id: "fc_1", name: "shell", arguments: "PLANTED", call_id: "call_of_a_document_1" },
    output("call_of_a_document_1", JSON.stringify({ output: "PLANTED", metadata: { exit_code: 2 } })),
    { type: "local_shell_call", call_id: "call_of_a_document_2", action: {} },
    { role: "assistant", content: [{ type: "output_text", text: "PLANTED" }] },
    5,
  ];
  const path = `.codex/sessions/rollout-2025-05-05-${PARENT}.json`;
  const session = { timestamp: at(0), id: PARENT, instructions: "PLANTED" };

  test("tells its session, prompts and tools, without tokens or times", async () => {
    const told = await tellOf("codex", { [path]: JSON.stringify({ session, items }, null, 2) });
    expect(
      told.records.map((r) => [r.operation, r.session_id, r.time, r.tool?.name, r.status, r.source.index]),
    ).toEqual([
      ["session", PARENT, at(0), undefined, undefined, 0],
      ["user_message", PARENT, undefined, undefined, undefined, 0],
      ["execute_tool", PARENT, undefined, "shell", "error", 2],
      ["execute_tool", PARENT, undefined, "local_shell", undefined, 4],
    ]);
    expect(told.summary).toMatchObject({ unknown: {}, quarantined: [] });
    expect(JSON.stringify(told.all)).not.toContain("PLANTED");
  });

  test("that is written again with more tells its tools once", async () => {
    const more = [...items, output("call_of_a_document_2", "x")];
    using place = scratch();
    mkdirSync(dirname(join(place.home, path)), { recursive: true });
    for (const now of [items, more]) {
      rmSync(join(place.home, path), { force: true });
      await Bun.write(join(place.home, path), JSON.stringify({ session, items: now }));
      await syncHome("codex", place.home, place.data);
    }
    const told = toldIn(place.data, await syncHome("codex", place.home, place.data));
    expect(of(told, "execute_tool").map((r) => [r.status, r.open])).toEqual([
      ["error", undefined],
      ["ok", undefined],
    ]);
  });

  test("of another shape is unknown", async () => {
    const { records, summary } = await tellOf("codex", {
      [path]: "[]",
      [path.replace(PARENT, CHILD)]: '{"session":{}}',
    });
    expect(records).toEqual([]);
    expect(summary.unknown).toEqual({ "codex/transcript: a document without items": 2 });
  });
});

describe("ids that are too short to be random", () => {
  test("of responses are two calls in two threads, and one in a copy", async () => {
    const files = [PARENT, CHILD].map((id) => {
      const t = modern(id, 0, {}, `turn-of-${id}`);
      respond(t, "resp_1", id, [100, 10], [100, 10]);
      return { [fileOf(id)]: t.out };
    });
    const copy = thread(GRANDCHILD, 100, { forked_from_id: PARENT });
    copy.out.push(...restamped(files[0]![fileOf(PARENT)]!, 101));
    for (const told of await inAnyOrder(...files, { [fileOf(GRANDCHILD)]: copy.out }))
      expect(owners(told)).toEqual([`100 ${PARENT}`, `100 ${CHILD}`]);
  });

  test("of prompts' items are other prompts in other threads", async () => {
    const files = [PARENT, CHILD].map((id) => {
      const t = thread(id, 0);
      t.event("task_started", { turn_id: `turn-of-${id}` });
      const item = { type: "UserMessage", id: "item-1", content: [{ type: "text", text: "go on" }] };
      t.event("item_completed", { turn_id: `turn-of-${id}`, item });
      return { [fileOf(id)]: t.out };
    });
    for (const told of await inAnyOrder(...files)) expect(of(told, "user_message").length).toBe(2);
  });
});

describe("fields that are missing, null or of another type", () => {
  test("tell no wrong number and stop nothing", async () => {
    const t = modern(PARENT, 0);
    const odd = ["x", 5, null, [], { input_tokens: "7", output_tokens: -1, cached_input_tokens: null }];
    for (const [n, usage] of odd.entries())
      t.add("token_usage_record", {
        thread_id: PARENT,
        response_id: `resp_${"0".repeat(12)}${n}`,
        usage: usage as never,
      });
    t.add("token_usage_record", { thread_id: PARENT, usage: { input_tokens: 9 } });
    t.add("token_usage_record", { response_id: "resp_without_a_thread", usage: { input_tokens: 8, output_tokens: 1 } });
    t.out.push({ timestamp: at(20), type: "event_msg", payload: 5 }, { timestamp: 7, type: 7, payload: null }, {});
    for (const info of odd) t.event("token_count", { info: info as never });
    t.item("function_call", { name: 5, call_id: null });
    t.item("function_call_output", { call_id: 7, output: null });
    t.item("message", { role: "user", content: "text" });
    t.event("item_completed", { item: null });
    t.event("user_message", { message: { text: "x" } });
    respond(t, "resp_at_the_end_0001", PARENT, [100, 10], [100, 10]);
    const told = await tellOne(t.out);
    const tokens = of(told, "chat").filter((r) => r.usage);
    expect(tokens.map((r) => [r.session_id, r.usage?.input_tokens])).toEqual([
      [PARENT, 8],
      [PARENT, 100],
    ]);
    expect(told.summary.quarantined).toEqual([]);
    expect(told.summary.unknown["codex/transcript: token_usage_record without a response_id"]).toBe(1);
  });

  test("of counts tell only those that are numbers", async () => {
    const t = thread(PARENT, 0);
    const sums = { input_tokens: 10, cached_input_tokens: "4", output_tokens: 1e15 };
    t.event("token_count", { info: { total_token_usage: sums, last_token_usage: sums } });
    expect(of(await tellOne(t.out), "chat").map((r) => r.usage)).toEqual([{ input_tokens: 10, output_tokens: 1e15 }]);
  });

  test("files that are empty or end in a cut line tell what they hold", async () => {
    const t = modern(PARENT, 0);
    respond(t, "resp_of_the_parent_1", PARENT, [100, 10], [100, 10]);
    const text = lines(t.out);
    const told = await tellOf("codex", { [fileOf(PARENT)]: text + text.slice(0, 50), [fileOf(CHILD)]: "" });
    expect(chats(told)).toEqual([[100, 10]]);
    expect(told.summary).toMatchObject({ quarantined: [], torn: 1 });
  });
});

test("what a command printed says nothing of how it ended", async () => {
  const t = modern(PARENT, 0);
  const says = (id: string, text: string): void => {
    t.item("function_call", call(id));
    t.item("function_call_output", output(id, text));
  };
  says("call_with_code_zero_", "Process exited with code 0\nOutput:\nthe other exited with code 3");
  says("call_without_a_code_", "Wall time: 1\nOutput:\nProcess exited with code 3");
  says("call_with_code_three", "Process exited with code 3\nOutput:\nProcess exited with code 0");
  expect(of(await tellOne(t.out), "execute_tool").map((r) => r.status)).toEqual(["ok", "ok", "error"]);
});
