/** Owns made-up lines of Claude Code's transcripts, as its tests write them: one a second, of one session unless told otherwise. */
import { type Files, tellOf } from "./agent.ts";

export const PROJECT = ".claude/projects/-w-app";
export const S = "11111111-1111-4111-8111-111111111111";
export const T = "22222222-2222-4222-8222-222222222222";

export const at = (seconds: number): string => new Date(Date.UTC(2026, 6, 1, 10) + seconds * 1000).toISOString();
export const chain = (uuid: string, seconds: number, more: object) => ({
  parentUuid: null,
  isSidechain: false,
  userType: "external",
  cwd: "/home/ana/app",
  sessionId: S,
  version: "2.1.220",
  gitBranch: "main",
  uuid,
  timestamp: at(seconds),
  ...more,
});
export const prompt = (uuid: string, seconds: number, content: unknown = "hello", more: object = {}) =>
  chain(uuid, seconds, { type: "user", message: { role: "user", content }, ...more });
export const usage = (output: number, input = 10) => ({
  input_tokens: input,
  output_tokens: output,
  cache_creation_input_tokens: 100,
  cache_read_input_tokens: 1000,
});
export const answer = (
  uuid: string,
  seconds: number,
  id: string,
  output: number,
  block: object,
  more: object = {},
  stop: string | null = null,
) =>
  chain(uuid, seconds, {
    message: {
      model: "claude-x-5",
      id,
      type: "message",
      role: "assistant",
      content: [block],
      stop_reason: stop,
      usage: usage(output),
    },
    requestId: `req_${id}`,
    type: "assistant",
    ...more,
  });
export const says = { type: "text", text: "ok" };
export const calls = (id: string, name = "Bash") => ({ type: "tool_use", id, name, input: { command: "ls" } });
export const result = (uuid: string, seconds: number, id: string, isError = false, more: object = {}) =>
  chain(uuid, seconds, {
    type: "user",
    message: {
      role: "user",
      content: [{ tool_use_id: id, type: "tool_result", content: "file.txt", is_error: isError }],
    },
    toolUseResult: { stdout: "file.txt" },
    ...more,
  });

export const of = async (...steps: Files[]) => {
  const { records, all, summary } = await tellOf("claude-code", ...steps);
  const by = (operation: string) => records.filter((r) => r.operation === operation);
  return { records, all, summary, by, tokens: by("chat").map((r) => r.usage?.output_tokens) };
};
export const file = (lines: readonly object[], name = S): Files => ({ [`${PROJECT}/${name}.jsonl`]: lines as never });
