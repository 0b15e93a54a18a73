/** Owns faults in the tests' own process: the calls that a piece of work makes to the machine, and one of them failing. */
import { constants } from "node:fs";
import { type Calls, machine } from "../../src/system/calls.ts";
import { withCalls } from "./images.ts";

export type Fault = "EIO" | "ENOSPC" | "EMFILE" | "short";

export interface Call {
  /** From 1 on. */
  readonly number: number;
  readonly name: keyof Calls;
  /** What it was about, as far as one argument tells. */
  readonly about: string;
  /** The ways in which it can fail. */
  readonly faults: readonly Fault[];
}

type Any = (...args: unknown[]) => unknown;

/** Where the disk may be full, and where the process may have too many files open. */
const FULL: readonly (keyof Calls)[] = ["write", "fsync", "truncate", "mkdir", "rename", "step"];
const HANDLES: readonly (keyof Calls)[] = ["open", "list"];

function faultsOf(name: keyof Calls, args: readonly unknown[]): Fault[] {
  const faults: Fault[] = ["EIO"];
  const creates = name === "open" && ((args[1] as number) & constants.O_CREAT) !== 0;
  if (creates || FULL.includes(name)) faults.push("ENOSPC");
  if (HANDLES.includes(name)) faults.push("EMFILE");
  if (name === "write") faults.push("short");
  return faults;
}

/** Runs work while every call to the machine, but those that cannot fail, goes through another hand. */
function through<T>(
  hand: (name: keyof Calls, args: unknown[], call: Any) => unknown,
  work: () => Promise<T>,
): Promise<T> {
  const wrapped: Record<string, Any> = {};
  for (const name of Object.keys(machine) as (keyof Calls)[]) {
    const call = machine[name] as Any;
    if (name !== "now" && name !== "random") wrapped[name] = (...args) => hand(name, args, call);
  }
  return withCalls(wrapped, work);
}

/** Runs work and tells the calls that it makes. */
export async function callsOf(work: () => Promise<unknown>): Promise<Call[]> {
  const calls: Call[] = [];
  const note = (name: keyof Calls, args: unknown[], call: Any): unknown => {
    const about = typeof args[0] === "string" ? args[0] : "";
    calls.push({ number: calls.length + 1, name, about, faults: faultsOf(name, args) });
    return call(...args);
  };
  await through(note, work);
  return calls;
}

/** Runs work, whose n-th call fails so. */
export function failing<T>(at: number, fault: Fault, work: () => Promise<T>): Promise<T> {
  let number = 0;
  return through((name, args, call) => {
    if (++number !== at) return call(...args);
    if (fault !== "short") throw Object.assign(new Error(`${fault}: injected into ${name}`), { code: fault });
    const [fd, from, offset, length, position] = args;
    return call(fd, from, offset, Math.max(1, (length as number) >> 1), position);
  }, work);
}
