/** Proves the precedence of settings, and that nothing that cannot be meant is accepted. */
import { describe, expect, test } from "bun:test";
import { nearest } from "../../src/cli/text.ts";
import { type Configuration, loadConfiguration } from "../../src/config/load.ts";
import { boundsOf, SETTING_KEYS, SETTINGS, settingOf } from "../../src/config/schema.ts";
import { WeirError } from "../../src/system/errors.ts";
import { type Scratch, scratch } from "../support/home.ts";

interface Given {
  readonly toml?: string | Uint8Array;
  readonly variables?: Readonly<Record<string, string>>;
  readonly flags?: Readonly<Record<string, unknown>>;
  readonly namedBy?: string;
}

function load(place: Scratch, { toml, variables = {}, flags = {}, namedBy }: Given): Configuration {
  const path = toml === undefined ? `${place.home}/config.toml` : place.write("config.toml", toml);
  return loadConfiguration({ file: { path, namedBy }, variables, flags, nearest });
}

function refusal(place: Scratch, given: Given): WeirError {
  try {
    load(place, given);
  } catch (error) {
    if (error instanceof WeirError) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

describe("loadConfiguration", () => {
  test("has a default for everything but retention, which is off", () => {
    using place = scratch();
    const { settings, origins, isFileThere, conflicts } = load(place, {});
    expect(settings).toEqual({
      segment_max_bytes: 5 << 20,
      max_age_days: undefined,
      max_total_bytes: undefined,
      content_limit_bytes: 65536,
      watch_interval_ms: 15_000,
      capture: "metadata",
    });
    expect(new Set(Object.values(origins))).toEqual(new Set(["default"]));
    expect([isFileThere, conflicts]).toEqual([false, []]);
  });

  test("believes a flag before a variable before the file before the default", () => {
    using place = scratch();
    const toml = 'max_age_days = 30\nmax_total_bytes = "100MB"\nsegment_max_bytes = 8192';
    const variables = { WEIR_MAX_AGE_DAYS: "20d", WEIR_MAX_TOTAL_BYTES: "50MB", WEIR_CAPTURE: "" };
    const { settings, origins } = load(place, { toml, variables, flags: { "max-age": "10d", "max-size": undefined } });
    expect(settings).toMatchObject({ max_age_days: 10, max_total_bytes: 50_000_000, segment_max_bytes: 8192 });
    expect(origins).toEqual({
      max_age_days: "--max-age",
      max_total_bytes: "WEIR_MAX_TOTAL_BYTES",
      segment_max_bytes: `${place.home}/config.toml`,
      content_limit_bytes: "default",
      watch_interval_ms: "default",
      capture: "default",
    });
  });

  test.each(
    SETTING_KEYS.flatMap((key) => {
      const setting = settingOf(key);
      const wrongs = ["true", "[1]", "{ a = 1 }", "1979-05-27", '"nonsense"', "inf"];
      const low =
        setting.type === "choice" ? ["1"] : [String(setting.floor - 1), "-1", ...(setting.floor > 0 ? ["0"] : [])];
      return [...wrongs, ...low].map((value) => [key, value] as const);
    }),
  )("refuses %s = %s, naming file, key, floor and default", (key, value) => {
    using place = scratch();
    const { failure, message, hint } = refusal(place, { toml: `${key} = ${value}` });
    expect(failure).toBe("usage");
    expect(message).toStartWith(`${place.home}/config.toml: ${key} `);
    expect(hint).toBe(`${key}: ${boundsOf(settingOf(key))}`);
  });

  test("names the variable or the flag where that is wrong, even if another overrides it", () => {
    using place = scratch();
    const variables = { WEIR_MAX_AGE_DAYS: "soon" };
    expect(refusal(place, { variables, flags: { "max-age": "3d" } }).message).toBe(
      "WEIR_MAX_AGE_DAYS=soon is no age: write 30d, 12h or 2w",
    );
    const bare = refusal(place, { flags: { "max-age": "30" } });
    expect(bare.message).toBe("--max-age 30 needs a unit: write 30d, 12h or 2w");
    expect(bare.hint).toBe("max_age_days: floor 1d, default none");
    expect(refusal(place, { flags: { "max-size": "100" } }).message).toContain("needs a unit");
    expect(refusal(place, { flags: { "max-age": "12h" } }).message).toContain("below its floor of 1d");
    expect(refusal(place, { flags: { "max-size": "0" } }).message).toContain("below its floor of 4KiB");
    expect(refusal(place, { variables: { WEIR_WATCH_INTERVAL_MS: "25h" } })).toMatchObject({
      message: "WEIR_WATCH_INTERVAL_MS=25h is above its ceiling of 24h",
      hint: "watch_interval_ms: floor 1s, ceiling 24h, default 15s",
    });
  });

  test("names the nearest key for one that is unknown, and the flag for a place", () => {
    using place = scratch();
    expect(refusal(place, { toml: "segment_max_byte = 1" })).toMatchObject({
      failure: "usage",
      message: expect.stringContaining('unknown key "segment_max_byte"'),
      hint: "did you mean segment_max_bytes (floor 4KiB, default 5MiB)?",
    });
    expect(refusal(place, { toml: "[retention]\nmax_age_days = 3" }).message).toContain('unknown key "retention"');
    expect(refusal(place, { toml: '"__proto__" = 3' }).message).toContain("unknown key");
    expect(refusal(place, { toml: 'data_dir = "/x"' }).hint).toBe("give --data-dir, or set WEIR_DATA_DIR");
  });

  test("refuses a file that is no TOML, no UTF-8, no file, or named and not there", () => {
    using place = scratch();
    expect(refusal(place, { toml: "a = 1\nb = " }).message).toStartWith(`${place.home}/config.toml is no TOML: `);
    expect(refusal(place, { toml: Uint8Array.of(0x61, 0xff) }).message).toContain("it is not UTF-8");
    const gone = refusal(place, { toml: "", namedBy: undefined, flags: { "max-age": "x" } });
    expect(gone.failure).toBe("usage");
    const path = `${place.home}/nowhere.toml`;
    const missing = (): Configuration =>
      loadConfiguration({ file: { path, namedBy: "--config" }, variables: {}, flags: {}, nearest });
    expect(missing).toThrow(`cannot read the configuration ${path} (from --config): there is no such file`);
    const folder = { path: place.home, namedBy: "--config" };
    expect(() => loadConfiguration({ file: folder, variables: {}, flags: {}, nearest })).toThrow(
      "it is not a regular file",
    );
  });

  test("tells a variable that is nearly one of its own, and leaves others alone", () => {
    using place = scratch();
    const variables = { WEIR_CAPTUR: "content", WEIR_FOREIGN_THING: "1", WEIR_CONFIG: "/x", HOME: "/h" };
    expect(load(place, { variables }).unread).toEqual([
      "the variable WEIR_CAPTUR is not read; did you mean WEIR_CAPTURE?",
    ]);
  });

  test("says in words what a value of the wrong kind should be", () => {
    using place = scratch();
    expect(refusal(place, { toml: "segment_max_bytes = true" }).message).toBe(
      `${place.home}/config.toml: segment_max_bytes must be a size, for example 5MiB, not a boolean`,
    );
  });

  test("tells settings that defeat each other", () => {
    using place = scratch();
    expect(load(place, { flags: { "max-size": "10MiB" } }).conflicts).toEqual([]);
    expect(load(place, { flags: { "max-size": "10MB" } }).conflicts).toEqual([
      "max_total_bytes (10MB) is below two segments of segment_max_bytes (5MiB): pruning can only remove whole segments",
    ]);
  });

  test("every default is at or above its floor, every variable has its key's name", () => {
    for (const [key, setting] of Object.entries(SETTINGS)) {
      expect(setting.variable).toBe(`WEIR_${key.toUpperCase()}` as typeof setting.variable);
      if (setting.type !== "choice" && "default" in setting)
        expect(setting.default).toBeGreaterThanOrEqual(setting.floor);
    }
  });
});
