/** The entries of a session file of Pi: the session, prompts, tools, commands; answers are read by calls.ts. */
import type { Emit, Line, SourceInfo } from "../../read/types.ts";
import { allowAttributes } from "../../record/attributes.ts";
import { type JsonObject, list, number, object, text, under } from "../../record/json.ts";
import { message as messageOf, partsOf, resultOf, toolDefinitions } from "../../record/messages.ts";
import { timeOf } from "../../record/time.ts";
import { toolDraft } from "../../record/tool.ts";
import { assistant, summary, tellCall, usageEntry } from "./calls.ts";
import { base, type Entry, printOf, type State } from "./state.ts";

/** Entries that say nothing weir keeps (`child_usage_attributed` repeats what the child's own session tells). */
const SILENT: ReadonlySet<string> = new Set([
  "child_usage_attributed",
  "context_edit",
  "custom",
  "custom_message",
  "label",
  "session-artifacts",
  "session_info",
  "thinking_level_change",
  "title",
  "ttsr_injection",
]);
/** Context that the agent itself puts among the messages; `hookMessage` is `custom` before format 3. */
const INJECTED: ReadonlySet<string> = new Set([
  "branchSummary",
  "compactionSummary",
  "custom",
  "fileMention",
  "hookMessage",
]);

/** The session in a file's name; a subagent's file has only its own name. */
export function sessionOf(path: string): string | undefined {
  return /(?:^|[\\/])\d{4}-\d\d-\d\dT[^\\/_]*_([^\\/]+)\.jsonl$/.exec(path)?.[1];
}

export function start(source: SourceInfo): State {
  const parent = /(?:^|\/)\d{4}-\d\d-\d\dT[^/_]*_([^/]+)\//.exec(source.path)?.[1];
  const state: State = { own: sessionOf(source.path) ?? source.stem, turn: -1, tools: {} };
  return parent ? { ...state, parent, agent: source.stem } : state;
}

export function step(state: State, line: Line, emit: Emit): void {
  const o = line.json();
  const entry: Entry = { o, id: text(o.id), time: timeOf(o.timestamp), at: line.offset };
  const type = text(o.type) ?? "";
  if (SILENT.has(type)) return;
  const tell = Object.hasOwn(ENTRIES, type) ? ENTRIES[type] : undefined;
  if (tell && tell !== header && !state.told) tellSession(state, entry.time, undefined, emit);
  if (tell) tell(state, entry, emit);
  else emit.unknown(`type ${type}`);
}

const ENTRIES: Readonly<Record<string, (state: State, entry: Entry, emit: Emit) => void>> = {
  branch_summary: summary,
  compaction: summary,
  message,
  model_change: (state, { o }) => modelChange(state, o),
  session: header,
  usage: usageEntry,
};

/** OMP writes both names as one, and changes models of other roles too. */
function modelChange(state: State, o: JsonObject): void {
  if ((text(o.role) ?? "default") !== "default") return;
  const [, provider, model] = /^([^/]+)\/(.+)$/.exec(text(o.model) ?? "") ?? [];
  state.provider = text(o.provider) ?? provider ?? state.provider;
  state.model = text(o.modelId) ?? model ?? state.model;
}

/** A fork names its parent's file (`branchedFrom` in format 1); a subagent's session was spawned by it. */
function header(state: State, { o, time }: Entry, emit: Emit): void {
  if (state.told) return;
  state.own = text(o.id) ?? state.own;
  state.cwd = text(o.cwd);
  state.model = text(o.modelId);
  state.provider = text(o.provider);
  const parent = sessionOf(text(o.parentSession) ?? text(o.branchedFrom) ?? "");
  if (state.agent !== undefined) state.parent = parent ?? state.parent;
  tellSession(state, time, state.agent === undefined ? parent : undefined, emit);
}

function tellSession(state: State, time: string | undefined, forked_from: string | undefined, emit: Emit): void {
  state.told = { time, forked_from };
  emit({ ...base(state), key: "session", fact: state.own, operation: "session", forked_from, time });
}

