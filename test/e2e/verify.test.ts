/** Proves that verify finds every damage that it promises to find, names it, and finds none where there is none. */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { listSegments } from "../../src/archive/segment.ts";
import type { Finding, Verification } from "../../src/archive/verify.ts";
import { callLines, sessionPath, writeCalls } from "../support/claude.ts";
import { fixtureHomes } from "../support/fixtures.ts";
import { listing, type Scratch, scratch } from "../support/home.ts";
import { exported, runExport, runSync, unprivileged } from "../support/runs.ts";
import { type RunResult, weir } from "../support/weir.ts";

const SMALL = { env: { WEIR_SEGMENT_MAX_BYTES: "8KiB" } };

function archive(calls = 60): Scratch {
  const place = scratch();
  writeCalls(place, calls);
  runSync(place, [], SMALL);
  return place;
}

function verify({ data }: Scratch, ...args: string[]): RunResult {
  return weir(["verify", "--data-dir", data, ...args]);
}

type Document = Omit<Verification, "findings"> & { readonly ok: boolean; readonly findings: readonly Finding[] };

function result(place: Scratch): Document & { readonly status: number | null } {
  const { status, stdout, stderr } = verify(place, "--json");
  if (stdout === "") throw new Error(stderr);
  return { ...(JSON.parse(stdout) as Document), status };
}

function segments(place: Scratch): string[] {
  return listSegments(join(place.data, "archive")).map((name) => join(place.data, "archive", name));
}

const first = (place: Scratch): string => segments(place)[0] ?? "";
const last = (place: Scratch): string => segments(place).at(-1) ?? "";

describe("a whole archive", () => {
  test.each(fixtureHomes.map((home) => [home.name, home] as const))("%s", (_, home) => {
    using place = scratch();
    place.copyHome(home.path);
    expect([0, 3]).toContain(runSync(place, [], SMALL).status ?? 1);
    const { findings, ok, status } = result(place);
    expect({ findings, ok, status }).toEqual({ findings: [], ok: true, status: 0 });
  });

  test("of one segment that is still written has no checksum, and none is counted", () => {
    using place = archive(3);
    const { stdout } = weir(["verify", "--data-dir", place.data]);
    expect(stdout).toMatch(/^ok: \d+ segments?, 4 records, .+, state ok\n$/);
    expect(stdout).not.toContain("checksum");
  });

  test("has the checksum of every sealed segment, also where a later run sealed it, and verify changes nothing", () => {
    using place = archive(3);
    for (let from = 3; from < 60; from += 3) {
      place.write(sessionPath(`s-${from}`), callLines(from, from + 3, `s-${from}`));
      expect(runSync(place, [], SMALL).status).toBe(0);
    }
    const before = listing(join(place.data, "archive"));
    const { status, checksums, segments: count, records } = result(place);
    expect([status, checksums]).toEqual([0, count - 1]);
    expect(count).toBeGreaterThan(3);
    expect(records).toBe(exported(place, "--all").length);
    using db = new Database(join(place.data, "state.db"), { readonly: true });
    for (const { name, sha256 } of db.query("SELECT name, sha256 FROM segment WHERE sealed = 1").all() as Record<
      string,
      string
    >[])
      expect(sha256).toBe(
        createHash("sha256")
          .update(readFileSync(join(place.data, "archive", name ?? "")))
          .digest("hex"),
      );
    expect(listing(join(place.data, "archive"))).toEqual(before);
  });

  test("with foreign files and bytes beyond the committed length is whole, and they are named", () => {
    using place = archive();
    writeFileSync(join(place.data, "archive", "notes.txt"), "mine");
    appendFileSync(last(place), "half a li");
    const { findings, status } = result(place);
    expect(status).toBe(0);
    expect(findings.map(({ kind, path }) => [kind, path])).toEqual([
      ["note", last(place)],
      ["note", join(place.data, "archive", "notes.txt")],
    ]);
    expect(verify(place).stdout).toMatch(/^note: .*9 bytes beyond its committed length(.*\n)+ok: \d+ segments, /);
    expect(verify(place, "--quiet")).toMatchObject({ status: 0, stdout: "", stderr: "" });
    truncateSync(first(place), 100);
    const { stdout, stderr } = verify(place, "--quiet");
    expect(stdout).toMatch(/^damaged: /);
    expect(stdout).not.toContain("note: ");
    expect(stderr).toStartWith("error: the archive is damaged: ");
  });

  test("another installation's segments are checked too", () => {
    using place = archive();
    using other = archive();
    const from = first(other);
    const to = join(place.data, "archive", from.slice(from.lastIndexOf("/") + 1));
    writeFileSync(to, readFileSync(from));
    expect(result(place)).toMatchObject({ status: 0, foreign_segments: 1 });
    writeFileSync(to, `${readFileSync(from, "utf8")}not a record\n`);
    expect(result(place)).toMatchObject({ status: 5, findings: [{ kind: "damaged", path: to }] });
  });
});

