/** Owns how stores of Cline are made up: documents of sessions, and tasks of its first generation. */

export const SESSIONS = ".cline/data/sessions";
export const STORAGE = ".config/Code/User/globalStorage/saoudrizwan.claude-dev";
export const TASK = "1750000000000";
export const START = Number(TASK);
export const time = (ms: number): string => new Date(START + ms).toISOString();

export const fileOf = (session: string, name = session): string => `${SESSIONS}/${session}/${name}.messages.json`;
export const user = (ms: number, text = "go on", id = `u${ms}`) => ({
  id,
  role: "user",
  ts: START + ms,
  content: [{ type: "text", text: `<user_input mode="act">${text}</user_input>` }],
});
export const METRICS = { inputTokens: 100, outputTokens: 10, cacheReadTokens: 60, cacheWriteTokens: 20, cost: 0.5 };
export const answer = (ms: number, more = {}) => ({
  id: `a${ms}`,
  role: "assistant",
  ts: START + ms,
  content: [{ type: "text", text: "done" }],
  modelInfo: { id: "m", provider: "anthropic" },
  metrics: METRICS,
  ...more,
});
export const use = (id: string, name = "editor") => ({ type: "tool_use", id, name, input: {} });
export const result = (ms: number, id: string, content: unknown, more = {}) => ({
  id: `r${ms}`,
  role: "user",
  ts: START + ms,
  content: [{ type: "tool_result", tool_use_id: id, content, ...more }],
});
export const session = (sessionId: string, messages: unknown, more = {}) => ({
  version: 1,
  sessionId,
  messages,
  ...more,
});
export const manifest = (ms: number, metadata: object) => ({
  version: 1,
  started_at: time(ms),
  cwd: "/home/dev/app",
  metadata,
});

export const entry = (ms: number, kind: string, told?: unknown, more = {}) => ({
  ts: START + ms,
  type: "say",
  say: kind,
  ...(told !== undefined && { text: typeof told === "string" ? told : JSON.stringify(told) }),
  ...more,
});
export const USAGE = { tokensIn: 20, tokensOut: 10, cacheReads: 60, cacheWrites: 20, cost: 0.5 };
export const request = (ms: number, told: object = USAGE) =>
  entry(ms, "api_req_started", { request: "x", ...told }, { modelInfo: { modelId: "m", providerId: "anthropic" } });
export const shown = (entries: unknown) => ({ [`${STORAGE}/tasks/${TASK}/ui_messages.json`]: entries });
export const sent = (messages: unknown) => ({ [`${STORAGE}/tasks/${TASK}/api_conversation_history.json`]: messages });
