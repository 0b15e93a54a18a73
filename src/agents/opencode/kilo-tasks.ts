/** Kilo Code before April 2026, an extension of VS Code: a task is a list of what was shown, each entry known by its time. */
import type { Environment, Group, Place, SourceInfo } from "../../read/types.ts";
import type { Draft, Emit } from "../../record/draft.ts";
import { type JsonObject, list, number, object, text } from "../../record/json.ts";
import { providerName } from "../../record/provider.ts";
import { fromMillis } from "../../record/time.ts";
import { summedUsage, tokensOf } from "../../record/usage.ts";

/** VS Code and what is made from it. */
const HOSTS = [
  ...["Code", "Code - Insiders", "Code - OSS", "VSCodium", "Cursor", "Windsurf", "Windsurf - Next"],
  ...["Antigravity", "Kiro", "Positron", "Trae", "Void"],
];
const SERVERS = [".vscode-server", ".vscode-server-insiders", ".cursor-server", ".windsurf-server"];
const MATCH = ["User/globalStorage", "User/profiles/*/globalStorage"].map(
  (folder) => `${folder}/kilocode.kilo-code/tasks/*/ui_messages.json`,
);

const WORKSPACE = /Current Workspace Directory \(([^)\n]+)\)/;
const MODEL = /<model>([^<\n]+)<\/model>/;

const PROMPTS: ReadonlySet<string> = new Set(["task", "user_feedback"]);
/** Entries by which the model used a tool, and the tool's name where the entry has none. */
const TOOLS: ReadonlyMap<string, string> = new Map([
  ["tool", "tool"],
  ["command", "execute_command"],
  ["use_mcp_server", "use_mcp_tool"],
  ["browser_action_launch", "browser_action"],
]);
/** Entries that say nothing weir keeps. Anything else that is not handled is counted as unknown. */
const SILENT: ReadonlySet<string> = new Set(
  (
    "api_req_deleted api_req_finished api_req_rate_limit_wait api_req_retried api_req_retry_delayed " +
    "auto_approval_max_req_reached browser_action browser_action_result checkpoint_saved codebase_search_result " +
    "command_output completion_result condense_context_error diff_error error followup image kilocodeignore_error " +
    "mcp_server_request_started mcp_server_response mistake_limit_reached payment_required_prompt reasoning report_bug " +
    "resume_completed_task resume_task rooignore_error shell_integration_warning subtask_result text user_edit_todos " +
    "user_feedback_diff"
  ).split(" "),
);

/** The extension's folder in each editor, here or on the far side of a connection. */
export function taskPlaces({ homes, variable }: Environment): Place[] {
  return homes.flatMap((home) => {
    const own = (name: string): string | undefined => (home.own ? variable(name) : undefined);
    const folders = {
      linux: own("XDG_CONFIG_HOME") || `${home.path}/.config`,
      darwin: `${home.path}/Library/Application Support`,
      win32: own("APPDATA") || `${home.path}/AppData/Roaming`,
    };
    const roots = home.layouts.flatMap((platform) => HOSTS.map((host) => `${folders[platform]}/${host}`));
    return [...roots, ...SERVERS.map((server) => `${home.path}/${server}/data`)].map((root) => ({
      root,
      match: MATCH,
    }));
  });
}

export function taskOf(path: string): string | undefined {
  return /(?:^|\/)tasks\/([^/]+)\/[^/]+$/.exec(path)?.[1];
}

export function reduceTask({ document }: Group, { path }: SourceInfo, emit: Emit): void {
  const session_id = taskOf(path);
  const entries = entriesOf(document);
  const [first] = entries;
  if (!first) return;
  const cwd = entries.map(({ asked }) => WORKSPACE.exec(asked)?.[1]).find((found) => found !== undefined);
  let turn = -1;
  let model: string | undefined;
  const known = { session_id, cwd };
  emit({ ...known, key: "session", fact: session_id, operation: "session", time: fromMillis(first.ts) });
  for (const { e, kind, ts, told, asked, index } of entries) {
    if (PROMPTS.has(kind)) turn++;
    model = MODEL.exec(asked)?.[1] ?? model;
    const at = { ...known, key: String(ts), fact: `${session_id}/${ts}`, time: fromMillis(ts), at: { index } };
    tell({ ...at, turn: turn < 0 ? undefined : turn }, kind, { ...told, model, condensed: e.contextCondense }, emit);
  }
}

interface Entry {
  readonly e: JsonObject;
  readonly kind: string;
  readonly ts: number;
  /** The entry's text, where it is JSON itself. */
  readonly told: JsonObject;
  /** What the model was asked, with the surroundings that the extension described to it. */
  readonly asked: string;
  readonly index: number;
}

/** All entries that are whole. */
function entriesOf(document: unknown): Entry[] {
  return list(document).flatMap((item, index) => {
    const e = object(item);
    const ts = number(e?.ts);
    const kind = text(e?.type === "ask" ? e.ask : e?.say);
    if (!e || ts === undefined || kind === undefined || e.partial === true) return [];
    const told = object(parsed(e.text)) ?? {};
    return [{ e, kind, ts, told, asked: text(told.request) ?? "", index }];
  });
}

type Common = Omit<Draft, "operation">;

function tell(at: Common, kind: string, told: JsonObject, emit: Emit): void {
  if (PROMPTS.has(kind)) emit({ ...at, operation: "user_message" });
  else if (kind === "api_req_started") request(at, told, emit);
  else if (kind === "api_req_failed")
    emit({ ...at, operation: "error", kind: "client", status: "error", error_type: kind });
  else if (kind === "condense_context" || kind === "sliding_window_truncation")
    condensed(at, object(told.condensed), emit);
  else if (TOOLS.has(kind)) {
    const name = (kind === "tool" ? text(told.tool) : text(told.toolName)) ?? TOOLS.get(kind);
    emit({ ...at, operation: "execute_tool", kind: "internal", tool: { name, type: "function" } });
  } else if (!SILENT.has(kind)) emit.unknown(`entry ${kind}`);
}

/** A request with tokens is a call, also when it broke off. Tokens come without caches; a cost of 0 is a free model's. */
function request(at: Common, told: JsonObject, emit: Emit): void {
  const usage = summedUsage(
    { input: told.tokensIn, output: told.tokensOut, cacheRead: told.cacheReads, cacheCreation: told.cacheWrites },
    { caches: true },
  );
  const error_type = text(told.cancelReason);
  const common = { ...at, kind: "client", provider: providerName(text(told.inferenceProvider)), error_type } as const;
  const model = text(told.model);
  if (tokensOf(usage) > 0) {
    const status = error_type === undefined ? "ok" : "error";
    emit({ ...common, operation: "chat", status, model, usage, cost_usd: number(told.cost) });
  } else if (error_type !== undefined) emit({ ...common, operation: "error", status: "error", request_model: model });
}

/** Condensing is a call whose tokens are not told. */
function condensed(at: Common, how: JsonObject | undefined, emit: Emit): void {
  emit({ ...at, operation: "compaction", kind: "internal", cost_usd: number(how?.cost) || undefined });
}

function parsed(json: unknown): unknown {
  if (typeof json !== "string" || !json.startsWith("{")) return undefined;
  try {
    return JSON.parse(json);
  } catch {
    return undefined; // plain text that begins like JSON
  }
}
