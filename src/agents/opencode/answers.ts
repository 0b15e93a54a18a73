/** What an answer tells: the calls that it took, a failed request, a compaction. */
import type { Draft, Emit } from "../../read/types.ts";
import { allowAttributes } from "../../record/attributes.ts";
import { fingerprint } from "../../record/identity.ts";
import { type JsonObject, number, object, text } from "../../record/json.ts";
import { providerName } from "../../record/provider.ts";
import type { Usage } from "../../record/schema.ts";
import { between, fromMillis } from "../../record/time.ts";
import { summedUsage, tokensOf } from "../../record/usage.ts";
import type { Message } from "./messages.ts";
import { answered, failureIn, summary } from "./texts.ts";

/** One call of an answer. */
interface Call {
  readonly tokens: JsonObject;
  readonly usage?: Usage;
  readonly cost?: number;
  readonly finish?: string;
  /** Where another model answered than the one that was asked. */
  readonly model?: string;
  readonly provider?: string;
  /** The number of its step, where the answer has steps. */
  readonly step?: number;
}

/**
 * An answer is told when it has tokens: before that nobody knows whether it will be a call or a failed request. One that
 * ended without tokens, without a reason to stop and without the end of a step is a request that failed.
 */
export function answer(m: Message, emit: Emit): void {
  const { id, base, data, texts } = m;
  if (data.provider === IMPORTED) return;
  const time = object(data.time) ?? {};
  const error = text(data.error) ?? (data.status === "failed" ? "failed" : undefined);
  const isOver = number(time.completed) !== undefined || error !== undefined || isSummarised(data);
  const common = {
    ...base,
    kind: "client",
    agent_name: text(data.agent),
    provider: providerName(text(data.provider)),
    attributes: allowAttributes({ variant: data.variant, statusCode: number(data.statusCode) }),
    raw: texts?.whole,
  } as const;
  const error_message = emit.keep(texts && failureIn(texts.whole));
  const calls = callsOf(m, isOver && error === undefined);
  const end_time = fromMillis(time.streamed) ?? fromMillis(time.completed);
  calls.forEach((call, at) => {
    const end = at === calls.length - 1 ? { end_time, error, error_message, finish: text(data.finish) } : {};
    tellCall({ ...common, open: isOver ? undefined : true }, m, call, at, end, emit);
  });
  const last = { key: id, fact: factOf(m, calls[0]?.tokens, 0), status: error === undefined ? "ok" : "error" } as const;
  if (calls.length === 0 && isOver && data.role === "assistant") {
    const failed = { status: "error", error_type: error ?? "no_response", end_time } as const;
    emit({
      ...common,
      ...last,
      ...failed,
      operation: "error",
      request_model: text(data.model),
      content: { error_message },
    });
  }
  if (isOver && (data.role === "compaction" || data.summary === 1 || data.summary === true))
    compaction({ ...common, ...last, error_type: error, end_time }, m, emit);
}

/** Messages that Kilo Code made of its older tasks: the calls are told there, with their tokens. */
export const IMPORTED = "legacy";

/** A summary that is written has no time of its own. */
const isSummarised = ({ role, status }: JsonObject): boolean => role === "compaction" && status !== "running";

/**
 * Each step of an answer is one call: until autumn 2025 one answer had many, of which it tells the last one's tokens and the
 * sum of their cost, and Kilo Code adds what its subagents cost. An answer without steps is one call, and so is one whose
 * model told no tokens.
 */
