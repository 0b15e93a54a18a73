/** Owns the exit codes: the one place where a result or an error becomes a number. */
import type { Failure } from "../system/errors.ts";

/** What every command ends with; scripts rely on the numbers, so none ever changes its meaning. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  incomplete: 3,
  write: 4,
  damaged: 5,
  refused: 6,
  export: 7,
  locked: 75,
  SIGHUP: 129,
  SIGINT: 130,
  SIGTERM: 143,
} as const;

export const EXIT_MEANINGS: readonly (readonly [code: string, meaning: string])[] = [
  ["0", "done, also when nothing was new"],
  ["1", "failed"],
  ["2", "wrong usage or configuration"],
  ["3", "done, but some sources could not be read or something was quarantined in this run"],
  ["4", "cannot write"],
  ["5", "the archive is damaged"],
  ["6", "the state is refused: a newer version's, or somebody else's"],
  ["7", "the export is incomplete"],
  ["75", "another run holds the lock"],
  ["130, 143", "stopped by a signal"],
];

/** The code of a failure on purpose. */
export function exitCodeOf(failure: Failure): number {
  return EXIT[failure];
}
