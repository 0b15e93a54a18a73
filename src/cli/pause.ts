/** Owns how a long command hears a stop signal: it pauses every now and then, and the pause throws. */
import { yieldToEvents } from "../system/process.ts";
import type { Io } from "./io.ts";

/** A stop signal came; the command ends with its code, and leaves nothing half done. */
export class Interrupted extends Error {}

export function pauses(io: Io): () => Promise<void> {
  return async () => {
    await yieldToEvents();
    if (io.stopSignal()) throw new Interrupted();
  };
}
