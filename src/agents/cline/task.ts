/** Tasks of Cline's first generation: lists of what was shown and of what was sent, and an index of all tasks. */
import type { Emit } from "../../read/types.ts";
import { type JsonObject, list, number, object, text } from "../../record/json.ts";
import { providerName } from "../../record/provider.ts";
import type { Usage } from "../../record/schema.ts";
import { fromMillis, timeOf } from "../../record/time.ts";
import { summedUsage, tokensOf } from "../../record/usage.ts";
import { type Keyed, messagesOf, objectsOf, parsed, sumOf, taskBegan, tellTools } from "./messages.ts";

/** One entry of what was shown. Its kind is what it says or asks. */
interface Entry {
  readonly e: JsonObject;
  readonly kind: string;
  readonly ts: number;
  readonly index: number;
  readonly turn?: number;
}

/** A request, and what later entries add to it. */
interface Request extends Entry {
  told: JsonObject;
  failed?: string;
  ttft?: number;
}

/** The file beside a task that tells which models and versions it was made with, and since when. */
export const METADATA = "task_metadata.json";
/** Entries of a task by which the model used a tool, and the tool's name where the entry has none. */
const TOOLS: ReadonlyMap<string, string> = new Map([
  ["tool", "tool"],
  ["command", "execute_command"],
  ["use_mcp_server", "use_mcp_tool"],
  ["use_subagents", "use_subagents"],
  ["browser_action_launch", "browser_action"],
]);
/** Entries of a task that say nothing weir keeps. Anything else that is not handled is counted as unknown. */
const SILENT: ReadonlySet<string> = new Set(
  (
    "act_mode_respond api_req_retried auto_approval_max_req_reached browser_action browser_action_result " +
    "checkpoint_created clineignore_error command_output command_permission_denied completion_result " +
    "conditional_rules_applied condense diff_error error error_retry followup generate_explanation hook_output_stream " +
    "hook_status info load_mcp_documentation mcp_notification mcp_server_request_started mcp_server_response " +
    "mistake_limit_reached new_task plan_completion_result plan_mode_respond reasoning report_bug " +
    "resume_completed_task resume_task shell_integration_warning shell_integration_warning_with_suggestion subagent " +
    "summarize_task task_progress text user_feedback_diff"
  ).split(" "),
);
const COMPACTION = "compaction";
const REQUESTS: ReadonlySet<string> = new Set(["api_req_started", "api_req_finished", "api_req_failed", COMPACTION]);

const PROMPTS: ReadonlySet<string> = new Set(["task", "user_feedback"]);

/** The index of tasks: where each worked, and the sum of its calls. */
export function index(items: readonly unknown[], emit: Emit): void {
  items.forEach((value, index) => {
    const item = object(value) ?? {};
    const [id, cwd] = [text(item.id), text(item.cwdOnTaskInitialization)];
    const time = taskBegan(id) ?? timeOf(item.ts);
    const sum = sumOf(tokensIn(item), item.modelId);
    if (id === undefined) emit.unknown("task without an id");
    else emit({ key: "session", fact: id, operation: "session", session_id: id, time, cwd, ...sum, at: { index } });
  });
}

/** Tokens as tasks tell them: four numbers that are no part of each other. */
function tokensIn({ tokensIn: input, tokensOut: output, cacheReads, cacheWrites }: JsonObject): Usage | undefined {
  const usage = summedUsage({ input, output, cacheRead: cacheReads, cacheCreation: cacheWrites }, { caches: true });
  return tokensOf(usage) > 0 ? usage : undefined;
}

/** A task as it was shown: its entries are known by their times, and its requests get their tokens later. */
export function task(document: readonly unknown[], id: string | undefined, settings: JsonObject, emit: Emit): void {
  const common = (entry: Entry): Keyed => ({
    ...keyed(id, entry),
    agent_version: text(latest(settings.environment_history, entry.ts)?.cline_version),
  });
  const entries = entriesOf(document);
  const [first] = entries;
  if (!first) return;
  const time = taskBegan(id) ?? fromMillis(first.ts);
  emit({ ...common(first), key: "session", fact: id, operation: "session", time, turn: undefined });
  for (const request of requestsOf(entries)) tellRequest(common(request), request, settings, emit);
  tellCompactions(entries, common, emit);
  for (const entry of entries) {
    const { e, kind } = entry;
    if (PROMPTS.has(kind)) emit({ ...common(entry), operation: "user_message" });
    else if (kind === "subagent_usage" || kind === "deleted_api_reqs") tellSum(common(entry), e, kind, emit);
    else if (!SILENT.has(kind) && !TOOLS.has(kind) && !REQUESTS.has(kind)) emit.unknown(`entry ${kind}`);
  }
}

