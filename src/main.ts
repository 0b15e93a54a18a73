/** Owns the entry: dispatch, and the one place that turns an error into an exit code. */
import { resolve } from "node:path";
import { parseArguments, UsageError } from "./cli/argv.ts";
import { decideColor } from "./cli/color.ts";
import { commands } from "./cli/commands.ts";
import { EXIT, EXIT_MEANINGS, exitCodeOf } from "./cli/exit.ts";
import { commandHelp, programHelp } from "./cli/help.ts";
import type { Io } from "./cli/io.ts";
import { createLog, type Log, levelOf, wantsProgress } from "./cli/log.ts";
import { createStdout } from "./cli/stdout.ts";
import { environmentOf } from "./config/environment.ts";
import { defaultDataFolder } from "./config/folders.ts";
import { WeirError } from "./system/errors.ts";
import * as self from "./system/process.ts";
import { sys, writeFully } from "./system/system.ts";

declare const WEIR_VERSION: string | undefined;
const version = typeof WEIR_VERSION === "string" ? WEIR_VERSION : "0.0.0-source";

const program = {
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

type Flags = {
  readonly color: "auto" | "always" | "never";
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly debug: boolean;
};
const PLAIN: Flags = { color: "auto", quiet: false, verbose: false, debug: false };

const stdout = createStdout((fd, bytes, offset, length) => sys.write(fd, bytes, offset, length, null));

function colorOn(fd: 1 | 2, mode: Flags["color"]): boolean {
  return decideColor({ mode, env: self.env, isTTY: mode === "auto" && self.terminal(fd).isTTY });
}

function logFor(flags: Flags): Log {
  const { isTTY, columns } = self.terminal(2);
  const level = levelOf(flags);
  return createLog({
    level,
    color: colorOn(2, flags.color),
    progress: wantsProgress({ isTTY, env: self.env, level }),
    columns,
    now: () => performance.now(),
    write: (text) => writeFully(2, Buffer.from(text), null),
  });
}

async function main(): Promise<number> {
  const parsed = parseArguments(self.argv, commands);
  if (parsed.kind === "version") {
    stdout.write(`weir ${version}\n`);
    return EXIT.done;
  }
  if (parsed.kind === "help") {
    const color = { color: colorOn(1, "auto") };
    stdout.write(parsed.command ? commandHelp(parsed.command, color) : programHelp(program, color));
    return EXIT.done;
  }
  const flags = parsed.args as unknown as Flags & { readonly home: readonly string[]; readonly "data-dir"?: string };
  log = logFor(flags);
  debug = flags.debug;
  const { platform } = self;
  const home = self.env.HOME || self.homeFolder();
  const machine = { platform, home, variables: self.env };
  let signal: self.StopSignal | undefined;
  self.onStopSignal((received) => {
    if (signal) self.exitNow(EXIT[received]);
    signal = received;
  });
  const out = self.terminal(1);
  const io: Io = {
    stdout,
    log,
    environment: environmentOf(flags.home, machine),
    dataDir: resolve(flags["data-dir"] ?? (self.env.WEIR_DATA_DIR || defaultDataFolder(platform, home, self.env))),
    columns: out.isTTY ? out.columns : Number.POSITIVE_INFINITY,
    color: colorOn(1, flags.color),
    stopSignal: () => signal,
  };
  const module = await parsed.command.load();
  return module.run(parsed.args, io);
}

let log = logFor(PLAIN);
let debug = false;

function failed(error: unknown): number {
  if (error instanceof WeirError) {
    log.error(error.message, error.hint);
    if (debug) log.debug(error.stack ?? "");
    return exitCodeOf(error.failure);
  }
  log.error(
    `unexpected: ${(error as Error)?.message ?? String(error)}`,
    "please report this with the output of --debug",
  );
  if (debug) log.debug((error as Error)?.stack ?? "");
  return EXIT.failed;
}

self.restrictNewFiles();
let code: number;
try {
  code = await main();
  stdout.flush();
} catch (error) {
  if (error instanceof UsageError && self.argv.length === 0) stdout.write("");
  code = failed(error);
}
self.setExitCode(code);
