/** Proves retention on the program: off by default, plan before deed, order of deeds, readers and foreign files left in peace. */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { openReader } from "../../src/archive/read.ts";
import { listSegments } from "../../src/archive/segment.ts";
import { callLines, callNumbers, numbersTo, sessionPath, writeCalls } from "../support/claude.ts";
import { bytesBelow, listing, type Scratch, scratch } from "../support/home.ts";
import { receiver } from "../support/otlp.ts";
import { SEED, trial } from "../support/random.ts";
import { exported, recordsIn, runExport, runSync, summaryOf } from "../support/runs.ts";
import { send } from "../support/sending.ts";
import { type RunResult, startWeir, weir } from "../support/weir.ts";

const DAY = 86_400_000;
const CALLS = 200;

/** An archive of many small segments. */
function manySegments(calls: number = CALLS): Scratch {
  const place = scratch();
  writeCalls(place, calls);
  const { status, stderr } = runSync(place, [], { env: { WEIR_SEGMENT_MAX_BYTES: "8KiB" } });
  if (status !== 0) throw new Error(stderr);
  return place;
}

function prune({ data }: Scratch, ...args: string[]): RunResult {
  return weir(["prune", "--data-dir", data, ...args]);
}

function segmentsIn({ data }: Scratch): string[] {
  return listSegments(join(data, "archive"));
}

function sizeOf(place: Scratch): number {
  return segmentsIn(place).reduce((sum, name) => sum + statSync(join(place.data, "archive", name)).size, 0);
}

function inState<T>({ data }: Scratch, work: (db: Database) => T): T {
  using db = new Database(join(data, "state.db"), { readwrite: true });
  return work(db);
}

/** Makes the first segments so many days older. */
function age(place: Scratch, segments: number, days: number): void {
  const names = inState(place, (db) => db.query("SELECT seq FROM segment ORDER BY seq LIMIT ?").values(segments));
  inState(place, (db) => {
    for (const [seq] of names)
      db.run("UPDATE segment SET written = written - ? WHERE seq = ?", [days * DAY, seq as number]);
  });
}

