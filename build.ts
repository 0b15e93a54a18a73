/** Owns the build: one executable in dist/, made by Bun's own bundler; `--faults` adds the fault harness. */
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";

export interface BuildOptions {
  /** The folder that holds package.json and the sources. */
  readonly root: string;
  readonly outfile: string;
  /** Builds the fault harness in. Never for a release. */
  readonly faults: boolean;
  /** The first is the program; a worker's own entry may follow. */
  readonly entrypoints?: readonly string[];
  /** Another platform to build for. */
  readonly target?: Target;
}

export interface Target {
  readonly name: Bun.Build.CompileTarget;
  /** The file of Bun's runtime for it. */
  readonly runtime: string;
  /** What one machine compiles ahead, only the same can run. */
  readonly isHost: boolean;
}

/** The folders whose functions run once for each line, record or file; `engine.ts` tells them. */
const HOT = /[\\/]src[\\/](?:(?:agents|archive|export|read|record|sync)[\\/].*|system[\\/](?!engine|start)\w+)\.ts$/;

/**
 * Keeps the hot folders' functions out of the engine's last optimising compiler. With it, a sync of 100 MB took 0.58 s of
 * CPU instead of 0.45, one of 10,000 files 2.4 instead of 2.1, and one of 1 GB as much (measured with Bun 1.4.5). Nor is
 * one put into another, of which each compilation takes longer: a twentieth of a sync of 100 MB. The engine can only be told
 * function by function. A sync with nothing new takes a tenth less since `src/system` and the engine's own are told too.
 */
const lightCompilation: Bun.BunPlugin = {
  name: "light compilation",
  setup(bundler) {
    bundler.onLoad({ filter: HOT }, ({ path }) => {
      const source = readFileSync(path, "utf8");
      const namesOf = (what: RegExp): string => Array.from(source.matchAll(what), (found) => found[1]).join();
      const functions = namesOf(/^(?:export )?(?:async )?(?:function\*?|const(?= \w+ = (?:\(|async \())) (\w+)/gm);
      const classes = namesOf(/^(?:export )?(?:abstract )?class (\w+)/gm);
      const tell = `import { keepLight as $keepLight } from ${JSON.stringify(join(import.meta.dir, "src/system/engine.ts"))};`;
      return { loader: "ts", contents: `${source}\n${tell}\n$keepLight([${functions}], [${classes}]);\n` };
    });
  },
};

/** Builds the executable and returns its size in bytes; throws, naming every error, when anything does not compile. */
export async function build(options: BuildOptions): Promise<number> {
  const { root, outfile, faults, entrypoints = ["src/main.ts"], target } = options;
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  mkdirSync(dirname(outfile), { recursive: true });
  const result = await Bun.build({
    entrypoints: entrypoints.map((entry) => join(root, entry)),
    target: "bun",
    format: "esm",
    splitting: true,
    bytecode: target?.isHost ?? true,
    // Names stay, so that a stack trace can be read.
    minify: { whitespace: true, syntax: true, identifiers: false, keepNames: true },
    plugins: [lightCompilation],
    env: "disable",
    define: {
      WEIR_VERSION: JSON.stringify(version),
      WEIR_FAULTS: JSON.stringify(String(faults)),
    },
    // Without these two, the executable would run what a bunfig.toml or .env in the working directory says.
    compile: {
      outfile,
      ...(target && { target: target.name, executablePath: target.runtime }),
      autoloadDotenv: false,
      autoloadBunfig: false,
    },
    throw: false,
  });
  const errors = result.logs.filter((log) => log.level === "error");
  if (!result.success || errors.length > 0) {
    throw new Error(`the build failed:\n${result.logs.map((log) => Bun.inspect(log)).join("\n")}`);
  }
  for (const log of result.logs) console.warn(String(log));
  return Bun.file(outfile).size;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { faults: { type: "boolean", default: false }, outfile: { type: "string" } },
  });
  const name = values.faults ? "weir-faults" : "weir";
  const suffix = process.platform === "win32" ? ".exe" : "";
  const outfile = resolve(values.outfile ?? join(import.meta.dir, "dist", name + suffix));
  try {
    const bytes = await build({ root: import.meta.dir, outfile, faults: values.faults });
    console.log(`built ${outfile} (${(bytes / 1e6).toFixed(1)} MB)`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}
