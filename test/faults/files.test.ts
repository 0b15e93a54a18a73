/**
 * Proves that whatever happens to files of lines, every line that was whole when a sync ran is told and counted exactly
 * once. `WEIR_FILE_PROGRAMS=100000` runs more programs; `WEIR_SEED`, with the seed of a failure, runs that one first.
 */
import { test } from "bun:test";
import { SEED, setting, trial } from "../support/random.ts";
import { runFileProgram } from "./file-model.ts";

const PROGRAMS = setting("WEIR_FILE_PROGRAMS", 500);

test(`${PROGRAMS} programs of file actions, from seed ${SEED}`, async () => {
  for (let at = 0; at < PROGRAMS; at++) await trial(SEED + at, (r) => runFileProgram(r, r.int(4, 16)));
}, 3_600_000);