describe("weir prune", () => {
  test("needs a limit, with a unit", () => {
    using place = manySegments(20);
    const before = listing(join(place.data, "archive"));
    expect(prune(place)).toMatchObject({ status: 2, stdout: "", stderr: expect.stringContaining("no limit is set") });
    for (const args of [
      ["--max-age", "30"],
      ["--max-size", "1000000"],
      ["--max-age", "0d"],
      ["--max-age=-3d"],
      ["--max-size", "0MB"],
    ])
      expect([args, prune(place, ...args).status]).toEqual([args, 2]);
    for (const args of [
      ["--max-age", "30d"],
      ["--max-size", "1MB"],
    ])
      expect(runSync(place, args).status).toBe(2);
    expect(runSync(place, ["--prune"]).status).toBe(2);
    expect(listing(join(place.data, "archive"))).toEqual(before);
  });

  test("--quiet says nothing when nothing is wrong, whatever it prunes", () => {
    using place = manySegments();
    age(place, 3, 31);
    const before = segmentsIn(place).length;
    expect(prune(place, "--max-age", "30d", "--quiet")).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(segmentsIn(place)).toHaveLength(before - 3);
  });

  test("prunes by age from the time of writing, oldest first, and shows the same plan in a dry run", () => {
    using place = manySegments();
    const all = exported(place, "--all");
    age(place, 3, 31);
    const before = listing(place.data);
    const plan = prune(place, "--max-age", "30d", "--dry-run");
    expect(plan.status).toBe(0);
    expect(plan.stdout.trim().split("\n")).toHaveLength(4);
    expect(listing(place.data).filter((line) => !/state\.db|writer/.test(line))).toEqual(
      before.filter((line) => !/state\.db|writer/.test(line)),
    );
    const done = prune(place, "--max-age", "30d");
    expect([done.status, done.stdout]).toEqual([0, plan.stdout]);
    expect(prune(place, "--max-age", "30d")).toMatchObject({ status: 0, stdout: "" });
    const kept = exported(place, "--all");
    expect(kept).toEqual(all.slice(all.length - kept.length));
    expect(kept.length).toBeLessThan(all.length);
  });

  test("prunes by size until the rest fits, but never the segment being written", () => {
    using place = manySegments();
    expect(prune(place, "--max-size", "40KB").status).toBe(0);
    expect(sizeOf(place)).toBeLessThanOrEqual(40_000);
    expect(sizeOf(place)).toBeGreaterThan(40_000 - 2 * 8192);
    expect(prune(place, "--max-size", "4KiB", "--force").status).toBe(0);
    expect(segmentsIn(place)).toHaveLength(1);
    expect(exported(place, "--all").length).toBeGreaterThan(0);
  });

  test("what was pruned is never read in again, and what comes later is", () => {
    using place = manySegments();
    prune(place, "--max-size", "4KiB");
    const kept = callNumbers(exported(place));
    expect(summaryOf(place).records.added).toBe(0);
    const path = sessionPath("00000000-0000-4000-8000-00000000aaaa");
    writeFileSync(place.write(path, callLines(CALLS, CALLS + 5, "s")), callLines(CALLS, CALLS + 5, "s"));
    expect(summaryOf(place).records.added).toBeGreaterThan(0);
    expect(callNumbers(exported(place))).toEqual([...kept, ...numbersTo(CALLS + 5).slice(CALLS)]);
  });

  test("takes the texts out of the state too, and what goes on is told as if they had stayed", () => {
    using place = scratch();
    const options = { env: { WEIR_SEGMENT_MAX_BYTES: "8KiB" } };
    const level = ["--capture", "content"];
    const inFolder = (text: string): boolean => bytesBelow(place.data).toString("latin1").includes(text);
    place.write(sessionPath("s1"), `${callLines(0, 3, "s1", "Words of one session.")}garbage\n`);
    expect(runSync(place, level, options).status).toBe(3);
    place.write(sessionPath("s2"), callLines(3, 60, "s2", "Words of another."));
    expect(runSync(place, level, options).status).toBe(0);
    expect(inFolder("Words of one session.")).toBe(true);
    expect(prune(place, "--max-size", "4KiB").status).toBe(0);
    expect(inFolder("Words of one session.")).toBe(false);
    expect(inFolder("Words of another.")).toBe(true);
    const kept = callNumbers(exported(place));
    expect(summaryOf(place, ...level).records).toMatchObject({ added: 0, revised: 0 });
    appendFileSync(join(place.home, sessionPath("s1")), callLines(60, 62, "s1", "Later words."));
    expect(summaryOf(place, ...level)).toMatchObject({ status: 0, quarantined: [], records: { added: 2, revised: 0 } });
    expect(callNumbers(exported(place))).toEqual([...kept, 60, 61]);
  });

  test("sealing a segment on a later day does not make it younger", () => {
    using place = scratch();
    writeCalls(place, 5);
    runSync(place);
    const [name = ""] = segmentsIn(place);
    const older = name.replace(/\d{4}-\d\d-\d\d/, "2020-01-01");
    renameSync(join(place.data, "archive", name), join(place.data, "archive", older));
    inState(place, (db) => db.run("UPDATE segment SET name = ?, written = 1000", [older]));
    place.write(sessionPath("later"), callLines(5, 6, "later"));
    expect(runSync(place).status).toBe(0);
    const rows = inState(place, (db) =>
      db.query("SELECT name, sealed, written, sha256 FROM segment ORDER BY seq").all(),
    );
    expect(rows).toHaveLength(2);
    expect(rows[0]).toEqual({ name: older, sealed: 1, written: 1000, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(weir(["verify", "--data-dir", place.data]).status).toBe(0);
  });

  test("goes on where a killed run has only marked, also when the file is gone already", () => {
    using place = manySegments();
    const names = segmentsIn(place).length;
    inState(place, (db) => db.run("UPDATE segment SET pruned = 1 WHERE seq <= 3"));
    const [first = ""] =
      inState(place, (db) => db.query("SELECT name FROM segment WHERE seq = 2").values() as [string][])[0] ?? [];
    rmSync(join(place.data, "archive", first));
    expect(runExport(place).status).toBe(0);
    expect(runSync(place).status).toBe(0);
    expect(segmentsIn(place)).toHaveLength(names - 3);
  });

  test("names what is not its own and leaves it alone", () => {
    using place = manySegments();
    const foreign = ["weir-2020-01-01-deadbeef.jsonl", "notes.txt", "weir-2020-01-01-deadbeef.jsonl.bak"];
    for (const name of foreign) writeFileSync(join(place.data, "archive", name), "");
    const { status, stdout } = prune(place, "--max-size", "4KiB", "--json");
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ schema: "weir.prune", version: 1, foreign: foreign.sort(), failed: [] });
    for (const name of foreign) expect(existsSync(join(place.data, "archive", name))).toBe(true);
    expect(prune(place, "--max-size", "4KiB").stderr).toContain("left alone: notes.txt");
  });

  test("a file that cannot be removed is named, is no longer read, and does not stop the others", () => {
    using place = manySegments();
    const archive = join(place.data, "archive");
    const [first = ""] =
      inState(place, (db) => db.query("SELECT name FROM segment ORDER BY seq").values() as [string][])[0] ?? [];
    inState(place, (db) => db.run("UPDATE segment SET pruned = 1 WHERE seq = 1"));
    rmSync(join(archive, first));
    mkdirSync(join(archive, first)); // a folder is in its place: no account may unlink it
    const { status, stderr } = prune(place, "--max-size", "4KiB");
    expect(status).toBe(4);
    expect(stderr).toContain(`cannot remove ${join(archive, first)}: `);
    expect(segmentsIn(place)).toHaveLength(1);
    expect(runExport(place).status).toBe(0);
  });

  test("a state that names a path outside the archive deletes nothing there", () => {
    using place = manySegments();
    const victim = join(place.data, "weir-2020-01-01-deadbeef.jsonl");
    writeFileSync(victim, "mine");
    inState(place, (db) =>
      db.run("UPDATE segment SET pruned = 1, name = '../weir-2020-01-01-deadbeef.jsonl' WHERE seq = 1"),
    );
    runSync(place);
    expect(readFileSync(victim, "utf8")).toBe("mine");
  });

  test("a clock that has jumped stops it, also behind a sync; the next run is believed", () => {
    using place = manySegments();
    inState(place, (db) => {
      db.run("UPDATE segment SET written = written - ?", [100 * DAY]);
      db.run("UPDATE run SET started = started - ?, ended = ended - ?", [100 * DAY, 100 * DAY]);
    });
    const names = segmentsIn(place);
    const dry = prune(place, "--max-age", "30d", "--dry-run");
    expect([dry.status, dry.stdout]).toEqual([1, ""]);
    place.write(sessionPath("00000000-0000-4000-8000-00000000bbbb"), callLines(CALLS, CALLS + 1, "t"));
    const synced = runSync(place, ["--prune", "--max-age", "30d"]);
    expect(synced).toMatchObject({ status: 0, stderr: expect.stringContaining("nothing was pruned by age") });
    expect(segmentsIn(place)).toEqual(expect.arrayContaining(names));
    expect(runSync(place, ["--prune", "--max-age", "30d"]).status).toBe(0);
    expect(segmentsIn(place)).toHaveLength(1);
  });

  test("a clock that stands before the last run stops it unless forced", () => {
    using place = manySegments();
    age(place, 3, 40);
    inState(place, (db) => db.run("UPDATE run SET ended = ended + ?", [DAY]));
    expect(prune(place, "--max-age", "30d")).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("before weir's last run"),
    });
    expect(prune(place, "--max-age", "30d", "--force").status).toBe(0);
  });

  test("what a registered destination has not had stays, unless forced", () => {
    using place = manySegments();
    const before = segmentsIn(place).length;
    inState(place, (db) => {
      db.run("INSERT INTO export (id, name, origin, begun) VALUES (1, 'x', 'https://there', 0)");
      db.run("INSERT INTO export_through VALUES (1, 'traces', 5), (1, 'logs', 3)");
    });
    const { status, stderr } = prune(place, "--max-size", "4KiB");
    expect([status, segmentsIn(place).length]).toEqual([0, before - 3]);
    expect(stderr).toContain(`${before - 4} segments kept: https://there (logs) has not had them yet`);
    expect(prune(place, "--max-size", "4KiB", "--force").status).toBe(0);
    expect(segmentsIn(place)).toHaveLength(1);
  });

  test("what a destination has had of one signal stays until it has had the others that it takes", async () => {
    using place = scratch({ fast: true });
    await using to = await receiver();
    const sends = async (signals: string): Promise<void> => {
      expect((await send(place, ["--to", to.url, "--new", "--signals", signals])).status).toBe(0);
    };
    const grow = (session: string, from: number): void => {
      const calls = callLines(from, from + CALLS, session).replaceAll("2026-11-21", "2025-03-01");
      place.write(sessionPath(session), calls);
      expect(runSync(place, [], { env: { WEIR_SEGMENT_MAX_BYTES: "8KiB" } }).status).toBe(0);
    };
    grow("s0", 0);
    await sends("traces,metrics");
    await sends("logs");
    grow("s1", CALLS);
    await sends("traces");
    const held = prune(place, "--max-size", "4KiB");
    expect(held.stderr).toContain(`${to.url} (logs) has not had them yet`);
    expect(held.stderr).not.toContain("(traces)");
    expect(segmentsIn(place).length).toBeGreaterThan(1);
    await sends("logs");
    expect(prune(place, "--max-size", "4KiB").stderr).not.toContain("has not had them yet");
    expect(segmentsIn(place)).toHaveLength(1);
  });

  test("a dry run on a state that knew one number for all signals keeps what was kept then", () => {
    using place = manySegments();
    const before = segmentsIn(place).length;
    inState(place, (db) => {
      db.run("DROP TABLE export_through");
      db.run("ALTER TABLE export ADD COLUMN through INTEGER NOT NULL DEFAULT 0");
      db.run("ALTER TABLE export ADD COLUMN registered INTEGER NOT NULL DEFAULT 0");
      db.run(
        "INSERT INTO export (id, name, origin, begun, through, registered) VALUES (1, 'x', 'https://there', 0, 3, 1)",
      );
    });
    const { stderr } = prune(place, "--max-size", "4KiB", "--dry-run");
    expect(stderr).toContain(`${before - 4} segments kept: https://there has not had them yet`);
  });

  test("there must be an archive", () => {
    using place = scratch();
    expect(prune(place, "--max-age", "30d").status).toBe(1);
    expect(existsSync(place.data)).toBe(false);
  });
});

