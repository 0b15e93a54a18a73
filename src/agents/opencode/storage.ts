/**
 * Before version 1.2 each session, message and part was a JSON file. The first start with a database imports them, mostly,
 * and leaves them. Their ids and numbers are those of the rows, so both tell the same facts.
 */
import type { Group, Place, SourceInfo } from "../../read/types.ts";
import type { Draft, Emit } from "../../record/draft.ts";
import { type JsonObject, list, object, text } from "../../record/json.ts";
import { fromMillis } from "../../record/time.ts";
import { message, part, session } from "./messages.ts";

/** Sessions, and messages with their parts: in the later layout, and in the older one by project. */
export function storagePlaces(root: string): Place[] {
  const withParts = (match: string, beside: string): Place => ({
    root,
    match: [match],
    sidecars: [{ ending: ".json", beside }],
  });
  return [
    { root, match: ["storage/session/*/*.json", "project/*/storage/session/info/*.json"] },
    withParts("storage/message/*/*.json", "../../part/{stem}/*.json"),
    withParts("project/*/storage/session/message/*/*.json", "../../part/{folder}/{stem}/*.json"),
  ];
}

/** Agents that only other agents ask. Whether a prompt is a subagent's stands in another file. */
const SUBAGENTS = /^(?:general|explore|compaction|summary|title)$/;
/** Whoever asks a subagent takes the list of things to do from it. */
const isDelegated = ({ tools }: JsonObject): boolean => object(tools)?.todoread === false;
/** Parts that a person gave to a prompt. */
const TYPED: ReadonlySet<unknown> = new Set(["text", "file", "agent", "subtask"]);

/** Ids are those of the path, as the import takes them: a file may lack its own, or tell another. */
function idsIn(path: string): { readonly session?: string; readonly message?: string } {
  const [id, folder] = path
    .replace(/\.json$/, "")
    .split("/")
    .reverse();
  return /(?:^|\/)message\/[^/]+\/[^/]+$/.test(path) ? { session: folder, message: id } : { session: id };
}

export function sessionIn(path: string): string | undefined {
  return idsIn(path).session;
}

export function reduceFile({ document }: Group, { path, sidecars }: SourceInfo, emit: Emit): void {
  const ids = idsIn(path);
  const o = object(document);
  if (!o) emit.unknown("storage file");
  else if (ids.message !== undefined) {
    const told = object(o.metadata) ? modern(o) : o;
    const parts = Object.entries(sidecars).flatMap(([name, value]) => partOf(value, name.replace(/\.json$/, "")));
    const inside = list(told.parts).flatMap((value, at) => partOf(value, `${ids.message}/${at}`));
    tellMessage(ids.message, ids.session, told, parts.length > 0 ? parts : inside, emit);
  } else {
    const { parentID: parent_id, directory, version } = o;
    if (!object(o.time) && text(o.id) === undefined) emit.unknown("storage file");
    else session({ id: ids.session, parent_id, directory, version, time_created: object(o.time)?.created }, emit);
  }
}

interface Part {
  readonly id: string;
  readonly p: JsonObject;
}

function partOf(value: unknown, name: string): Part[] {
  const p = object(value);
  return p ? [{ id: name, p }] : [];
}

function tellMessage(
  id: string,
  session_id: string | undefined,
  o: JsonObject,
  parts: readonly Part[],
  emit: Emit,
): void {
  const model = object(o.model) ?? {};
  const error = object(o.error);
  const base = { session_id, cwd: text(object(o.path)?.cwd), time: fromMillis(object(o.time)?.created) };
  const data = {
    ...o,
    provider: o.providerID ?? model.providerID,
    model: o.modelID ?? model.modelID,
    variant: o.variant ?? model.variant,
    agent: o.agent ?? o.mode,
    error: error?.name,
    statusCode: object(error?.data)?.statusCode,
  };
  const steps = parts.flatMap(({ p }) => (p.type === "step-finish" ? [stepOf(p)] : []));
  const isTyped = parts.some(({ p }) => TYPED.has(p.type) && p.synthetic !== true && p.ignored !== true);
  const isPrompt = isTyped && !SUBAGENTS.test(text(data.agent) ?? "") && !isDelegated(o);
  const texts = emit.captures ? { whole: o, parts: parts.map(({ p }) => p) } : undefined;
  message({ id, base, data, steps, isPrompt, texts }, emit);
  for (const { id, p } of parts) tellPart(id, p, { session_id, cwd: base.cwd }, emit);
}

function stepOf(p: JsonObject): JsonObject {
  const { providerID: provider, modelID: model } = object(p.model) ?? {};
  return { tokens: p.tokens, cost: p.cost, reason: p.reason, provider, model };
}

function tellPart(id: string, p: JsonObject, base: Partial<Draft>, emit: Emit): void {
  const state = object(p.state) ?? {};
  const error = object(p.error);
  if (p.type === "tool") {
    const told = { ...state, type: p.type, call: p.callID ?? p.id, tool: p.tool, exit: object(state.metadata)?.exit };
    part(id, told, p, base, emit);
  } else if (p.type === "retry") {
    const told = { type: p.type, attempt: p.attempt, error: error?.name, created: object(p.time)?.created };
    part(id, { ...told, statusCode: object(error?.data)?.statusCode }, p, base, emit);
  }
}

/** A message of the first versions, until July 2025, in the words of the later ones. It tells the last step's tokens. */
function modern(o: JsonObject): JsonObject {
  const { time, error, assistant, tool } = object(o.metadata) ?? {};
  const tools = object(tool) ?? {};
  const parts = list(o.parts).map((value) => {
    const call = object(object(value)?.toolInvocation);
    if (!call) return value;
    const told = object(tools[text(call.toolCallId) ?? ""]) ?? {};
    const status = call.state === "partial-call" ? "pending" : call.state === "call" ? "running" : "completed";
    const [input, output] = [call.args, call.result];
    const state = { status: told.error === true ? "error" : status, time: told.time, metadata: told, input, output };
    return { type: "tool", callID: call.toolCallId, tool: call.toolName, state };
  });
  return { id: o.id, role: o.role, time, error, ...object(assistant), parts };
}
