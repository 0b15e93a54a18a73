/** Owns how the places that weir looks at are written for people. */
import type { Agent, Environment } from "../read/types.ts";

/** The folders below which an agent's sessions are looked for, the own home folder written as `~`. */
export function foldersOf({ streams }: Agent, environment: Environment): readonly string[] {
  const own = environment.homes.find((home) => home.own)?.path;
  const short = (root: string): string =>
    own !== undefined && root.startsWith(`${own}/`) ? `~${root.slice(own.length)}` : root;
  return [...new Set(streams.flatMap((stream) => stream.locate(environment)).map(({ root }) => short(root)))];
}
