/** Proves how the program looks to a person: on terminals of any width, with colour and without, in the order things are said. */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { callLines, sessionPath } from "../support/claude.ts";
import { type Scratch, scratch } from "../support/home.ts";
import { runSync } from "../support/runs.ts";
import { onTerminal } from "../support/terminal.ts";
import { weir } from "../support/weir.ts";

const LONG = { timeout: 60_000 };

/** The homes of all agents in one, as far as one home can hold them. */
function everyAgent(): Scratch {
  const place = scratch();
  for (const agent of readdirSync(join(import.meta.dir, "../../fixtures/agents"))) place.copyFixture(agent);
  return place;
}

const folders = ({ home, data }: Scratch): string[] => ["--home", home, "--data-dir", data];

/** A line may be wider only where a single word is: a path, say. */
function expectToFit(lines: readonly string[], columns: number): void {
  for (const line of lines)
    if (/\S\s+\S/.test(line) && !line.includes("/"))
      expect([line, Bun.stringWidth(line) <= columns]).toEqual([line, true]);
}

describe("on a terminal", () => {
  test.each([40, 60, 80, 100, 200])(
    "of %d columns nothing is wider, and no agent or number is cut from 60 on",
    async (columns) => {
      using place = everyAgent();
      const where = folders(place);
      for (const args of [[], ["--help"], ["sync", "--help"], ["export", "--help"], ["nonsense"]])
        expectToFit((await onTerminal(columns, args)).lines, columns);
      const scan = await onTerminal(columns, ["scan", ...where]);
      const sync = await onTerminal(columns, ["sync", ...where]);
      const config = await onTerminal(columns, ["config", ...where]);
      expect([scan.status, sync.status, config.status]).toEqual([0, 0, 0]);
      for (const { lines } of [scan, sync, config]) expectToFit(lines, columns);
      if (columns < 60) return;
      expect(scan.lines[0]).toMatch(/^AGENT +STREAM .*SESSIONS +SIZE +BEHIND/);
      expect(scan.lines.filter((line) => line.includes("…"))).toEqual([]);
      expect(config.lines.join("\n")).toMatch(/^segment_max_bytes .*5MiB +default$/m);
    },
    LONG,
  );

  test("the table comes before what is said of it, the table's last line before the first note", async () => {
    using place = everyAgent();
    const { lines } = await onTerminal(100, ["scan", ...folders(place)]);
    const last = lines.findLastIndex((line) => /^kimi-code /.test(line));
    const first = lines.findIndex((line) => /^Claude Code deletes/.test(line));
    expect(first).toBe(last + 1);
    expect(lines.at(-1)).toMatch(/^\d.* not archived yet; weir sync archives it$/);
    const config = await onTerminal(100, ["config", ...folders(place)]);
    expect(config.lines.at(-1)).toStartWith("configuration file: ");
  });

  test("nothing binary is written to it: exit 2 that says where to write it", async () => {
    using place = scratch();
    place.write(sessionPath("s1"), callLines(1, 4, "s1"));
    expect(runSync(place).status).toBe(0);
    for (const args of [
      ["--format", "parquet"],
      ["--compress", "gzip"],
    ]) {
      const { status, lines } = await onTerminal(80, ["export", "--data-dir", place.data, ...args]);
      expect({ status, hint: lines[1] }).toEqual({ status: 2, hint: "  write it with -o FILE, or into a pipe" });
    }
  });

  test("printed records never share a line with the progress", async () => {
    using place = everyAgent();
    const { lines, status } = await onTerminal(100, ["sync", "--print", ...folders(place)]);
    expect(status).toBe(0);
    const records = lines.filter((line) => line.startsWith('{"v":1'));
    expect(records.length).toBeGreaterThan(500);
    for (const line of records) expect(() => JSON.parse(line)).not.toThrow();
    expect(lines.filter((line) => line.includes("reading source"))).toEqual([]);
  });

  test("NO_COLOR and --color=never leave no colour, TERM=dumb no escape at all; --color=always wins over both", async () => {
    using place = scratch();
    place.write(sessionPath("s1"), callLines(1, 400, "s1"));
    const where = folders(place);
    const raw = async (args: string[], env: Record<string, string> = {}): Promise<string> =>
      (await onTerminal(100, args, { env })).raw;
    expect(await raw(["scan", ...where])).toContain("\x1b[1mAGENT");
    expect(await raw(["--help"])).toContain("\x1b[1mCommands");
    for (const args of [["scan", ...where], ["config", ...where], ["nonsense"], ["--help"], []]) {
      expect(await raw(args, { NO_COLOR: "1" })).not.toContain("\x1b[");
      expect(await raw(args, { TERM: "dumb" })).not.toContain("\x1b");
    }
    expect(await raw(["sync", ...where], { TERM: "dumb" })).not.toMatch(/\r|\p{Cc}\[/u);
    expect(await raw(["scan", "--color=never", ...where])).not.toContain("\x1b[1m");
    expect(await raw(["--help", "--color=never"])).not.toContain("\x1b");
    expect(await raw(["scan", "--color=always", ...where], { NO_COLOR: "1" })).toContain("\x1b[1m");
  });

  test("a sync that waits for another writer says for whom, and clears that when it is its turn", async () => {
    using place = scratch();
    place.write(sessionPath("s1"), callLines(1, 4, "s1"));
    expect(runSync(place).status).toBe(0);
    const lock = new Database(join(place.data, "writer.lock"));
    lock.run("BEGIN EXCLUSIVE");
    const waiting = onTerminal(200, ["sync", ...folders(place)]);
    await Bun.sleep(700);
    lock.close();
    const { raw, lines, status } = await waiting;
    expect(status).toBe(0);
    expect(raw).toContain("another weir is at work");
    expect(lines.join("\n")).not.toContain("another weir is at work");
  });
});

describe("in a pipe", () => {
  test("the same commands write no escape, cut nothing, and keep each message on one line", () => {
    using place = everyAgent();
    const where = folders(place);
    for (const args of [["scan"], ["scan", "--verbose"], ["sync"], ["config"], ["prune", "--max-age", "1d"]]) {
      const { stdout, stderr, status } = weir([...args, ...where]);
      expect([args, status]).toEqual([args, 0]);
      expect(stdout + stderr).not.toMatch(/[\r…]|\p{Cc}\[/u);
      expect(stderr).not.toMatch(/^ /m);
    }
  });
});

describe("an empty home", () => {
  test("is told with the places that were looked at, and what to do", () => {
    using place = scratch();
    const { status, stdout, stderr } = weir(["scan", ...folders(place)]);
    expect([status, stdout]).toEqual([0, ""]);
    expect(stderr).toContain(`no agent's sessions were found under ${place.home}\n`);
    expect(stderr).toContain(`${place.home}/.claude, `);
    expect(stderr).toContain("--home DIR looks under another home folder");
    const verbose = weir(["scan", "--verbose", ...folders(place)]).stderr;
    expect(verbose).toContain(`Codex: nothing in ${place.home}/.codex\n`);
    expect(verbose).toMatch(/^GitHub Copilot in VS Code: nothing in .*, and \d+ more$/m);
    const one = weir(["scan", "--verbose", "--agent", "copilot-vscode", ...folders(place)]).stderr;
    expect(one).toContain(".vscode-server-insiders");
    expect(one).not.toContain("Codex");
  });

  test("a store that was named by hand and holds nothing is all that is told of", () => {
    using place = scratch();
    const folder = join(place.root, "old");
    mkdirSync(folder);
    const told = `no sessions were found in ${folder} (pi:transcript)\n`;
    for (const args of [["scan"], ["scan", "--verbose"], ["sync"]])
      expect(weir([...args, "--source", `pi:transcript=${folder}`, ...folders(place)])).toMatchObject({
        status: 0,
        stdout: "",
        stderr: told,
      });
  });

  test("an archive without a record is told, one with records that no filter takes is told otherwise", () => {
    using place = scratch();
    expect(runSync(place).stderr).toBe("no agent's sessions were found; weir scan says where it looks\n");
    const empty = `the archive in ${place.data} is still empty; weir sync fills it\n`;
    for (const args of [[], ["--format", "text"], ["--to", "http://127.0.0.1:9"]])
      expect(weir(["export", "--data-dir", place.data, ...args]).stderr).toStartWith(empty);
    const file = join(place.root, "all.jsonl");
    const written = weir(["export", "--data-dir", place.data, "--output", file]);
    expect(written.stderr).toBe(`${empty}wrote 0 records to ${file}\n`);
    place.write(sessionPath("s1"), callLines(1, 4, "s1"));
    expect(runSync(place).stderr).toContain(`the archive is ${place.data}/archive; weir export reads it\n`);
    expect(runSync(place).stderr).not.toContain("the archive is");
    const none = weir(["export", "--data-dir", place.data, "--model", "none"]);
    expect(none).toMatchObject({ status: 0, stdout: "", stderr: expect.stringMatching(/^no record fits the filters/) });
  });
});

describe("what is wrong is said in words", () => {
  test("a source that is not there is named, once, with exit 3", () => {
    using place = scratch();
    const gone = join(place.root, "gone.jsonl");
    const { status, stderr } = runSync(place, ["--source", `codex:transcript=${gone}`]);
    expect(status).toBe(3);
    expect(stderr).toBe(
      `warning: cannot read ${gone}: there is no such file or folder\nno sessions were found in ${gone} (codex:transcript)\n`,
    );
  });

  test("a variable that is nearly one of weir's is told by every command", () => {
    using place = scratch();
    for (const command of ["scan", "sync", "config"])
      expect(weir([command, ...folders(place)], { env: { WEIR_DATADIR: "/x" } }).stderr).toContain(
        "warning: the variable WEIR_DATADIR is not read; did you mean WEIR_DATA_DIR?",
      );
  });
});
