/** What OpenCode and the agents built on it have in common: where their data is, and the two streams of it. */
import {
  type Environment,
  type Group,
  isAbsolute,
  type Place,
  placeOf,
  type Row,
  type SourceInfo,
  type Stream,
  snapshot,
} from "../../read/types.ts";
import type { Draft, Emit } from "../../record/draft.ts";
import { type JsonObject, list, object, text } from "../../record/json.ts";
import { fromMillis } from "../../record/time.ts";
import { IMPORTED } from "./answers.ts";
import { message, part, session } from "./messages.ts";
import { reduceFile, sessionIn, storagePlaces } from "./storage.ts";
import { LAYOUTS } from "./tables.ts";
import type { Texts } from "./texts.ts";

/** The database and the files of a program that keeps its data in a folder of this name. */
export function streamsOf(name: string): Stream[] {
  const folders = ({ homes, variable }: Environment): string[] =>
    homes.map((home) => `${variable("XDG_DATA_HOME") || `${home.path}/.local/share`}/${name}`);
  return [
    snapshot({
      kind: "messages",
      rank: 50,
      version: 4,
      locate: (environment) => [
        ...folders(environment).map((root) => ({ root, match: [`${name}*.db`] })),
        ...named(environment.variable(`${name.toUpperCase()}_DB`), folders(environment)),
      ],
      session: () => undefined,
      groups: { form: "sqlite", layouts: LAYOUTS },
      reduce,
    }),
    snapshot({
      kind: "storage",
      rank: 40,
      version: 3,
      locate: (environment) => folders(environment).flatMap(storagePlaces),
      session: sessionIn,
      groups: { form: "json" },
      reduce: reduceFile,
    }),
  ];
}

/** The database that the environment names: an absolute path, or a name in the data folder. */
function named(path: string | undefined, [folder = ""]: readonly string[]): Place[] {
  if (!path || path === ":memory:") return [];
  return [placeOf(isAbsolute(path) ? path : `${folder}/${path}`)];
}

function reduce({ key, rows = {}, layout }: Group, _: SourceInfo, emit: Emit): void {
  for (const row of rows.session ?? []) session(row, emit);
  const row = rows.message?.[0];
  if (!row) return;
  const data = parsed(row.data);
  if (!data) {
    emit.unknown("message without data");
    return;
  }
  const base = baseOf(row, data);
  const trigger = row.auto === 1 ? "auto" : row.auto === 0 ? "manual" : text(data.trigger);
  const parts = (rows.part ?? []).map((item) => ({ item, told: parsed(item.data) ?? {} }));
  const steps = parts.flatMap(({ told }) => (told.type === "step" ? [told] : []));
  const isApart = layout === "session_message";
  const said = emit.captures ? saidIn(rows) : undefined;
  message({ id: key, base, data, steps, isPrompt: row.is_prompt === 1, trigger, isApart, texts: said?.texts }, emit);
  for (const { item, told } of parts) {
    if (told.type === "step") continue;
    const id = String(item.part ?? item.id);
    part(id, told, said?.parts.get(id), { ...base, time: fromMillis(item.time_created) }, emit);
  }
}

/** A message and its parts as the database has them: version 2 keeps the parts inside, where they go by their place. */
function saidIn({ whole, said }: NonNullable<Group["rows"]>): { texts: Texts; parts: Map<string, JsonObject> } {
  const message = parsed(whole?.[0]?.data) ?? {};
  const inside = list(message.content).map((value, at) => ({ id: `${whole?.[0]?.id}/${at}`, value: object(value) }));
  const beside = (said ?? []).map((row) => ({ id: String(row.part), value: parsed(row.data) }));
  const parts = [...inside, ...beside].flatMap(({ id, value }) => (value ? [[id, value] as const] : []));
  return { texts: { whole: message, parts: parts.map(([, value]) => value) }, parts: new Map(parts) };
}

/** A message that was made of an older task belongs to that. */
function baseOf(row: Row, data: JsonObject): Partial<Draft> {
  const created = object(data.time)?.created ?? row.time_created;
  const task = data.provider === IMPORTED ? text(row.slug) : undefined;
  return {
    session_id: task ?? text(row.session_id),
    parent_session_id: text(row.parent_id),
    agent_version: task === undefined ? text(row.version) : undefined,
    cwd: text(data.cwd) ?? text(row.directory),
    time: fromMillis(created),
    turn: typeof row.turn === "number" && row.turn >= 0 ? row.turn : undefined,
  };
}

function parsed(json: unknown): JsonObject | undefined {
  return typeof json === "string" ? object(JSON.parse(json)) : undefined;
}
