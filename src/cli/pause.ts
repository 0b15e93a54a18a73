/** Owns how a long command hears a stop signal: it pauses every now and then, and the pause throws. */
import { WeirError } from "../system/errors.ts";
import { type StopSignal, yieldToEvents } from "../system/process.ts";
import type { Io } from "./io.ts";

/** A stop signal came; the command leaves nothing half done, and ends with the signal's code. */
export class Interrupted extends Error {
  constructor(readonly signal: StopSignal) {
    super(signal);
  }
}

export function pauses(io: Io): () => Promise<void> {
  return async () => {
    await yieldToEvents();
    const signal = io.stopSignal();
    if (signal) throw new Interrupted(signal);
  };
}

/** Waits for what another process may hold locked; a stop signal that ends the waiting is told as that. */
export async function lockedOrInterrupted<T>(io: Io, waiting: Promise<T>): Promise<T> {
  try {
    return await waiting;
  } catch (error) {
    const signal = io.stopSignal();
    if (signal && error instanceof WeirError && error.failure === "locked") throw new Interrupted(signal);
    throw error;
  }
}
