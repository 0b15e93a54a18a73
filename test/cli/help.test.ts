/** Proves that help tells everything the table declares, and keeps to its width. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { ArgSpec, Command } from "../../src/cli/args.ts";
import { answerArgs, globalArgs } from "../../src/cli/args.ts";
import type { Program } from "../../src/cli/help.ts";
import { commandHelp, HELP_COLUMNS, programHelp, programOverview } from "../../src/cli/help.ts";

const load = async (): Promise<{ run(): Promise<number> }> => ({ run: async () => 0 });
const exporting: Command = {
  name: "export",
  summary: "Writes what counts.",
  args: {
    format: { type: "enum", options: ["jsonl", "csv"], default: "jsonl", description: "how it is written" },
    out: { type: "string", alias: "o", valueHint: "FILE", default: "-", description: "write here" },
    agent: { type: "string", valueHint: "ID", repeatable: true, description: "only this agent" },
    signals: {
      type: "enum",
      options: ["traces", "logs"],
      valueHint: "LIST",
      repeatable: true,
      description: "what is sent",
    },
    wait: { type: "boolean", negatable: true, default: true, description: "do not wait" },
    prune: { type: "boolean", negatable: true, description: "prune afterwards", defaultText: "as configured" },
    all: { type: "boolean", description: `${"every telling of every fact, ".repeat(5)}too` },
  },
  examples: [{ line: "weir export --format csv -o calls.csv", does: "a spreadsheet of every call" }],
  load,
};
const completions: Command = {
  name: "completions",
  summary: "Prints completions.",
  args: {},
  examples: [],
  positional: { name: "shell", description: "your shell", options: ["bash", "zsh"], required: true },
  load,
};
const program: Program = {
  summary: "Keeps every agent's sessions.",
  commands: [exporting, completions],
  examples: [{ line: "weir sync", does: "archives what is new" }],
  exitCodes: [
    ["0", "done"],
    ["130/143", "stopped by a signal"],
  ],
};

describe("commandHelp", () => {
  test("reads so", () => {
    expect(commandHelp(exporting, { color: false })).toBe(`Writes what counts.

Usage: weir export [OPTIONS]

Options
      --format jsonl|csv  how it is written (default: jsonl)
  -o, --out FILE          write here (default: -)
      --agent ID          only this agent (repeatable)
      --signals LIST      what is sent (one of traces, logs; repeatable)
      --no-wait           do not wait
      --[no-]prune        prune afterwards (default: as configured)
      --all               every telling of every fact, every telling of every fact, every telling of
                          every fact, every telling of every fact, every telling of every fact, too

Options of every command
      --home DIR                 look for agents under this home folder (repeatable)
      --data-dir DIR             where the archive and its state are kept
      --config FILE              read the configuration from this file
      --json                     one JSON document on stdout instead of text; of an export what
                                 became of it, with --output or --to
  -q, --quiet                    errors only; prune then prints nothing, verify only what is wrong
  -v, --verbose                  say more about what is done
      --debug                    show the stack and the cause of an error
      --color auto|always|never  colour in text (default: auto)
  -h, --help                     show help
  -V, --version                  show the version

Examples
  weir export --format csv -o calls.csv  a spreadsheet of every call
`);
  });

  test("shows an argument and its choices, and leaves empty sections out", () => {
    const text = commandHelp(completions, { color: false });
    expect(text).toContain(
      "Usage: weir completions SHELL [OPTIONS]\n\nArgument\n  SHELL  your shell (one of bash, zsh)\n",
    );
    expect(text).not.toContain("Examples");
    expect(text).not.toContain("\nOptions\n");
  });
});

describe("programHelp", () => {
  test("tells commands, options, examples and exit codes", () => {
    const text = programHelp(program, { color: false });
    expect(text).toStartWith("Keeps every agent's sessions.\n\nUsage: weir COMMAND [OPTIONS]\n\nCommands\n");
    expect(text).toContain("\n  export       Writes what counts.\n  completions  Prints completions.\n");
    expect(text).toContain("\nExamples\n  weir sync  archives what is new\n");
    expect(text).toContain("\nExit codes\n  0        done\n  130/143  stopped by a signal\n");
    for (const name of Object.keys({ ...globalArgs, ...answerArgs })) expect(text).toContain(`--${name}`);
  });
});

describe("programOverview", () => {
  test("tells each command in its first sentence, and where more is told", () => {
    const long = { ...exporting, summary: "Writes what counts. Reads nothing." };
    expect(programOverview({ ...program, commands: [long, completions] }, { color: false })).toBe(
      `Keeps every agent's sessions.

Usage: weir COMMAND [OPTIONS]

Commands
  export       Writes what counts.
  completions  Prints completions.

weir --help tells more, weir COMMAND --help all about one command.
`,
    );
  });
});

describe("both", () => {
  test("colour makes headings bold and changes nothing else", () => {
    for (const render of [programHelp.bind(null, program), commandHelp.bind(null, exporting)]) {
      const colored = render({ color: true });
      expect(colored).toContain("\x1b[1mExamples\x1b[22m");
      expect(Bun.stripANSI(colored)).toBe(render({ color: false }));
      expect(render({ color: false })).not.toContain("\x1b");
    }
  });

  test("no line is wider than the terminal but for a single word, ends in a space, or loses a word", () => {
    const text = fc.array(fc.oneof(fc.stringMatching(/^[a-z]{1,12}$/), fc.constantFrom("日本語", "x".repeat(16))), {
      maxLength: 30,
    });
    const spec = fc
      .tuple(text, fc.stringMatching(/^[A-Z|]{1,60}$/))
      .map(([words, valueHint]): ArgSpec => ({ type: "string", valueHint, description: words.join(" ") }));
    const args = fc.dictionary(fc.stringMatching(/^[a-z][a-z-]{1,50}$/), spec, { maxKeys: 6 });
    fc.assert(
      fc.property(args, text, fc.integer({ min: 1, max: 300 }), (table, words, columns) => {
        const does = words.join(" ");
        const help = commandHelp(
          { ...exporting, args: table, summary: does, examples: [{ line: does, does }] },
          { color: false, columns },
        );
        const limit = Math.max(40, Math.min(HELP_COLUMNS, columns));
        for (const line of help.split("\n")) {
          const isOneWord = !line.trim().includes(" ") || /^ *(-., )?--\S+ \S+$/.test(line);
          if (!isOneWord && !line.startsWith("Usage:")) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(limit);
          expect(line).toBe(line.trimEnd());
        }
        const letters = help.replace(/\s/g, "");
        for (const { description } of Object.values(table)) expect(letters).toContain(description.replace(/\s/g, ""));
      }),
    );
  });
});
