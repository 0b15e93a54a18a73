/** Owns the list of agents; nothing else names them all. */
import type { Agent } from "../read/types.ts";
import { claudeCode } from "./claude-code.ts";

export const agents: readonly Agent[] = [claudeCode];
