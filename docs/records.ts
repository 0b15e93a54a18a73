/** Owns docs/records.md: every key of the record, its meaning from the schema, when it is there and an example. */
import * as v from "valibot";
import { OPERATIONS } from "../src/record/operations.ts";
import { contentSchema, recordSchema, usageSchema, type WeirRecord } from "../src/record/schema.ts";
import { markdownTable } from "./markdown.ts";

interface Told {
  readonly when: string;
  readonly example: unknown;
}

const CALLS = "calls of a model";

/** When a key is there, and a value that the schema takes. */
export const TOLD: { readonly [Key in keyof Required<WeirRecord>]: Told } = {
  v: { when: "always", example: 1 },
  id: { when: "always", example: "4daacd873a110aa133b51f937b0bf6e0" },
  fact: { when: "always", example: "msg_pH6TIKwHMZ" },
  rev: { when: "always", example: 0 },
  open: { when: "only while it may still grow; the final telling is a revision", example: true },
  time: { when: "where the source has a time", example: "2026-11-21T05:20:30.089Z" },
  end_time: { when: "where the end is known", example: "2026-11-21T05:20:30.809Z" },
  duration_ms: { when: "where start and end are known, or the source says it", example: 720 },
  turn: { when: "where the session's turns can be told apart", example: 0 },
  agent: { when: "always", example: "claude-code" },
  agent_version: { when: "where the source has it", example: "2.1.197" },
  stream: { when: "always", example: "transcript" },
  kind: { when: "calls and tools", example: "client" },
  session_id: {
    when: "nearly always; rows without a session are kept, too",
    example: "d97cd315-4d79-416b-b129-ff4f3d204c0d",
  },
  parent_session_id: { when: "sessions that another one spawned", example: "1272d173-4d79-416b-b129-ff4f3d204c0d" },
  forked_from: { when: "forked sessions, where the source says so", example: "1272d173-4d79-416b-b129-ff4f3d204c0d" },
  conversation_id: { when: "agents that have one", example: "conv-1" },
  subagent: { when: "what a subagent did in its parent's session", example: { id: "a1b2c3", name: "explore" } },
  operation: { when: "always", example: "chat" },
  name: { when: "where it says more", example: "SessionStart:startup" },
  trace_id: { when: "spans", example: "0af7651916cd43dd8448eb211c80319c" },
  span_id: { when: "spans", example: "b7ad6b7169203331" },
  parent_span_id: { when: "spans that have a parent", example: "00f067aa0ba902b7" },
  agent_name: { when: "where the source has it", example: "explore" },
  status: { when: "where the outcome is known", example: "ok" },
  error_type: { when: "what failed", example: "tool_error" },
  provider: { when: CALLS, example: "anthropic" },
  request_model: { when: `${CALLS}, where it was recorded`, example: "claude-sonnet-4-5" },
  model: { when: CALLS, example: "claude-sonnet-4-5-20250929" },
  response_id: { when: `${CALLS}, where the provider's id was recorded`, example: "msg_pH6TIKwHMZ" },
  finish_reasons: { when: `${CALLS} that have ended`, example: ["tool_use"] },
  usage: { when: `${CALLS} whose tokens were recorded`, example: { input_tokens: 38913, output_tokens: 656 } },
  aggregate: { when: "sums that an agent stores beside or in place of its calls", example: true },
  cost_usd: { when: "where the agent recorded one; weir computes none", example: 0.0123 },
  tool: { when: "tool calls", example: { name: "Bash", call_id: "toolu_XToDUBQwszDerQnjwRqBSd", type: "function" } },
  ttft_ms: { when: `${CALLS}, where it was recorded`, example: 412 },
  cwd: { when: "where the source has it", example: "~/project-a" },
  repository: { when: "where the source has it", example: "https://example.org/team/project-a.git" },
  branch: { when: "where the source has it", example: "main" },
  events: {
    when: "spans that have events",
    example: [{ name: "exception", attributes: { "exception.type": "Error" } }],
  },
  attributes: {
    when: "facts without a key of their own, from an allow-list",
    example: { "gen_ai.request.max_tokens": 8192 },
  },
  resource: { when: "spans", example: { "service.name": "copilot-chat", "service.version": "0.40.0" } },
  content: { when: "only at capture level content or raw", example: { error_message: "no such file" } },
  raw: { when: "only at capture level raw", example: '{"type":"assistant"}' },
  source: { when: "always", example: { path: ".claude/projects/-home-dev-project-a/d97cd315.jsonl", offset: 4021 } },
  host: { when: "always", example: "a6fde2fe1b7b1488" },
};

export function recordsPage(): string {
  const keys = Object.keys(recordSchema.entries) as (keyof typeof recordSchema.entries)[];
  return `# Records

<!-- Made by \`npm run docs\` from src/record/schema.ts. -->

One JSON object a line, self-contained, schema 1. Times are RFC 3339 in UTC. What is unknown is absent: never null, never
an invented 0. \`weir schema\` prints the same as JSON Schema.

## Keys

${markdownTable(
  ["key", "meaning", "when it is there", "example"],
  keys.map((key) => [
    `\`${key}\``,
    meaningOf(recordSchema.entries[key]),
    TOLD[key].when,
    `\`${JSON.stringify(TOLD[key].example)}\``,
  ]),
)}

## Tokens

${markdownTable(
  ["key of `usage`", "meaning"],
  Object.entries(usageSchema.entries).map(([key, schema]) => [`\`${key}\``, meaningOf(schema)]),
)}

The last three are parts of the first two, for every agent: agents that report the parts apart are summed. So
\`input_tokens + output_tokens\` is what the model provider served.

## Texts

Only at capture level \`content\` or \`raw\`, and in an export only with \`--content\`: [privacy.md](privacy.md).

${markdownTable(
  ["key of `content`", "meaning"],
  Object.entries(contentSchema.entries).map(([key, schema]) => [`\`${key}\``, meaningOf(schema)]),
)}

A message is \`{"role", "parts"}\`, one that a model answered may say \`finish_reason\`. Parts are those of the GenAI
conventions: \`text\`, \`reasoning\`, \`tool_call\`, \`tool_call_response\`, \`blob\`, \`uri\`, \`file\`; a part of another type has
the fields that its agent gave it. \`raw\` is the text of the item that told the fact (a line, a message, a row), as JSON.
What was over \`content_limit_bytes\` says so: texts end with \`… [cut: 12 characters]\`, lists with a mark in the shape of an
item. In the place of a secret stands \`[redacted:RULE]\`.

## Operations

${OPERATIONS.map((name) => `\`${name}\``).join(", ")}. The first five are calls and work; the others tell of the session itself.

## One fact, several tellings

- \`id\` names one telling by one stream. When its source learns more, the same \`id\` comes again with a higher \`rev\`.
- \`fact\` is the same in every stream and in every copy that tells of it: a fork's copied history, a call told by a
  transcript and by a span.
- The archive keeps every telling. \`weir export\` gives each fact once, \`weir export --all\` gives everything.

To count by hand, take of one \`id\` the highest \`rev\`, then of one \`operation\` and \`fact\` one record, and leave out
\`aggregate\` where the session has calls.
`;
}

type Entry = v.BaseSchema<unknown, unknown, v.BaseIssue<unknown>>;

/** The description in the schema; an optional key's stands inside. */
function meaningOf(entry: Entry): string {
  const inner = "wrapped" in entry ? (entry.wrapped as Entry) : entry;
  return v.getDescription(inner) ?? v.getDescription(entry) ?? "";
}
