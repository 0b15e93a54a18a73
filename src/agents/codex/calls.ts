/** Owns Codex's model calls: which lines tell of one, and which only tell of it again. */
import type { Draft, JsonObject } from "../../read/types.ts";
import { allowAttributes } from "../../record/attributes.ts";
import { fingerprint, isRandomId } from "../../record/identity.ts";
import { number, object, text } from "../../record/json.ts";
import { answer } from "../../record/messages.ts";
import { between } from "../../record/time.ts";
import { totalUsage } from "../../record/usage.ts";
import { type Now, RECENT, type State, turnOf, turnScope } from "./state.ts";

/**
 * A copied line names the thread whose call it was: then it is that thread's own telling, which knows less. It is also
 * what makes an id unique that is too short to be random.
 */
export function usageRecord(now: Now, p: JsonObject): void {
  const id = text(p.response_id);
  const session_id = text(p.thread_id) ?? now.state.base.session_id;
  const fact = id !== undefined && !isRandomId(id) ? `${id}@${session_id}` : id;
  if (id === undefined) {
    now.emit.unknown("token_usage_record without a response_id");
    return;
  }
  now.state.records = true;
  tellChat(now, { key: id, fact, response_id: id, session_id }, object(p.usage));
}

/**
 * A call moves the total, after a rollback also back. The same total again tells of no call, whatever comes with it;
 * nor does an earlier one with the same usage, which is how far another window on the thread had come.
 * Nor does what a thread was given with the history it began with: its totals may come without their calls.
 */
export function tokenCount(now: Now, info: JsonObject | undefined): void {
  const { state } = now;
  if (!info) return;
  state.window = number(info.model_context_window) ?? state.window;
  const last = object(info.last_token_usage);
  const sums = object(info.total_token_usage);
  const total = sums && numbersOf(sums).join();
  const again = total !== undefined && !state.records && isCounted(state, total, last);
  const inherited = isGiven(now) || (state.continues && state.total === undefined && state.began === undefined);
  state.total = total ?? state.total;
  if (inherited) state.parts = undefined;
  if (state.records || again || inherited || !last || !(last.input_tokens || last.output_tokens)) return;
  const numbers = numbersOf(last);
  const fact = sums && fingerprint([turnScope(state), total, ...numbers]);
  tellChat(now, { key: fact ?? `token_count@${now.line.offset}`, fact }, last);
}

/** True for a total that was there already; else it is remembered. */
function isCounted(state: State, total: string, last: JsonObject = {}): boolean {
  if (total === state.total) return true;
  const counted = `${total}/${numbersOf(last)}`;
  if (state.counted.includes(counted)) return true;
  if (state.counted.push(counted) > RECENT) state.counted.shift();
  return false;
}

/**
 * True before the line that a thread's own history begins with. A file that was rewritten to the paginated form may give
 * a line after its last one; its own history follows no other thread's session_meta.
 */
function isGiven({ state, ordinal }: Now): boolean {
  const { given, origin, base } = state;
  if (given === undefined || typeof ordinal !== "number" || ordinal >= given.before) return false;
  return given.byReview || origin !== base.session_id;
}

function numbersOf(usage: JsonObject): number[] {
  const { input_tokens, cached_input_tokens, output_tokens, reasoning_output_tokens } = usage;
  return [input_tokens, cached_input_tokens, output_tokens, reasoning_output_tokens].map((n) => number(n) ?? 0);
}

function tellChat(
  now: Now,
  known: Pick<Draft, "key" | "fact" | "response_id" | "session_id">,
  used: JsonObject = {},
): void {
  const { state, emit } = now;
  const { base, provider, model, effort, window } = state;
  const time = state.began ?? state.asked;
  const content = state.parts && { output_messages: answer(state.parts, undefined) };
  state.began = undefined;
  state.parts = undefined;
  const isOwn = known.session_id === undefined || known.session_id === base.session_id;
  const draft: Draft = {
    ...(isOwn && base),
    turn: isOwn ? turnOf(state) : undefined,
    attributes: isOwn ? allowAttributes({ effort, model_context_window: window }) : undefined,
    ...known,
    session_id: known.session_id ?? base.session_id,
    operation: "chat",
    kind: "client",
    time,
    end_time: now.time,
    duration_ms: between(time, now.time),
    status: "ok",
    provider,
    model,
    usage: totalUsage({
      input: used.input_tokens,
      output: used.output_tokens,
      cacheRead: used.cached_input_tokens,
      cacheCreation: used.cache_write_input_tokens,
      reasoning: used.reasoning_output_tokens,
    }),
    content,
    at: { offset: now.line.offset },
  };
  if (isOwn && state.unnamed) state.waiting = [...(state.waiting ?? []), draft];
  else emit(draft);
}
