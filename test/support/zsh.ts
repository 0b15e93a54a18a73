/** Owns asking a real zsh, on a terminal of its own, what it offers for a command line. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PATIENCE_MS = 20_000;

export interface Zsh extends Disposable {
  /** What Tab offers at the end of a command line, in the order of the groups, each once. */
  offered(line: string): Promise<string[]>;
}

/** Starts zsh with its own completion system and one script. */
export async function zshWith(script: string): Promise<Zsh> {
  const folder = mkdtempSync(join(tmpdir(), "weir-zsh-"));
  const out = join(folder, "out");
  writeFileSync(join(folder, "_weir"), script);
  writeFileSync(join(folder, ".zshrc"), settings(folder, out));
  let screen = "";
  const child = Bun.spawn(["zsh", "-i"], {
    env: { ZDOTDIR: folder, HOME: folder, PATH: process.env.PATH ?? "", TERM: "dumb" },
    terminal: {
      cols: 200,
      rows: 60,
      data(_, bytes) {
        screen += Buffer.from(bytes).toString();
      },
    },
  });
  await until(() => screen.includes("READY"), "zsh to start");
  return {
    async offered(line) {
      writeFileSync(out, "");
      child.terminal?.write(`${line}\t\x07`);
      const told = (): string => readFileSync(out, "utf8");
      await until(() => told().endsWith("END\n"), `zsh to complete "${line}"`);
      return [...new Set(told().split("\n").slice(0, -2))];
    },
    [Symbol.dispose]() {
      child.kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Every match that a completion adds goes to a file too; Ctrl-G ends a line without running it. */
function settings(folder: string, out: string): string {
  return `
PROMPT='READY '
fpath=(${folder} $fpath)
autoload -Uz compinit
compinit -u -D
compadd() {
  if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then builtin compadd "$@"; return; fi
  local -a hits
  builtin compadd -A hits "$@"
  (( $#hits )) && print -rl -- $hits >> ${out}
  builtin compadd "$@"
}
tell-end() { print END >> ${out}; BUFFER="" }
zle -N tell-end
bindkey '^G' tell-end
LISTMAX=1000
`;
}

async function until(isSo: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error(`waited too long for ${what}`);
    await Bun.sleep(10);
  }
}
