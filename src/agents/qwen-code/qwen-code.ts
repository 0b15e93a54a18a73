/**
 * Qwen Code: one JSONL file a session, one for each background subagent beside it; before that one JSON document a session.
 * Counting rule: a call is one `api_response` event, which covers subagents, memory and compaction too; the assistant's
 * line with the same tokens is the same call told again, and a call of its own only where no event tells it.
 */
import type { Agent, Environment, Place, SourceInfo, Stream } from "../../read/types.ts";
import { snapshot, tail } from "../../read/types.ts";
import { reduce } from "./document.ts";
import type { State } from "./state.ts";
import { open, parentOf, start, step } from "./transcript.ts";

const SUBAGENTS = "projects/*/subagents/*/agent-*.jsonl";

export const qwenCode: Agent = {
  id: "qwen-code",
  title: "Qwen Code",
  retention: "deletes nothing by itself",
  streams: [
    transcript("transcript", 50, ["projects/*/chats/*.jsonl", SUBAGENTS], start),
    // Subagents' tools are told by events of the parent's file as well, without an id that would join the two.
    transcript("subagent_tools", 40, [SUBAGENTS], (source) => ({ ...start(source), toolsOnly: true })),
    snapshot({
      kind: "legacy_chats",
      rank: 30,
      version: 1,
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
  return tail<State>({ kind, rank, version: 1, locate, session, start: begin, step, open });
}

/** The runtime folder takes what is new; what was kept before it was set stays where it was. */
function placesOf({ homes, variable }: Environment, match: readonly string[]): Place[] {
  const sidecars = [{ ending: ".jsonl", beside: ".meta.json" }];
  return homes.flatMap((home) => {
    const runtime = home.own ? variable("QWEN_RUNTIME_DIR") : undefined;
    const roots = [...(runtime ? [runtime] : []), `${home.path}/.qwen`];
    return roots.map((root) => ({ root, match, sidecars }));
  });
}
