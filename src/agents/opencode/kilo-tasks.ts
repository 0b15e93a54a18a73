/** Kilo Code before April 2026, an extension of VS Code and a CLI made from Cline: a task is a list of what was shown. */
import type { Environment, Group, Place, SourceInfo } from "../../read/types.ts";
import type { Emit } from "../../record/draft.ts";
import { list, number, object, text } from "../../record/json.ts";
import { extensionPlaces } from "../tasks/editors.ts";
import { type Entry, entriesOf } from "../tasks/entries.ts";
import { type Setting, tellShownTools, tellTask } from "../tasks/shown.ts";

/** What was sent to the model: newer versions tell only here which model it was. */
const SENT = "api_conversation_history.json";
const SHOWN = "ui_messages.json";
const MODEL = /<model>([^<\n]+)<\/model>/;
/** Since version 4.119.0 the input is told with what came from the cache, whoever answered. */
const TOTAL_SINCE = Date.UTC(2025, 10, 12);

/** Requests from this time on were of this model; of one that nobody knows any more. */
interface Since {
  readonly from: number;
  readonly model: string | undefined;
}

/** The extension's folder in each editor, and that of the CLI. */
export function taskPlaces(environment: Environment): Place[] {
  const match = [`tasks/*/${SHOWN}`];
  const sidecars = [{ ending: SHOWN, beside: SENT }];
  return [
    ...extensionPlaces(environment, "kilocode.kilo-code", match),
    ...environment.homes.map(({ path }) => ({ root: `${path}/.kilocode/cli/global`, match })),
  ].map((place) => ({ ...place, sidecars }));
}

export function taskOf(path: string): string | undefined {
  return /(?:^|\/)tasks\/([^/]+)\/[^/]+$/.exec(path)?.[1];
}

export function reduceTask({ document }: Group, { path, sidecars }: SourceInfo, emit: Emit): void {
  const id = taskOf(path);
  if (!Array.isArray(document)) {
    emit.unknown("task that is no list");
    return;
  }
  const entries = entriesOf(document);
  const models = modelsIn(entries, sidecars[SENT]);
  const setting = ({ ts, told }: Entry): Setting => ({
    model: models.findLast(({ from }) => from <= ts)?.model,
    provider: text(told.inferenceProvider),
    isTotal: ts >= TOTAL_SINCE || told.apiProtocol === "openai",
  });
  tellTask(entries, id, { setting }, emit);
  tellShownTools(entries, id, emit);
}

/**
 * The models that were asked, and since when: the surroundings that are described to a model name it. They stand in the
 * request that is shown, or in what was sent, which is written down between its request and the next. A summary stands for
 * messages that are gone, and with them the models of their requests.
 */
function modelsIn(entries: readonly Entry[], sent: unknown): Since[] {
  const requests = entries.filter(({ kind }) => kind === "api_req_started");
  const since: Since[] = [];
  const note = (from: number, said: string | undefined): void => {
    const model = MODEL.exec(said ?? "")?.[1];
    if (model !== undefined) since.push({ from, model });
  };
  for (const { ts, told } of requests) note(ts, text(told.request));
  let before = Number.NEGATIVE_INFINITY; // the request of the message before
  for (const item of list(sent)) {
    const m = object(item);
    const ts = number(m?.ts);
    const from = requests.findLast((request) => request.ts <= (ts ?? Number.NEGATIVE_INFINITY))?.ts;
    if (m?.isSummary === true) since.push({ from: before + 1, model: undefined });
    if (from === undefined) continue;
    if (m?.role === "user") note(from, textOf(m.content));
    before = from;
  }
  return since.sort((a, b) => a.from - b.from);
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  return list(content)
    .map((block) => text(object(block)?.text) ?? "")
    .join("\n");
}
