/** A session as the first versions of Qwen Code kept it: one document, its messages with their tokens. */
import type { Emit, Group, SourceInfo } from "../../read/types.ts";
import { list, object, text } from "../../record/json.ts";
import { utc } from "../../record/time.ts";
import { toolDraft } from "../../record/tool.ts";
import { IN_DOCUMENT, usageOf } from "./tokens.ts";

export function reduce(group: Group, source: SourceInfo, emit: Emit): void {
  const document = object(group.document) ?? {};
  const session_id = text(document.sessionId) ?? source.stem;
  if (!Array.isArray(document.messages)) emit.unknown("document without messages");
  const began = utc(document.startTime);
  emit({ key: "session", fact: session_id, operation: "session", session_id, time: began, at: { index: 0 } });
  let turn = -1;
  list(document.messages).forEach((value, index) => {
    const m = object(value) ?? {};
    const key = text(m.id) ?? String(index);
    const time = utc(m.timestamp);
    if (m.type === "user") turn++;
    const common = { key, fact: key, session_id, time, turn: turn < 0 ? undefined : turn, at: { index } };
    if (m.type === "user") emit({ ...common, operation: "user_message" });
    const usage = usageOf(m.tokens, IN_DOCUMENT);
    if (usage) emit({ ...common, operation: "chat", kind: "client", status: "ok", model: text(m.model), usage });
    for (const item of list(m.toolCalls)) {
      const call = object(item) ?? {};
      const status = text(call.status);
      const end = status === undefined ? undefined : { failed: status !== "success" };
      const tool = { name: text(call.name), start: utc(call.timestamp) ?? time, turn: common.turn, at: 0 };
      emit({ ...toolDraft(text(call.id) ?? `${key}#${tool.name}`, tool, session_id, end), at: { index } });
    }
  });
}
