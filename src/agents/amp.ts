/**
 * Amp, as long as it kept threads on the machine (until spring 2026): one JSON document a thread, rewritten as a whole.
 * Counting rule: a call is one event of the thread's ledger, with the caches of the message that it made; where there is
 * no ledger, one finished assistant message with usage. Both are known by the message.
 */
import type { Agent, Draft, Emit, Environment, Group, Home, Place } from "../read/types.ts";
import { snapshot } from "../read/types.ts";
import { allowAttributes } from "../record/attributes.ts";
import { folderOf } from "../record/folder.ts";
import { toolFact } from "../record/identity.ts";
import { type JsonObject, list, number, object, text } from "../record/json.ts";
import { providerName } from "../record/provider.ts";
import type { Usage } from "../record/schema.ts";
import { between, timeOf } from "../record/time.ts";
import { toolDraft } from "../record/tool.ts";
import { summedUsage, tokensOf } from "../record/usage.ts";

type Common = Pick<Draft, "session_id" | "agent_version" | "cwd" | "repository" | "branch">;

/** What the thread's own tracing tells of a run, a call or a round of tools. */
interface Trace {
  readonly name?: string;
  readonly id?: string;
  readonly message?: number;
  readonly start?: string;
  readonly end?: string;
}

interface Message {
  readonly m: JsonObject;
  readonly id: number;
  readonly index: number;
  readonly turn?: number;
  readonly state?: string;
}

/** A thread, and what all its records have in common. */
interface Thread {
  readonly common: Common;
  readonly messages: readonly Message[];
  readonly traces: readonly Trace[];
}

/** How an answer ends. Before that it may still grow. */
const ENDED: ReadonlySet<string> = new Set(["complete", "cancelled", "error"]);
const TOOL_ENDED: ReadonlySet<string> = new Set(["done", "error", "cancelled", "rejected-by-user"]);
/** A call's usage is written when its trace ends; more than this apart they are not of one call. */
const NEAR_MS = 1000;

export const amp: Agent = {
  id: "amp",
  title: "Amp",
  retention: "deletes nothing by itself; since April 2026 it keeps its threads on its server",
  unverified: true,
  streams: [
    snapshot({
      kind: "thread",
      rank: 50,
      version: 1,
      locate,
      session: (path) => /(?:^|\/)(T-[^/]*)\.json$/.exec(path)?.[1],
      groups: { form: "json" },
      reduce,
    }),
  ],
};

function locate(environment: Environment): Place[] {
  return environment.homes.flatMap((home) =>
    foldersOf(home, environment.variable).map((folder) => ({ root: `${folder}/amp/threads`, match: ["T-*.json"] })),
  );
}

/** On macOS it is where it is on Linux. */
function foldersOf(home: Home, variable: Environment["variable"]): string[] {
  const own = (name: string): string | undefined => (home.own ? variable(name) : undefined);
  const folders: string[] = [];
  if (home.layouts.some((layout) => layout !== "win32"))
    folders.push(own("XDG_DATA_HOME") || `${home.path}/.local/share`);
  if (home.layouts.includes("win32"))
    folders.push(own("LOCALAPPDATA") || `${home.path}/AppData/Local`, own("APPDATA") || `${home.path}/AppData/Roaming`);
  return folders;
}

