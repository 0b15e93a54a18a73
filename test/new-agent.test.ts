/** Proves that an agent is added with one file, one registry line, one fixture and one test, and nothing else. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { newAgent } from "./new-agent.ts";
import { listing, type Scratch, scratch } from "./support/home.ts";

const project = join(import.meta.dir, "..");
const LONG = { timeout: 300_000 };
/** What it takes to build, check and document an agent; of the fixtures only the new one's. */
const NEEDED = [
  "README.md",
  "biome.json",
  "bunfig.toml",
  "build.ts",
  "docs",
  "package.json",
  "src",
  "test/contract",
  "test/support",
  "tsconfig.json",
];

let place: Scratch;
let written: string[];
let before: string;

beforeAll(() => {
  place = scratch();
  for (const name of NEEDED) cpSync(join(project, name), join(place.root, name), { recursive: true });
  symlinkSync(join(project, "node_modules"), join(place.root, "node_modules"));
  before = readFileSync(join(project, "src/agents/index.ts"), "utf8");
  written = newAgent(place.root, "made-up");
});
afterAll(() => place[Symbol.dispose]());

function run(...cmd: string[]): { code: number; output: string } {
  const env = { PATH: process.env.PATH ?? "", HOME: place.home, WEIR_CUTS: "100" };
  const child = Bun.spawnSync({ cmd, cwd: place.root, env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const output = child.stdout.toString() + child.stderr.toString();
  return { code: child.exitCode, output };
}

/** How many tests have passed; all that ran must have. */
function passed({ code, output }: { code: number; output: string }): number {
  expect({ code, output: code === 0 ? "" : output }).toEqual({ code: 0, output: "" });
  return Number(/^ *(\d+) pass$/m.exec(Bun.stripANSI(output))?.[1]);
}

/** Lines that are neither empty nor comment. */
function linesOfCode(text: string): string[] {
  const bare = text.replaceAll(/^\s*\/\*\*.*?\*\/$/gms, "").replaceAll(/^\s*\/\/.*$/gm, "");
  return bare.split("\n").filter((line) => line.trim() !== "");
}

const tool = (name: string): string => join(project, "node_modules/.bin", name);

describe("npm run new:agent", () => {
  test("writes a file, a test and a fixture, and adds two lines to the registry", () => {
    expect(written.filter((path) => !path.startsWith("fixtures/"))).toEqual([
      "src/agents/made-up.ts",
      "test/agents/made-up.test.ts",
      "src/agents/index.ts",
    ]);
    const after = readFileSync(join(place.root, "src/agents/index.ts"), "utf8").split("\n");
    const added = after.filter((line) => !before.split("\n").includes(line));
    expect(added).toEqual(['import { madeUp } from "./made-up.ts";', "  madeUp,"]);
    const own = written.slice(0, 2).flatMap((path) => linesOfCode(readFileSync(join(place.root, path), "utf8")));
    expect(own.length + added.length).toBeLessThan(45);
  });

  test(
    "what it writes is formatted, typed and documented as it is",
    () => {
      const code = written.filter((path) => path.endsWith(".ts"));
      expect(run(tool("biome"), "check", "--error-on-warnings", ...code)).toMatchObject({ code: 0 });
      expect(run(tool("tsc"), "--noEmit")).toEqual({ code: 0, output: "" });
      expect(run(process.execPath, "run", "docs/generate.ts")).toEqual({ code: 0, output: "" });
      expect(readFileSync(join(place.root, "docs/agents.md"), "utf8")).toContain("\n## Made Up\n");
      expect(readFileSync(join(place.root, "README.md"), "utf8")).toContain("| Made Up (unverified) ");
    },
    LONG,
  );

  test(
    "its test and the contract laws pass without an edit",
    () => {
      expect(passed(run(process.execPath, "test", "./test/agents/made-up.test.ts"))).toBe(1);
      const laws = ["./test/contract/laws.test.ts", "-t", "made-up", "--timeout=200000"];
      expect(passed(run(process.execPath, "test", ...laws))).toBeGreaterThan(5);
    },
    LONG,
  );

  test("refuses a name that is there or is none, and changes nothing", () => {
    const files = listing(join(place.root, "src")).concat(listing(join(place.root, "fixtures")));
    for (const name of ["made-up", "codex", "opencode", "kilo-code", "", "My Agent", "../evil", "a--b", "index"])
      expect(() => newAgent(place.root, name)).toThrow();
    expect(listing(join(place.root, "src")).concat(listing(join(place.root, "fixtures")))).toEqual(files);
  });
});
