/** What a task's entries tell: its requests, prompts, tools and compactions, and sums of requests that nothing else tells. */
import type { Draft, Emit } from "../../read/types.ts";
import { type JsonObject, list, number, object, text } from "../../record/json.ts";
import { answer, textPart } from "../../record/messages.ts";
import { providerName } from "../../record/provider.ts";
import type { Usage } from "../../record/schema.ts";
import { fromMillis } from "../../record/time.ts";
import { summedUsage, tokensOf } from "../../record/usage.ts";
import {
  argumentsOf,
  asked,
  type Entry,
  folderIn,
  isTool,
  type Keyed,
  keyed,
  resultAfter,
  shownAfter,
  taskBegan,
  toolDraftOf,
} from "./entries.ts";

/** What held when an entry was made. */
export interface Setting {
  readonly model?: string;
  readonly provider?: string;
  readonly version?: string;
  /** Its input is told with what came from the cache, not beside it. */
  readonly isTotal: boolean;
}

/** How one extension tells its tasks. */
export interface Dialect {
  setting(entry: Entry): Setting;
}

/** A request, and what later entries add to it. */
interface Request extends Entry {
  told: JsonObject;
  readonly at: number;
  failed?: string;
  error?: unknown;
  ttft?: number;
}

interface Task {
  readonly entries: readonly Entry[];
  readonly dialect: Dialect;
  readonly emit: Emit;
  /** What records of an entry have in common. */
  common(entry: Entry): Keyed;
}

/** Entries that say nothing weir keeps. Anything else that is not handled is counted as unknown. */
const SILENT: ReadonlySet<string> = new Set(
  (
    "act_mode_respond api_req_rate_limit_wait api_req_retried api_req_retry_delayed auto_approval_max_req_reached " +
    "browser_action browser_action_result browser_session_status checkpoint_created checkpoint_restore " +
    "checkpoint_saved clineignore_error codebase_search_result command_output command_permission_denied " +
    "completion_result condense condense_context_error conditional_rules_applied diff_error error error_retry " +
    "followup generate_explanation hook_output_stream hook_status image info invalid_model kilocodeignore_error " +
    "load_mcp_documentation mcp_notification mcp_server_request_started mcp_server_response mistake_limit_reached " +
    "new_task payment_required_prompt plan_completion_result plan_mode_respond plan_mode_response reasoning " +
    "report_bug request_limit_reached resume_completed_task resume_task rooignore_error shell_integration_warning " +
    "shell_integration_warning_with_suggestion subagent subtask_result summarize_task task_progress text " +
    "too_many_tools_warning user_edit_todos user_feedback_diff"
  ).split(" "),
);
const COMPACTION = "compaction";
/** Kinds of compaction that need no range to tell what they left out. */
const CONDENSED: ReadonlySet<string> = new Set(["condense_context", "sliding_window_truncation"]);
const REQUESTS: ReadonlySet<string> = new Set([
  ...["api_req_started", "api_req_finished", "api_req_failed", COMPACTION],
  ...CONDENSED,
]);
const DELETED: ReadonlySet<string> = new Set(["deleted_api_reqs", "api_req_deleted"]);

/** Tokens as tasks tell them. Where the input cannot hold what came from the cache, it is told beside it. */
export function tokensIn(told: JsonObject, isTotal: boolean): Usage | undefined {
  const { tokensIn: input, tokensOut: output, cacheReads, cacheWrites } = told;
  const cached = (number(cacheReads) ?? 0) + (number(cacheWrites) ?? 0);
  const caches = !isTotal || (number(input) ?? 0) < cached;
  const usage = summedUsage({ input, output, cacheRead: cacheReads, cacheCreation: cacheWrites }, { caches });
  return tokensOf(usage) > 0 ? usage : undefined;
}

/** A task as it was shown, but for its tools: its entries are known by their times, requests get their tokens later. */
export function tellTask(entries: readonly Entry[], id: string | undefined, dialect: Dialect, emit: Emit): void {
  const [first] = entries;
  if (!first) return;
  const cwd = folderIn(entries);
  const common = (entry: Entry): Keyed => ({
    ...keyed(id, entry),
    cwd,
    agent_version: dialect.setting(entry).version,
  });
  const time = taskBegan(id) ?? fromMillis(first.ts);
  emit({ ...common(first), key: "session", fact: id, operation: "session", time, turn: undefined });
  const task = { entries, dialect, emit, common };
  for (const request of requestsOf(entries)) tellRequest(task, request);
  tellCompactions(task);
  for (const entry of entries) tellEntry(task, entry);
}

