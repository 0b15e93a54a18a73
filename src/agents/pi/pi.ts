/**
 * Pi and the forks that keep its format: one JSONL file a session, a tree of entries that is only appended to.
 * Counting rule: a call is one assistant message with tokens, wherever it is copied to: known by its response id, else by
 * its times, model, tokens and cost, never by entry or session ids, which forks and migrations change.
 */
import type { Agent, Environment, Place, Stream } from "../../read/types.ts";
import { namedFolder, tail } from "../../read/types.ts";
import { object, text } from "../../record/json.ts";
import { open, sessionOf, start, step } from "./entries.ts";
import { READS } from "./reads.ts";
import type { State } from "./state.ts";

export const pi: Agent = {
  id: "pi",
  title: "Pi",
  retention: "deletes nothing by itself",
  streams: [
    transcript("transcript", locate),
    fork("omp_transcript", ".omp/agent"),
    fork("prime_transcript", ".prime/agent"),
    fork("senpi_transcript", ".senpi/agent"),
    fork("kimchi_transcript", ".config/kimchi/harness"),
    fork("gjc_transcript", ".gjc/agent", "GJC_CONFIG_DIR"),
  ],
};

function transcript(kind: string, locate: (environment: Environment) => Place[]): Stream {
  return tail<State>({ kind, rank: 50, version: 2, reads: READS, locate, session: sessionOf, start, step, open });
}

/** A fork is told apart by its folder, never by its content. */
function fork(kind: string, folder: string, variable?: string): Stream {
  return transcript(kind, ({ homes, variable: value }) =>
    homes.flatMap((home) => {
      const override = variable !== undefined ? value(variable) : undefined;
      return placesOf(override ? `${override}/agent` : `${home.path}/${folder}`);
    }),
  );
}

/**
 * A session folder of one's own, by the environment or else by the settings, holds files directly; what was kept before
 * it was set stays where it was.
 */
function locate({ homes, variable, settings }: Environment): Place[] {
  return homes.flatMap((home) => {
    const agent = namedFolder(variable("PI_CODING_AGENT_DIR"), home) ?? `${home.path}/.pi/agent`;
    const set = object(settings?.(`${agent}/settings.json`))?.sessionDir;
    const sessions = namedFolder(variable("PI_CODING_AGENT_SESSION_DIR"), home) ?? namedFolder(text(set), home);
    const direct = { root: sessions ?? "", match: ["*.jsonl", "*/*.jsonl", "*_*/**/*.jsonl"] };
    return sessions ? [direct, ...placesOf(agent)] : placesOf(agent);
  });
}

/** Sessions lie below their working directory's folder, those of a session's subagents below a folder of its own name. */
function placesOf(agent: string): Place[] {
  return [{ root: `${agent}/sessions`, match: ["*/*.jsonl", "*/*_*/**/*.jsonl"] }];
}
