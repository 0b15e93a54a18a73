/** Owns the measuring: two commands run in turn as whole processes, compared pair by pair. */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Command {
  readonly cmd: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Made ready before each run, outside the measured time. */
  readonly before?: () => void;
}

interface Run {
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

function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median =
    sorted.length % 2 === 1 ? (sorted[middle] ?? Number.NaN) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
  return { median, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}

function spawn(cmd: readonly string[], env: Command["env"]): Bun.SyncSubprocess<"ignore", "pipe"> {
  const child = Bun.spawnSync({ cmd: [...cmd], env, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  if (!child.success) throw new Error(`${cmd.join(" ")} exited ${child.exitCode}: ${child.stderr.toString().trim()}`);
  return child;
}

function run({ cmd, env, before }: Command): Run {
  before?.();
  const start = performance.now();
  const child = spawn(cmd, env);
  const wallMs = performance.now() - start;
  return { wallMs, cpuMs: Number(child.resourceUsage.cpuTime.total) / 1000 };
}

/**
 * Peak memory of one run in MiB. A process inherits the peak of the one that spawns it (Linux keeps it across exec),
 * so our own memory would be the least that could be measured: a small program, `time`, stands between.
 */
function peak({ cmd, env, before }: Command): number {
  before?.();
  if (!existsSync(TIME)) return spawn(cmd, env).resourceUsage.maxRSS / 2 ** 20;
  const note = join(tmpdir(), `weir-bench-peak-${process.pid}`);
  try {
    spawn([TIME, "-f", "%M", "-o", note, ...cmd], env);
    return Number(readFileSync(note, "utf8").trim()) / 1024;
  } finally {
    rmSync(note, { force: true });
  }
}

function side(runs: readonly Run[], peaks: readonly number[]): Side {
  return { cpuMs: spread(runs.map((r) => r.cpuMs)), wallMs: spread(runs.map((r) => r.wallMs)), peakMiB: spread(peaks) };
}

/** Runs both commands in turn, `pairs` times, the first of a pair changing; then a few times more for the peak memory. */
export function compare(ours: Command, theirs: Command, pairs: number): Comparison {
  const runs: { ours: Run; theirs: Run }[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    if (pair % 2 === 0) {
      const first = run(ours);
      runs.push({ ours: first, theirs: run(theirs) });
    } else {
      const first = run(theirs);
      runs.push({ ours: run(ours), theirs: first });
    }
  }
  const peaks = Array.from({ length: Math.min(pairs, PEAK_RUNS) }, () => ({ ours: peak(ours), theirs: peak(theirs) }));
  const a = side(
    runs.map((r) => r.ours),
    peaks.map((p) => p.ours),
  );
  const b = side(
    runs.map((r) => r.theirs),
    peaks.map((p) => p.theirs),
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
