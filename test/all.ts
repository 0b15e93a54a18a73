/** Owns `npm test`: builds, checks form and types, runs every test, and ends with one line of counts. */
import { rmSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "..");
const bun = process.execPath;
const tool = (name: string): string => join(root, "node_modules/.bin", name);

/** These run for long, and by their own commands. */
const APART = ["soak/"];
const TEST_TIMEOUT_MS = 60_000;
/** Each test has its own folders and processes, so that two files may run at once. */
const TOGETHER = ["--parallel=2", "--no-isolate"];

interface Counts {
  passed: number;
  failed: number;
}

/** Runs one step with its output shown as it comes; a step counts as one. */
async function step(title: string, command: string[]): Promise<Counts> {
  console.log(`\n> ${title}`);
  const child = Bun.spawn(command, { cwd: root, stdin: "ignore", stdout: "inherit", stderr: "inherit" });
  const ok = (await child.exited) === 0;
  if (!ok) console.log(`${title}: failed`);
  return { passed: ok ? 1 : 0, failed: ok ? 0 : 1 };
}

/** Runs `bun test` with its output shown as it comes, and takes the counts from its own summary. */
async function tests(): Promise<Counts> {
  console.log("\n> tests");
  const files = [...new Bun.Glob("**/*.test.ts").scanSync(join(root, "test"))]
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => !APART.some((folder) => file.startsWith(folder)))
    .sort();
  if (files.length === 0) return { passed: 0, failed: 1 };
  const child = Bun.spawn(
    [bun, "test", ...TOGETHER, `--timeout=${TEST_TIMEOUT_MS}`, ...files.map((file) => `./test/${file}`)],
    {
      cwd: root,
      env: { ...process.env, ...(process.stderr.isTTY ? { FORCE_COLOR: "1" } : {}) },
      stdin: "ignore",
      stdout: "inherit",
      stderr: "pipe", // where bun test writes its report
    },
  );
  let tail = "";
  const decoder = new TextDecoder();
  for await (const bytes of child.stderr) {
    process.stderr.write(bytes);
    tail = (tail + decoder.decode(bytes, { stream: true })).slice(-10_000);
  }
  const exitCode = await child.exited;
  const summary = Bun.stripANSI(tail);
  const count = (word: string): number =>
    Number([...summary.matchAll(new RegExp(`^ *(\\d+) ${word}$`, "gm"))].at(-1)?.[1] ?? 0);
  const passed = count("pass");
  let failed = count("fail");
  // An error outside a test, a crash or a missing summary is a failure too.
  if ((exitCode !== 0 && failed === 0) || (exitCode === 0 && passed === 0)) failed++;
  return { passed, failed };
}

// What an earlier build left must not be what the tests run.
for (const name of ["weir", "weir-faults", "weir.exe", "weir-faults.exe"])
  rmSync(join(root, "dist", name), { force: true });

const counts = [
  await step("build", [bun, "run", "build.ts"]),
  await step("build with the fault harness", [bun, "run", "build.ts", "--faults"]),
  await step("format and lint", [tool("biome"), "check", "--error-on-warnings", "."]),
  await step("types", [tool("tsc"), "--noEmit"]),
  await tests(),
];
const passed = counts.reduce((sum, c) => sum + c.passed, 0);
const failed = counts.reduce((sum, c) => sum + c.failed, 0);
process.exitCode = failed === 0 ? 0 : 1;
console.log(`\n${passed} passed, ${failed} failed`);
