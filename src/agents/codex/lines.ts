/** Owns reading a rollout's line: what it says, decoding of a long one only what is looked at. */
import type { Cut, JsonObject, Line } from "../../read/types.ts";
import { object, text } from "../../record/json.ts";
import type { Item, State } from "./state.ts";

const FAST = 1024;
const HEAD = /^\{"timestamp":"([^"\\]*)",(?:"ordinal":\d+,)?"type":"(\w+)","payload":\{(?:"type":"(\w+)"(?=[,}]))?/;
const MESSAGE =
  /"payload":\{"type":"message"(?:,"(?:id|status|phase)":(?:"[^"\\]*"|null))*,"role":"(\w+)","content":\[(?:\{"type":"input_text","text":"((?:[^"\\]|\\.){0,60}))?/;
const CALL =
  /"payload":\{"type":"\w+"(?:,"(?:id|status)":"[^"\\]*")*(?:,"call_id":"([^"\\]+)")?,"name":"([^"\\]+)"(?:,"namespace":"([^"\\]+)")?,"(?:arguments|input)":"/;
const OUTPUT = /"payload":\{"type":"\w+"(?:,"id":"[^"\\]*")?,"call_id":"([^"\\]+)","output":/;
const ITEM_TYPE = /"item":\{"type":"(\w+)"/;
const CALL_ID = /^","call_id":"([^"\\]+)"/;
const ITEM: readonly Cut[] = [
  { from: ',"changes":', to: [',"status":"'], optional: true },
  { from: ',"aggregated_output":', to: [',"exit_code":'], optional: true },
  { from: ',"result":', to: [',"duration":'], optional: true },
];
const WINDOW: Cut = { from: ',"window_number":', to: [",", "}"] };
export const SILENT_ITEM =
  /^(?:AgentMessage|Reasoning|Plan|WebSearch|Image\w+|CollabAgentToolCall|SubAgentActivity|HookPrompt|EnteredReviewMode|ExitedReviewMode|Sleep)$/;

/** What a line says: by its layout when it is laid out as Codex writes it, else by all of it. */
export function readLine(state: State, line: Line): Item {
  return fastRead(state, line) ?? slowRead(line);
}

/** What the line says without its texts, when it is laid out as Codex writes it. */
function fastRead(state: State, line: Line): Item | undefined {
  const [, timestamp, type, kind] = HEAD.exec(line.head) ?? [];
  if (type === "world_state") return { timestamp, type, payload: {} };
  const window = type === "compacted" ? line.part(WINDOW)?.head : undefined;
  if (type !== undefined && window !== undefined)
    return { timestamp, type, payload: { window_number: Number(window) } };
  if (kind === undefined || (type !== "response_item" && type !== "event_msg")) return undefined;
  const payload = type === "event_msg" ? fastEvent(state, kind, line) : fastResponseItem(kind, line);
  return payload && { timestamp, type, payload };
}

function fastEvent(state: State, type: string, line: Line): JsonObject | undefined {
  if (type === "agent_message" || type === "agent_reasoning") return { type };
  if (type === "token_count") return state.records || line.head.includes('"info":null') ? { type } : undefined;
  if (type !== "item_completed") return undefined;
  const item = ITEM_TYPE.exec(line.head)?.[1] ?? "";
  if (SILENT_ITEM.test(item)) return { type, item: { type: item } };
  const payload = line.length > FAST ? object(line.envelope(ITEM)?.payload) : undefined;
  return text(object(payload?.item)?.id) === undefined ? undefined : payload;
}

function fastResponseItem(type: string, line: Line): JsonObject | undefined {
  if (type === "reasoning" || type === "agent_message") return { type };
  if (type === "message") {
    const [found, role, said] = MESSAGE.exec(line.head) ?? [];
    return found === undefined ? undefined : { type, role, content: [{ text: said }] };
  }
  if (type.endsWith("_output")) {
    const id = OUTPUT.exec(line.head)?.[1];
    return id === undefined ? undefined : { type, call_id: id };
  }
  if (type !== "function_call" && type !== "custom_tool_call") return undefined;
  const [, first, name, namespace] = CALL.exec(line.head) ?? [];
  const at = first === undefined ? line.find('","call_id":"', 0) : -1;
  const id = at < 0 ? first : CALL_ID.exec(line.latin1(at, Math.min(line.length, at + 200)))?.[1];
  if (name === undefined || id === undefined || (!namespace && line.has(',"namespace":'))) return undefined;
  return { type, call_id: id, name, namespace };
}

/** Before September 2025 items stood bare, after a first line that was the session's metadata. */
function slowRead(line: Line): Item {
  const o = line.json();
  const { timestamp } = o;
  const payload = object(o.payload);
  if (payload) return { timestamp, type: text(o.type) ?? "", payload };
  const type = o.record_type === undefined ? "session_meta" : "state";
  return { timestamp, type: o.type === undefined ? type : "response_item", payload: o };
}
