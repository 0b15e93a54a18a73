/** Proves what a capture level does to an archive: which texts come into it, when, and that none comes without being asked. */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { Archive } from "../../src/archive/archive.ts";
import { STATE_VERSION } from "../../src/archive/state.ts";
import { type Agent, snapshot, tail } from "../../src/read/types.ts";
import { list, text } from "../../src/record/json.ts";
import { answer, message, partsOf, resultOf, toolResponsePart } from "../../src/record/messages.ts";
import type { Message, WeirRecord } from "../../src/record/schema.ts";
import type { ToolCall } from "../../src/record/tool.ts";
import { toolDraft } from "../../src/record/tool.ts";
import type { Capture } from "../../src/sync/capture.ts";
import type { Summary } from "../../src/sync/summary.ts";
import { archived, syncInto } from "../support/archive.ts";
import { bytesBelow, type Scratch, scratch } from "../support/home.ts";

const CONTENT: Capture = { level: "content", limit: 64 << 10 };
const RAW: Capture = { level: "raw", limit: 64 << 10 };
const again = (capture: Capture): Capture => ({ ...capture, again: true });

interface State {
  tools: Record<string, ToolCall>;
  /** The parts of the answer that is being told. */
  parts: NonNullable<Message["parts"]>[number][];
}

/** An agent with a log of prompts, blocks of answers, and tools, a document of notes, and a database of notes. */
const agent: Agent = {
  id: "scribe",
  title: "Scribe",
  retention: "keeps everything",
  streams: [
    tail<State>({
      kind: "log",
      rank: 1,
      version: 1,
      locate: ({ homes }) => homes.map(({ path }) => ({ root: path, match: ["*.jsonl"] })),
      session: () => undefined,
      start: () => ({ tools: {}, parts: [] }),
      step(state, line, emit) {
        const o = line.json();
        const id = text(o.id) ?? "";
        if (o.type === "ask")
          emit({
            key: id,
            session_id: "s",
            operation: "user_message",
            content: { input_messages: emit.keep(message("user", partsOf(o.text))) },
          });
        // Each block tells the call, closed, as far as it is known: as streams do that say their tokens at once.
        if (o.type === "block") {
          state.parts = [...state.parts, ...(emit.keep(partsOf(o.text)) ?? [])];
          emit({
            key: id,
            session_id: "s",
            operation: "chat",
            usage: { output_tokens: 5 },
            content: { output_messages: answer(state.parts, undefined) },
          });
        }
        if (o.type === "call") state.tools[id] = { name: "bash", at: line.offset, args: emit.keep(o.args) };
        if (o.type === "result") {
          const call = state.tools[id] ?? { at: line.offset };
          delete state.tools[id];
          emit(toolDraft(id, call, "s", { failed: o.failed === true, result: emit.keep(resultOf(o.text)) }));
        }
      },
      open(state, emit) {
        for (const [id, call] of Object.entries(state.tools)) emit(toolDraft(id, call, "s", undefined));
      },
    }),
    snapshot({
      kind: "notes",
      rank: 1,
      version: 1,
      locate: ({ homes }) => homes.map(({ path }) => ({ root: path, match: ["*.json"] })),
      session: () => undefined,
      groups: { form: "json" },
      reduce({ document }, _, emit) {
        list(document).forEach((note, index) => {
          const input_messages = emit.keep(message("user", partsOf(note)));
          const key = String(index);
          emit({ key, session_id: "n", operation: "user_message", content: { input_messages }, raw: note });
        });
      },
    }),
    snapshot({
      kind: "table",
      rank: 1,
      version: 1,
      locate: ({ homes }) => homes.map(({ path }) => ({ root: path, match: ["*.db"] })),
      session: () => undefined,
      groups: {
        form: "sqlite",
        layouts: [
          {
            name: "note",
            needs: { note: ["id", "text"] },
            index: "SELECT id, octet_length(text) FROM note",
            rows: { note: "SELECT id FROM note WHERE id IN (SELECT value FROM json_each(?1))" },
            texts: {
              note: "SELECT id, text, x'00ff' AS bytes FROM note WHERE id IN (SELECT value FROM json_each(?1))",
              size: "SELECT id, length(text) AS n FROM note WHERE id IN (SELECT value FROM json_each(?1))",
            },
          },
        ],
      },
      reduce({ key, rows }, _, emit) {
        const [row] = rows?.note ?? [];
        if (emit.captures !== (row?.text !== undefined) || emit.captures !== (rows?.size !== undefined))
          throw new Error("texts were asked for without need, or not asked for");
        const tool_result = emit.keep(toolResponsePart(key, row?.text));
        emit({ key, session_id: "t", operation: "execute_tool", content: { tool_result }, raw: row });
      },
    }),
  ],
};

