/**
 * Cursor: transcripts of its agent, JSON Lines (texts before) without ids, tokens and models, and mostly without times;
 * and the editor's conversations, rows of its global database.
 * Counting rule: a call is one message of the assistant in a transcript; in the database, the bubbles of a turn with
 * tokens, or its one answer without them. All streams number what a turn holds: the same number is the same fact.
 */
import type { Agent, Environment, Place } from "../../read/types.ts";
import { settingsFolders, snapshot, tail } from "../../read/types.ts";
import { CONVERSATIONS, reduce } from "./conversations.ts";
import * as text from "./text.ts";
import { READS, type State, start, step } from "./transcript.ts";

const TRANSCRIPT = /(?:^|\/)([^/]+)\.(?:jsonl|txt)$/;

export const cursor: Agent = {
  id: "cursor",
  title: "Cursor",
  retention: "deletes nothing by itself",
  unverified: true,
  streams: [
    snapshot({
      kind: "conversations",
      rank: 50,
      version: 2,
      locate: locateDatabases,
      session: () => undefined,
      groups: { form: "sqlite", layouts: [CONVERSATIONS] },
      reduce,
    }),
    tail<State>({
      kind: "transcript",
      rank: 40,
      version: 1,
      reads: READS,
      locate: (environment) => locateTranscripts(environment, "jsonl"),
      session: (path) => TRANSCRIPT.exec(path)?.[1],
      start,
      step,
      open: () => {},
    }),
    tail<text.State>({
      kind: "text_transcript",
      rank: 30,
      version: 1,
      locate: (environment) => locateTranscripts(environment, "txt"),
      session: (path) => TRANSCRIPT.exec(path)?.[1],
      start,
      step: text.step,
      open: text.open,
    }),
  ],
};

/** Other JSON Lines may lie beside the transcripts' folders. */
function locateTranscripts({ homes, variable }: Environment, ending: string): Place[] {
  return homes.flatMap((home) => {
    const config = variable("CURSOR_CONFIG_DIR");
    const shared = variable("XDG_CONFIG_HOME");
    const roots = config ? [config] : [`${home.path}/.cursor`, ...(shared ? [`${shared}/cursor`] : [])];
    return roots.map((root) => ({ root: `${root}/projects`, match: [`*/agent-transcripts/**/*.${ending}`] }));
  });
}

function locateDatabases({ homes, variable }: Environment): Place[] {
  return homes.flatMap((home) =>
    settingsFolders(home, variable).map((folder) => ({
      root: `${folder}/Cursor/User/globalStorage`,
      match: ["state.vscdb"],
    })),
  );
}
