/** The calls of an Amp thread: those of its ledger, or its finished answers with usage. */
import type { Emit } from "../../read/types.ts";
import { allowAttributes } from "../../record/attributes.ts";
import { fingerprint } from "../../record/identity.ts";
import { type JsonObject, object, text } from "../../record/json.ts";
import { answer, partsOf } from "../../record/messages.ts";
import { providerName } from "../../record/provider.ts";
import type { Usage } from "../../record/schema.ts";
import { between, timeOf } from "../../record/time.ts";
import { summedUsage, tokensOf } from "../../record/usage.ts";
import { type Message, messageId, type Thread, type Trace } from "./thread.ts";

/** How an answer ends. Before that it may still grow. */
const ENDED: ReadonlySet<string> = new Set(["complete", "cancelled", "error"]);
/** A call's usage is written when its trace ends; more than this apart they are not of one call. */
const NEAR_MS = 1000;

/** One call, as far as the ledger and the message that it made tell it. */
interface Call {
  readonly key: string;
  readonly message?: Message;
  readonly event?: JsonObject;
}

/** The ledger is believed where there is one; a message of which it tells nothing was not billed. */
export function tellCalls(thread: Thread, ledger: readonly unknown[], emit: Emit): void {
  const answers = thread.messages.filter(({ m }) => m.role === "assistant");
  const left = new Map(answers.map((message) => [message.id, message]));
  ledger.forEach((item, index) => {
    const event = object(item) ?? {};
    const to = messageId(event.toMessageId);
    const message = to === undefined ? undefined : left.get(to);
    if (to !== undefined) left.delete(to);
    tellCall(thread, { key: message?.id ?? text(event.id) ?? `event ${index}`, message, event }, emit);
  });
  if (ledger.length > 0) return;
  for (const message of answers)
    if (message.m.usage && ENDED.has(message.state ?? "complete")) tellCall(thread, { key: message.id, message }, emit);
}

/** Tokens come without caches. */
export function usageOf(value: unknown, ledger: JsonObject = {}): Usage | undefined {
  const told = object(value) ?? {};
  const counts = {
    input: ledger.input ?? told.inputTokens,
    output: ledger.output ?? told.outputTokens,
    cacheRead: told.cacheReadInputTokens ?? ledger.cacheReadInputTokens,
    cacheCreation: told.cacheCreationInputTokens ?? ledger.cacheCreationInputTokens,
  };
  const usage = summedUsage(counts, { caches: true });
  return tokensOf(usage) > 0 ? usage : undefined;
}

/** A thread that was copied has new ids and the calls of its original: when one ended, and its tokens, tell it. */
function tellCall({ id, common, traces }: Thread, { key, message, event }: Call, emit: Emit): void {
  const told = object(message?.m.usage);
  const usage = usageOf(told, object(event?.tokens));
  if (!usage) return;
  const state = message?.state ?? "complete";
  const stop = text(object(message?.m.state)?.stopReason);
  const end = timeOf(event?.timestamp) ?? timeOf(told?.timestamp) ?? timeOf(message?.m.timestamp);
  const begun = nearest(traces, end)?.start;
  const model = text(event?.model) ?? text(told?.model) ?? text(message?.m.model);
  emit({
    ...common,
    key,
    fact: end === undefined ? `${id}/${key}` : fingerprint(["call", end, model, JSON.stringify(usage)]),
    operation: "chat",
    kind: "client",
    time: begun ?? end,
    end_time: end,
    duration_ms: between(begun, end),
    turn: message?.turn,
    status: state === "complete" ? "ok" : "error",
    error_type: state === "complete" ? undefined : state,
    provider: message && providerOf(message),
    model,
    finish_reasons: stop === undefined ? undefined : [stop],
    usage,
    attributes: allowAttributes({ credits: event?.credits ?? told?.credits, maxInputTokens: told?.maxInputTokens }),
    content: message && {
      output_messages: emit.keep(answer(partsOf(message.blocks), stop ?? (state === "complete" ? undefined : state))),
      error_message: emit.keep(messageOfError(message)),
    },
    raw: message?.m ?? event,
    at: message && { index: message.index },
  });
}

/** What is told of an answer that failed. */
export function messageOfError({ m }: Message): string | undefined {
  return text(object(object(m.state)?.error)?.message);
}

/** The call's own trace: the one that ended when its usage was written. */
function nearest(traces: readonly Trace[], end: string | undefined): Trace | undefined {
  const gap = (trace: Trace): number => Math.abs(Date.parse(trace.end ?? "") - Date.parse(end ?? ""));
  return traces
    .filter((trace) => trace.name === "inference" && gap(trace) <= NEAR_MS)
    .reduce<Trace | undefined>((best, trace) => (best && gap(best) <= gap(trace) ? best : trace), undefined);
}

/** Only blocks of thinking say who served them. */
function providerOf({ blocks }: Message): string | undefined {
  return providerName(blocks.map((block) => text(block.provider)).find(Boolean));
}
