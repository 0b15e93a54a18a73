/** Owns the laws of reading databases: every row that is there when a sync runs is told once, at its last content. */
import { describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Layout } from "../../src/read/types.ts";
import { archived } from "../support/archive.ts";
import { startWriter } from "../support/database.ts";
import { listing } from "../support/home.ts";
import { random, SEED, setting } from "../support/random.ts";
import { agentOf, agents, layout, SCHEMA, shop } from "../support/shop.ts";

describe("rows", () => {
  test("are told once, and again only as a revision when they change", async () => {
    using place = shop();
    place.run("INSERT INTO item VALUES ('a', 1), ('b', 2); INSERT INTO part VALUES ('a', 'x'), ('a', 'y')");
    expect((await place.sync()).records).toEqual({ added: 2, revised: 0, known: 0 });
    expect((await place.sync()).records).toEqual({ added: 0, revised: 0, known: 0 });
    place.run("UPDATE item SET n = 5 WHERE id = 'a'; INSERT INTO item VALUES ('c', 3)");
    expect((await place.sync()).records).toEqual({ added: 1, revised: 1, known: 0 });
    expect(place.items()).toEqual({ a: [5, "x", "y"], b: [2], c: [3] });
  });

  test("that are replaced, late, or stand in a reused place are all told", async () => {
    using place = shop();
    place.run("INSERT INTO item VALUES ('m', 1), ('z', 2)");
    await place.sync();
    place.run("DELETE FROM item WHERE id = 'z'; INSERT INTO item VALUES ('b', 7); REPLACE INTO item VALUES ('m', 8)");
    await place.sync();
    place.run("DELETE FROM item; INSERT INTO item VALUES ('a', 9); VACUUM");
    await place.sync();
    expect(place.items()).toEqual({ a: [9], b: [7], m: [8], z: [2] });
  });

  test("that change there and back are told at their last content", async () => {
    using place = shop();
    place.run("INSERT INTO item VALUES ('a', 1)");
    await place.sync();
    place.run("UPDATE item SET n = 2");
    await place.sync();
    place.run("UPDATE item SET n = 1");
    await place.sync();
    expect(place.items()).toEqual({ a: [1] });
  });

  test("whose parts change are told anew", async () => {
    using place = shop();
    place.run("INSERT INTO item VALUES ('a', 1)");
    await place.sync();
    place.run("INSERT INTO part VALUES ('a', 'late')");
    expect((await place.sync()).records.revised).toBe(1);
    expect(place.items()).toEqual({ a: [1, "late"] });
  });

  test("without a key are counted and left out", async () => {
    using place = shop();
    place.run("INSERT INTO item VALUES (NULL, 1), (x'00ff', 2), ('a', 3)");
    expect((await place.sync()).unknown).toEqual({ "shop/items: items without a key": 1 });
    expect(place.items()).toEqual({ a: [3] });
  });

  test("by number keys, and integers that no double holds, are exact", async () => {
    using place = shop("CREATE TABLE item (id INTEGER PRIMARY KEY, n INTEGER); CREATE TABLE part (item INTEGER, word)");
    place.run("INSERT INTO item VALUES (9007199254740993, 1), (2, 9007199254740993); INSERT INTO part VALUES (2, 'w')");
    const seen: unknown[] = [];
    const [agent] = [
      agentOf([
        {
          ...layout,
          optional: {},
          index: "SELECT id, n FROM item",
          rows: { item: layout.rows.item!.replace("{item.cost}", "1.0000000000000002"), part: layout.rows.part! },
        },
      ]),
    ];
    const [stream] = agent.streams;
    if (stream?.shape !== "snapshot") throw new Error("no snapshot");
    await place.sync([
      {
        ...agent,
        streams: [
          {
            ...stream,
            reduce: ({ key, rows }) =>
              void seen.push([key, rows?.item?.[0]?.n, rows?.item?.[0]?.cost, rows?.part?.length]),
          },
        ],
      },
    ]);
    expect(seen).toEqual([
      ["2", 9007199254740993n, 1.0000000000000002, 1],
      ["9007199254740993", 1, 1.0000000000000002, 0],
    ]);
  });

  test("that the reducer cannot understand are quarantined, once, and the others go on", async () => {
    using place = shop();
    place.run("INSERT INTO item VALUES ('a', 1), ('b', 13), ('c', 3)");
    const first = await place.sync();
    expect(first.quarantined.map((q) => q.reason)).toEqual(["not understood: items b: Error in reduce"]);
    place.run("INSERT INTO item VALUES ('d', 4)");
    expect((await place.sync()).quarantined).toEqual([]);
    expect(place.items()).toEqual({ a: [1], c: [3], d: [4] });
  });
});

