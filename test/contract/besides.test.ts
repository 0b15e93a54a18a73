/**
 * Proves that what a home holds beside an agent's own lines, or how these were written, changes no figure: copies that
 * somebody made of files, files of other programs, other orders of keys, fields of newer versions. It knows no agent.
 */
import { describe, expect, test } from "bun:test";
import { appendFileSync, copyFileSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { agents } from "../../src/agents/index.ts";
import type { JsonObject } from "../../src/record/json.ts";
import { syncHome, toldIn } from "../support/agent.ts";
import { type FixtureHome, fixtureHomes } from "../support/fixtures.ts";
import { scratch } from "../support/home.ts";

const LONG = { timeout: 120_000 };

/** Calls and tokens by model and session, tools by session, sessions: all that anybody adds up. */
async function figures(agent: string, home: string, data: string): Promise<JsonObject> {
  const sums: Record<string, number> = {};
  const add = (name: string, count: number): void => {
    sums[name] = (sums[name] ?? 0) + count;
  };
  const { records } = toldIn(data, await syncHome(agent, home, data));
  for (const { operation, session_id, model, request_model, usage, tool, aggregate } of records) {
    if (operation === "execute_tool") add(`${session_id} ${tool?.name}`, 1);
    if (operation === "user_message") add(`${session_id} prompts`, 1);
    if (!usage) continue;
    const of = `${session_id} ${model ?? request_model} ${aggregate ? "sums" : "calls"}`;
    add(of, 1);
    for (const [field, count] of Object.entries(usage)) add(`${of} ${field}`, count ?? 0);
  }
  const sessions = [...new Set(records.map((r) => r.session_id))].sort();
  return { ...Object.fromEntries(Object.entries(sums).sort()), sessions: sessions.join(" ") };
}

function filesBelow(home: string): string[] {
  return readdirSync(home, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

const isLines = (path: string): boolean => path.endsWith(".jsonl");
const isText = (path: string): boolean => /\.jsonl?$/.test(path);
const foldersOf = (home: string): string[] => [...new Set(filesBelow(home).map(dirname))];

/** Puts a file in place with the time that it had. */
function rewrite(path: string, change: (text: string) => string): void {
  const text = readFileSync(path, "utf8");
  writeFileSync(path, change(text));
}

/** Changes what stands as JSON in a text; all else stays as it is. */
function eachJson(path: string, text: string, change: (value: unknown) => unknown): string {
  const changed = (json: string): string => {
    try {
      return JSON.stringify(change(JSON.parse(json)));
    } catch {
      return json; // a fixture's torn line
    }
  };
  return isLines(path)
    ? text
        .split("\n")
        .map((line) => (line === "" ? line : changed(line)))
        .join("\n")
    : changed(text);
}

/** Copies of other files have names that mean nothing, or something else. */
const NAMED_BY_ID = /[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}[^/]*$/;

const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const MADE: Readonly<Record<string, (home: string) => void>> = {
  "copies of its files beside them, as people make them": (home) => {
    for (const path of filesBelow(home).filter((name) => isText(name) && NAMED_BY_ID.test(name))) {
      copyFileSync(path, path.replace(/(\.\w+)$/, ".backup$1"));
      copyFileSync(path, path.replace(/(\.\w+)$/, " (copy)$1"));
      copyFileSync(path, `${path}.bak`);
    }
  },
  "files of other programs in every folder": (home) => {
    for (const folder of foldersOf(home)) {
      for (const name of ["events-of-others.jsonl", "0a0a0a0a-1111-4111-8111-aaaaaaaaaaaa.jsonl"])
        writeFileSync(join(folder, name), '{"event":"click","usage":{"input_tokens":7}}\n[1]\n"x"\nnull\nno JSON\n');
      writeFileSync(join(folder, "0b0b0b0b-1111-4111-8111-aaaaaaaaaaaa.json"), '{"hello":"world"}');
      writeFileSync(join(folder, "0c0c0c0c-1111-4111-8111-aaaaaaaaaaaa.json"), '[1,{"a":2}]');
      writeFileSync(join(folder, "other.db"), "no database");
      for (const name of ["0d0d0d0d-1111-4111-8111-aaaaaaaaaaaa.jsonl", "empty.json"])
        writeFileSync(join(folder, name), "");
    }
  },
  "lines that end in CRLF, empty lines between them, and a byte order mark before all": (home) => {
    for (const path of filesBelow(home).filter(isText))
      rewrite(path, (text) => (text === "" ? "" : `\uFEFF${isLines(path) ? text.replaceAll("\n", "\r\n\r\n") : text}`));
  },
  "fields of a newer version in every line": (home) => {
    const more = { zz_usage: { input_tokens: 5e6, output_tokens: 5e6 }, zz_list: [1, { type: "x" }], zz: null };
    for (const path of filesBelow(home).filter(isLines))
      rewrite(path, (text) =>
        // A patch log's values are put together: there a line with more is another change.
        eachJson(path, text, (value) => (isObject(value) && value.kind === undefined ? { ...more, ...value } : value)),
      );
  },
  "keys in another order": (home) => {
    const turned = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(turned);
      if (!isObject(value)) return value;
      return Object.fromEntries(
        Object.entries(value)
          .toReversed()
          .map(([key, item]) => [key, turned(item)]),
      );
    };
    for (const path of filesBelow(home).filter(isLines)) rewrite(path, (text) => eachJson(path, text, turned));
  },
  "times of its files that say nothing, as a copy leaves them": (home) => {
    filesBelow(home).forEach((path, at) => {
      const time = 1.6e9 + ((at * 7919) % 1000) * 86_400;
      utimesSync(path, time, time);
    });
  },
  "lines of types that nobody knows yet": (home) => {
    for (const path of filesBelow(home).filter(isLines)) {
      const text = readFileSync(path, "utf8");
      if (!text.endsWith("\n")) continue;
      appendFileSync(path, '{"type":"zz_future","timestamp":"2026-11-21T05:00:00.000Z","usage":{"input_tokens":5}}\n');
    }
  },
};

async function figuresWith(fixture: FixtureHome, make: (home: string) => void): Promise<JsonObject> {
  using place = scratch({ fast: true });
  place.copyHome(fixture.path);
  make(place.home);
  return await figures(fixture.agent, place.home, place.data);
}

for (const { id } of agents) {
  const homes = fixtureHomes
    .filter(({ agent }) => agent === id)
    .map((fixture) => ({ fixture, whole: figuresWith(fixture, () => undefined) }));
  describe(id, () => {
    for (const [what, make] of Object.entries(MADE)) {
      test(
        `${what} change no figure`,
        async () => {
          for (const { fixture, whole } of homes) expect(await figuresWith(fixture, make)).toEqual(await whole);
        },
        LONG,
      );
    }
  });
}
