/** What a session and a message of OpenCode tell, and what the message's parts tell. */
import type { Draft, Emit, Row } from "../../read/types.ts";
import { allowAttributes } from "../../record/attributes.ts";
import { fingerprint, toolFact } from "../../record/identity.ts";
import { type JsonObject, number, object, text } from "../../record/json.ts";
import { instructions } from "../../record/messages.ts";
import { between, fromMillis } from "../../record/time.ts";
import { answer } from "./answers.ts";
import { asked, failureIn, shellTexts, type Texts, toolTexts } from "./texts.ts";

/** A message and what its store tells beside it. */
export interface Message {
  readonly id: string;
  /** What every record of it has in common. */
  readonly base: Partial<Draft>;
  /** `role` and what was told of the answer, under the names that `tables.ts` gives them. */
  readonly data: JsonObject;
  /** The steps of an answer, in their order: `tokens`, `cost`, `reason`, and the `model` where it is another. */
  readonly steps?: readonly JsonObject[];
  /** A person's prompt, as far as the store can tell. */
  readonly isPrompt: boolean;
  /** What set a compaction off. */
  readonly trigger?: string;
  /** Reasoning is told beside the output, not inside it. */
  readonly isApart?: boolean;
  /** What it says, where texts are captured. */
  readonly texts?: Texts;
}

/** What stands for a version in sessions that Kilo Code made of its older tasks; their slug is the task. */
const IMPORTED_VERSION = "v2";

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

/**
 * The session's row. A session with a parent is a subagent's run, unless a fork copied it: then all in it is older than
 * itself. One that Kilo Code made of an older task is a fork of that.
 */
export function session(row: Row, emit: Emit): void {
  const id = text(row.id);
  if (id === undefined) return;
  const parent = text(row.parent_id);
  const isImported = row.version === IMPORTED_VERSION;
  const common = {
    session_id: id,
    parent_session_id: parent,
    agent_version: isImported ? undefined : text(row.version),
    cwd: text(row.directory),
    agent_name: text(row.agent),
    time: fromMillis(row.time_created),
  };
  const forked_from = text(row.forked_from) ?? (isImported ? text(row.slug) : undefined);
  emit({ ...common, key: "session", fact: id, operation: "session", forked_from });
  const isCopied = (number(row.ended) ?? Number.POSITIVE_INFINITY) < (number(row.time_created) ?? 0);
  if (parent === undefined || isCopied) return;
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
  else if (!SILENT.has(role)) emit.unknown(`message ${role || "without a role"}`);
}

/** A fork's copies have new ids, but their old times. */
function copiedFact(role: string, id: string, data: JsonObject): string {
  return fingerprint([role, number(object(data.time)?.created) ?? id]);
}

/** Subagents are asked by models. */
function prompt({ id, base, data, isPrompt, texts }: Message, emit: Emit): void {
  if (!isPrompt || base.parent_session_id !== undefined) return;
  const fact = copiedFact("user", id, data);
  const content = texts && {
    input_messages: emit.keep(asked(texts)),
    system_instructions: emit.keep(instructions(texts.whole.system)),
  };
  emit({ ...base, key: id, fact, operation: "user_message", content, raw: texts?.whole });
}

/** A command that the person ran: no model asked for it. */
function shell({ id, base, data, texts }: Message, emit: Emit): void {
  const end_time = fromMillis(object(data.time)?.completed);
  const exit = number(data.exit);
  const { given, result } = texts ? shellTexts(texts) : {};
  emit({
    ...base,
    key: id,
    fact: copiedFact("shell", id, data),
    operation: "other",
    kind: "internal",
    name: "shell",
    open: text(data.status) === "running" ? true : undefined,
    end_time,
    duration_ms: between(base.time, end_time),
    ...outcomeOf(exit === undefined ? undefined : exit !== 0, "exit_code"),
    attributes: allowAttributes({ exitCode: exit }),
    content: { tool_arguments: emit.keep(given), tool_result: emit.keep(result) },
    raw: texts?.whole,
  });
}

function outcomeOf(failed: boolean | undefined, error: string): Pick<Draft, "status" | "error_type"> {
  if (failed === undefined) return {};
  return { status: failed ? "error" : "ok", error_type: failed ? error : undefined };
}

/**
 * A part that tells something of its own: a tool call, or a request that is tried again. `whole`: as its store has it,
 * where texts are captured.
 */
export function part(
  id: string,
  data: JsonObject,
  whole: JsonObject | undefined,
  base: Partial<Draft>,
  emit: Emit,
): void {
  const draft = data.type === "tool" ? tool(data, whole, base, emit) : retry(data, whole, base, emit);
  if (draft) emit({ ...draft, key: id, raw: whole });
}

type Keyless = Omit<Draft, "key">;

/** A call is told when it runs. Copies keep its id and its start. */
function tool(data: JsonObject, whole: JsonObject | undefined, base: Partial<Draft>, emit: Emit): Keyless | undefined {
  const status = text(data.status);
  if (status === undefined || status === "pending" || status === "streaming") return undefined;
  const times = object(data.time) ?? {};
  const time = fromMillis(times.start) ?? fromMillis(times.ran) ?? fromMillis(times.created);
  const end_time = fromMillis(times.end) ?? fromMillis(times.completed);
  const [call_id, name, exit] = [text(data.call), text(data.tool), number(data.exit)];
  const isOver = status === "completed" || status === "error";
  // A tool that the model does not have ends as a call of `invalid` that went well.
  const error = status === "error" ? "tool_error" : name === "invalid" ? "invalid_tool" : exit ? "exit_code" : "";
  const { given, result, failure } = whole ? toolTexts(whole) : {};
  const content = {
    tool_arguments: emit.keep(given),
    tool_result: emit.keep(result),
    error_message: emit.keep(failure),
  };
  return {
    ...base,
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
    content,
  };
}

function retry(data: JsonObject, whole: JsonObject | undefined, base: Partial<Draft>, emit: Emit): Keyless {
  const error = text(data.error);
  const created = number(data.created);
  return {
    ...base,
    fact: created === undefined ? undefined : fingerprint(["retry", created, number(data.attempt), error]),
    operation: "error",
    kind: "client",
    time: fromMillis(created) ?? base.time,
    status: "error",
    error_type: error ?? "retry",
    attributes: allowAttributes({ retryAttempt: number(data.attempt), statusCode: number(data.statusCode) }),
    content: { error_message: emit.keep(whole && failureIn(whole)) },
  };
}