describe("pruning while somebody reads", () => {
  test("a reader keeps every file that it listed; the next run after it removes them", () => {
    using place = manySegments();
    const names = segmentsIn(place);
    const reader = openReader(place.data);
    const first = prune(place, "--max-size", "4KiB", "--json");
    expect(first.status).toBe(0);
    expect(JSON.parse(first.stdout)).toMatchObject({ removed: [], waiting: names.slice(0, -1) });
    expect(segmentsIn(place)).toEqual(names);
    expect(runSync(place).status).toBe(0);
    expect(segmentsIn(place)).toEqual(names);
    for (const { path, bytes } of reader.segments) expect(statSync(path).size).toBe(bytes);
    // A reader that begins now does not see them any more, and waits for nobody.
    using later = openReader(place.data);
    expect(later.segments).toHaveLength(1);
    reader[Symbol.dispose]();
    expect(runSync(place).status).toBe(0);
    expect(segmentsIn(place)).toHaveLength(1);
  });

  test("exports beside prunes are whole", async () => {
    using place = manySegments(2000);
    const problems: string[] = [];
    const exports = Array.from({ length: 6 }, async () => {
      const child = startWeir(["export", "--all", "--data-dir", place.data]);
      const [text, stderr, status] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
        child.exited,
      ]);
      // What it lists is a run of records up to the last one, none missing in the middle.
      const numbers = callNumbers(recordsIn(text));
      const isWhole =
        numbers.join() ===
        numbersTo(2000)
          .slice(numbers[0] ?? 0)
          .join();
      if (status !== 0 || !isWhole) problems.push(`export ${status}: ${stderr}`);
    });
    for (const size of ["1MB", "500KB", "300KB", "100KB", "20KB"]) {
      const { status, stderr } = prune(place, "--max-size", size);
      if (status !== 0) problems.push(stderr);
    }
    await Promise.all(exports);
    expect(problems).toEqual([]);
  });

  test("a random order of growth, syncs, prunes, exports and kills loses and repeats nothing that was not pruned", async () => {
    for (let round = 0; round < 3; round++)
      await trial(SEED + round, async (r) => {
        using place = scratch();
        const path = sessionPath("s");
        const env = { WEIR_SEGMENT_MAX_BYTES: "4KiB" };
        let calls = 5;
        place.write(path, callLines(0, calls, "s"));
        expect(runSync(place, [], { env }).status).toBe(0);
        for (let at = 0; at < 25; at++) {
          calls += r.int(0, 12);
          place.write(path, callLines(0, calls, "s"));
          const retention = ["--max-size", `${r.int(5, 40)}KB`];
          const where = ["--home", place.home, "--data-dir", place.data];
          const running = [
            startWeir(["sync", ...where, ...(r.int(0, 2) === 0 ? ["--prune", ...retention] : [])], { env }),
            startWeir(["prune", "--data-dir", place.data, ...retention], { env }),
            startWeir(["export", "--all", "--data-dir", place.data], { env }),
          ];
          const [, pruning, exporting] = running;
          if (r.int(0, 3) === 0) {
            await Bun.sleep(r.int(0, 40));
            pruning?.kill("SIGKILL");
          }
          const text = await new Response(exporting?.stdout).text();
          const [synced, , exportedTo] = await Promise.all(running.map((child) => child.exited));
          expect([synced, exportedTo]).toEqual([0, 0]);
          const numbers = callNumbers(recordsIn(text));
          expect(numbers).toEqual(numbersTo((numbers.at(-1) ?? -1) + 1).slice(numbers[0] ?? 0));
        }
        expect(runSync(place, [], { env }).status).toBe(0);
        const numbers = callNumbers(exported(place, "--all"));
        expect(numbers).toEqual(numbersTo(calls).slice(numbers[0] ?? calls));
        expect(weir(["verify", "--data-dir", place.data]).status).toBe(0);
      });
  }, 120_000);
});
