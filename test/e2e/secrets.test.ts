/** Proves on the built program that planted secrets come into no archive, state, message, output or export, at any level. */
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { type FixtureHome, fixtureHomes } from "../support/fixtures.ts";
import { bytesBelow, type Scratch, scratch } from "../support/home.ts";
import { random, SEED } from "../support/random.ts";
import { runExport, runSync } from "../support/runs.ts";
import { KIND_NAMES, type Planted, planted } from "../support/secrets.ts";
import { weir } from "../support/weir.ts";

const LEVELS = ["metadata", "content", "raw"] as const;
const FORMATS = ["jsonl", "csv", "parquet", "otlp-json", "text"] as const;
/** Stands beside every secret: what nobody may find in an archive of metadata. */
const CANARY = "canary-of-a-text";

/** Two of every kind. */
const SECRETS: readonly Planted[] = KIND_NAMES.flatMap((kind, at) =>
  [0, 1].map((n) => planted(kind, random(SEED + 2 * at + n))),
);
const WHOLE = SECRETS.map(({ text }) => `${CANARY} ${text}`).join("\n");

/** Texts that somebody wrote; a single word may be a name as well. */
const textsIn = ({ markers }: FixtureHome): string[] => markers.filter((marker) => marker.includes(" "));

/** Puts the secrets behind every text that somebody wrote, in all files of a home that a reader can understand. */
function plant(fixture: FixtureHome, home: string): void {
  const markers = textsIn(fixture);
  for (const name of readdirSync(home, { recursive: true, encoding: "utf8" })) {
    const path = join(home, name);
    if (!statSync(path, { throwIfNoEntry: false })?.isFile()) continue; // a database's log goes when it is closed
    if (/\.(?:db|sqlite3?|vscdb)$/.test(name)) plantInDatabase(path, markers);
    else if (/\.(?:jsonl?|log|json\.\w+)$/.test(name)) plantInText(path, markers);
  }
}

const inJson = (text: string): string => JSON.stringify(text).slice(1, -1);

function plantInText(path: string, markers: readonly string[]): void {
  const text = readFileSync(path, "utf8");
  const more = markers.reduce((all, marker) => all.replaceAll(inJson(marker), inJson(`${marker}\n${WHOLE}\n`)), text);
  if (more !== text) writeFileSync(path, more);
}

function plantInDatabase(path: string, markers: readonly string[]): void {
  using db = new Database(path);
  const tables = db
    .query(
      `SELECT name FROM sqlite_schema t WHERE type = 'table' AND rootpage > 0 AND NOT EXISTS (
        SELECT 1 FROM sqlite_schema v WHERE v.sql LIKE 'CREATE VIRTUAL%' AND t.name LIKE v.name || '%')`,
    )
    .values() as [string][];
  for (const [table] of tables) {
    const columns = db.query("SELECT name FROM pragma_table_xinfo(?1) WHERE hidden = 0 AND pk = 0").values(table);
    for (const [column] of columns as [string][]) {
      const set = db.query(
        `UPDATE "${table}" SET "${column}" = replace("${column}", ?1, ?2) WHERE typeof("${column}") = 'text'`,
      );
      for (const marker of markers) set.run(inJson(marker), inJson(`${marker}\n${WHOLE}\n`));
    }
  }
}

/** Which secrets stand in these bytes, in their own form or as JSON writes them; by their kinds, never themselves. */
function found(bytes: Buffer | string): string[] {
  return SECRETS.filter(({ secret }) => bytes.includes(secret) || bytes.includes(inJson(secret))).map(
    ({ kind }) => kind,
  );
}

/** All that a data folder holds: its files' bytes, and the state's values whole. */
function heldIn(data: string): Buffer {
  using db = new Database(join(data, "state.db"), { readonly: true });
  const tables = db.query("SELECT name FROM sqlite_schema WHERE type = 'table'").values() as [string][];
  const values = tables.flatMap(([table]) => db.query(`SELECT * FROM "${table}"`).values().flat());
  const whole = values.map((value) => (value instanceof Uint8Array ? Buffer.from(value) : Buffer.from(String(value))));
  return Buffer.concat([bytesBelow(data), ...whole]);
}

/** What an export says; of a compressed format what is in it. */
async function exportedText(data: string, format: string, ...args: string[]): Promise<string> {
  if (format !== "parquet") return runExport({ ...place, data }, ["--format", format, ...args]).stdout;
  const file = join(place.root, "all.parquet");
  expect(runExport({ ...place, data }, ["--format", format, "-o", file, ...args]).status).toBe(0);
  const rows = await parquetReadObjects({ file: await asyncBufferFromFile(file) });
  return JSON.stringify(rows, (_, value) => (typeof value === "bigint" ? `${value}` : value));
}

let place: Scratch;
let homes: readonly string[];
beforeAll(() => {
  place = scratch();
  homes = fixtureHomes.map((fixture, at) => {
    const home = join(place.root, `home-${at}`);
    cpSync(fixture.path, home, { recursive: true });
    plant(fixture, home);
    return home;
  });
});
afterAll(() => place[Symbol.dispose]());

