/** Proves what each level says, that messages are harmless, and that progress never mixes with them. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Log, LogLevel, LogOptions } from "../../src/cli/log.ts";
import { createLog, levelOf, wantsProgress } from "../../src/cli/log.ts";

function setup(options: Partial<LogOptions> = {}): { readonly log: Log; readonly written: () => string } {
  let text = "";
  const write = (piece: string): void => {
    text += piece;
  };
  return { log: createLog({ level: "normal", color: false, write, ...options }), written: () => text };
}

function sayAll(log: Log): void {
  log.error("e", "fix it");
  log.warn("w");
  log.info("i");
  log.verbose("v");
  log.debug("d");
}

describe("levels", () => {
  test("each level adds its own messages; errors are never hidden", () => {
    const expected: Record<LogLevel, string> = {
      quiet: "error: e\n  fix it\n",
      normal: "error: e\n  fix it\nwarning: w\ni\n",
      verbose: "error: e\n  fix it\nwarning: w\ni\nv\n",
      debug: "error: e\n  fix it\nwarning: w\ni\nv\ndebug: d\n",
    };
    for (const level of ["quiet", "normal", "verbose", "debug"] as const) {
      const { log, written } = setup({ level });
      sayAll(log);
      expect(written()).toBe(expected[level]);
    }
  });

  test("debug is stronger than verbose and quiet, which contradict each other", () => {
    expect(levelOf({ quiet: true, verbose: false, debug: true })).toBe("debug");
    expect(levelOf({ quiet: false, verbose: true, debug: true })).toBe("debug");
    expect(levelOf({ quiet: false, verbose: true, debug: false })).toBe("verbose");
    for (const debug of [true, false])
      expect(() => levelOf({ quiet: true, verbose: true, debug })).toThrow("--quiet says less");
    expect(levelOf({ quiet: true, verbose: false, debug: false })).toBe("quiet");
    expect(levelOf({ quiet: false, verbose: false, debug: false })).toBe("normal");
  });

  test("colour touches the label only", () => {
    const { log, written } = setup({ color: true });
    log.error("e");
    expect(written()).toBe("\x1b[31merror:\x1b[39m e\n");
  });
});

describe("messages", () => {
  test("are one line without control characters, whatever they quote, and are not cut", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (quoted) => {
        const { log, written } = setup();
        log.warn(`cannot read ${quoted}`);
        return /^[^\p{Cc}\p{Cf}]*\n$/u.test(written());
      }),
    );
    const { log, written } = setup();
    log.info("x".repeat(1000));
    expect(written()).toBe(`${"x".repeat(1000)}\n`);
  });

  test("are wrapped to a terminal, between words only; hints and what follows the first line are indented", () => {
    const { log, written } = setup({ columns: 20 });
    log.warn("one two three four five", "six seven eight nine");
    log.info(`cannot read ${"/a".repeat(15)}`);
    log.info("as wide as it may be");
    expect(written()).toBe(
      `warning: one two\n  three four five\n  six seven eight\n  nine\ncannot read\n  ${"/a".repeat(15)}\nas wide as it may be\n`,
    );
  });

  test("keep every identical line and every underscore and backtick", () => {
    const { log, written } = setup();
    for (let n = 0; n < 50; n += 1) log.warn("`a` _b_");
    expect(written()).toBe("warning: `a` _b_\n".repeat(50));
  });

  test("a debug stack keeps its lines, each labelled and safe", () => {
    const { log, written } = setup({ level: "debug" });
    log.debug("Error: x\n    at \x1b[1my");
    expect(written()).toBe("debug: Error: x\ndebug:     at \\u{1b}[1my\n");
  });

  test("a stderr that cannot be written stops nothing", () => {
    let tries = 0;
    const { log } = setup({
      write: () => {
        tries += 1;
        throw new Error("EBADF");
      },
    });
    sayAll(log);
    expect(tries).toBe(1);
  });
});

describe("progress", () => {
  test("is for a terminal that can rewrite a line, outside CI and not quiet", () => {
    const wants = (env: Record<string, string>, isTTY = true, level: LogLevel = "normal"): boolean =>
      wantsProgress({ isTTY, env, level });
    expect(wants({})).toBe(true);
    expect(wants({ CI: "" })).toBe(true);
    expect(wants({ CI: "false" })).toBe(true);
    expect(wants({ CI: "true" })).toBe(false);
    expect(wants({ CI: "1" })).toBe(false);
    expect(wants({ TERM: "dumb" })).toBe(false);
    expect(wants({}, false)).toBe(false);
    expect(wants({}, true, "quiet")).toBe(false);
  });

  test("writes nothing where it is not wanted", () => {
    const { log, written } = setup();
    log.progress(() => "reading");
    log.progressEnd();
    expect(written()).toBe("");
  });

  test("rewrites one line, is cleared before a message and at its end, and never wraps", () => {
    const { log, written } = setup({ progress: true, columns: 11 });
    log.progress(() => "reading 1");
    log.progress(() => "reading 1");
    log.progress(() => "reading 1000");
    log.info("hello");
    log.progressEnd();
    log.progress(() => "b\n");
    log.progressEnd();
    log.progressEnd();
    const clear = "\r\x1b[K";
    expect(written()).toBe(`${clear}reading 1${clear}reading 1…${clear}hello\n${clear}b\\u{a}${clear}`);
  });

  test("is rewritten at most ten times a second", () => {
    let time = 0;
    const { log, written } = setup({ progress: true, now: () => time });
    for (; time < 1000; time += 1) log.progress(() => `at ${time}`);
    expect(written().split("\r").length - 1).toBe(10);
  });

  test("a message that is hidden does not clear the line", () => {
    const { log, written } = setup({ progress: true });
    log.progress(() => "p");
    log.verbose("v");
    expect(written()).toBe("\r\x1b[Kp");
  });
});
