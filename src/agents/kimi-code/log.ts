/** What both of Kimi's wire logs have in common: whose they are, their tokens, and what every record of them says. */
import type { Draft } from "../../read/types.ts";
import { type JsonObject, object } from "../../record/json.ts";
import type { Usage } from "../../record/schema.ts";
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
  return /([^/]+)\/(?:(?:agents|subagents)\/[^/]+\/)?[^/]+$/.exec(path)?.[1];
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
