/** Owns chance in tests: numbers that a seed fixes, and failures that name the seed. */

export interface Random {
  /** A whole number from `low` to `high`, both included. */
  int(low: number, high: number): number;
  /** True in `share` of all cases. */
  chance(share: number): boolean;
  pick<T>(from: readonly T[]): T;
  /** The same things in another order. */
  shuffled<T>(things: readonly T[]): T[];
}

/** The numbers of one seed (mulberry32). */
export function random(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1));
  return {
    int,
    chance: (share) => next() < share,
    pick: (from) => from[int(0, from.length - 1)]!,
    shuffled(things) {
      const list = [...things];
      for (let at = list.length - 1; at > 0; at--) {
        const other = int(0, at);
        [list[at], list[other]] = [list[other]!, list[at]!];
      }
      return list;
    },
  };
}

/** A number that the environment may raise for a longer run, or set to repeat one. */
export function setting(name: string, usual: number): number {
  const given = Number(process.env[name] ?? "");
  return Number.isFinite(given) && given > 0 ? given : usual;
}

/** The first seed; `WEIR_SEED` sets another, for instance the one that a failure named. */
export const SEED = setting("WEIR_SEED", 20261121);

/** Runs one trial of a seed; a failure says which seed it was. */
export async function trial<T>(seed: number, work: (r: Random) => T | Promise<T>): Promise<T> {
  try {
    return await work(random(seed));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`WEIR_SEED=${seed} repeats this: ${message}`, { cause: error });
  }
}