function callsOf(m: Message, isEmptyCall: boolean): Call[] {
  const { data, steps } = m;
  const usage = (tokens: JsonObject): Usage | undefined =>
    usageOf(tokens, m.isApart === true || isGemini(data.provider));
  const taken = (steps ?? []).flatMap((step, at): Call[] => {
    const tokens = object(step.tokens) ?? {};
    const [used, finish, model] = [usage(tokens), text(step.reason), text(step.model)];
    const call = { tokens, usage: used, cost: number(step.cost), finish, model, provider: text(step.provider) };
    return tokensOf(used) > 0 ? [{ ...call, step: at }] : [];
  });
  if (taken.length > 1) return taken;
  if (taken[0]) return [{ ...taken[0], step: undefined }];
  const tokens = object(data.tokens) ?? {};
  const [used, cost, finish] = [usage(tokens), number(data.cost), text(data.finish)];
  if (tokensOf(used) > 0) return [{ tokens, usage: used, cost, finish }];
  const last = steps?.at(-1);
  return isEmptyCall && (finish ?? last) !== undefined ? [{ tokens, cost, finish: finish ?? text(last?.reason) }] : [];
}

function tellCall(
  common: Omit<Draft, "key" | "operation">,
  m: Message,
  call: Call,
  at: number,
  end: {
    readonly end_time?: string;
    readonly error?: string;
    readonly error_message?: string;
    readonly finish?: string;
  },
  emit: Emit,
): void {
  const { id, base, data, texts } = m;
  const { end_time, error, error_message, finish = call.finish } = end;
  // Tools run before the message is completed: how long the model took is only known without them.
  const isLong = finish === undefined || finish === "tool-calls";
  const isTimed = at === 0 && (!isLong || object(data.time)?.streamed !== undefined);
  const asked = text(data.model);
  emit({
    ...common,
    key: at === 0 ? id : `${id}#${at}`,
    fact: factOf(m, call.tokens, at),
    operation: "chat",
    status: error === undefined ? "ok" : "error",
    error_type: error,
    provider: providerName(call.provider) ?? common.provider,
    request_model: call.model === undefined || call.model === asked ? undefined : asked,
    model: call.model ?? asked,
    end_time,
    duration_ms: isTimed ? between(base.time, end_time) : undefined,
    finish_reasons: finish === undefined ? undefined : [finish],
    usage: call.usage,
    cost_usd: call.cost || undefined,
    content: { output_messages: emit.keep(texts && answered(texts, call.step, finish)), error_message },
  });
}

/** Copies in forks have new ids, and some versions write a cost of 0 into them: a call is known by its times and tokens. */
function factOf({ id, data }: Message, tokens: JsonObject | undefined, at: number): string {
  const time = object(data.time) ?? {};
  const { input, output, reasoning, cache } = tokens ?? object(data.tokens) ?? {};
  const { read, write } = object(cache) ?? {};
  const numbers = [time.completed, input, output, reasoning, read, write].map(number);
  const names = [data.provider, data.model, data.agent].map(text);
  return fingerprint([number(time.created) ?? id, ...numbers, ...names, at || undefined]);
}

/** A summary of the conversation takes its place; the call that wrote it is told as a call. */
function compaction(call: Omit<Draft, "operation">, { base, texts, trigger }: Message, emit: Emit): void {
  const { key, fact, status, error_type, end_time, raw } = call;
  const content = { output_messages: emit.keep(texts && summary(texts)) };
  const own = { ...base, key, fact, status, error_type, end_time, content, raw };
  emit({ ...own, operation: "compaction", kind: "internal", attributes: allowAttributes({ trigger }) });
}

/** Google's models never told their reasoning inside the output. */
const isGemini = (provider: unknown): boolean => text(provider)?.startsWith("google") === true;

/**
 * Input comes without its cached part. Reasoning stood inside the output until spring 2026 and beside it since; the
 * total, where there is one, says which.
 */
function usageOf(tokens: JsonObject, isApart: boolean): Usage | undefined {
  const { input, output, reasoning, total } = tokens;
  const { read, write } = object(tokens.cache) ?? {};
  const sum = [input, output, read, write].reduce((sum: number, n) => sum + (number(n) ?? 0), 0);
  const isInside =
    number(total) === undefined ? !isApart && (number(output) ?? 0) >= (number(reasoning) ?? 0) : total === sum;
  return summedUsage(
    { input, output, reasoning, cacheRead: read, cacheCreation: write },
    { caches: true, reasoning: !isInside },
  );
}
