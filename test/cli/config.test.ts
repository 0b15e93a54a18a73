/** Proves on the binary that settings are shown with their origin, obeyed by sync, and never taken from the folder it runs in. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Scratch, scratch } from "../support/home.ts";
import { type RunOptions, type RunResult, weir } from "../support/weir.ts";

function run(place: Scratch, args: readonly string[], options: RunOptions = {}): RunResult {
  return weir([...args, "--home", place.home, "--data-dir", place.data], options);
}

describe("weir config", () => {
  test("shows each setting's value and origin", () => {
    using place = scratch();
    const file = place.write("my.toml", "segment_max_bytes = 8192\n");
    const { status, stdout } = run(place, ["config", "--json", "--config", file, "--max-age", "2w"], {
      env: { WEIR_MAX_TOTAL_BYTES: "100MB" },
    });
    expect(status).toBe(0);
    const document = JSON.parse(stdout);
    expect(document).toMatchObject({ schema: "weir.config", version: 1, file, file_exists: true });
    const origins = Object.fromEntries(
      document.settings.map((s: { key: string; origin: string }) => [s.key, s.origin]),
    );
    expect(origins).toEqual({
      segment_max_bytes: file,
      max_age_days: "--max-age",
      max_total_bytes: "WEIR_MAX_TOTAL_BYTES",
      content_limit_bytes: "default",
      watch_interval_ms: "default",
      capture: "default",
    });
    const shown = run(place, ["config", "--config", file]);
    expect(shown.stdout.replaceAll(/ +/g, " ")).toContain("segment_max_bytes size 4KiB 5MiB 8KiB my.toml\n");
    expect(shown.stdout).toContain(place.data);
    expect(shown.stderr).toBe(`configuration file: ${file}\n`);
  });

  test("a wrong setting stops every command that has settings, before anything is done", () => {
    using place = scratch();
    const file = place.write("my.toml", "watch_interval_ms = 10\n");
    for (const command of ["sync", "scan", "config", "export"]) {
      const { status, stdout, stderr } = run(place, [command, "--config", file]);
      expect([command, status, stdout]).toEqual([command, 2, ""]);
      expect(stderr).toBe(
        `error: ${file}: watch_interval_ms = 10 is below its floor of 1s\n  watch_interval_ms: floor 1s, ceiling 24h, default 15s\n`,
      );
    }
    expect(weir(["schema", "--config", file]).status).toBe(0);
    expect(readdirSync(place.root)).toEqual(["home"]);
  });

  test("a configuration that is named must be there", () => {
    using place = scratch();
    const gone = join(place.home, "gone.toml");
    expect(run(place, ["config", "--config", gone]).status).toBe(2);
    expect(run(place, ["config"], { env: { WEIR_CONFIG: gone } }).stderr).toContain("(from WEIR_CONFIG)");
    expect(run(place, ["config"], { env: { XDG_CONFIG_HOME: place.home } }).status).toBe(0);
  });

  test("takes nothing from the working directory", () => {
    using place = scratch();
    const hostile = join(place.root, "project");
    mkdirSync(join(hostile, "weir"), { recursive: true });
    for (const name of ["config.toml", "weir.toml", ".weir.toml", "weir/config.toml"])
      writeFileSync(join(hostile, name), "segment_max_bytes = 1\n");
    writeFileSync(join(hostile, ".env"), "WEIR_SEGMENT_MAX_BYTES=1\n");
    const result = run(place, ["config", "--json"], { cwd: hostile });
    expect(result.status).toBe(0);
    expect(JSON.parse(result.stdout).settings[0]).toMatchObject({ key: "segment_max_bytes", origin: "default" });
  });

  test("sync cuts segments as configured, and warns once of settings that defeat each other", () => {
    using place = scratch();
    place.copyFixture("claude-code");
    const env = { WEIR_SEGMENT_MAX_BYTES: "4KiB", WEIR_MAX_TOTAL_BYTES: "6KiB" };
    const { status, stderr } = run(place, ["sync"], { env });
    expect(status).toBe(0);
    expect(stderr.match(/is below two segments/g)).toHaveLength(1);
    expect(readdirSync(join(place.data, "archive")).length).toBeGreaterThan(2);
  });

  test("WEIR_HOME names the homes where --home does not", () => {
    using place = scratch();
    const env = { WEIR_HOME: `${place.home}:/nowhere` };
    const { stdout } = weir(["config", "--json", "--data-dir", place.data], { env });
    expect(JSON.parse(stdout).places[0]).toMatchObject({ value: [place.home, "/nowhere"], origin: "WEIR_HOME" });
  });
});
