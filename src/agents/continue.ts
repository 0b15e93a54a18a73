/**
 * Continue, its CLI and its editors: one JSON document a session, rewritten as a whole, and an index of all sessions.
 * Counting rule: a call is one message with its own usage, known by its model, tokens, cost and tools and by what stood
 * before it, since neither times nor ids tell a fork's copies; the session's usage is the sum of its calls.
 */
import type { Agent, Draft, Emit, Environment, Group, Place, SourceInfo } from "../read/types.ts";
import { snapshot } from "../read/types.ts";
import { allowAttributes } from "../record/attributes.ts";
import { folderOf } from "../record/folder.ts";
import { fingerprint } from "../record/identity.ts";
import { type JsonObject, list, number, object, text } from "../record/json.ts";
import type { Usage } from "../record/schema.ts";
import { timeOf } from "../record/time.ts";
import { toolDraft } from "../record/tool.ts";
import { summedUsage, tokensOf } from "../record/usage.ts";

/** One item of a session's history. */
interface Item {
  readonly item: JsonObject;
  readonly message: JsonObject;
  readonly index: number;
  readonly turn?: number;
  /** What it is like, without what may still change. */
  readonly print: string;
  readonly usage?: Usage;
  /** The fact of the call that it is. */
  fact?: string;
}

const COMPACTED = "[COMPACTED HISTORY]";
const RUNNING: ReadonlySet<string> = new Set(["generating", "generated", "calling"]);
const ROLES: ReadonlySet<string> = new Set(["assistant", "system", "thinking", "tool", "user"]);

export const continueDev: Agent = {
  id: "continue",
  title: "Continue",
  retention: "deletes nothing by itself; a session that ends with an error is never written",
  streams: [
    snapshot({
      kind: "transcript",
      rank: 50,
      version: 1,
      locate,
      session: (path) => /(?:^|\/)([^/]*-[^/]*)\.json$/.exec(path)?.[1],
      groups: { form: "json" },
      reduce,
    }),
  ],
};

/** The session's names are UUIDs; `sessions.json` is their index. */
function locate({ homes, variable }: Environment): Place[] {
  return homes.map((home) => {
    const root = (home.own && variable("CONTINUE_GLOBAL_DIR")) || `${home.path}/.continue`;
    return { root: `${root}/sessions`, match: ["*-*.json", "sessions.json"] };
  });
}

function reduce(group: Group, source: SourceInfo, emit: Emit): void {
  const document = object(group.document);
  if (Array.isArray(group.document)) tellIndex(group.document, emit);
  else if (Array.isArray(document?.history)) tellSession(document, source, emit);
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
    else emit({ ...sessionDraft(id, cwd), time, attributes, at: { index } });
  });
}

function sessionDraft(id: string, cwd: string | undefined): Draft {
  return { key: "session", fact: id, operation: "session", session_id: id, cwd };
}

function tellSession(document: JsonObject, source: SourceInfo, emit: Emit): void {
  const id = text(document.sessionId) ?? source.stem;
  const cwd = folderOf(text(document.workspaceDirectory));
  const title = text(document.chatModelTitle);
  emit(sessionDraft(id, cwd));
  const items = itemsOf(list(document.history));
  tellSum(id, cwd, document, items, emit);
  const times = new Map<string, number>();
  items.forEach((one, at) => {
    const { item, message, index, turn, usage, fact } = one;
    const common = { session_id: id, cwd, turn, at: { index } };
    if (!ROLES.has(text(message.role) ?? "")) emit.unknown(`role ${text(message.role) ?? ""}`);
    if (message.role === "user") {
      const key = numbered(times, one.print);
      emit({ ...common, key, ...answered(items, at), operation: "user_message" });
    }
    if (fact !== undefined && usage)
      tellCall({ ...common, key: fact, fact }, object(message.usage) ?? {}, usage, title, emit);
    for (const state of list(item.toolCallStates)) tellTool(common, object(state) ?? {}, emit);
    const summary = text(item.conversationSummary) ?? compactedIn(message);
    if (summary !== undefined) {
      const key = numbered(times, fingerprint(["summary", summary]));
      const same = fingerprint([key, one.print, items[at - 1]?.print]);
      emit({ ...common, key, fact: same, operation: "compaction", kind: "internal" });
    }
  });
}

/** The same text the first time, with its number each time that it comes again. */
function numbered(times: Map<string, number>, name: string): string {
  const before = times.get(name) ?? 0;
  times.set(name, before + 1);
  return before > 0 ? `${name}#${before}` : name;
}

