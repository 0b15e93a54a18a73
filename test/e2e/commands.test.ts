/** Proves what the commands promise on real stores: dry runs, printing, formats, filters, strict arguments. */
import { describe, expect, test } from "bun:test";
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { commands } from "../../src/cli/commands.ts";
import type { WeirRecord } from "../../src/record/schema.ts";
import { callLine, callLines, callNumbers, sessionPath } from "../support/claude.ts";
import { listing, type Scratch, scratch } from "../support/home.ts";
import { exported, recordsIn, runExport, runSync, summaryOf } from "../support/runs.ts";
import { weir } from "../support/weir.ts";

/** What Claude Code itself left, archived. */
function real(): Scratch {
  const place = scratch();
  place.copyFixture("claude-code");
  expect(runSync(place)).toMatchObject({ status: 0, stdout: "" });
  return place;
}

function small(): Scratch {
  const place = scratch();
  place.write(sessionPath("s1"), callLines(1, 4, "s1"));
  return place;
}

describe("sync", () => {
  test("says what it archived, then that nothing is new; both end with 0", () => {
    using place = small();
    const first = runSync(place);
    expect(first).toMatchObject({ status: 0, stdout: "" });
    expect(first.stderr).toContain("archived 4 records from 1 source");
    const second = runSync(place);
    expect(second).toMatchObject({ status: 0, stdout: "" });
    expect(second.stderr).toContain("nothing new in 1 source");
  });

  test("--json is one document that says the same", () => {
    using place = small();
    const { status, stdout } = runSync(place, ["--json"]);
    expect(status).toBe(0);
    expect(stdout.split("\n")).toHaveLength(2);
    expect(JSON.parse(stdout)).toMatchObject({
      schema: "weir.sync",
      version: 1,
      sources: { found: 1, read: 1 },
      records: { added: 4, revised: 0 },
      byStream: { "claude-code/transcript": 4 },
      quarantined: [],
      unreadable: [],
    });
  });

  test("a line that cannot be skimmed is parsed whole; --verbose and --json tell how many were", () => {
    using place = small();
    const lines = [4, 5, 6].map((n) => callLine(n, "s1").replace("type", n === 6 ? "type" : "\\u0074ype"));
    appendFileSync(join(place.home, sessionPath("s1")), lines.join(""));
    const { status, stdout, stderr } = runSync(place, ["--json", "--verbose"]);
    expect(status).toBe(0);
    const told = { lines: { read: 6 }, unskimmed: { "claude-code/transcript": 2 }, records: { added: 7 } };
    expect(JSON.parse(stdout)).toMatchObject(told);
    expect(stderr).toContain("parsed whole: 2 of 6 lines (claude-code/transcript 2)");
    expect(runSync(place, ["--verbose"]).stderr).not.toContain("parsed whole");
  });

  test("--quiet says nothing when nothing is wrong", () => {
    using place = small();
    expect(runSync(place, ["--quiet"])).toMatchObject({ status: 0, stdout: "", stderr: "" });
  });

  test("--dry-run counts what would be archived and writes nothing at all, with and without an archive", () => {
    using place = small();
    const dry = runSync(place, ["--dry-run"]);
    expect(dry.status).toBe(0);
    expect(dry.stderr).toContain("would archive 4 records");
    expect(existsSync(place.data)).toBe(false);
    expect(runSync(place).status).toBe(0);
    appendFileSync(join(place.home, sessionPath("s1")), callLine(4, "s1"));
    const before = listing(place.root);
    const again = summaryOf(place, "--dry-run");
    expect(again).toMatchObject({ status: 0, records: { added: 1 } });
    expect(listing(place.root)).toEqual(before);
    expect(summaryOf(place)).toMatchObject({ records: { added: 1 } });
  });

  test("--dry-run reads a lost state's archive, and still writes nothing", () => {
    using place = small();
    expect(runSync(place).status).toBe(0);
    rmSync(join(place.data, "state.db"));
    const before = listing(place.root);
    expect(summaryOf(place, "--dry-run")).toMatchObject({ status: 0, records: { added: 0, revised: 0 } });
    expect(listing(place.root)).toEqual(before);
  });

  test("--print gives exactly the lines that this run archived, no more, no less", () => {
    using place = small();
    const folder = join(place.data, "archive");
    const archived = (): string =>
      readdirSync(folder)
        .sort()
        .map((name) => readFileSync(join(folder, name), "utf8"))
        .join("");
    const first = runSync(place, ["--print"]);
    expect(first.status).toBe(0);
    expect(first.stdout).toBe(archived());
    const before = archived();
    appendFileSync(join(place.home, sessionPath("s1")), callLine(4, "s1"));
    const second = runSync(place, ["--print"]);
    expect(before + second.stdout).toBe(archived());
    expect(callNumbers(recordsIn(second.stdout))).toEqual([4]);
    expect(runSync(place, ["--print"]).stdout).toBe("");
  });

  test("--print --dry-run prints what would be archived", () => {
    using place = small();
    expect(callNumbers(recordsIn(runSync(place, ["--print", "--dry-run"]).stdout))).toEqual([1, 2, 3]);
    expect(existsSync(place.data)).toBe(false);
  });

  test("--source reads one store from any place, and only it", () => {
    using place = small();
    const path = place.write("../elsewhere/old.jsonl", callLines(10, 12, "old"));
    expect(summaryOf(place, "--source", `claude-code:transcript=${path}`)).toMatchObject({ sources: { found: 1 } });
    expect(callNumbers(exported(place))).toEqual([10, 11]);
  });

  test("several homes with the same session count it once", () => {
    using place = small();
    using other = small();
    const { data } = place;
    expect(weir(["sync", "--home", place.home, "--home", other.home, "--data-dir", data]).status).toBe(0);
    expect(callNumbers(exported(place))).toEqual([1, 2, 3]);
    expect(callNumbers(exported(place, "--all"))).toEqual([1, 1, 2, 2, 3, 3]);
  });
});

