/** Proves the completion scripts in the shells that are there: bash always, zsh and fish where they are installed. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { agents } from "../../src/agents/index.ts";
import { type ArgSpec, answerArgs, globalArgs } from "../../src/cli/args.ts";
import { commands, exportArgs } from "../../src/cli/commands.ts";
import { scratch } from "../support/home.ts";
import { weir } from "../support/weir.ts";
import { type Zsh, zshWith } from "../support/zsh.ts";

const SHELLS = ["bash", "zsh", "fish", "powershell"] as const;

function script(shell: string): string {
  const { status, stdout, stderr } = weir(["completions", shell]);
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

const inBash = script("bash");

/** What bash offers for a command line; its last word is the one that is being typed. */
function offered(...words: string[]): string[] {
  const text = `${inBash}
COMP_WORDS=(weir "$@"); COMP_CWORD=$#; COMPREPLY=(); _weir
for reply in "\${COMPREPLY[@]}"; do printf '%s\\n' "$reply"; done`;
  const run = Bun.spawnSync(["bash", "-c", text, "bash", ...words], { stderr: "pipe" });
  expect(run.stderr.toString()).toBe("");
  return run.stdout.toString().split("\n").slice(0, -1);
}

function optionsOf(command: (typeof commands)[number]): string[] {
  return Object.entries<ArgSpec>({ ...command.args, ...globalArgs, ...answerArgs }).map(([name, spec]) =>
    spec.type === "boolean" && spec.negatable && spec.default ? `--no-${name}` : `--${name}`,
  );
}

describe("in bash", () => {
  test("offers every command, and of each every option", () => {
    expect(offered("")).toEqual([...commands.map(({ name }) => name), "help"]);
    expect(offered("s")).toEqual(commands.map(({ name }) => name).filter((name) => name.startsWith("s")));
    for (const command of commands) expect(offered(command.name, "--").sort()).toEqual(optionsOf(command).sort());
  });

  test("offers values: agents, also in a list, words after = and after a space, one argument", () => {
    expect(offered("sync", "--agent", "")).toEqual(agents.map(({ id }) => id));
    expect(offered("sync", "--agent", "codex,pi")).toEqual(["codex,pi"]);
    expect(offered("export", "--format", "c")).toEqual(["csv"]);
    expect(offered("export", "--format", "=", "c")).toEqual(["csv"]);
    expect(offered("export", "--format", "=")).toContain("jsonl");
    expect(offered("completions", "")).toEqual([...SHELLS]);
    expect(offered("export", "--since", "")).toEqual([]);
  });

  test("finds the command behind options with values", () => {
    expect(offered("--home", "sync", "ex")).toEqual(["export"]);
    expect(offered("--color", "never", "prune", "--for")).toEqual(["--force"]);
  });

  test("offers paths with spaces whole, and folders where a folder is wanted", () => {
    using place = scratch();
    place.write("a file.toml", "");
    place.write("a folder/x", "");
    expect(offered("sync", "--config", `${place.home}/a f`).sort()).toEqual([
      `${place.home}/a file.toml`,
      `${place.home}/a folder`,
    ]);
    expect(offered("sync", "--home", `${place.home}/a`)).toEqual([`${place.home}/a folder`]);
  });

  test("runs nothing that a name could smuggle in", () => {
    using place = scratch();
    const name = "$(touch smuggled)`touch smuggled`";
    place.write(name, "");
    expect(offered("sync", "--config", `${place.home}/`)).toContain(`${place.home}/${name}`);
    expect(offered("sync", "--agent", "$(touch smuggled)")).toEqual([]);
    expect(existsSync("smuggled")).toBe(false);
  });
});

