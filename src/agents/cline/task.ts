/** Tasks of Cline's first generation: lists of what was shown and of what was sent, and an index of all tasks. */
import type { Emit } from "../../read/types.ts";
import { type JsonObject, number, object, text } from "../../record/json.ts";
import { timeOf } from "../../record/time.ts";
import { type Entry, entriesOf, taskBegan } from "../tasks/entries.ts";
import { type Setting, tellTask, tokensIn } from "../tasks/shown.ts";
import { messagesOf, objectsOf, sumOf, tellTools } from "./messages.ts";

/** The file beside a task that tells which models and versions it was made with, and since when. */
export const METADATA = "task_metadata.json";
/** Providers whose answers tell their input with what came from the cache; it is told as it came. */
const TOTAL: ReadonlySet<string> = new Set([
  ...["deepseek", "doubao", "fireworks", "hicap", "litellm", "lmstudio", "oca", "openai", "openai-codex", "qwen"],
  ...["requesty", "sapaicore", "xai", "zai"],
]);

/** The index of tasks: where each worked, and the sum of its calls. */
export function index(items: readonly unknown[], emit: Emit): void {
  items.forEach((value, index) => {
    const item = object(value) ?? {};
    const [id, cwd] = [text(item.id), text(item.cwdOnTaskInitialization)];
    const time = taskBegan(id) ?? timeOf(item.ts);
    const sum = sumOf(tokensIn(item, false), item.modelId);
    if (id === undefined) emit.unknown("task without an id");
    else
      emit({
        key: "session",
        fact: id,
        operation: "session",
        session_id: id,
        time,
        cwd,
        ...sum,
        at: { index },
        raw: item,
      });
  });
}

/** A task as it was shown. `settings`: the file beside it. */
export function task(document: readonly unknown[], id: string | undefined, settings: JsonObject, emit: Emit): void {
  const setting = ({ e, ts }: Entry): Setting => {
    const [made, used] = [object(e.modelInfo) ?? {}, latest(settings.model_usage, ts) ?? {}];
    const provider = text(made.providerId) ?? text(used.model_provider_id);
    return {
      model: text(made.modelId) ?? text(used.model_id),
      provider,
      version: text(latest(settings.environment_history, ts)?.cline_version),
      isTotal: TOTAL.has(provider ?? ""),
    };
  };
  tellTask(entriesOf(document), id, { setting }, emit);
}

/** What held at a time: the latest of a list that has the times of its changes. */
function latest(changes: unknown, ts: number): JsonObject | undefined {
  const all = objectsOf(changes);
  return all.findLast((change) => (number(change.ts) ?? 0) <= ts) ?? all[0];
}

/** What the models of a task were sent: from here come its tools, where models call them by their own means. */
export function apiHistory(document: unknown, id: string | undefined, emit: Emit): void {
  if (Array.isArray(document)) tellTools({ session_id: id }, messagesOf(document), [], true, emit);
  else emit.unknown("history that is no list");
}
