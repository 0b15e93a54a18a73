/** A session as the first versions of Qwen Code kept it: one document, its messages with their tokens. */
import type { Emit, Group, SourceInfo } from "../../read/types.ts";
import { type JsonObject, list, object, text } from "../../record/json.ts";
import { answer, message, partsOf, reasoningPart, structured, toolCallPart } from "../../record/messages.ts";
import type { Part } from "../../record/schema.ts";
import { utc } from "../../record/time.ts";
import { endByStatus, toolDraft } from "../../record/tool.ts";
import { isResult } from "./state.ts";
import { IN_DOCUMENT, usageOf } from "./tokens.ts";

export function reduce(group: Group, source: SourceInfo, emit: Emit): void {
  const document = object(group.document) ?? {};
  const session_id = text(document.sessionId) ?? source.stem;
  if (!Array.isArray(document.messages)) {
    emit.unknown("document without messages");
    return;
  }
  const began = utc(document.startTime);
  emit({ key: "session", fact: session_id, operation: "session", session_id, time: began, at: { index: 0 } });
  let turn = -1;
  list(document.messages).forEach((value, index) => {
    const m = object(value) ?? {};
    const key = text(m.id) ?? String(index);
    const time = utc(m.timestamp);
    const isPrompt = m.type === "user" && !isResult(m.content);
    if (isPrompt) turn++;
    const common = { key, fact: key, session_id, time, turn: turn < 0 ? undefined : turn, at: { index }, raw: m };
    if (isPrompt) {
      const input_messages = emit.keep(message("user", partsOf(m.content)));
      emit({ ...common, operation: "user_message", content: { input_messages } });
    }
    const usage = usageOf(m.tokens, IN_DOCUMENT);
    const model = text(m.model);
    const content = { output_messages: usage && emit.keep(answer(saidIn(m), undefined)) };
    if (usage) emit({ ...common, operation: "chat", kind: "client", status: "ok", model, usage, content });
    for (const item of list(m.toolCalls)) {
      const call = object(item) ?? {};
      // Its own time moves with its status.
      const end = endByStatus(text(call.status), utc(call.timestamp), emit.keep(givenBy(call)));
      const args = emit.keep(structured(call.args));
      const tool = { name: text(call.name), start: time, turn: common.turn, at: 0, args };
      const draft = toolDraft(text(call.id) ?? `${key}#${tool.name}`, tool, session_id, end);
      emit({ ...draft, at: { index }, raw: m });
    }
  });
}

/** What an answer says: its thoughts, its text, its calls. */
function saidIn(m: JsonObject): readonly (Part | undefined)[] {
  const thoughts = list(m.thoughts).map((one) => reasoningPart(object(one)?.description ?? object(one)?.subject));
  const calls = list(m.toolCalls).map((one) => {
    const { id, name, args } = object(one) ?? {};
    return toolCallPart(id, name, args);
  });
  return [...thoughts, ...partsOf(m.content), ...calls];
}

function givenBy(call: JsonObject): unknown {
  const [first] = list(call.result).map(object);
  const response = object(object(first?.functionResponse)?.response);
  return response?.output ?? response?.error ?? call.resultDisplay ?? undefined;
}
