/**
 * Cline, both generations: a task of the VS Code extension before 4.0 (a list of what was shown, a list of what was sent,
 * an index of all tasks), and a session of CLI 3, extension 4 and others (one document of messages, one a subagent).
 * Counting rule: a call is one request entry of a task (its tokens come without caches), or one assistant message with
 * metrics of a session (its tokens come with caches), known by its time and never by its id, which is made anew when
 * messages are stored again; sums of tasks, sessions and subagents are told as sums.
 */
import {
  type Agent,
  type Draft,
  type Emit,
  type Environment,
  type Group,
  type Home,
  type Place,
  type SourceInfo,
  snapshot,
} from "../read/types.ts";
import { allowAttributes } from "../record/attributes.ts";
import { fingerprint } from "../record/identity.ts";
import { type JsonObject, list, number, object, text } from "../record/json.ts";
import { providerName } from "../record/provider.ts";
import type { Usage } from "../record/schema.ts";
import { between, fromMillis, timeOf } from "../record/time.ts";
import { toolDraft } from "../record/tool.ts";
import { summedUsage, tokensOf, totalUsage } from "../record/usage.ts";

type Common = Omit<Draft, "key" | "operation">;

/** A document's messages, each with its place. */
interface Message {
  readonly m: JsonObject;
  readonly index: number;
  readonly time?: string;
}

