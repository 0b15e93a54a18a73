/** Sessions of Cline's second generation: a document of messages, its manifest, and what compactions make of it. */
import type { Emit, SourceInfo } from "../../read/types.ts";
import { allowAttributes } from "../../record/attributes.ts";
import { type JsonObject, list, number, object, text } from "../../record/json.ts";
import { answer, instructions, message, partsOf } from "../../record/messages.ts";
import { between, timeOf } from "../../record/time.ts";
import { taskBegan } from "../tasks/entries.ts";
import { type Common, isTyped, tellMessages, usageOf } from "./answers.ts";
import { blocksOf, type Message, messagesOf, sumOf, tellTools } from "./messages.ts";

/** What the agent writes below the messages that it copied from a task. */
const WARNING = /^\s*(?:\[cline-legacy-resume-warning:v\d|Warning: this is a legacy conversation)/;
/** In the place of a provider's name, of the sum that the copying put to the last answer. */
const NOBODY = "unknown";

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
  const [copies, messages] = [all.slice(0, copied + 1), all.slice(copied + 1)];
  const sum = copies.find(hasMetrics)?.m;
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
      time: (copied < 0 ? undefined : taskBegan(id)) ?? timeOf(manifest.started_at) ?? firstTime(messages),
      attributes: allowAttributes({ source: manifest.source ?? origin.source }),
      ...sumOf(usageOf(sum?.metrics), object(sum?.modelInfo)?.id),
      content: { system_instructions: emit.keep(instructions(document.system_prompt)) },
      raw: { ...document, messages: undefined },
    });
  if (!isLead) tellRun(common, messages, emit);
  tellMessages(common, messages, { isLead, isWhole: copied < 0 }, emit);
  const timeless = copies.map(({ m, index }) => ({ m, index }));
  tellTools(common, timeless, [], true, emit);
}

const firstTime = (messages: readonly Message[]): string | undefined => messages.find(({ time }) => time)?.time;

/**
 * The last message that was copied from a task, -1 where none was: the warning below the copies, unless version 4 had
 * answered before it came. Without a warning it is the last answer, the only copy with metrics, to which the copying put
 * the sum of the whole task; the task itself tells its calls one by one.
 */
function lastCopied(messages: readonly Message[], isMigrated: boolean): number {
  const warned = messages.findIndex(({ m }) => m.role === "user" && blocksOf(m).some(isWarning));
  const answered = messages.findIndex((one) => hasMetrics(one) && (providerOf(one) ?? NOBODY) !== NOBODY);
  if (warned >= 0 && (answered < 0 || warned < answered)) return warned;
  const first = messages.findIndex(hasMetrics);
  if (!isMigrated && providerOf(messages[first]) !== NOBODY) return -1;
  return first < 0 ? messages.length - 1 : first;
}

const isWarning = ({ type, text: said }: JsonObject): boolean => type === "text" && WARNING.test(text(said) ?? "");
const hasMetrics = ({ m }: Message): boolean => object(m.metrics) !== undefined;
const providerOf = (one: Message | undefined): string | undefined => text(object(one?.m.modelInfo)?.provider);

/** A subagent's session is one run of it. What it was asked is no person's prompt. */
function tellRun(common: Common, messages: readonly Message[], emit: Emit): void {
  const [time, end_time] = [firstTime(messages), firstTime(messages.toReversed())];
  if (time === undefined) return;
  const asked = messages.find(({ m }) => m.role === "user" && isTyped(m))?.m;
  const run = { key: "run", fact: common.session_id, operation: "invoke_agent", kind: "internal" } as const;
  const content = { input_messages: asked && emit.keep(message("user", partsOf(asked.content))) };
  emit({ ...common, ...run, time, end_time, duration_ms: between(time, end_time), content, raw: asked });
}

/** What models are sent since the latest compaction; the session's own document keeps the whole history. */
export function compaction(document: JsonObject, name: string | undefined, emit: Emit): void {
  const id = shortId(document.conversation_id) ?? name;
  const key = String(number(document.source_message_count) ?? "");
  const made = list(document.messages).map((item) => object(item));
  const summary = made.find((m) => text(object(m?.metadata)?.kind)?.startsWith("compaction"));
  const why = object(summary?.metadata);
  emit({
    key,
    fact: `${id}/${key}`,
    operation: "compaction",
    kind: "internal",
    session_id: id,
    time: timeOf(document.updated_at),
    attributes: allowAttributes({ reason: why?.reason, messagesRemoved: why?.messagesRemoved }),
    content: { output_messages: emit.keep(answer(partsOf(summary?.content), undefined)) },
    raw: summary,
  });
}
