/** Owns made-up rollouts of Codex, as its tests write them: one line a second. */
import type { JsonObject } from "../../src/record/json.ts";
import type { WeirRecord } from "../../src/record/schema.ts";
import { type Files, type Told, tellOf } from "./agent.ts";

export const PARENT = "01990000-0000-7000-8000-00000000000a";
export const CHILD = "01990000-0000-7000-8000-00000000000b";
export const GRANDCHILD = "01990000-0000-7000-8000-00000000000c";
export const fileOf = (thread: string, below = "sessions/2026/03/01"): string =>
  `.codex/${below}/rollout-2026-03-01T09-00-00-${thread}.jsonl`;

/** Writes lines as Codex does; each is one second later than the one before. */
export function thread(id: string, start: number, more: JsonObject = {}) {
  const out: JsonObject[] = [];
  let second = start;
  const add = (type: string, payload: JsonObject): void => {
    out.push({ timestamp: at(second++), type, payload });
  };
  const event = (type: string, payload: JsonObject = {}): void => add("event_msg", { type, ...payload });
  const item = (type: string, payload: JsonObject = {}): void => add("response_item", { type, ...payload });
  add("session_meta", {
    id,
    timestamp: at(start),
    cwd: "/src/app",
    cli_version: "0.99.0",
    model_provider: "p",
    ...more,
  });
  return { out, add, event, item };
}

export const at = (second: number): string => new Date(Date.UTC(2026, 2, 1, 9, 0, second)).toISOString();
export const tokens = (input: number, output: number): JsonObject => ({
  input_tokens: input,
  cached_input_tokens: 1,
  output_tokens: output,
  reasoning_output_tokens: 2,
  total_tokens: input + output,
});
/** A token_count whose total is given apart from the last call. */
export const count = (total: [number, number] | undefined, last: [number, number]): JsonObject => ({
  info: {
    ...(total && { total_token_usage: tokens(...total) }),
    last_token_usage: tokens(...last),
    model_context_window: 1000,
  },
});
export const output = (id: string, text: unknown, type = "function_call_output"): JsonObject => ({
  type,
  call_id: id,
  output: text,
});
export const call = (id: string, more: JsonObject = {}): JsonObject => ({
  name: "shell",
  arguments: "{}",
  call_id: id,
  ...more,
});
/** A copy of lines as a fork makes it: all at one new time. */
export const restamped = (copied: readonly JsonObject[], second: number): JsonObject[] =>
  copied.map((line) => ({ ...line, timestamp: at(second) }));

export const of = (told: Told, operation: string): WeirRecord[] =>
  told.records.filter((r) => r.operation === operation);
export const chats = (told: Told): (number | undefined)[][] =>
  of(told, "chat").map(({ usage }) => [usage?.input_tokens, usage?.output_tokens]);
export const tellOne = (out: readonly JsonObject[]): Promise<Told> => tellOf("codex", { [fileOf(PARENT)]: out });
/** What is told of the same files in one order, in the other, and all at once. */
export async function inAnyOrder(...files: Files[]): Promise<Told[]> {
  const told: Told[] = [];
  for (const steps of [files, files.toReversed(), [Object.assign({}, ...files) as Files]])
    told.push(await tellOf("codex", ...steps));
  return told;
}

/** A session as versions of 2025 wrote it: no turn ids, prompts as events. */
export function legacy(id: string, start: number, more: JsonObject = {}) {
  const t = thread(id, start, more);
  t.add("turn_context", { cwd: "/src/app", model: "m", effort: "high" });
  for (const [n, [total, last]] of [
    [
      [100, 10],
      [100, 10],
    ],
    [
      [300, 30],
      [200, 20],
    ],
  ].entries() as Iterable<[number, [number, number][]]>) {
    t.item("message", { role: "user", content: [{ type: "input_text", text: "go on" }] });
    t.event("user_message", { message: "go on" });
    t.item("reasoning", { encrypted_content: "x" });
    t.item("function_call", call(`call_of_the_parent_${n}`));
    t.item("function_call_output", output(`call_of_the_parent_${n}`, "done"));
    t.event("token_count", count(total, last as [number, number]));
  }
  return t;
}

/** A session as versions since 2026 write it: turn ids, items, a record of each response. */
export function modern(id: string, start: number, more: JsonObject = {}, turn = "turn-1") {
  const t = thread(id, start, { history_mode: "paginated", ...more });
  t.event("task_started", { turn_id: turn, model_context_window: 1000 });
  t.add("turn_context", { turn_id: turn, cwd: "/src/app", model: "m", effort: "high" });
  t.item("message", { role: "user", content: [{ type: "input_text", text: "go on" }] });
  t.event("item_completed", {
    turn_id: turn,
    item: { type: "UserMessage", id: `${turn}-said-0123456789`, content: [{ type: "text", text: "go on" }] },
  });
  return t;
}
export const respond = (
  t: ReturnType<typeof thread>,
  id: string,
  owner: string,
  used: [number, number],
  total: [number, number],
): void => {
  t.item("message", { role: "assistant", content: [{ type: "output_text", text: "done" }] });
  t.add("token_usage_record", {
    thread_id: owner,
    response_id: id,
    usage: { ...tokens(...used), cache_write_input_tokens: 3 },
  });
  t.event("token_count", count(total, used));
};
