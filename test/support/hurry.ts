/** Owns impatience in tests where nobody else writes: what weir waits for is over at once, and every file has rested. */
import { machine } from "../../src/system/calls.ts";

/**
 * A document that is no JSON is looked at again after a while; here nobody writes it meanwhile. Nor may the clock tell
 * that a file was written only just now, and may change again within the same tick.
 */
export function hurry(): Disposable {
  const { setTimeout } = globalThis;
  const { now } = machine;
  machine.now = () => now() + 10_000;
  globalThis.setTimeout = ((work: () => void) => setImmediate(work)) as unknown as typeof setTimeout;
  return {
    [Symbol.dispose]() {
      globalThis.setTimeout = setTimeout;
      machine.now = now;
    },
  };
}
