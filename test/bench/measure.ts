/** Owns the measuring: two commands run in turn as whole processes, every run checked, compared pair by pair. */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Command {
  readonly cmd: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Made ready before each run, outside the measured time. */
  readonly before?: () => void;
  /** Looks at what each run did, outside the measured time; throws where that is wrong. */
  readonly after?: (printed: string) => Promise<void> | void;
  /** What it prints is given to `after`; else it goes nowhere. */
  readonly isRead?: boolean;
}

export interface Run {
  readonly cpuMs: number;
  readonly wallMs: number;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface Side {
  /** User and system time together, in milliseconds. */
  readonly cpuMs: Spread;
  readonly wallMs: Spread;
  readonly peakMiB: Spread;
}

export interface Comparison {
  readonly pairs: number;
  readonly ours: Side;
  readonly theirs: Side;
  /** Medians of ours / theirs, taken pair by pair. */
  readonly cpuRatio: number;
  readonly wallRatio: number;
  /** The ratio of the two medians. */
  readonly peakRatio: number;
}

const PEAK_RUNS = 3;
const TIME = "/usr/bin/time";

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median =
    sorted.length % 2 === 1 ? (sorted[middle] ?? Number.NaN) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
  return { median, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}

/** Runs a program to its end; throws when it fails. */
function spawn(cmd: readonly string[], { env, isRead }: Command): Bun.SyncSubprocess<"ignore" | "pipe", "pipe"> {
  const stdout = isRead ? "pipe" : "ignore";
  const child = Bun.spawnSync({ cmd: [...cmd], env, stdin: "ignore", stdout, stderr: "pipe" });
  if (!child.success) throw new Error(`${cmd.join(" ")} exited ${child.exitCode}: ${child.stderr.toString().trim()}`);
  return child;
}

/** One run: made ready, measured, checked. */
export async function run(command: Command): Promise<Run> {
  return measured(command, command.cmd);
}

async function measured(command: Command, cmd: readonly string[]): Promise<Run> {
  command.before?.();
  const start = performance.now();
  const child = spawn(cmd, command);
  const wallMs = performance.now() - start;
  await command.after?.(child.stdout?.toString() ?? "");
  return { wallMs, cpuMs: Number(child.resourceUsage.cpuTime.total) / 1000 };
}

/**
 * The same with the peak memory in MiB. A process inherits the peak of the one that spawns it (Linux keeps it across
 * exec), so our own memory would be the least that could be measured: a small program, `time`, stands between. It
 * takes a millisecond.
 */
async function runWithPeak(command: Command): Promise<Run & { readonly peakMiB: number }> {
  if (!existsSync(TIME)) throw new Error(`${TIME} is needed to measure memory`);
  const note = join(tmpdir(), `weir-bench-peak-${process.pid}`);
  try {
    const ran = await measured(command, [TIME, "-f", "%M", "-o", note, ...command.cmd]);
    return { ...ran, peakMiB: Number(readFileSync(note, "utf8").trim()) / 1024 };
  } finally {
    rmSync(note, { force: true });
  }
}

/** The peak memory of a few runs, in MiB. */
export async function peaks(command: Command, most: number): Promise<number[]> {
  const all: number[] = [];
  while (all.length < Math.min(PEAK_RUNS, most)) all.push((await runWithPeak(command)).peakMiB);
  return all;
}

type Runs = readonly (Run & { readonly peakMiB?: number })[];

async function side(runs: Runs, command: Command): Promise<Side> {
  const told = runs.flatMap(({ peakMiB }) => peakMiB ?? []);
  return {
    cpuMs: spread(runs.map((r) => r.cpuMs)),
    wallMs: spread(runs.map((r) => r.wallMs)),
    peakMiB: spread(told.length > 0 ? told : await peaks(command, runs.length)),
  };
}

/**
 * Runs both commands in turn, `pairs` times, the first of a pair changing. Peak memory comes from the same runs of
 * commands that take `long`, else from a few of their own, so that measuring it takes nothing that shows.
 */
export async function compare(
  ours: Command,
  theirs: Command,
  pairs: number,
  takes: "short" | "long",
): Promise<Comparison> {
  const one = takes === "long" ? runWithPeak : run;
  const runs: { ours: Runs[number]; theirs: Runs[number] }[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    if (pair % 2 === 0) {
      const first = await one(ours);
      runs.push({ ours: first, theirs: await one(theirs) });
    } else {
      const first = await one(theirs);
      runs.push({ ours: await one(ours), theirs: first });
    }
  }
  const a = await side(
    runs.map((r) => r.ours),
    ours,
  );
  const b = await side(
    runs.map((r) => r.theirs),
    theirs,
  );
  return {
    pairs,
    ours: a,
    theirs: b,
    cpuRatio: spread(runs.map((r) => r.ours.cpuMs / r.theirs.cpuMs)).median,
    wallRatio: spread(runs.map((r) => r.ours.wallMs / r.theirs.wallMs)).median,
    peakRatio: a.peakMiB.median / b.peakMiB.median,
  };
}
