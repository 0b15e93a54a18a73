/**
 * The chat sessions of VS Code itself: a JSON document, or since 1.109 a log of patches to one, which is replayed from
 * its top and sometimes rewritten as a whole. Its tokens are a request's, mostly those of its last call: a sum that
 * counts only where no stream tells the calls.
 */
import { type Emit, type Group, type Snapshot, type SourceInfo, type Stream, snapshot } from "../../read/types.ts";
import { allowAttributes } from "../../record/attributes.ts";
import { type JsonObject, list, number, object, text } from "../../record/json.ts";
import { providerName } from "../../record/provider.ts";
import type { Content } from "../../record/schema.ts";
import { between, fromMillis } from "../../record/time.ts";
import { toolContent } from "../../record/tool.ts";
import { totalUsage } from "../../record/usage.ts";
import { shownIn, toolTextsIn, typedIn } from "./chat-texts.ts";
import { bareCallId, toolCallFact } from "./facts.ts";

type Draft = Parameters<Emit>[0];

/** `modelState.value`: 0 pending, 1 complete, 2 cancelled, 3 failed, 4 needs input. */
const PENDING = 0;
const FAILED = 3;
const NEEDS_INPUT = 4;

/** The chat sessions of these places, in one of their two forms. */
export function chatSessionStream(form: "json" | "jsonl", locate: Snapshot["locate"], rank: number): Stream {
  return snapshot({
    kind: "chat_sessions",
    rank,
    version: 2,
    locate,
    session: (path) => /([^/.]+)[^/]*$/.exec(path)?.[1],
    groups: { form },
    reduce,
  });
}

function reduce(group: Group, source: SourceInfo, emit: Emit): void {
  const state = group.lines ? replayed(group.lines, emit) : object(group.document);
  if (!state || !Array.isArray(state.requests)) {
    emit.unknown("document without requests");
    return;
  }
  const session = text(state.sessionId) ?? source.stem;
  const requests = state.requests.map(object);
  emit({
    key: "session",
    fact: session,
    operation: "session",
    session_id: session,
    agent_version: versionOf(requests.find((request) => request !== undefined)),
    time: fromMillis(state.creationDate) ?? fromMillis(requests[0]?.timestamp),
    attributes: allowAttributes({ "copilot_chat.location": state.initialLocation }),
    raw: pick(state, BEGINNING),
    at: { index: 0 },
  });
  const calls: CallIds = new Map();
  requests.forEach((request, turn) => {
    if (request) reduceRequest(session, request, turn, calls, emit);
  });
}

const versionOf = (request: JsonObject | undefined): string | undefined =>
  text(object(request?.agent)?.extensionVersion);

function reduceRequest(session: string, request: JsonObject, turn: number, calls: CallIds, emit: Emit): void {
  const time = fromMillis(request.timestamp);
  // Early editions gave requests no ids; they are known by their place in the session then.
  const id = text(request.requestId) ?? `${session}/${turn}@${time}`;
  const base = { session_id: session, agent_version: versionOf(request), turn, at: { index: turn } };
  const texts = textsOf(request, emit);
  emit({
    ...base,
    key: id,
    fact: id,
    operation: "user_message",
    time,
    content: texts?.typed,
    raw: pick(request, TYPED),
  });
  emit({
    ...base,
    ...runOf(request),
    key: id,
    fact: id,
    operation: "invoke_agent",
    kind: "internal",
    time,
    content: texts?.shown,
    raw: pick(request, ANSWERED),
  });
  for (const [callId, tool] of toolsOf(request, session, calls))
    emit({ ...base, ...tool, content: texts?.tools(callId) });
}

/** What of a session and of a request stays, and what of a request changes only when its run is told again. */
const BEGINNING = ["version", "sessionId", "creationDate", "initialLocation", "responderUsername"];
const TYPED = ["requestId", "timestamp", "message", "variableData", "modelId", "agent"];
const ANSWERED = ["requestId", "responseId", "response", "result"];

const pick = (from: JsonObject, names: readonly string[]): JsonObject =>
  Object.fromEntries(names.map((name) => [name, from[name]]));

interface Texts {
  readonly typed: Content;
  readonly shown: Content;
  tools(callId: string): Content | undefined;
}

/** The texts of a request's records, kept. */
function textsOf(request: JsonObject, { captures, keep }: Emit): Texts | undefined {
  if (!captures) return undefined;
  const tools = toolTextsIn(request);
  const failure = text(object(object(request.result)?.errorDetails)?.message);
  return {
    typed: { input_messages: keep(typedIn(request)) },
    shown: { output_messages: keep(shownIn(request, tools)), error_message: keep(failure) },
    tools(callId) {
      const told = tools.get(callId);
      return toolContent(keep(told?.given), { failed: false, result: keep(told?.result) });
    },
  };
}

