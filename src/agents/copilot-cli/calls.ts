/**
 * Calls as a session's log tells them. Since late 2026 each has a usage record, and its texts in messages that follow; before,
 * a call is told by its message alone, without tokens, and the ends of runs tell their sums.
 */
import { allowAttributes } from "../../record/attributes.ts";
import type { Draft } from "../../record/draft.ts";
import { type JsonObject, list, number, object, text, under } from "../../record/json.ts";
import { answer, reasoningPart, textPart, toolCallPart } from "../../record/messages.ts";
import { providerName } from "../../record/provider.ts";
import type { Content, Part, Usage } from "../../record/schema.ts";
import { between } from "../../record/time.ts";
import { totalUsage } from "../../record/usage.ts";
import { callFact, costOf, numbered } from "./facts.ts";
import { agentOf, base, KNOWN_AGENTS, type Now, type Said, sourceOf } from "./state.ts";
import { startOf } from "./store.ts";
import { addUsed, noteCall } from "./sums.ts";

/** How many summaries are kept until the log's first usage record. */
const KNOWN_SUMMARIES = 64;

/** Tokens are totals: caches and reasoning are parts of them. Older versions have shorter names for a compaction's. */
function usageOf(u: JsonObject): Usage | undefined {
  return totalUsage({
    input: u.inputTokens ?? u.input,
    output: u.outputTokens ?? u.output,
    cacheRead: u.cacheReadTokens ?? u.cachedInput,
    cacheCreation: u.cacheWriteTokens,
    reasoning: u.reasoningTokens,
  });
}

/** What a usage record tells; a copied one names the session that made the call, a subagent's one that has no log. */
export function usageRecord(now: Now): void {
  const { state, data, time, emit } = now;
  const u = object(data.usage) ?? {};
  const [model, id, finish] = [u.model, u.apiCallId, u.finishReason].map(text);
  state.records = true;
  for (const summary of state.summaries ?? []) emit(summary);
  state.summaries = undefined;
  const source =
    state.copies === "here" && agentOf(now) === undefined ? object(u.accounting)?.sourceSessionId : undefined;
  forkedFrom(now, text(source));
  const draft = callOf(now, id ?? text(now.o.id), u, {
    response_id: id,
    model,
    provider: providerName(text(u.providerType) ?? text(u.modelProvider)),
    ttft_ms: number(u.timeToFirstTokenMs),
    finish_reasons: finish === undefined ? undefined : [finish],
    cost_usd: costOf(u.totalNanoAiu ?? object(u.copilotUsage)?.totalNanoAiu, time),
    attributes: allowAttributes({
      initiator: u.initiator,
      apiEndpoint: u.apiEndpoint,
      reasoningEffort: u.reasoningEffort,
      maxOutputTokens: u.maxOutputTokens,
      maxPromptTokens: u.maxPromptTokens,
    }),
  });
  const said = id === undefined ? undefined : saidIn(now, id);
  if (said) said.draft = draft;
  emit({ ...draft, content: contentOf(said?.parts ?? [], draft) });
}

/** The session comes from another one; the last one that it tells a call of is the nearest. */
function forkedFrom({ state, emit }: Now, source: string | undefined): void {
  if (source === undefined) return;
  state.source = source;
  if (!state.opening || state.opening.forked_from === source) return;
  state.opening = { ...state.opening, forked_from: source };
  emit(state.opening);
}

/** A call that ended with this line. */
function callOf(now: Now, id: string | undefined, u: JsonObject, more: Partial<Draft>): Draft {
  const { state, time } = now;
  const usage = usageOf(u);
  const duration = number(u.duration);
  return {
    ...base(now),
    key: id ?? `call@${time}`,
    fact: numbered(state.seen, callFact({ session: sourceOf(state), model: more.model, usage, duration })),
    operation: "chat",
    kind: "client",
    time: startOf(time, duration),
    end_time: time,
    duration_ms: duration,
    status: "ok",
    request_model: more.model,
    usage,
    ...more,
  };
}

