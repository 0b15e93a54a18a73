/** Owns what Copilot CLI's own spans are, in whichever program's file they stand. */
import { GEN_AI } from "./attributes.ts";
import type { Draft } from "./draft.ts";
import { tokensOf } from "./usage.ts";

/** The service that it names its spans after. */
export const COPILOT_CLI = "github-copilot";
/** How long the service worked on a request, in milliseconds. */
export const SERVER_DURATION = "github.copilot.server_duration";

/**
 * What a request is. One without tokens failed, which is told only here when another one then succeeded; or it is of a
 * version that told the tokens of a subagent's calls in one span, as if they were one call: the subagent's run tells them
 * as well.
 */
export function cliRequest({ attributes, usage, status }: Draft): Pick<Draft, "operation" | "usage"> {
  if (tokensOf(usage) === 0) return { operation: status === "error" ? "error" : "other", usage };
  const isSum = attributes?.[SERVER_DURATION] === undefined && attributes?.[GEN_AI.requestStream] !== undefined;
  return isSum ? { operation: "other", usage: undefined } : { operation: "chat", usage };
}

/** Whose run it is: the main agent's has no name and nothing above it, a subagent's runs in its parent's session. */
export function cliSubagent({ operation, agent_name: name, parent_span_id, span_id: id }: Draft): Draft["subagent"] {
  return operation === "invoke_agent" && name !== undefined && parent_span_id !== undefined ? { id, name } : undefined;
}
