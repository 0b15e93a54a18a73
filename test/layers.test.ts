/** Owns the proof that the layer rules of biome.json hold: each forbidden import is rejected, each allowed one is not. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";

const project = join(import.meta.dir, "..");
const IMPORTS = "lint/style/noRestrictedImports";
const GLOBALS = "lint/style/noRestrictedGlobals";
const PROPERTIES = "lint/nursery/noJsRestrictedProperties";

const importing = (path: string): string => `import { x } from "${path}";\nexport const y = [x];\n`;
const importingType = (path: string): string => `import type { X } from "${path}";\nexport type Y = X;\n`;
const importingLater = (path: string): string => `export const y = (): Promise<unknown> => import("${path}");\n`;
const reexporting = (path: string): string => `export { x } from "${path}";\n`;
const using = (expression: string): string => `export const y = (): unknown => ${expression};\n`;

/** Where it is written (a file, or a folder for a name of its own), its text, and the rule that must reject it. */
const rejected: [file: string, text: string, rule: string][] = [
  ["src/record", importing("../system/system.ts"), IMPORTS],
  ["src/record", importing("../read/types.ts"), IMPORTS],
  ["src/record", importing("../main.ts"), IMPORTS],
  ...["read", "archive", "export"].flatMap((layer): [string, string, string][] => [
    ...["agents", "sync", "config", "cli", "read", "archive", "export", "unheard-of"]
      .filter((other) => other !== layer)
      .map((other): [string, string, string] => [`src/${layer}`, importing(`../${other}/x.ts`), IMPORTS]),
    [`src/${layer}`, importing("../main.ts"), IMPORTS],
    [`src/${layer}/deeper`, importing("../../cli/x.ts"), IMPORTS],
    [`src/${layer}`, importing("../cli/record/x.ts"), IMPORTS],
    [`src/${layer}`, importingType("../cli/x.ts"), IMPORTS],
    [`src/${layer}`, importingLater("../cli/x.ts"), IMPORTS],
    [`src/${layer}`, reexporting("../cli/x.ts"), IMPORTS],
  ]),
  ["src/agents", importing("../system/system.ts"), IMPORTS],
  ["src/agents", importing("../read/tail.ts"), IMPORTS],
  ["src/agents", importing("../archive/x.ts"), IMPORTS],
  ["src/agents", importing("./codex.ts"), IMPORTS],
  ["src/agents", importing("./codex/index.ts"), IMPORTS],
  ["src/agents", importing("./index.ts"), IMPORTS],
  ["src/agents", importing("node:fs"), IMPORTS],
  ["src/agents", importing("bun:sqlite"), IMPORTS],
  ["src/agents/claude", importing("../codex.ts"), IMPORTS],
  ["src/agents/claude", importing("../codex/reducer.ts"), IMPORTS],
  ["src/agents/claude", importing("../../system/system.ts"), IMPORTS],
  ["src/agents/tasks", importing("../claude/reducer.ts"), IMPORTS],
  ["src/agents/index.ts", importing("../system/system.ts"), IMPORTS],
  ["src/agents/index.ts", importing("../read/tail.ts"), IMPORTS],
  ["src/sync", importing("../export/x.ts"), IMPORTS],
  ["src/sync", importing("../cli/x.ts"), IMPORTS],
  ["src/sync", importing("../config/x.ts"), IMPORTS],
  ["src/config", importing("../record/schema.ts"), IMPORTS],
  ["src/config", importing("../cli/x.ts"), IMPORTS],
  ["src/system", importing("../record/schema.ts"), IMPORTS],
  ["src/unheard-of", importing("../record/schema.ts"), IMPORTS],
  ...["record", "read", "archive", "export", "agents", "sync", "config", "cli", "unheard-of"].flatMap(
    (layer): [string, string, string][] => [
      ...["fs", "fs/promises", "os", "child_process", "process", "net", "http", "https", "dns", "sqlite", "tty"].map(
        (name): [string, string, string] => [`src/${layer}`, importing(`node:${name}`), IMPORTS],
      ),
      [`src/${layer}`, importing("bun:sqlite"), IMPORTS],
      [`src/${layer}`, importing("bun"), IMPORTS],
      [`src/${layer}`, importing("fs"), "lint/style/useNodejsImportProtocol"],
      [`src/${layer}`, using("process.env"), GLOBALS],
      [`src/${layer}`, using('fetch("http://x.invalid")'), GLOBALS],
      [`src/${layer}`, using("globalThis.process"), PROPERTIES],
      [`src/${layer}`, using('globalThis.Bun.file("x")'), PROPERTIES],
      [`src/${layer}`, using('Bun.file("x")'), PROPERTIES],
      [`src/${layer}`, using('Bun.write("x", "y")'), PROPERTIES],
      [`src/${layer}`, using("Bun.env"), PROPERTIES],
    ],
  ),
  ["src/main.ts", importing("node:process"), IMPORTS],
  ...["read", "archive", "export", "agents", "sync", "config", "cli", "system"].flatMap(
    (layer): [string, string, string][] => [
      [`src/${layer}`, importing("@opentelemetry/semantic-conventions"), IMPORTS],
      [`src/${layer}`, importing("@opentelemetry/semantic-conventions/incubating"), IMPORTS],
    ],
  ),
  ...["record", "system", "cli"].flatMap((layer): [string, string, string][] => [
    [`src/${layer}`, "export const y = (x: any): unknown => x;\n", "lint/suspicious/noExplicitAny"],
    [`src/${layer}`, using('console.log("x")'), "lint/suspicious/noConsole"],
  ]),
];

