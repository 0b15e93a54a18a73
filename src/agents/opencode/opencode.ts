/**
 * OpenCode: one SQLite database, and the JSON files that older versions left.
 * Counting rule: a call is an assistant message with tokens; a fork's copies, which have new ids, are known by the same
 * times, model, tokens and cost. Sums in sessions, step parts and the log of events repeat it. Title calls are not stored.
 */
import type { Agent } from "../../read/types.ts";
import { streamsOf } from "./family.ts";

export const opencode: Agent = {
  id: "opencode",
  title: "OpenCode",
  retention: "deletes nothing by itself",
  streams: streamsOf("opencode"),
};