const agents = [agent];

interface Place extends Scratch {
  add(...lines: readonly object[]): void;
  sync(capture?: Capture): Promise<Summary>;
  /** The last telling of every record, without what is not looked at here. */
  told(): Record<string, Pick<WeirRecord, "rev" | "content" | "raw">>;
}

function place(): Place {
  const made = scratch();
  let log = "";
  return Object.assign(made, {
    add(...lines: readonly object[]) {
      log += lines.map((line) => `${JSON.stringify(line)}\n`).join("");
      made.write("a.jsonl", log);
    },
    sync: (capture?: Capture) => syncInto(made.data, made.home, { agents, capture, segmentMaxBytes: 4096 }),
    told() {
      const records = archived(made.data).toSorted((a, b) => a.rev - b.rev);
      return Object.fromEntries(
        records.map(({ operation, session_id, tool, rev, content, raw }) => [
          [session_id, operation, tool?.call_id].filter(Boolean).join(" "),
          { rev, content, raw },
        ]),
      );
    },
  });
}

const said = (role: string, ...texts: string[]) => [
  { role, parts: texts.map((content) => ({ type: "text", content })) },
];
const ask = (id: string, words: string) => ({ type: "ask", id, text: words });
const block = (words: string) => ({ type: "block", id: "call", text: words });

describe("a change of the level", () => {
  test("holds for new records; only a recapture tells known ones again, and once", async () => {
    using p = place();
    p.add(ask("1", "PLANTED one"));
    await p.sync();
    expect(p.told()["s user_message"]).toEqual({ rev: 0, content: undefined, raw: undefined });
    p.add(block("two"));
    expect(await p.sync(CONTENT)).toMatchObject({ records: { added: 1, revised: 0 } });
    expect(p.told()["s user_message"]).toMatchObject({ rev: 0, content: undefined });
    expect(p.told()["s chat"]?.content).toEqual({ output_messages: said("assistant", "two") });
    expect(await p.sync(again(CONTENT))).toMatchObject({ records: { added: 0, revised: 1 }, restarted: 1 });
    expect(p.told()["s user_message"]).toMatchObject({
      rev: 1,
      content: { input_messages: said("user", "PLANTED one") },
    });
    expect(await p.sync(again(CONTENT))).toMatchObject({ records: { added: 0, revised: 0 } });
    expect(await p.sync(again(RAW))).toMatchObject({ records: { added: 0, revised: 2 } });
    expect(p.told()["s chat"]?.raw).toBe(JSON.stringify(block("two")));
    expect(await p.sync(again(RAW))).toMatchObject({ records: { added: 0, revised: 0 } });
  });

  test("is recaptured from sources that have not changed for long, and from them as revisions only", async () => {
    using p = place();
    p.add(ask("1", "one"), block("two"));
    p.write("n.json", JSON.stringify(["three"]));
    await Bun.sleep(2200); // what has just changed may change again unseen, and is looked at again
    expect(await p.sync()).toMatchObject({ sources: { read: 2 }, records: { added: 3 } });
    expect(await p.sync(CONTENT)).toMatchObject({ sources: { read: 0 }, records: { added: 0, revised: 0 } });
    expect(await p.sync(again(CONTENT))).toMatchObject({ sources: { read: 2 }, records: { added: 0, revised: 3 } });
    expect(await p.sync(CONTENT)).toMatchObject({ sources: { read: 0 } });
  });

  test("back to metadata leaves nothing of later texts in archive and state, nor of earlier ones in new records", async () => {
    using p = place();
    p.add({ type: "call", id: "t1", args: { command: "kept earlier" } });
    await p.sync(CONTENT);
    expect(p.told()["s execute_tool t1"]?.content).toEqual({ tool_arguments: { command: "kept earlier" } });
    p.add(
      ask("1", "PLANTED later"),
      { type: "call", id: "t2", args: "PLANTED" },
      { type: "result", id: "t1", text: "PLANTED" },
    );
    await p.sync();
    expect(p.told()["s execute_tool t1"]).toEqual({ rev: 1, content: undefined, raw: undefined });
    expect(bytesBelow(p.data).includes("PLANTED")).toBe(false);
  });

  test("in a document that changes tells what is known no second time", async () => {
    using p = place();
    p.write("n.json", JSON.stringify(["one"]));
    await p.sync();
    p.write("n.json", JSON.stringify(["one", "two"]));
    expect(await p.sync(RAW)).toMatchObject({ records: { added: 1, revised: 0, known: 1 } });
    const [first, second] = archived(p.data);
    expect(first).not.toContainKey("content");
    expect(second).toMatchObject({ content: { input_messages: said("user", "two") }, raw: "two" });
  });
});

