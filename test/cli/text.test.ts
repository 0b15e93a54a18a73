/** Proves that foreign text is harmless on a terminal, and that numbers read right. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { bytes, count, escapeControls, fit, meant, nearest, plural, show, wrap } from "../../src/cli/text.ts";

// Written apart from the implementation: code points, not Unicode properties.
const dangerous: readonly (readonly [number, number])[] = [
  [0x00, 0x1f],
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x61c, 0x61c],
  [0x180e, 0x180e],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0xd800, 0xdfff],
  [0xfeff, 0xfeff],
  [0xfff9, 0xfffb],
  [0xe0000, 0xe007f],
];
const isDangerous = (char: string): boolean => {
  const code = char.codePointAt(0) ?? 0;
  return dangerous.some(([from, to]) => code >= from && code <= to);
};
const nasty = fc.constantFrom(
  "\x1b[31m",
  "\x1b]0;t\x07",
  "\u202e",
  "\u200d",
  "\ud83d",
  "e\u0301",
  "家",
  "😀",
  "\n",
  "a",
);
const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 400 }),
  fc.array(nasty, { maxLength: 600 }).map((parts) => parts.join("")),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 100 }).map((units) => String.fromCharCode(...units)),
);

describe("show", () => {
  test("never lets a control, bidi, zero-width or half character through", () => {
    fc.assert(
      fc.property(anyText, (text) => ![...show(text)].some(isDangerous)),
      { numRuns: 2000 },
    );
  });

  test("replaces every dangerous character there is", () => {
    for (const [from, to] of dangerous) {
      for (let code = from; code <= to; code += 1) {
        expect(show(`a${String.fromCodePoint(code)}b`)).toBe(`a\\u{${code.toString(16)}}b`);
      }
    }
  });

  test("is never wider than 200 columns and never longer than a small multiple of them", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const shown = show(text.repeat(20));
        return Bun.stringWidth(shown) <= 200 && shown.length < 10_000;
      }),
    );
    expect(show("\u0301".repeat(1_000_000)).length).toBeLessThan(1100);
  });

  test("changes nothing when applied twice", () => {
    fc.assert(fc.property(anyText, (text) => show(show(text)) === show(text)));
  });

  test("leaves ordinary names alone, in any script", () => {
    for (const name of ["gpt-5.1-codex", "Zoë", "日本語", "עברית", "C:\\a\\b", "⚠️ done 😀"])
      expect(show(name)).toBe(name);
  });

  test("makes an escape sequence, a newline and an override visible", () => {
    expect(show("\x1b[2Ja\nb\u202ec")).toBe("\\u{1b}[2Ja\\u{a}b\\u{202e}c");
    expect(show("a\ufe0fb")).toBe("a\\u{fe0f}b");
  });
});

describe("escapeControls and fit", () => {
  test("escaping cuts nothing", () => {
    expect(escapeControls("x".repeat(5000))).toHaveLength(5000);
  });

  test("a cut text is never wider than asked and ends with an ellipsis", () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 0, max: 60 }), (text, columns) => {
        const safe = escapeControls(text);
        const cut = fit(safe, columns);
        return Bun.stringWidth(cut) <= columns && (cut === safe || columns === 0 || cut.endsWith("…"));
      }),
    );
    expect(fit("日本語", 4)).toBe("日…");
    expect(fit("abc", 3)).toBe("abc");
  });
});

describe("numbers", () => {
  test("thousands are separated, also of negative and very large numbers", () => {
    const shown = [0, 999, 1000, -1234567, 12.9].map(count);
    expect(shown).toEqual(["0", "999", "1,000", "-1,234,567", "12"]);
    expect(count(12345678901234567890n)).toBe("12,345,678,901,234,567,890");
    expect(count(Number.NaN)).toBe("?");
  });

  test("only one is singular", () => {
    expect([
      plural(0, "session"),
      plural(1, "session"),
      plural(1n, "entry", "entries"),
      plural(1200, "entry", "entries"),
    ]).toEqual(["0 sessions", "1 session", "1 entry", "1,200 entries"]);
  });

  test("sizes are decimal, short, and never show 1000 of a unit", () => {
    const sizes = [0, 999, 1000, 5_242_880, 52_428_800, 524_288_000, 999_499, 999_500, 999_999, 99_960_000, 3.2e12];
    expect(sizes.map(bytes)).toEqual([
      "0 B",
      "999 B",
      "1.0 kB",
      "5.2 MB",
      "52.4 MB",
      "524 MB",
      "999 kB",
      "1.0 MB",
      "1.0 MB",
      "100 MB",
      "3.2 TB",
    ]);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e15 }), (n) => /^\d{1,3}(\.\d)? (B|kB|MB|GB|TB|PB)$/.test(bytes(n))),
    );
  });
});

describe("meant", () => {
  test("is the near one, else all that begin so, else the list or what stands for it", () => {
    const names = ["claude-code", "copilot-vscode", "copilot-cli"];
    expect(meant("claud-code", names)).toBe("did you mean claude-code?");
    expect(meant("copilot", names)).toBe("did you mean copilot-vscode or copilot-cli?");
    expect(meant("x", names)).toBe("one of claude-code, copilot-vscode, copilot-cli");
    expect(meant("x", names, "see there")).toBe("see there");
  });
});

describe("wrap", () => {
  test("no line is wider than the room but for a single word, and nothing is lost", () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 40 }), (text, room) => {
        const lines = wrap(text, room);
        expect(lines.join(" ")).toBe(text);
        for (const line of lines) if (line.includes(" ")) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(room);
      }),
    );
  });
});

describe("nearest", () => {
  const names = ["dry-run", "data-dir", "json", "sync", "scan", "export", "no-wait"];

  test("finds the name behind a typing error, another case or another separator", () => {
    const pairs = {
      dryrun: "dry-run",
      "dry-rum": "dry-run",
      dryRun: "dry-run",
      DATA_DIR: "data-dir",
      jsn: "json",
      snyc: "sync",
    };
    for (const [typed, meant] of Object.entries(pairs)) expect(nearest(typed, names)).toBe(meant);
  });

  test("takes two swapped letters for one error", () => {
    expect(nearest("sycn", names)).toBe("sync");
    expect(nearest("cvs", ["jsonl", "csv"])).toBe("csv");
    expect(nearest("version", ["verify"])).toBeUndefined();
  });

  test("finds the only name that begins so", () => {
    expect(nearest("exp", names)).toBe("export");
    expect(nearest("data", names)).toBe("data-dir");
  });

  test("says nothing when nothing is near", () => {
    for (const typed of ["", "-", "constructor", "__proto__", "x".repeat(1e6)])
      expect(nearest(typed, names)).toBeUndefined();
  });

  test("only ever names a candidate", () => {
    fc.assert(
      fc.property(fc.string(), fc.array(fc.string()), (typed, candidates) => {
        const near = nearest(typed, candidates);
        return near === undefined || candidates.includes(near);
      }),
    );
  });
});
