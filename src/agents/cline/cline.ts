/**
 * Cline, both generations: a task of the VS Code extension before 4.0 (what was shown, what was sent, an index of all
 * tasks), and a session of CLI 3, extension 4 and others (one document of messages, one more for each subagent).
 * Counting rule: a call is one request entry of a task (its tokens come without caches), or one assistant message with
 * metrics of a session (its tokens come with caches), known by its time and never by its id, which is made anew when
 * messages are stored again; sums over tasks, sessions and subagents are never added to the calls that they sum.
 */
import type { Agent, Emit, Environment, Group, Home, Place, SourceInfo, Stream } from "../../read/types.ts";
import { snapshot } from "../../read/types.ts";
import { list, number, object } from "../../record/json.ts";
import { extensionPlaces } from "../tasks/editors.ts";
import { entriesOf } from "../tasks/entries.ts";
import { tellShownTools } from "../tasks/shown.ts";
import { compaction, session } from "./session.ts";
import { apiHistory, index, METADATA, task } from "./task.ts";

const EXTENSION = "saoudrizwan.claude-dev";
const SHOWN = ["ui_messages.json", "claude_messages.json"];
const SHOWN_FILES = SHOWN.map((file) => `tasks/*/${file}`);
const SENT = "api_conversation_history.json";

export const cline: Agent = {
  id: "cline",
  title: "Cline",
  retention: "deletes nothing by itself",
  streams: [
    snapshot({
      kind: "transcript",
      rank: 50,
      version: 3,
      locate: (environment) => [
        ...sessionPlaces(environment),
        ...taskPlaces(environment, [...SHOWN_FILES, "state/taskHistory.json"]),
      ],
      session: sessionOf,
      groups: { form: "json" },
      reduce,
    }),
    tools("api_history", 60, [`tasks/*/${SENT}`], apiHistory),
    tools("shown_tools", 40, SHOWN_FILES, (shown, id, emit) => tellShownTools(entriesOf(shown), id, emit)),
  ],
};

/**
 * A task's tools, told twice and never alike: as they were shown, and as models called them by their own means, if they
 * did. What tells more of them counts.
 */
function tools(
  kind: string,
  rank: number,
  files: readonly string[],
  tell: (document: unknown, id: string | undefined, emit: Emit) => void,
): Stream {
  return snapshot({
    kind,
    rank,
    version: 2,
    locate: (environment) => taskPlaces(environment, files),
    session: sessionOf,
    groups: { form: "json" },
    reduce: (group, source, emit) => tell(group.document, sessionOf(source.path), emit),
  });
}

/** The first variable that is set wins. */
function sessionPlaces({ homes, variable }: Environment): Place[] {
  const match = ["*/*.messages.json", "*/*.compaction.json"];
  const sidecars = [{ ending: ".messages.json", beside: ".json" }];
  return homes.map((home) => {
    const named = variable("CLINE_SESSION_DATA_DIR")?.trim();
    return { root: named || `${dataFolder(home, variable)}/sessions`, match, sidecars };
  });
}

function dataFolder(home: Home, variable: Environment["variable"]): string {
  const [data, root] = [variable("CLINE_DATA_DIR")?.trim(), variable("CLINE_DIR")?.trim()];
  return data || `${root || `${home.path}/.cline`}/data`;
}

/** Tasks lie in the extension's folder of each editor, here or on the far side of a connection, and in that of CLI 2. */
function taskPlaces(environment: Environment, match: readonly string[]): Place[] {
  const sidecars = SHOWN.map((ending) => ({ ending, beside: METADATA }));
  const cli = environment.homes.map((home) => ({ root: dataFolder(home, environment.variable), match }));
  return [...extensionPlaces(environment, EXTENSION, match), ...cli].map((place) => ({ ...place, sidecars }));
}

/** A task's folder has its id; a session's document is named after it, that of a subagent after the subagent. */
function sessionOf(path: string): string | undefined {
  const folder = /(?:^|\/)tasks\/([^/]+)\/[^/]+$/.exec(path)?.[1];
  return folder ?? /([^/]+)\.(?:messages|compaction)\.json$/.exec(path)?.[1];
}

function reduce(group: Group, source: SourceInfo, emit: Emit): void {
  const given = group.document;
  const document = object(given);
  const id = sessionOf(source.path);
  if (source.stem === "taskHistory") index(list(given), emit);
  else if (Array.isArray(given) && isSession(source.path)) session({ messages: given }, id, source, emit);
  else if (Array.isArray(given)) task(given, id, object(source.sidecars[METADATA]) ?? {}, emit);
  else if (number(document?.source_message_count) !== undefined) compaction(document ?? {}, id, emit);
  else if (document && Array.isArray(document.messages)) session(document, id, source, emit);
  else emit.unknown("document without messages");
}

const isSession = (path: string): boolean => path.endsWith(".messages.json");
