/** Owns reading a rollout's line: what it says, decoding of a long one only what is looked at. */
import type { Cut, JsonObject, Line } from "../../read/types.ts";
import { object, text } from "../../record/json.ts";
import type { Item, State } from "./state.ts";

const FAST = 1024;
const HEAD = /^\{"timestamp":"([^"\\]*)",(?:"ordinal":\d+,)?"type":"(\w+)","payload":\{(?:"type":"(\w+)"(?=[,}]))?/;
const MESSAGE =
  /"payload":\{"type":"message"(?:,"(?:id|status|phase)":(?:"[^"\\]*"|null))*,"role":"(\w+)","content":\[(?:\{"type":"input_text","text":"((?:[^"\\]|\\.){0,60}))?/;
const CALL =
  /"payload":\{"type":"\w+"(?:,"(?:id|status)":"[^"\\]*")*(?:,"call_id":"([ !#-[\]-~]+)")?,"name":"([ !#-[\]-~]+)"(?:,"namespace":"([ !#-[\]-~]+)")?,"(?:arguments|input)":"/;
const OUTPUT = /^.*?"payload":\{"type":"\w+"(?:,"id":"[^"\\]*")?,"call_id":"([ !#-[\]-~]+)","output":/;
/** A text that may not say, as it stands, what it says: at its beginning are only blanks, or it is escaped. */
const HIDDEN = /^(?:\s|\\n)*(?:[\x80-\xff]|$)|\\[^n"\\]/;
/** How a line ends whose payload's last value is a text. */
const OUTPUT_END = '"}}';
const NOT_ASCII = /[^ -~]/;

/** True for bytes of which each is a character, written as it would be written again. */
function isPlain(bytes: string): boolean {
  return !NOT_ASCII.test(bytes) && !bytes.includes("\\u") && !bytes.includes("\\/");
}

const ITEM_TYPE = /"item":\{"type":"(\w+)"/;
const CALL_ID = /^","call_id":"([ !#-[\]-~]+)"/;
const ITEM: readonly Cut[] = [
  { from: ',"changes":', to: [',"status":"'], optional: true },
  { from: ',"aggregated_output":', to: [',"exit_code":'], optional: true },
  { from: ',"result":', to: [',"duration":'], optional: true },
];
const NO_INFO = '"payload":{"type":"token_count","info":null';
const WINDOW: Cut = { from: ',"window_number":', to: [",", "}"] };
/** Items that say nothing weir keeps, not even how a call ended. */
export const SILENT_ITEM =
  /^(?:AgentMessage|Reasoning|Plan|WebSearch|ImageView|SubAgentActivity|HookPrompt|EnteredReviewMode|ExitedReviewMode|Sleep)$/;
/** How much of the beginning and of the end of an output is looked at. */
export const SAID_FIRST = 300;
export const SAID_LAST = 400;

/** Of the first bytes of an output those that the agent wrote before what its command printed. */
export function headerOf(said: string): string {
  const printed = said.indexOf("\\nOutput:");
  return printed < 0 ? said : said.slice(0, printed);
}

/** What a line says: by its layout when it is laid out as Codex writes it, else by all of it; texts are only there. */
export function readLine(state: State, line: Line, captures: boolean): Item {
  return (captures ? undefined : fastRead(state, line)) ?? slowRead(line);
}

/** What the line says without its texts, when it is laid out as Codex writes it. */
function fastRead(state: State, line: Line): Item | undefined {
  const [, timestamp, type, kind] = HEAD.exec(line.head) ?? [];
  if (type === "world_state") return { timestamp, type, payload: {} };
  const window = type === "compacted" ? line.part(WINDOW)?.head : undefined;
  if (type !== undefined && window !== undefined)
    return { timestamp, type, payload: { window_number: Number.parseInt(window, 10) } };
  if (kind === undefined || (type !== "response_item" && type !== "event_msg")) return undefined;
  const payload = type === "event_msg" ? fastEvent(state, kind, line) : fastResponseItem(kind, line);
  return payload && { timestamp, type, payload };
}

function fastEvent(state: State, type: string, line: Line): JsonObject | undefined {
  if (type === "agent_message" || type === "agent_reasoning") return { type };
  if (type === "token_count") return state.records || line.head.includes(NO_INFO) ? { type } : undefined;
  if (type !== "item_completed") return undefined;
  const item = ITEM_TYPE.exec(line.head)?.[1] ?? "";
  if (SILENT_ITEM.test(item)) return { type, item: { type: item } };
  const payload = line.length > FAST ? object(line.envelope(ITEM)?.payload) : undefined;
  const { type: whole, id, status, duration } = object(payload?.item) ?? {};
  const isWhole = whole === item && text(id) !== undefined && text(status) !== undefined;
  return isWhole && (item === "FileChange" || duration !== undefined) ? payload : undefined;
}

function fastResponseItem(type: string, line: Line): JsonObject | undefined {
  if (type === "reasoning" || type === "agent_message") return { type };
  if (type === "message") {
    const [found, role, said] = MESSAGE.exec(line.head) ?? [];
    if (found === undefined || (role === "user" && HIDDEN.test(said ?? ""))) return undefined;
    return { type, role, content: [{ text: said }] };
  }
  if (type.endsWith("_output")) return fastOutput(type, line);
  if (type !== "function_call" && type !== "custom_tool_call") return undefined;
  const [, first, name, namespace] = CALL.exec(line.head) ?? [];
  const at = first === undefined ? line.find('","call_id":"', 0) : -1;
  const id = at < 0 ? first : CALL_ID.exec(line.latin1(at, Math.min(line.length, at + 200)))?.[1];
  if (name === undefined || id === undefined || (!namespace && line.has(',"namespace":'))) return undefined;
  return { type, call_id: id, name, namespace };
}

/** An output without what it says, where the bytes that are looked at are what the whole would show. */
function fastOutput(type: string, line: Line): JsonObject | undefined {
  const [before, id] = OUTPUT.exec(line.head) ?? [];
  if (before === undefined || id === undefined) return undefined;
  const said = line.head.slice(before.length, before.length + SAID_FIRST);
  if (!/^"?\{/.test(said)) return isPlain(headerOf(said)) ? { type, call_id: id } : undefined;
  if (!said.startsWith('"') || line.find('","', before.length) >= 0 || !isPlain(said)) return undefined;
  const end = line.latin1(Math.max(before.length, line.length - OUTPUT_END.length - SAID_LAST));
  return end.endsWith(OUTPUT_END) && isPlain(end) ? { type, call_id: id } : undefined;
}

/** Before September 2025 items stood bare, after a first line that was the session's metadata. */
function slowRead(line: Line): Item {
  const o = line.json();
  const { timestamp, ordinal } = o;
  const payload = object(o.payload);
  if (payload) return { timestamp, ordinal, type: text(o.type) ?? "", payload };
  const type = o.record_type === undefined ? "session_meta" : "state";
  return { timestamp, type: o.type === undefined ? type : "response_item", payload: o };
}
