/** What the messages of a session tell: calls, prompts, failed requests. */
import type { Draft, Emit } from "../../read/types.ts";
import { fingerprint } from "../../record/identity.ts";
import { type JsonObject, number, object, text } from "../../record/json.ts";
import { answer, message, partsOf } from "../../record/messages.ts";
import { providerName } from "../../record/provider.ts";
import type { Usage } from "../../record/schema.ts";
import { between } from "../../record/time.ts";
import { tokensOf, totalUsage } from "../../record/usage.ts";
import { blocksOf, type Message, tellTools } from "./messages.ts";

/** What the records of one document have in common. */
export type Common = Omit<Draft, "key" | "operation">;
type Keyed = Omit<Draft, "operation">;

/** Texts that the agent itself puts among the user's, maybe in the wrapping that the user's have. */
const NOT_TYPED =
  /^\s*(?:<mode_notice>[^<]*<\/mode_notice>\s*)?(?:<user_input[^>]*>\s*)?(?:$|<\/user_input>|<SYSTEM_NOTICE>|\[cline-[\w-]+:v\d|\[TASK RESUMPTION\]|Warning: this is a legacy conversation|The user approved switching to act mode\. Continue)/;
const FILES: ReadonlySet<unknown> = new Set(["file", "image"]);
/** Roles for which a message is shown, where they are not its own. */
const SHOWN_AS: ReadonlySet<unknown> = new Set(["system", "status", "error"]);

/** Metrics that are all zero are metrics that nobody knows yet. */
export function usageOf(metrics: unknown): Usage | undefined {
  const { inputTokens: input, outputTokens: output, cacheReadTokens, cacheWriteTokens } = object(metrics) ?? {};
  const usage = totalUsage({ input, output, cacheRead: cacheReadTokens, cacheCreation: cacheWriteTokens });
  return tokensOf(usage) > 0 ? usage : undefined;
}

/** A message is known by its time, and by its number among those that have the very same. */
export function tellMessages(
  common: Common,
  messages: readonly Message[],
  { isLead, isWhole }: { readonly isLead: boolean; readonly isWhole: boolean },
  emit: Emit,
): void {
  const seen = new Map<string, number>();
  let turn: number | undefined;
  let asked: string | undefined;
  let run: (Usage | undefined)[] = [];
  const turns = messages.map(({ m, index, time }) => {
    const name = time ?? `${common.session_id}/${index}`;
    const times = seen.get(name) ?? 0;
    seen.set(name, times + 1);
    const isPrompt = m.role === "user" && isTyped(m);
    if (isPrompt) run = [];
    if (isPrompt && isLead && isWhole) turn = (turn ?? -1) + 1;
    const usage = usageOf(m.metrics);
    const at = { ...common, key: times > 0 ? `${name}#${times}` : name, time, turn, at: { index }, raw: m };
    if (isPrompt && isLead) tellPrompt(at, m, emit);
    else if (object(m.metadata)?.displayRole === "error") tellError(at, m, emit);
    else if (m.role === "assistant" && object(m.metrics) && !isRunsSum(m, usage, run)) {
      tellCall(at, m, usage, asked, emit);
      run.push(usage);
    } else if (m.role !== "assistant" && m.role !== "user") emit.unknown(`role ${text(m.role) ?? ""}`);
    asked = time ?? asked;
    return turn;
  });
  tellTools(common, messages, turns, false, emit);
}

/** What a person typed has a text or a file of its own; a message that a compaction or a hook made says so. */
export function isTyped(m: JsonObject): boolean {
  const { kind, displayRole, userRunSpan } = object(m.metadata) ?? {};
  if (kind !== undefined || SHOWN_AS.has(displayRole) || userRunSpan === 0) return false;
  const blocks = blocksOf(m);
  if (blocks.some(({ type, text: said }) => type === "text" && !NOT_TYPED.test(text(said) ?? ""))) return true;
  return blocks.some(({ type }) => FILES.has(type)) && !blocks.some(({ type }) => type === "tool_result");
}

/** CLI 3.0.0 ended a run with an answer that says nothing and has the sum of the run: no call. */
function isRunsSum(m: JsonObject, usage: Usage | undefined, run: readonly (Usage | undefined)[]): boolean {
  if (!usage || run.length === 0 || blocksOf(m).length > 0) return false;
  const sumOf = (field: keyof Usage): number => run.reduce((sum, one) => sum + (one?.[field] ?? 0), 0);
  return sumOf("input_tokens") === usage.input_tokens && sumOf("output_tokens") === usage.output_tokens;
}

/** Forks copy prompts with their times, and make new ids. */
function tellPrompt(at: Keyed, m: JsonObject, emit: Emit): void {
  const said = blocksOf(m).map((block) => text(block.text));
  const content = { input_messages: emit.keep(message("user", partsOf(m.content))) };
  emit({ ...at, fact: fingerprint(["user", at.key, ...said]), operation: "user_message", content });
}

/** An answer that cost nothing may have been free, or its price is unknown. */
function tellCall(at: Keyed, m: JsonObject, usage: Usage | undefined, asked: string | undefined, emit: Emit): void {
  const made = object(m.modelInfo) ?? {};
  const [model, provider] = [text(made.id), text(made.provider)];
  const cost_usd = number(object(m.metrics)?.cost) || undefined;
  const begun = asked !== undefined && at.time !== undefined && asked <= at.time ? asked : at.time;
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
    content: { output_messages: emit.keep(answer(partsOf(m.content), undefined)) },
  });
}

function tellError(at: Keyed, m: JsonObject, emit: Emit): void {
  const made = object(m.modelInfo) ?? {};
  const failed = { operation: "error", kind: "client", status: "error", error_type: "error" } as const;
  const asked: Pick<Draft, "provider" | "request_model"> = {
    provider: providerName(text(made.provider)),
    request_model: text(made.id),
  };
  const said = blocksOf(m).flatMap((block) => text(block.text) ?? []);
  const content = { error_message: emit.keep(text(said.join("\n"))) };
  emit({ ...at, ...failed, ...asked, fact: fingerprint(["error", at.key]), content });
}