/** The agent's run that answers a request. */
function runOf(request: JsonObject): Partial<Draft> {
  const result = object(request.result);
  const metadata = object(result?.metadata);
  const timings = object(result?.timings);
  const model = object(request.modelState);
  const time = fromMillis(request.timestamp);
  const took = number(request.elapsedMs) ?? number(timings?.totalElapsed);
  const started = number(request.timestamp);
  const ended =
    fromMillis(model?.completedAt) ?? fromMillis(started && took !== undefined ? started + took : undefined);
  const usage = totalUsage({
    input: number(request.promptTokens) ?? metadata?.promptTokens,
    output: number(request.completionTokens) ?? metadata?.outputTokens,
  });
  const failure = object(result?.errorDetails);
  const failed = failure !== undefined || model?.value === FAILED;
  const isOpen = model?.value === PENDING || model?.value === NEEDS_INPUT || (!model && !result);
  const [vendor, asked] = splitModel(text(request.modelId));
  return {
    open: isOpen || undefined,
    end_time: ended,
    duration_ms: took ?? between(time, ended),
    status: failed ? "error" : isOpen ? undefined : model && model.value !== 1 ? "unset" : "ok",
    error_type: failed ? (classOf(failure?.code) ?? (failure?.responseIsFiltered ? "filtered" : undefined)) : undefined,
    agent_name: text(object(request.agent)?.id),
    provider: vendor,
    request_model: asked,
    model: text(metadata?.resolvedModel),
    usage,
    aggregate: usage && true,
    ttft_ms: number(timings?.firstProgress),
    attributes: allowAttributes({ copilotCredits: request.copilotCredits }),
  };
}

/** A short word of an error, never its message. */
function classOf(code: unknown): string | undefined {
  const word = typeof code === "number" ? String(code) : text(code);
  return word !== undefined && /^[\w.:-]{1,64}$/.test(word) ? word : undefined;
}

/** `copilot/gpt-4.1`: who serves the model, and the model. */
function splitModel(id: string | undefined): [vendor: string | undefined, model: string | undefined] {
  const slash = id?.indexOf("/") ?? -1;
  if (id === undefined || slash < 0) return [undefined, id];
  const vendor = id.slice(0, slash);
  return [vendor === "copilot" ? "github" : providerName(vendor), id.slice(slash + 1)];
}

/** The whole ids of a session's tool calls, by the fact that their bare ids give. */
type CallIds = Map<string, string[]>;

/** Models give one id to several calls, which only what VS Code adds to it tells apart: all but the first are numbered. */
function numbered(fact: string, callId: string, calls: CallIds): string {
  const ids = calls.get(fact) ?? [];
  calls.set(fact, ids);
  const known = ids.indexOf(callId);
  const number = known < 0 ? ids.push(callId) - 1 : known;
  return number === 0 ? fact : `${fact}/${number}`;
}

/** The tools of a request, by their whole ids: those that its rounds name, and those that only its response shows. */
function toolsOf(request: JsonObject, session: string, calls: CallIds): ReadonlyMap<string, Draft> {
  const tools = new Map<string, Draft>();
  const named = new Set<string>();
  /** Told by their bare ids; the response may add to them what tells calls apart. */
  const bare = new Set<string>();
  const time = fromMillis(request.timestamp);
  const add = (item: JsonObject | undefined, name: unknown, owner: string, start: string | undefined): void => {
    const callId = text(item?.toolCallId) ?? text(item?.id);
    const id = bareCallId(callId);
    if (callId === undefined || id === undefined) return;
    const isBare = callId === id;
    if (tools.has(callId) || (isBare ? named.has(id) : bare.delete(id))) return;
    if (isBare) bare.add(id);
    named.add(id);
    const told = toolCallFact(id, owner, start ?? time, id);
    const fact = isBare ? told : numbered(told, callId, calls);
    const parent = owner === session ? undefined : session;
    tools.set(callId, {
      key: fact,
      fact,
      operation: "execute_tool",
      kind: "internal",
      session_id: owner,
      parent_session_id: parent,
      time: start,
      tool: { name: text(name), call_id: id, type: "function" },
      raw: item,
    });
  };
  const shown = list(request.response)
    .map(object)
    .filter((part) => part?.kind === "toolInvocationSerialized");
  for (const item of list(object(object(request.result)?.metadata)?.toolCallRounds)) {
    const round = object(item);
    for (const call of list(round?.toolCalls).map(object)) add(call, call?.name, session, fromMillis(round?.timestamp));
  }
  for (const part of shown) add(part, part?.toolId, text(part?.subAgentInvocationId) ?? session, undefined);
  return tools;
}

/** The state that a log of patches leads to. A patch that does not fit what is there changes nothing. */
function replayed(lines: readonly JsonObject[], emit: Emit): JsonObject | undefined {
  let state: unknown;
  for (const patch of lines) {
    if (patch.kind === 0) state = patch.v;
    else if (!apply(state, patch)) emit.unknown(`patch of kind ${number(patch.kind)}`);
  }
  return object(state);
}

type Container = Record<string | number, unknown>;

function apply(state: unknown, { kind, k, v, i }: JsonObject): boolean {
  const path = list(k);
  const last = path.at(-1);
  if (path.length === 0 || !path.every(isStep)) return false;
  let holder = state;
  for (const step of path.slice(0, -1)) holder = holderOf(holder)?.[step as string];
  const at = holderOf(holder);
  if (!at || last === undefined || (Array.isArray(at) && !(Number(last) <= at.length))) return false;
  if (kind === 1) at[last as string] = v;
  else if (kind === 3) delete at[last as string];
  else if (kind === 2) {
    const items = Array.isArray(at[last as string]) ? (at[last as string] as unknown[]) : [];
    at[last as string] = [...items.slice(0, number(i) ?? items.length), ...list(v)];
  } else return false;
  return true;
}

/** A key of an object or an index of a list; never one that reaches into what JavaScript itself put there. */
function isStep(step: unknown): boolean {
  return (
    (typeof step === "number" && step >= 0) || (typeof step === "string" && !/^(?:__proto__|constructor)$/.test(step))
  );
}

function holderOf(value: unknown): Container | undefined {
  return typeof value === "object" && value !== null ? (value as Container) : undefined;
}
