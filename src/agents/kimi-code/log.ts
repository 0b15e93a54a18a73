/** What both of Kimi's wire logs have in common: whose they are, their tokens, and what every record of them says. */
import type { Draft, Emit } from "../../read/types.ts";
import { originalName } from "../../record/copies.ts";
import { type JsonObject, object, text, under } from "../../record/json.ts";
import { mediaPart, partsOf, reasoningPart } from "../../record/messages.ts";
import type { Part, Usage } from "../../record/schema.ts";
import type { ToolCall } from "../../record/tool.ts";
import { summedUsage, tokensOf } from "../../record/usage.ts";

/** A log as far as it is read. */
export interface Log {
  session: string;
  /** The agent whose log this is, where it is not the session's own. */
  subagent?: { id: string; name?: string };
  cwd?: string;
  version?: string;
  told?: boolean;
  turn: number;
  tools: Record<string, ToolCall>;
  /** What was said so far in answers that are not complete, kept; only while texts are captured. */
  said?: Record<string, readonly Part[]>;
}

/** One line's record, and when it was written. */
export interface Entry {
  readonly o: JsonObject;
  readonly time?: string;
  readonly at: number;
}

export type Common = Omit<Draft, "key" | "operation">;

/** The session's folder: the one above the file, or above its `agents` or `subagents`. */
export function sessionOf(path: string): string | undefined {
  const folder = /([^/]+)\/(?:(?:agents|subagents)\/[^/]+\/)?[^/]+$/.exec(path)?.[1];
  return folder && originalName(folder);
}

export function base({ session, subagent, cwd, version, turn }: Log): Common {
  return {
    session_id: session,
    agent_version: version,
    subagent: subagent && { ...subagent },
    cwd,
    turn: turn < 0 || subagent ? undefined : turn,
  };
}

/** Input is counted without what came from and went into the cache. Tokens that are all zero nobody counted. */
export function usageOf(value: unknown): Usage | undefined {
  const u = object(value) ?? {};
  const usage = summedUsage(
    {
      input: u.inputOther ?? u.input_other,
      output: u.output,
      cacheRead: u.inputCacheRead ?? u.input_cache_read,
      cacheCreation: u.inputCacheCreation ?? u.input_cache_creation,
    },
    { caches: true },
  );
  return tokensOf(usage) > 0 ? usage : undefined;
}

/** Content as both write it: a text, or parts that are texts, thoughts, or pictures and other files by their address. */
export function partsIn(content: unknown): (Part | undefined)[] {
  const parts = Array.isArray(content) ? content : [content];
  return parts.flatMap((part) => {
    const p = object(part) ?? {};
    if (p.type === "think") return reasoningPart(p.think);
    const kind = /^(image|audio|video)_url$/.exec(text(p.type) ?? "")?.[1];
    const { url } = object(p[`${kind}Url`] ?? p[`${kind}_url`]) ?? {};
    return kind === undefined ? partsOf(part) : mediaPart(`${kind}/`, { uri: url });
  });
}

/** Keeps what an answer says until its call is told. */
export function hear(state: Log, answer: string | undefined, parts: readonly (Part | undefined)[], emit: Emit): void {
  if (answer === undefined) return;
  const kept = emit.keep(parts.filter((part) => part !== undefined));
  if (kept) state.said = { ...state.said, [answer]: [...heard(state, answer), ...kept] };
}

/** What an answer has said so far. */
export function heard({ said = {} }: Log, answer: string): readonly Part[] {
  return under(said, answer) ?? [];
}

/** Forgets what these answers said. */
export function forget(state: Log, isOne: (answer: string) => boolean): void {
  for (const answer of Object.keys(state.said ?? {})) if (isOne(answer)) delete state.said?.[answer];
}
