/** Owns reading a rollout's line: what of it is looked at where texts are left alone, and what it says in every version. */
import { type Keys, type Line, type Reads, whole } from "../../read/types.ts";
import { object, text } from "../../record/json.ts";
import type { Item } from "./state.ts";

/** Items that say nothing weir keeps, not even how a call ended. */
export const SILENT_ITEM =
  /^(?:AgentMessage|Reasoning|Plan|WebSearch|ImageView|SubAgentActivity|HookPrompt|EnteredReviewMode|ExitedReviewMode|Sleep)$/;
/** How many characters of the beginning and of the end of an output are looked at. */
export const SAID_FIRST = 120;
export const SAID_LAST = 120;
/** How many characters of a prompt tell whether somebody typed it. */
export const SHOWN = 80;
const OUTPUT = [SAID_FIRST, SAID_LAST] as const;

/** How a call ended. */
const OUTCOME: Keys = {
  ...whole("status", "exit_code", "success"),
  result: { Err: 1, Ok: { isError: true } },
  duration: true,
};

const PAYLOAD: Keys = {
  ...OUTCOME,
  ...whole("type", "id", "call_id", "name", "namespace", "role"),
  content: { text: SHOWN },
  output: { "": OUTPUT, "*": { "": OUTPUT, "*": OUTPUT } },
  // A prompt that comes as an event is known by its length.
  message: true,
  item: { ...OUTCOME, ...whole("type", "id"), content: { text: true } },
  ...whole("info", "response_id", "thread_id", "usage", "turn_id", "model_context_window", "cwd", "model", "effort"),
  thread_settings: whole("model", "reasoning_effort", "model_provider_id"),
  error: { codex_error_info: true },
  ...whole("reason", "duration_ms", "time_to_first_token_ms", "started_at_ms", "completed_at_ms", "window_number"),
  // Of the session.
  ...whole("timestamp", "session_id", "parent_thread_id", "forked_from_id", "history_base", "history_mode"),
  ...whole("subagent_history_start_ordinal", "thread_source", "originator", "source"),
  git: whole("repository_url", "branch"),
  ...whole("cli_version", "model_provider", "agent_nickname", "agent_path"),
};

export const READS: Reads = {
  keys: { ...PAYLOAD, timestamp: true, ordinal: true, type: true, record_type: true, payload: PAYLOAD },
};

/** Of the first characters of an output those that the agent wrote before what its command printed. */
export function headerOf(said: string): string {
  const printed = said.indexOf("\\nOutput:");
  return printed < 0 ? said : said.slice(0, printed);
}

/** What a line says. Before September 2025 items stood bare, after a first line that was the session's metadata. */
export function readLine(line: Line): Item {
  const o = line.json();
  const { timestamp, ordinal } = o;
  const payload = object(o.payload);
  if (payload) return { timestamp, ordinal, type: text(o.type) ?? "", payload };
  const type = o.record_type === undefined ? "session_meta" : "state";
  return { timestamp, bare: true, type: o.type === undefined ? type : "response_item", payload: o };
}