test("more than 60 secrets of more than 20 kinds are planted in the homes of all agents", () => {
  expect(SECRETS.length).toBeGreaterThan(60);
  expect(new Set(SECRETS.map(({ kind }) => kind)).size).toBeGreaterThan(20);
  for (const home of homes.filter((_, at) => textsIn(fixtureHomes[at]!).length > 0)) {
    const bytes = bytesBelow(home);
    // A database may break a long text, and a secret in it, over its pages.
    expect(found(bytes).length).toBeGreaterThan(SECRETS.length - 5);
    expect(bytes.includes(CANARY)).toBe(true);
  }
});

describe.each(LEVELS)("at level %s", (level) => {
  const data = (): string => join(place.root, `data-${level}`);
  const sync = (...args: string[]) =>
    weir(["sync", ...homes.flatMap((home) => ["--home", home]), "--data-dir", data(), "--capture", level, ...args]);

  test("no secret comes into archive, state or any output", () => {
    const { status, stdout, stderr } = sync("--print", "--verbose", "--debug");
    expect(stderr).toContain("archived");
    expect([0, 3]).toContain(status!);
    expect(found(stdout + stderr)).toEqual([]);
    const held = heldIn(data());
    expect(found(held)).toEqual([]);
    if (level === "metadata") {
      expect(held.includes(CANARY)).toBe(false);
      expect((stdout + stderr).includes(CANARY)).toBe(false);
    } else {
      expect(held.includes(CANARY)).toBe(true);
      expect(held.includes("[redacted:")).toBe(true);
      expect(stderr).toContain("secrets taken out of texts: ");
    }
  });

  test("nor into what a second run says, or a recapture", () => {
    const args = level === "metadata" ? [] : ["--recapture"];
    const { stdout, stderr } = sync("--json", "--verbose", ...args);
    expect(found(stdout + stderr)).toEqual([]);
    expect(found(heldIn(data()))).toEqual([]);
    if (level !== "metadata") expect(Object.keys(JSON.parse(stdout).redacted).length).toBeGreaterThan(8);
  });

  for (const format of FORMATS)
    test(`nor into an export as ${format}, which has texts only with --content`, async () => {
      const bare = await exportedText(data(), format);
      expect(bare.length).toBeGreaterThan(100);
      expect(bare.includes(CANARY)).toBe(false);
      // Tables of plain text and trees have no place for texts.
      if (format === "csv" || format === "text") return;
      const withTexts = await exportedText(data(), format, "--content");
      expect(found(withTexts)).toEqual([]);
      expect(withTexts.includes(CANARY)).toBe(level !== "metadata");
    });
});

test("secrets in names, folders, branches, addresses, ids of types and errors are taken out of metadata, too", () => {
  using other = scratch();
  for (const { text } of SECRETS) {
    const branch = inJson(text);
    const n = other.home.length + SECRETS.findIndex((one) => one.text === text);
    other.write(
      `.claude/projects/-home-dev-app/${n}.jsonl`,
      `{"type":"assistant","uuid":"u${n}","sessionId":"s${n}","version":"2.1.0","cwd":"/home/dev/${branch}","gitBranch":"${branch}","timestamp":"2026-11-21T05:20:43.070Z","message":{"id":"msg_${n}","role":"assistant","model":"m","content":[{"type":"tool_use","id":"toolu_${n}","name":"${branch}","input":{}}],"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":1}}}\n`,
    );
    other.write(
      `.codex/sessions/2026/11/21/rollout-2026-11-21T05-20-43-01a1fc8c-b805-75b3-9367-${String(n).padStart(12, "0")}.jsonl`,
      `{"timestamp":"2026-11-21T05:20:43.070Z","type":"session_meta","payload":{"id":"01a1fc8c-b805-75b3-9367-${String(n).padStart(12, "0")}","timestamp":"2026-11-21T05:20:43.032Z","cwd":"/home/dev/app","originator":"codex_cli","cli_version":"0.1.0","git":{"branch":"${branch}","repository_url":"${branch}"}}}\n{"timestamp":"2026-11-21T05:20:44.070Z","type":"${branch}","payload":{"type":"${branch}"}}\n`,
    );
    other.write(
      `.pi/agent/sessions/--app--/2026-11-21T05-22-27-254Z_${n}.jsonl`,
      `{"type":"session","version":3,"id":"${n}","timestamp":"2026-11-21T05:22:27.254Z","cwd":"/srv/${branch}"}\n{"type":"${branch}","id":"x","timestamp":"2026-11-21T05:22:28.254Z"}\n{"type":"message","id":"y","timestamp":"2026-11-21T05:22:28.254Z","message":{"role":"assistant","content":[{"type":"toolCall","id":"call_1","name":"${branch}","arguments":{}}],"api":"${branch}","provider":"p","model":"m","usage":{"input":1,"output":1},"stopReason":"${branch}","timestamp":1795238547483}}\n`,
    );
  }
  const { stdout, stderr } = runSync(other, ["--print", "--verbose"]);
  const { records } = JSON.parse(runSync(other, ["--json"]).stdout);
  expect(records).toMatchObject({ added: 0 });
  expect(found(stdout + stderr)).toEqual([]);
  expect(found(heldIn(other.data))).toEqual([]);
});