describe.skipIf(!Bun.which("zsh"))("in zsh", () => {
  let zsh: Zsh;
  beforeAll(async () => {
    zsh = await zshWith(script("zsh"));
  });
  afterAll(() => zsh[Symbol.dispose]());

  test("offers every command, and of each every option", async () => {
    expect((await zsh.offered("weir ")).sort()).toEqual([...commands.map(({ name }) => name), "help"].sort());
    for (const command of commands) {
      const offered = await zsh.offered(`weir ${command.name} --`);
      expect([command.name, offered.sort()]).toEqual([command.name, optionsOf(command).sort()]);
    }
  });

  test("offers values: agents, also in a list, words behind = and a space, one argument, files and folders", async () => {
    using place = scratch();
    place.write("a-file.toml", "");
    place.write("a-folder/x", "");
    expect(await zsh.offered("weir sync --agent ")).toEqual(agents.map(({ id }) => id));
    expect(await zsh.offered("weir sync --agent codex,p")).toEqual(["pi"]);
    expect(await zsh.offered("weir export --format=c")).toEqual(["csv"]);
    expect(await zsh.offered("weir export --format ")).toContain("parquet");
    expect(await zsh.offered("weir completions ")).toEqual([...SHELLS]);
    expect(await zsh.offered("weir --color never pru")).toEqual(["prune"]);
    expect((await zsh.offered(`weir sync --config ${place.home}/a-`)).sort()).toEqual(["a-file.toml", "a-folder"]);
    expect(await zsh.offered(`weir sync --home ${place.home}/a-`)).toEqual(["a-folder"]);
    expect(await zsh.offered("weir export --since ")).toEqual([]);
  });
});

describe.skipIf(!Bun.which("fish"))("in fish", () => {
  const inFish = script("fish");

  /** Of what fish itself offers, the words. */
  function ask(line: string): string[] {
    using place = scratch();
    const path = place.write("weir.fish", inFish);
    const command = ["fish", "--no-config", "-c", `source ${path}; complete -C ${JSON.stringify(line)}`];
    const run = Bun.spawnSync(command, { stderr: "pipe" });
    expect(run.stderr.toString()).toBe("");
    const lines = run.stdout.toString().split("\n").slice(0, -1);
    return lines.map((each) => each.split("\t")[0] ?? "");
  }

  test("offers every command, and of each every option", () => {
    expect(ask("weir ").sort()).toEqual([...commands.map(({ name }) => name), "help"].sort());
    for (const command of commands)
      expect([
        command.name,
        ask(`weir ${command.name} --`)
          .map((each) => each.replace(/=$/, ""))
          .sort(),
      ]).toEqual([command.name, optionsOf(command).sort()]);
  });

  test("offers values: agents, also in a list, words behind = and a space, one argument, files and folders", () => {
    using place = scratch();
    place.write("a-file.toml", "");
    place.write("a-folder/x", "");
    expect(ask("weir sync --agent ").sort()).toEqual(agents.map(({ id }) => id).sort());
    expect(ask("weir sync --agent codex,p")).toEqual(["codex,pi"]);
    expect(ask("weir export --format=c")).toEqual(["--format=csv"]);
    expect(ask("weir export --format ").sort()).toEqual([...exportArgs.format.options].sort());
    expect(ask("weir completions ").sort()).toEqual([...SHELLS].sort());
    expect(ask("weir --color never pru")).toEqual(["prune"]);
    const paths = [`${place.home}/a-file.toml`, `${place.home}/a-folder/`];
    expect(ask(`weir sync --config ${place.home}/a-`).sort()).toEqual(paths);
    expect(ask(`weir sync --home ${place.home}/a-`)).toEqual(paths.slice(1));
    expect(ask("weir export --since ")).toEqual([]);
  });
});

test.each(SHELLS)("%s knows every command, option and agent, and works with a configuration that is wrong", (shell) => {
  using place = scratch();
  const file = place.write("config.toml", "nonsense = 1");
  const { status, stdout } = weir(["completions", shell, "--config", file]);
  expect(status).toBe(0);
  const words = [
    ...commands.flatMap((command) => [command.name, ...optionsOf(command)]),
    ...agents.map(({ id }) => id),
  ];
  const shown = shell === "fish" ? words.map((word) => word.replace(/^--/, "-l ")) : words;
  expect(shown.filter((word) => !stdout.includes(word))).toEqual([]);
});