function reduce(group: Group, _source: unknown, emit: Emit): void {
  const document = object(group.document);
  const id = text(document?.id);
  if (!document || id === undefined || !Array.isArray(document.messages)) {
    emit.unknown("document without a thread");
    return;
  }
  const messages = messagesOf(document.messages);
  if (messages.length === 0) return; // a stub of a thread that the server keeps
  const initial = object(object(document.env)?.initial);
  const tree = object(list(initial?.trees)[0]);
  const repository = object(tree?.repository);
  const common: Common = {
    session_id: id,
    agent_version: text(object(initial?.platform)?.clientVersion),
    cwd: folderOf(text(tree?.uri)),
    repository: text(repository?.url),
    branch: text(repository?.ref)?.replace(/^refs\/heads\//, ""),
  };
  const thread: Thread = { common, messages, traces: tracesOf(object(document.meta)?.traces) };
  const attributes = allowAttributes({ agentMode: document.agentMode });
  emit({ ...common, key: "session", fact: id, operation: "session", time: timeOf(document.created), attributes });
  for (const message of messages) tellMessage(thread, message, emit);
  tellCalls(thread, list(object(document.usageLedger)?.events), emit);
  tellTools(thread, emit);
  for (const trace of thread.traces) if (trace.name === "agent") tellRun(thread, trace, emit);
}

function messagesOf(value: readonly unknown[]): Message[] {
  let turn = -1;
  return value.flatMap((item, index) => {
    const m = object(item);
    if (!m) return [];
    if (isTyped(m)) turn++;
    const id = number(m.messageId) ?? index;
    return [{ m, id, index, turn: turn < 0 ? undefined : turn, state: text(object(m.state)?.type) }];
  });
}

function blocksOf(m: JsonObject): JsonObject[] {
  return list(m.content).flatMap((item) => {
    const block = object(item);
    return block ? [block] : [];
  });
}

/** A user's message that carries results of tools was typed by nobody. */
function isTyped(m: JsonObject): boolean {
  const blocks = blocksOf(m);
  return m.role === "user" && blocks.some((b) => b.type === "text") && blocks.every((b) => b.type !== "tool_result");
}

function tracesOf(value: unknown): Trace[] {
  return list(value).flatMap((item) => {
    const t = object(item);
    if (!t) return [];
    const message = number(object(t.context)?.messageId);
    return [{ name: text(t.name), id: text(t.id), message, start: timeOf(t.startTime), end: timeOf(t.endTime) }];
  });
}

function tellMessage({ common }: Thread, { m, id, index, turn, state }: Message, emit: Emit): void {
  const at = { ...common, key: String(id), fact: `${common.session_id}/${id}`, turn, at: { index } };
  if (m.role !== "user" && m.role !== "assistant") emit.unknown(`role ${text(m.role) ?? ""}`);
  if (isTyped(m)) emit({ ...at, operation: "user_message", time: timeOf(object(m.meta)?.sentAt) });
  if (m.role === "assistant" && state === "error" && !usageOf(m.usage))
    emit({ ...at, operation: "error", kind: "client", status: "error", error_type: "error" });
}

/** Tokens come without caches. */
function usageOf(value: unknown, ledger: JsonObject = {}): Usage | undefined {
  const { inputTokens, outputTokens, cacheReadInputTokens, cacheCreationInputTokens } = object(value) ?? {};
  const input = ledger.input ?? inputTokens;
  const output = ledger.output ?? outputTokens;
  const counts = { input, output, cacheRead: cacheReadInputTokens, cacheCreation: cacheCreationInputTokens };
  const usage = summedUsage(counts, { caches: true });
  return tokensOf(usage) > 0 ? usage : undefined;
}

/** The ledger is believed where there is one; a message of which it tells nothing was not billed. */
function tellCalls(thread: Thread, ledger: readonly unknown[], emit: Emit): void {
  const left = new Map(
    thread.messages.filter(({ m }) => m.role === "assistant").map((message) => [message.id, message]),
  );
  for (const item of ledger) {
    const event = object(item) ?? {};
    const to = number(event.toMessageId);
    const message = to === undefined ? undefined : left.get(to);
    if (to !== undefined) left.delete(to);
    tellCall(thread, message, event, emit);
  }
  if (ledger.length > 0) return;
  for (const message of left.values())
    if (message.m.usage && ENDED.has(message.state ?? "complete")) tellCall(thread, message, undefined, emit);
}

function tellCall(
  { common, traces }: Thread,
  message: Message | undefined,
  event: JsonObject | undefined,
  emit: Emit,
): void {
  const told = object(message?.m.usage);
  const usage = usageOf(told, object(event?.tokens));
  const key = message ? String(message.id) : text(event?.id);
  if (key === undefined || !usage) return;
  const state = message?.state ?? "complete";
  const stop = text(object(message?.m.state)?.stopReason);
  const end = timeOf(event?.timestamp) ?? timeOf(told?.timestamp);
  const begun = nearest(traces, end)?.start;
  emit({
    ...common,
    key,
    fact: `${common.session_id}/${key}`,
    operation: "chat",
    kind: "client",
    time: begun ?? end,
    end_time: end,
    duration_ms: between(begun, end),
    turn: message?.turn,
    status: state === "complete" ? "ok" : "error",
    error_type: state === "complete" ? undefined : state,
    provider: message && providerOf(message.m),
    model: text(event?.model) ?? text(told?.model),
    finish_reasons: stop === undefined ? undefined : [stop],
    usage,
    attributes: allowAttributes({ credits: event?.credits, maxInputTokens: told?.maxInputTokens }),
    at: message && { index: message.index },
  });
}

/** The call's own trace: the one that ended when its usage was written. */
function nearest(traces: readonly Trace[], end: string | undefined): Trace | undefined {
  const gap = (trace: Trace): number => Math.abs(Date.parse(trace.end ?? "") - Date.parse(end ?? ""));
  return traces
    .filter((trace) => trace.name === "inference" && gap(trace) <= NEAR_MS)
    .reduce<Trace | undefined>((best, trace) => (best && gap(best) <= gap(trace) ? best : trace), undefined);
}

/** Only blocks of thinking say who served them. */
function providerOf(m: JsonObject): string | undefined {
  return providerName(
    blocksOf(m)
      .map((block) => text(block.provider))
      .find(Boolean),
  );
}

/** A call of a tool that is still being written is none yet. Its times are those of its round. */
function tellTools({ common, messages, traces }: Thread, emit: Emit): void {
  const runs = new Map<string, JsonObject>();
  for (const { m } of messages)
    for (const block of blocksOf(m)) {
      const id = block.type === "tool_result" ? text(block.toolUseID) : undefined;
      if (id !== undefined) runs.set(id, object(block.run) ?? {});
    }
  for (const { m, id: message, turn, index } of messages)
    for (const block of blocksOf(m)) {
      const id = block.type === "tool_use" && block.complete !== false ? text(block.id) : undefined;
      if (id === undefined) continue;
      const status = text(runs.get(id)?.status);
      const round = traces.find((trace) => trace.name === "tools" && trace.message === message);
      const hasEnded = status !== undefined && TOOL_ENDED.has(status);
      const error = status === "error" ? undefined : status;
      const end = hasEnded ? { time: round?.end, failed: status !== "done", error } : undefined;
      const draft = toolDraft(id, { name: text(block.name), start: round?.start, turn, at: 0 }, "", end);
      const fact = toolFact(id, undefined, common.session_id);
      emit({ ...draft, ...common, key: fact, fact, at: { index } });
    }
}

function tellRun({ common, messages }: Thread, { id, message, start, end }: Trace, emit: Emit): void {
  if (id === undefined) return;
  emit({
    ...common,
    key: id,
    fact: `${common.session_id}/${id}`,
    open: end === undefined ? true : undefined,
    operation: "invoke_agent",
    kind: "internal",
    time: start,
    end_time: end,
    duration_ms: between(start, end),
    turn: messages.find((one) => one.id === message)?.turn,
  });
}
