/**
 * Amp, as long as it kept threads on the machine (until spring 2026): one JSON document a thread, rewritten as a whole.
 * Counting rule: a call is one event of the thread's ledger, with the caches of the message that it made; where there is
 * no ledger, one finished assistant message with usage. In copies of a thread both are known by their end and tokens.
 */
import type { Agent, Draft, Emit, Environment, Group, Home, Place } from "../../read/types.ts";
import { settingsFolders, snapshot } from "../../read/types.ts";
import { allowAttributes } from "../../record/attributes.ts";
import { fingerprint } from "../../record/identity.ts";
import { list, object, text } from "../../record/json.ts";
import { answer, message as messageOf, partsOf } from "../../record/messages.ts";
import { between, timeOf } from "../../record/time.ts";
import { messageOfError, tellCalls, usageOf } from "./calls.ts";
import { READS } from "./reads.ts";
import { type Message, type Thread, type Trace, threadOf } from "./thread.ts";
import { tellTools } from "./tools.ts";

/** Editors whose extension kept the threads itself before they moved to a folder of Amp's own. */
const HOSTS = ["Code", "Code - Insiders", "VSCodium", "Cursor", "Windsurf"];
const IN_HOST = "User/globalStorage/sourcegraph.amp/threads3";

export const amp: Agent = {
  id: "amp",
  title: "Amp",
  retention: "deletes nothing by itself; since April 2026 it keeps its threads on its server",
  unverified: true,
  streams: [
    snapshot({
      kind: "thread",
      rank: 50,
      version: 2,
      locate,
      session: (path) => /(?:^|\/)(T-[^/]*)\.json$/.exec(path)?.[1],
      groups: { form: "json", reads: READS },
      reduce,
    }),
  ],
};

function locate({ homes, variable }: Environment): Place[] {
  return homes.flatMap((home) => {
    const inHosts = settingsFolders(home, variable).flatMap((folder) =>
      HOSTS.map((host) => `${folder}/${host}/${IN_HOST}`),
    );
    const own = foldersOf(home, variable).map((folder) => `${folder}/amp/threads`);
    return [...own, ...inHosts].map((root) => ({ root, match: ["T-*.json"] }));
  });
}

/** On macOS it is where it is on Linux. */
function foldersOf(home: Home, variable: Environment["variable"]): string[] {
  const folders: string[] = [];
  if (home.layouts.some((layout) => layout !== "win32"))
    folders.push(variable("XDG_DATA_HOME") || `${home.path}/.local/share`);
  if (home.layouts.includes("win32"))
    folders.push(
      variable("LOCALAPPDATA") || `${home.path}/AppData/Local`,
      variable("APPDATA") || `${home.path}/AppData/Roaming`,
    );
  return folders;
}

function reduce(group: Group, _source: unknown, emit: Emit): void {
  const document = object(group.document);
  const id = text(document?.id);
  if (!document || id === undefined || !Array.isArray(document.messages)) {
    emit.unknown("document without a thread");
    return;
  }
  const thread = threadOf(id, document);
  if (thread.messages.length === 0) return; // a stub of a thread that the server keeps
  const attributes = allowAttributes({ agentMode: document.agentMode });
  const time = timeOf(document.created);
  emit({ ...thread.common, key: "session", fact: id, operation: "session", time, attributes });
  for (const message of thread.messages) tellMessage(thread, message, emit);
  tellCalls(thread, list(object(document.usageLedger)?.events), emit);
  tellTools(thread, emit);
  for (const trace of thread.traces) if (trace.name === "agent") tellRun(thread, trace, emit);
}

function tellMessage({ id: session, common }: Thread, message: Message, emit: Emit): void {
  const { m, blocks, id, index, turn, isTyped, state } = message;
  const place = { ...common, key: id, fact: `${session}/${id}`, turn, raw: m, at: { index } };
  if (isTyped) {
    const time = timeOf(object(m.meta)?.sentAt);
    const length = blocks.reduce((sum, block) => sum + (text(block.text)?.length ?? 0), 0);
    const fact = time === undefined ? place.fact : fingerprint(["prompt", time, length]);
    const content = { input_messages: emit.keep(messageOf("user", partsOf(blocks))) };
    emit({ ...place, fact, operation: "user_message", time, content });
  } else if (m.role === "info") tellSummary(place, message, emit);
  else if (m.role !== "user" && m.role !== "assistant") emit.unknown(`role ${text(m.role) ?? ""}`);
  if (m.role !== "assistant" || state !== "error" || usageOf(m.usage)) return;
  const content = { error_message: emit.keep(messageOfError(message)) };
  emit({ ...place, operation: "error", kind: "client", status: "error", error_type: "error", content });
}

/** Where what came before was summed up, in this thread or for another; other notices say nothing that weir keeps. */
function tellSummary(place: Omit<Draft, "operation">, { blocks }: Message, emit: Emit): void {
  const summary = object(blocks.find(({ type }) => type === "summary")?.summary);
  if (!summary) return;
  const content = { output_messages: emit.keep(answer(partsOf(summary.summary), undefined)) };
  emit({ ...place, operation: "compaction", kind: "internal", content });
}

function tellRun({ id: session, common, messages }: Thread, trace: Trace, emit: Emit): void {
  const { id, message, start, end } = trace;
  if (id === undefined) return;
  emit({
    ...common,
    key: id,
    fact: start === undefined ? `${session}/${id}` : `${id}@${start}`,
    open: end === undefined ? true : undefined,
    operation: "invoke_agent",
    kind: "internal",
    time: start,
    end_time: end,
    duration_ms: between(start, end),
    turn: messages.find((one) => one.id === message)?.turn,
  });
}
