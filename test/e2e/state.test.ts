/** Proves what weir makes of its own state: damaged, lost, empty, older than its archive, newer than weir, or held by another. */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ALL, expectExact, loseState, numbersOf, segmentsOf, stateOf, synced, withCalls } from "../support/archived.ts";
import { callLines, sessionPath } from "../support/claude.ts";
import { listing } from "../support/home.ts";
import { exported, runExport, runSync, summaryOf } from "../support/runs.ts";
import { weir } from "../support/weir.ts";

describe("the state", () => {
  test("damaged in any page: exit 5 naming it, or what counts is exact; moved aside, it is rebuilt", () => {
    using place = synced();
    const whole = readFileSync(stateOf(place));
    const segment = join(place.data, "archive", segmentsOf(place)[0]!);
    const records = readFileSync(segment);
    const damaged: number[] = [];
    for (let page = 0; page * 4096 < whole.length; page++) {
      for (const filler of [0, 0xa5]) {
        writeFileSync(stateOf(place), Buffer.from(whole).fill(filler, page * 4096, (page + 1) * 4096));
        const run = runSync(place);
        if (run.status === 5) {
          damaged.push(page);
          expect(run.stderr).toContain(stateOf(place));
          loseState(place);
          expect(runSync(place).status).toBe(0);
          expectExact(place);
        } else {
          expect({ page, filler, status: run.status, stderr: run.stderr }).toMatchObject({ status: 0 });
          expect(numbersOf(place)).toEqual(ALL);
        }
        loseState(place);
        writeFileSync(segment, records);
      }
    }
    expect(damaged).toContain(0);
  });

  test("half there, or not a database: exit 5, naming it; moved aside as the hint says, it is rebuilt", () => {
    for (const damage of [
      (b: Buffer) => b.subarray(0, b.length >> 1),
      () => Buffer.from("not a database".repeat(500)),
    ]) {
      using place = synced();
      const before = exported(place);
      writeFileSync(stateOf(place), damage(readFileSync(stateOf(place))));
      const run = runSync(place);
      expect({ status: run.status, stderr: run.stderr }).toMatchObject({ status: 5 });
      expect(run.stderr).toContain(stateOf(place));
      expect(run.stderr).toContain("aside");
      loseState(place);
      expect(summaryOf(place)).toMatchObject({ status: 0, records: { added: 0, revised: 0 } });
      expect(exported(place)).toEqual(before);
    }
  });

  test("lost: rebuilt from the archive without a duplicate, and the export is the same, before and after", () => {
    using place = synced();
    const before = exported(place);
    const segments = listing(join(place.data, "archive"));
    loseState(place);
    expect(exported(place)).toEqual(before);
    expect(summaryOf(place)).toMatchObject({ status: 0, records: { added: 0, revised: 0 } });
    expect(listing(join(place.data, "archive"))).toEqual(segments);
    expect(exported(place)).toEqual(before);
  });

  test("lost together with the agents' files: the archive alone gives the same export, and what is new follows", () => {
    using place = synced();
    const before = exported(place);
    rmSync(stateOf(place));
    rmSync(place.home, { recursive: true });
    mkdirSync(place.home);
    expect(runSync(place).status).toBe(0);
    expect(exported(place)).toEqual(before);
    place.write(sessionPath("s3"), callLines(401, 403, "s3"));
    expect(summaryOf(place)).toMatchObject({ status: 0, records: { added: 3 } });
    expect(numbersOf(place)).toEqual([...ALL, 401, 402]);
  });

  test("lost where several installations' segments lie together: none of them is written, and nothing is told twice", () => {
    using place = synced();
    const folder = join(place.data, "archive");
    const foreign = segmentsOf(place)[0]!.replace(/-[0-9a-f]{8}\.jsonl$/, "-ffffffff.jsonl");
    const text = readFileSync(join(folder, segmentsOf(place)[0]!), "utf8");
    writeFileSync(join(folder, foreign), text.replaceAll(/"host":"[0-9a-f]{16}"/g, '"host":"ffffffffffffffff"'));
    loseState(place);
    const before = listing(folder);
    place.write(sessionPath("s3"), callLines(401, 403, "s3"));
    expect(summaryOf(place)).toMatchObject({ status: 0, records: { added: 3 } });
    expect(listing(folder)).toEqual(expect.arrayContaining(before));
    expect(numbersOf(place)).toEqual([...ALL, 401, 402]);
  });

  test("empty, as a power cut can leave it, is a lost state and no first run", () => {
    using place = synced();
    const before = exported(place);
    writeFileSync(stateOf(place), "");
    expect(summaryOf(place)).toMatchObject({ status: 0, records: { added: 0, revised: 0 } });
    expect(exported(place)).toEqual(before);
  });

  test("only begun, by a writer that could not go on, is none: every command does as where there is none yet", () => {
    using place = synced();
    const before = exported(place);
    const beside = ["--home", place.home, "--data-dir", place.data];
    const begin = (path: string): void => {
      using db = new Database(path, { create: true, readwrite: true });
      for (const step of ["PRAGMA journal_mode = WAL", "CREATE TABLE x (y)", "DROP TABLE x", "VACUUM"]) db.run(step);
    };
    loseState(place);
    begin(stateOf(place));
    expect(weir(["scan", ...beside]).status).toBe(0);
    expect(summaryOf(place, "--dry-run")).toMatchObject({ status: 0, records: { added: 0, revised: 0 } });
    expect(weir(["prune", "--dry-run", "--max-size", "1GB", "--data-dir", place.data]).status).toBe(0);
    expect(weir(["verify", "--data-dir", place.data]).status).toBe(0);
    expect(exported(place)).toEqual(before);
    expect(summaryOf(place)).toMatchObject({ status: 0, records: { added: 0, revised: 0 } });
    expect(exported(place)).toEqual(before);
    rmSync(place.data, { recursive: true });
    mkdirSync(place.data, { mode: 0o700 });
    begin(stateOf(place));
    expect(weir(["verify", "--data-dir", place.data])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("there is no archive"),
    });
    expect(weir(["scan", ...beside]).status).toBe(0);
    expect(summaryOf(place, "--dry-run").records.added).toBeGreaterThan(0);
    expect(summaryOf(place).records.added).toBeGreaterThan(0);
  });

  test("older than its archive, put back or without its log: exit 5, not one byte is cut, and moved aside nothing is lost", () => {
    const env = { WEIR_SEGMENT_MAX_BYTES: "8KiB" };
    for (const how of ["put back", "without its log"]) {
      for (const last of [402, 500]) {
        using place = withCalls();
        expect(runSync(place, [], { env }).status).toBe(0);
        let older = readFileSync(stateOf(place));
        place.write(sessionPath("s3"), callLines(401, last + 1, "s3"));
        // Who else has the state open keeps its log from being folded in.
        const other = new Database(stateOf(place));
        other.query("SELECT count(*) FROM segment").get();
        expect(runSync(place, [], { env }).status).toBe(0);
        expect(existsSync(`${stateOf(place)}-wal`)).toBe(true);
        if (how === "without its log") older = readFileSync(stateOf(place));
        other.close();
        loseState(place);
        writeFileSync(stateOf(place), older);
        rmSync(place.home, { recursive: true });
        mkdirSync(place.home);
        const before = listing(join(place.data, "archive"));
        for (const run of [
          runSync(place),
          runSync(place, ["--dry-run"]),
          runExport(place),
          weir(["prune", "--max-size", "4KiB", "--data-dir", place.data]),
          weir(["verify", "--data-dir", place.data]),
        ]) {
          const said = run.stdout + run.stderr;
          expect({ how, last, status: run.status, said }).toMatchObject({ status: 5 });
          expect(said).toMatch(/older than its archive: .*knows of \d+ commits, \d+ have been made/);
          expect(said).toContain("move it aside");
        }
        expect(listing(join(place.data, "archive"))).toEqual(before);
        loseState(place);
        expect(summaryOf(place)).toMatchObject({ status: 0, records: { added: 0, revised: 0 } });
        expect(numbersOf(place)).toEqual(Array.from({ length: last }, (_, at) => at + 1));
      }
    }
  });

  test("of a newer weir: exit 6 for every command, and not one byte of it is changed", () => {
    for (const mode of ["WAL", "DELETE"]) {
      using place = synced();
      const db = new Database(stateOf(place));
      db.run(`PRAGMA journal_mode = ${mode}`);
      db.run("PRAGMA user_version = 99");
      db.close();
      const state = readFileSync(stateOf(place));
      const segments = listing(join(place.data, "archive"));
      for (const run of [runSync(place), runSync(place, ["--dry-run"]), runExport(place)]) {
        expect({ mode, status: run.status, stderr: run.stderr }).toMatchObject({ status: 6 });
        expect(run.stderr).toContain("newer weir");
      }
      expect(readFileSync(stateOf(place)).equals(state)).toBe(true);
      expect(listing(join(place.data, "archive"))).toEqual(segments);
    }
  });

  test("held by another program's transaction: exit 4 with the reason, and the next run is exact", () => {
    using place = synced();
    place.write(sessionPath("s3"), callLines(401, 403, "s3"));
    using db = new Database(stateOf(place));
    db.run("BEGIN IMMEDIATE");
    const run = runSync(place);
    db.run("ROLLBACK");
    expect({ status: run.status, stderr: run.stderr }).toMatchObject({ status: 4 });
    expect(run.stderr).toContain("locked");
    expect(summaryOf(place)).toMatchObject({ status: 0, records: { added: 3 } });
    expect(numbersOf(place)).toEqual([...ALL, 401, 402]);
  });
});
