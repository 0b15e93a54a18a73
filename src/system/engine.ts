/** Owns what weir asks of the JavaScript engine itself. */
import { edenGC, fullGC, noFTL, noInline } from "bun:jsc";

type Compiled = (...given: never[]) => unknown;

declare module "bun:jsc" {
  /** Bun has it (1.4.5), its types do not name it yet. */
  function noInline(f: Compiled): void;
}

const { every, filter, find, findIndex, findLast, flatMap, forEach, map, reduce, some } = Array.prototype;
/** The engine's own that call functions, until they have been told too. */
const builtins: Compiled[] = [every, filter, find, findIndex, findLast, flatMap, forEach, map, reduce, some];

/**
 * Keeps these functions, and the methods of these classes, out of the engine's last compiler, and the functions out of
 * each other; `build.ts` says why.
 */
export function keepLight(functions: readonly Compiled[], classes: readonly { readonly prototype: object }[]): void {
  for (const f of [...functions, ...builtins.splice(0)]) {
    noFTL(f);
    noInline(f);
  }
  for (const owner of classes.flatMap((each) => [each, each.prototype]))
    for (const { value, get } of Object.values(Object.getOwnPropertyDescriptors(owner))) {
      if (typeof value === "function") noFTL(value);
      if (get) noFTL(get);
    }
}

/**
 * A module of WebAssembly from its text, compiled; undefined where the processor cannot run it: it has no AVX, without which
 * the engine has no SIMD.
 */
export function moduleOf(base64: string): WebAssembly.Module | undefined {
  const bytes = Buffer.from(base64, "base64");
  try {
    return new WebAssembly.Module(bytes);
  } catch (error) {
    if (WebAssembly.validate(bytes)) throw error;
    return undefined;
  }
}

/** Every so many collections are of everything, the others of what was made since the one before. */
const EVERYTHING = 8;
let collections = 0;

/**
 * Collects garbage, now. Left to itself the engine lets memory grow to 150 MiB when it syncs 10,000 files or sends
 * 100,000 spans. `Bun.gc` would also give memory back, which costs a tenth of a sync's CPU: most of it is taken again at
 * once (measured).
 */
export function collectGarbage(): void {
  if (++collections % EVERYTHING === 0) fullGC();
  else edenGC();
}
