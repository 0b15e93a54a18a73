/** Owns made-up lines of Claude Code for tests that need many, each with a number that it is recognised by. */
import type { WeirRecord } from "../../src/record/schema.ts";

/** Where a session's file lies below a home. */
export function sessionPath(session: string): string {
  return `.claude/projects/-home-dev-project-a/${session}.jsonl`;
}

const pad = (n: number): string => String(n).padStart(8, "0");

/** One answer of a model: call number `n`, that many input tokens, and as much text as asked for. */
export function callLine(n: number, session: string, text = "An answer."): string {
  const time = new Date(Date.UTC(2026, 10, 21) + n * 1000).toISOString();
  const line = {
    parentUuid: null,
    isSidechain: false,
    type: "assistant",
    uuid: `00000000-0000-4000-8000-${pad(n).padStart(12, "0")}`,
    timestamp: time,
    sessionId: session,
    version: "2.1.197",
    cwd: "/home/dev/project-a",
    gitBranch: "main",
    message: {
      id: `msg_0000000000${pad(n)}`,
      type: "message",
      role: "assistant",
      model: "claude-sonnet-4-5-20250929",
      content: [{ type: "text", text }],
      stop_reason: "end_turn",
      usage: { input_tokens: n, output_tokens: 1, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 },
    },
    requestId: `req_${pad(n)}`,
  };
  return `${JSON.stringify(line)}\n`;
}

/** Calls `from` to `to` (excluded) as lines. */
export function callLines(from: number, to: number, session: string, text?: string): string {
  return Array.from({ length: to - from }, (_, at) => callLine(from + at, session, text)).join("");
}

/** The numbers of the calls among records, in their order; a call whose tokens are not its number is an error. */
export function callNumbers(records: readonly WeirRecord[]): number[] {
  return records.flatMap(({ response_id, usage }) => {
    const n = Number(/^msg_0000000000(\d{8})$/.exec(response_id ?? "")?.[1] ?? Number.NaN);
    if (Number.isNaN(n)) return [];
    if (usage?.input_tokens !== n) throw new Error(`call ${n} has ${usage?.input_tokens} input tokens`);
    return [n];
  });
}
