/** Proves that a database of OpenCode or Kilo Code is told at its last content while its program writes, and let be. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { mkdirSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { archived, lastTellings, openWriter, toldTwice } from "../support/archive.ts";
import { startWriter } from "../support/database.ts";
import { listing, scratch } from "../support/home.ts";
import { answer, DB, done, KILO_DB, session, T, tokens, tool, V1, type Write } from "../support/opencode.ts";
import { type Random, SEED, setting, trial } from "../support/random.ts";

const SYNCS = setting("WEIR_SYNCS", 200);
const ANSWERS = 40;

const sqlOf = ({ table, row }: Write): string => {
  const values = Object.values(row).map((v) => (typeof v === "string" ? `'${v.replaceAll("'", "''")}'` : String(v)));
  return `REPLACE INTO ${table} (${Object.keys(row)}) VALUES (${values})`;
};

/** An answer that has nothing yet: it is there before its tools are. */
const BEGUN = { time: { created: T }, tokens: tokens(0, 0), finish: undefined };

/** One change that the program may make: of a session, of an answer or a tool, which are never begun again once they ended. */
function change(r: Random, at: number, ended: Set<string>): Write {
  const n = r.int(0, ANSWERS - 1);
  const [id, of] = [`a${n}`, `s${n % 4}`];
  const begun = { time: { created: T + n }, finish: undefined };
  const whole = (name: string): boolean => ended.has(name) || (r.chance(0.4) && ended.add(name).has(name));
  const write = r.pick([
    () => session(of, n % 4, { title: `title ${at}` }),
    () => answer(id, of, n, { ...(whole(id) ? {} : begun), tokens: tokens(r.int(1, 900), 5) }),
    () =>
      whole(`t${n}`)
        ? tool(`t${n}`, id, n, done(n, { metadata: { exit: n % 3, count: at } }))
        : tool(`t${n}`, id, n, { status: "running", time: { start: T + n } }),
  ])();
  return { ...write, row: { ...write.row, time_updated: T + at } };
}

for (const [agent, path] of [
  ["opencode", DB],
  ["kilo-code", KILO_DB],
] as const)
  test(`${agent}: while it writes and weir syncs ${SYNCS} times, every row is told once at its last content, its folder let be`, async () => {
    await trial(SEED, async (r) => {
      using place = scratch();
      const file = join(place.home, path);
      mkdirSync(dirname(file), { recursive: true });
      const program = await startWriter(
        file,
        "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 20",
        ...V1.split(";"),
      );
      for (let n = 0; n < ANSWERS; n++) await program.run(sqlOf(answer(`a${n}`, `s${n % 4}`, n, BEGUN)));
      let isOver = false;
      let changes = 0;
      const ended = new Set<string>();
      const writing = (async () => {
        while (!isOver) {
          const some = Array.from({ length: r.int(1, 6) }, () => sqlOf(change(r, ++changes, ended)));
          await program.run(r.chance(0.3) ? `BEGIN; ${some.join("; ")}; COMMIT` : some.join("; "));
        }
      })();
      {
        await using weir = await openWriter(place.data, place.home);
        for (let n = 0; n < SYNCS; n++) {
          const summary = await weir.sync();
          expect([summary.quarantined, summary.unknown, summary.restarted]).toEqual([[], {}, 0]);
          await Bun.sleep(0);
        }
        isOver = true;
        await writing;
        const before = listing(dirname(file));
        expect(await weir.sync()).toMatchObject({ unreadable: [] });
        expect(await weir.sync()).toMatchObject({ records: { added: 0, revised: 0 } });
        expect(listing(dirname(file))).toEqual(before);
        expect(readdirSync(dirname(file)).filter((name) => !/\.db(?:-wal|-shm)?$/.test(name))).toEqual([]);
      }
      expect(changes).toBeGreaterThan(SYNCS);
      const records = archived(place.data);
      expect(toldTwice(records)).toEqual([]);
      const last = [...lastTellings(records).values()].map((text) => JSON.parse(text));
      using db = new Database(file, { readonly: true });
      const calls = last.filter(({ operation }) => operation === "chat");
      for (const row of db
        .query("SELECT id, data ->> '$.tokens.input' AS input, data ->> '$.time.completed' AS over FROM message")
        .all() as {
        id: string;
        input: number;
        over: number | null;
      }[]) {
        const told = calls.filter(({ time }) => Date.parse(time) === T + Number(row.id.slice(1)));
        if (row.input > 0) expect(told.map(({ usage }) => usage.input_tokens)).toEqual([row.input]);
        if (row.input > 0) expect(told[0].end_time !== undefined).toBe(row.over !== null);
      }
      const tools = last.filter(({ operation }) => operation === "execute_tool");
      const rows = db
        .query("SELECT data ->> '$.callID' AS id, data ->> '$.state.metadata.exit' AS exit FROM part")
        .all();
      expect(
        tools.map(({ tool, attributes }) => ({ id: tool.call_id, exit: attributes?.exitCode ?? null })).sort(byId),
      ).toEqual((rows as { id: string; exit: number | null }[]).sort(byId));
      await program.close();
    });
  }, 300_000);

const byId = (a: { readonly id: string }, b: { readonly id: string }): number => (a.id < b.id ? -1 : 1);
