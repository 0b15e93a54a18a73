/** Owns `sync --watch`: round after round until a signal. A failure that goes on is told in every round, its end once. */
import { settingOf, shownValue } from "../config/schema.ts";
import { WeirError } from "../system/errors.ts";
import { EXIT } from "./exit.ts";
import type { Io } from "./io.ts";
import { plural } from "./text.ts";

/** What a round tells of itself while it runs, so that a failed one can say what waits. */
export interface RoundState {
  /** How many new records have been read by now. */
  read: () => number;
  /** How many of them are archived. */
  archived: number;
}

export type Round = (state: RoundState) => Promise<number>;

/** These may pass by themselves: another writer ends, somebody makes room. Anything else ends the watch. */
const PASSING: readonly string[] = ["locked", "write"];

/** The next round starts when the last has ended and the interval is over. Returns the exit code of the signal. */
export async function watch(round: Round, io: Io): Promise<number> {
  const { watch_interval_ms: interval } = io.configuration.settings;
  io.log.info(
    `watching; ${shownValue(settingOf("watch_interval_ms"), interval)} of rest between the end of a round and the next`,
  );
  let before: number = EXIT.done;
  for (;;) {
    const code = await guarded(round, io);
    const signal = io.stopSignal();
    if (signal) return EXIT[signal];
    if (code === EXIT.done && before !== EXIT.done) io.log.info(RECOVERED[before] ?? "all is well again");
    before = code;
    io.stdout.flush();
    await io.rest(interval);
    const stopped = io.stopSignal();
    if (stopped) return EXIT[stopped];
  }
}

const RECOVERED: Readonly<Record<number, string>> = {
  [EXIT.incomplete]: "every source can be read again",
  [EXIT.write]: "the archive can be written again",
  [EXIT.locked]: "the other run has ended; archiving goes on",
};

async function guarded(round: Round, io: Io): Promise<number> {
  const state: RoundState = { read: () => 0, archived: 0 };
  try {
    return await round(state);
  } catch (error) {
    if (!(error instanceof WeirError && PASSING.includes(error.failure))) throw error;
    const waiting = state.read() - state.archived;
    if (!io.stopSignal())
      io.log.error(
        `${error.message}${waiting > 0 ? `; at least ${plural(waiting, "record")} waiting` : ""}`,
        error.hint,
      );
    return EXIT[error.failure];
  }
}
