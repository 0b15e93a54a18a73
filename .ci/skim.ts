/** Owns `npm run skim`: compiles the skimmer's AssemblyScript and writes it, as text, into the module that weir loads. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "..");
const source = join(root, "src/read/skim/assembly/skim.ts");

/** Where the compiled skimmer stands. */
export const MODULE: string = join(root, "src/read/skim/module.ts");

/** The module's text as its source compiles to; throws what the compiler says when it does not. */
export function compileSkimmer(): string {
  const folder = mkdtempSync(join(tmpdir(), "weir-skim-"));
  try {
    const outfile = join(folder, "skim.wasm");
    const compiler = join(root, "node_modules/assemblyscript/bin/asc.js");
    const options = ["-O3", "--noAssert", "--converge", "--runtime", "stub", "--importMemory"];
    const run = Bun.spawnSync(["node", compiler, source, "--outFile", outfile, ...options], { cwd: root });
    if (!run.success) throw new Error(`${run.stderr}${run.stdout}`);
    const text = readFileSync(outfile).toString("base64");
    return `/** Owns the compiled skimmer (WebAssembly, base64): made by \`npm run skim\` from assembly/skim.ts. */\nexport const MODULE: string =\n  "${text}";\n`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) writeFileSync(MODULE, compileSkimmer());