function tellEntry(task: Task, entry: Entry): void {
  const { emit } = task;
  const { kind } = entry;
  if (entry.isPrompt) {
    const input_messages = emit.captures ? emit.keep(asked(entry)) : undefined;
    emit({ ...task.common(entry), operation: "user_message", content: { input_messages } });
  } else if (kind === "subagent_usage" || DELETED.has(kind)) tellSum(task, entry);
  else if (!SILENT.has(kind) && !isTool(entry) && !REQUESTS.has(kind)) emit.unknown(`entry ${kind}`);
}

/** The tools of a task as they were shown, which is all there is of models that call them in their text. */
export function tellShownTools(entries: readonly Entry[], id: string | undefined, emit: Emit): void {
  entries.forEach((entry, at) => {
    if (!isTool(entry)) return;
    const [given, result] = emit.captures ? [argumentsOf(entry), resultAfter(entries, at)] : [];
    const content = { tool_arguments: emit.keep(given), tool_result: emit.keep(result) };
    emit({ ...keyed(id, entry), ...toolDraftOf(entry), content });
  });
}

/** Requests in their order; the oldest versions tell a request's tokens by an entry of its own. */
function requestsOf(entries: readonly Entry[]): Request[] {
  const requests: Request[] = [];
  entries.forEach((entry, at) => {
    const { e, kind, ts, told } = entry;
    const last = requests.at(-1);
    const isTold = last !== undefined && tokensIn(last.told, false) !== undefined;
    if (kind === "api_req_started") requests.push({ ...entry, at });
    else if (kind === "api_req_finished" && last && !isTold) last.told = { ...last.told, ...told };
    else if (kind === "api_req_finished") requests.push({ ...entry, at });
    else if (kind === "api_req_failed" && last) Object.assign(last, { failed: kind, error: e.text });
    else if ((kind === "text" || kind === "reasoning") && e.type === "say" && last) last.ttft ??= ts - last.ts;
  });
  return requests;
}

/** A request with tokens is a call, also when it broke off; one without them failed, or it still runs. */
function tellRequest(task: Task, request: Request): void {
  const { emit } = task;
  const { told, ttft } = request;
  const { model, provider, isTotal } = task.dialect.setting(request);
  const [usage, reason] = [tokensIn(told, isTotal), text(told.cancelReason)];
  const failed = usage ? request.failed : (reason ?? request.failed);
  const common = { ...task.common(request), kind: "client", provider: providerName(provider) } as const;
  const error_message = emit.keep(text(request.error) ?? text(told.streamingFailedMessage));
  if (failed !== undefined) {
    const error = { operation: "error", status: "error", error_type: failed, request_model: model } as const;
    emit({ ...common, ...error, content: { error_message } });
  }
  if (!usage) return;
  const shown = emit.captures ? answer(shownAfter(task.entries, request.at), undefined) : undefined;
  emit({
    ...common,
    operation: "chat",
    status: reason === undefined ? "ok" : "error",
    error_type: reason,
    model,
    partial: model === undefined ? true : undefined,
    usage,
    cost_usd: number(told.cost) || undefined,
    ttft_ms: ttft !== undefined && ttft >= 0 ? ttft : undefined,
    content: {
      input_messages: emit.captures ? emit.keep(asked(request)) : undefined,
      output_messages: emit.keep(shown),
      error_message: reason === undefined ? undefined : error_message,
    },
  });
}

/** Each time that more of the conversation is left out of what the model is sent, whether it was announced or not. */
function tellCompactions({ entries, common, emit }: Task): void {
  let range = "";
  let announced = false;
  for (const entry of entries) {
    const now = list(entry.e.conversationHistoryDeletedRange).join();
    const moved = now !== "" && now !== range;
    const says = entry.kind === COMPACTION || CONDENSED.has(entry.kind);
    if (says || (moved && !announced)) emit({ ...common(entry), ...condensed(entry, emit) });
    announced = says || (announced && !moved);
    if (moved) range = now;
  }
}

/** Condensing is a call whose tokens are not told. */
function condensed({ e }: Entry, emit: Emit): Pick<Draft, "operation" | "kind" | "cost_usd" | "content"> {
  const how = object(e.contextCondense);
  const output_messages = emit.keep(answer([textPart(how?.summary)], undefined));
  const cost_usd = number(how?.cost) || undefined;
  return { operation: "compaction", kind: "internal", cost_usd, content: { output_messages } };
}

/** Calls that nothing else tells: those of subagents, and those that a restored checkpoint took away. */
function tellSum(task: Task, entry: Entry): void {
  const { emit, common } = task;
  const { kind, told } = entry;
  const usage = tokensIn(told, task.dialect.setting(entry).isTotal);
  if (!usage) return;
  if (DELETED.has(kind)) emit({ ...common(entry), operation: "other", name: kind, usage, aggregate: true });
  else {
    const cost_usd = number(told.cost) || undefined;
    const call = { operation: "chat", kind: "client", name: kind, subagent: {}, status: "ok" } as const;
    emit({ ...common(entry), ...call, usage, cost_usd });
  }
}
