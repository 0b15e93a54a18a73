/**
 * Claude Code: one JSONL file a session, one for each subagent.
 * Counting rule: a call is one `message.id` wherever it is told; of its lines the one with the most tokens is believed
 * whole (ccusage#888, never field by field: a fallback may change the model), and its copies in forks, resumes,
 * compactions and sidechains are the same fact.
 */
import type { Agent, Draft, Emit, Environment, JsonObject, Line, Place, SourceInfo } from "../../read/types.ts";
import { settingsFolders, tail } from "../../read/types.ts";
import { allowAttributes } from "../../record/attributes.ts";
import { object, text } from "../../record/json.ts";
import { between, utc } from "../../record/time.ts";
import { assistant, tellCall, tellTool } from "./calls.ts";
import { attachment, system, user } from "./prompts.ts";
import { READS } from "./reads.ts";
import { type Context, contextOf, type State } from "./state.ts";

/** Lines that say nothing weir keeps. Anything else that is not handled is counted as unknown. */
const SILENT: ReadonlySet<string> = new Set(
  "agent-color agent-name agent-setting ai-title api-request api-request-blob api-request-shape atis-latch attribution-snapshot bridge-session content-replacement cost-state custom-title failed file-history-delta file-history-snapshot fork-context-ref last-prompt launched marble-origami-commit marble-origami-snapshot mode permission-mode pr-link progress queue-operation relocated result speculation-accept started summary tag task-summary tools-used worktree-state".split(
    " ",
  ),
);

/** A session's id. A file of another name is a copy that somebody made: its lines say whose it is. */
const SESSION = /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/i;

export const claudeCode: Agent = {
  id: "claude-code",
  title: "Claude Code",
  retention: "deletes a session 30 days after its last change (cleanupPeriodDays)",
  streams: [
    tail<State>({
      kind: "transcript",
      rank: 50,
      version: 4,
      reads: READS,
      locate,
      session: (path) => parentIn(path) ?? (/(?:^|\/)agent-[^/]*$/.test(path) ? undefined : stem(path)),
      start,
      step,
      open,
    }),
  ],
};

/** The session below whose folder a subagent's file lies. */
function parentIn(path: string): string | undefined {
  return path.includes("/subagents/") ? /([^/]+)\/subagents\//.exec(path)?.[1] : undefined;
}

function stem(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1).replace(/\.jsonl$/, "");
}

/** All roots of 1.1: the override (a comma list, each with or without `projects`), else both defaults; and the desktop app's. */
function locate({ homes, variable }: Environment): Place[] {
  const roots: string[] = [];
  const desktop: string[] = [];
  const packages: string[] = [];
  for (const home of homes) {
    const override = variable("CLAUDE_CONFIG_DIR");
    if (override)
      roots.push(
        ...override
          .split(",")
          .map((dir) => dir.trim().replace(/[\\/]projects[\\/]?$/, ""))
          .filter(Boolean),
      );
    else roots.push(`${home.path}/.claude`, `${variable("XDG_CONFIG_HOME") || `${home.path}/.config`}/claude`);
    desktop.push(...settingsFolders(home, variable).map((folder) => `${folder}/Claude`));
    if (home.layouts.includes("win32")) {
      packages.push(`${variable("LOCALAPPDATA") || `${home.path}/AppData/Local`}/Packages`);
      roots.push(`${variable("APPDATA") || `${home.path}/AppData/Roaming`}/claude`);
    }
  }
  const sidecars = [{ ending: ".jsonl", beside: ".meta.json" }];
  const within = (folder: string): string[] => [`${folder}/*/*.jsonl`, `${folder}/*/*/subagents/**/agent-*.jsonl`];
  const session = "local-agent-mode-sessions/*/*/*/.claude/projects";
  const packaged = within(`Claude_*/LocalCache/Roaming/Claude/${session}`);
  return [
    ...roots.map((root) => ({ root, match: within("projects"), sidecars })),
    ...desktop.map((root) => ({ root, match: within(session), sidecars })),
    ...packages.map((root) => ({ root, match: packaged, sidecars })),
  ];
}

function start(source: SourceInfo): State {
  const parent = parentIn(source.path);
  const state: State = { own: parent ?? source.stem, turns: [], calls: [], tools: [], hooks: [] };
  if (parent === undefined && !source.stem.startsWith("agent-"))
    return SESSION.test(source.stem) ? state : { ...state, unnamed: true };
  const meta = object(source.sidecars[".meta.json"]);
  const name = text(meta?.agentType);
  state.subagent = { id: source.stem.replace(/^agent-/, ""), ...(name && { name }) };
  const spawnedBy = text(meta?.toolUseId);
  return spawnedBy ? { ...state, spawnedBy } : state;
}

function step(state: State, line: Line, emit: Emit): void {
  const o = line.json();
  const time = utc(o.timestamp);
  const type = text(o.type) ?? "";
  if (type !== "assistant" && type !== "user" && type !== "system" && type !== "attachment") {
    noteOwn(state, time);
    if (!SILENT.has(type)) emit.unknown(`type ${type}`);
    return;
  }
  const { frame } = line;
  if ((state.subagent || state.unnamed) && !state.told) state.own = text(frame.sessionId) ?? state.own;
  const context = contextOf(state, o, frame, time);
  if (state.subagent || context.session_id === state.own) noteOwn(state, time);
  else noteCopy(state, context.session_id, time);
  tellSession(state, o, context, emit);
  if (time !== undefined) state.last = time;
  if (type === "assistant") assistant(state, o, context, time, line, emit);
  else if (type === "user") user(state, o, context, time, emit);
  else if (type === "system") system(state, o, context, time, line, emit);
  else attachment(state, o, context, time, emit);
}

/** The file's own lines begin with the first that is younger than the copies: copies may come again without their mark. */
function noteOwn(state: State, time: string | undefined): void {
  if (time !== undefined && time > (state.copied ?? "")) state.began ??= time;
}

function noteCopy(state: State, session: string | undefined, time: string | undefined): void {
  if (!state.told) state.origin = session;
  if (time !== undefined && time > (state.copied ?? "")) state.copied = time;
}

/** The session begins with the first line that is its own; copies before it name the one that it came from. */
function tellSession(state: State, o: JsonObject, context: Context, emit: Emit): void {
  const isCopy = context.session_id !== state.own || state.copied !== undefined;
  if (state.told || (state.began === undefined && isCopy)) return;
  state.told = true;
  if (!state.subagent) emit({ ...context, ...sessionOf(state, o) });
}

function sessionOf({ own, origin, began }: State, o: JsonObject): Draft {
  return {
    key: "session",
    fact: own,
    operation: "session",
    session_id: own,
    forked_from: origin,
    time: began,
    turn: undefined,
    attributes: allowAttributes({ entrypoint: o.entrypoint }),
    at: { offset: 0 },
  };
}

function open(state: State, emit: Emit): void {
  const latest = state.calls.at(-1);
  const isOver = (state.turns.at(-1) ?? "") > (latest?.end ?? "");
  for (const call of state.calls) tellCall(call, emit, call === latest && !isOver);
  for (const tool of state.tools) tellTool(tool, undefined, emit);
  if (state.subagent) {
    if (!state.told) return; // nobody knows its session yet
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
  } else if (!state.told && (state.began ?? state.origin) !== undefined) emit(sessionOf(state, {}));
}
