/** Proves that databases that other processes write meanwhile tell every row once, at its last content. */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { archived } from "../support/archive.ts";
import { startWriter } from "../support/database.ts";
import { random, SEED, setting } from "../support/random.ts";
import { SCHEMA, shop } from "../support/shop.ts";

describe("while another process writes", () => {
  const SYNCS = setting("WEIR_LIVE_SYNCS", 200);

  for (const [mode, syncs] of [
    ["WAL", SYNCS],
    ["DELETE", SYNCS / 4],
  ] as const) {
    test(`${mode}: every row is told once, at its last content`, async () => {
      using place = shop();
      const writer = await startWriter(place.path, `PRAGMA journal_mode = ${mode}`);
      const r = random(SEED);
      const truth: Record<string, [number, string]> = {};
      let stop = false;
      // Commands are sent ahead, so that the other process never waits for this one.
      const write = (): Promise<unknown> =>
        Promise.all(
          Array.from({ length: 40 }, () => {
            if (r.chance(0.03)) return writer.run(r.chance(0.5) ? "PRAGMA wal_checkpoint(TRUNCATE)" : "VACUUM");
            const id = `k${r.int(0, 60)}`;
            const n = r.int(14, 1000);
            truth[id] = [n, `p${n}`];
            return writer.run(
              `BEGIN; REPLACE INTO item VALUES ('${id}', ${n}); DELETE FROM part WHERE item = '${id}';
               INSERT INTO part VALUES ('${id}', 'p${n}'); COMMIT`,
            );
          }),
        );
      const writing = (async () => {
        while (!stop) {
          await write();
          await Bun.sleep(r.int(0, 60));
        }
      })();
      let told = 0;
      for (let i = 0; i < syncs; i++) {
        const { unreadable, records } = await place.sync();
        for (const { reason } of unreadable) expect(reason).toMatch(/changed|locked/);
        told += records.added + records.revised;
        await Bun.sleep(1);
      }
      expect(told).toBeGreaterThan(mode === "WAL" ? syncs : 0);
      stop = true;
      await writing;
      await writer.close();
      await Bun.sleep(30);
      await place.sync();
      expect(place.items()).toEqual(truth);
      for (const { usage, finish_reasons } of archived(place.data))
        expect(finish_reasons).toEqual([`p${usage?.input_tokens}`]);
    }, 120_000);
  }

  test("a database that is deleted and made anew again and again loses and repeats nothing", async () => {
    using place = shop();
    const other = join(place.root, "other.db");
    const r = random(SEED);
    let stop = false;
    const truth = new Set<string>();
    const replacing = (async () => {
      for (let i = 0; !stop; i++) {
        const db = new Database(other, { create: true, readwrite: true });
        db.run(SCHEMA);
        for (let k = 0; k <= i % 40; k++) db.run(`INSERT INTO item VALUES ('k${k}', ${k + 14})`);
        db.close();
        rmSync(place.path, { force: true });
        if (r.chance(0.5)) await Bun.sleep(r.int(0, 5));
        renameSync(other, place.path);
        await Bun.sleep(r.int(1, 40));
        truth.add(`k${i % 40}`);
      }
    })();
    for (let i = 0; i < SYNCS / 2; i++)
      for (const { reason } of (await place.sync()).unreadable) expect(reason).toMatch(/changed/);
    stop = true;
    await replacing;
    await Bun.sleep(30);
    await place.sync();
    for (const [id, tell] of Object.entries(place.items())) expect(tell).toEqual([Number(id.slice(1)) + 14]);
  }, 120_000);
});