describe("scan", () => {
  test("tells each stream, how far behind the archive is, and writes nothing", () => {
    using place = small();
    const scan = (): { status: number | null; behind: number[] } => {
      const run = weir(["scan", "--json", "--home", place.home, "--data-dir", place.data]);
      return { status: run.status, behind: JSON.parse(run.stdout).sources.map((s: { behind: number }) => s.behind) };
    };
    const size = callLines(1, 4, "s1").length;
    expect(scan()).toEqual({ status: 0, behind: [size] });
    expect(existsSync(place.data)).toBe(false);
    expect(runSync(place).status).toBe(0);
    const before = listing(place.root);
    expect(scan()).toEqual({ status: 0, behind: [0] });
    expect(listing(place.root)).toEqual(before);
  });

  test("before the first sync the archive is behind by all there is, the files beside the stores included", () => {
    using place = scratch();
    place.copyFixture("droid");
    const { stdout } = weir(["scan", "--json", "--home", place.home, "--data-dir", place.data]);
    const { sources } = JSON.parse(stdout) as { sources: { bytes: number; behind: number }[] };
    expect(sources.length).toBeGreaterThan(1);
    for (const { bytes, behind } of sources) expect(behind).toBe(bytes);
  });

  test("of a file whose time lies beyond all dates tells the last of them", () => {
    using place = scratch({ fast: true });
    const path = place.write(sessionPath("s1"), callLines(1, 4, "s1"));
    if (!Bun.spawnSync(["touch", "-d", "@9000000000000", path]).success) return; // neither does this disk take it
    for (const args of [[], ["--json"]])
      expect(weir(["scan", "--home", place.home, "--data-dir", place.data, ...args]).status).toBe(0);
    expect(runSync(place).status).toBe(0);
  });
});

