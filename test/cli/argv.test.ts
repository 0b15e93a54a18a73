/** Proves the grammar of the command line: what is declared is understood, everything else is refused with a hint. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { ArgTable, Command, OptionsOf, ParsedArgs } from "../../src/cli/args.ts";
import { globalArgs, UsageError } from "../../src/cli/args.ts";
import { parseArguments } from "../../src/cli/argv.ts";

const syncArgs = {
  agent: { type: "string", repeatable: true, valueHint: "ID", description: "only this agent" },
  source: { type: "string", repeatable: "whole", valueHint: "AGENT:STREAM=PATH", description: "read one store" },
  out: { type: "string", alias: "o", valueHint: "FILE", default: "-", description: "write here" },
  limit: { type: "string", description: "at most so many" },
  capture: { type: "enum", options: ["metadata", "content", "raw"], description: "how much is kept" },
  signals: {
    type: "enum",
    options: ["traces", "metrics", "logs"],
    repeatable: true,
    default: "traces,logs",
    description: "s",
  },
  "dry-run": { type: "boolean", description: "show what would be done" },
  wait: { type: "boolean", negatable: true, default: true, description: "do not wait for another run" },
  prune: { type: "boolean", negatable: true, description: "prune afterwards" },
} as const satisfies ArgTable;

const load = async (): Promise<{ run(): Promise<number> }> => ({ run: async () => 0 });
const commands: readonly Command[] = [
  { name: "sync", summary: "Reads what is new.", args: syncArgs, examples: [], load },
  { name: "scan", summary: "Lists sources.", args: {}, examples: [], load },
  {
    name: "completions",
    summary: "Prints completions.",
    args: {},
    examples: [],
    positional: { name: "shell", description: "the shell", options: ["bash", "zsh", "fish"], required: true },
    load,
  },
];

const parse = (...argv: string[]) => parseArguments(argv, commands);

function run(...argv: string[]): ParsedArgs {
  const parsed = parse(...argv);
  if (parsed.kind !== "run") throw new Error(`not a run: ${parsed.kind}`);
  return parsed.args;
}

/** The refusal as a person reads it. */
function refusal(...argv: string[]): string {
  try {
    parse(...argv);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    expect(error.failure).toBe("usage");
    return `${error.message}; ${error.hint}`;
  }
  throw new Error(`accepted: ${argv.join(" ")}`);
}

describe("what is accepted", () => {
  test("every declared name has a value, given or not, and no other name has", () => {
    const args = run("sync");
    expect(Object.keys(args).toSorted()).toEqual([...Object.keys(syncArgs), ...Object.keys(globalArgs)].toSorted());
    expect(Object.getPrototypeOf(args)).toBeNull();
    expect(args).toMatchObject({ out: "-", signals: ["traces", "logs"], agent: [], home: [], color: "auto" });
    expect([args["dry-run"], args.wait, args.prune, args.limit, args.capture]).toEqual([
      false,
      true,
      undefined,
      undefined,
      undefined,
    ]);
  });

  test("a value stands behind a space or an equals sign, of a letter also directly behind it", () => {
    for (const argv of [["--out", "f"], ["--out=f"], ["-o", "f"], ["-of"], ["-o=f"]]) {
      expect(run("sync", ...argv).out).toBe("f");
    }
    expect(run("sync", "--out=a=b").out).toBe("a=b");
    expect(run("sync", "-o", "-").out).toBe("-");
    expect(run("sync", "--limit", "-5").limit).toBe("-5");
    expect(run("sync", "--out=--json")).toMatchObject({ out: "--json", json: false });
  });

  test("letters without a value join, also before one with a value", () => {
    expect(run("sync", "-qv")).toMatchObject({ quiet: true, verbose: true });
    expect(run("sync", "-qo", "f")).toMatchObject({ quiet: true, out: "f" });
  });

  test("repeats and comma lists are collected in order; paths keep their commas", () => {
    expect(run("sync", "--agent", "a,b", "--agent=c, d").agent).toEqual(["a", "b", "c", "d"]);
    expect(run("sync", "--signals", "logs").signals).toEqual(["logs"]);
    expect(run("sync", "--home", "/a,b", "--home", "/c").home).toEqual(["/a,b", "/c"]);
    expect(run("sync", "--source", "codex:transcript=/a,b").source).toEqual(["codex:transcript=/a,b"]);
  });

  test("options of every command may stand before it", () => {
    expect(run("--config", "f", "-q", "--home=/h", "sync", "--json", "--home", "/i")).toMatchObject({
      config: "f",
      quiet: true,
      json: true,
      home: ["/h", "/i"],
    });
  });

  test("--no- works for what is negatable", () => {
    expect(run("sync", "--no-wait", "--no-prune")).toMatchObject({ wait: false, prune: false });
    expect(run("sync", "--prune").prune).toBe(true);
  });

  test("a declared argument is taken, also behind --", () => {
    expect(run("completions", "zsh", "-q").shell).toBe("zsh");
    expect(run("completions", "--", "zsh").shell).toBe("zsh");
  });
});

