/** Owns `npm run wasm`: compiles AssemblyScript and writes it, as text, into the modules that weir loads. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "..");

export interface Compiled {
  readonly name: string;
  readonly source: string;
  /** Where the compiled module stands. */
  readonly module: string;
}

export const MODULES: readonly Compiled[] = [
  { name: "skimmer", source: "src/read/skim/assembly/skim.ts", module: "src/read/skim/module.ts" },
  { name: "teller", source: "src/archive/count/assembly/tell.ts", module: "src/archive/count/module.ts" },
];

/** A module's text as its source compiles to; throws what the compiler says when it does not. */
export function compiled({ name, source }: Compiled): string {
  const folder = mkdtempSync(join(tmpdir(), "weir-wasm-"));
  try {
    const outfile = join(folder, "module.wasm");
    const compiler = join(root, "node_modules/assemblyscript/bin/asc.js");
    const options = ["-O3", "--noAssert", "--converge", "--runtime", "stub", "--importMemory", "--enable", "simd"];
    const run = Bun.spawnSync(["node", compiler, source, "--outFile", outfile, ...options], { cwd: root });
    if (!run.success) throw new Error(`${run.stderr}${run.stdout}`);
    const text = readFileSync(outfile).toString("base64");
    return `/** Owns the compiled ${name} (WebAssembly, base64): made by \`npm run wasm\` from ${source}. */\nexport const MODULE: string =\n  "${text}";\n`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) for (const each of MODULES) writeFileSync(join(root, each.module), compiled(each));
