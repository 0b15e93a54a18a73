/** Proves what `weir export` writes into files: OTLP files for each signal, Parquet, compression, and what `--json` says of them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import type { WeirRecord } from "../../src/record/schema.ts";
import { callLines, sessionPath } from "../support/claude.ts";
import { type Scratch, scratch } from "../support/home.ts";
import { jsonSpans } from "../support/otlp.ts";
import { exported, runExport, runSync, smallDisk } from "../support/runs.ts";

let place: Scratch;
beforeAll(() => {
  place = scratch();
  for (const agent of ["claude-code", "codex", "pi"]) place.copyFixture(agent);
  runSync(place);
});
afterAll(() => place[Symbol.dispose]());

const at = (name: string): string => join(place.root, name);

describe("otlp-json", () => {
  test("is a file for each signal, one message a line", () => {
    const { status, stderr } = runExport(place, ["--format", "otlp-json", "-o", at("all.json")]);
    expect(status).toBe(0);
    const lines = (signal: string): string[] =>
      readFileSync(at(`all.${signal}.json`), "utf8")
        .trimEnd()
        .split("\n");
    const spans = lines("traces").flatMap((line) => jsonSpans(line));
    expect(stderr).toContain(`wrote ${spans.length} spans to ${at("all.traces.json")}, `);
    expect(new Set(spans.map((span) => span.spanId)).size).toBe(spans.length);
    for (const line of lines("metrics")) expect(JSON.parse(line).resourceMetrics).toHaveLength(1);
    for (const line of lines("logs")) expect(JSON.parse(line).resourceLogs.length).toBeGreaterThan(0);
  });

  test("writes one signal to stdout, several only to files", () => {
    const { stdout } = runExport(place, ["--format", "otlp-json", "--signals", "logs"]);
    expect(JSON.parse(stdout.split("\n")[0]!).resourceLogs).toBeArray();
    expect(runExport(place, ["--format", "otlp-json", "--signals", "logs,traces"]).status).toBe(2);
  });

  test("has no line that the Collector's file receiver would cut", () => {
    using big = scratch({ fast: true });
    const text = "x".repeat(5000);
    big.write(sessionPath("s"), callLines(1, 1001, "s", text));
    runSync(big, ["--capture", "content"]);
    for (const signal of ["traces", "logs"]) {
      const { stdout } = runExport(big, ["--format", "otlp-json", "--signals", signal, "--content"]);
      const lines = stdout.trimEnd().split("\n");
      expect(lines.length).toBeGreaterThan(4);
      for (const line of lines) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(1_000_000);
      const told = lines.map((line) => line.split(text).length - 1).reduce((sum, n) => sum + n, 0);
      expect(told).toBe(1000);
    }
  });

  test("says the same again", () => {
    const once = runExport(place, ["--format", "otlp-json"]).stdout;
    expect(runExport(place, ["--format", "otlp-json"]).stdout).toBe(once);
  });

  test("holds what the filters leave, and nobody's words", () => {
    const { stdout } = runExport(place, ["--format", "otlp-json", "--agent", "codex", "--operation", "chat"]);
    const spans = stdout
      .trimEnd()
      .split("\n")
      .flatMap((line) => jsonSpans(line));
    expect(spans.length).toBeGreaterThan(0);
    expect(spans.every((s) => s.resource["service.name"] === "codex" && s.name.startsWith("chat"))).toBe(true);
  });
});

describe("parquet", () => {
  test("has typed columns with what the records hold", async () => {
    expect(runExport(place, ["--format", "parquet", "-o", at("all.parquet")]).status).toBe(0);
    const bytes = readFileSync(at("all.parquet"));
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
    const rows = (await parquetReadObjects({ file })) as Record<string, unknown>[];
    const records = exported(place);
    expect(rows).toHaveLength(records.length);
    for (const [n, record] of records.entries()) {
      const row = rows[n]!;
      expect(row.id).toBe(record.id);
      expect((row.time as Date | undefined)?.getTime()).toBe(
        record.time === undefined ? undefined : Date.parse(record.time),
      );
      expect(row.input_tokens === undefined || row.input_tokens === null ? undefined : Number(row.input_tokens)).toBe(
        record.usage?.input_tokens,
      );
      expect(row.finish_reasons ?? undefined).toEqual(record.finish_reasons);
      expect(JSON.parse((row.attributes as string | null) ?? "null") ?? undefined).toEqual(record.attributes);
    }
    const { schema } = parquetMetadata(file);
    expect(schema.find((c) => c.name === "input_tokens")?.type).toBe("INT64");
    expect(schema.find((c) => c.name === "time")?.logical_type).toMatchObject({ type: "TIMESTAMP" });
  });

  test("is written in groups, so that memory stays flat", () => {
    using big = scratch({ fast: true });
    big.write(sessionPath("s"), callLines(1, 25_001, "s"));
    runSync(big);
    const { status } = runExport(big, ["--format", "parquet", "-o", join(big.root, "x.parquet")]);
    expect(status).toBe(0);
    const bytes = readFileSync(join(big.root, "x.parquet"));
    const { row_groups } = parquetMetadata(
      bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer,
    );
    expect(row_groups.length).toBe(3);
  });
});

describe("--json", () => {
  const says = (...args: string[]): unknown => JSON.parse(runExport(place, ["--json", ...args]).stdout);

  test("says what was written into which file", () => {
    const about = { schema: "weir.export", version: 1 };
    const records = exported(place).length;
    const [jsonl, trees, otlp] = [at("said.jsonl"), at("said.txt"), at("said.json")];
    expect(says("-o", jsonl)).toEqual({ ...about, format: "jsonl", files: [jsonl], written: { records } });
    const shown = says("-o", trees, "--format", "text");
    const written = { trees: readFileSync(trees, "utf8").split("\n\n").length - 1 };
    expect(shown).toMatchObject({ files: [trees], written });
    const said = says("-o", otlp, "--format", "otlp-json") as { files: string[]; written: Record<string, number> };
    expect(said.files).toEqual(["traces", "metrics", "logs"].map((signal) => at(`said.${signal}.json`)));
    const spans = readFileSync(said.files[0]!, "utf8").trimEnd().split("\n").flatMap(jsonSpans);
    expect(said.written.traces).toBe(spans.length);
  });

  test("does not stand among what is no JSON", () => {
    for (const format of ["csv", "parquet", "text"])
      expect(runExport(place, ["--json", "--format", format]).status).toBe(2);
    expect(runExport(place, ["--json"]).stdout).toBe(runExport(place).stdout);
  });
});

describe("text", () => {
  test("shows sessions as trees", () => {
    const { stdout } = runExport(place, ["--format", "text", "--agent", "codex"]);
    expect(stdout).toMatch(/^codex {2}[0-9a-f-]{36} {2}~\/project-a\n└ invoke_agent codex/m);
    expect(stdout).toMatch(/│ └ invoke_agent Euler[^\n]*\n {2}│ {3}├ chat/);
    expect(stdout).not.toContain("\x1b");
  });
});

describe("compression", () => {
  for (const [how, unpack] of [
    ["gzip", ["gzip", "-dc"]],
    ["zstd", ["zstd", "-dc"]],
  ] as const)
    test(`${how} holds the same bytes, written in pieces`, () => {
      using big = scratch({ fast: true });
      big.write(sessionPath("s"), callLines(1, 4001, "s"));
      runSync(big);
      const plain = runExport(big).stdout;
      const path = join(big.root, `x.${how}`);
      expect(runExport(big, ["--compress", how, "-o", path]).status).toBe(0);
      if (!Bun.which(unpack[0])) return;
      expect(Bun.spawnSync([...unpack, path]).stdout.toString()).toBe(plain);
    });
});

describe("no half file", () => {
  test("is left when the disk is full", () => {
    using big = scratch({ fast: true });
    big.write(sessionPath("s"), callLines(1, 4001, "s"));
    runSync(big);
    const folder = join(big.root, "small");
    mkdirSync(folder);
    using disk = smallDisk(folder, 32);
    if (!disk) return; // not permitted here
    for (const format of ["jsonl", "parquet", "otlp-json", "text"]) {
      const { status } = runExport(big, ["--format", format, "-o", join(folder, "out")]);
      expect(status).toBe(4);
      expect(readdirSync(folder)).toEqual([]);
    }
  });

  test("is left when a signal comes late, and what stood there stays", () => {
    expect(runExport(place, ["--format", "otlp-json", "--agent", "nobody", "-o", at("never.json")]).status).toBe(2);
    expect(existsSync(at("never.traces.json"))).toBe(false);
  });
});

test("archives of several installations in one folder are read as one", () => {
  using other = scratch({ fast: true });
  using merged = scratch({ fast: true });
  for (const agent of ["gemini-cli", "codex"]) other.copyFixture(agent);
  runSync(other);
  const factOf = ({ operation, fact }: WeirRecord): string => `${operation} ${fact}`;
  const facts = new Set([...exported(place), ...exported(other)].map(factOf));
  mkdirSync(join(merged.data, "archive"), { recursive: true });
  for (const from of [place, other])
    for (const name of readdirSync(join(from.data, "archive")))
      Bun.spawnSync(["cp", join(from.data, "archive", name), join(merged.data, "archive", name)]);
  const both = exported(merged);
  expect(both).toHaveLength(facts.size);
  expect(new Set(both.map(factOf))).toEqual(facts);
  expect(new Set(both.map((r) => r.host)).size).toBe(2);
  const { stdout } = runExport(merged, ["--format", "otlp-json"]);
  const ids = stdout
    .trimEnd()
    .split("\n")
    .flatMap((line) => jsonSpans(line).map((span) => span.spanId));
  expect(new Set(ids).size).toBe(ids.length);
});