describe("a source", () => {
  test("whose files did not change is not opened", async () => {
    using place = shop();
    place.run("INSERT INTO item VALUES ('a', 1)");
    const old = new Date(Date.now() - 60_000);
    utimesSync(place.path, old, old);
    await Bun.sleep(2100); // the time of change cannot be set back
    expect((await place.sync()).sources).toEqual({ found: 1, read: 1 });
    expect((await place.sync()).sources).toEqual({ found: 1, read: 0 });
  });

  test("in a WAL of another program is read when only the WAL grew", async () => {
    using place = shop();
    const writer = await startWriter(place.path, "PRAGMA journal_mode = WAL", "INSERT INTO item VALUES ('a', 1)");
    await place.sync();
    const stamp = statSync(place.path).mtimeMs;
    await writer.run("INSERT INTO item VALUES ('b', 2)");
    expect(statSync(place.path).mtimeMs).toBe(stamp);
    await place.sync();
    expect(place.items()).toEqual({ a: [1], b: [2] });
    await writer.close();
  });

  test("that is recreated is read anew, and what was told stays", async () => {
    using place = shop();
    place.run("INSERT INTO item VALUES ('a', 1), ('b', 2)");
    await place.sync();
    rmSync(place.path);
    place.run(`${SCHEMA}; INSERT INTO item VALUES ('b', 2), ('c', 3)`);
    const summary = await place.sync();
    expect([summary.restarted, summary.records]).toEqual([1, { added: 1, revised: 0, known: 1 }]);
    expect(place.items()).toEqual({ a: [1], b: [2], c: [3] });
  });

  test("is read anew when weir has learned to count better", async () => {
    using place = shop();
    place.run("INSERT INTO item VALUES ('a', 1), ('b', 2)");
    await place.sync();
    const summary = await place.sync([agentOf([layout], 2)]);
    expect([summary.restarted, summary.records]).toEqual([1, { added: 0, revised: 0, known: 2 }]);
  });

  test("that is moved keeps what is known of it", async () => {
    using place = shop();
    place.run("INSERT INTO item VALUES ('a', 1)");
    await place.sync();
    renameSync(place.path, join(place.home, "other.db"));
    expect((await place.sync()).records.added).toBe(0);
  });

  test("with a lost state is read again and told once", async () => {
    using place = shop();
    place.run("INSERT INTO item VALUES ('a', 1), ('b', 2)");
    await place.sync();
    for (const name of readdirSync(place.data)) if (name.startsWith("state.db")) rmSync(join(place.data, name));
    expect((await place.sync()).records).toEqual({ added: 0, revised: 0, known: 2 });
  });
});

describe("a layout", () => {
  const v2: Layout = {
    ...layout,
    name: "v2",
    needs: { thing: ["id", "n"] },
    optional: {},
    index: "SELECT id, n FROM thing",
    rows: { item: "SELECT id, n FROM thing WHERE id IN (SELECT value FROM json_each(?1))" },
  };

  test("that fits no table is counted with what is there, and is no error", async () => {
    using place = shop("CREATE TABLE zebra (a); CREATE TABLE apple (b)");
    const summary = await place.sync();
    expect(summary.unknown).toEqual({ "shop/items: schema tables apple, zebra": 1 });
    expect(summary.unreadable).toEqual([]);
  });

  test("that lacks columns says which", async () => {
    using place = shop("CREATE TABLE item (id, m); CREATE TABLE part (item)");
    expect((await place.sync()).unknown).toEqual({ "shop/items: schema without item.n, part.word": 1 });
  });

  test("may name columns that are not always there", async () => {
    using place = shop("CREATE TABLE item (id TEXT, n INTEGER, cost REAL); CREATE TABLE part (item, word)");
    place.run("INSERT INTO item VALUES ('a', 1, 0.1)");
    await place.sync();
    expect(archived(place.data)[0]?.cost_usd).toBe(0.1);
  });

  test("of another name is read beside it, one of the same name instead of it", async () => {
    using place = shop(`${SCHEMA}; CREATE TABLE thing (id TEXT, n INTEGER)`);
    place.run("INSERT INTO item VALUES ('a', 1); INSERT INTO thing VALUES ('t', 2)");
    await place.sync([agentOf([{ ...layout, needs: { nothing: ["x"] } }, layout, { ...v2, name: "items" }, v2])]);
    expect(place.items()).toEqual({ a: [1], t: [2] });
  });

  test("takes no view, virtual table or generated column for a table", async () => {
    for (const schema of [
      `CREATE VIEW item AS WITH RECURSIVE r(id, n) AS (SELECT 1, 1 UNION ALL SELECT id + 1, n FROM r) SELECT * FROM r; CREATE TABLE part (item, word)`,
      "CREATE VIRTUAL TABLE item USING fts5(id, n); CREATE TABLE part (item, word)",
      "CREATE TABLE item (id TEXT, n AS (length(hex(zeroblob(100000000))))); CREATE TABLE part (item, word)",
      "CREATE TABLE item (id TEXT, n AS (1) STORED); CREATE TABLE part (item, word)",
    ]) {
      using place = shop(schema);
      const started = performance.now();
      const summary = await place.sync();
      expect(performance.now() - started).toBeLessThan(2000);
      expect(Object.keys(summary.unknown)).toHaveLength(1);
      expect(summary.records.added).toBe(0);
    }
  });

  test("without any table, and an empty file, are silence", async () => {
    using place = shop("CREATE TABLE gone (a); DROP TABLE gone");
    writeFileSync(join(place.home, "empty.db"), "");
    const { unknown, unreadable, quarantined } = await place.sync();
    expect([unknown, unreadable, quarantined]).toEqual([{}, [], []]);
  });
});