/** What newer versions tell the model before all else; later changes of it are told nowhere here. */
function instructed(state: State, m: JsonObject, emit: Emit): void {
  if (state.instructed || !emit.captures) return;
  state.instructed = true;
  const texts = [...partsOf(m.content), ...partsOf(Object.values(object(m.sections) ?? {}))];
  const system_instructions = emit.keep(texts.length > 0 ? texts : undefined);
  const content = { system_instructions, tool_definitions: emit.keep(toolDefinitions(m.toolsAdded)) };
  const session = { key: "session", fact: state.own, operation: "session", ...state.told } as const;
  emit({ ...base(state), turn: undefined, ...session, content });
}

function message(state: State, entry: Entry, emit: Emit): void {
  const m = object(entry.o.message) ?? {};
  if (m.role === "assistant") {
    noteTools(state, entry, m, emit);
    assistant(state, entry, m, emit);
  } else if (m.role === "user") prompt(state, entry, m, emit);
  else if (m.role === "toolResult") toolResult(state, entry, m, emit);
  else if (m.role === "bashExecution") shell(state, entry, m, emit);
  else if (m.role === "system") instructed(state, m, emit);
  else if (!INJECTED.has(text(m.role) ?? "")) emit.unknown(`role ${text(m.role) ?? ""}`);
}

/** Its text is told by its length only: with two times to the millisecond it need not be known by more. */
function prompt(state: State, entry: Entry, m: JsonObject, emit: Emit): void {
  state.turn++;
  state.asked = entry.time;
  const content = Array.isArray(m.content)
    ? m.content.map((block) => text(object(block)?.text) ?? "").join()
    : m.content;
  const key = printOf(state, entry, ["user", number(m.timestamp), text(content)?.length]);
  const time = timeOf(m.timestamp) ?? entry.time;
  const input_messages = emit.keep(messageOf("user", partsOf(m.content)));
  emit({ ...base(state), key, fact: key, operation: "user_message", time, content: { input_messages } });
}

/** An id that comes again before its result is another call: the earlier one is told as it stands. */
function noteTools(state: State, entry: Entry, m: JsonObject, emit: Emit): void {
  for (const item of list(m.content)) {
    const block = object(item);
    const id = block?.type === "toolCall" ? text(block.id) : undefined;
    if (id === undefined) continue;
    const earlier = under(state.tools, id);
    if (earlier) emit({ ...base(state), ...toolDraft(id, earlier, state.own, undefined) });
    const args = emit.keep(block?.arguments);
    state.tools[id] = { name: text(block?.name), start: entry.time, turn: base(state).turn, at: entry.at, args };
  }
}

function toolResult(state: State, entry: Entry, m: JsonObject, emit: Emit): void {
  const id = text(m.toolCallId);
  state.asked = entry.time;
  if (id === undefined) {
    emit.unknown("toolResult without an id");
    return;
  }
  const call = under(state.tools, id) ?? { at: entry.at };
  delete state.tools[id];
  const result = emit.keep(resultOf(m.content));
  const end = { time: timeOf(m.timestamp) ?? entry.time, failed: m.isError === true, result };
  emit({ ...base(state), ...toolDraft(id, { ...call, name: call.name ?? text(m.toolName) }, state.own, end) });
  tellCall(state, entry, `tool ${id}`, m.usage, {}, emit);
}

/** A command that the person ran with `!`; no model asked for it. */
function shell(state: State, entry: Entry, m: JsonObject, emit: Emit): void {
  const key = printOf(state, entry, ["shell", number(m.timestamp), number(m.exitCode)]);
  const failed = m.cancelled === true || (number(m.exitCode) ?? 0) !== 0;
  emit({
    ...base(state),
    key,
    fact: key,
    operation: "other",
    kind: "internal",
    name: "user_shell",
    time: timeOf(m.timestamp) ?? entry.time,
    status: failed ? "error" : "ok",
    error_type: failed ? (m.cancelled === true ? "cancelled" : "exit_code") : undefined,
    attributes: allowAttributes({ exitCode: m.exitCode }),
    content: { tool_arguments: emit.keep(m.command), tool_result: emit.keep(m.output) },
  });
}

export function open(state: State, emit: Emit): void {
  for (const [id, call] of Object.entries(state.tools))
    emit({ ...base(state), ...toolDraft(id, call, state.own, undefined) });
}
