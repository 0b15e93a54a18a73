/** What a task showed: a list of entries, each known by its time, told alike by Cline and the extensions made from it. */
import type { Draft } from "../../read/types.ts";
import { type JsonObject, list, number, object, text } from "../../record/json.ts";
import { mediaPart, message, reasoningPart, structured, textPart, toolCallPart } from "../../record/messages.ts";
import type { Message, Part } from "../../record/schema.ts";
import { fromMillis } from "../../record/time.ts";

/** What the records of one entry have in common. */
export type Keyed = Omit<Draft, "operation">;

/** One entry. Its kind is what it says or asks. */
export interface Entry {
  readonly e: JsonObject;
  readonly kind: string;
  readonly ts: number;
  /** Its time, with its number among those of its kind that have the very same. */
  readonly key: string;
  /** Its text, where that is JSON itself. */
  readonly told: JsonObject;
  readonly index: number;
  readonly turn?: number;
  readonly isPrompt: boolean;
}

const PROMPTS: ReadonlySet<string> = new Set(["task", "user_feedback"]);
/** Entries by which the model used a tool: the tool's name where the entry has none, and the entry of its result. */
const TOOLS: ReadonlyMap<string, { readonly name: string; readonly result?: string }> = new Map([
  ["tool", { name: "tool" }],
  ["command", { name: "execute_command", result: "command_output" }],
  ["use_mcp_server", { name: "use_mcp_tool", result: "mcp_server_response" }],
  ["use_subagents", { name: "use_subagents", result: "subagent" }],
  ["browser_action_launch", { name: "browser_action", result: "browser_action_result" }],
]);
/** Entries that tell calls of models. */
const CALLS: ReadonlySet<string> = new Set(["api_req_started", "subagent_usage"]);
const FOLDER = /Current Work(?:ing|space) Directory \(([^)\n]+)\)/;

export const isTool = ({ kind }: Entry): boolean => TOOLS.has(kind);

/** All entries that are whole, with the turns that the person's own begin. The oldest versions tell a task as any text. */
export function entriesOf(document: unknown): Entry[] {
  const whole = list(document).flatMap((item, index) => {
    const e = object(item);
    const [ts, kind] = [number(e?.ts), text(e?.type === "ask" ? e.ask : e?.say)];
    return !e || ts === undefined || kind === undefined || e.partial === true ? [] : [{ e, kind, ts, index }];
  });
  const isTaskText = !whole.some(({ kind }) => kind === "task");
  const times = new Map<string, number>();
  let turn = -1;
  return whole.map(({ e, kind, ts, index }, at) => {
    const isPrompt = PROMPTS.has(kind) || (isTaskText && at === 0 && kind === "text" && e.type === "say");
    const name = `${TOOLS.has(kind) ? "tool" : CALLS.has(kind) ? "call" : isPrompt ? "prompt" : kind} ${ts}`;
    const before = times.get(name) ?? 0;
    times.set(name, before + 1);
    if (isPrompt) turn++;
    const key = before > 0 ? `${ts}#${before}` : String(ts);
    return {
      e,
      kind,
      ts,
      key,
      told: object(structured(e.text)) ?? {},
      index,
      isPrompt,
      turn: turn < 0 ? undefined : turn,
    };
  });
}

/** A task's folder has its id, which mostly is the time it began. */
export function taskBegan(id: string | undefined): string | undefined {
  return /^\d{13}$/.test(id ?? "") ? fromMillis(Number(id)) : undefined;
}

export function keyed(id: string | undefined, { e, ts, key, turn, index }: Entry): Keyed {
  return { key, fact: id && `${id}/${key}`, session_id: id, time: fromMillis(ts), turn, at: { index }, raw: e };
}

/** Where the task works, as its requests describe it to the model. */
export function folderIn(entries: readonly Entry[]): string | undefined {
  for (const { told } of entries) {
    const found = FOLDER.exec(text(told.request) ?? "")?.[1];
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What the model was asked, as a prompt or a request has it. */
export function asked({ e, told, isPrompt }: Entry): readonly Message[] | undefined {
  const pictures = list(e.images).map((image) => {
    const [, mime, data] = /^data:([^;,]+);base64,(.*)$/s.exec(text(image) ?? "") ?? [];
    return mediaPart(mime, { data });
  });
  return message("user", [textPart(isPrompt ? e.text : told.request), ...pictures]);
}

/** What was shown of an answer: all that follows its request until the next one, or what the person said then. */
export function shownAfter(entries: readonly Entry[], at: number): Part[] {
  const parts: (Part | undefined)[] = [];
  for (const entry of entries.slice(at + 1)) {
    if (entry.isPrompt || entry.kind === "api_req_started") break;
    parts.push(partOf(entry));
  }
  return parts.filter((part) => part !== undefined);
}

function partOf(entry: Entry): Part | undefined {
  const { e, kind, told } = entry;
  if (TOOLS.has(kind)) return toolCallPart(undefined, toolName(entry), argumentsOf(entry));
  if (kind === "reasoning") return reasoningPart(text(e.text) ?? e.reasoning);
  if (kind === "followup" || kind.endsWith("_respond")) return textPart(told.question ?? told.response ?? e.text);
  return kind === "text" || kind === "completion_result" ? textPart(e.text) : undefined;
}

/** The tool that an entry shows. */
export function toolDraftOf(entry: Entry): Pick<Draft, "operation" | "kind" | "tool"> {
  return { operation: "execute_tool", kind: "internal", tool: { name: toolName(entry), type: "function" } };
}

function toolName({ kind, told }: Entry): string | undefined {
  return (kind === "tool" ? text(told.tool) : text(told.toolName)) ?? TOOLS.get(kind)?.name;
}

/** What a tool was given: its entry's text. */
export function argumentsOf({ e, kind, told }: Entry): unknown {
  if (kind === "command") return { command: e.text };
  if (kind === "browser_action_launch") return { url: e.text };
  return kind === "use_mcp_server" ? structured(told.arguments ?? told.uri) : structured(e.text);
}

/** What a tool gave back, where entries of their own show it: all of them until another tool, prompt or request. */
export function resultAfter(entries: readonly Entry[], at: number): string | undefined {
  const result = TOOLS.get(entries[at]?.kind ?? "")?.result;
  const texts: string[] = [];
  for (const { kind, e, isPrompt } of result === undefined ? [] : entries.slice(at + 1)) {
    if (isPrompt || TOOLS.has(kind) || kind === "api_req_started") break;
    if (kind === result && typeof e.text === "string") texts.push(e.text);
  }
  return texts.length > 0 ? texts.join("") : undefined;
}
