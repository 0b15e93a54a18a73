/**
 * Claude Code: one JSONL file a session, one for each subagent.
 * Counting rule: a call is one `message.id` wherever it is told; of its lines the one with the most tokens is believed
 * whole (ccusage#888, never field by field: a fallback may change the model), and its copies in forks, resumes,
 * compactions and sidechains are the same fact.
 */

import {
  type Agent,
  type Draft,
  type Emit,
  type Environment,
  type Line,
  type Place,
  type SourceInfo,
  tail,
} from "../read/types.ts";
import { allowAttributes } from "../record/attributes.ts";
import { toolFact } from "../record/identity.ts";
import { type JsonObject, list, number, object, text } from "../record/json.ts";
import type { Usage } from "../record/schema.ts";
import { between, utc } from "../record/time.ts";
import { summedUsage, tokensOf } from "../record/usage.ts";

/** What later lines need of a line that opened something. */
interface Context {
  session: string;
  version?: string;
  cwd?: string;
  branch?: string;
  sidechain?: boolean;
  turn?: number;
}

/** A call whose lines may not all be there. */
interface Call extends Context {
  id: string;
  start?: string;
  end?: string;
  model?: string;
  usage?: Usage;
  stop?: string;
  cost?: number;
  attributes?: Draft["attributes"];
  at: number;
}

interface ToolCall extends Context {
  name: string;
  start?: string;
  at: number;
}

interface State {
  /** The file's own session: a subagent's file belongs to its parent's. */
  own: string;
  subagent?: { id: string; name?: string };
  spawnedBy?: string;
  began?: string;
  last?: string;
  /** The latest line of the user or a tool: the start of the call that answers it. */
  asked?: string;
  told?: boolean;
  /** When each turn's prompt was given. A line belongs to the last turn before it, also when it is written again. */
  turns: string[];
  calls: Call[];
  tools: Record<string, ToolCall>;
  hooks: string[];
}