/** The tools of a task as they were shown, which is all there is of models that call them in their text. */
export function shownTools(document: unknown, id: string | undefined, emit: Emit): void {
  for (const entry of entriesOf(list(document))) {
    if (!TOOLS.has(entry.kind)) continue;
    const shown = toldIn(entry.e);
    const name = (entry.kind === "tool" ? text(shown.tool) : text(shown.toolName)) ?? TOOLS.get(entry.kind);
    const tool = { name, type: "function" };
    emit({ ...keyed(id, entry), operation: "execute_tool", kind: "internal", tool });
  }
}

function keyed(id: string | undefined, { ts, turn, index }: Entry): Keyed {
  const fact = id && `${id}/${ts}`;
  return { key: String(ts), fact, session_id: id, time: fromMillis(ts), turn, at: { index } };
}

/** All entries that are whole, with the turns that the person's own begin. */
function entriesOf(document: readonly unknown[]): Entry[] {
  let turn = -1;
  return document.flatMap((item, index) => {
    const e = object(item);
    const ts = number(e?.ts);
    const kind = text(e?.type === "ask" ? e.ask : e?.say);
    if (!e || ts === undefined || kind === undefined || e.partial === true) return [];
    if (PROMPTS.has(kind)) turn++;
    return [{ e, kind, ts, index, turn: turn < 0 ? undefined : turn }];
  });
}

/** What held at a time: the latest of a list that has the times of its changes. */
function latest(changes: unknown, ts: number): JsonObject | undefined {
  const all = objectsOf(changes);
  return all.findLast((change) => (number(change.ts) ?? 0) <= ts) ?? all[0];
}

/** What an entry's text holds: it is JSON itself. */
function toldIn(e: JsonObject): JsonObject {
  return object(parsed(e.text)) ?? {};
}

/** Requests in their order; the oldest versions tell a request's tokens by an entry of its own. */
function requestsOf(entries: readonly Entry[]): Request[] {
  const requests: Request[] = [];
  for (const entry of entries) {
    const { e, kind, ts } = entry;
    const last = requests.at(-1);
    if (kind === "api_req_started") requests.push({ ...entry, told: toldIn(e) });
    else if (kind === "api_req_finished" && last && !tokensIn(last.told)) last.told = { ...last.told, ...toldIn(e) };
    else if (kind === "api_req_finished") requests.push({ ...entry, told: toldIn(e) });
    else if (kind === "api_req_failed" && last) last.failed = kind;
    else if ((kind === "text" || kind === "reasoning") && e.type === "say" && last) last.ttft ??= ts - last.ts;
  }
  return requests;
}

/** A request with tokens is a call, also when it broke off; one without them failed, or it still runs. */
function tellRequest(at: Keyed, request: Request, settings: JsonObject, emit: Emit): void {
  const { e, ts, told, ttft } = request;
  const [made, used] = [object(e.modelInfo) ?? {}, latest(settings.model_usage, ts) ?? {}];
  const [usage, reason] = [tokensIn(told), text(told.cancelReason)];
  const model = text(made.modelId) ?? text(used.model_id);
  const provider = providerName(text(made.providerId) ?? text(used.model_provider_id));
  const failed = usage ? request.failed : (reason ?? request.failed);
  const common = { ...at, kind: "client", provider } as const;
  if (failed !== undefined)
    emit({ ...common, operation: "error", status: "error", error_type: failed, request_model: model });
  if (!usage) return;
  emit({
    ...common,
    operation: "chat",
    status: reason === undefined ? "ok" : "error",
    error_type: reason,
    model,
    usage,
    cost_usd: number(told.cost) || undefined,
    ttft_ms: ttft !== undefined && ttft >= 0 ? ttft : undefined,
  });
}

/** Each time that more of the conversation is left out of what the model is sent, whether it was announced or not. */
function tellCompactions(entries: readonly Entry[], common: (entry: Entry) => Keyed, emit: Emit): void {
  let range = "";
  let announced = false;
  for (const entry of entries) {
    const now = list(entry.e.conversationHistoryDeletedRange).join();
    const moved = now !== "" && now !== range;
    const says = entry.kind === COMPACTION;
    if (says || (moved && !announced)) emit({ ...common(entry), operation: "compaction", kind: "internal" });
    announced = says || (announced && !moved);
    if (moved) range = now;
  }
}

/** Calls that nothing else tells: those of subagents, and those that a restored checkpoint took away. */
function tellSum(at: Keyed, e: JsonObject, kind: string, emit: Emit): void {
  const told = toldIn(e);
  const usage = tokensIn(told);
  if (!usage) return;
  if (kind === "deleted_api_reqs") emit({ ...at, operation: "other", name: kind, usage, aggregate: true });
  else {
    const cost_usd = number(told.cost) || undefined;
    emit({ ...at, operation: "chat", kind: "client", name: kind, subagent: {}, status: "ok", usage, cost_usd });
  }
}

/** What the models of a task were sent: from here come its tools, where models call them by their own means. */
export function apiHistory(document: unknown, id: string | undefined, emit: Emit): void {
  if (Array.isArray(document)) tellTools({ session_id: id }, messagesOf(document), [], true, emit);
  else emit.unknown("history that is no list");
}
