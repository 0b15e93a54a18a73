/** Sessions of Cline's second generation: a document of messages, its manifest, and what compactions make of it. */
import type { Draft, Emit, SourceInfo } from "../../read/types.ts";
import { allowAttributes } from "../../record/attributes.ts";
import { fingerprint } from "../../record/identity.ts";
import { type JsonObject, number, object, text } from "../../record/json.ts";
import { providerName } from "../../record/provider.ts";
import type { Usage } from "../../record/schema.ts";
import { between, timeOf } from "../../record/time.ts";
import { tokensOf, totalUsage } from "../../record/usage.ts";
import { taskBegan } from "../tasks/entries.ts";
import { blocksOf, type Common, type Keyed, type Message, messagesOf, sumOf, tellTools } from "./messages.ts";

/** Texts that the agent itself puts among the user's. */
const NOT_TYPED = /^\s*(?:$|<SYSTEM_NOTICE>|\[cline-[\w-]+:v\d|Warning: this is a legacy conversation)/;

/** A subagent's session goes by the subagent's own id, which is also what its document is named after. */
function shortId(id: unknown): string | undefined {
  return /__(agent_\d+_\w+)$/.exec(text(id) ?? "")?.[1] ?? text(id);
}

/** `name` is what the document is named after. */
export function session(document: JsonObject, name: string | undefined, source: SourceInfo, emit: Emit): void {
  const manifest = object(source.sidecars[".json"]) ?? {};
  const [metadata, origin] = [object(manifest.metadata) ?? {}, object(document.origin) ?? {}];
  const isLead = (text(document.agent) ?? "lead") === "lead";
  const all = messagesOf(document.messages);
  const copied = lastCopied(all, metadata.migratedFromLegacyTask === true);
  const messages = all.slice(copied + 1).filter(({ time }) => time !== undefined);
  const id = shortId(document.sessionId) ?? name;
  const folder = /([^/]+)\/[^/]*$/.exec(source.path)?.[1];
  const common: Common = {
    session_id: id,
    parent_session_id: isLead ? undefined : (shortId(origin.parentThreadId) ?? folder),
    agent_version: text(origin.version) ?? text(object(metadata.sessionHistoryOrigin)?.version),
    cwd: text(manifest.cwd),
    repository: text(object(metadata.git)?.url),
    branch: text(object(metadata.git)?.branch),
  };
  if (all.length > 0)
    emit({
      ...common,
      key: "session",
      fact: id,
      operation: "session",
      forked_from: shortId(object(metadata.fork)?.forkedFromSessionId),
      time: (copied < 0 ? undefined : taskBegan(id)) ?? timeOf(manifest.started_at) ?? messages[0]?.time,
      attributes: allowAttributes({ source: manifest.source ?? origin.source }),
      ...sumOf(usageOf(all[copied]?.m.metrics), object(all[copied]?.m.modelInfo)?.id),
    });
  if (!isLead) tellRun(common, messages, emit);
  tellMessages(common, messages, isLead, copied < 0, emit);
  const copies = all.slice(0, copied + 1).map(({ m, index }) => ({ m, index }));
  tellTools(common, copies, [], true, emit);
}

/**
 * The last message that was copied from a task, -1 where none was. They have no metrics but the last answer, to which
 * the copying put the sum of the whole task; the task itself tells them one by one.
 */
function lastCopied(messages: readonly Message[], isMigrated: boolean): number {
  const first = messages.findIndex(({ m }) => object(m.metrics) !== undefined);
  if (!isMigrated && object(messages[first]?.m.modelInfo)?.provider !== "unknown") return -1;
  return first < 0 ? messages.length - 1 : first;
}

/** Metrics that are all zero are metrics that nobody knows yet. */
function usageOf(metrics: unknown): Usage | undefined {
  const { inputTokens: input, outputTokens: output, cacheReadTokens, cacheWriteTokens } = object(metrics) ?? {};
  const usage = totalUsage({ input, output, cacheRead: cacheReadTokens, cacheCreation: cacheWriteTokens });
  return tokensOf(usage) > 0 ? usage : undefined;
}

/** A subagent's session is one run of it. */
function tellRun(common: Common, messages: readonly Message[], emit: Emit): void {
  const [time, end_time] = [messages[0]?.time, messages.at(-1)?.time];
  if (time === undefined) return;
  const run = { key: "run", fact: common.session_id, operation: "invoke_agent", kind: "internal" } as const;
  emit({ ...common, ...run, time, end_time, duration_ms: between(time, end_time) });
}

/** A message is known by its time, and by its number among those that have the very same. */
function tellMessages(
  common: Common,
  messages: readonly Message[],
  isLead: boolean,
  isWhole: boolean,
  emit: Emit,
): void {
  const seen = new Map<string, number>();
  let turn: number | undefined;
  let asked: string | undefined;
  const turns = messages.map(({ m, index, time = "" }) => {
    const times = seen.get(time) ?? 0;
    seen.set(time, times + 1);
    const typed = isLead && m.role === "user" && isTyped(m);
    if (typed && isWhole) turn = (turn ?? -1) + 1;
    const at = { ...common, key: times > 0 ? `${time}#${times}` : time, time, turn, at: { index } };
    if (typed) emit({ ...at, fact: fingerprint(["user", at.key]), operation: "user_message" });
    else if (object(m.metadata)?.displayRole === "error") tellError(at, m, emit);
    else if (m.role === "assistant" && object(m.metrics)) tellCall(at, m, asked, emit);
    else if (m.role !== "assistant" && m.role !== "user") emit.unknown(`role ${text(m.role) ?? ""}`);
    asked = time;
    return turn;
  });
  tellTools(common, messages, turns, false, emit);
}

/** What a person typed has a text of its own; a message that a compaction made says so. */
function isTyped(m: JsonObject): boolean {
  const metadata = object(m.metadata);
  if (metadata?.kind !== undefined || metadata?.displayRole === "system") return false;
  return blocksOf(m).some((block) => block.type === "text" && !NOT_TYPED.test(text(block.text) ?? ""));
}

/** An answer that cost nothing may have been free, or its price is unknown. */
function tellCall(at: Keyed, m: JsonObject, asked: string | undefined, emit: Emit): void {
  const made = object(m.modelInfo) ?? {};
  const [model, provider, usage] = [text(made.id), text(made.provider), usageOf(m.metrics)];
  const cost_usd = number(object(m.metrics)?.cost) || undefined;
  const begun = asked !== undefined && asked <= (at.time ?? "") ? asked : at.time;
  emit({
    ...at,
    fact: fingerprint([at.key, provider, model, cost_usd, JSON.stringify(usage)]),
    operation: "chat",
    kind: "client",
    time: begun,
    end_time: at.time,
    duration_ms: between(begun, at.time),
    status: "ok",
    provider: providerName(provider),
    model,
    usage,
    cost_usd,
  });
}

function tellError(at: Keyed, m: JsonObject, emit: Emit): void {
  const made = object(m.modelInfo) ?? {};
  const failed = { operation: "error", kind: "client", status: "error", error_type: "error" } as const;
  const asked: Pick<Draft, "provider" | "request_model"> = {
    provider: providerName(text(made.provider)),
    request_model: text(made.id),
  };
  emit({ ...at, ...failed, ...asked, fact: fingerprint(["error", at.key]) });
}

/** What models are sent since the latest compaction; the session's own document keeps the whole history. */
export function compaction(document: JsonObject, name: string | undefined, emit: Emit): void {
  const id = shortId(document.conversation_id) ?? name;
  const key = String(document.source_message_count);
  const made = messagesOf(document.messages).map(({ m }) => object(m.metadata));
  const why = made.find((metadata) => metadata?.kind === "compaction");
  emit({
    key,
    fact: `${id}/${key}`,
    operation: "compaction",
    kind: "internal",
    session_id: id,
    time: timeOf(document.updated_at),
    attributes: allowAttributes({ reason: why?.reason, messagesRemoved: why?.messagesRemoved }),
  });
}
