/** Owns the list of agents; nothing else names them all. */
import type { Agent } from "../read/types.ts";
import { claudeCode } from "./claude-code.ts";
import { cline } from "./cline/cline.ts";
import { codex } from "./codex/codex.ts";
import { geminiCli } from "./gemini-cli.ts";
import { pi } from "./pi.ts";
import { qwenCode } from "./qwen-code.ts";

export const agents: readonly Agent[] = [claudeCode, codex, geminiCli, pi, qwenCode, cline];
