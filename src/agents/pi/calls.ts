/** The calls of Pi: its answers, and the calls that newer versions tell by their tokens only. */
import type { Emit } from "../../read/types.ts";
import { allowAttributes } from "../../record/attributes.ts";
import { fingerprint, responseFact } from "../../record/identity.ts";
import { type JsonObject, number, object, text } from "../../record/json.ts";
import { answer, partsOf } from "../../record/messages.ts";
import { providerName } from "../../record/provider.ts";
import type { Usage } from "../../record/schema.ts";
import { between, timeOf } from "../../record/time.ts";
import { summedUsage, tokensOf } from "../../record/usage.ts";
import { SHOWN } from "./reads.ts";
import { base, type Entry, type Made, printOf, type State } from "./state.ts";

/** An answer without tokens that failed is a failed request; one that broke off after tokens were counted is a call. */
export function assistant(state: State, entry: Entry, m: JsonObject, emit: Emit): void {
  const [model, provider, stop] = [text(m.model), text(m.provider), text(m.stopReason)];
  state.model = model ?? state.model;
  state.provider = provider ?? state.provider;
  const usage = usageOf(m.usage);
  if (!usage && (stop === "pending" || stop === "deferred")) return; // the answer is an entry of its own
  const failed = stop === "error" || stop === "aborted";
  const operation = failed && !usage ? "error" : "chat";
  const begun = timeOf(m.timestamp);
  const time = begun !== undefined && begun <= (entry.time ?? begun) ? begun : (state.asked ?? entry.time);
  const [cost, responseId, reason] = [costOf(m.usage), text(m.responseId), text(m.rawStopReason) ?? stop];
  const like = ["assistant", begun, provider, model, stop, cost, JSON.stringify(usage)];
  const isNamed = responseId !== undefined && operation === "chat";
  const fact = isNamed ? responseFact(responseId, entry.time) : printOf(state, entry, like);
  emit({
    ...base(state),
    key: fact,
    fact,
    operation,
    kind: "client",
    time,
    end_time: entry.time,
    duration_ms: between(time, entry.time),
    status: failed ? "error" : "ok",
    error_type: failed ? errorType(m, stop) : undefined,
    provider: providerName(provider),
    request_model: model,
    model: text(m.responseModel) ?? model,
    response_id: responseId,
    finish_reasons: operation === "error" || reason === undefined ? undefined : [reason],
    usage,
    cost_usd: cost,
    attributes: allowAttributes({ api: m.api, thinkingLevel: m.providerThinkingLevel ?? m.thinkingLevel }),
    content: {
      output_messages: emit.keep(answer(partsOf(m.content), stop)),
      error_message: emit.keep(text(m.errorMessage)),
    },
  });
}

/** Tokens that are all zero are tokens that nobody counted. Input comes without caches, output with reasoning. */
function usageOf(value: unknown): Usage | undefined {
  const { input, output, cacheRead, cacheWrite, reasoning } = object(value) ?? {};
  const usage = summedUsage({ input, output, cacheRead, cacheCreation: cacheWrite, reasoning }, { caches: true });
  return tokensOf(usage) > 0 ? usage : undefined;
}

/** A cost of zero is an unknown price or a subscription. */
function costOf(usage: unknown): number | undefined {
  return number(object(object(usage)?.cost)?.total) || undefined;
}

/** The status that a provider's message begins with, else how the answer ended. */
function errorType(m: JsonObject, stop: string | undefined): string | undefined {
  const said = text(m.errorMessage)?.slice(0, SHOWN) ?? "";
  return stop === "error" ? (/^\s*(\d{3})\b/.exec(said)?.[1] ?? stop) : stop;
}

/** The summary of a compaction or of a branch that was left. Messages in `retainedTail` carry usage that was told before. */
export function summary(state: State, entry: Entry, emit: Emit): void {
  const { type, tokensBefore, fromExtension, usage } = entry.o;
  const fromHook = entry.o.fromHook ?? fromExtension;
  const output_messages = emit.keep(answer(partsOf(entry.o.summary), undefined));
  if (type === "compaction") {
    const key = printOf(state, entry, ["compaction", number(tokensBefore)]);
    const attributes = allowAttributes({ tokensBefore, fromHook });
    const common = { ...base(state), key, fact: key, time: entry.time };
    emit({ ...common, operation: "compaction", kind: "internal", attributes, content: { output_messages } });
  }
  tellCall(state, entry, "summary", usage, fromHook === true ? {} : state, emit);
}

/** Calls that are no answers, keeping the provider's cache warm for instance. */
export function usageEntry(state: State, entry: Entry, emit: Emit): void {
  const { kind, provider, model, usage } = entry.o;
  const by = { provider: text(provider), model: text(model) };
  tellCall(state, entry, printOf(state, entry, ["usage", text(kind), by.provider, by.model]), usage, by, emit);
}

/** A call that newer versions tell by its tokens only: a summary's own, those that a tool made, or no answer's. */
export function tellCall(state: State, entry: Entry, what: string, told: unknown, by: Made, emit: Emit): void {
  const usage = usageOf(told);
  if (!usage) return;
  const fact = fingerprint([entry.time, what, usage.input_tokens, usage.output_tokens]);
  emit({
    ...base(state),
    key: fact,
    fact,
    operation: "chat",
    kind: "client",
    time: entry.time,
    end_time: entry.time,
    status: "ok",
    provider: providerName(by.provider),
    request_model: by.model,
    usage,
    cost_usd: costOf(told),
  });
}
