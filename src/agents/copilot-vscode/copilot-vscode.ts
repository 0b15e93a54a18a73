/**
 * GitHub Copilot in VS Code: a trace database for all windows, and below each workspace transcripts, chat sessions and
 * debug logs; a file exporter's file where one is set.
 * Counting rule: a call is one model request, told best by its chat span; a run's usage is the sum of its calls, and a
 * chat session's is a request's, so these count only where no stream tells the calls.
 */
import type { Agent } from "../../read/types.ts";
import { chatSessionStream } from "./chat-sessions.ts";
import { debugLogStream } from "./debug-log.ts";
import { otelFileStream } from "./otel-file.ts";
import { below, chatSessions, debugLogs, otelFiles, traceDatabases, transcripts } from "./places.ts";
import { spanStream } from "./spans.ts";
import { transcriptStream } from "./transcript.ts";

/**
 * Spans know most; what is written for people to look at knows least. All rank below the stores of agents that run
 * inside VS Code (Claude Code, Copilot CLI): where both tell the same number of a session's facts, its own is believed.
 */
export const copilotVscode: Agent = {
  id: "copilot-vscode",
  title: "GitHub Copilot in VS Code",
  retention:
    "deletes spans after 7 days or 100 sessions, debug logs after 50 and transcripts after 20 sessions: sync at least hourly",
  streams: [
    spanStream(traceDatabases, 45),
    otelFileStream(otelFiles, 44),
    debugLogStream((environment) => below(environment, debugLogs), 40),
    transcriptStream((environment) => below(environment, transcripts), 35),
    chatSessionStream("jsonl", (environment) => below(environment, chatSessions(".jsonl")), 30),
    chatSessionStream("json", (environment) => below(environment, chatSessions(".json")), 30),
  ],
};