/** Lines of two calls may be mixed (a tool's result comes before the call's last line); more than this at once are not. */
const OPEN_CALLS = 4;
const KNOWN_HOOKS = 32;
/** More than the longest beginning that NOT_TYPED knows. */
const PROMPT_SHOWN = 64;
/** Lines that say nothing weir keeps. Anything else that is not handled is counted as unknown. */
const SILENT: ReadonlySet<string> = new Set([
  "agent-name",
  "agent-setting",
  "ai-title",
  "attribution-snapshot",
  "custom-title",
  "file-history-snapshot",
  "last-prompt",
  "mode",
  "permission-mode",
  "pr-link",
  "progress",
  "queue-operation",
  "result",
  "started",
  "summary",
  "tag",
  "worktree-state",
]);
const SILENT_FIRST = /^\{"type":"(?:file-history-snapshot|attribution-snapshot|progress|summary)"/;
const NOT_TYPED =
  /^\s*<(?:task-notification|local-command-stdout|local-command-caveat|system-reminder|bash-stdout|bash-stderr|ide_[a-z_]+)>|^\s*(?:Stop hook feedback:|\[Request interrupted by user|Caveat: The messages below)/;

export const claudeCode: Agent = {
  id: "claude-code",
  title: "Claude Code",
  retention: "deletes a session 30 days after its last change (cleanupPeriodDays)",
  streams: [
    tail<State>({
      kind: "transcript",
      rank: 50,
      version: 1,
      locate,
      session: (path) =>
        /([^/]+)\/subagents\//.exec(path)?.[1] ?? (/(?:^|\/)agent-[^/]*$/.test(path) ? undefined : stem(path)),
      start,
      step,
      open,
    }),
  ],
};

function stem(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1).replace(/\.jsonl$/, "");
}

/** All roots of 1.1: the override (a comma list, each with or without `projects`), else both defaults; and the desktop app's. */
function locate(environment: Environment): Place[] {
  const roots: string[] = [];
  const desktop: string[] = [];
  for (const home of environment.homes) {
    const override = home.own ? environment.variable("CLAUDE_CONFIG_DIR") : undefined;
    if (override)
      roots.push(
        ...override
          .split(",")
          .map((dir) => dir.trim().replace(/[\\/]projects[\\/]?$/, ""))
          .filter(Boolean),
      );
    const config = (home.own && environment.variable("XDG_CONFIG_HOME")) || `${home.path}/.config`;
    if (!override) roots.push(`${home.path}/.claude`, `${config}/claude`);
    if (home.layouts.includes("linux")) desktop.push(`${config}/Claude`);
    if (home.layouts.includes("darwin")) desktop.push(`${home.path}/Library/Application Support/Claude`);
    if (home.layouts.includes("win32")) {
      const roaming = (home.own && environment.variable("APPDATA")) || `${home.path}/AppData/Roaming`;
      roots.push(`${roaming}/claude`);
      desktop.push(`${roaming}/Claude`);
    }
  }
  const sidecars = [{ ending: ".jsonl", beside: ".meta.json" }];
  const within = (folder: string): string[] => [`${folder}/*/*.jsonl`, `${folder}/*/*/subagents/**/agent-*.jsonl`];
  return [
    ...roots.map((root) => ({ root, match: within("projects"), sidecars })),
    ...desktop.map((root) => ({ root, match: within("local-agent-mode-sessions/*/*/*/.claude/projects"), sidecars })),
  ];
}

function start(source: SourceInfo): State {
  const parent = /([^/]+)\/subagents\//.exec(source.path)?.[1];
  const state: State = { own: parent ?? source.stem, turns: [], calls: [], tools: {}, hooks: [] };
  if (parent === undefined && !source.stem.startsWith("agent-")) return state;
  const meta = object(source.sidecars[".meta.json"]);
  const name = text(meta?.agentType);
  state.subagent = { id: source.stem.replace(/^agent-/, ""), ...(name && { name }) };
  const spawnedBy = text(meta?.toolUseId);
  return spawnedBy ? { ...state, spawnedBy } : state;
}

function step(state: State, line: Line, emit: Emit): void {
  if (state.began !== undefined && SILENT_FIRST.test(line.head)) return;
  if (state.told || state.subagent) {
    const result = fastResult(line);
    if (result) {
      const time = utc(result.time);
      state.last = time ?? state.last;
      state.asked = time ?? state.asked;
      toolResult(state, result.id, result.failed, time, emit);
      return;
    }
  }
  const o = fastPrompt(line) ?? fastAssistant(line) ?? line.json();
  const time = utc(o.timestamp);
  if (time !== undefined) state.began ??= time;
  const type = text(o.type) ?? "";
  if (SILENT.has(type)) return;
  if (type !== "assistant" && type !== "user" && type !== "system" && type !== "attachment") {
    emit.unknown(`type ${type}`);
    return;
  }
  if (state.subagent) state.own = text(o.sessionId) ?? state.own;
  const context = contextOf(state, o);
  tellSession(state, o, context, emit);
  if (time !== undefined) state.last = time;
  if (type === "assistant") assistant(state, o, context, time, line, emit);
  else if (type === "user") user(state, o, context, time, emit);
  else if (type === "system") system(state, o, context, time, emit);
  else attachment(state, o, context, time, emit);
}

/**
 * An assistant's line without its content, when it is laid out as Claude Code writes it and at most the first block of
 * its content is a tool call; else undefined, and the whole line is parsed.
 */
function fastAssistant(line: Line): JsonObject | undefined {
  const { head } = line;
  if (!head.startsWith('{"parentUuid":')) return undefined;
  const frame = frames.of(head, head.indexOf(",") + 1);
  const content = frame ? head.indexOf(CONTENT, frames.end) + CONTENT.length : 0;
  if (!frame || content < CONTENT.length) return undefined;
  const block = blockAt(head, content);
  if (!block || line.find('"type":"tool_use"', content + TOOL_USE.length) >= 0) return undefined;
  const id = plainValue(head, '"id":"', frames.end, content);
  const model = plainValue(head, '"model":"', frames.end, content);
  const end = line.find('],"stop_reason":', content);
  if (!id || !model || end < 0) return undefined;
  const rest = parsed(`{"message":{"content":[${line.slice(end)}`);
  const inner = rest?.message as Record<string, unknown> | undefined;
  if (!inner?.usage || rest?.type !== "assistant") return undefined;
  inner.id = id;
  inner.model = model;
  inner.content = [block];
  return Object.assign(rest, frame);
}

const PROMPT = '"message":{"role":"user","content":"';
const PROMPT_END = '"},"uuid":"';

/** A prompt's line with no more of its text than tells whether the user typed it, when it is laid out likewise. */
function fastPrompt(line: Line): JsonObject | undefined {
  const { head } = line;
  if (!head.startsWith('{"parentUuid":')) return undefined;
  const frame = promptFrames.of(head, head.indexOf(",") + 1);
  const start = promptFrames.end;
  const said = frame && head.slice(start, start + PROMPT_SHOWN);
  const end = said === undefined || said.includes("\\") ? -1 : line.find(PROMPT_END, start);
  if (said === undefined || end < start + PROMPT_SHOWN) return undefined;
  const rest = parsed(`{"message":{"content":"${line.slice(end)}`);
  const inner = rest?.message as Record<string, unknown> | undefined;
  if (!inner || rest?.uuid === undefined) return undefined;
  inner.content = said;
  return Object.assign(rest, frame);
}

function parsed(json: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(json) as Record<string, unknown>;
  } catch {
    return undefined; // the line is not laid out as expected; the full parse decides
  }
}

