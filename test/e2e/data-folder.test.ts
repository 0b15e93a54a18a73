/** Proves that a data folder that is full, read-only, foreign or no folder gets a clear error, and what was archived stays. */
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { ALL, CALLS, expectExact, numbersOf, segmentsOf, stateOf, synced, withCalls } from "../support/archived.ts";
import { callLines, callNumbers, sessionPath } from "../support/claude.ts";
import { chat, DATABASE, openTraces } from "../support/copilot.ts";
import { listing, type Scratch, scratch } from "../support/home.ts";
import { isRoot, recordsIn, runExport, runSync, smallDisk, unprivileged } from "../support/runs.ts";
import { shell } from "../support/weir.ts";

describe("a full disk ends the run with exit 4, nothing half-written, and the next run is exact", () => {
  /** What a failed run may leave: whole batches, whatever the moment. */
  function expectWholeBatches(place: Scratch): void {
    const { status, stdout } = runExport(place);
    if (status === 1) expect(existsSync(stateOf(place))).toBe(false);
    else expect([0, CALLS]).toContain(callNumbers(recordsIn(stdout)).length);
  }

  test("a limit on the size of files", () => {
    using place = withCalls();
    for (const blocks of [0, 8, 16, 40, 56, 80, 120, 200, 400]) {
      const run = runSync(place, [], { through: shell(`ulimit -f ${blocks}; exec "$@"`) });
      expect({ blocks, status: run.status, stderr: run.stderr }).toMatchObject({ status: 4 });
      expectWholeBatches(place);
      rmSync(place.data, { recursive: true, force: true });
    }
    runSync(place, [], { through: shell('ulimit -f 200; exec "$@"') });
    expect(runSync(place).status).toBe(0);
    expectExact(place);
  });

  test("a real full disk, where one may be mounted", () => {
    for (const kib of [16, 32, 64, 96, 128, 192, 256, 320]) {
      using place = withCalls();
      mkdirSync(place.data, { mode: 0o700 });
      using disk = smallDisk(place.data, kib);
      if (!disk) {
        expect(isRoot && process.platform === "linux").toBe(false);
        return;
      }
      const run = runSync(place);
      expect({ kib, status: run.status, stderr: run.stderr }).toMatchObject({ status: 4 });
      expectWholeBatches(place);
      expect(Bun.spawnSync(["mount", "-o", "remount,size=8m", place.data]).success).toBe(true);
      expect(runSync(place).status).toBe(0);
      expectExact(place);
    }
  });

  test("what was archived before the disk was full is still there, and what came since follows", () => {
    using place = synced();
    place.write(sessionPath("s3"), callLines(1000, 3000, "s3"));
    const run = runSync(place, [], { through: shell('ulimit -f 600; exec "$@"') });
    expect(run.status).toBe(4);
    expect(run.stderr).toContain("cannot write to");
    expect(numbersOf(place)).toEqual(ALL);
    expect(runSync(place).status).toBe(0);
    expect(numbersOf(place)).toEqual([...ALL, ...Array.from({ length: 2000 }, (_, at) => 1000 + at)]);
  });
});

