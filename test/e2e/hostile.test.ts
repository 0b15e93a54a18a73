/** Proves that neither names, nor links, nor the folder weir runs in, nor other programs' files can make it do a thing. */
import { describe, expect, test } from "bun:test";
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { callLine, callLines, callNumbers, sessionPath } from "../support/claude.ts";
import { chat, openTraces } from "../support/copilot.ts";
import { bytesBelow, listing, scratch } from "../support/home.ts";
import { exported, runExport, runSync, summaryOf } from "../support/runs.ts";
import { measured, weir } from "../support/weir.ts";

/** Colours, a window title, text written backwards, invisible and C1 characters, a line break. */
const EVIL = "\u{1b}[31m\u{1b}]0;pwned\u{7}\u{202e}gpj\u{200b}\u{9b}2J\nerror: forged";
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not come out
const CONTROLS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b\u202e]/;
/** What a terminal or an old parser takes for more than text inside JSON. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not come out
const UNSAFE_IN_JSON = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]/;

describe("control characters in names are shown, not obeyed", () => {
  test("in the path of a source, in warnings and tables", () => {
    using place = scratch();
    place.write(`.claude/projects/${EVIL}/${EVIL}.jsonl`, `${callLine(1, "s1")}garbage\n`);
    const sync = runSync(place, ["--verbose"]);
    expect(sync.status).toBe(3);
    expect(sync.stderr).toContain("\\u{1b}");
    expect(sync.stderr).not.toMatch(CONTROLS);
    expect(sync.stderr).not.toMatch(/^error: forged/m);
    const scan = weir(["scan", "--verbose", "--home", place.home, "--data-dir", place.data]);
    expect(scan.status).toBe(0);
    expect(scan.stdout).toContain("\\u{1b}");
    expect(scan.stdout + scan.stderr).not.toMatch(CONTROLS);
    expect(scan.stdout).not.toMatch(/^error: forged/m);
  });

  test("in arguments and folders that an error quotes", () => {
    using place = scratch();
    for (const run of [
      weir(["export", `--${EVIL}`, "--data-dir", place.data]),
      weir(["export", "--agent", EVIL, "--data-dir", place.data]),
      weir(["export", "--since", EVIL, "--data-dir", place.data]),
      weir(["export", "--data-dir", join(place.root, EVIL)]),
      weir([EVIL]),
    ]) {
      expect(run.status).toBeOneOf([1, 2]);
      expect(run.stderr).not.toMatch(CONTROLS);
      expect(run.stderr).not.toMatch(/^error: forged/m);
    }
  });

  test("in ids and models, as text in JSON and CSV; a formula is none in a spreadsheet", () => {
    using place = scratch();
    const evil = JSON.parse(callLine(1, `=cmd|'/c calc'!A1${EVIL}`));
    evil.message.model = `@SUM(1)${EVIL}`;
    evil.cwd = `/home/dev/${EVIL}`;
    place.write(sessionPath("s1"), `${JSON.stringify(evil)}\n`);
    expect(runSync(place).status).toBe(0);
    expect(runExport(place).stdout).not.toMatch(UNSAFE_IN_JSON);
    expect(bytesBelow(join(place.data, "archive")).toString()).not.toMatch(UNSAFE_IN_JSON);
    expect(exported(place, "--operation", "chat")).toMatchObject([{ model: evil.message.model }]);
    const csv = runExport(place, ["--format", "csv"]).stdout;
    expect(csv).not.toMatch(/(?:^|,)"?[=@]/m);
    expect(csv).toContain("'@SUM(1)");
  });
});

describe("control characters, wherever weir shows somebody else's words", () => {
  test("in spans as text, names of foreign files, damaged lines, unknown types and tables of a database", () => {
    using place = scratch();
    const line = JSON.parse(callLine(1, `s1${EVIL}`));
    line.message.content.push({ type: "tool_use", id: "toolu_1", name: `Bash${EVIL}`, input: {} });
    line.gitBranch = `main${EVIL}`;
    const unknown = { ...line, type: `type${EVIL}`, uuid: "2" };
    place.write(
      sessionPath("s1"),
      `${JSON.stringify(line)}\n${JSON.stringify(unknown)}\n{"type":"assistant",${EVIL}\n`,
    );
    using traces = openTraces(place);
    traces.run(`CREATE TABLE "evil${EVIL}" (x)`).run("DROP TABLE spans");
    const where = ["--data-dir", place.data];
    const expectShown = (args: readonly string[], statuses: readonly number[]): void => {
      const { status, stdout, stderr } = weir([...args, ...where]);
      const controls = CONTROLS.exec(stdout + stderr)?.[0];
      expect({ args, controls, isMeant: statuses.includes(status ?? -1), stderr }).toMatchObject({
        args,
        controls: undefined,
        isMeant: true,
      });
      expect(stdout + stderr).not.toMatch(/^error: forged/m);
      expect(stdout + stderr).toMatch(/\\u\{?0*(?:1b|202e)/);
    };
    const sync = ["sync", "--home", place.home];
    expectShown([...sync, "--verbose", "--debug"], [3]);
    rmSync(place.data, { recursive: true });
    expectShown([...sync, "--json"], [3]);
    expectShown(["export", "--format", "text"], [0]);
    const folder = join(place.data, "archive");
    writeFileSync(join(folder, `notes${EVIL}`), "x");
    for (const more of [["--verbose"], ["--json"]]) {
      expectShown(["verify", ...more], [0]);
      expectShown(["prune", "--max-size", "4KiB", ...more], [0]);
    }
    writeFileSync(join(folder, "weir-2026-11-20-ffffffff.jsonl"), `{"v":1,"id":"${EVIL}\n${EVIL}\n`);
    expectShown(["verify", "--json"], [5]);
    expectShown(["verify"], [5]);
  });
});

test("times that no calendar has stop no export and damage no archive: the facts come without them", () => {
  using place = scratch();
  const times = ["2026-13-45T99:99:99Z", "0001-01-01T00:00:00Z", "2026-11-21T23:59:60Z", "2026-11-21T24:00:00Z"];
  const lines = times.map((timestamp, n) => JSON.stringify({ ...JSON.parse(callLine(n + 1, "s1")), timestamp }));
  place.write(sessionPath("s1"), `${callLine(0, "s1")}${lines.join("\n")}\n`);
  expect(runSync(place).status).toBe(0);
  expect(weir(["verify", "--data-dir", place.data]).status).toBe(0);
  for (const format of ["otlp-json", "parquet", "csv", "text"])
    expect(runExport(place, ["--format", format, "-o", join(place.root, format)])).toMatchObject({ status: 0 });
  expect(callNumbers(exported(place, "--operation", "chat"))).toEqual([0, 1, 2, 3, 4]);
});

test("no cell of any column is a formula in a spreadsheet, whatever it begins with", () => {
  using place = scratch();
  const starts = ["=", "+", "-", "@", "\t=", "\r=", "\n=", "＝", "＋", "－", "＠", '"=', "|", "%"];
  const lines = starts.map((start, n) => {
    const line = JSON.parse(callLine(n + 1, `${start}cmd|'/c calc'!A${n}`));
    line.message.model = `${start}SUM(1)`;
    line.cwd = `${start}HYPERLINK("http://x")`;
    line.gitBranch = `${start}1+1`;
    line.version = `${start}2`;
    line.message.stop_reason = `${start}IMPORTXML(1)`;
    line.message.content.push({ type: "tool_use", id: `${start}id${n}`, name: `${start}tool`, input: {} });
    return JSON.stringify(line);
  });
  place.write(sessionPath("s1"), `${lines.join("\n")}\n`);
  expect(runSync(place).status).toBe(0);
  const text = runExport(place, ["--format", "csv", "--all"]).stdout;
  // Each cell as a spreadsheet sees it: quotes taken off, doubled ones made single.
  const cells = [...text.matchAll(/(?<=^|,|\r\n)(?:"((?:[^"]|"")*)"|([^",\r\n]*))(?=,|\r\n|$)/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? "",
  );
  expect(cells.length).toBeGreaterThan(starts.length * 10);
  expect(cells.filter((cell) => /^[=+\-@\t\r\n＝＋－＠]/.test(cell) && !/^-?\d+(?:\.\d+)?$/.test(cell))).toEqual([]);
  expect(text).toContain("'=SUM(1)");
});

describe("a database that was made to hold its readers up", () => {
  const ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT";
  const SPAN =
    "printf('%016x', x) AS span_id, printf('%032x', x) AS trace_id, NULL AS parent_span_id, 'x' AS name, x AS start_time_ms, x AS end_time_ms, 0 AS status_code";
  const REST =
    "NULL AS status_message, 'chat' AS operation_name, NULL AS provider_name, NULL AS agent_name, NULL AS conversation_id, 'm' AS request_model, NULL AS response_model, 1 AS input_tokens, 1 AS output_tokens, NULL AS cached_tokens, NULL AS reasoning_tokens, NULL AS tool_name, NULL AS tool_call_id, NULL AS tool_type, NULL AS chat_session_id, NULL AS turn_index, NULL AS ttft_ms";
  const traps: Readonly<Record<string, readonly string[]>> = {
    "a view of spans that never ends": ["DROP TABLE spans", `CREATE VIEW spans AS ${ENDLESS} ${SPAN}, ${REST} FROM n`],
    "a view of their attributes that never ends": [
      "DROP TABLE span_attributes",
      `CREATE VIEW span_attributes AS ${ENDLESS} printf('%016x', 1) AS span_id, 'k' || x AS key, 'v' AS value FROM n`,
    ],
    "a view of their events that never ends": [
      "DROP TABLE span_events",
      `CREATE VIEW span_events AS ${ENDLESS} x AS id, printf('%016x', 1) AS span_id, 'e' AS name, 1 AS timestamp_ms, '{}' AS attributes FROM n`,
    ],
    "a column that is computed for ever": [
      "ALTER TABLE spans RENAME TO old",
      "CREATE TABLE spans AS SELECT * FROM old",
      "ALTER TABLE spans ADD COLUMN extra TEXT GENERATED ALWAYS AS (printf('%.*c', 1000000000, 'x')) VIRTUAL",
    ],
    "a virtual table in their place": [
      "DROP TABLE spans",
      "CREATE VIRTUAL TABLE spans USING fts5(span_id, trace_id, name, start_time_ms, end_time_ms)",
    ],
  };
  for (const [name, trap] of Object.entries(traps))
    test(`${name}: it ends within seconds, at little memory, and the others are read`, () => {
      using place = scratch();
      place.write(sessionPath("s1"), callLines(1, 4, "s1"));
      {
        using traces = openTraces(place);
        traces.put({ id: "0000000000000001", attributes: chat(7, 1) });
        for (const sql of trap) traces.run(sql);
      }
      const before = performance.now();
      const run = runSync(place, [], { through: measured, timeoutMs: 30_000 });
      expect(run.status).toBeOneOf([0, 3]);
      expect(performance.now() - before).toBeLessThan(10_000);
      expect(Number(run.stderr.trim().split("\n").at(-1))).toBeLessThan(160 << 20);
      expect(callNumbers(exported(place, "--agent", "claude-code"))).toEqual([1, 2, 3]);
    });
});

test("an id that is a path leads nowhere: the archive's names hold no foreign text", () => {
  using place = scratch();
  place.write(sessionPath("s1"), callLine(1, "../../../../outside/evil"));
  expect(runSync(place).status).toBe(0);
  expect(readdirSync(place.root).sort()).toEqual(["data", "home"]);
  expect(readdirSync(join(place.data, "archive")).join()).toMatch(/^weir-\d{4}-\d\d-\d\d-[0-9a-f]{8}\.jsonl$/);
});

test("keys that belong to a prototype change nothing", () => {
  using place = scratch();
  const line = callLine(1, "s1").replace("{", '{"__proto__":{"operation":"evil","isSidechain":true},"constructor":1,');
  place.write(sessionPath("s1"), `${line}${callLine(2, "s1")}`);
  expect(runSync(place).status).toBe(0);
  expect(callNumbers(exported(place))).toEqual([1, 2]);
  expect(exported(place).filter((record) => record.operation === ("evil" as string))).toEqual([]);
});

describe("links in an agent's folder", () => {
  test("to a secret file, to a folder outside and in a circle: none is read, the rest is", () => {
    using place = scratch();
    const outside = join(place.root, "outside");
    mkdirSync(outside);
    const secret = join(outside, "secret.jsonl");
    writeFileSync(secret, callLines(100, 103, "secret"));
    const folder = dirname(place.write(sessionPath("s1"), callLine(1, "s1")));
    symlinkSync(secret, join(folder, "leaf.jsonl"));
    symlinkSync(outside, join(dirname(folder), "folder"));
    symlinkSync("..", join(folder, "circle"));
    symlinkSync(secret, join(folder, "s1.meta.json"));
    const before = listing(place.root);
    const { status, sources } = summaryOf(place);
    expect({ status, found: sources.found }).toEqual({ status: 0, found: 1 });
    expect(callNumbers(exported(place))).toEqual([1]);
    expect(bytesBelow(place.data).includes("secret")).toBe(false);
    expect(listing(place.root).filter((line) => !line.startsWith("data"))).toEqual(before);
  });

  test("a second name of the same file is the same source", () => {
    using place = scratch();
    const path = place.write(sessionPath("s1"), callLines(1, 4, "s1"));
    linkSync(path, join(dirname(path), "a-second-name.jsonl"));
    expect(summaryOf(place)).toMatchObject({ status: 0, sources: { found: 1 } });
    expect(callNumbers(exported(place, "--all"))).toEqual([1, 2, 3]);
  });
});

describe("the folder weir runs in", () => {
  test("its .env, bunfig.toml, package.json, tsconfig.json and modules have no effect", () => {
    using place = scratch();
    place.write(sessionPath("s1"), callLines(1, 4, "s1"));
    const cwd = join(place.root, "hostile");
    const mark = join(place.root, "was-here");
    const evil = `require("node:fs").writeFileSync(${JSON.stringify(mark)}, "");`;
    const files: Readonly<Record<string, string>> = {
      ".env": `FORCE_COLOR=3\nBUN_CONFIG_VERBOSE_FETCH=1\nWEIR_DATA_DIR=${mark}\nXDG_DATA_HOME=${mark}\n`,
      ".env.local": "FORCE_COLOR=3\n",
      ".env.production": "FORCE_COLOR=3\n",
      "bunfig.toml": 'preload = ["./evil.ts"]\n[run]\npreload = ["./evil.ts"]\n[test]\npreload = ["./evil.ts"]\n',
      "evil.ts": evil,
      "package.json": '{"name":"weir","main":"evil.ts","imports":{"*":"./evil.ts"},"scripts":{"preinstall":"touch x"}}',
      "tsconfig.json": '{"compilerOptions":{"paths":{"*":["./evil.ts"]}},"extends":"./evil.json"}',
      "node_modules/valibot/index.js": evil,
      "node_modules/@valibot/to-json-schema/index.js": evil,
      "weir.toml": "data_dir = 'elsewhere'\n",
      "config.toml": "data_dir = 'elsewhere'\n",
      ".weir.toml": "data_dir = 'elsewhere'\n",
    };
    for (const [name, text] of Object.entries(files)) place.write(join("../hostile", name), text);
    const before = listing(cwd);
    const { home, data } = place;
    for (const args of [
      ["--version"],
      ["--help"],
      ["schema"],
      ["scan", "--home", home, "--data-dir", data],
      ["sync", "--home", home, "--data-dir", data],
      ["export", "--data-dir", data],
    ]) {
      const run = weir(args, { cwd });
      expect({ args, status: run.status }).toEqual({ args, status: 0 });
      expect(run.stdout + run.stderr).not.toContain("\u{1b}");
    }
    expect(existsSync(mark)).toBe(false);
    expect(listing(cwd)).toEqual(before);
    expect(callNumbers(exported(place))).toEqual([1, 2, 3]);
    const coloured = weir(["scan", "--home", home, "--data-dir", data], { cwd, env: { FORCE_COLOR: "3" } });
    expect(coloured.stdout).toContain("\u{1b}"); // so the variable would have been seen
  });
});

test("a home that is another program's data is only read: nothing in it is made, changed or touched", () => {
  using place = scratch();
  place.copyFixture("claude-code");
  const before = listing(place.home);
  for (let round = 0; round < 2; round++) expect(runSync(place).status).toBe(0);
  expect(weir(["scan", "--home", place.home, "--data-dir", place.data]).status).toBe(0);
  expect(listing(place.home)).toEqual(before);
});

test("an archive that somebody else's segments lie in: they are exported, and never written, cut or removed", () => {
  using place = scratch();
  place.write(sessionPath("s1"), callLines(1, 4, "s1"));
  expect(runSync(place).status).toBe(0);
  const folder = join(place.data, "archive");
  const [own] = readdirSync(folder);
  const other = readFileSync(join(folder, own!), "utf8").replaceAll(
    /"host":"[0-9a-f]{16}"/g,
    '"host":"ffffffffffffffff"',
  );
  const foreign: Readonly<Record<string, string>> = {
    "weir-2026-11-20-ffffffff.jsonl": `${other}{"torn":`,
    "notes.txt": "mine",
    "weir-2026-11-20-ffffffff.jsonl.bak": "x",
    "weir-latest.jsonl": "x",
  };
  for (const [name, text] of Object.entries(foreign)) writeFileSync(join(folder, name), text);
  place.write(sessionPath("s2"), callLines(10, 12, "s2"));
  expect(runSync(place).status).toBe(0);
  for (const [name, text] of Object.entries(foreign)) expect(readFileSync(join(folder, name), "utf8")).toBe(text);
  expect(callNumbers(exported(place))).toEqual([1, 2, 3, 10, 11]);
  expect(callNumbers(exported(place, "--all"))).toEqual([1, 1, 2, 2, 3, 3, 10, 11]);
});