/** Turns are numbers of prompts, where no compaction has taken the first of them away. */
function itemsOf(history: readonly unknown[]): Item[] {
  const times = new Map<string, number>();
  const isWhole = object(object(history[0])?.message)?.role === "user";
  const items: Item[] = [];
  let turn = -1;
  history.forEach((value, index) => {
    const item = object(value);
    const message = object(item?.message);
    if (!item || !message) return;
    if (message.role === "user") turn++;
    const usage = usageOf(message.usage);
    const print = printOf(message, usage);
    const fact = usage && numbered(times, fingerprint([print, items.at(-1)?.print]));
    items.push({ item, message, index, turn: isWhole && turn >= 0 ? turn : undefined, print, usage, fact });
  });
  return items;
}

/** A call by its tokens and its tools, anything else by its text; of neither more than a hash of it leaves this file. */
function printOf(message: JsonObject, usage: Usage | undefined): string {
  if (!usage) return fingerprint([text(message.role), textOf(message.content)]);
  const { model, cost_cents } = object(message.usage) ?? {};
  const tools = list(message.toolCalls).map((call) => text(object(call)?.id));
  return fingerprint([text(model), number(cost_cents), JSON.stringify(usage), ...tools]);
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  return list(content)
    .map((part) => text(object(part)?.text) ?? "")
    .join("");
}

/** The summary that older versions of the CLI put in the place of all that was said. */
function compactedIn({ role, content }: JsonObject): string | undefined {
  return role === "assistant" && textOf(content).startsWith(COMPACTED) ? textOf(content) : undefined;
}

/** A prompt is known by its answer, since the same words come again; until it has one, it is open. */
function answered(items: readonly Item[], at: number): Pick<Draft, "fact" | "open"> {
  const next = items.slice(at + 1).find(({ message, fact }) => message.role === "user" || fact !== undefined);
  if (next?.fact === undefined) return { open: next ? undefined : true };
  return { fact: fingerprint(["user", next.fact]) };
}

/**
 * Usage in the words of the provider or of Continue. A provider that tells what it wrote to its cache (Anthropic's way)
 * tells its input without the cached tokens; all others tell it with them.
 */
function usageOf(value: unknown): Usage | undefined {
  const told = object(value) ?? {};
  const input = number(told.prompt_tokens) ?? number(told.promptTokens);
  const inputs = object(told.prompt_tokens_details) ?? object(told.promptTokensDetails) ?? {};
  const outputs = object(told.completion_tokens_details) ?? object(told.completionTokensDetails) ?? {};
  const written = number(inputs.cache_write_tokens) ?? number(inputs.cacheWriteTokens);
  const cached = number(inputs.cache_read_tokens) ?? number(inputs.cached_tokens) ?? number(inputs.cachedTokens);
  const caches = written !== undefined || inputs.cache_read_tokens !== undefined || (cached ?? 0) > (input ?? 0);
  const usage = summedUsage(
    {
      input,
      output: number(told.completion_tokens) ?? number(told.completionTokens),
      cacheRead: cached,
      cacheCreation: written,
      reasoning: number(outputs.reasoning_tokens) ?? number(outputs.reasoningTokens),
    },
    { caches },
  );
  return tokensOf(usage) > 0 ? usage : undefined;
}

/** A call's cost comes from the agent's own list of prices, in cents; zero is a price that it does not know. */
function tellCall(
  common: Omit<Draft, "operation">,
  told: JsonObject,
  usage: Usage,
  title: string | undefined,
  emit: Emit,
): void {
  const [model, cents] = [text(told.model), number(told.cost_cents)];
  emit({
    ...common,
    operation: "chat",
    kind: "client",
    status: "ok",
    request_model: model === undefined ? title : undefined,
    model,
    usage,
    cost_usd: cents ? cents / 100 : undefined,
  });
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

/** No times are told; ids of tools are what a fork's copies are known by. */
function tellTool(common: Pick<Draft, "session_id" | "cwd" | "turn" | "at">, state: JsonObject, emit: Emit): void {
  const call = object(state.toolCall);
  const [id, status] = [text(state.toolCallId) ?? text(call?.id), text(state.status) ?? "generating"];
  if (id === undefined) {
    emit.unknown("tool without an id");
    return;
  }
  const name = text(object(call?.function)?.name);
  const end = { failed: status !== "done", error: status === "canceled" ? status : undefined };
  const session = common.session_id ?? "";
  const draft = toolDraft(id, { name, turn: common.turn, at: 0 }, session, RUNNING.has(status) ? undefined : end);
  emit({ ...common, ...draft, at: common.at });
}