describe("a data folder that cannot be", () => {
  test("a file, or below a file: exit 4", () => {
    using place = withCalls();
    writeFileSync(place.data, "mine");
    const below = join(place.data, "below");
    for (const [data, reason] of [
      [place.data, "there is a file of that name"],
      [below, "a part of the path is no folder"],
    ] as const) {
      const { status, stderr } = runSync({ ...place, data });
      expect({ status, stderr }).toEqual({
        status: 4,
        stderr: `error: cannot make the data folder ${data}: ${reason}\n  name a folder that can be written with --data-dir\n`,
      });
    }
    expect(readFileSync(place.data, "utf8")).toBe("mine");
  });

  test("in a folder that may not be written: exit 4, and no word that it is a bug", () => {
    using place = withCalls();
    const closed = join(place.root, "closed");
    mkdirSync(closed);
    const through = unprivileged(place);
    chmodSync(closed, 0o500);
    const run = runSync({ ...place, data: join(closed, "data") }, [], { through });
    expect(run.status).toBe(4);
    expect(run.stderr).not.toContain("unexpected");
    expect(run.stderr).not.toContain("debug: ");
    const told = runSync({ ...place, data: join(closed, "data") }, ["--debug"], { through }).stderr;
    expect(told).toMatch(/^debug: WeirError: cannot make the data folder/m);
    expect(told).toMatch(/^debug: Error: EACCES/m);
  });

  test("an archive of ours that may no longer be written: exit 4, and it can still be exported", () => {
    using place = synced();
    const through = unprivileged(place);
    for (const path of [place.data, join(place.data, "archive")]) chmodSync(path, 0o500);
    for (const name of segmentsOf(place)) chmodSync(join(place.data, "archive", name), 0o400);
    chmodSync(stateOf(place), 0o400);
    place.write(sessionPath("s3"), callLines(1000, 1001, "s3"));
    const run = runSync(place, [], { through });
    expect({ status: run.status, stderr: run.stderr }).toMatchObject({ status: 4 });
    const sending = runExport(place, ["--to", "http://127.0.0.1:9"], { through });
    expect(sending.status).toBe(4);
    expect(sending.stderr).toMatch(/^error: cannot lock .*\.lock: permission denied\n {2}fix the rights of the folder/);
    const export_ = runExport(place, [], { through });
    expect({ status: export_.status, stderr: export_.stderr }).toMatchObject({ status: 0 });
    expect(callNumbers(recordsIn(export_.stdout))).toEqual(ALL);
    for (const path of [place.data, join(place.data, "archive")]) chmodSync(path, 0o700);
  });

  test("somebody else's: exit 6, and nothing in it is touched", () => {
    using place = withCalls();
    if (!isRoot) {
      expect(lstatSync("/proc/1").uid).not.toBe(process.getuid?.());
      expect(runSync({ ...place, data: "/proc/1" }).status).toBeOneOf([4, 6]);
      return;
    }
    mkdirSync(place.data);
    chownSync(place.data, 4711, 4711);
    const before = listing(place.data);
    expect(runSync(place)).toMatchObject({ status: 6, stderr: expect.stringContaining("belongs to user 4711") });
    expect(lstatSync(place.data).uid).toBe(4711);
    expect(listing(place.data)).toEqual(before);
  });

  test.skipIf(process.platform === "win32")(
    "with other things in it, open to others: exit 2, nothing is touched",
    () => {
      using place = withCalls();
      mkdirSync(place.data, { mode: 0o755 });
      writeFileSync(join(place.data, "notes.txt"), "mine");
      const before = listing(place.data);
      expect(runSync(place)).toMatchObject({
        status: 2,
        stderr: expect.stringContaining(`--data-dir ${place.data}/weir`),
      });
      expect(lstatSync(place.data).mode & 0o777).toBe(0o755);
      expect(listing(place.data)).toEqual(before);
      chmodSync(place.data, 0o700);
      expect(runSync(place).status).toBe(0);
      expectExact(place);
    },
  );
});

describe("a segment that is not what was committed", () => {
  test("cut short: exit 5, naming the file, the bytes it should have and those it has; nothing is changed", () => {
    using place = synced();
    const file = join(place.data, "archive", segmentsOf(place)[0]!);
    const { size } = lstatSync(file);
    truncateSync(file, size - 10);
    const before = listing(join(place.data, "archive"));
    for (const run of [runSync(place), runExport(place)]) {
      expect(run.status).toBe(5);
      expect(run.stderr).toContain(file);
      expect(run.stderr).toContain(`${size} bytes`);
      expect(run.stderr).toContain(String(size - 10));
    }
    expect(listing(join(place.data, "archive"))).toEqual(before);
  });

  test("missing: exit 5, naming it", () => {
    using place = synced();
    const file = join(place.data, "archive", segmentsOf(place)[0]!);
    rmSync(file);
    for (const run of [runSync(place), runExport(place)])
      expect(run).toMatchObject({ status: 5, stderr: expect.stringContaining(file) });
  });

  test("longer, as a killed run leaves it: the bytes beyond do not exist for a reader, and the next sync cuts them", () => {
    using place = synced();
    const file = join(place.data, "archive", segmentsOf(place)[0]!);
    const whole = readFileSync(file);
    const call = whole
      .toString()
      .split("\n")
      .find((line) => line.includes('"operation":"chat"'));
    const uncommitted = `${call?.replace('"rev":0', '"rev":9').replace('"input_tokens":1', '"input_tokens":777777')}\n`;
    writeFileSync(file, whole + uncommitted + uncommitted.slice(0, 300));
    expect(numbersOf(place)).toEqual(ALL);
    expect(runSync(place).status).toBe(0);
    expect(readFileSync(file).equals(whole)).toBe(true);
  });

  test("holding a line that is no record: the export stops with exit 5, naming file and byte", () => {
    using place = synced();
    const file = join(place.data, "archive", segmentsOf(place)[0]!);
    const bytes = readFileSync(file);
    const at = bytes.indexOf(10) + 1;
    for (const begin of ["x".repeat(20), "null\n", '{"v":1}\n']) {
      bytes.write(begin, at);
      writeFileSync(file, bytes);
      for (const args of [[], ["--all"], ["--format", "text"]]) {
        const run = runExport(place, args);
        expect({ begin, args, status: run.status }).toEqual({ begin, args, status: 5 });
        expect(run.stderr).toContain(`${file} holds no record at byte ${at}`);
      }
    }
  });
});

