/** What an item's tools tell: those that a model called, and commands that the person ran. */
import type { Draft, Emit } from "../../read/types.ts";
import { type JsonObject, list, object, text } from "../../record/json.ts";
import { structured } from "../../record/messages.ts";
import { fromMillis } from "../../record/time.ts";
import { toolDraft } from "../../record/tool.ts";
import { type Item, numbered } from "./items.ts";

const RUNNING: ReadonlySet<string> = new Set(["generating", "generated", "calling"]);
/** Ids that are long enough to be random. Others come again, in other sessions and in the same. */
const RANDOM = 16;
/** The CLI's own id for a command of the person, with its time; nobody's answer. */
const SHELL = /^shell-(\d{13})-/;

type Common = Pick<Draft, "session_id" | "cwd" | "turn" | "at">;

/**
 * Older versions tell one tool of an item. No times are told; ids of tools are what a fork's copies are known by. A short
 * one is known by its answer as well: it is told when that is as it stays, with its usage.
 */
export function tellTools(common: Common, one: Item, isLast: boolean, times: Map<string, number>, emit: Emit): void {
  const mayGrow = isLast && one.usage === undefined;
  const { toolCallStates, toolCallState } = one.item;
  for (const given of Array.isArray(toolCallStates) ? toolCallStates : [toolCallState ?? []].flat()) {
    const state = object(given) ?? {};
    const call = object(state.toolCall) ?? {};
    const id = text(state.toolCallId) ?? text(call.id);
    if (id === undefined) {
      emit.unknown("tool without an id");
      continue;
    }
    const draft = draftOf(id, state, call, common, emit);
    const isShort = id.length < RANDOM;
    if (isShort && mayGrow && draft.open) continue;
    const fact = numbered(times, isShort ? `${id}@${one.chain}` : id);
    const began = SHELL.exec(id)?.[1];
    if (began === undefined || one.usage) emit({ ...common, ...draft, key: fact, fact, at: common.at, raw: state });
    else {
      const { status, error_type, open, content } = draft;
      const command = { operation: "other", kind: "internal", name: "shell", time: fromMillis(Number(began)) } as const;
      emit({ ...common, ...command, key: fact, fact, status, error_type, open, content, raw: state });
    }
  }
}

function draftOf(id: string, state: JsonObject, call: JsonObject, { session_id, turn }: Common, emit: Emit): Draft {
  const status = text(state.status) ?? "generating";
  const asked = object(call.function) ?? {};
  const [args, result] = emit.captures ? [structured(asked.arguments ?? state.parsedArgs), resultIn(state)] : [];
  const error = status === "canceled" ? status : undefined;
  const end = { failed: status !== "done", error, result: emit.keep(result) };
  const told = { name: text(asked.name), turn, at: 0, args: emit.keep(args) };
  return toolDraft(id, told, session_id ?? "", RUNNING.has(status) ? undefined : end);
}

/** What the model was given back: mostly one text. */
function resultIn({ output }: JsonObject): unknown {
  const texts = list(output).map((item) => object(item)?.content);
  return texts.every((one) => typeof one === "string") ? text(texts.join("\n")) : (output ?? undefined);
}