const accepted: [file: string, text: string][] = [
  ["src/record", importing("./schema.ts")],
  ["src/record", importing("@opentelemetry/semantic-conventions/incubating")],
  ["src/record", importing("node:crypto")],
  ["src/record", using("Bun.hash.xxHash64")],
  ...["read", "archive", "export"].flatMap((layer): [string, string][] => [
    [`src/${layer}`, importing("../record/schema.ts")],
    [`src/${layer}`, importing("../system/system.ts")],
    [`src/${layer}`, importing("./neighbour.ts")],
    [`src/${layer}`, importing("node:path")],
    [`src/${layer}`, importing("valibot")],
    [`src/${layer}/deeper`, importing("../../record/schema.ts")],
    [`src/${layer}/deeper`, importing("../neighbour.ts")],
  ]),
  ["src/agents", importing("../record/draft.ts")],
  ["src/agents", importingType("../read/types.ts")],
  ["src/agents/claude", importing("./reducer.ts")],
  ["src/agents/claude", importing("../../record/draft.ts")],
  ["src/agents/claude", importingType("../../read/types.ts")],
  ["src/agents/claude", importing("../tasks/shown.ts")],
  ["src/agents/tasks", importing("../../record/draft.ts")],
  ["src/agents/index.ts", importing("./codex.ts") + importingType("../read/types.ts")],
  ...["agents", "read", "archive", "record", "system"].map((other): [string, string] => [
    "src/sync",
    importing(`../${other}/x.ts`),
  ]),
  ["src/config", importing("../system/process.ts")],
  ...["agents", "read", "archive", "record", "system", "sync", "config", "export"].flatMap(
    (other): [string, string][] => [
      ["src/cli", importing(`../${other}/x.ts`)],
      ["src/cli/deeper", importing(`../../${other}/x.ts`)],
    ],
  ),
  ["src/main.ts", importing("./cli/scan.ts")],
  ["src/system", importing("node:fs")],
  ["src/system", importing("node:process")],
  ["src/system", importing("bun:sqlite")],
  ["src/system", using('Bun.file("x")')],
  ["src/system", using('fetch("http://x.invalid")')],
];

interface Case {
  readonly layout: number;
  readonly path: string;
  readonly text: string;
  readonly rule?: string;
}

/** Gives each case a file of its own; a fixed name (src/main.ts) again and again needs a layout of its own. */
function place(
  list: [file: string, text: string, rule?: string][],
  prefix: string,
  taken: Map<string, number>,
): Case[] {
  return list.map(([file, text, rule], number) => {
    const path = file.endsWith(".ts") ? file : `${file}/${prefix}${number}.ts`;
    const layout = taken.get(path) ?? 0;
    taken.set(path, layout + 1);
    return { layout, path, text, rule };
  });
}

const taken = new Map<string, number>();
const cases = { rejected: place(rejected, "rejected", taken), accepted: place(accepted, "accepted", taken) };
const findings = new Map<string, string[]>();
let folder = "";

/** Runs the linter over one layout and notes the rules that each file breaks. */
function lint(layout: number): void {
  const root = join(folder, String(layout));
  cpSync(join(project, "biome.json"), join(root, "biome.json"));
  const run = Bun.spawnSync(
    [join(project, "node_modules/.bin/biome"), "lint", "--reporter=github", "--max-diagnostics=none", "."],
    { cwd: root },
  );
  for (const [, rule, file] of run.stdout.toString().matchAll(/ title=([^,]+),file=([^,]+),/g)) {
    const key = `${layout}/${relative(realpathSync(root), file!)}`;
    findings.set(key, [...(findings.get(key) ?? []), rule!]);
  }
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weir-layers-"));
  const all = [...cases.rejected, ...cases.accepted];
  for (const { layout, path, text } of all) {
    const file = join(folder, String(layout), path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  for (const layout of new Set(all.map((c) => c.layout))) lint(layout);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the layer rules reject", () => {
  for (const { layout, path, text, rule } of cases.rejected) {
    test(`${dirname(path)}: ${text.split("\n")[0]}`, () => {
      expect(findings.get(`${layout}/${path}`) ?? []).toContain(rule!);
    });
  }
});

describe("the layer rules accept", () => {
  for (const { layout, path, text } of cases.accepted) {
    test(`${dirname(path)}: ${text.split("\n")[0]}`, () => {
      expect(findings.get(`${layout}/${path}`) ?? []).toEqual([]);
    });
  }
});

// The linter cannot tell a type from a value that is imported by name, and cannot know of folders made later.
describe("what the linter cannot express", () => {
  test("the contract that agents import from read brings nothing in at run time", () => {
    const contract = readFileSync(join(project, "src/read/types.ts"), "utf8");
    expect(new Bun.Transpiler({ loader: "ts" }).scanImports(contract)).toEqual([]);
  });

  test("every folder of src has a layer rule", () => {
    const config = readFileSync(join(project, "biome.json"), "utf8");
    const folders = readdirSync(join(project, "src"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(folders.map((entry) => entry.name).filter((name) => !config.includes(`"src/${name}/`))).toEqual([]);
  });
});