/** A message is a call when no usage record tells it; else it has the texts of one. */
export function message(now: Now): void {
  if (now.state.records === true) {
    addTexts(now);
    return;
  }
  const { state, data, time, emit } = now;
  const [call, told, output] = [text(data.apiCallId), text(data.model), number(data.outputTokens)];
  const id = call ?? text(data.messageId);
  // What the agent says by itself has no model and no tokens.
  if (id === undefined || (call === undefined && told === undefined && output === undefined)) return;
  const agent = agentOf(now) ?? "";
  const model = told ?? under(state.models, agent);
  // A call's later messages tell nothing new but their texts.
  const isLater = state.told.includes(id);
  if (!isLater && state.copies !== "here") noteCall(state.sums, model, output);
  if (!isLater && state.told.push(id) > KNOWN_AGENTS) state.told.shift();
  const began = under(state.turns, agent);
  const draft: Draft = {
    ...base(now),
    key: id,
    fact: id,
    operation: "chat",
    kind: "client",
    time: began ?? time,
    end_time: time,
    duration_ms: between(began, time),
    status: "ok",
    request_model: model,
    model: told,
    response_id: call,
  };
  const said = saidIn(now, id);
  if (!said) {
    if (!isLater) emit(draft);
    return;
  }
  said.parts = [...said.parts, ...(emit.keep(partsOf(data)) ?? [])];
  said.draft ??= draft; // its first message has its times
  emit({ ...said.draft, content: contentOf(said.parts, draft) });
}

/** The texts of a call that its usage record has told, or will. */
function addTexts(now: Now): void {
  const id = text(now.data.apiCallId);
  const said = id === undefined ? undefined : saidIn(now, id);
  if (!said) return;
  said.parts = [...said.parts, ...(now.emit.keep(partsOf(now.data)) ?? [])];
  if (said.draft) now.emit({ ...said.draft, content: contentOf(said.parts, said.draft) });
}

/** Where the texts of an agent's latest call are gathered; undefined unless they are captured. */
function saidIn(now: Now, id: string): Said | undefined {
  if (!now.emit.captures) return undefined;
  const all: Record<string, Said> = now.state.said ?? {};
  now.state.said = all;
  const agent = agentOf(now) ?? "";
  const before = under(all, agent);
  if (before?.id === id) return before;
  if (before === undefined && Object.keys(all).length >= KNOWN_AGENTS) return undefined;
  const said: Said = { id, parts: [] };
  all[agent] = said;
  return said;
}

function partsOf(data: JsonObject): readonly Part[] {
  const calls = list(data.toolRequests).map((one) => {
    const { toolCallId, name, arguments: given } = object(one) ?? {};
    return toolCallPart(toolCallId, name, given);
  });
  return [reasoningPart(data.reasoningText), textPart(data.content), ...calls].filter((part) => part !== undefined);
}

function contentOf(parts: readonly Part[], { finish_reasons }: Draft): Content | undefined {
  const output_messages = answer(parts, finish_reasons?.[0]);
  return output_messages && { output_messages };
}

export function compacting(now: Now): void {
  const { data, o, time } = now;
  const key = text(data.compactionAttemptId) ?? text(o.id) ?? `compaction@${time}`;
  now.state.compaction = { ...base(now), key, fact: key, operation: "compaction", kind: "internal", time };
}

/** The summary is a call of its own, which no usage record tells, and no sum at a run's end. */
export function compacted(now: Now): void {
  const { state, data, o, time, emit } = now;
  const begun = state.compaction;
  const key = text(data.compactionAttemptId) ?? begun?.key ?? text(o.id) ?? `compaction@${time}`;
  state.compaction = undefined;
  const failed = data.success === false;
  const error_message = failed ? emit.keep(text(object(data.error)?.message) ?? text(data.error)) : undefined;
  emit({
    ...base(now),
    key,
    fact: key,
    operation: "compaction",
    kind: "internal",
    time: begun?.time ?? time,
    end_time: time,
    duration_ms: between(begun?.time, time),
    status: failed ? "error" : "ok",
    error_type: failed ? "compaction_failed" : undefined,
    attributes: allowAttributes({
      trigger: data.trigger,
      preCompactionTokens: data.preCompactionTokens,
      postCompactionTokens: data.postCompactionTokens,
    }),
    content: { output_messages: emit.keep(answer([textPart(data.summaryContent)], undefined)), error_message },
  });
  summaryCall(now, key);
}

/** As long as no usage record has come, it has its tokens in the sum, like all calls; with the first one it is told with them. */
function summaryCall(now: Now, key: string): void {
  const { state, data, emit } = now;
  const used = object(data.compactionTokensUsed) ?? {};
  const model = text(used.model) ?? text(data.behaviorModelId) ?? text(data.model);
  const usage = usageOf(used);
  if (!usage) return;
  const attributes = allowAttributes({ initiator: "compaction" });
  const id = `compaction ${key}`;
  const draft = callOf(now, id, used, { model, attributes });
  if (state.records) {
    emit(draft);
    return;
  }
  emit({ ...draft, fact: key, usage: undefined });
  if (state.copies === "here") return;
  addUsed(state.sums, model, usage);
  state.summaries = [...(state.summaries ?? []), draft].slice(-KNOWN_SUMMARIES);
}