describe("who may see it", () => {
  const modesOf = ({ data }: Scratch): string[] =>
    ["", ...readdirSync(data, { recursive: true, encoding: "utf8" })]
      .map((name) => lstatSync(join(data, name)))
      .map((stat) => `${stat.isDirectory() ? "folder" : "file"} ${(stat.mode & 0o7777).toString(8)}`);

  test("nobody else, from the first byte and whatever the umask: folders 0700, files 0600", () => {
    for (const umask of ["000", "022", "077"]) {
      using place = withCalls();
      const through = shell(`umask ${umask}; exec "$@"`);
      expect(runSync(place, [], { through }).status).toBe(0);
      expect(new Set(modesOf(place))).toEqual(new Set(["folder 700", "file 600"]));
      const file = join(place.root, "out.csv");
      expect(runExport(place, ["--format", "csv", "-o", file], { through }).status).toBe(0);
      expect((lstatSync(file).mode & 0o777).toString(8)).toBe("600");
    }
  });

  test("nor the private copy of a database, while it is there", () => {
    using place = scratch();
    using traces = openTraces(place);
    traces.run("PRAGMA journal_mode = WAL");
    traces.put({ id: "0000000000000001", attributes: chat(1, 1) });
    rmSync(join(place.home, `${DATABASE}-shm`));
    const log = join(place.root, "calls");
    const options = { binary: "weir-faults", through: shell('umask 000; exec "$@"') } as const;
    expect(runSync(place, [], { ...options, env: { WEIR_FAULT_LOG: log } }).status).toBe(0);
    const at = readFileSync(log, "utf8")
      .split("\n")
      .find((line) => line.endsWith("database: open copy"))
      ?.split(" ")[0];
    rmSync(place.data, { recursive: true });
    expect(runSync(place, [], { ...options, env: { WEIR_FAULT: `${at}:kill` } }).signal).toBe("SIGKILL");
    const copies = readdirSync(join(place.data, "tmp"), { recursive: true, encoding: "utf8" });
    expect(copies.some((name) => name.endsWith("copy.db"))).toBe(true);
    expect(new Set(modesOf(place))).toEqual(new Set(["folder 700", "file 600"]));
    // The next run leaves none behind.
    expect(runSync(place).status).toBe(0);
    expect(existsSync(join(place.data, "tmp")) ? readdirSync(join(place.data, "tmp")) : []).toEqual([]);
  });

  test("a folder that was open to others is closed", () => {
    using place = synced();
    for (const path of [place.data, join(place.data, "archive")]) chmodSync(path, 0o755);
    chmodSync(stateOf(place), 0o644);
    expect(runSync(place).status).toBe(0);
    expect(new Set(modesOf(place))).toEqual(new Set(["folder 700", "file 600"]));
  });
});

describe("links planted in it are not followed: exit 6, and what they lead to is unchanged", () => {
  for (const name of ["state.db", "state.db-wal", "state.db-shm", "writer.lock", "commits", "tmp", "archive"]) {
    test(name, () => {
      using place = synced();
      const outside = join(place.root, "outside");
      const inside = join(place.data, name);
      if (existsSync(inside)) renameSync(inside, outside);
      else writeFileSync(outside, "mine");
      symlinkSync(outside, inside);
      const before = listing(place.root);
      expect(runSync(place)).toMatchObject({ status: 6, stderr: expect.stringContaining(`${inside} is a link`) });
      expect(listing(place.root)).toEqual(before);
    });
  }

  test("the lock of a destination: nothing is made or opened through it, and nothing is sent", () => {
    using place = synced();
    const to = ["--to", "http://127.0.0.1:9", "--new", "--retry-for", "0s"];
    expect(runExport(place, to).status).toBe(7);
    const lock = readdirSync(place.data).find((name) => name.startsWith("export-"))!;
    for (const isThere of [true, false]) {
      const outside = join(place.root, `outside-${isThere}`);
      rmSync(join(place.data, lock));
      if (isThere) writeFileSync(outside, "");
      symlinkSync(outside, join(place.data, lock));
      expect(runExport(place, to)).toMatchObject({ status: 6, stderr: expect.stringContaining(`${lock} is a link`) });
      expect(existsSync(outside)).toBe(isThere);
    }
  });

  test("a segment's name: what it leads to is not written, and the run fails", () => {
    using place = synced();
    const inside = join(place.data, "archive", segmentsOf(place)[0]!);
    const outside = join(place.root, "outside");
    copyFileSync(inside, outside);
    rmSync(inside);
    symlinkSync(outside, inside);
    place.write(sessionPath("s3"), callLines(401, 403, "s3"));
    const before = readFileSync(outside);
    expect(runSync(place).status).toBe(5);
    expect(readFileSync(outside).equals(before)).toBe(true);
  });

  test("the name of the next segment: nothing is written through it", () => {
    using place = synced();
    const outside = join(place.root, "outside");
    const next = segmentsOf(place)[0]!.replace(".jsonl", ".1.jsonl");
    symlinkSync(outside, join(place.data, "archive", next));
    place.write(sessionPath("s3"), callLines(1000, 12_000, "s3"));
    const run = runSync(place);
    expect(existsSync(outside)).toBe(false);
    expect(run.status).toBeOneOf([0, 4]);
  });
});
