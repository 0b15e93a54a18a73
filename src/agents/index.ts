/** Owns the list of agents; nothing else names them all. */
import type { Agent, Stream } from "../read/types.ts";
import { amp } from "./amp/amp.ts";
import { claudeCode } from "./claude-code/claude-code.ts";
import { cline } from "./cline/cline.ts";
import { codex } from "./codex/codex.ts";
import { continueDev } from "./continue/continue.ts";
import { copilotCli } from "./copilot-cli/copilot-cli.ts";
import { copilotVscode } from "./copilot-vscode/copilot-vscode.ts";
import { cursor } from "./cursor/cursor.ts";
import { droid } from "./droid.ts";
import { geminiCli } from "./gemini-cli/gemini-cli.ts";
import { kimiCode } from "./kimi-code/kimi-code.ts";
import { kiloCode } from "./opencode/kilo-code.ts";
import { opencode } from "./opencode/opencode.ts";
import { pi } from "./pi/pi.ts";
import { qwenCode } from "./qwen-code/qwen-code.ts";
import { windsurf } from "./windsurf.ts";

export const agents: readonly Agent[] = [
  claudeCode,
  codex,
  copilotVscode,
  copilotCli,
  cursor,
  droid,
  geminiCli,
  continueDev,
  windsurf,
  amp,
  opencode,
  pi,
  qwenCode,
  kiloCode,
  cline,
  kimiCode,
];

/** What counting has to know of a stream: what its agent's file says; one that no agent has any more is believed least. */
export function standingOf(agent: string, stream: string): Pick<Stream, "rank" | "moments"> {
  return agents.find(({ id }) => id === agent)?.streams.find(({ kind }) => kind === stream) ?? { rank: 0 };
}
