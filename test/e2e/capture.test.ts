/** Proves how a capture level is asked for on the built program: by flag, variable or file; what is warned of, and when. */
import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Scratch, scratch } from "../support/home.ts";
import { exported, recordsIn, runExport, runSync, summaryOf } from "../support/runs.ts";
import { startWeir } from "../support/weir.ts";

const FIRST = "from now on the archive holds what people typed";
const WITHOUT = "what was archived before has no texts; --recapture reads it again";
const PROMPT = "What does the harbour master ask?";

function home(place: Scratch, ...prompts: readonly string[]): void {
  const time = (second: number): string => new Date(Date.UTC(2026, 10, 21, 5, 0, second)).toISOString();
  const lines = prompts.map((content, n) => ({
    type: "message",
    id: `u${n}`,
    timestamp: time(n + 1),
    message: { role: "user", content, timestamp: Date.parse(time(n + 1)) },
  }));
  const header = { type: "session", version: 3, id: "aaaa", timestamp: time(0), cwd: "/srv/app" };
  const text = [header, ...lines].map((line) => `${JSON.stringify(line)}\n`).join("");
  place.write(".pi/agent/sessions/--app--/2026-11-21T05-00-00-000Z_aaaa.jsonl", text);
}

/** The prompts that an archive tells with their texts. */
const prompts = (place: Scratch): unknown[] =>
  exported(place, "--content", "--operation", "user_message").map(({ content }) =>
    content?.input_messages?.map(({ parts }) => parts.map((part) => (part as { content?: unknown }).content)),
  );

describe("the level", () => {
  test("is taken from the flag, then the variable, then the file; without any it is metadata", () => {
    using place = scratch();
    home(place, PROMPT);
    const file = join(place.root, "config.toml");
    writeFileSync(file, 'capture = "content"\n');
    const env = { WEIR_CONFIG: file };
    const levelOf = (args: readonly string[], more = {}): boolean => {
      const { stdout } = runSync({ ...place, data: join(place.root, Bun.randomUUIDv7()) }, ["--print", ...args], {
        env: { ...env, ...more },
      });
      expect(recordsIn(stdout)).toHaveLength(2);
      return stdout.includes(PROMPT);
    };
    expect(levelOf([])).toBe(true);
    expect(levelOf([], { WEIR_CAPTURE: "metadata" })).toBe(false);
    expect(levelOf(["--capture", "raw"], { WEIR_CAPTURE: "metadata" })).toBe(true);
    expect(levelOf(["--capture", "metadata"])).toBe(false);
    expect(runSync(place, ["--print"]).stdout).not.toContain(PROMPT);
  });

  test("that does not exist, and a recapture of nothing, are wrong usage, and nothing is done", () => {
    using place = scratch();
    home(place, PROMPT);
    for (const args of [
      ["--capture", "contents"],
      ["--capture=all"],
      ["--recapture"],
      ["--capture", "metadata", "--recapture"],
    ]) {
      const { status, stderr, stdout } = runSync(place, args);
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
      expect(stderr).toMatch(/^error: (?:--capture cannot be "|--recapture reads texts again)/);
    }
    expect(runExport(place).status).toBe(1);
  });
});

test("the first texts are warned of once a data folder, not in a dry run and not in one of metadata", () => {
  using place = scratch();
  home(place, PROMPT);
  const warned = (...args: string[]): boolean => runSync(place, args).stderr.includes(FIRST);
  expect(warned("--capture", "content", "--dry-run")).toBe(false);
  expect(warned()).toBe(false);
  const nothingNew = runSync(place, ["--capture", "content"]).stderr; // so there are no texts yet
  expect(nothingNew).not.toContain(FIRST);
  expect(nothingNew).toContain(WITHOUT);
  expect(warned("--capture", "content", "--recapture")).toBe(true);
  home(place, PROMPT, "And now?");
  expect(warned("--capture", "raw")).toBe(false);
  expect(runSync(place, ["--capture", "content"]).stderr).not.toContain(WITHOUT);
  expect(prompts(place)).toEqual([[[PROMPT]], [["And now?"]]]);
});

test("values are cut to content_limit_bytes, and 0 cuts none", () => {
  using place = scratch();
  home(place, "x".repeat(200_000));
  const textOf = (limit?: string): string => {
    const data = join(place.root, Bun.randomUUIDv7());
    const env = limit === undefined ? undefined : { WEIR_CONTENT_LIMIT_BYTES: limit };
    runSync({ ...place, data }, ["--capture", "raw"], { env: env ?? {} });
    const [record] = exported({ ...place, data }, "--content", "--operation", "user_message");
    expect((record?.raw?.length ?? 0) > 200_000).toBe(limit === "0");
    return JSON.stringify(record?.content?.input_messages);
  };
  expect(textOf().length).toBeLessThanOrEqual(64 << 10);
  expect(textOf("1KiB").length).toBeLessThanOrEqual(1024);
  expect(textOf("1KiB")).toMatch(/… \[cut: \d+ characters\]/);
  expect(textOf("0").length).toBeGreaterThan(200_000);
});

test("secrets are counted by rule, for people and as JSON, and never shown", () => {
  using place = scratch();
  const secret = `hunter${"2".repeat(9)}`;
  home(place, `the login: password=${secret}`, `and password: ${secret}`);
  const { stderr } = runSync(place, ["--capture", "content"]);
  expect(stderr).toContain("secrets taken out of texts: assignment 2\n");
  expect(summaryOf(place, "--capture", "content", "--recapture").redacted).toEqual({ assignment: 2 });
  expect(stderr + readFileSync(join(place.data, "state.db"), "latin1")).not.toContain(secret);
});

test("a recapture says what it read again, and a second one has nothing to tell", () => {
  using place = scratch();
  home(place, PROMPT);
  runSync(place);
  const args = ["--capture", "content", "--recapture"];
  expect(summaryOf(place, ...args)).toMatchObject({ records: { added: 0, revised: 1 }, restarted: 1 });
  expect(summaryOf(place, ...args)).toMatchObject({ records: { added: 0, revised: 0 }, restarted: 1 });
  expect(runExport(place, ["--all"]).stdout).not.toContain(PROMPT);
});

test("sync --watch reads everything again in its first round only", async () => {
  using place = scratch();
  home(place, PROMPT);
  runSync(place);
  const watch = startWeir(
    [
      "sync",
      "--watch",
      "--verbose",
      "--capture",
      "content",
      "--recapture",
      "--home",
      place.home,
      "--data-dir",
      place.data,
    ],
    { env: { WEIR_WATCH_INTERVAL_MS: "1s" } },
  );
  let said = "";
  const reading = (async () => {
    for await (const chunk of watch.stderr) {
      said += Buffer.from(chunk).toString();
      if (said.split("nothing new").length > 2) watch.kill("SIGTERM");
    }
  })();
  expect(await watch.exited).toBe(143);
  await reading;
  expect(said.match(/archived 1 revision/g)).toHaveLength(1);
  expect(said.match(new RegExp(FIRST, "g"))).toHaveLength(1);
  expect(prompts(place)).toEqual([[[PROMPT]]]);
});
