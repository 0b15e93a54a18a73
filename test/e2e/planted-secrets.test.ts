/**
 * Proves that sixty secrets of twenty kinds, planted wherever agents keep words, never reach the archive, the state, any
 * output or any message, whatever is asked of weir; nor do the headers of a destination.
 */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { appendFileSync, cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { callLine, sessionPath } from "../support/claude.ts";
import { chat, openTraces } from "../support/copilot.ts";
import { fixtureHomes } from "../support/fixtures.ts";
import { bytesBelow, type Scratch, scratch } from "../support/home.ts";
import { receiver } from "../support/otlp.ts";
import { type Secret, secretsOf } from "../support/planted-secrets.ts";
import { random, SEED } from "../support/random.ts";
import { type RunResult, startWeir, weir } from "../support/weir.ts";

const secrets = secretsOf(random(SEED));

function expectNone(
  where: string,
  bytes: Buffer | string,
  cores: readonly string[] = secrets.map((s) => s.core),
): void {
  const text = Buffer.isBuffer(bytes) ? bytes.toString("latin1") : bytes;
  const found = cores
    .filter((core) => text.includes(core))
    .map((core) => text.slice(Math.max(0, text.indexOf(core) - 80), text.indexOf(core) + 20));
  expect({ where, found }).toEqual({ where, found: [] });
}

/** Puts a secret behind every occurrence of a text that is somebody's words, in a whole home. Returns how many. */
function plant(home: string, markers: readonly string[], next: () => Secret): number {
  let planted = 0;
  for (const name of readdirSync(home, { recursive: true, encoding: "utf8" })) {
    const path = join(home, name);
    if (/-(?:shm|wal|journal)$/.test(name) || !statSync(path).isFile()) continue;
    const bytes = readFileSync(path);
    if (bytes.subarray(0, 6).toString() === "SQLite") planted += plantInRows(path, markers, next);
    else {
      let text = bytes.toString("utf8");
      for (const marker of markers) {
        const written = JSON.stringify(marker).slice(1, -1);
        text = text.replaceAll(written, () => {
          planted++;
          return `${written} ${JSON.stringify(next().text).slice(1, -1)}`;
        });
      }
      writeFileSync(path, text);
    }
  }
  return planted;
}

function plantInRows(path: string, markers: readonly string[], next: () => Secret): number {
  using db = new Database(path);
  let planted = 0;
  const tables = db
    .query("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'")
    .values()
    .flat();
  for (const table of tables.map(String))
    for (const column of db.query("SELECT name FROM pragma_table_info(?)").values(table).flat().map(String))
      for (const marker of markers) {
        const written = JSON.stringify(marker).slice(1, -1);
        const secret = JSON.stringify(next().text).slice(1, -1);
        const update = `UPDATE "${table}" SET "${column}" = replace("${column}", ?1, ?1 || ' ' || ?2) WHERE typeof("${column}") = 'text' AND instr("${column}", ?1) > 0`;
        planted += db.query(update).run(written, secret).changes;
      }
  db.run("PRAGMA wal_checkpoint(TRUNCATE)");
  return planted;
}

/** Everything that is asked of an archive and its homes, with all that is said. */
function everythingAsked(place: Scratch, homes: readonly string[]): void {
  const where = ["--data-dir", place.data];
  const all = homes.flatMap((home) => ["--home", home]);
  const loud = ["--verbose", "--debug"];
  const asked: readonly (readonly string[])[] = [
    ["scan", ...all, ...where, ...loud],
    ["scan", ...all, ...where, "--json"],
    ["sync", ...all, ...where, ...loud, "--dry-run", "--print"],
    ["sync", ...all, ...where, ...loud, "--json"],
    ["sync", ...all, ...where, ...loud],
    ["verify", ...where, ...loud, "--json"],
    ["prune", "--max-size", "4KiB", "--dry-run", ...where, ...loud],
    ...["jsonl", "csv", "otlp-json", "text"].map((format) => ["export", "--format", format, ...where, ...loud]),
    ...["jsonl", "otlp-json"].map((format) => ["export", "--format", format, "--content", ...where, ...loud]),
    ["export", "--all", "--content", ...where, ...loud],
    ["export", "--to", "http://127.0.0.1:9", "--new", "--retry-for", "0s", ...where, ...loud],
  ];
  for (const args of asked) {
    const run = weir(args, { timeoutMs: 120_000 });
    if (![0, 3, 7].includes(run.status ?? -1)) throw new Error(`${args.join(" ")} exits ${run.status}: ${run.stderr}`);
    expectNone(`what ${args.join(" ")} says`, run.stdout + run.stderr);
  }
  expectNone("the data folder", bytesBelow(place.data));
}

describe("secrets", () => {
  test("there are sixty, of twenty kinds, each another", () => {
    expect(secrets).toHaveLength(60);
    expect(new Set(secrets.map(({ kind }) => kind)).size).toBe(20);
    expect(new Set(secrets.map(({ core }) => core)).size).toBe(60);
    expect(Math.min(...secrets.map(({ core }) => core.length))).toBeGreaterThanOrEqual(16);
  });

  test("in prompts, answers, tool calls and their output, of every agent", () => {
    using place = scratch({ fast: true });
    let at = 0;
    const next = (): Secret => secrets[at++ % secrets.length]!;
    const homes: string[] = [];
    let planted = 0;
    for (const { name, path, markers } of fixtureHomes) {
      if (markers.length === 0) continue;
      const home = join(place.home, name.replaceAll("/", "-"));
      cpSync(path, home, { recursive: true });
      // Shorter ones stand in addresses too, where what they are replaced by would be no address.
      const words = markers.filter(({ length }) => length > 9);
      planted += plant(home, words, next);
      homes.push(home);
    }
    expect(planted).toBeGreaterThan(400);
    expectNone("nowhere but in the homes", "");
    everythingAsked(place, homes);
  }, 240_000);

  test("in addresses, headers, names of arguments and attributes, unknown types, errors and broken lines", () => {
    using place = scratch({ fast: true });
    const lines: string[] = [];
    using traces = openTraces(place);
    secrets.forEach(({ text, core }, n) => {
      const call = JSON.parse(callLine(n + 1, `s${n}`, text));
      call.message.content.push({
        type: "tool_use",
        id: `toolu_${n}`,
        name: "Bash",
        input: { [core]: text, env: text },
      });
      call.error = text;
      call.toolUseResult = { stderr: text, [core]: text };
      lines.push(JSON.stringify(call));
      lines.push(
        JSON.stringify({
          type: "user",
          uuid: `u${n}`,
          sessionId: `s${n}`,
          timestamp: call.timestamp,
          message: { role: "user", content: text },
        }),
      );
      lines.push(
        JSON.stringify({ type: core, uuid: `t${n}`, sessionId: `s${n}`, timestamp: call.timestamp, [core]: core }),
      );
      lines.push(`{"type":"assistant","message":${core}`, text.replaceAll("\n", " "), JSON.stringify(text));
      traces.put({
        id: n.toString(16).padStart(16, "0"),
        trace: `bbbbbbbbbbbbbbbb${n.toString(16).padStart(16, "0")}`,
        attributes: chat(n + 1, 1, {
          "server.address": `https://dev:${core}@api.example.com/v1?key=${core}#${core}`,
          "github.copilot.git.repository": `https://dev:${core}@git.example.com/a/b.git`,
          "copilot_chat.repo.remote_url": `https://dev:${core}@git.example.com/a/b.git`,
          "http.request.header.authorization": text,
          "gen_ai.tool.call.arguments": text,
          [`made.up.${core}`]: core,
          "gen_ai.prompt": text,
        }),
      });
    });
    place.write(sessionPath("s1"), `${lines.join("\n")}\n`);
    mkdirSync(join(place.home, ".codex/sessions/2026/11/21"), { recursive: true });
    appendFileSync(
      join(
        place.home,
        ".codex/sessions/2026/11/21/rollout-2026-11-21T00-00-00-01a1fc8c-814d-7df1-b57f-0d452cfe6688.jsonl",
      ),
      secrets
        .map(
          ({ core }) =>
            `${JSON.stringify({ timestamp: "2026-11-21T00:00:00.000Z", type: core, payload: { type: core, git: { repository_url: `https://x:${core}@github.com/a/b` } } })}\n`,
        )
        .join(""),
    );
    everythingAsked(place, [place.home]);
  }, 120_000);
});

describe("a destination's headers", () => {
  const [secret] = secrets.filter(({ kind }) => kind === "Anthropic key");
  const value = secret?.text ?? "";

  function ready(): Scratch {
    const place = scratch();
    place.write(sessionPath("s1"), callLine(1, "s1"));
    expect(weir(["sync", "--home", place.home, "--data-dir", place.data]).status).toBe(0);
    return place;
  }

  async function sent(place: Scratch, to: string, env: Readonly<Record<string, string>>): Promise<RunResult> {
    const args = ["export", "--to", to, "--retry-for", "0s", "--verbose", "--debug", "--data-dir", place.data];
    const run = startWeir(args, { env });
    run.stdin.end();
    const [stdout, stderr, status] = await Promise.all([
      new Response(run.stdout).text(),
      new Response(run.stderr).text(),
      run.exited,
    ]);
    return { status, stdout, stderr, signal: null };
  }

  test("are told nowhere, whatever becomes of the request, and never go to another address", async () => {
    await using elsewhere = await receiver();
    await using to = await receiver();
    const faults = [
      undefined,
      { status: 401, body: value },
      { status: 400, body: value },
      { status: 307, headers: { location: `${elsewhere.url}/v1/traces` } },
      { status: 503 },
      { reset: true } as const,
      { page: true } as const,
    ];
    const refused = [`authorization=${value}%0a`, `${value}`, `content-length=${value}`].map(
      (h) => [undefined, h] as const,
    );
    for (const [fault, headers] of [
      ...faults.map((each) => [each, `authorization=Bearer%20${value}`] as const),
      ...refused,
    ]) {
      using place = ready();
      to.fault = () => fault;
      const run = await sent(place, to.url, { OTEL_EXPORTER_OTLP_HEADERS: headers });
      expect(run.status).toBeOneOf([0, 2, 7]);
      expectNone(`what is said of ${JSON.stringify(fault)}`, run.stdout + run.stderr, [value]);
      expectNone("the data folder", bytesBelow(place.data), [value]);
    }
    expect(elsewhere.got).toEqual([]);
    expect(to.got.some((request) => Object.values(request.headers).some((header) => header.includes(value)))).toBe(
      true,
    );
  }, 120_000);

  test("are not in what the settings are shown with, nor in the address that an error names", async () => {
    using place = ready();
    const env = {
      OTEL_EXPORTER_OTLP_HEADERS: `authorization=${value}`,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://dev:${value}@127.0.0.1:9/?key=${value}`,
    };
    for (const args of [["config"], ["config", "--json"]]) {
      const run = weir([...args, "--data-dir", place.data], { env });
      expectNone(args.join(" "), run.stdout + run.stderr, [value]);
    }
    for (const to of ["otel", `http://dev:${value}@127.0.0.1:9/path/${value}?key=${value}`]) {
      const run = await sent(place, to, env);
      expect(run.status).toBeOneOf([2, 7]);
      expectNone(`what is said of ${to === "otel" ? to : "an address"}`, run.stdout + run.stderr, [value]);
    }
    expectNone("the data folder", bytesBelow(place.data), [value]);
  }, 60_000);
});