describe("an answer that is told closed with its first block, and later with all", () => {
  const blocks = [block("one"), block("two"), block("three")];

  test("is the same however the log was cut", async () => {
    const ends: unknown[] = [];
    for (const cuts of [[3], [1, 3], [1, 2, 3], [2, 3]]) {
      using p = place();
      let from = 0;
      for (const cut of cuts) {
        p.add(...blocks.slice(from, cut));
        from = cut;
        await p.sync(RAW);
      }
      ends.push(p.told()["s chat"]);
    }
    expect(ends).toEqual(ends.map(() => ends[0]));
    expect(ends[0]).toMatchObject({ content: { output_messages: said("assistant", "one", "two", "three") } });
  });

  test("is cut as a whole, though its pieces were kept one by one", async () => {
    using p = place();
    p.add(...["a", "b", "c"].map((letter) => block(letter.repeat(900))));
    await p.sync({ level: "content", limit: 1000 });
    const { content } = p.told()["s chat"] ?? {};
    expect(Buffer.byteLength(JSON.stringify(content?.output_messages))).toBeLessThanOrEqual(1000);
    expect(content?.output_messages?.[0]?.parts).toHaveLength(3);
  });
});

test("what was pruned is not brought back by a recapture, what is left is told again", async () => {
  using p = place();
  const lines = Array.from({ length: 40 }, (_, n) => ask(String(n), `prompt ${n}`));
  p.add(...lines.slice(0, 30));
  await p.sync();
  const before = archived(p.data);
  const archive = await Archive.open(p.data, { waitMs: 0, segmentMaxBytes: 4096 });
  const { removed } = archive.prune({ maxTotalBytes: 6000, force: true });
  archive.close(undefined);
  expect(removed.length).toBeGreaterThan(0);
  const left = new Set(archived(p.data).map(({ id }) => id));
  expect(left.size).toBeLessThan(before.length);
  p.add(...lines.slice(30));
  await p.sync(again(CONTENT));
  const after = archived(p.data);
  expect(after.filter(({ content }) => content).map(({ id }) => id)).toHaveLength(left.size + 10);
  for (const { id } of before) expect(after.some((record) => record.id === id)).toBe(left.has(id));
});

