/** A log or document of Gemini CLI as far as it is read, and what its records say in common. */
import type { Draft } from "../../read/types.ts";
import { responseFact } from "../../record/identity.ts";
import { type JsonObject, object, text } from "../../record/json.ts";
import { utc } from "../../record/time.ts";

export interface State {
  /** The log's own session: a subagent's log belongs to its parent's. */
  session: string;
  subagent?: string;
  began?: string;
  last?: string;
  cwd?: string;
  told?: boolean;
  turn: number;
  prompt?: string;
  /** The latest message: the start of the call that answers it. */
  asked?: string;
  /** The latest answer, with the times of its first telling. */
  call?: { id: string; start?: string; time?: string };
}

/** One message of a log or document. */
export interface Message {
  readonly m: JsonObject;
  readonly id: string;
  readonly time?: string;
  readonly at: NonNullable<Draft["at"]>;
}

export function read(item: unknown, at: Message["at"]): Message | undefined {
  const m = object(item);
  const id = text(m?.id);
  return m && id !== undefined ? { m, id, time: utc(m.timestamp), at } : undefined;
}

export function heard(state: State, time: string | undefined): void {
  state.began ??= time;
  state.asked = time ?? state.asked;
  state.last = time ?? state.last;
}

export function base(state: State): Pick<Draft, "session_id" | "subagent" | "cwd" | "turn"> {
  return {
    session_id: state.session,
    subagent: state.subagent === undefined ? undefined : { id: state.subagent },
    cwd: state.cwd,
    turn: state.turn < 0 ? undefined : state.turn,
  };
}

/** What the records of one message have in common. */
export function known(told: Message): Pick<Draft, "key" | "fact" | "time" | "at" | "raw"> {
  const { id, time } = told;
  return { key: id, fact: responseFact(id, time), time, ...placeOf(told) };
}

/** Where it stands, and in a document the message itself; in a log that is the line. */
export function placeOf({ m, at }: Message): Pick<Draft, "at" | "raw"> {
  return { at, raw: at.index === undefined ? undefined : m };
}

/** A message's text; none of one that carries results of tools. */
export function textOf(content: unknown): string {
  const parts = Array.isArray(content) ? content : [content];
  if (parts.some((part) => object(part)?.functionResponse !== undefined)) return "";
  return parts.map((part) => (typeof part === "string" ? part : (text(object(part)?.text) ?? ""))).join("");
}
