/** Owns what is said of the program as a whole, by `weir --help` and by the manual page. */
import { commands } from "./commands.ts";
import { EXIT_MEANINGS } from "./exit.ts";
import type { Program } from "./help.ts";

export const program: Program = {
  summary:
    "weir keeps every AI coding agent's sessions in one archive of plain JSON Lines, as OpenTelemetry GenAI records: each fact once, metadata only unless you ask for more.",
  commands,
  examples: [
    { line: "weir scan", does: "what is on this machine" },
    { line: "weir sync", does: "archive what is new; safe in cron" },
    { line: "weir export --since 7d --format csv -o week.csv", does: "last week as a table" },
  ],
  exitCodes: EXIT_MEANINGS,
};