test("a lost state is rebuilt with its texts: nothing is told again, and the archive is known to have some", async () => {
  using p = place();
  p.add(ask("1", "one"), block("two"), { type: "call", id: "t", args: {} }, { type: "result", id: "t", text: "x" });
  await p.sync(RAW);
  for (const name of ["state.db", "state.db-wal", "state.db-shm"]) rmSync(join(p.data, name), { force: true });
  expect(await p.sync(RAW)).toMatchObject({ records: { added: 0, revised: 0, known: 3 } });
  expect(await p.sync(again(RAW))).toMatchObject({ records: { added: 0, revised: 0 } });
  using db = new Database(join(p.data, "state.db"), { readonly: true });
  expect(db.query("SELECT value FROM meta WHERE key = 'first_texts'").get()).toEqual({ value: expect.any(String) });
});

test("a state of version 2 is read as it is, then brought to the newest, and what it knows is told no second time", async () => {
  using p = place();
  p.add(ask("1", "one"), block("two"));
  await p.sync();
  {
    // Without texts the ledger is what version 2 wrote, byte for byte: 28 bytes an entry, the last of them 0.
    using db = new Database(join(p.data, "state.db"));
    for (const [entries] of db.query("SELECT entries FROM ledger").values() as [Uint8Array][]) {
      expect(entries.length % 28).toBe(0);
      for (let at = 27; at < entries.length; at += 28) expect(entries[at]).toBe(0);
    }
    db.run("ALTER TABLE source DROP COLUMN mark");
    for (const column of ["content", "others"]) db.run(`ALTER TABLE export_batch DROP COLUMN ${column}`);
    for (const column of ["through", "registered"])
      db.run(`ALTER TABLE export ADD COLUMN ${column} INTEGER NOT NULL DEFAULT 0`);
    db.run("DROP TABLE export_through");
    db.run("PRAGMA user_version = 2");
  }
  expect(await p.sync(CONTENT)).toMatchObject({ records: { added: 0, revised: 0 } });
  expect(await p.sync(again(CONTENT))).toMatchObject({ records: { added: 0, revised: 2 } });
  using db = new Database(join(p.data, "state.db"), { readonly: true });
  expect(db.query("PRAGMA user_version").get()).toEqual({ user_version: STATE_VERSION });
});

test("a database is asked for texts only when they are captured; a raw row is JSON whatever is in it", async () => {
  using p = place();
  const run = (sql: string): void => {
    using db = new Database(join(p.home, "n.db"));
    db.run(sql);
  };
  run("CREATE TABLE note (id TEXT PRIMARY KEY, text TEXT)");
  run("INSERT INTO note VALUES ('1', 'one')");
  expect(await p.sync()).toMatchObject({ records: { added: 1 }, quarantined: [] });
  expect(await p.sync(RAW)).toMatchObject({ records: { added: 0, revised: 0 } });
  run("INSERT INTO note VALUES ('2', 'two')");
  expect(await p.sync(again(RAW))).toMatchObject({ records: { added: 1, revised: 1 }, quarantined: [] });
  expect(archived(p.data).at(-1)).toMatchObject({
    content: { tool_result: { type: "tool_call_response", id: "2", response: "two" } },
    raw: JSON.stringify({ id: "2", text: "two", bytes: "[cut: 2 bytes]" }),
  });
  expect(await p.sync(again(RAW))).toMatchObject({ records: { added: 0, revised: 0 } });
});

test("secrets are counted by rule in the summary, and their marks stand in their place", async () => {
  using p = place();
  p.add(ask("1", "use password: hunter2x now"), { type: "call", id: "t", args: { api_key: "k-1234567" } });
  const summary = await p.sync(CONTENT);
  expect(summary.redacted).toEqual({ assignment: 1, "named-field": 1 });
  expect(p.told()["s user_message"]?.content).toEqual({
    input_messages: said("user", "use password: [redacted:assignment] now"),
  });
  expect(p.told()["s execute_tool t"]?.content).toEqual({ tool_arguments: { api_key: "[redacted:named-field]" } });
  expect((await p.sync(CONTENT)).redacted).toEqual({});
});
