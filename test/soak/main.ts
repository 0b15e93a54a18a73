/**
 * Owns `npm run soak`: the tests of the faults at their large sizes, then gigabytes through one archive. Prints every
 * seed; `WEIR_SEED=… npm run soak -- files` repeats one step with it. It takes hours; each step may be run alone.
 */
import { join } from "node:path";
import { SEED } from "../support/random.ts";
import { soakMemory } from "./memory.ts";

interface Step {
  readonly name: string;
  readonly file: string;
  readonly sizes: Readonly<Record<string, number>>;
}

const steps: readonly Step[] = [
  { name: "mutants", file: "mutants", sizes: {} },
  { name: "images", file: "power-loss", sizes: { WEIR_IMAGES: 1_000_000 } },
  { name: "files", file: "files", sizes: { WEIR_FILE_PROGRAMS: 100_000 } },
  { name: "fuzz", file: "fuzz", sizes: { WEIR_FUZZ: 20 } },
  { name: "processes", file: "processes", sizes: { WEIR_PROCESSES: 50, WEIR_ROUNDS: 200 } },
  {
    name: "spans",
    file: "../agents/copilot-vscode/schedules",
    sizes: { WEIR_SCHEDULES: 1000, WEIR_KILLED_SCHEDULES: 1000 },
  },
  { name: "stops", file: "../soak/stop", sizes: { WEIR_STOPS: 100 } },
  { name: "kills", file: "kill", sizes: { WEIR_KILLS: 10_000, WEIR_POSITIONS: 100_000, WEIR_FAILURES: 100_000 } },
];
const MEMORY = "memory";
const GIGABYTES = Number(process.env.WEIR_SOAK_GB ?? "2");

const chosen = process.argv.slice(2);
const names = [...steps.map(({ name }) => name), MEMORY];
const unknown = chosen.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  console.error(`no step ${unknown.join(", ")}; there are ${names.join(", ")}`);
  process.exit(2);
}
const isChosen = (name: string): boolean => chosen.length === 0 || chosen.includes(name);
const results: string[] = [];
console.log(`seed ${SEED}`);
for (const { name, file, sizes } of steps.filter((step) => isChosen(step.name))) {
  const before = performance.now();
  // What is given in the environment is smaller or larger on purpose.
  const env = {
    ...Object.fromEntries(Object.entries(sizes).map(([key, size]) => [key, String(size)])),
    ...process.env,
  };
  const child = Bun.spawn(
    [process.execPath, "test", "--timeout=86400000", join(import.meta.dir, `../faults/${file}.test.ts`)],
    {
      cwd: join(import.meta.dir, "../.."),
      env: { ...env, WEIR_SEED: String(SEED) },
      stdio: ["ignore", "inherit", "inherit"],
    },
  );
  const ok = (await child.exited) === 0;
  results.push(
    `${ok ? "held" : "FAILED"}  ${name}  ${Math.round((performance.now() - before) / 1000)} s  ${JSON.stringify(sizes)}`,
  );
  if (!ok) process.exitCode = 1;
}
if (isChosen(MEMORY)) {
  try {
    results.push(`held  ${MEMORY}  ${await soakMemory(GIGABYTES * 1e9)}`);
  } catch (error) {
    results.push(`FAILED  ${MEMORY}  ${(error as Error).message}`);
    process.exitCode = 1;
  }
}
console.log(`\nseed ${SEED}\n${results.join("\n")}`);
