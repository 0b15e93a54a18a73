/**
 * Windsurf: transcripts, JSON Lines of steps, which exist only where a hook asks for them; and the chat panel of older
 * versions, in each workspace's database. Its own history is encrypted.
 * Counting rule: a call is one planner response; it tells no tokens, model or time. A step is known by its number.
 */
import type { Agent, Draft, Emit, Environment, Group, Place, SourceInfo } from "../read/types.ts";
import { settingsFolders, snapshot } from "../read/types.ts";
import { allowAttributes } from "../record/attributes.ts";
import { type JsonObject, list, number, object, text } from "../record/json.ts";
import { answer, message, partsOf, structured } from "../record/messages.ts";

const HOSTS = ["Windsurf", "Windsurf - Next"];
const CHAT_KEYS = "'workbench.panel.aichat.view.aichat.chatdata', 'aiChat.chatdata'";
const ENDED: ReadonlySet<string> = new Set(["done", "error", "canceled"]);
/** What of a tool's payload it gave back; the rest is what it was asked. */
const RESULTS: ReadonlySet<string> = new Set([
  "content",
  "exit_code",
  "output",
  "result",
  "total_results",
  "user_rejected",
]);
/** Who says a bubble of the chat panel, in words or numbers. */
const SPEAKERS: ReadonlyMap<string, "user" | "model"> = new Map([
  ["user", "user"],
  ["1", "user"],
  ["ai", "model"],
  ["assistant", "model"],
  ["2", "model"],
]);

export const windsurf: Agent = {
  id: "windsurf",
  title: "Windsurf",
  retention: "keeps the latest 100 transcripts",
  unverified: true,
  streams: [
    snapshot({
      kind: "transcript",
      rank: 50,
      version: 1,
      locate: ({ homes }) => homes.map((home) => ({ root: `${home.path}/.windsurf/transcripts`, match: ["*.jsonl"] })),
      session: (path) => /([^/]+)\.jsonl$/.exec(path)?.[1],
      groups: { form: "jsonl" },
      reduce: transcript,
    }),
    snapshot({
      kind: "workspace_chat",
      rank: 40,
      version: 2,
      locate: locateWorkspaces,
      session: () => undefined,
      groups: {
        form: "sqlite",
        layouts: [
          {
            name: "chat",
            needs: { ItemTable: ["key", "value"] },
            index: `SELECT key, value FROM ItemTable WHERE key IN (${CHAT_KEYS}) ORDER BY key`,
            rows: { values: "SELECT key, value FROM ItemTable WHERE key IN (SELECT value FROM json_each(?1))" },
          },
        ],
      },
      reduce: workspaceChat,
    }),
  ],
};

function locateWorkspaces({ homes, variable }: Environment): Place[] {
  const folders = homes.flatMap((home) => settingsFolders(home, variable));
  return folders.flatMap((folder) =>
    HOSTS.map((host) => ({ root: `${folder}/${host}/User/workspaceStorage`, match: ["*/state.vscdb"] })),
  );
}

/** What has no payload is none of Windsurf's. */
function isStep(step: JsonObject): boolean {
  return object(step[text(step.type) ?? ""]) !== undefined;
}

/** Step after step; the payload stands under the step's own type. */
function transcript(group: Group, source: SourceInfo, emit: Emit): void {
  const session_id = source.stem;
  const steps = group.lines ?? [];
  if (!steps.some(isStep)) return;
  const cwd = steps.map((step) => text(object(step.run_command)?.cwd)).find(Boolean);
  emit({ key: "session", fact: session_id, operation: "session", session_id, cwd });
  let turn = -1;
  steps.forEach((step, index) => {
    const type = text(step.type) ?? "";
    if (!isStep(step)) {
      emit.unknown(`step ${type}`.trim());
      return;
    }
    if (type === "user_input") turn++;
    const common = {
      key: String(index),
      fact: `${session_id}/${index}`,
      session_id,
      cwd,
      turn: turn < 0 ? undefined : turn,
      open: ENDED.has(text(step.status) ?? "done") ? undefined : true,
      raw: step,
      at: { index },
    } as const;
    if (type === "user_input") tellPrompt(common, object(step.user_input)?.user_response, emit);
    else if (type === "planner_response") tellCall(common, step, emit);
    else tellTool(common, type, step, emit);
  });
}

function tellPrompt(common: Omit<Draft, "operation">, said: unknown, emit: Emit): void {
  const input_messages = emit.keep(message("user", partsOf(text(said))));
  emit({ ...common, operation: "user_message", content: { input_messages } });
}

