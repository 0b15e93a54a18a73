/** What a message of OpenCode tells: a call, a failed request, a prompt, a compaction; and what its parts tell. */
import type { Draft, Emit, Row } from "../../read/types.ts";
import { allowAttributes } from "../../record/attributes.ts";
import { fingerprint, toolFact } from "../../record/identity.ts";
import { type JsonObject, number, object, text } from "../../record/json.ts";
import { providerName } from "../../record/provider.ts";
import type { Usage } from "../../record/schema.ts";
import { between, fromMillis } from "../../record/time.ts";
import { summedUsage, tokensOf } from "../../record/usage.ts";

/** A message and what its store tells beside it. */
export interface Message {
  readonly id: string;
  /** What every record of it has in common. */
  readonly base: Partial<Draft>;
  /** `role` and what was told of the answer, under the names that `tables.ts` gives them. */
  readonly data: JsonObject;
  /** A person's prompt, as far as the store can tell. */
  readonly isPrompt: boolean;
  /** What set a compaction off. */
  readonly trigger?: string;
  /** Reasoning is told beside the output, not inside it. */
  readonly isApart?: boolean;
}

/** Roles that say nothing weir keeps. */
const SILENT: ReadonlySet<string> = new Set([
  "system",
  "synthetic",
  "model-switched",
  "agent-switched",
  "location-switched",
  "skill",
  "idle",
]);

/** The session's row. A session with a parent is a subagent's run. */
export function session(row: Row, emit: Emit): void {
  const id = text(row.id);
  if (id === undefined) return;
  const parent = text(row.parent_id);
  const common = {
    session_id: id,
    parent_session_id: parent,
    agent_version: text(row.version),
    cwd: text(row.directory),
    agent_name: text(row.agent),
    time: fromMillis(row.time_created),
  };
  emit({ ...common, key: "session", fact: id, operation: "session", forked_from: text(row.forked_from) });
  if (parent === undefined) return;
  const end_time = fromMillis(row.ended);
  const duration_ms = between(common.time, end_time);
  emit({
    ...common,
    key: "agent",
    fact: `agent ${id}`,
    operation: "invoke_agent",
    kind: "internal",
    end_time,
    duration_ms,
  });
}

/** One message. `SILENT` roles tell nothing, others that are not known are counted. */
export function message(m: Message, emit: Emit): void {
  const role = text(m.data.role) ?? "";
  if (role === "user") prompt(m, emit);
  else if (role === "assistant" || role === "compaction") answer(m, emit);
  else if (role === "shell") shell(m, emit);
  else if (!SILENT.has(role)) emit.unknown(`message ${role}`);
}

/** Subagents are asked by models; a fork's copies have new ids, but their old times. */
function prompt({ id, base, data, isPrompt }: Message, emit: Emit): void {
  if (!isPrompt || base.parent_session_id !== undefined) return;
  const fact = fingerprint(["user", number(object(data.time)?.created) ?? id]);
  emit({ ...base, key: id, fact, operation: "user_message" });
}

/**
 * An answer is told when it has tokens: before that nobody knows whether it will be a call or a failed request. One that
 * ended without tokens and without a reason to stop is a request that failed.
 */
function answer({ id, base, data, trigger, isApart }: Message, emit: Emit): void {
  const time = object(data.time) ?? {};
  const usage = usageOf(object(data.tokens) ?? {}, isApart === true);
  const [error, finish] = [text(data.error), text(data.finish)];
  const isOver = number(time.completed) !== undefined || error !== undefined || text(data.status) === "completed";
  const end_time = fromMillis(time.streamed) ?? fromMillis(time.completed);
  const common = {
    ...base,
    key: id,
    fact: factOf(id, data),
    kind: "client",
    agent_name: text(data.agent),
    provider: providerName(text(data.provider)),
    status: error === undefined ? "ok" : "error",
    error_type: error,
    end_time,
    attributes: allowAttributes({ variant: data.variant, statusCode: number(data.statusCode) }),
  } as const;
  const model = text(data.model);
  if (tokensOf(usage) > 0 || (isOver && error === undefined && finish !== undefined)) {
    // Tools run before the message is completed: how long the model took is only known without them.
    const isTimed = finish !== "tool-calls" || time.streamed !== undefined;
    emit({
      ...common,
      operation: "chat",
      open: isOver ? undefined : true,
      duration_ms: isTimed ? between(base.time, end_time) : undefined,
      model,
      finish_reasons: finish === undefined ? undefined : [finish],
      usage: tokensOf(usage) > 0 ? usage : undefined,
      cost_usd: number(data.cost) || undefined,
    });
  } else if (isOver && data.role === "assistant") {
    const failed = { status: "error", error_type: error ?? "no_response" } as const;
    emit({ ...common, ...failed, operation: "error", request_model: model });
  }
  if (isOver && (data.role === "compaction" || data.summary === 1 || data.summary === true))
    compaction(common, trigger, emit);
}

