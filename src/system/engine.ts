/** Owns what weir asks of the JavaScript engine itself. */
import { noFTL, noInline } from "bun:jsc";

type Compiled = (...given: unknown[]) => unknown;

declare module "bun:jsc" {
  /** Bun has it (1.4.5), its types do not name it yet. */
  function noInline(f: Compiled): void;
}

/**
 * Keeps these functions, and the methods of these classes, out of the engine's last compiler, and the functions out of
 * each other; `build.ts` says why.
 */
export function keepLight(functions: readonly object[]): void {
  for (const f of functions) {
    noFTL(f as Compiled);
    noInline(f as Compiled);
    const methods = Object.getOwnPropertyDescriptors((f as { prototype?: object }).prototype ?? {});
    for (const name in methods) {
      const { value, get } = methods[name] as PropertyDescriptor;
      if (name !== "constructor" && typeof value === "function") noFTL(value);
      if (get) noFTL(get);
    }
  }
}

const BATCHES = 4;
let batches = 0;

/**
 * Collects what batches leave behind, every few batches. Left to itself the engine lets memory grow to 150 MiB with
 * 10,000 files and 125 MiB with 1 GB; a collection after each batch would cost a tenth of the CPU (measured).
 */
export function batchDone(): void {
  if (++batches % BATCHES === 0) Bun.gc(true);
}
