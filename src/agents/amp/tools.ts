/** The tools that an Amp thread's answers asked for, each with the result that follows it. */
import type { Emit } from "../../read/types.ts";
import { toolFact } from "../../record/identity.ts";
import { type JsonObject, object, text } from "../../record/json.ts";
import { resultOf, structured } from "../../record/messages.ts";
import { toolDraft } from "../../record/tool.ts";
import type { Message, Thread } from "./thread.ts";

const ENDED: ReadonlySet<string> = new Set(["done", "error", "cancelled", "rejected-by-user"]);

interface Result {
  readonly id: string;
  readonly index: number;
  readonly block: JsonObject;
}

/** A call of a tool that is still being written is none yet. An id that comes again is another call. */
export function tellTools(thread: Thread, emit: Emit): void {
  const results = thread.messages.flatMap(resultsIn);
  const seen = new Set<string>();
  for (const message of thread.messages)
    for (const block of message.blocks) {
      const id = block.type === "tool_use" && block.complete !== false ? text(block.id) : undefined;
      if (id === undefined) continue;
      const result = results.find((one) => one.id === id && one.index > message.index)?.block;
      const fact = toolFact(id, undefined, thread.id);
      tellTool(thread, message, { id, fact: seen.has(id) ? `${fact}/${message.id}` : fact, block, result }, emit);
      seen.add(id);
    }
}

function resultsIn({ blocks, index }: Message): Result[] {
  return blocks.flatMap((block) => {
    const id = block.type === "tool_result" ? (text(block.toolUseID) ?? text(block.tool_use_id)) : undefined;
    return id === undefined ? [] : [{ id, index, block }];
  });
}

interface Use {
  readonly id: string;
  readonly fact: string;
  readonly block: JsonObject;
  readonly result?: JsonObject;
}

/** Its times are those of its round. */
function tellTool({ common, traces, id: session }: Thread, message: Message, use: Use, emit: Emit): void {
  const { id, fact, block, result } = use;
  const run = object(result?.run) ?? {};
  const status = text(run.status);
  const round = traces.find((trace) => trace.name === "tools" && trace.message === message.id);
  const given = emit.keep(text(object(run.error)?.message) ?? resultOf(run.result));
  const error = status === "error" ? undefined : status;
  const end =
    status !== undefined && ENDED.has(status)
      ? { time: round?.end, failed: status !== "done", error, result: given }
      : undefined;
  const args = emit.keep(structured(block.input));
  const call = { name: text(block.name), start: round?.start, turn: message.turn, at: 0, args };
  const draft = toolDraft(id, call, session, end);
  emit({
    ...draft,
    ...common,
    key: fact,
    fact,
    raw: [block, ...(result ? [result] : [])],
    at: { index: message.index },
  });
}
