/** Owns Codex's sessions and turns: where a thread comes from, when a turn begins and ends, which prompts it answers. */
import { allowAttributes } from "../../record/attributes.ts";
import { fingerprint, isRandomId } from "../../record/identity.ts";
import { type JsonObject, number, object, text } from "../../record/json.ts";
import { instructions, message, partsOf, toolDefinitions } from "../../record/messages.ts";
import { providerName } from "../../record/provider.ts";
import { between, utc } from "../../record/time.ts";
import {
  type Known,
  type Now,
  numbered,
  RECENT,
  type State,
  scope,
  take,
  tell,
  tellWaiting,
  turnOf,
  turnScope,
} from "./state.ts";
export const NOT_TYPED =
  /^(?:\s|\\n)*(?:# AGENTS\.md|<(?:environment_context|INSTRUCTIONS|user_instructions|turn_aborted|skill|subagent_notification|goal_context|codex_internal_context|recommended_plugins)\b)/;

export function tellSession(now: Now, told: "meta" | "line", known: Known): void {
  now.state.told = told;
  const { base, provider } = now.state;
  const at = { offset: 0 };
  tell(now, { key: "session", fact: base.session_id, operation: "session", turn: undefined, provider, at, ...known });
}

/** The first one is the thread's own; later ones come with copied lines. */
export function sessionMeta(now: Now, p: JsonObject): void {
  const { state } = now;
  const own = text(p.id) ?? state.origin;
  if (own !== state.origin) state.prompts = 0;
  state.origin = own;
  if (state.told === "meta") return;
  const source = object(p.source);
  const spawn = object(object(source?.subagent)?.thread_spawn);
  const git = object(p.git);
  const tree = text(p.session_id);
  state.base = {
    session_id: own,
    parent_session_id: text(p.parent_thread_id) ?? text(spawn?.parent_thread_id),
    forked_from: text(p.forked_from_id),
    conversation_id: tree === own ? undefined : tree,
    agent_version: text(p.cli_version),
    cwd: text(p.cwd),
    repository: text(git?.repository_url),
    branch: text(git?.branch),
  };
  const { parent_session_id, forked_from } = state.base;
  state.provider = providerName(text(p.model_provider));
  state.agentName = text(p.agent_nickname) ?? text(spawn?.agent_nickname) ?? text(p.agent_path);
  state.spawned = parent_session_id !== undefined || source?.subagent !== undefined;
  const history = object(p.history_base);
  state.continues = history !== undefined;
  state.uncounted = history?.thread_id === own;
  const before = number(p.subagent_history_start_ordinal);
  if (before !== undefined) state.given = { before, byReview: p.thread_source === "guardian_review" };
  if (state.spawned || forked_from) state.channel = "copies";
  tellSession(now, "meta", {
    time: utc(p.timestamp) ?? now.time,
    subagent: state.spawned ? { id: own, name: state.agentName } : undefined,
    agent_name: state.agentName,
    attributes: allowAttributes({
      originator: p.originator,
      source: text(p.source) ?? Object.keys(source ?? {})[0],
      thread_source: p.thread_source,
      history_mode: p.history_mode,
    }),
    content: {
      system_instructions: now.emit.keep(instructions(object(p.base_instructions)?.text ?? p.instructions)),
      tool_definitions: now.emit.keep(toolDefinitions(p.dynamic_tools)),
    },
  });
}

/** A turn's id. Those that rewriting an old file made up (`rollout-7`) name none: copies of the file do not have them. */
function turnIdOf(p: JsonObject): string | undefined {
  const id = text(p.turn_id);
  return id !== undefined && /^rollout-\d+$/.test(id) ? undefined : id;
}

export function turnContext(now: Now, p: JsonObject): void {
  const { state } = now;
  const id = turnIdOf(p);
  if (id !== undefined && id !== state.turnId) enterTurn(now, id);
  state.base.cwd = text(p.cwd) ?? state.base.cwd;
  useModel(state, p.model, p.effort);
  state.unnamed = false;
  tellWaiting(state, now.emit);
}

export function useModel(state: State, model: unknown, effort: unknown): void {
  state.model = text(model) ?? state.model;
  state.effort = text(effort) ?? state.effort;
}

/** What is still open in a turn when the next one begins was killed with it, as far as is known until its end comes. */
function enterTurn(now: Now, id: string | undefined): void {
  const { state, emit } = now;
  const { run, tools, left } = state;
  tellWaiting(state, emit);
  for (const { draft } of tools) emit({ ...state.base, ...draft });
  if (run) emit({ ...state.base, ...run });
  if (run) left.runs = [...left.runs, run].slice(-RECENT);
  left.tools = [...left.tools, ...tools].slice(-RECENT);
  state.tools = [];
  state.run = undefined;
  state.turnId = id;
  countTurn(state);
}

function countTurn(state: State): void {
  state.turn++;
  state.began = undefined;
  state.parts = undefined;
  state.compactions = {};
  state.named = {};
  if (state.channel) state.channel = "before";
}

export function taskStarted(now: Now, p: JsonObject): void {
  const { state, time } = now;
  const id = turnIdOf(p);
  if (id === undefined || id !== state.turnId) enterTurn(now, id);
  state.asked = time ?? state.asked;
  state.unnamed = true;
  state.window = number(p.model_context_window) ?? state.window;
  const { turn, provider, agentName } = state;
  const key = id ?? `turn:${turn}`;
  const common = { key, fact: scope(state), turn: turnOf(state), provider, agent_name: agentName };
  state.run = { ...common, operation: "invoke_agent", kind: "internal", time, at: { offset: now.line.offset } };
}

export function taskEnded(now: Now, p: JsonObject): void {
  const { state } = now;
  const id = turnIdOf(p) ?? state.run?.key;
  const isCurrent = state.run?.key === id;
  const run = isCurrent ? state.run : take(state.left.runs, ({ key }) => key === id);
  if (!run) return;
  if (isCurrent) {
    state.run = undefined;
    tellWaiting(state, now.emit);
  }
  const error = object(p.error);
  const info = error?.codex_error_info;
  const failure = error && (text(info) ?? Object.keys(object(info) ?? {})[0] ?? "error");
  const error_type = p.type === "turn_aborted" ? (text(p.reason) ?? "aborted") : failure;
  const content = { error_message: now.emit.keep(text(error?.message)) };
  const ended: Known = { status: error_type === undefined ? "ok" : "error", error_type, content };
  const duration_ms = number(p.duration_ms) ?? between(run.time, now.time);
  tell(now, { ...run, ...ended, end_time: now.time, duration_ms, ttft_ms: number(p.time_to_first_token_ms) });
  const { key, fact, turn, provider } = run;
  if (error) tell(now, { key, fact, turn, provider, ...ended, operation: "error", kind: "client", time: now.time });
}

/** The model answers: what it was asked had no other channel than `message` lines. */
export function answered(now: Now): void {
  tellHeld(now);
  now.state.began ??= now.state.asked ?? now.time;
}

/** Tells the prompts that have no other channel than `message` lines. */
export function tellHeld(now: Now): void {
  const { state } = now;
  for (const { time, at, said } of state.held) {
    if (state.turnId === undefined && !state.run) countTurn(state);
    if (state.spawned) continue;
    const content = { input_messages: said };
    const fact = numbered(state, "message");
    tell(now, { key: `message@${at}`, fact, operation: "user_message", time, at: { offset: at }, content });
  }
  if (state.held.length > 0) state.held = [];
}

/** A prompt of one of the channels that have nothing but prompts; of two in one turn the first is believed. */
export function prompt(
  now: Now,
  channel: "item" | "event",
  id: string | undefined,
  said: string,
  content: unknown,
): void {
  const { state, time } = now;
  state.asked = time ?? state.asked;
  state.held = [];
  if (NOT_TYPED.test(said)) return;
  if (channel === "event" && state.turnId === undefined && !state.run) countTurn(state);
  if (state.channel === (channel === "event" ? "item" : "event")) return;
  state.channel = channel;
  state.prompts++;
  const key = id !== undefined && isRandomId(id) ? id : fingerprint([turnScope(state), state.prompts, said.length]);
  if (state.spawned) return;
  const input_messages = now.emit.keep(message("user", partsOf(content)));
  tell(now, { key, fact: key, operation: "user_message", time, content: { input_messages } });
}
