/** Owns the environment that agents are looked for in: homes, layouts and the override variables that apply. */
import { resolve } from "node:path";
import type { Environment, Home, Platform } from "../read/types.ts";

const ALL: readonly Platform[] = ["linux", "darwin", "win32"];

export interface Machine {
  readonly platform: Platform;
  readonly home: string;
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/**
 * The homes to look under. None given: the account's own, with its override variables and its platform's layouts.
 * Given homes are somebody else's or elsewhere: no variable of this process applies, and every layout is probed.
 */
export function environmentOf(given: readonly string[], machine: Machine): Environment {
  const own: Home = { path: machine.home, own: true, layouts: [machine.platform] };
  const homes = given.map((path): Home => ({ path: resolve(path), own: false, layouts: ALL }));
  return {
    homes: homes.length > 0 ? homes : [own],
    variable: (name) => (homes.length > 0 ? undefined : machine.variables[name] || undefined),
  };
}
