/** Owns how tests run the built program: in a clean environment, and never on the real home. */
import { existsSync } from "node:fs";
import { join } from "node:path";

export interface RunOptions {
  readonly cwd?: string;
  /** Added to the clean environment; nothing of the caller's own environment is passed on but PATH. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
  /** `weir-faults` is the same program with the fault harness. */
  readonly binary?: "weir" | "weir-faults";
  readonly timeoutMs?: number;
  /** A command that weir's own is given to as arguments: another user, a limit, a shell with pipes around `"$@"`. */
  readonly through?: readonly string[];
}

export interface RunResult {
  /** The exit code, or null when a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly signal: string | null;
}

export type Weir = Bun.Subprocess<"pipe", "pipe", "pipe">;

const dist = process.env.WEIR_TEST_DIST ?? join(import.meta.dir, "../../dist");

/** A folder that is not there and that nothing can create: what weir would put into the home fails loudly. */
const NOWHERE = "/dev/null/nobody";

const NEEDS = new Map([
  ["scan", ["--home", "--data-dir"]],
  ["sync", ["--home", "--data-dir"]],
  ["export", ["--data-dir"]],
  ["prune", ["--data-dir"]],
  ["verify", ["--data-dir"]],
]);

/** Refuses a command line that would look at the homes or the archive of whoever runs the tests. */
function refuseRealHome(args: readonly string[], env: Readonly<Record<string, string>>): void {
  if (args.includes("--help") || args.includes("-h")) return;
  const needed = args.flatMap((arg) => NEEDS.get(arg) ?? []);
  for (const flag of needed) {
    const given = args.some((arg) => arg === flag || arg.startsWith(`${flag}=`));
    if (given || (flag === "--data-dir" && env.WEIR_DATA_DIR)) continue;
    throw new Error(`a test must give ${flag} to weir ${args.join(" ")}`);
  }
}

/** The built program; throws where it is not built. */
export function programPath(binary = "weir"): string {
  const path = join(dist, process.platform === "win32" ? `${binary}.exe` : binary);
  if (existsSync(path)) return path;
  throw new Error(`${path} is not there: npm run build${binary === "weir" ? "" : " -- --faults"}`);
}

/** The command and the clean environment that a run gets. */
export function commandLine(args: readonly string[], { env = {}, binary = "weir", through = [] }: RunOptions) {
  refuseRealHome(args, env);
  return {
    cmd: [...through, programPath(binary), ...args],
    env: { PATH: process.env.PATH ?? "", TZ: "UTC", HOME: NOWHERE, ...env },
  };
}

/** Runs weir to its end; it is stopped after a minute unless told otherwise. */
export function weir(args: readonly string[], options: RunOptions = {}): RunResult {
  const { cmd, env } = commandLine(args, options);
  const { input } = options;
  const run = Bun.spawnSync({
    cmd,
    env,
    cwd: options.cwd,
    stdin: input === undefined ? "ignore" : typeof input === "string" ? Buffer.from(input) : input,
    stdout: "pipe",
    stderr: "pipe",
    timeout: options.timeoutMs ?? 60_000,
  });
  const signal = run.signalCode === undefined ? null : String(run.signalCode);
  return {
    status: signal === null ? run.exitCode : null,
    stdout: run.stdout.toString(),
    stderr: run.stderr.toString(),
    signal,
  };
}

/** A shell around weir: `"$@"` in the script is weir with its arguments. */
export function shell(script: string): readonly string[] {
  return ["sh", "-c", script, "sh"];
}

/**
 * A small program around weir that ends stderr with the most memory weir held, in bytes. Asked of weir's own process it
 * would be no less than what the tests' process holds, which a child begins with.
 */
export const measured: readonly string[] = [
  process.execPath,
  "-e",
  `const run = Bun.spawnSync({ cmd: process.argv.slice(1), stdio: ["ignore", "inherit", "inherit"] });
   console.error(run.resourceUsage.maxRSS);
   process.exitCode = run.exitCode;`,
];

/** Starts weir and hands the process over, for tests that write to it, kill it or close its pipes. */
export function startWeir(args: readonly string[], options: Omit<RunOptions, "input" | "timeoutMs"> = {}): Weir {
  const { cmd, env } = commandLine(args, options);
  return Bun.spawn({ cmd, env, cwd: options.cwd, stdin: "pipe", stdout: "pipe", stderr: "pipe" });
}
