/** Owns what weir knows of its own process: arguments, environment, terminal, signals, exit code. */
import { fstatSync, statSync } from "node:fs";
import os from "node:os";
import process from "node:process";

export interface Terminal {
  readonly isTTY: boolean;
  readonly columns: number;
}

export const argv: readonly string[] = process.argv.slice(2);
export const env: Readonly<Record<string, string | undefined>> = process.env;
export const platform: "linux" | "darwin" | "win32" =
  process.platform === "win32" || process.platform === "darwin" ? process.platform : "linux";
export const pid: number = process.pid;

/** The account's own home folder, which `HOME` moves but on Windows; only the default, when no `--home` is given. */
export function homeFolder(): string {
  return os.homedir();
}

/** The account that runs weir, or undefined where the platform has no user ids. */
export function userId(): number | undefined {
  return process.getuid?.();
}

/** Every file and folder that weir makes is its owner's alone from the first byte. */
export function restrictNewFiles(): void {
  process.umask(0o077);
}

/** Whether a descriptor is a terminal, and how wide; touching no stream object when it is not. */
export function terminal(fd: 1 | 2): Terminal {
  if (!isTerminal(fd)) return { isTTY: false, columns: 100 };
  const stream = fd === 1 ? process.stdout : process.stderr;
  return { isTTY: true, columns: stream.columns || 100 };
}

/** Only what can be a terminal is asked: loading node:tty takes 7 ms, twice the start of an empty program (measured). */
function isTerminal(fd: 1 | 2): boolean {
  try {
    const stat = fstatSync(fd);
    if (platform !== "win32" && (!stat.isCharacterDevice() || stat.rdev === statSync("/dev/null").rdev)) return false;
  } catch {
    return false; // the descriptor is closed
  }
  return process.getBuiltinModule("node:tty").isatty(fd);
}

export function setExitCode(code: number): void {
  process.exitCode = code;
}

/** Ends at once; only for a second signal, where the commit protocol makes any moment safe. */
export function exitNow(code: number): never {
  process.exit(code);
}

export type StopSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

export interface Stop {
  /** The first stop signal, once it has come. */
  readonly received: () => StopSignal | undefined;
  /** Sleeps until the time is over or a stop signal comes. */
  readonly rest: (ms: number) => Promise<void>;
  /** Aborted when a stop signal comes. */
  readonly stopping: AbortSignal;
}

const listeners: (readonly [StopSignal, () => void])[] = [];

function listen(signal: StopSignal, listener: () => void): void {
  listeners.push([signal, listener]);
  process.on(signal, listener);
}

/**
 * Does work that may wait for somebody else, such as a reader that does not read, and that a signal may end at any
 * moment: a listener could not run before the wait is over, so the signal does what it does by itself.
 */
export function interruptibly<T>(work: () => T): T {
  for (const [signal, listener] of listeners) process.off(signal, listener);
  try {
    return work();
  } finally {
    for (const [signal, listener] of listeners) process.on(signal, listener);
  }
}

/** Notes the first stop signal and wakes all who rest; calls back for the second. */
export function stopSignals(onSecond: (signal: StopSignal) => void): Stop {
  let received: StopSignal | undefined;
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    listen(signal, () => {
      if (received) onSecond(signal);
      received = signal;
      stop.abort();
    });
  }
  const rest = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      if (received) return resolve();
      const over = (): void => {
        clearTimeout(timer);
        stop.signal.removeEventListener("abort", over);
        resolve();
      };
      const timer = setTimeout(over, ms);
      stop.signal.addEventListener("abort", over);
    });
  return { received: () => received, rest, stopping: stop.signal };
}

/** Lets timers and signals run; work in a long loop calls it every few milliseconds. */
export function yieldToEvents(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Milliseconds since the process began. It never jumps: whatever takes time is measured by it, not by the clock. */
export function uptime(): number {
  return performance.now();
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
