/**
 * Before version 1.2 each session, message and part was a JSON file. The first start with a database imports them, mostly,
 * and leaves them. Their ids and numbers are those of the rows, so both tell the same facts.
 */
import type { Group, SourceInfo } from "../../read/types.ts";
import type { Draft, Emit } from "../../record/draft.ts";
import { type JsonObject, object, text } from "../../record/json.ts";
import { fromMillis } from "../../record/time.ts";
import { message, part, session } from "./messages.ts";

/** Below the data folder: the older layout by project, and the later one. */
export const STORAGE: readonly string[] = [
  "storage/session/*/*.json",
  "storage/message/*/*.json",
  "storage/part/*/*.json",
  "project/*/storage/session/info/*.json",
  "project/*/storage/session/message/*/*.json",
  "project/*/storage/session/part/*/*/*.json",
];

/** Agents that only other agents ask. Whether a prompt is a subagent's stands in another file. */
const SUBAGENTS = /^(?:general|explore|compaction|summary|title)$/;

interface Place {
  readonly kind: "session" | "message" | "part";
  readonly session?: string;
  readonly message?: string;
  readonly id: string;
}

/** What a file's path tells; files may lack their ids. */
function placeOf(path: string): Place | undefined {
  const names = path.replace(/\.json$/, "").split("/");
  const id = names.at(-1) ?? "";
  const [kind, ...between] = path.startsWith("project/") ? names.slice(4, -1) : names.slice(1, -1);
  if (kind === "info") return { kind: "session", session: id, id };
  if (kind === "session") return { kind, session: id, id };
  if (kind === "message") return { kind, session: between[0], message: id, id };
  if (kind !== "part") return undefined;
  return between.length > 1
    ? { kind, session: between[0], message: between[1], id }
    : { kind, message: between[0], id };
}

export function sessionIn(path: string): string | undefined {
  return placeOf(path)?.session;
}

export function reduceFile({ document }: Group, { path }: SourceInfo, emit: Emit): void {
  const place = placeOf(path);
  const o = object(document);
  if (!place || !o) {
    emit.unknown("storage file");
    return;
  }
  const time = object(o.time) ?? {};
  const session_id = place.session ?? text(o.sessionID) ?? text(o.session_id);
  if (place.kind === "session") {
    const row = { id: text(o.id) ?? place.id, parent_id: o.parentID, directory: o.directory, version: o.version };
    session({ ...row, time_created: time.created }, emit);
    return;
  }
  const base = { session_id, cwd: text(object(o.path)?.cwd), time: fromMillis(time.created) };
  if (place.kind === "message") storedMessage(text(o.id) ?? place.id, o, base, emit);
  else storedPart(text(o.id) ?? place.id, o, { session_id }, emit);
}

function storedMessage(id: string, o: JsonObject, base: Partial<Draft>, emit: Emit): void {
  const model = object(o.model) ?? {};
  const error = object(o.error);
  const data = {
    ...o,
    provider: o.providerID ?? model.providerID,
    model: o.modelID ?? model.modelID,
    variant: o.variant ?? model.variant,
    error: error?.name,
    statusCode: object(error?.data)?.statusCode,
  };
  message({ id, base, data, isPrompt: !SUBAGENTS.test(text(o.agent) ?? "") }, emit);
}

function storedPart(id: string, o: JsonObject, base: Partial<Draft>, emit: Emit): void {
  const state = object(o.state) ?? {};
  const error = object(o.error);
  if (o.type === "tool")
    part(id, { ...state, type: o.type, call: o.callID, tool: o.tool, exit: object(state.metadata)?.exit }, base, emit);
  else if (o.type === "retry") {
    const told = { type: o.type, attempt: o.attempt, error: error?.name, created: object(o.time)?.created };
    part(id, { ...told, statusCode: object(error?.data)?.statusCode }, base, emit);
  }
}
