/** A thread of Amp as its document has it: its messages by turns, its own traces, and what all its records have in common. */
import type { Draft } from "../../read/types.ts";
import { folderOf } from "../../record/folder.ts";
import { type JsonObject, list, number, object, text } from "../../record/json.ts";
import { timeOf } from "../../record/time.ts";

export type Common = Pick<Draft, "session_id" | "agent_version" | "cwd" | "repository" | "branch">;

/** What the thread's own tracing tells of a run, a call or a round of tools. */
export interface Trace {
  readonly name?: string;
  readonly id?: string;
  readonly message?: string;
  readonly start?: string;
  readonly end?: string;
}

export interface Message {
  readonly m: JsonObject;
  readonly blocks: readonly JsonObject[];
  readonly id: string;
  readonly index: number;
  readonly turn?: number;
  readonly isTyped: boolean;
  readonly state?: string;
}

export interface Thread {
  readonly id: string;
  readonly common: Common;
  readonly messages: readonly Message[];
  readonly traces: readonly Trace[];
}

/** The id of a message, a number mostly. */
export function messageId(value: unknown): string | undefined {
  return number(value)?.toString() ?? text(value);
}

export function threadOf(id: string, document: JsonObject): Thread {
  const messages = messagesOf(list(document.messages));
  const traces = tracesOf(object(document.meta)?.traces);
  return { id, common: commonOf(id, document), messages, traces };
}

function commonOf(session_id: string, document: JsonObject): Common {
  const initial = object(object(document.env)?.initial);
  const tree = object(list(initial?.trees)[0]);
  const uri = object(tree?.uri);
  const repository = object(tree?.repository);
  return {
    session_id,
    agent_version: text(object(initial?.platform)?.clientVersion),
    cwd: folderOf(text(tree?.uri)) ?? text(uri?.fsPath) ?? text(uri?.path) ?? text(initial?.cwd),
    repository: text(repository?.url),
    branch: text(repository?.ref)?.replace(/^refs\/heads\//, ""),
  };
}

function messagesOf(value: readonly unknown[]): Message[] {
  let turn = -1;
  return value.flatMap((item, index) => {
    const m = object(item);
    if (!m) return [];
    const blocks = blocksOf(m.content);
    const isTyped = isTypedIn(m, blocks);
    if (isTyped) turn++;
    const id = messageId(m.messageId) ?? String(index);
    return [{ m, blocks, id, index, turn: turn < 0 ? undefined : turn, isTyped, state: text(object(m.state)?.type) }];
  });
}

function blocksOf(content: unknown): JsonObject[] {
  if (typeof content === "string") return [{ type: "text", text: content }];
  return list(content).flatMap((item) => {
    const block = object(item);
    return block ? [block] : [];
  });
}

/** A user's message that carries results of tools was typed by nobody. */
function isTypedIn(m: JsonObject, blocks: readonly JsonObject[]): boolean {
  const says = blocks.some(({ type }) => type === "text" || type === "image");
  return m.role === "user" && says && blocks.every(({ type }) => type !== "tool_result");
}

function tracesOf(value: unknown): Trace[] {
  return list(value).flatMap((item) => {
    const t = object(item);
    if (!t) return [];
    const message = messageId(object(t.context)?.messageId);
    return [{ name: text(t.name), id: text(t.id), message, start: timeOf(t.startTime), end: timeOf(t.endTime) }];
  });
}
