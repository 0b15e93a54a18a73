/**
 * Windsurf: transcripts, JSON Lines of steps, which exist only where a hook asks for them; and the chat panel of older
 * versions, in each workspace's database. Its own history is encrypted.
 * Counting rule: a call is one planner response; it tells no tokens, model or time. A step is known by its number.
 */
import type { Agent, Draft, Emit, Environment, Group, Place, SourceInfo } from "../read/types.ts";
import { snapshot } from "../read/types.ts";
import { allowAttributes } from "../record/attributes.ts";
import { type JsonObject, list, number, object, text } from "../record/json.ts";

const HOSTS = ["Windsurf", "Windsurf - Next"];
const CHAT_KEYS = "'workbench.panel.aichat.view.aichat.chatdata', 'aiChat.chatdata'";
const ENDED: ReadonlySet<string> = new Set(["done", "error", "canceled"]);

export const windsurf: Agent = {
  id: "windsurf",
  title: "Windsurf",
  retention: "keeps the latest 100 transcripts",
  unverified: true,
  streams: [
    snapshot({
      kind: "transcript",
      rank: 50,
      version: 1,
      locate: ({ homes }) => homes.map((home) => ({ root: `${home.path}/.windsurf/transcripts`, match: ["*.jsonl"] })),
      session: (path) => /([^/]+)\.jsonl$/.exec(path)?.[1],
      groups: { form: "jsonl" },
      reduce: transcript,
    }),
    snapshot({
      kind: "workspace_chat",
      rank: 40,
      version: 1,
      locate: locateWorkspaces,
      session: () => undefined,
      groups: {
        form: "sqlite",
        layouts: [
          {
            name: "chat",
            needs: { ItemTable: ["key", "value"] },
            index: `SELECT key, value FROM ItemTable WHERE key IN (${CHAT_KEYS}) ORDER BY key`,
            rows: { values: "SELECT key, value FROM ItemTable WHERE key IN (SELECT value FROM json_each(?1))" },
          },
        ],
      },
      reduce: workspaceChat,
    }),
  ],
};

function locateWorkspaces({ homes, variable }: Environment): Place[] {
  return homes.flatMap((home) => {
    const own = (name: string): string | undefined => (home.own ? variable(name) : undefined);
    const folders = {
      linux: own("XDG_CONFIG_HOME") || `${home.path}/.config`,
      darwin: `${home.path}/Library/Application Support`,
      win32: own("APPDATA") || `${home.path}/AppData/Roaming`,
    };
    return home.layouts.flatMap((platform) =>
      HOSTS.map((host) => ({ root: `${folders[platform]}/${host}/User/workspaceStorage`, match: ["*/state.vscdb"] })),
    );
  });
}

/** Step after step; the payload stands under the step's own type. */
function transcript(group: Group, source: SourceInfo, emit: Emit): void {
  const session_id = source.stem;
  const steps = group.lines ?? [];
  if (steps.length === 0) return;
  const cwd = steps.map((step) => text(object(step.run_command)?.cwd)).find(Boolean);
  emit({ key: "session", fact: session_id, operation: "session", session_id, cwd });
  let turn = -1;
  steps.forEach((step, index) => {
    const type = text(step.type);
    if (type === undefined) {
      emit.unknown("step without a type");
      return;
    }
    if (type === "user_input") turn++;
    const common = {
      key: String(index),
      fact: `${session_id}/${index}`,
      session_id,
      cwd,
      turn: turn < 0 ? undefined : turn,
      open: ENDED.has(text(step.status) ?? "done") ? undefined : true,
      at: { index },
    } as const;
    if (type === "user_input") emit({ ...common, operation: "user_message" });
    else if (type === "planner_response") tellCall(common, step, emit);
    else tellTool(common, type, step, emit);
  });
}

function tellCall(common: Omit<Draft, "operation">, { status }: JsonObject, emit: Emit): void {
  const failed = status === "error" || status === "canceled";
  const told = { status: failed ? "error" : "ok", error_type: failed ? text(status) : undefined } as const;
  emit({ ...common, operation: "chat", kind: "client", ...(common.open ? {} : told) });
}

/** Anything that is neither typed nor answered is a tool. */
function tellTool(common: Omit<Draft, "operation">, type: string, step: JsonObject, emit: Emit): void {
  const told = object(step[type]) ?? {};
  const code = number(told.exit_code);
  const failure = failureOf(step, told, code);
  emit({
    ...common,
    operation: "execute_tool",
    kind: "internal",
    status: common.open ? undefined : failure === undefined ? "ok" : "error",
    error_type: common.open ? undefined : failure,
    tool: { name: (type === "mcp_tool" ? text(told.tool_name) : undefined) ?? type, type: "function" },
    attributes: allowAttributes({ exit_code: code }),
  });
}

function failureOf(step: JsonObject, told: JsonObject, code: number | undefined): string | undefined {
  if (told.user_rejected === true) return "rejected";
  if (step.status === "canceled") return "canceled";
  if (step.status === "error") return "tool_error";
  return code !== undefined && code !== 0 ? "exit_code" : undefined;
}

/** The chat panel of older versions: tabs of bubbles, without times, models and tokens. */
function workspaceChat(group: Group, _source: SourceInfo, emit: Emit): void {
  for (const row of group.rows?.values ?? []) {
    const chat = object(parsed(row.value));
    if (!chat) emit.unknown("chat that is no JSON");
    for (const item of list(chat?.tabs)) {
      const tab = object(item) ?? {};
      const id = text(tab.tabId);
      if (id === undefined) emit.unknown("tab without an id");
      else tellTab(id, list(tab.bubbles), emit);
    }
  }
}

function tellTab(session_id: string, bubbles: readonly unknown[], emit: Emit): void {
  if (bubbles.length === 0) return;
  emit({ key: "session", fact: session_id, operation: "session", session_id });
  let turn = -1;
  bubbles.forEach((item, index) => {
    const type = text(object(item)?.type);
    if (type === "user") turn++;
    const key = String(index);
    const common = { key, fact: `${session_id}/${key}`, session_id, turn: turn < 0 ? undefined : turn };
    if (type === "user") emit({ ...common, operation: "user_message" });
    else if (type === "ai") emit({ ...common, operation: "chat", kind: "client", status: "ok" });
    else emit.unknown(`bubble ${type ?? ""}`);
  });
}

function parsed(value: unknown): unknown {
  try {
    return JSON.parse(value instanceof Uint8Array ? new TextDecoder().decode(value) : String(value));
  } catch {
    return undefined; // counted as unknown
  }
}