describe("export", () => {
  test("without an archive is exit 1 that says what to do; an empty one is an empty export", () => {
    using place = scratch();
    expect(runExport(place)).toMatchObject({ status: 1, stdout: "", stderr: expect.stringContaining("weir sync") });
    expect(runSync(place).status).toBe(0);
    expect(runExport(place)).toMatchObject({ status: 0, stdout: "", stderr: expect.stringContaining("still empty") });
    expect(runExport(place, ["--format", "csv"]).stdout.split("\r\n")).toHaveLength(2);
  });

  test("--all is everything archived, of which what counts is a part", () => {
    using place = real();
    const all = exported(place, "--all").map((record) => JSON.stringify(record));
    const counting = exported(place).map((record) => JSON.stringify(record));
    expect(counting.filter((line) => !all.includes(line))).toEqual([]);
    expect(all.length).toBeGreaterThan(counting.length);
    const folder = join(place.data, "archive");
    const segments = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
    expect(all.map((line) => `${line}\n`).join("")).toBe(segments.join(""));
  });

  test("counts each fact once", () => {
    using place = real();
    const facts = exported(place).map(({ operation, fact }) => `${operation} ${fact}`);
    expect(new Set(facts).size).toBe(facts.length);
  });

  test("csv parses, has a row a record, and says what jsonl says", () => {
    using place = real();
    const records = exported(place);
    const [header, ...rows] = parseCsv(runExport(place, ["--format", "csv"]).stdout);
    expect(rows).toHaveLength(records.length);
    for (const [at, row] of rows.entries()) {
      const cells = Object.fromEntries(header!.map((name, column) => [name, row[column]]));
      expect(row).toHaveLength(header!.length);
      expect(cells).toEqual(cellsOf(records[at]!, header!));
    }
  });

  test("each filter keeps what it names and nothing else; together they keep what all of them keep", () => {
    using place = real();
    const all = exported(place);
    const session = all.find((record) => record.operation === "execute_tool")?.session_id ?? "";
    const models = [...new Set(all.flatMap((record) => record.model ?? []))];
    const times = all.flatMap((record) => record.time ?? []).sort();
    const middle = times[times.length >> 1]!;
    const filters: readonly [string[], (record: WeirRecord) => boolean][] = [
      [["--session", session], (r) => r.session_id === session],
      [["--agent", "claude-code"], () => true],
      [["--operation", "chat,execute_tool"], (r) => r.operation === "chat" || r.operation === "execute_tool"],
      [["--model", models[0]!], (r) => r.model === models[0]],
      [["--model", models[0]!, "--model", models[1]!], (r) => r.model === models[0] || r.model === models[1]],
      [["--since", middle], (r) => (r.time ?? "") >= middle],
      [["--until", middle], (r) => r.time !== undefined && r.time < middle],
      [["--since", "2026-11-21", "--until", "2026-11-22"], (r) => (r.time ?? "").startsWith("2026-11-21")],
      [["--session", session, "--operation", "chat"], (r) => r.session_id === session && r.operation === "chat"],
      [["--session", "nobody"], () => false],
    ];
    for (const [args, keeps] of filters) {
      expect({ args, records: exported(place, ...args) }).toEqual({ args, records: all.filter(keeps) });
    }
    expect(all.filter(filters[0]![1]).length).toBeGreaterThan(0);
    expect(all.filter(filters[5]![1]).length + all.filter(filters[6]![1]).length).toBe(all.length);
  });

  test("says so where nothing fits the filters, and that names are whole", () => {
    using place = real();
    const { stderr, ...run } = runExport(place, ["--model", "claude"]);
    expect(run).toMatchObject({ status: 0, stdout: "" });
    expect(stderr).toBe("no record fits the filters; --session and --model take whole names\n");
    expect(runExport(place, ["--format", "text", "--until", "2001-01-01"]).stderr).toBe("no record fits the filters\n");
    expect(runExport(place, ["--quiet", "--model", "claude"]).stderr).toBe("");
  });

  test("is the same in every run, byte for byte", () => {
    using place = real();
    expect(runExport(place).stdout).toBe(runExport(place).stdout);
  });
});

