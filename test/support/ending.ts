/** Owns how long a process takes to end once it is told to: its own time, because a busy machine lets every process wait. */
import { readFileSync } from "node:fs";
import type { Weir } from "./weir.ts";

const TICK_MS = 10;
/** What has not ended by then does not end, however busy the machine is. */
const PATIENCE_MS = 15_000;

export interface Ending {
  /** Milliseconds of its own time; by the clock where the system does not tell that of a running process. */
  readonly own: number;
  readonly byTheClock: number;
}

/** A process's own time so far in milliseconds; undefined where the system does not tell it, or it has ended. */
export function ownTime(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1").replace(/^.*\) /, "");
    const [user = 0, system = 0] = stat.split(" ").slice(11, 13).map(Number);
    return (user + system) * TICK_MS;
  } catch {
    return undefined;
  }
}

/** Ends a process by this act, and tells how long it took; one that does not end is killed, and took for ever. */
export async function endingOf(run: Weir, act: () => void): Promise<Ending> {
  const worked = ownTime(run.pid);
  const before = performance.now();
  act();
  await Promise.race([run.exited, Bun.sleep(PATIENCE_MS)]);
  const byTheClock = performance.now() - before;
  const hasEnded = run.exitCode !== null || run.signalCode !== null;
  run.kill("SIGKILL");
  await run.exited;
  if (!hasEnded) return { own: Number.POSITIVE_INFINITY, byTheClock: Number.POSITIVE_INFINITY };
  const total = Number(run.resourceUsage()?.cpuTime.total) / 1000;
  return { own: worked === undefined ? byTheClock : total - worked, byTheClock };
}

/** Waits until a process does nothing: it waits for somebody else. */
export async function idles(pid: number): Promise<void> {
  for (let still = 0, before = ownTime(pid); still < 5; ) {
    await Bun.sleep(100);
    const now = ownTime(pid);
    still = now === before ? still + 1 : 0;
    before = now;
  }
}
