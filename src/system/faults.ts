/** Owns the fault harness: numbers every call and fails, cuts or kills at the one that the environment names. */

import { appendFileSync } from "node:fs";
import process from "node:process";
import type { Calls } from "./calls.ts";

/**
 * Wraps the machine for a build made with `--faults`. The environment says what happens:
 * `WEIR_FAULT=<n>:<kill|EIO|ENOSPC|EMFILE|short>` hits the n-th call, `WEIR_FAULT_LOG=FILE` receives one line a call.
 * A fault that does not fit a call (a short write of something that is no write) becomes EIO.
 */
export function injectFaults(machine: Calls): Calls {
  const [at, what] = (process.env.WEIR_FAULT ?? "").split(":");
  const target = at ? Number(at) : Number.NaN;
  const log = process.env.WEIR_FAULT_LOG;
  let number = 0;
  const fail = (code: string, call: string): never => {
    throw Object.assign(new Error(`${code}: injected into ${call}`), { code });
  };
  const wrapped: Record<string, unknown> = {};
  for (const [name, call] of Object.entries(machine) as [string, (...args: unknown[]) => unknown][]) {
    wrapped[name] = (...args: unknown[]): unknown => {
      if (name === "now" || name === "random") return call(...args);
      number++;
      if (log) appendFileSync(log, `${number} ${name} ${name === "step" ? String(args[0]) : ""}\n`);
      if (number !== target) return call(...args);
      if (what === "kill") process.kill(process.pid, "SIGKILL");
      if (what === "short" && name === "write") {
        const length = args[3] as number;
        return call(args[0], args[1], args[2], Math.max(1, length >> 1), args[4]);
      }
      return fail(what === "short" ? "EIO" : (what ?? "EIO"), name);
    };
  }
  return wrapped as unknown as Calls;
}
