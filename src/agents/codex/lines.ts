/** Owns reading a rollout's line: what of it is looked at where texts are left alone, and what it says in every version. */
import { type Keys, type Line, type Reads, WIDEST } from "../../read/types.ts";
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
const OUTPUT = [SAID_FIRST * WIDEST, SAID_LAST * WIDEST] as const;

/** How a call ended. */
const OUTCOME: Keys = {
  status: true,
  exit_code: true,
  success: true,
  result: { Err: WIDEST, Ok: { isError: true } },
  duration: true,
};

const PAYLOAD: Keys = {
  ...OUTCOME,
  type: true,
  id: true,
  call_id: true,
  name: true,
  namespace: true,
  role: true,
  content: { text: SHOWN * WIDEST },
  output: { "": OUTPUT, "*": { "": OUTPUT, "*": OUTPUT } },
  // Of a prompt that comes as an event its length is known by.
  message: true,
  item: { ...OUTCOME, type: true, id: true, content: { text: true } },
  info: true,
  response_id: true,
  thread_id: true,
  usage: true,
  turn_id: true,
  model_context_window: true,
  cwd: true,
  model: true,
  effort: true,
  thread_settings: { model: true, reasoning_effort: true, model_provider_id: true },
  error: { codex_error_info: true },
  reason: true,
  duration_ms: true,
  time_to_first_token_ms: true,
  started_at_ms: true,
  completed_at_ms: true,
  window_number: true,
  // Of the session.
  timestamp: true,
  session_id: true,
  parent_thread_id: true,
  forked_from_id: true,
  history_base: true,
  history_mode: true,
  subagent_history_start_ordinal: true,
  thread_source: true,
  originator: true,
  source: true,
  git: { repository_url: true, branch: true },
  cli_version: true,
  model_provider: true,
  agent_nickname: true,
  agent_path: true,
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
  return { timestamp, type: o.type === undefined ? type : "response_item", payload: o };
}