const HOSTS = [
  "Code",
  "Code - Insiders",
  "Code - OSS",
  "VSCodium",
  "Cursor",
  "Windsurf",
  "Windsurf - Next",
  "Antigravity",
  "Kiro",
  "Positron",
  "Trae",
  "Void",
];
const SERVERS = [".vscode-server", ".vscode-server-insiders", ".cursor-server", ".windsurf-server"];
const EXTENSION = "saoudrizwan.claude-dev";
const TASK_FILES = ["tasks/*/ui_messages.json", "tasks/*/claude_messages.json", "state/taskHistory.json"];
const METADATA = "task_metadata.json";
/** Texts that the agent itself puts among the user's messages. */
const NOT_TYPED = /^\s*(?:$|<SYSTEM_NOTICE>|\[cline-[\w-]+:v\d|Warning: this is a legacy conversation)/;
/** Entries of a task by which the model used a tool, and the tool's name where the entry has none. */
const TOOLS: Readonly<Record<string, string>> = {
  tool: "tool",
  command: "execute_command",
  use_mcp_server: "use_mcp_tool",
  use_subagents: "use_subagents",
  browser_action_launch: "browser_action",
};
const COMPACTIONS: ReadonlySet<string> = new Set(["compaction", "condense", "summarize_task"]);

export const cline: Agent = {
  id: "cline",
  title: "Cline",
  retention: "deletes nothing by itself",
  streams: [
    snapshot({
      kind: "transcript",
      rank: 50,
      version: 1,
      locate: (environment) => [...sessionPlaces(environment), ...taskPlaces(environment, TASK_FILES)],
      session: sessionOf,
      groups: { form: "json" },
      reduce,
    }),
    snapshot({
      kind: "api_history",
      rank: 40,
      version: 1,
      locate: (environment) => taskPlaces(environment, ["tasks/*/api_conversation_history.json"]),
      session: sessionOf,
      groups: { form: "json" },
      reduce: apiHistory,
    }),
  ],
};

/** The first variable that is set wins. */
function sessionPlaces({ homes, variable }: Environment): Place[] {
  const match = ["*/*.messages.json", "*/*.compaction.json"];
  const sidecars = [{ ending: ".messages.json", beside: ".json" }];
  return homes.map((home) => {
    const own = home.own ? variable("CLINE_SESSION_DATA_DIR")?.trim() : undefined;
    return { root: own || `${dataFolder(home, variable)}/sessions`, match, sidecars };
  });
}

function dataFolder(home: Home, variable: Environment["variable"]): string {
  const [data, root] = home.own ? [variable("CLINE_DATA_DIR")?.trim(), variable("CLINE_DIR")?.trim()] : [];
  return data || `${root || `${home.path}/.cline`}/data`;
}

function taskPlaces({ homes, variable }: Environment, files: readonly string[]): Place[] {
  const sidecars = [
    { ending: "ui_messages.json", beside: METADATA },
    { ending: "claude_messages.json", beside: METADATA },
  ];
  const roots = homes.flatMap((home) => {
    const own = (name: string): string | undefined => (home.own ? variable(name) : undefined);
    const folders = {
      linux: own("XDG_CONFIG_HOME") || `${home.path}/.config`,
      darwin: `${home.path}/Library/Application Support`,
      win32: own("APPDATA") || `${home.path}/AppData/Roaming`,
    };
    return [
      ...home.layouts.flatMap((platform) => HOSTS.map((host) => `${folders[platform]}/${host}`)),
      ...SERVERS.map((server) => `${home.path}/${server}/data`),
    ];
  });
  const within = ["User/globalStorage", "User/profiles/*/globalStorage"].flatMap((folder) =>
    files.map((file) => `${folder}/${EXTENSION}/${file}`),
  );
  return [
    ...roots.map((root) => ({ root, match: within, sidecars })),
    ...homes.map((home) => ({ root: dataFolder(home, variable), match: files, sidecars })),
  ];
}

/** A task's folder has its id, a session's document its own; a subagent's document that of the subagent. */
function sessionOf(path: string): string | undefined {
  const task = /(?:^|\/)tasks\/([^/]+)\/[^/]+$/.exec(path)?.[1];
  return task ?? /([^/]+)\.(?:messages|compaction)\.json$/.exec(path)?.[1];
}

function reduce(group: Group, source: SourceInfo, emit: Emit): void {
  const document = object(group.document);
  if (source.stem === "taskHistory") list(group.document).forEach((item, index) => tellIndexed(item, index, emit));
  else if (Array.isArray(group.document)) task(group.document, source, emit);
  else if (number(document?.source_message_count) !== undefined) compaction(document ?? {}, source, emit);
  else if (Array.isArray(document?.messages)) session(document, source, emit);
  else emit.unknown("document without messages");
}

/** A subagent's session goes by the subagent's own id, which is what its document is named after. */
function shortId(id: string | undefined): string | undefined {
  return /__(agent_\d+_\w+)$/.exec(id ?? "")?.[1] ?? id;
}

function session(document: JsonObject, source: SourceInfo, emit: Emit): void {
  const manifest = object(source.sidecars[".json"]) ?? {};
  const [metadata, origin] = [object(manifest.metadata) ?? {}, object(document.origin) ?? {}];
  const git = object(metadata.git);
  const isLead = (text(document.agent) ?? "lead") === "lead";
  const id = shortId(text(document.sessionId)) ?? sessionOf(source.path);
  const all = messagesOf(document.messages);
  const copied = migratedFrom(all, metadata.migratedFromLegacyTask === true);
  const messages = all.slice(copied + 1).filter(({ time }) => time !== undefined);
  const common: Common = {
    session_id: id,
    parent_session_id: isLead
      ? undefined
      : (shortId(text(origin.parentThreadId)) ?? /([^/]+)\/[^/]*$/.exec(source.path)?.[1]),
    agent_version: text(origin.version) ?? text(object(metadata.sessionHistoryOrigin)?.version),
    cwd: text(manifest.cwd),
    repository: text(git?.url),
    branch: text(git?.branch),
  };
  const sum = object(all[copied]?.m.metrics);
  const began = timeOf(manifest.started_at) ?? messages[0]?.time;
  if (all.length > 0)
    emit({
      ...common,
      key: "session",
      fact: id,
      operation: "session",
      forked_from: shortId(text(object(metadata.fork)?.forkedFromSessionId)),
      time: began,
      attributes: allowAttributes({ source: manifest.source ?? origin.source }),
      ...(sum && sumOf(usageOf(sum), text(object(all[copied]?.m.modelInfo)?.id))),
    });
  if (!isLead && messages.length > 0) tellRun(common, messages, emit);
  tellMessages(common, messages, isLead, emit);
}

function messagesOf(value: unknown): Message[] {
  return list(value).flatMap((item, index) => {
    const m = object(item);
    return m ? [{ m, index, time: timeOf(m.ts) }] : [];
  });
}

/**
 * Where the messages end that were copied from a task, -1 where none were. They have no metrics but the last answer, to
 * which the copying put the sum of the whole task; the task itself tells them one by one.
 */
function migratedFrom(messages: readonly Message[], isMigrated: boolean): number {
  const first = messages.findIndex(({ m }) => object(m.metrics) !== undefined);
  return isMigrated || object(messages[first]?.m.modelInfo)?.provider === "unknown" ? first : -1;
}

/** A sum counts only where no call of its session has tokens. */
function sumOf(usage: Usage | undefined, model: string | undefined): Pick<Draft, "usage" | "aggregate" | "model"> {
  return usage ? { usage, aggregate: true, model } : {};
}

/** Metrics that are all zero are metrics that nobody knows yet. */
function usageOf({ inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens }: JsonObject): Usage | undefined {
  const counts = {
    input: inputTokens,
    output: outputTokens,
    cacheRead: cacheReadTokens,
    cacheCreation: cacheWriteTokens,
  };
  const usage = totalUsage(counts);
  return tokensOf(usage) > 0 ? usage : undefined;
}

function tellRun(common: Common, messages: readonly Message[], emit: Emit): void {
  const [time, end_time] = [messages[0]?.time, messages.at(-1)?.time];
  const duration_ms = between(time, end_time);
  const fact = common.session_id;
  emit({ ...common, key: "run", fact, operation: "invoke_agent", kind: "internal", time, end_time, duration_ms });
}

/** Message after message; one that has the very time of another one is known by its number among them. */
function tellMessages(common: Common, messages: readonly Message[], isLead: boolean, emit: Emit): void {
  const seen = new Map<string, number>();
  let turn: number | undefined;
  let asked: string | undefined;
  const turns = messages.map(({ m, index, time = "" }) => {
    const times = seen.get(time) ?? 0;
    seen.set(time, times + 1);
    const key = times > 0 ? `${time}#${times}` : time;
    const typed = isLead && m.role === "user" && isTyped(m);
    if (typed) turn = (turn ?? -1) + 1;
    const at = { ...common, key, time, turn, at: { index } };
    if (typed) emit({ ...at, fact: fingerprint(["user", time, textOf(m).length]), operation: "user_message" });
    else if (object(m.metadata)?.displayRole === "error") tellError(at, m, emit);
    else if (m.role === "assistant" && object(m.metrics)) tellCall(at, m, asked, emit);
    asked = time;
    return turn;
  });
  tellTools(common, messages, turns, emit);
}

function blocksOf({ content }: JsonObject): JsonObject[] {
  return typeof content === "string"
    ? [{ type: "text", text: content }]
    : list(content).flatMap((b) => object(b) ?? []);
}

function textOf(m: JsonObject): string {
  return blocksOf(m)
    .map((block) => (block.type === "text" ? (text(block.text) ?? "") : ""))
    .filter((part) => !NOT_TYPED.test(part))
    .join("");
}

/** A person's message has a text of their own; one that a compaction made says so. */
function isTyped(m: JsonObject): boolean {
  const metadata = object(m.metadata);
  return metadata?.kind === undefined && metadata?.displayRole !== "system" && textOf(m) !== "";
}

/** A free answer has no cost. */
function tellCall(at: Draft | (Common & { key: string }), m: JsonObject, asked: string | undefined, emit: Emit): void {
  const [made, metrics] = [object(m.modelInfo), object(m.metrics) ?? {}];
  const [model, provider, cost] = [text(made?.id), text(made?.provider), number(metrics.cost) || undefined];
  const usage = usageOf(metrics);
  emit({
    ...at,
    fact: fingerprint([at.time, provider, model, cost, JSON.stringify(usage)]),
    operation: "chat",
    kind: "client",
    time: asked ?? at.time,
    end_time: at.time,
    duration_ms: between(asked, at.time),
    status: "ok",
    provider: providerName(provider),
    model,
    usage,
    cost_usd: cost,
  });
}

function tellError(at: Common & { key: string }, m: JsonObject, emit: Emit): void {
  const [made, print] = [object(m.modelInfo), fingerprint(["error", at.time])];
  const provider = providerName(text(made?.provider));
  const request_model = text(made?.id);
  emit({
    ...at,
    fact: print,
    operation: "error",
    kind: "client",
    status: "error",
    error_type: "error",
    provider,
    request_model,
  });
}

/** Every call of a tool, with the first result of its id that follows. */
function tellTools(
  common: Common,
  messages: readonly Message[],
  turns: readonly (number | undefined)[],
  emit: Emit,
): void {
  const results = new Map<string, { at: number; time?: string; failed: boolean }[]>();
  messages.forEach(({ m, time }, at) => {
    for (const block of blocksOf(m)) {
      const id = block.type === "tool_result" ? text(block.tool_use_id) : undefined;
      if (id !== undefined) results.set(id, [...(results.get(id) ?? []), { at, time, failed: hasFailed(block) }]);
    }
  });
  messages.forEach(({ m, time, index }, at) => {
    for (const block of blocksOf(m)) {
      const id = block.type === "tool_use" ? text(block.id) : undefined;
      if (id === undefined) continue;
      const call = { name: text(block.name), start: time, turn: turns[at], at: 0 };
      const end = results.get(id)?.find((result) => result.at > at);
      emit({
        ...common,
        ...toolDraft(id, call, common.session_id ?? "", end),
        session_id: common.session_id,
        at: { index },
      });
    }
  });
}

/** A result says that it failed, or its content does: a list of outcomes, or one as JSON in a text. */
function hasFailed({ is_error, content }: JsonObject): boolean {
  if (is_error === true) return true;
  const outcomes = typeof content === "string" && /^\s*[[{]/.test(content) ? parsed(content) : content;
  return (Array.isArray(outcomes) ? outcomes : [outcomes]).some((outcome) => object(outcome)?.success === false);
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined; // an output that only begins like JSON
  }
}

/** What the model is sent since the latest compaction; the session's own document keeps the whole history. */
function compaction(document: JsonObject, source: SourceInfo, emit: Emit): void {
  const id = text(document.conversation_id) ?? sessionOf(source.path);
  const count = number(document.source_message_count);
  const made = messagesOf(document.messages).map(({ m }) => object(m.metadata));
  const why = made.find((metadata) => metadata?.kind === "compaction");
  emit({
    key: String(count),
    fact: `${id}/${count}`,
    operation: "compaction",
    kind: "internal",
    session_id: id,
    time: timeOf(document.updated_at),
    attributes: allowAttributes({ reason: why?.reason, messagesRemoved: why?.messagesRemoved }),
  });
}
