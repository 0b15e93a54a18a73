/**
 * Qwen Code: one JSONL file a session, one for each background subagent beside it; before that one JSON document a session.
 * Counting rule: a call is one `api_response` event, which covers subagents, memory and compaction too; the assistant's
 * line with the same tokens is the same call told again, and a call of its own only where no event tells it. A subagent's
 * own file counts where the session's tells less of this subagent.
 */
import type { Agent, Environment, Home, Place, SourceInfo, Stream } from "../../read/types.ts";
import { namedFolder, snapshot, tail } from "../../read/types.ts";
import { object, text } from "../../record/json.ts";
import { reduce } from "./document.ts";
import { READS } from "./reads.ts";
import type { State } from "./state.ts";
import { open, parentOf, start, step } from "./transcript.ts";

const SESSIONS = ["projects/*/chats/*.jsonl", "projects/*/chats/archive/*.jsonl"];
const SUBAGENTS = "projects/*/subagents/*/agent-*.jsonl";

export const qwenCode: Agent = {
  id: "qwen-code",
  title: "Qwen Code",
  retention: "deletes nothing by itself",
  streams: [
    transcript("transcript", 50, [...SESSIONS, SUBAGENTS], start),
    // What a subagent did is told by events of its parent's file as well, without an id that would join the two.
    transcript("subagent_steps", 40, [SUBAGENTS], (source) => ({ ...start(source), steps: true })),
    snapshot({
      kind: "legacy_chats",
      rank: 30,
      version: 2,
      locate: (environment) => placesOf(environment, ["tmp/*/chats/*.json"]),
      session: () => undefined,
      groups: { form: "json" },
      reduce,
    }),
  ],
};

function transcript(kind: string, rank: number, match: string[], begin: (source: SourceInfo) => State): Stream {
  const locate = (environment: Environment): Place[] => placesOf(environment, match);
  const session = (path: string): string | undefined => parentOf(path) ?? /([^/]+)\.jsonl$/.exec(path)?.[1];
  return tail<State>({ kind, rank, version: 2, reads: READS, locate, session, start: begin, step, open });
}

/** The runtime folder takes what is new; what was kept before it was set stays where it was. */
function placesOf(environment: Environment, match: readonly string[]): Place[] {
  const sidecars = [{ ending: ".jsonl", beside: ".meta.json" }];
  return environment.homes.flatMap((home) =>
    [...rootsOf(home, environment)].map((root) => ({ root, match, sidecars })),
  );
}

function rootsOf(home: Home, { variable, settings }: Environment): ReadonlySet<string> {
  const usual = `${home.path}/.qwen`;
  const qwen = namedFolder(variable("QWEN_HOME"), home) ?? usual;
  const advanced = object(object(settings?.(`${qwen}/settings.json`))?.advanced);
  const runtimes = [variable("QWEN_RUNTIME_DIR"), text(advanced?.runtimeOutputDir)];
  return new Set([...runtimes.flatMap((path) => namedFolder(path, home) ?? []), qwen, usual]);
}
