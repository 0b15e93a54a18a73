/** Owns reading a transcript's line by its layout: what it says without decoding its payload. */
import type { JsonObject, Line } from "../../read/types.ts";

export const SILENT_FIRST =
  /^\{"type":"(?:api-request(?:-\w+)?|file-history-snapshot|attribution-snapshot|progress|summary)"/;
/** More than the longest beginning that NOT_TYPED knows. */
const PROMPT_SHOWN = 64;
/** Blanks before it, of which some are more than one byte, may be any number. */
const BLANK_FIRST = /^[\s\x80-\xff]/;

/**
 * An assistant's line without its content, when it is laid out as Claude Code writes it and at most the first block of
 * its content is a tool call; else undefined, and the whole line is parsed.
 */
export function fastAssistant(line: Line): JsonObject | undefined {
  const { head } = line;
  if (!head.startsWith('{"parentUuid":')) return undefined;
  const frame = frames.of(head, head.indexOf(",") + 1);
  const content = frame ? head.indexOf(CONTENT, frames.end) + CONTENT.length : 0;
  if (!frame || content < CONTENT.length) return undefined;
  const block = blockAt(head, content);
  const first = block?.type === "tool_use" ? TOOL_USE.length : 0;
  if (!block || line.find('"type":"tool_use"', content + first) >= 0) return undefined;
  if (head.slice(frames.end, content).includes("{")) return undefined; // an id in there may be another's
  const id = plainValue(head, '"id":"', frames.end, content);
  const model = plainValue(head, '"model":"', frames.end, content);
  const end = line.find('],"stop_reason":', content);
  if (!id || !model || end < 0) return undefined;
  const rest = parsed(`{"message":{"content":[${line.slice(end)}`);
  const inner = rest?.message as Record<string, unknown> | undefined;
  if (!inner?.usage || rest?.type !== "assistant") return undefined;
  inner.id = id;
  inner.model = model;
  inner.content = [block];
  return Object.assign(rest, frame);
}

const PROMPT = '"message":{"role":"user","content":"';
/** What ends a text, with its object or before another key; within a text they would be escaped. */
const MESSAGE_END = '"},"';
const KEY_END = '","';
const PROMPT_END = '"},"uuid":"';

/** A prompt's line with no more of its text than tells whether the user typed it, when it is laid out likewise. */
export function fastPrompt(line: Line): JsonObject | undefined {
  const { head } = line;
  if (!head.startsWith('{"parentUuid":')) return undefined;
  const frame = promptFrames.of(head, head.indexOf(",") + 1);
  const start = promptFrames.end;
  const said = frame && head.slice(start, start + PROMPT_SHOWN);
  const end = said === undefined || said.includes("\\") ? -1 : line.find(MESSAGE_END, start);
  if (said === undefined || end < start + PROMPT_SHOWN || BLANK_FIRST.test(said)) return undefined;
  const next = line.find(KEY_END, start);
  if ((next >= 0 && next < end) || line.latin1(end, end + PROMPT_END.length) !== PROMPT_END) return undefined;
  const rest = parsed(`{"message":{"content":"${line.slice(end)}`);
  const inner = rest?.message as Record<string, unknown> | undefined;
  if (!inner || rest?.uuid === undefined) return undefined;
  inner.content = said;
  return Object.assign(rest, frame);
}

function parsed(json: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(json) as Record<string, unknown>;
  } catch {
    return undefined; // the line is not laid out as expected; the full parse decides
  }
}

const PLAIN = /^[ !#-[\]-~]+$/;

/** The value of a key between two places, when it is ASCII without escapes. */
function plainValue(head: string, key: string, from: number, to: number): string | undefined {
  const start = head.indexOf(key, from) + key.length;
  if (start < key.length || start > to) return undefined;
  const value = head.slice(start, head.indexOf('"', start));
  return PLAIN.test(value) ? value : undefined;
}

/** Reads a run of keys that ends before a known one; it is kept, because most lines repeat the line before. */
class Keys {
  /** Where the value of the known key begins in the head that was read last. */
  end = 0;
  #text = "";
  #object: JsonObject | undefined;

  constructor(readonly next: string) {}

  of(head: string, start: number): JsonObject | undefined {
    if (this.#text === "" || !head.startsWith(this.#text, start)) {
      const next = head.indexOf(this.next, start);
      if (next < 0) return undefined;
      this.#text = head.slice(start, next + this.next.length);
      const keys = head.slice(start, head[next - 1] === "," ? next - 1 : next);
      this.#object = /[^\x20-\x7e]/.test(keys) ? undefined : parsed(`{${keys}}`);
    }
    this.end = start + this.#text.length;
    return this.#object;
  }
}

/** The keys before the message: session, version, folder, branch. */
const frames = new Keys('"message":{');
/** The keys before a prompt's text. */
const promptFrames = new Keys(PROMPT);
const CONTENT = '"content":[';

const RESULT = '"type":"user","message":{"role":"user","content":[{"tool_use_id":"';
const RESULT_CONTENT = '","type":"tool_result","content":';
const RESULT_END = '}]},"uuid":"';
const ERROR = '"is_error":';
const RESULT_TIME = '","timestamp":"';
const PLAIN_ID = /^[\w.:-]+$/;

/** A tool's result, told by the bytes around its payload: which call, whether it failed, when. */
export function fastResult(line: Line): { id: string; failed: boolean; time: string } | undefined {
  const { head } = line;
  const found = head.indexOf(RESULT);
  if (found < 0 || !head.startsWith('{"parentUuid":')) return undefined;
  const from = found + RESULT.length;
  const to = head.indexOf('"', from);
  const id = head.slice(from, to);
  if (!head.startsWith(RESULT_CONTENT, to) || !PLAIN_ID.test(id)) return undefined;
  const start = to + RESULT_CONTENT.length;
  const end = line.find(RESULT_END, start);
  const second = line.find('"tool_use_id":', start);
  if (end < 0 || (second >= 0 && second < end)) return undefined;
  const error = line.find(ERROR, start);
  if (error >= 0 && error < end - ERROR.length - "false".length) return undefined; // not the last key, or another's
  const before = Math.max(start, end - 16);
  const around = line.latin1(before, Math.min(line.length, end + 120));
  const uuid = end - before + RESULT_END.length;
  const time = around.indexOf('"', uuid);
  if (!around.startsWith(RESULT_TIME, time)) return undefined;
  const stamp = time + RESULT_TIME.length;
  return {
    id,
    failed: around.startsWith(',"is_error":true}'),
    time: around.slice(stamp, around.indexOf('"', stamp)),
  };
}

const TOOL_USE = '{"type":"tool_use","id":"';
const TOOL_NAME = '","name":"';

/** The content block that begins here, as its first bytes tell it. */
function blockAt(head: string, start: number): JsonObject | undefined {
  if (!head.startsWith(TOOL_USE, start)) {
    const isText = head.startsWith('{"type":"text"', start) || head.startsWith('{"type":"thinking"', start);
    return isText || head.startsWith('{"type":"redacted_thinking"', start) ? { type: "text" } : undefined;
  }
  const id = start + TOOL_USE.length;
  const idEnd = head.indexOf('"', id);
  const name = idEnd + TOOL_NAME.length;
  const nameEnd = head.indexOf('"', name);
  const block = { type: "tool_use", id: head.slice(id, idEnd), name: head.slice(name, nameEnd) };
  const isPlain = head.startsWith(TOOL_NAME, idEnd) && head.startsWith('","input":', nameEnd);
  return isPlain && PLAIN_ID.test(block.id) && PLAIN_ID.test(block.name) ? block : undefined;
}