describe("help and version", () => {
  test("win wherever they stand before --, over any mistake", () => {
    const command = commands[0];
    for (const argv of [["--help"], ["-h"], ["--json", "-h"], ["--bogus", "--help"], ["help"], ["-qh"]]) {
      expect(parse(...argv)).toEqual({ kind: "help" });
    }
    const askedOfSync = [
      ["sync", "--help"],
      ["-h", "sync"],
      ["sync", "--bogus", "extra", "--help"],
      ["sync", "--out", "--help"],
      ["sync", "-o", "-h"],
      ["help", "sync"],
      ["--bogus", "-h", "sync"],
    ];
    for (const argv of askedOfSync) expect(parse(...argv)).toEqual({ kind: "help", command });
    for (const argv of [["--version"], ["-V"], ["sync", "--version"], ["--json", "sync", "x", "-V"], ["-V", "sync"]]) {
      expect(parse(...argv)).toEqual({ kind: "version" });
    }
    expect(parse("sync", "-V", "-h")).toEqual({ kind: "help", command });
  });

  test("mean nothing behind -- or as a value behind an equals sign", () => {
    expect(refusal("sync", "--", "--help")).toStartWith('unexpected argument "--help" for sync');
    expect(run("sync", "--out=--help").out).toBe("--help");
    expect(refusal("sync", "--help=1")).toStartWith("option --help takes no value");
  });

  test("no command, with or without options, is not a mistake to be explained but a question to be answered", () => {
    expect(parse()).toEqual({ kind: "nothing" });
    expect(parse("--quiet", "--home", "/h")).toEqual({ kind: "nothing" });
    expect(refusal("--bogus")).toStartWith("unknown option --bogus");
  });

  test("help hears --color wherever it stands, and no wrong one", () => {
    for (const argv of [
      ["--help", "--color=never"],
      ["sync", "--color", "never", "-h"],
      ["help", "--color=never"],
    ])
      expect(parse(...argv)).toMatchObject({ kind: "help", color: "never" });
    expect(parse("--help", "--color=blue")).toEqual({ kind: "help" });
  });

  test("-v is verbose, not version", () => {
    expect(run("sync", "-v").verbose).toBe(true);
  });

  test("help takes one known command", () => {
    expect(refusal("help", "snyc")).toBe('unknown command "snyc"; did you mean sync?');
    expect(refusal("help", "sync", "scan")).toStartWith('unexpected argument "scan"');
    expect(refusal("help", "--bogus")).toStartWith("unknown option --bogus");
  });
});