describe("a database that cannot be read", () => {
  test("is named, the others go on, and it catches up", async () => {
    using place = shop();
    place.run("INSERT INTO item VALUES ('a', 1)");
    await place.sync();
    const good = readFileSync(place.path);
    writeFileSync(join(place.home, "text.db"), "this is no database, however long it may be".repeat(100));
    writeFileSync(place.path, Buffer.concat([good.subarray(0, 4096), Buffer.alloc(good.length - 4096, 0x5a)]));
    const before = listing(place.home);
    const summary = await place.sync();
    expect(summary.unreadable.map(({ path, reason }) => [path.slice(place.home.length + 1), reason])).toEqual([
      ["shop.db", "damaged (database disk image is malformed)"],
      ["text.db", "damaged (file is not a database)"],
    ]);
    expect(listing(place.home)).toEqual(before);
    writeFileSync(place.path, good);
    place.run("INSERT INTO item VALUES ('b', 2)");
    await place.sync();
    expect(place.items()).toEqual({ a: [1], b: [2] });
  });

  test("but by a private copy is copied, and no copy is left, not even one of a killed run", async () => {
    using place = shop();
    const writer = await startWriter(place.path, "PRAGMA journal_mode = WAL", "INSERT INTO item VALUES ('a', 1)");
    await writer.kill();
    rmSync(`${place.path}-shm`);
    await place.sync();
    expect(place.items()).toEqual({ a: [1] });
    const temporary = join(place.data, "tmp");
    expect(readdirSync(temporary)).toEqual([]);
    mkdirSync(join(temporary, "left"));
    writeFileSync(join(temporary, "left/copy.db"), "somebody's session");
    await place.sync();
    expect(readdirSync(temporary)).toEqual([]);
  });

  test("because a dry run may make no private copy says so", async () => {
    using place = shop();
    const writer = await startWriter(place.path, "PRAGMA journal_mode = WAL", "INSERT INTO item VALUES ('a', 1)");
    await writer.kill();
    rmSync(`${place.path}-shm`);
    const { Archive } = await import("../../src/archive/archive.ts");
    const { sync } = await import("../../src/sync/sync.ts");
    const { environmentAt, EVERYTHING } = await import("../support/archive.ts");
    const archive = await Archive.open(place.data, { waitMs: 0, segmentMaxBytes: 1 << 20, dryRun: true });
    const summary = await sync(agents, environmentAt(place.home), archive, {
      choice: EVERYTHING,
      stopped: () => false,
    });
    expect(summary.unreadable.map((u) => u.reason)).toEqual(["it needs a private copy, which a dry run does not make"]);
    expect(existsSync(place.data)).toBe(false);
  });

  test("because it is damaged in any way is told so, without a crash, a hang or a trace", async () => {
    using place = shop();
    place.run(
      `WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 400) INSERT INTO item SELECT printf('k%04d', i), i FROM r`,
    );
    place.run("INSERT INTO part SELECT id, hex(randomblob(40)) FROM item; CREATE INDEX part_item ON part (item)");
    const whole = readFileSync(place.path);
    rmSync(place.path);
    const r = random(SEED);
    const rounds = setting("WEIR_MUTATIONS", 300) / 50;
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < 50; i++) {
        const bytes = Buffer.from(whole);
        for (let n = r.int(1, 20); n > 0; n--)
          bytes[r.chance(0.3) ? r.int(0, 200) : r.int(0, bytes.length - 1)] = r.int(0, 255);
        const cut = r.chance(0.2) ? r.int(0, bytes.length) : bytes.length;
        writeFileSync(join(place.home, `${i}.db`), bytes.subarray(0, cut));
      }
      const before = listing(place.home);
      const started = performance.now();
      const summary = await place.sync();
      expect(performance.now() - started).toBeLessThan(20_000);
      expect(listing(place.home)).toEqual(before);
      for (const { reason } of summary.unreadable) expect(reason).toMatch(/^(damaged|SQLITE_|it has an unfinished)/);
      for (const name of readdirSync(place.home)) rmSync(join(place.home, name));
    }
    const temporary = join(place.data, "tmp");
    expect(existsSync(temporary) ? readdirSync(temporary) : []).toEqual([]);
  }, 120_000);
});