/** Copies in forks have new ids: a call is known by its times and numbers. */
function factOf(id: string, data: JsonObject): string {
  const time = object(data.time) ?? {};
  const { input, output, reasoning, cache } = object(data.tokens) ?? {};
  const { read, write } = object(cache) ?? {};
  const numbers = [time.completed, input, output, reasoning, read, write, data.cost].map(number);
  const names = [data.provider, data.model, data.agent].map(text);
  return fingerprint([number(time.created) ?? id, ...numbers, ...names]);
}

/** A summary of the conversation takes its place; the call that wrote it is told as a call. */
function compaction(call: Omit<Draft, "operation">, trigger: string | undefined, emit: Emit): void {
  const { key, fact, session_id, parent_session_id, agent_version, cwd, time, turn, status, error_type, end_time } =
    call;
  const own = {
    key,
    fact,
    session_id,
    parent_session_id,
    agent_version,
    cwd,
    time,
    turn,
    status,
    error_type,
    end_time,
  };
  emit({ ...own, operation: "compaction", kind: "internal", attributes: allowAttributes({ trigger }) });
}

/**
 * Input comes without its cached part. Reasoning stood inside the output until spring 2026 and beside it since; the
 * total, where there is one, says which.
 */
function usageOf(tokens: JsonObject, isApart: boolean): Usage | undefined {
  const { input, output, reasoning, total } = tokens;
  const { read, write } = object(tokens.cache) ?? {};
  const sum = [input, output, read, write].reduce((sum: number, n) => sum + (number(n) ?? 0), 0);
  const isInside =
    number(total) === undefined ? !isApart && (number(output) ?? 0) >= (number(reasoning) ?? 0) : total === sum;
  return summedUsage(
    { input, output, reasoning, cacheRead: read, cacheCreation: write },
    { caches: true, reasoning: !isInside },
  );
}

/** A command that the person ran: no model asked for it. */
function shell({ id, base, data }: Message, emit: Emit): void {
  const end_time = fromMillis(object(data.time)?.completed);
  const exit = number(data.exit);
  emit({
    ...base,
    key: id,
    operation: "other",
    kind: "internal",
    name: "shell",
    open: text(data.status) === "running" ? true : undefined,
    end_time,
    duration_ms: between(base.time, end_time),
    ...outcomeOf(exit === undefined ? undefined : exit !== 0, "exit_code"),
    attributes: allowAttributes({ exitCode: exit }),
  });
}

function outcomeOf(failed: boolean | undefined, error: string): Pick<Draft, "status" | "error_type"> {
  if (failed === undefined) return {};
  return { status: failed ? "error" : "ok", error_type: failed ? error : undefined };
}

/** A part that tells something of its own: a tool call, or a request that is tried again. */
export function part(id: string, data: JsonObject, base: Partial<Draft>, emit: Emit): void {
  if (data.type === "tool") tool(id, data, base, emit);
  else retry(id, data, base, emit);
}

/** A call is told when it runs. Copies keep its id and its start. */
function tool(id: string, data: JsonObject, base: Partial<Draft>, emit: Emit): void {
  const status = text(data.status);
  if (status === "pending" || status === "streaming") return;
  const times = object(data.time) ?? {};
  const time = fromMillis(times.start) ?? fromMillis(times.ran) ?? fromMillis(times.created);
  const end_time = fromMillis(times.end) ?? fromMillis(times.completed);
  const [call_id, name, exit] = [text(data.call), text(data.tool), number(data.exit)];
  const isOver = status === "completed" || status === "error";
  // A tool that the model does not have ends as a call of `invalid` that went well.
  const error = status === "error" ? "tool_error" : name === "invalid" ? "invalid_tool" : exit ? "exit_code" : "";
  emit({
    ...base,
    key: id,
    fact: call_id && toolFact(call_id, time, base.session_id),
    open: isOver ? undefined : true,
    operation: "execute_tool",
    kind: "internal",
    time,
    end_time,
    duration_ms: between(time, end_time),
    ...outcomeOf(isOver ? error !== "" : undefined, error),
    tool: { name, call_id, type: "function" },
    attributes: allowAttributes({ exitCode: exit }),
  });
}

function retry(id: string, data: JsonObject, base: Partial<Draft>, emit: Emit): void {
  const error = text(data.error);
  const created = number(data.created);
  emit({
    ...base,
    key: id,
    fact: created === undefined ? undefined : fingerprint(["retry", created, number(data.attempt), error]),
    operation: "error",
    kind: "client",
    time: fromMillis(created) ?? base.time,
    status: "error",
    error_type: error ?? "retry",
    attributes: allowAttributes({ retryAttempt: number(data.attempt), statusCode: number(data.statusCode) }),
  });
}
