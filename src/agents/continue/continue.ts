/**
 * Continue, its CLI and its editors: one JSON document a session, rewritten as a whole, and an index of all sessions.
 * Counting rule: a call is one message with its own usage, known by its model, tokens, cost, tools and text and by what
 * stood before it, since neither times nor ids tell a fork's copies; the session's usage is the sum of its calls.
 */
import type { Agent, Draft, Emit, Environment, Group, Place, SourceInfo } from "../../read/types.ts";
import { snapshot } from "../../read/types.ts";
import { allowAttributes } from "../../record/attributes.ts";
import { folderOf } from "../../record/folder.ts";
import { fingerprint } from "../../record/identity.ts";
import { type JsonObject, list, number, object, text } from "../../record/json.ts";
import { answer, instructions, message } from "../../record/messages.ts";
import { timeOf } from "../../record/time.ts";
import { type Item, itemsOf, numbered, textOf, usageOf } from "./items.ts";
import { READS } from "./reads.ts";
import { partsIn, saidIn } from "./texts.ts";
import { tellTools } from "./tools.ts";

const COMPACTED = "[COMPACTED HISTORY]";
const ROLES: ReadonlySet<string> = new Set(["assistant", "system", "thinking", "tool", "user"]);

export const continueDev: Agent = {
  id: "continue",
  title: "Continue",
  retention: "deletes nothing by itself; a session that ends with an error is never written",
  streams: [
    snapshot({
      kind: "transcript",
      rank: 50,
      version: 2,
      locate,
      session: (path) => /(?:^|\/)([^/]*-[^/]*)\.json$/.exec(path)?.[1],
      groups: { form: "json", reads: READS },
      reduce,
    }),
  ],
};

/** The session's names are UUIDs; `sessions.json` is their index. */
function locate({ homes, variable }: Environment): Place[] {
  return homes.map((home) => {
    const root = variable("CONTINUE_GLOBAL_DIR") || `${home.path}/.continue`;
    return { root: `${root}/sessions`, match: ["*-*.json", "sessions.json"] };
  });
}

function reduce(group: Group, source: SourceInfo, emit: Emit): void {
  const document = object(group.document);
  if (Array.isArray(group.document)) tellIndex(group.document, emit);
  else if (document && Array.isArray(document.history)) tellSession(document, source, emit);
  else emit.unknown("document without a history");
}

/** The only times there are: when each session was first written. Older versions wrote `session_id`. */
function tellIndex(items: readonly unknown[], emit: Emit): void {
  items.forEach((value, index) => {
    const item = object(value) ?? {};
    const id = text(item.sessionId) ?? text(item.session_id);
    const created = item.dateCreated;
    const time = typeof created === "string" && /^\d+$/.test(created) ? timeOf(Number(created)) : timeOf(created);
    const attributes = allowAttributes({ messageCount: item.messageCount });
    const cwd = folderOf(text(item.workspaceDirectory));
    if (id === undefined) emit.unknown("session without an id");
    else emit({ ...sessionDraft(id, cwd), time, attributes, at: { index }, raw: item });
  });
}

function sessionDraft(id: string, cwd: string | undefined): Draft {
  return { key: "session", fact: id, operation: "session", session_id: id, cwd };
}

/** What is told of every item of a session. */
type Common = Pick<Draft, "session_id" | "cwd" | "turn" | "at" | "raw">;

function tellSession(document: JsonObject, source: SourceInfo, emit: Emit): void {
  const session_id = text(document.sessionId) ?? source.stem;
  const cwd = folderOf(text(document.workspaceDirectory));
  const items = itemsOf(list(document.history));
  const system = items.find(({ message }) => message.role === "system")?.message.content;
  const content = { system_instructions: emit.keep(instructions(system)) };
  emit({ ...sessionDraft(session_id, cwd), content });
  tellSum(session_id, cwd, document, items, emit);
  const times = new Map<string, number>();
  items.forEach((one, at) => {
    const { item, message, index, turn } = one;
    const common = { session_id, cwd, turn, at: { index }, raw: item };
    const role = text(message.role) ?? "";
    if (!ROLES.has(role)) emit.unknown(`role ${role}`);
    if ((message.usage ?? undefined) !== undefined && !object(message.usage)) emit.unknown("usage that is no object");
    if (role === "user") tellPrompt(common, items, at, times, emit);
    tellCall(common, items, at, text(document.chatModelTitle), emit);
    tellTools({ session_id, cwd, turn, at: { index } }, one, at === items.length - 1, times, emit);
    tellCompaction(common, items, at, times, emit);
  });
}

function tellPrompt(common: Common, items: readonly Item[], at: number, times: Map<string, number>, emit: Emit): void {
  const { print = "", message: said } = items[at] ?? {};
  const content = { input_messages: emit.keep(message("user", partsIn(said?.content))) };
  emit({ ...common, key: numbered(times, print), ...answered(items, at), operation: "user_message", content });
}

/** A prompt is known by its answer, since the same words come again; until it has one, it is open. */
function answered(items: readonly Item[], at: number): Pick<Draft, "fact" | "open"> {
  const next = items.slice(at + 1).find(({ message, call }) => message.role === "user" || call !== undefined);
  if (next?.call === undefined) return { open: next ? undefined : true };
  return { fact: fingerprint(["user", next.call.fact]) };
}

/** A call's cost comes from the agent's own list of prices, in cents; zero is a price that it does not know. */
function tellCall(common: Common, items: readonly Item[], at: number, title: string | undefined, emit: Emit): void {
  const { call, usage, message: told } = items[at] ?? {};
  if (!call) return;
  const { model: name, cost_cents } = object(told?.usage) ?? {};
  const [model, cents] = [text(name), number(cost_cents)];
  emit({
    ...common,
    ...call,
    operation: "chat",
    kind: "client",
    status: "ok",
    request_model: model === undefined ? title : undefined,
    model,
    usage,
    cost_usd: cents ? cents / 100 : undefined,
    content: { output_messages: emit.captures ? emit.keep(saidIn(items, at)) : undefined },
  });
}

/** The conversation's summary: an item has it, or it stands in the place of all that was said. */
function tellCompaction(
  common: Common,
  items: readonly Item[],
  at: number,
  times: Map<string, number>,
  emit: Emit,
): void {
  const { item, message: said = {}, print } = items[at] ?? {};
  const summary = text(item?.conversationSummary) ?? compactedIn(said);
  if (summary === undefined) return;
  const key = numbered(times, fingerprint(["summary", summary]));
  const fact = fingerprint([key, print, items[at - 1]?.print]);
  const content = { output_messages: emit.keep(answer(partsIn(summary), undefined)) };
  emit({ ...common, key, fact, operation: "compaction", kind: "internal", content });
}

/** The summary that older versions of the CLI put in the place of all that was said. */
function compactedIn({ role, content }: JsonObject): string | undefined {
  return role === "assistant" && textOf(content).startsWith(COMPACTED) ? textOf(content) : undefined;
}

/** What the session adds up: all that versions tell which know no usage of a message. */
function tellSum(id: string, cwd: string | undefined, document: JsonObject, items: readonly Item[], emit: Emit): void {
  const usage = usageOf(document.usage);
  if (!usage) return;
  const isAll = items.every((item) => item.usage === undefined);
  emit({
    key: "session",
    fact: id,
    operation: "invoke_agent",
    kind: "internal",
    session_id: id,
    cwd,
    request_model: isAll ? text(document.chatModelTitle) : undefined,
    usage,
    aggregate: true,
    cost_usd: isAll ? number(object(document.usage)?.totalCost) || undefined : undefined,
  });
}
