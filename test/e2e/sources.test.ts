/** Proves what bad sources come to: told, set aside, exit 3 in that run; the rest is read, and the next run is clean. */
import { describe, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { callLine, callLines, callNumbers, sessionPath } from "../support/claude.ts";
import { scratch } from "../support/home.ts";
import { random, SEED } from "../support/random.ts";
import { exported, runSync, summaryOf, unprivileged } from "../support/runs.ts";
import { planted } from "../support/secrets.ts";
import { measured } from "../support/weir.ts";

const SESSION = sessionPath("s1");
const line = (n: number): Buffer => Buffer.from(callLine(n, "s1"));

/** A line whose folder name is not UTF-8. */
function invalid(n: number): Buffer {
  const text = line(n);
  const at = text.indexOf("project-a");
  text[at] = 0xff;
  return text;
}

describe("bad bytes between good lines are quarantined once, by file, offset and length", () => {
  const bad: readonly [string, Buffer, string][] = [
    ["garbage", Buffer.from("%PDF-1.7 \u{1b}[2J\n"), "not JSON"],
    ["half a line with the next one glued on", Buffer.concat([line(8).subarray(0, 200), line(9)]), "not JSON"],
    ["JSON that is no object", Buffer.from('["assistant"]\n'), "not a JSON object"],
    ["invalid UTF-8", invalid(8), "invalid UTF-8"],
    ["a run of NULs", Buffer.concat([Buffer.alloc(5000), Buffer.from("\n")]), "only NUL bytes"],
  ];
  for (const [what, bytes, reason] of bad) {
    test(what, () => {
      using place = scratch();
      const path = place.write(SESSION, Buffer.concat([line(1), bytes, line(2)]));
      const first = summaryOf(place);
      expect(first.status).toBe(3);
      expect(first.quarantined).toEqual([{ path, offset: line(1).length, length: bytes.length - 1, reason }]);
      expect(callNumbers(exported(place))).toEqual([1, 2]);
      const next = runSync(place);
      expect(next.status).toBe(0);
      expect(next.stderr).not.toContain("quarantined");
      appendFileSync(path, line(3));
      expect(summaryOf(place)).toMatchObject({ status: 0, quarantined: [] });
      expect(callNumbers(exported(place))).toEqual([1, 2, 3]);
    });
  }

  test("a warning names file, offset and reason, and no control character of the line", () => {
    using place = scratch();
    const path = place.write(SESSION, Buffer.concat([line(1), Buffer.from("\u{1b}]0;evil\u{7}\n")]));
    const { status, stderr } = runSync(place);
    expect(status).toBe(3);
    expect(stderr).toContain(`${path}:${line(1).length}: not JSON`);
    expect(stderr).not.toContain("evil");
  });
});

test("a line of 200 MB is passed over at bounded memory, and the lines after it are read", () => {
  using place = scratch();
  const path = place.write(SESSION, Buffer.concat([line(1), Buffer.from('{"type":"assistant","message":"')]));
  const fd = openSync(path, "r+");
  const hole = 200 << 20;
  const end = Buffer.concat([Buffer.from('"}\n'), line(2)]);
  writeSync(fd, end, 0, end.length, hole);
  closeSync(fd);
  const first = runSync(place, ["--json"], { through: measured });
  expect(first.status).toBe(3);
  const length = hole + 3 - line(1).length;
  expect(JSON.parse(first.stdout).quarantined).toEqual([
    { path, offset: line(1).length, length, reason: "a line of more than 64 MiB" },
  ]);
  expect(Number(first.stderr.trim().split("\n").at(-1))).toBeLessThan(256 << 20);
  expect(callNumbers(exported(place))).toEqual([1, 2]);
  expect(runSync(place).status).toBe(0);
});

test("a file in UTF-16 is set aside as a whole, with the reason", () => {
  using place = scratch();
  const path = place.write(SESSION, Buffer.from(`\u{feff}${callLine(1, "s1")}`, "utf16le"));
  place.write(sessionPath("s2"), callLine(2, "s2"));
  const first = summaryOf(place);
  expect(first.status).toBe(3);
  expect(first.quarantined).toMatchObject([{ path, offset: 0, reason: "encoded as UTF-16LE" }]);
  expect(callNumbers(exported(place))).toEqual([2]);
  expect(runSync(place).status).toBe(0);
});

test("a broken document is set aside once, also by a sync that comes while its last change is fresh; one that changes, again", () => {
  using place = scratch();
  const path = place.write(".continue/sessions/00000000-0000-4000-8000-000000000001.json", '{"sessionId":');
  expect(summaryOf(place)).toMatchObject({
    status: 3,
    quarantined: [{ path, offset: 0, length: 13, reason: "not JSON" }],
  });
  expect(summaryOf(place)).toMatchObject({ status: 0, sources: { read: 1 }, quarantined: [] });
  place.write(".continue/sessions/00000000-0000-4000-8000-000000000001.json", '{"sessionIds":');
  expect(summaryOf(place)).toMatchObject({ status: 3, quarantined: [{ path, length: 14 }] });
});

test("a last line without its newline is no error, and is told when it is whole", () => {
  using place = scratch();
  const path = place.write(SESSION, Buffer.concat([line(1), line(2).subarray(0, 300)]));
  expect(summaryOf(place)).toMatchObject({ status: 0, torn: 1, quarantined: [] });
  expect(callNumbers(exported(place))).toEqual([1]);
  appendFileSync(path, line(2).subarray(300));
  expect(summaryOf(place)).toMatchObject({ status: 0, torn: 0 });
  expect(callNumbers(exported(place))).toEqual([1, 2]);
});

test("a file that may not be read is told, the others are read, and it goes on where it was once it may", () => {
  using place = scratch();
  const path = place.write(SESSION, line(1));
  place.write(sessionPath("s2"), callLine(10, "s2"));
  const through = unprivileged(place);
  const sync = () => runSync(place, ["--json"], { through });
  expect(sync().status).toBe(0);
  appendFileSync(path, line(2));
  appendFileSync(join(place.home, sessionPath("s2")), callLine(11, "s2"));
  chmodSync(path, 0);
  const held = sync();
  expect(held.status).toBe(3);
  expect(JSON.parse(held.stdout).unreadable).toEqual([{ path, reason: "EACCES" }]);
  expect(sync().status).toBe(3);
  chmodSync(path, 0o600);
  const free = sync();
  expect(free.status).toBe(0);
  expect(JSON.parse(free.stdout)).toMatchObject({ records: { added: 1 }, restarted: 0 });
});

test("a folder that may not be listed is told, and what it held is neither lost nor read again", () => {
  using place = scratch();
  const folder = dirname(place.write(SESSION, line(1)));
  const through = unprivileged(place);
  expect(runSync(place, [], { through }).status).toBe(0);
  chmodSync(folder, 0);
  const held = runSync(place, ["--json"], { through });
  chmodSync(folder, 0o700);
  expect(held.status).toBe(3);
  expect(JSON.parse(held.stdout).unreadable).toEqual([{ path: folder, reason: "EACCES" }]);
  const free = runSync(place, ["--json"], { through });
  expect(free.status).toBe(0);
  expect(JSON.parse(free.stdout)).toMatchObject({ records: { added: 0, revised: 0 }, restarted: 0 });
});

test("a place that leads in a circle is told, and other agents' homes are read", () => {
  using place = scratch();
  symlinkSync(".claude", join(place.home, ".claude"));
  place.write(join(".config/claude", "projects/p/s1.jsonl"), line(1));
  const { status, unreadable } = summaryOf(place);
  expect(status).toBe(3);
  expect(unreadable).toEqual([{ path: join(place.home, ".claude"), reason: "ELOOP" }]);
  expect(callNumbers(exported(place))).toEqual([1]);
});

test("pipes, folders and devices with a session's name are no sources, and nothing waits for them", () => {
  using place = scratch();
  const folder = dirname(place.write(SESSION, line(1)));
  mkdirSync(join(folder, "folder.jsonl"));
  expect(Bun.spawnSync(["mkfifo", join(folder, "pipe.jsonl")]).success).toBe(true);
  symlinkSync("/dev/zero", join(folder, "device.jsonl"));
  const { status, sources } = summaryOf(place);
  expect(status).toBe(0);
  expect(sources.found).toBe(1);
});

test("an absent home is silence", () => {
  using place = scratch();
  expect(runSync(place, ["--json"])).toMatchObject({ status: 0 });
  const lines = callLines(1, 3, "s1");
  place.write(SESSION, lines);
  expect(runSync(place).status).toBe(0);
  expect(callNumbers(exported(place))).toEqual([1, 2]);
});

describe("neither a home folder's name nor a secret is in a record", () => {
  test("where the home is a link, and stores say where it leads", () => {
    using place = scratch();
    const real = join(place.root, "real");
    const home = join(place.root, "link");
    const text = callLine(1, "s1").replace("/home/dev/project-a", join(real, "dev", "project-a"));
    mkdirSync(dirname(join(real, "dev", SESSION)), { recursive: true });
    writeFileSync(join(real, "dev", SESSION), text);
    symlinkSync(real, home);
    expect(runSync({ ...place, home: join(home, "dev") }).status).toBe(0);
    expect(exported(place)).toMatchObject([{ cwd: "~/project-a", source: { path: SESSION } }, { cwd: "~/project-a" }]);
  });

  test("where a folder's name holds a secret; a lost state still knows what came from there", () => {
    using place = scratch();
    const { secret } = planted("github", random(SEED));
    place.write(`.claude/projects/-srv-${secret}/s1.jsonl`, line(1));
    expect(runSync(place).status).toBe(0);
    const records = exported(place, "--all");
    expect(JSON.stringify(records)).not.toContain(secret);
    expect(records[0]?.source.path).toMatch(/^\.claude\/projects\/.*\[redacted:token\]\/s1\.jsonl$/);
    for (const end of ["", "-wal", "-shm"]) rmSync(join(place.data, `state.db${end}`), { force: true });
    expect(summaryOf(place)).toMatchObject({ status: 0, records: { added: 0, known: records.length } });
  });
});
