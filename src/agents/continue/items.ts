/** The items of a session's history, and what each is known by: neither times nor ids tell a fork's copies. */
import { fingerprint } from "../../record/identity.ts";
import { type JsonObject, list, number, object, text } from "../../record/json.ts";
import type { Usage } from "../../record/schema.ts";
import { summedUsage, tokensOf } from "../../record/usage.ts";

/** One item of a session's history. */
export interface Item {
  readonly item: JsonObject;
  readonly message: JsonObject;
  readonly index: number;
  readonly turn?: number;
  /** What it is like, without what may still change. */
  readonly print: string;
  /** The same, with what stood before it. */
  readonly chain: string;
  readonly usage?: Usage;
  /** What its call is known by in its session, and anywhere. */
  readonly call?: { readonly key: string; readonly fact: string };
}

/** Turns are numbers of prompts, where no compaction has taken the first of them away. */
export function itemsOf(history: readonly unknown[]): Item[] {
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
    const chain = fingerprint([print, items.at(-1)?.print]);
    const call = usage && callOf(numbered(times, chain), message);
    items.push({ item, message, index, turn: isWhole && turn >= 0 ? turn : undefined, print, chain, usage, call });
  });
  return items;
}

/** Two calls with the same tokens and tools are not one where they said something else. */
function callOf(key: string, { content }: JsonObject): Item["call"] {
  return { key, fact: fingerprint([key, textOf(content)]) };
}

/** The same text the first time, with its number each time that it comes again. */
export function numbered(times: Map<string, number>, name: string): string {
  const before = times.get(name) ?? 0;
  times.set(name, before + 1);
  return before > 0 ? `${name}#${before}` : name;
}

/** A call by its tokens and its tools, anything else by its text; of neither more than a hash of it leaves this file. */
function printOf(message: JsonObject, usage: Usage | undefined): string {
  if (!usage) return fingerprint([text(message.role), textOf(message.content)]);
  const { model, cost_cents } = object(message.usage) ?? {};
  const tools = list(message.toolCalls).map((call) => text(object(call)?.id));
  return fingerprint([text(model), number(cost_cents), JSON.stringify(usage), ...tools]);
}

export function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  return list(content)
    .map((part) => text(object(part)?.text) ?? "")
    .join("");
}

/** Usage in the words of the provider or of Continue; undefined when it has no token. */
export function usageOf(value: unknown): Usage | undefined {
  const told = object(value) ?? {};
  const input = number(told.prompt_tokens) ?? number(told.promptTokens);
  const inputs = object(told.prompt_tokens_details) ?? object(told.promptTokensDetails) ?? {};
  const outputs = object(told.completion_tokens_details) ?? object(told.completionTokensDetails) ?? {};
  const written = number(inputs.cache_write_tokens) ?? number(inputs.cacheWriteTokens);
  const read = number(inputs.cache_read_tokens) ?? number(inputs.cached_tokens) ?? number(inputs.cachedTokens);
  const caches = isApart(inputs) || (read ?? 0) + (written ?? 0) > (input ?? 0);
  const usage = summedUsage(
    {
      input,
      output: number(told.completion_tokens) ?? number(told.completionTokens),
      cacheRead: read,
      cacheCreation: written,
      reasoning: number(outputs.reasoning_tokens) ?? number(outputs.reasoningTokens),
    },
    { caches },
  );
  return tokensOf(usage) > 0 ? usage : undefined;
}

/**
 * Whether the input comes without its cached tokens. Only answers of Anthropic itself do; what Continue makes of them
 * begins with what was written to the cache. What its other adapters, and other providers, tell of that comes later.
 */
function isApart(inputs: JsonObject): boolean {
  const [first] = Object.keys(inputs);
  return first === "cache_write_tokens" || number(inputs.cacheWriteTokens) !== undefined;
}