describe("a damaged archive exits 5 and says what and where", () => {
  const damages: Record<string, [work: (place: Scratch) => void, path: (place: Scratch) => string, what: RegExp]> = {
    "a changed byte in a sealed segment": [
      (place) => {
        const text = readFileSync(first(place), "utf8");
        writeFileSync(first(place), text.replace('"output_tokens":1', '"output_tokens":7'));
      },
      first,
      /SHA-256/,
    ],
    "a line that is no JSON": [
      (place) => {
        const bytes = readFileSync(last(place));
        bytes[0] = 0x21;
        writeFileSync(last(place), bytes);
      },
      last,
      /^byte 0: it is not JSON/,
    ],
    "a line that is no record": [
      (place) => {
        const text = readFileSync(last(place), "utf8");
        writeFileSync(last(place), text.replace(/"id":"[0-9a-f]{4}/, '"id":"WXYZ'));
      },
      last,
      /^byte 0: it is no record: id: /,
    ],
    "bytes that are no UTF-8": [
      (place) => {
        const bytes = readFileSync(last(place));
        bytes[bytes.indexOf('"claude-code"') + 3] = 0xff;
        writeFileSync(last(place), bytes);
      },
      last,
      /not UTF-8/,
    ],
    "a segment that is shorter": [
      (place) => truncateSync(first(place), 100),
      first,
      /should hold \d+ bytes, it has 100/,
    ],
    "a segment that is missing": [(place) => renameSync(first(place), join(place.root, "away")), () => "", /missing/],
    "a state that is no database": [
      (place) => {
        for (const end of ["-wal", "-shm"]) rmSync(join(place.data, `state.db${end}`), { force: true });
        writeFileSync(join(place.data, "state.db"), "x".repeat(5000));
      },
      (place) => join(place.data, "state.db"),
      /not a database/,
    ],
    "a damaged page of the state": [
      (place) => {
        const path = join(place.data, "state.db");
        const bytes = readFileSync(path);
        bytes.fill(0xff, 4096 * 3 + 8, 4096 * 4);
        bytes.fill(0xff, 4096 * 5 + 8, 4096 * 6);
        writeFileSync(path, bytes);
      },
      (place) => join(place.data, "state.db"),
      /./,
    ],
  };

  test.each(Object.entries(damages))("%s", (_, [work, path, what]) => {
    using place = archive();
    work(place);
    const { findings, ok, status } = result(place);
    expect([status, ok]).toEqual([5, false]);
    const found = findings.filter(({ kind }) => kind === "damaged");
    expect(found.some((finding) => finding.path.startsWith(path(place)) && what.test(finding.what))).toBe(true);
    expect(found.every(({ todo }) => (todo ?? "") !== "")).toBe(true);
    const text = verify(place);
    expect(text.status).toBe(5);
    expect(text.stdout).toContain("damaged: ");
    expect(text.stderr).toStartWith("error: the archive is damaged: ");
  });
});

test("what nobody may read is not damaged: exit 3, and what to do about it", () => {
  using place = archive();
  const through = unprivileged(place);
  const run = (): RunResult => weir(["verify", "--data-dir", place.data, "--json"], { through });
  for (const path of [first(place), last(place), join(place.data, "state.db")]) {
    chmodSync(path, 0);
    const { status, stdout } = run();
    const { ok, findings } = JSON.parse(stdout) as Document;
    const told = findings.filter(({ kind }) => kind !== "note");
    expect({ status, ok, told }).toMatchObject({ status: 3, ok: false, told: [{ kind: "unreadable", path }] });
    expect(told[0]?.todo).toContain("right to read");
    expect(weir(["verify", "--data-dir", place.data], { through }).stderr).toContain("cannot be checked: 1 file");
    chmodSync(path, 0o600);
    expect(run().status).toBe(0);
  }
});

test("a folder in the state's place is damage, whatever rights there are", () => {
  using place = archive();
  rmSync(join(place.data, "state.db"));
  mkdirSync(join(place.data, "state.db"));
  expect(result(place)).toMatchObject({ status: 5, state: "damaged" });
});

test("beside a state that is older than the archive nothing is called a leftover that the next sync cuts", () => {
  using place = scratch();
  place.write(sessionPath("s1"), callLines(0, 20, "s1"));
  runSync(place, [], SMALL);
  const older = readFileSync(join(place.data, "state.db"));
  place.write(sessionPath("s2"), callLines(20, 60, "s2"));
  runSync(place, [], SMALL);
  writeFileSync(join(place.data, "state.db"), older);
  const { findings, status } = result(place);
  expect(status).toBe(5);
  expect(findings.find(({ path }) => path.endsWith("state.db"))?.what).toContain("older than its archive");
  expect(findings.filter(({ what, todo }) => /killed run|committed length|cuts/.test(`${what} ${todo}`))).toEqual([]);
});

test("without a backup, what verify says puts it right: what the sources still hold is archived and counted again", () => {
  using place = archive();
  const calls = exported(place).length;
  writeFileSync(first(place), readFileSync(first(place), "utf8").replace("{", "x"));
  const [damage] = result(place).findings;
  expect(damage).toMatchObject({ path: first(place), todo: expect.stringContaining("move it aside") });
  for (const path of [first(place), ...["", "-wal", "-shm"].map((end) => join(place.data, `state.db${end}`))])
    rmSync(path, { force: true });
  expect(runSync(place, [], SMALL).status).toBe(0);
  expect(exported(place).length).toBe(calls);
  expect(result(place).status).toBe(0);
});

test("of a segment that was cut off sync, export and verify say the same, and doing it keeps what is left of it", () => {
  using place = archive();
  const all = exported(place, "--all");
  truncateSync(first(place), 4000);
  const advices = new Set(result(place).findings.map(({ todo }) => todo));
  expect(advices.size).toBe(1);
  const [advice = ""] = advices;
  expect(runSync(place).stderr).toEndWith(`\n  ${advice}\n`);
  expect(runExport(place).stderr).toEndWith(`\n  ${advice}\n`);
  for (const end of ["", "-wal", "-shm"]) rmSync(join(place.data, `state.db${end}`), { force: true });
  rmSync(join(place.home, ".claude"), { recursive: true });
  expect(runSync(place, [], SMALL).status).toBe(0);
  const left = readFileSync(first(place), "utf8").split("\n").length - 1;
  expect(left).toBeGreaterThan(0);
  expect(exported(place, "--all").slice(0, left)).toEqual(all.slice(0, left));
  expect(result(place).status).toBe(0);
});

test("a newer state is refused with exit 6, and without an archive there is nothing to verify", () => {
  using place = archive();
  using db = new Database(join(place.data, "state.db"), { readwrite: true });
  db.run("PRAGMA user_version = 999");
  expect(verify(place).status).toBe(6);
  using none = scratch();
  expect(verify(none)).toMatchObject({ status: 1, stdout: "" });
});
