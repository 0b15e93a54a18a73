/** Proves that every example of the help and every command line in README and docs does what it should on a fixture home. */
import { afterAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { parseArguments } from "../../src/cli/argv.ts";
import { commands } from "../../src/cli/commands.ts";
import { program } from "../../src/cli/program.ts";
import { type Scratch, scratch } from "../support/home.ts";
import { programPath, weir } from "../support/weir.ts";

const root = join(import.meta.dir, "../..");
const names = commands.map(({ name }) => name).join("|");
const COMMAND = new RegExp(`\\bweir(?:\\.exe)? (?:${names})\\b`);

/** How a command line stands in a block of code; the group is what a shell would run. */
const FORMS = [
  /^(?:\$ )?((?:[A-Z_]+=\S+ )*(?:dist\/)?weir .*)$/,
  /^(?:eval|source) .*$/,
  /^(?:[\d*/,-]+ ){5}(.*)$/,
  /^ExecStart=\S*\/(weir .*)$/,
  /\/TR "\S*\\(weir\.exe .*)"$/,
];

const pages = [
  "README.md",
  ...readdirSync(join(root, "docs"))
    // Those of the one need other programs, recipes.test.ts tries them; those of the other the bench itself has run.
    .filter((name) => name.endsWith(".md") && !["recipes.md", "benchmarks.md"].includes(name))
    .map((name) => `docs/${name}`),
];

interface Line {
  readonly from: string;
  readonly line: string;
}

/** The command lines in the blocks of code of a page; one that no form knows fails. */
function blockLines(page: string): Line[] {
  const lines: Line[] = [];
  for (const [, block = ""] of readFileSync(join(root, page), "utf8").matchAll(/^```[^\n]*\n(.*?)^```/gms)) {
    for (const line of block.split("\n").map((each) => each.trim())) {
      if (!COMMAND.test(line) || line.includes("npm run")) continue;
      const found = FORMS.map((form) => form.exec(line)).find((match) => match !== null);
      if (!found) throw new Error(`${page}: in what form is this a command line? ${line}`);
      lines.push({ from: page, line: found[1] ?? found[0] });
    }
  }
  return lines;
}

const helpLines: Line[] = [program, ...commands].flatMap((each) =>
  each.examples.map(({ line }) => ({ from: "name" in each ? `weir ${each.name} --help` : "weir --help", line })),
);
const all = [...helpLines, ...pages.flatMap(blockLines)].map(({ from, line }) => ({
  from,
  line: (FORMS[2]?.exec(line)?.[1] ?? line).replace(/^dist\//, "").replace("weir.exe", "weir"),
}));

/** Takes whatever is sent to it. */
const receiver = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: () => new Response("{}", { headers: { "content-type": "application/json" } }),
});
afterAll(() => receiver.stop(true));

/** A folder to work in with what the examples name, an archive that has been synced, and `weir` in the PATH. */
function world(): { readonly place: Scratch; readonly env: Record<string, string> } {
  const place = scratch();
  for (const agent of ["claude-code", "codex"]) place.copyFixture(agent);
  const data = join(place.root, "weir");
  mkdirSync(join(place.root, "bin"));
  symlinkSync(programPath(), join(place.root, "bin/weir"));
  const transcript = [...new Bun.Glob("**/rollout-*.jsonl").scanSync({ cwd: place.home, dot: true })][0] ?? "";
  copyFileSync(join(place.home, transcript), join(place.root, "old.jsonl"));
  copyFileSync(join(root, "test/docs/other.toml"), join(place.root, "other.toml"));
  const synced = weir(["sync", "--quiet", "--home", place.home, "--data-dir", data]);
  if (synced.status !== 0) throw new Error(synced.stderr);
  const env = {
    PATH: `${join(place.root, "bin")}:${process.env.PATH}`,
    HOME: place.home,
    WEIR_HOME: place.home,
    WEIR_DATA_DIR: data,
    RUNNER_TEMP: place.root,
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url.href,
  };
  return { place, env };
}

test("the examples are found", () => {
  expect(helpLines.length).toBeGreaterThan(20);
  for (const page of ["README.md", "docs/cron-ci.md"]) expect(blockLines(page).length).toBeGreaterThan(3);
});

describe("each example works", () => {
  test.each([...new Map(all.map((each) => [each.line, each])).values()].map(({ line, from }) => [line, from]))(
    "%s (%s)",
    async (line) => {
      const { place, env } = world();
      using _ = place;
      const isWatch = line.includes("--watch");
      const script = line
        .replace("http://127.0.0.1:4318", receiver.url.href.replace(/\/$/, ""))
        .replace("/mnt/c/Users/me", place.home);
      const child = Bun.spawn(["bash", "-c", `set -o pipefail; ${isWatch ? `exec ${script}` : script}`], {
        cwd: place.root,
        env,
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      });
      if (isWatch) {
        await Bun.sleep(500);
        child.kill("SIGTERM");
      }
      const [stderr, status] = await Promise.all([
        new Response(child.stderr).text(),
        child.exited,
        new Response(child.stdout).text(),
      ]);
      expect({ status, stderr: status === (isWatch ? 143 : 0) ? "" : stderr }).toEqual({
        status: isWatch ? 143 : 0,
        stderr: "",
      });
    },
  );
});

describe("each command line in a sentence is one that weir takes", () => {
  const spans = pages.flatMap((page) => {
    const text = readFileSync(join(root, page), "utf8").replace(/^```.*?^```/gms, "");
    return [...text.matchAll(/`(weir [^`]+)`/g)].map(([, span = ""]) => [span, page] as const);
  });
  test.each(spans.filter(([span]) => COMMAND.test(span)))("%s (%s)", (span) => {
    const words = span.split(/\s+/).slice(1);
    const last = words.at(-1) ?? "";
    // In a sentence the value may be left out: `weir export --to`.
    const request = last.startsWith("--") && !words.includes("--json") ? words.slice(0, -1) : words;
    expect(parseArguments(request, commands).kind).toBe("run");
    const option = last.replace(/^--(no-)?/, "");
    if (request !== words)
      expect(Object.keys(commands.find(({ name }) => name === words[0])?.args ?? {})).toContain(option);
  });
});