describe("what is refused", () => {
  const cases: readonly (readonly [law: string, argv: readonly string[], says: string])[] = [
    ["a command misspelt", ["snyc"], 'unknown command "snyc"; did you mean sync?'],
    ["two letters swapped", ["sycn"], 'unknown command "sycn"; did you mean sync?'],
    ["an option's name without its dashes", ["version"], 'unknown command "version"; did you mean --version?'],
    ["an empty command", [""], 'unknown command ""; weir --help lists the commands'],
    ["a command misspelt, although help is asked", ["snyc", "--help"], 'unknown command "snyc"; did you mean sync?'],
    ["an option misspelt", ["sync", "--dryrun"], "unknown option --dryrun for sync; did you mean --dry-run?"],
    ["camel case", ["sync", "--dryRun"], "unknown option --dryRun for sync; did you mean --dry-run?"],
    ["an unknown option", ["sync", "--frobnicate", "x"], "unknown option --frobnicate for sync; see weir sync --help"],
    ["an unknown option with no command", ["--bogus"], "unknown option --bogus; see weir --help"],
    ["an unknown option before the command", ["--bogus", "scan"], "unknown option --bogus; see weir --help"],
    [
      "a command's option before it",
      ["--dry-run", "sync"],
      "unknown option --dry-run; write it after the command: weir sync --dry-run",
    ],
    ["another command's option", ["scan", "--agent", "x"], "unknown option --agent for scan; see weir scan --help"],
    ["an unknown letter", ["sync", "-x"], "unknown option -x for sync; see weir sync --help"],
    ["a long option with one dash", ["sync", "-json"], "unknown option -j in -json for sync; did you mean --json?"],
    ["a bare number", ["sync", "-5"], "unknown option -5 for sync; see weir sync --help"],
    ["a nameless option", ["sync", "--=x"], "unknown option -- for sync; see weir sync --help"],
    ["a value for a boolean", ["sync", "--json=0"], "option --json takes no value; write --json, or leave it out"],
    [
      "false for a boolean",
      ["sync", "--dry-run=false"],
      "option --dry-run takes no value; write --dry-run, or leave it out",
    ],
    ["a value for a negatable", ["sync", "--no-wait=1"], "option --no-wait takes no value; write --wait or --no-wait"],
    ["a value for a letter", ["sync", "-q=1"], "option -q takes no value; write --quiet, or leave it out"],
    [
      "a word behind a boolean",
      ["sync", "--json", "false"],
      'unexpected argument "false" for sync; see weir sync --help',
    ],
    ["an extra word", ["sync", "dry-run"], 'unexpected argument "dry-run" for sync; did you mean --dry-run?'],
    [
      "no value at the end",
      ["sync", "--out"],
      "option --out needs a value; write --out FILE, or --out=FILE where it begins with -",
    ],
    [
      "an option for a value",
      ["sync", "--out", "--json"],
      "option --out needs a value; write --out FILE, or --out=FILE where it begins with -",
    ],
    [
      "a letter for a value",
      ["sync", "-o", "-q"],
      "option -o needs a value; write --out FILE, or --out=FILE where it begins with -",
    ],
    [
      "-- for a value",
      ["sync", "--out", "--", "f"],
      "option --out needs a value; write --out FILE, or --out=FILE where it begins with -",
    ],
    [
      "an empty value",
      ["sync", "--home="],
      "option --home needs a value; write --home DIR, or --home=DIR where it begins with -",
    ],
    [
      "an empty word as value",
      ["sync", "--out", ""],
      "option --out needs a value; write --out FILE, or --out=FILE where it begins with -",
    ],
    ["no choice", ["sync", "--color"], "option --color needs a value; one of auto, always, never"],
    ["an unknown choice", ["sync", "--capture", "all"], '--capture cannot be "all"; one of metadata, content, raw'],
    ["a choice misspelt", ["sync", "--color=alway"], '--color cannot be "alway"; did you mean always?'],
    [
      "a choice in a list misspelt",
      ["sync", "--signals", "traces,log"],
      '--signals cannot be "log"; did you mean logs?',
    ],
    ["an empty item", ["sync", "--agent", "a,,b"], "option --agent has an empty item; write it as --agent=A,B"],
    ["a repeat", ["sync", "--out", "a", "--out", "b"], "--out is given twice; give --out once"],
    ["a repeat around the command", ["--json", "sync", "--json"], "--json is given twice; give --json once"],
    ["a repeated letter", ["sync", "-vv"], "--verbose is given twice; give --verbose once"],
    ["both signs", ["sync", "--wait", "--no-wait"], "--wait is given twice; give --wait once"],
    [
      "--no- for what is not negatable",
      ["sync", "--no-json"],
      "unknown option --no-json for sync; it is off unless --json is given",
    ],
    ["--no-color", ["sync", "--no-color"], "unknown option --no-color for sync; did you mean --color=never?"],
    ["a missing word", ["completions"], "completions needs SHELL; one of bash, zsh, fish"],
    ["an unknown word", ["completions", "bsh"], 'SHELL cannot be "bsh"; did you mean bash?'],
    [
      "a second word",
      ["completions", "zsh", "bash"],
      'unexpected argument "bash" for completions; see weir completions --help',
    ],
  ];
  for (const [law, argv, says] of cases) {
    test(law, () => {
      expect(refusal(...argv)).toBe(says);
    });
  }

  test("the names of every object's prototype, as command and as option", () => {
    for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"]) {
      expect(refusal(name)).toStartWith("unknown command");
      for (const form of [`--${name}`, `--${name}=x`, `--no-${name}`]) {
        expect(refusal("sync", form)).toStartWith("unknown option");
        expect(refusal(form)).toStartWith("unknown option");
      }
    }
  });

  test("terminal escapes in an argument come back visible", () => {
    expect(refusal("\x1b[2J")).toContain("\\u{1b}[2J");
    expect(refusal("sync", "--\x1b[2J")).toContain("\\u{1b}[2J");
    expect(refusal("sync", "-\x1bx")).toContain("\\u{1b}");
    expect(refusal("sync", "a\nb")).toContain("a\\u{a}b");
  });
});

