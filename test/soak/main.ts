/**
 * Owns `npm run soak`: the tests of the faults at their large sizes, then gigabytes through one archive. It takes hours;
 * `npm run soak -- --only files,kills` takes some steps, `--seed N` repeats what a failure named, `--list` names the steps.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SEED } from "../support/random.ts";

interface Step {
  readonly name: string;
  /** Below `test/`, without its ending. */
  readonly test: string;
  readonly sizes: Readonly<Record<string, number>>;
}

const steps: readonly Step[] = [
  { name: "mutants", test: "faults/mutants", sizes: {} },
  { name: "images", test: "faults/power-loss", sizes: { WEIR_IMAGES: 1_000_000 } },
  { name: "syscalls", test: "faults/syscalls", sizes: { WEIR_SYSCALLS: 1_000_000 } },
  { name: "positions", test: "soak/positions", sizes: { WEIR_POSITIONS_EACH: 1_000_000 } },
  { name: "calls", test: "faults/kill", sizes: { WEIR_POSITIONS: 1_000_000, WEIR_FAILURES: 1_000_000 } },
  { name: "histories", test: "faults/histories", sizes: { WEIR_HISTORIES: 10_000 } },
  { name: "files", test: "faults/files", sizes: { WEIR_FILE_PROGRAMS: 100_000 } },
  { name: "fuzz", test: "faults/fuzz", sizes: { WEIR_FUZZ: 20 } },
  { name: "reads", test: "contract/reads", sizes: { WEIR_LINES: 20_000 } },
  { name: "patience", test: "faults/patience", sizes: { WEIR_PATIENCE: 25 } },
  { name: "processes", test: "faults/processes", sizes: { WEIR_PROCESSES: 50, WEIR_ROUNDS: 200 } },
  {
    name: "spans",
    test: "agents/copilot-vscode/schedules",
    sizes: { WEIR_SCHEDULES: 1000, WEIR_KILLED_SCHEDULES: 1000 },
  },
  { name: "stops", test: "faults/stop", sizes: { WEIR_STOPS: 300 } },
  { name: "kills", test: "faults/mixed", sizes: { WEIR_KILLS: 10_000 } },
  { name: "memory", test: "soak/memory", sizes: { WEIR_SOAK_MB: 2000 } },
];

type Sizes = Readonly<Record<string, string>>;

/** What is given in the environment is smaller or larger on purpose. */
function sizesOf({ sizes }: Step): Sizes {
  return Object.fromEntries(Object.entries(sizes).map(([key, size]) => [key, process.env[key] ?? String(size)]));
}

async function held({ test }: Step, sizes: Sizes, seed: string): Promise<boolean> {
  const file = join(import.meta.dir, `../${test}.test.ts`);
  const child = Bun.spawn([process.execPath, "test", "--timeout=86400000", file], {
    cwd: join(import.meta.dir, "../.."),
    env: { ...process.env, ...sizes, WEIR_SEED: seed },
    stdio: ["ignore", "inherit", "inherit"],
  });
  return (await child.exited) === 0;
}

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(SEED) },
    only: { type: "string", default: steps.map(({ name }) => name).join() },
    list: { type: "boolean", default: false },
  },
});
const only = values.only.split(",");
const unknown = only.filter((name) => !steps.some((step) => step.name === name));
if (unknown.length > 0 || !/^\d+$/.test(values.seed)) {
  console.error(`--only takes ${steps.map(({ name }) => name).join()}; --seed a number`);
  process.exit(2);
}
if (values.list) {
  for (const { name, sizes } of steps) console.log(name, JSON.stringify(sizes));
  process.exit(0);
}
const results: string[] = [];
for (const step of steps.filter(({ name }) => only.includes(name))) {
  const before = performance.now();
  console.log(`\n> ${step.name}: npm run soak -- --seed ${values.seed} --only ${step.name}`);
  const isHeld = await held(step, sizesOf(step), values.seed);
  const seconds = Math.round((performance.now() - before) / 1000);
  results.push(`${isHeld ? "held  " : "FAILED"}  ${step.name}  ${seconds} s  ${JSON.stringify(sizesOf(step))}`);
  if (!isHeld) process.exitCode = 1;
}
console.log(`\nseed ${values.seed}\n${results.join("\n")}`);