function tellCall(common: Omit<Draft, "operation">, { status, planner_response }: JsonObject, emit: Emit): void {
  const failed = status === "error" || status === "canceled";
  const told = { status: failed ? "error" : "ok", error_type: failed ? text(status) : undefined } as const;
  const said = text(object(planner_response)?.response);
  const output_messages = emit.keep(answer(partsOf(said), failed ? text(status) : undefined));
  const content = { output_messages };
  emit({ ...common, operation: "chat", kind: "client", ...(common.open ? {} : told), content });
}

/** Anything that is neither typed nor answered is a tool. */
function tellTool(common: Omit<Draft, "operation">, type: string, step: JsonObject, emit: Emit): void {
  const told = object(step[type]) ?? {};
  const code = number(told.exit_code);
  const failure = failureOf(step, told, code);
  emit({
    ...common,
    operation: "execute_tool",
    kind: "internal",
    status: common.open ? undefined : failure === undefined ? "ok" : "error",
    error_type: common.open ? undefined : failure,
    tool: { name: (type === "mcp_tool" ? text(told.tool_name) : undefined) ?? type, type: "function" },
    attributes: allowAttributes({ exit_code: code }),
    content: contentOf(told, emit),
  });
}

function contentOf(told: JsonObject, emit: Emit): Draft["content"] {
  if (!emit.captures) return undefined;
  const part = (isResult: boolean): JsonObject | undefined => {
    const those = Object.entries(told).filter(([name]) => RESULTS.has(name) === isResult);
    return those.length === 0 ? undefined : Object.fromEntries(those);
  };
  const [asked, gave] = [told.arguments ?? part(false), part(true)];
  const result = told.result ?? told.output ?? told.content ?? gave;
  return { tool_arguments: emit.keep(structured(asked)), tool_result: emit.keep(structured(result)) };
}

function failureOf(step: JsonObject, told: JsonObject, code: number | undefined): string | undefined {
  if (told.user_rejected === true) return "rejected";
  if (step.status === "canceled") return "canceled";
  if (step.status === "error") return "tool_error";
  return code !== undefined && code !== 0 ? "exit_code" : undefined;
}

/** The chat panel of older versions, without times, models and tokens: tabs of bubbles, or one session's requests. */
function workspaceChat(group: Group, source: SourceInfo, emit: Emit): void {
  for (const row of group.rows?.values ?? []) {
    const chat = object(parsed(row.value));
    if (!chat) emit.unknown("chat that is no JSON");
    for (const item of list(chat?.tabs)) {
      const tab = object(item) ?? {};
      const id = text(tab.tabId);
      if (id === undefined) emit.unknown("tab without an id");
      else tellTab(id, list(tab.bubbles), emit);
    }
    const workspace = /([^/]+)\/[^/]+$/.exec(source.path)?.[1];
    const bubbles = list(chat?.requests).flatMap(bubblesOf);
    if (bubbles.length > 0) tellTab(text(chat?.sessionId) ?? `workspace-${workspace}`, bubbles, emit);
  }
}

/** A request as the bubbles that it is shown in. */
function bubblesOf(request: unknown): JsonObject[] {
  const { message: asked, response } = object(request) ?? {};
  const said = list(response).map((part) => text(object(part)?.value) ?? "");
  const user = { type: "user", text: object(asked)?.text ?? asked };
  return said.length === 0 ? [user] : [user, { type: "ai", text: said.join("") }];
}

function tellTab(session_id: string, bubbles: readonly unknown[], emit: Emit): void {
  if (bubbles.length === 0) return;
  emit({ key: "session", fact: session_id, operation: "session", session_id });
  let turn = -1;
  bubbles.forEach((item, index) => {
    const bubble = object(item) ?? {};
    const speaker = SPEAKERS.get(String(bubble.type));
    if (speaker === "user") turn++;
    const said = text(bubble.text) ?? text(bubble.rawText) ?? text(bubble.initText);
    const of = { key: String(index), fact: `${session_id}/${index}`, session_id, turn: turn < 0 ? undefined : turn };
    const common = { ...of, raw: item };
    if (speaker === "user") tellPrompt(common, said, emit);
    else if (speaker === "model") tellCall(common, { planner_response: { response: said } }, emit);
    else emit.unknown(`bubble ${text(bubble.type) ?? ""}`);
  });
}

function parsed(value: unknown): unknown {
  try {
    return JSON.parse(value instanceof Uint8Array ? new TextDecoder().decode(value) : String(value));
  } catch {
    return undefined; // counted as unknown
  }
}
