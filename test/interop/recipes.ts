/** Owns `npm run recipes`: installs DuckDB, ClickHouse and pandas from PyPI into dist/, and tries docs/recipes.md on them. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { blocksOf, kitchen } from "../support/recipes.ts";

const venv = join(import.meta.dir, "../../dist/venv");
const python = join(venv, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
/** Pinned, so that a recipe that fails is the recipe's fault; chdb is ClickHouse as a library. */
const PACKAGES = ["duckdb==2.0.0", "pandas==3.1.1", "pyarrow==26.0.1", "pytz==2026.6", "chdb==4.4.0"];

/** How a block of each tool is run in Python: the rows of its answer are in `rows`. */
const TOOLS: Readonly<Record<string, string>> = {
  DuckDB: "import duckdb\nrows = duckdb.sql(block).fetchall()",
  ClickHouse: "import chdb\nrows = json.loads(chdb.query(block, 'JSONCompact').bytes())['data']",
  pandas: "exec(block)\nrows = result.reset_index().values.tolist()",
};

function run(...cmd: string[]): void {
  const child = Bun.spawnSync(cmd, { stdio: ["ignore", "inherit", "inherit"] });
  if (!child.success) throw new Error(`${cmd.join(" ")} failed`);
}

function cook(how: string, block: string, cwd: string): unknown[][] {
  const script = `import json, sys\nblock = sys.stdin.read()\n${how}\nprint("ROWS " + json.dumps(rows, default=str))`;
  const options = { cwd, stdin: Buffer.from(block), stdout: "pipe", stderr: "pipe" } as const;
  const { success, stdout, stderr } = Bun.spawnSync([python, "-c", script], options);
  if (!success) throw new Error(stderr.toString());
  return JSON.parse(/^ROWS (.*)$/m.exec(stdout.toString())?.[1] ?? "[]");
}

/** Says what is wrong with an answer; the first recipe of a tool gives the tokens of every model. */
function fault(rows: readonly unknown[][], tokens: ReadonlyMap<string, number> | undefined): string | undefined {
  if (rows.length === 0) return "no rows";
  const found = new Map(rows.map(([model, sum]) => [model, Number(sum)]));
  const wrong = [...(tokens ?? [])].find(([model, sum]) => found.get(model) !== sum);
  return wrong && `${wrong[0]}: ${found.get(wrong[0])} and not ${wrong[1]} tokens`;
}

if (!existsSync(python)) run("python3", "-m", "venv", venv);
run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...PACKAGES);
using here = kitchen();
let failed = 0;
for (const [tool, how] of Object.entries(TOOLS)) {
  for (const [at, block] of blocksOf(tool).entries()) {
    let problem: string | undefined;
    try {
      problem = fault(cook(how, block, here.place.root), at === 0 ? here.tokens : undefined);
    } catch (error) {
      problem = String(error);
    }
    if (problem !== undefined) failed++;
    console.log(`${problem === undefined ? "ok    " : "FAILED"}  ${tool}: ${block.split("\n").at(-1)}`);
    if (problem !== undefined) console.log(problem);
  }
}
process.exitCode = failed === 0 ? 0 : 1;