describe("what nobody declared is refused with exit 2, and nothing is done", () => {
  test("no command at all is answered with what there is, on stderr", () => {
    const run = weir([]);
    expect(run).toMatchObject({ status: 2, stdout: "" });
    for (const { name } of commands) expect(run.stderr).toMatch(new RegExp(`^ {2}${name} +[A-Z]`, "m"));
    expect(run.stderr).toContain("weir COMMAND --help");
  });

  const refused: readonly string[][] = [
    ["frobnicate"],
    ["--frobnicate"],
    ["sync", "--frobnicate"],
    ["sync", "extra"],
    ["sync", "--dry-run=yes"],
    ["sync", "--agent", "nobody"],
    ["sync", "--stream", "nothing"],
    ["sync", "--source", "claude-code"],
    ["sync", "--source", "pi:transcript=old.jsonl", "--agent", "codex"],
    ["scan", "--source", "copilot-vscode:otel_file=old.jsonl", "--stream", "otel_traces"],
    ["scan", "--frobnicate"],
    ["scan", "-qv"],
    ["export", "--format", "xml"],
    ["export", "--since", "yesterday"],
    ["export", "--since", "2026-02-30"],
    ["export", "--until", "2026-02-30T08:00Z"],
    ["sync", "--agent", "pi", "--stream", "wire"],
    ["export", "--since", "2026-11-02", "--until", "2026-11-01"],
    ["export", "--format", "csv", "--content"],
    ["export", "--agent", "nobody"],
    ["export", "--operation", "sing"],
    ["export", "--output"],
    ["schema", "--frobnicate"],
    ["completions", "bash", "--json"],
  ];
  for (const args of refused) {
    test(`weir ${args.join(" ")}`, () => {
      using place = small();
      const folders = ["scan", "sync"].includes(args[0] ?? "")
        ? ["--home", place.home, "--data-dir", place.data]
        : args[0] === "export"
          ? ["--data-dir", place.data]
          : [];
      const [command = "", ...rest] = args;
      const run = weir([command, ...folders, ...rest]);
      expect(run).toMatchObject({ status: 2, stdout: "" });
      expect(run.stderr).toMatch(/^error: .+\n {2}\S.+\n$/);
      expect(existsSync(place.data)).toBe(false);
    });
  }
});

/** RFC 4180, read by a parser of its own. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let at = 0;
  while (at < text.length) {
    let cell = "";
    if (text[at] === '"') {
      for (at++; !(text[at] === '"' && text[at + 1] !== '"'); at++) {
        if (text[at] === '"') at++;
        cell += text[at];
      }
      at++;
    } else while (at < text.length && text[at] !== "," && text[at] !== "\r") cell += text[at++];
    row.push(cell);
    if (text[at] === ",") at++;
    else {
      expect(text.slice(at, at + 2)).toBe("\r\n");
      at += 2;
      rows.push(row);
      row = [];
    }
  }
  return rows;
}

/** A record's cells as the columns' names ask for them. */
function cellsOf(record: WeirRecord, columns: readonly string[]): Record<string, string> {
  const { usage, tool, subagent } = record;
  const apart: Readonly<Record<string, unknown>> = {
    ...usage,
    tool_name: tool?.name,
    tool_call_id: tool?.call_id,
    subagent_id: subagent?.id,
    subagent_name: subagent?.name,
    finish_reasons: record.finish_reasons?.join(" "),
  };
  const plain = record as unknown as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    columns.map((name) => {
      const text = String(apart[name] ?? (name === "finish_reasons" ? "" : plain[name]) ?? "");
      return [name, /^[=+\-@\t\r\n]/.test(text) && typeof plain[name] !== "number" ? `'${text}` : text];
    }),
  );
}
