/**
 * Gemini CLI: one JSON Lines log a session, in which a message is written again whenever it grows; before that one JSON
 * document a session; one log for each subagent.
 * Counting rule: a call is one message id that has tokens, of all its tellings the one with the most: a resume and a
 * history sync tell messages again, without their tokens and with new times.
 */
import {
  type Agent,
  type Emit,
  type Environment,
  type Group,
  type Line,
  type Place,
  type SourceInfo,
  snapshot,
  tail,
} from "../../read/types.ts";
import { type JsonObject, list, object, text } from "../../record/json.ts";
import { utc } from "../../record/time.ts";
import { subagentDraft, tellCall } from "./answers.ts";
import { context, message } from "./messages.ts";
import { READS } from "./reads.ts";
import { read, type State, textOf } from "./state.ts";

export const geminiCli: Agent = {
  id: "gemini-cli",
  title: "Gemini CLI",
  retention: "deletes a session 30 days after its last change, when it is next started in that project",
  streams: [
    tail<State>({
      kind: "transcript",
      rank: 50,
      version: 2,
      reads: READS,
      locate: (environment) => placesOf(environment, ["session-*.jsonl", "session-*.jsonl.unreadable-*", "*/*.jsonl"]),
      session: sessionOf,
      start,
      step,
      open,
    }),
    snapshot({
      kind: "transcript_json",
      rank: 40,
      version: 2,
      locate: (environment) => placesOf(environment, ["session-*.json"]),
      session: sessionOf,
      groups: { form: "json", reads: READS },
      reduce,
    }),
  ],
};

/** `GEMINI_CLI_HOME` replaces the home folder. */
function placesOf({ homes, variable }: Environment, match: readonly string[]): Place[] {
  return homes.map((home) => {
    const root = variable("GEMINI_CLI_HOME") || home.path;
    return { root: `${root}/.gemini/tmp`, match: match.map((name) => `*/chats/${name}`) };
  });
}

/** A file's name has the first eight characters of its session's id; subagents lie in a folder of the whole id. */
function sessionOf(path: string): string | undefined {
  return (/chats\/([^/]{8})[^/]*\/[^/]+$/.exec(path) ?? /session-[^/]*-([^/-]{8})\.json/.exec(path))?.[1];
}

function start(source: SourceInfo): State {
  const parent = /(?:^|\/)chats\/([^/]+)\/[^/]+$/.exec(source.path)?.[1];
  const state: State = { session: parent ?? source.stem, turn: -1 };
  return parent === undefined ? state : { ...state, subagent: source.stem };
}

function step(state: State, line: Line, emit: Emit): void {
  const o = line.json();
  if (typeof o.$rewindTo === "string") return; // what was rewound has been served all the same
  if (o.$set !== undefined) patch(state, object(o.$set) ?? {}, line.offset, emit);
  else if (text(o.id)) message(state, o, { offset: line.offset }, emit);
  else if (text(o.sessionId)) header(state, o);
  else emit.unknown("line without an id");
}

/** History told again tells no new messages, but it may be all that is left of a compaction, or of a call. */
function patch(state: State, set: JsonObject, offset: number, emit: Emit): void {
  state.cwd ??= text(list(set.directories)[0]);
  for (const item of list(set.messages)) {
    const told = read(item, { offset });
    if (told?.m.type === "gemini") tellCall(state, told, undefined, emit);
    else if (told?.m.type === "user") context(state, told, textOf(told.m.content), emit);
  }
}

/** A session may have several: a resume begins another one. The first one holds. */
function header(state: State, o: JsonObject): void {
  if (state.began !== undefined) return;
  const id = text(o.sessionId);
  state.began = utc(o.startTime);
  state.cwd ??= text(list(o.directories)[0]);
  if (state.subagent !== undefined) {
    state.subagent = id ?? state.subagent;
    return;
  }
  state.session = id ?? state.session;
  // Outside a folder of its parent, nothing tells whose subagent it is.
  if (o.kind === "subagent") state.subagent = state.session;
}

function open(state: State, emit: Emit): void {
  const { session, subagent, began, last, cwd } = state;
  if (subagent !== undefined && last !== undefined)
    emit({ ...subagentDraft(session, subagent, began, last), cwd, at: { offset: 0 } });
}

/** The older document: the same messages under the same ids, which a resume copies to a log and leaves where they are. */
function reduce(group: Group, source: SourceInfo, emit: Emit): void {
  const document = object(group.document);
  if (!document || !text(document.sessionId)) {
    emit.unknown("document without a session");
    return;
  }
  const state = start(source);
  header(state, document);
  list(document.messages).forEach((item, index) => {
    message(state, item, { index }, emit);
  });
  open(state, emit);
}