const PLAIN = /^[ !#-[\]-~]+$/;

/** The value of a key between two places, when it is ASCII without escapes. */
function plainValue(head: string, key: string, from: number, to: number): string | undefined {
  const start = head.indexOf(key, from) + key.length;
  if (start < key.length || start > to) return undefined;
  const value = head.slice(start, head.indexOf('"', start));
  return PLAIN.test(value) ? value : undefined;
}

/** Reads a run of keys that ends before a known one; it is kept, because most lines repeat the line before. */
class Keys {
  /** Where the value of the known key begins in the head that was read last. */
  end = 0;
  #text = "";
  #object: JsonObject | undefined;

  constructor(readonly next: string) {}

  of(head: string, start: number): JsonObject | undefined {
    if (this.#text === "" || !head.startsWith(this.#text, start)) {
      const next = head.indexOf(this.next, start);
      if (next < 0) return undefined;
      this.#text = head.slice(start, next + this.next.length);
      const keys = head.slice(start, head[next - 1] === "," ? next - 1 : next);
      this.#object = /[^\x20-\x7e]/.test(keys) ? undefined : parsed(`{${keys}}`);
    }
    this.end = start + this.#text.length;
    return this.#object;
  }
}

/** The keys before the message: session, version, folder, branch. */
const frames = new Keys('"message":{');
/** The keys before a prompt's text. */
const promptFrames = new Keys(PROMPT);
const CONTENT = '"content":[';

const RESULT = '"type":"user","message":{"role":"user","content":[{"tool_use_id":"';
const RESULT_CONTENT = '","type":"tool_result","content":';
const RESULT_END = '}]},"uuid":"';
const RESULT_TIME = '","timestamp":"';
const PLAIN_ID = /^[\w.:-]+$/;

/** A tool's result, told by the bytes around its payload: which call, whether it failed, when. */
function fastResult(line: Line): { id: string; failed: boolean; time: string } | undefined {
  const { head } = line;
  const found = head.indexOf(RESULT);
  if (found < 0 || !head.startsWith('{"parentUuid":')) return undefined;
  const from = found + RESULT.length;
  const to = head.indexOf('"', from);
  const id = head.slice(from, to);
  if (!head.startsWith(RESULT_CONTENT, to) || !PLAIN_ID.test(id)) return undefined;
  const start = to + RESULT_CONTENT.length;
  const end = line.find(RESULT_END, start);
  const second = line.find('"tool_use_id":', start);
  if (end < 0 || (second >= 0 && second < end)) return undefined;
  const before = Math.max(start, end - 16);
  const around = line.latin1(before, Math.min(line.length, end + 120));
  const uuid = end - before + RESULT_END.length;
  const time = around.indexOf('"', uuid);
  if (!around.startsWith(RESULT_TIME, time)) return undefined;
  const stamp = time + RESULT_TIME.length;
  return {
    id,
    failed: around.startsWith(',"is_error":true}'),
    time: around.slice(stamp, around.indexOf('"', stamp)),
  };
}

const TOOL_USE = '{"type":"tool_use","id":"';
const TOOL_NAME = '","name":"';

/** The content block that begins here, as its first bytes tell it. */
function blockAt(head: string, start: number): JsonObject | undefined {
  if (!head.startsWith(TOOL_USE, start)) {
    const isText = head.startsWith('{"type":"text"', start) || head.startsWith('{"type":"thinking"', start);
    return isText || head.startsWith('{"type":"redacted_thinking"', start) ? { type: "text" } : undefined;
  }
  const id = start + TOOL_USE.length;
  const idEnd = head.indexOf('"', id);
  const name = idEnd + TOOL_NAME.length;
  const nameEnd = head.indexOf('"', name);
  const block = { type: "tool_use", id: head.slice(id, idEnd), name: head.slice(name, nameEnd) };
  const isPlain = head.startsWith(TOOL_NAME, idEnd) && head.startsWith('","input":', nameEnd);
  return isPlain && PLAIN_ID.test(block.id) && PLAIN_ID.test(block.name) ? block : undefined;
}

function contextOf(state: State, o: JsonObject): Context {
  const context: Context = { session: text(o.sessionId) ?? state.own };
  const version = text(o.version);
  const cwd = text(o.cwd);
  const branch = text(o.gitBranch);
  if (version) context.version = version;
  if (cwd) context.cwd = cwd;
  if (branch) context.branch = branch;
  if (o.isSidechain === true && !state.subagent) context.sidechain = true;
  const turn = state.subagent ? undefined : turnAt(state.turns, utc(o.timestamp));
  if (turn !== undefined) context.turn = turn;
  return context;
}

/** What every record of a line has in common. */
function base(
  state: State,
  c: Context,
): Pick<Draft, "session_id" | "agent_version" | "cwd" | "branch" | "subagent" | "turn"> {
  return {
    session_id: c.session,
    agent_version: c.version,
    cwd: c.cwd,
    branch: c.branch,
    subagent: state.subagent ?? (c.sidechain ? {} : undefined),
    turn: c.turn,
  };
}

/** The session begins with the first line of its own file; a first line of another session names the one it was resumed from. */
function tellSession(state: State, o: JsonObject, context: Context, emit: Emit): void {
  if (state.told || state.subagent) return;
  state.told = true;
  emit({
    ...base(state, context),
    key: "session",
    fact: state.own,
    operation: "session",
    session_id: state.own,
    forked_from: context.session === state.own ? undefined : context.session,
    time: state.began,
    turn: undefined,
    attributes: allowAttributes({ entrypoint: o.entrypoint }),
    at: { offset: 0 },
  });
}

function assistant(
  state: State,
  o: JsonObject,
  context: Context,
  time: string | undefined,
  line: Line,
  emit: Emit,
): void {
  const message = object(o.message);
  if (!message) {
    emit.unknown("assistant without a message");
    return;
  }
  if (o.isApiErrorMessage === true || message.model === "<synthetic>") {
    apiError(state, o, context, time, emit);
    return;
  }
  const id = text(message.id) ?? text(o.uuid);
  if (id === undefined) {
    emit.unknown("assistant without an id");
    return;
  }
  let call: Call | undefined;
  for (const one of state.calls) if (one.id === id && one.session === context.session) call = one;
  if (!call) {
    call = { ...context, id, start: state.asked ?? time, at: line.offset };
    state.calls.push(call);
    if (state.calls.length > OPEN_CALLS) tellCall(state, state.calls.shift() as Call, emit);
  }
  mergeLine(call, o, message, time);
  for (const item of list(message.content)) {
    const block = object(item);
    const toolId = block?.type === "tool_use" ? text(block.id) : undefined;
    if (toolId === undefined || state.tools[toolId]) continue;
    state.tools[toolId] = { ...context, name: text(block?.name) ?? "?", start: time, at: line.offset };
  }
}

/** Keeps, of all lines of a call, the one that knows most tokens, as a whole. */
function mergeLine(call: Call, o: JsonObject, message: JsonObject, time: string | undefined): void {
  const raw = object(message.usage) ?? {};
  const split = object(raw.cache_creation);
  const written = (number(split?.ephemeral_5m_input_tokens) ?? 0) + (number(split?.ephemeral_1h_input_tokens) ?? 0);
  const usage = summedUsage(
    {
      input: raw.input_tokens,
      output: raw.output_tokens,
      cacheRead: raw.cache_read_input_tokens,
      cacheCreation: written > 0 ? written : raw.cache_creation_input_tokens,
    },
    { caches: true },
  );
  call.end = time ?? call.end;
  call.stop = text(message.stop_reason) ?? call.stop;
  if (call.usage && tokensOf(usage) < tokensOf(call.usage)) return;
  const server = object(raw.server_tool_use);
  call.usage = usage;
  call.model = text(message.model);
  call.cost = number(o.costUSD);
  call.attributes = allowAttributes({
    service_tier: raw.service_tier,
    speed: raw.speed === "standard" ? undefined : raw.speed,
    effort: o.effort,
    web_search_requests: number(server?.web_search_requests) || undefined,
    web_fetch_requests: number(server?.web_fetch_requests) || undefined,
  });
}

/** Not stored by the agent: told by the shape of its ids. */
function providerOf(id: string): string {
  if (id.startsWith("msg_bdrk_")) return "aws.bedrock";
  if (id.startsWith("msg_vrtx_")) return "gcp.vertex_ai";
  return id.startsWith("chatcmpl-") ? "openai" : "anthropic";
}

function tellCall(state: State, call: Call, emit: Emit): void {
  emit({
    ...base(state, call),
    key: call.id,
    fact: call.id,
    open: call.stop === undefined ? true : undefined,
    operation: "chat",
    kind: "client",
    time: call.start,
    end_time: call.end,
    duration_ms: between(call.start, call.end),
    status: "ok",
    provider: providerOf(call.id),
    model: call.model,
    response_id: call.id,
    finish_reasons: call.stop === undefined ? undefined : [call.stop],
    usage: call.usage,
    cost_usd: call.cost,
    attributes: call.attributes,
    at: { offset: call.at },
  });
}

function tellTool(
  state: State,
  id: string,
  tool: ToolCall,
  end: { time?: string; failed: boolean } | undefined,
  emit: Emit,
): void {
  emit({
    ...base(state, tool),
    key: id,
    fact: toolFact(id, tool.start, tool.session),
    open: end ? undefined : true,
    operation: "execute_tool",
    kind: "internal",
    time: tool.start,
    end_time: end?.time,
    duration_ms: between(tool.start, end?.time),
    status: end && (end.failed ? "error" : "ok"),
    error_type: end?.failed ? "tool_error" : undefined,
    tool: { name: tool.name, call_id: id, type: "function" },
    at: { offset: tool.at },
  });
}

/** A failed request: never a call, whatever usage stands on it. Other synthetic lines are the agent talking to itself. */
function apiError(state: State, o: JsonObject, context: Context, time: string | undefined, emit: Emit): void {
  if (o.isApiErrorMessage !== true) return;
  const status = number(o.apiErrorStatus) ?? number(o.status);
  emit({
    ...base(state, context),
    key: text(o.uuid) ?? `error@${time}`,
    fact: text(o.uuid),
    operation: "error",
    kind: "client",
    time,
    status: "error",
    error_type: text(o.error) ?? (status === undefined ? "api_error" : String(status)),
    attributes: allowAttributes({ apiErrorStatus: status, retryAttempt: o.retryAttempt }),
  });
}

function user(state: State, o: JsonObject, context: Context, time: string | undefined, emit: Emit): void {
  const content = object(o.message)?.content;
  state.asked = time ?? state.asked;
  let hasResult = false;
  for (const item of list(content)) {
    const block = object(item);
    if (block?.type !== "tool_result") continue;
    hasResult = true;
    toolResult(state, text(block.tool_use_id), block.is_error === true, time, emit);
  }
  if (hasResult || state.subagent || o.isMeta === true || o.isCompactSummary === true) return;
  const origin = text(object(o.origin)?.kind);
  if ((origin ?? "human") === "human" && !NOT_TYPED.test(firstText(content)))
    prompt(state, text(o.uuid), context, time, emit);
}

function toolResult(state: State, id: string | undefined, failed: boolean, time: string | undefined, emit: Emit): void {
  const tool = id === undefined ? undefined : state.tools[id];
  if (id === undefined || !tool) return; // its call stands in another file, or the line is a copy
  delete state.tools[id];
  tellTool(state, id, tool, { time, failed }, emit);
}

function firstText(content: unknown): string {
  if (typeof content === "string") return content;
  const block = list(content)
    .map(object)
    .find((b) => b?.type === "text");
  return text(block?.text) ?? "";
}

/** The turn that was going on at a time; undefined before the first. */
function turnAt(turns: readonly string[], time: string | undefined): number | undefined {
  let turn = turns.length - 1;
  while (turn > 0 && time !== undefined && time < (turns[turn] as string)) turn--;
  return turn < 0 ? undefined : turn;
}

/** A prompt begins a turn; one that is not younger than the latest is a copy that a compaction wrote again. */
function prompt(state: State, uuid: string | undefined, context: Context, time: string | undefined, emit: Emit): void {
  if (!context.sidechain && time !== undefined && time > (state.turns.at(-1) ?? "")) state.turns.push(time);
  const turn = turnAt(state.turns, time);
  emit({ ...base(state, context), key: uuid ?? `prompt@${time}`, fact: uuid, operation: "user_message", time, turn });
}

function system(state: State, o: JsonObject, context: Context, time: string | undefined, emit: Emit): void {
  const uuid = text(o.uuid);
  const common = { ...base(state, context), key: uuid ?? `system@${time}`, fact: uuid, time };
  switch (o.subtype) {
    case "compact_boundary":
    case "microcompact_boundary": {
      const meta = object(o.compactMetadata) ?? object(o.microcompactMetadata) ?? {};
      const attributes = allowAttributes({
        trigger: meta.trigger,
        preTokens: meta.preTokens,
        postTokens: meta.postTokens,
      });
      emit({ ...common, operation: "compaction", duration_ms: number(meta.durationMs), attributes });
      return;
    }
    case "api_error":
      apiError(state, { ...o, isApiErrorMessage: true, error: "api_error" }, context, time, emit);
      return;
    case "turn_duration": {
      const duration = number(o.durationMs);
      const begin = time && duration !== undefined ? new Date(Date.parse(time) - duration).toISOString() : undefined;
      emit({
        ...common,
        operation: "invoke_agent",
        kind: "internal",
        time: begin,
        end_time: time,
        duration_ms: duration,
      });
      return;
    }
    case "stop_hook_summary":
      hookSummary(state, o, common, emit);
      return;
  }
}

/** A summary tells hooks again that attachments have told; only those without an attachment are taken from it. */
function hookSummary(state: State, o: JsonObject, common: Omit<Draft, "operation">, emit: Emit): void {
  const id = text(o.toolUseID) ?? common.key;
  if (state.hooks.includes(id)) return;
  list(o.hookInfos).forEach((info, i) => {
    const key = `${id}#${i}`;
    const attributes = allowAttributes({ hookEvent: "Stop" });
    emit({
      ...common,
      key,
      fact: key,
      operation: "execute_hook",
      kind: "internal",
      duration_ms: number(object(info)?.durationMs),
      attributes,
    });
  });
}

function attachment(state: State, o: JsonObject, context: Context, time: string | undefined, emit: Emit): void {
  const a = object(o.attachment);
  const type = text(a?.type) ?? "";
  const uuid = text(o.uuid);
  if (type === "queued_command") {
    const own = text(object(a?.origin)?.kind) ?? "human";
    if (own === "human" && !NOT_TYPED.test(firstText(a?.prompt))) {
      const key = uuid ?? `queued@${time}`;
      emit({ ...base(state, context), key, fact: uuid, operation: "user_message", time });
    }
    return;
  }
  if (!a || !/^hook_(?:success|.*error|cancelled)/.test(type)) return;
  const id = text(a.toolUseID);
  if (id && !state.hooks.includes(id)) state.hooks = [...state.hooks, id].slice(-KNOWN_HOOKS);
  const failed = type !== "hook_success";
  emit({
    ...base(state, context),
    key: uuid ?? `hook@${time}`,
    fact: uuid,
    operation: "execute_hook",
    kind: "internal",
    name: text(a.hookName),
    time,
    duration_ms: number(a.durationMs),
    status: failed ? "error" : "ok",
    error_type: failed ? type : undefined,
    attributes: allowAttributes({ hookEvent: a.hookEvent, hookName: a.hookName, exitCode: a.exitCode }),
  });
}

function open(state: State, emit: Emit): void {
  for (const call of state.calls) tellCall(state, call, emit);
  for (const [id, tool] of Object.entries(state.tools)) tellTool(state, id, tool, undefined, emit);
  if (state.subagent) {
    const { id, name } = state.subagent;
    emit({
      key: id,
      fact: `${state.own}/${id}`,
      operation: "invoke_agent",
      kind: "internal",
      session_id: state.own,
      subagent: state.subagent,
      agent_name: name,
      tool: state.spawnedBy ? { call_id: state.spawnedBy } : undefined,
      time: state.began,
      end_time: state.last,
      duration_ms: between(state.began, state.last),
      at: { offset: 0 },
    });
  } else if (!state.told && state.began !== undefined) {
    emit({
      key: "session",
      fact: state.own,
      operation: "session",
      session_id: state.own,
      time: state.began,
      at: { offset: 0 },
    });
  }
}
