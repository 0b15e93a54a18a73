/** Owns the archives and the runs of tests that send: calls that are long over, and `weir export --to` beside a receiver. */
import { callLines, sessionPath } from "./claude.ts";
import { type Scratch, scratch } from "./home.ts";
import { runSync } from "./runs.ts";
import { startWeir } from "./weir.ts";

export const SESSION = "11111111-2222-4333-8444-555555555555";

/** A scratch archive of that many calls in sessions of a hundred, all long over; `args` are those of its sync. */
export function archiveOf(calls: number, args: readonly string[] = []): Scratch {
  const place = scratch({ fast: true });
  for (let from = 0; from < calls; from += 100) {
    const session = SESSION.replace(/^.{8}/, String(from).padStart(8, "0"));
    place.write(
      sessionPath(session),
      callLines(from + 1, Math.min(from + 100, calls) + 1, session).replaceAll("2026-11-21", "2025-03-01"),
    );
  }
  const { status, stderr } = runSync(place, args);
  if (status !== 0) throw new Error(stderr);
  return place;
}

export interface Sending {
  readonly status: number | null;
  readonly stderr: string;
  readonly stdout: string;
}

/** `weir export --to`, beside a receiver in this process: it must not be waited for synchronously. */
export async function send(
  { data }: Scratch,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Sending> {
  const run = startWeir(["export", "--data-dir", data, ...args], { env });
  run.stdin.end();
  const [stderr, stdout] = await Promise.all([new Response(run.stderr).text(), new Response(run.stdout).text()]);
  await run.exited;
  return { status: run.signalCode ? null : run.exitCode, stderr, stdout };
}
