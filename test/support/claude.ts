/** Owns made-up lines of Claude Code for tests that need many, each with a number that it is recognised by. */
import type { WeirRecord } from "../../src/record/schema.ts";
import type { Scratch } from "./home.ts";

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

/** The numbers of the calls among records, the smallest first; a call whose tokens are not its number is an error. */
export function callNumbers(records: readonly WeirRecord[]): number[] {
  const numbers = records.flatMap(({ response_id, usage }) => {
    const n = Number(/^msg_0000000000(\d{8})$/.exec(response_id ?? "")?.[1] ?? Number.NaN);
    if (Number.isNaN(n)) return [];
    if (usage?.input_tokens !== n) throw new Error(`call ${n} has ${usage?.input_tokens} input tokens`);
    return [n];
  });
  return numbers.sort((a, b) => a - b);
}

const TEXT = "x".repeat(300);
const sessions = new Map<number, string>();

/** Puts calls 0 to `calls` (excluded) into a home, ten thousand a session; large enough to be met at work. */
export function writeCalls(place: Scratch, calls: number): void {
  for (let from = 0; from < calls; from += 10_000) {
    const session = `s${from / 10_000}`;
    const lines = sessions.get(from) ?? callLines(from, from + 10_000, session, TEXT);
    sessions.set(from, lines);
    const all = from + 10_000 <= calls;
    place.write(sessionPath(session), all ? lines : callLines(from, calls, session, TEXT));
  }
}

/** The numbers 0 to `calls` (excluded). */
export function numbersTo(calls: number): number[] {
  return Array.from({ length: calls }, (_, at) => at);
}
