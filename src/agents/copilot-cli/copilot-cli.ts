/**
 * GitHub Copilot CLI: a log of events for each session, a store of all calls' usage, and a telemetry file where one is
 * switched on.
 * Counting rule: a call is one usage record, known in all streams by its session, model, tokens and duration (the store
 * has no response ids); a compaction's call is told with the compaction; sums at a session's end, on its runs and in the
 * desktop app count only where no call of the session has tokens.
 */
import type { Agent, Environment, Place } from "../../read/types.ts";
import { isAbsolute, placeOf } from "../../read/types.ts";
import { eventStream } from "./events.ts";
import { otelStream } from "./otel.ts";
import { desktopStream, storeStream } from "./store.ts";

export const copilotCli: Agent = {
  id: "copilot-cli",
  title: "GitHub Copilot CLI",
  retention: "deletes only its logs by itself, after 7 days or 50 files",
  streams: [
    eventStream((environment) => within(environment, ["session-state/*/events.jsonl", "session-state/*.jsonl"]), 50),
    otelStream((environment) => [...within(environment, ["otel/*.jsonl"]), ...exported(environment)], 48),
    storeStream((environment) => within(environment, ["session-store.db"]), 47),
    desktopStream((environment) => within(environment, ["data.db"]), 46),
  ],
};

function within({ homes, variable }: Environment, match: readonly string[]): Place[] {
  return homes.map((home) => ({ root: variable("COPILOT_HOME") || `${home.path}/.copilot`, match }));
}

/** The file that the environment names for the exporter. */
function exported({ variable }: Environment): Place[] {
  const path = variable("COPILOT_OTEL_FILE_EXPORTER_PATH");
  return path && isAbsolute(path) ? [placeOf(path)] : [];
}