describe("properties", () => {
  const word = fc.oneof(
    fc.string(),
    fc.string({ unit: "binary" }),
    fc.constantFrom("sync", "scan", "-o", "--out", "--agent", "--"),
  );
  const flag = fc.tuple(fc.constantFrom("--", "-", "--no-"), word).map((parts) => parts.join(""));

  test("any arguments give a request or a UsageError of one printable line, nothing else", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(word, flag), { maxLength: 6 }), (argv) => {
        try {
          const parsed = parse(...argv);
          return parsed.kind !== "run" || commands.includes(parsed.command);
        } catch (error) {
          return error instanceof UsageError && /^[^\p{Cc}\p{Cf}]+$/u.test(`${error.message}${error.hint}`);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test("an undeclared name is never accepted, in no position and no form", () => {
    const declared = new Set([
      "help",
      "version",
      "no-wait",
      "no-prune",
      ...Object.keys(syncArgs),
      ...Object.keys(globalArgs),
    ]);
    const name = fc
      .string({ minLength: 1, unit: "grapheme" })
      .filter((text) => !text.includes("=") && !declared.has(text));
    fc.assert(
      fc.property(name, fc.constantFrom("", "=x", "=", "=true"), fc.boolean(), (text, value, first) => {
        const option = `--${text}${value}`;
        expect(() => (first ? parse(option, "sync") : parse("sync", "-q", option, "--dry-run"))).toThrow(UsageError);
      }),
      { numRuns: 2000 },
    );
  });

  test("any text is a value behind an equals sign", () => {
    const text = fc.string({ unit: "binary", minLength: 1 });
    fc.assert(fc.property(text, (value) => run("sync", `--out=${value}`).out === value));
  });
});

test("types: a table gives its options their types, and a typed run is a command", () => {
  type Options = OptionsOf<typeof syncArgs>;
  const check = (options: Options) => ({
    agent: options.agent satisfies readonly string[],
    out: options.out satisfies string,
    limit: options.limit satisfies string | undefined,
    capture: options.capture satisfies "metadata" | "content" | "raw" | undefined,
    signals: options.signals satisfies readonly ("traces" | "metrics" | "logs")[],
    dry: options["dry-run"] satisfies boolean,
    wait: options.wait satisfies boolean,
    prune: options.prune satisfies boolean | undefined,
    color: options.color satisfies "auto" | "always" | "never",
    home: options.home satisfies readonly string[],
  });
  interface Io {
    readonly tty: boolean;
  }
  const module = { run: async (options: Options, io: Io): Promise<number> => (io.tty && check(options).dry ? 1 : 0) };
  const command: Command<Io> = { name: "sync", summary: "s", args: syncArgs, examples: [], load: async () => module };
  const parsed = parseArguments(["sync"], [command]);
  expect(parsed.kind === "run" && parsed.command).toBe(command);
});
