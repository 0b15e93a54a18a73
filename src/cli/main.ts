/** Owns the dispatch of commands, and the one place that turns an error into an exit code. */
import { delimiter, resolve } from "node:path";
import { environmentOf } from "../config/environment.ts";
import { defaultConfigFile, defaultDataFolder } from "../config/folders.ts";
import type { ConfigFile } from "../config/load.ts";
import { WeirError } from "../system/errors.ts";
import * as self from "../system/process.ts";
import { sys, writeFully } from "../system/system.ts";
import { version } from "../system/version.ts";
import type { ArgsOf, Command, globalArgs } from "./args.ts";
import { parseArguments } from "./argv.ts";
import { decideColor } from "./color.ts";
import { commands } from "./commands.ts";
import { EXIT } from "./exit.ts";
import { toldOf } from "./failure.ts";
import { commandHelp, programHelp, programOverview } from "./help.ts";
import type { Io } from "./io.ts";
import { createLog, type Log, levelOf, wantsProgress } from "./log.ts";
import { Interrupted } from "./pause.ts";
import { program } from "./program.ts";
import { createStdout } from "./stdout.ts";
import { nearest } from "./text.ts";

type Flags = ArgsOf<typeof globalArgs>;

const stdout = createStdout((fd, bytes, offset, length) => {
  log.progressEnd(); // else data would stand behind it on a terminal's line
  return self.interruptibly(() => sys.write(fd, bytes, offset, length, null));
});

/** Writes to stderr, after what was written to stdout before: so people read both in the order they were said in. */
function tellPeople(text: string): void {
  try {
    stdout.flush();
  } catch (error) {
    if (!(error instanceof WeirError)) throw error; // stdout throws it again when it is used next
  }
  writeFully(2, Buffer.from(text), null);
}

function colorOn(fd: 1 | 2, mode: Flags["color"]): boolean {
  return decideColor({ mode, env: self.env, isTTY: mode === "auto" && self.terminal(fd).isTTY });
}

function logFor(flags: Pick<Flags, "color" | "quiet" | "verbose" | "debug">): Log {
  const { isTTY, columns } = self.terminal(2);
  const level = levelOf(flags);
  return createLog({
    level,
    color: colorOn(2, flags.color),
    progress: wantsProgress({ isTTY, env: self.env, level }),
    columns: isTTY ? columns : undefined,
    now: self.uptime,
    write: tellPeople,
  });
}

/** The homes to look under, and what named them. */
function homesOf(flags: Flags): { readonly paths: readonly string[]; readonly by: string } {
  if (flags.home.length > 0) return { paths: flags.home, by: "--home" };
  const paths = (self.env.WEIR_HOME ?? "").split(delimiter).filter((path) => path !== "");
  return { paths, by: paths.length > 0 ? "WEIR_HOME" : "default" };
}

/** The data folder, and what named it. */
function dataFolderOf({ "data-dir": path }: Flags, home: string): { readonly path: string; readonly by: string } {
  if (path !== undefined) return { path: resolve(path), by: "--data-dir" };
  if (self.env.WEIR_DATA_DIR) return { path: resolve(self.env.WEIR_DATA_DIR), by: "WEIR_DATA_DIR" };
  return { path: resolve(defaultDataFolder(self.platform, home, self.env)), by: "default" };
}

function configFileOf(flags: Flags, home: string): ConfigFile {
  if (flags.config !== undefined) return { path: resolve(flags.config), namedBy: "--config" };
  if (self.env.WEIR_CONFIG) return { path: resolve(self.env.WEIR_CONFIG), namedBy: "WEIR_CONFIG" };
  return { path: defaultConfigFile(self.platform, home, self.env) };
}

/** What a command gets to work with. Throws `usage` for a wrong setting, unless the command needs none. */
async function ioFor(flags: Flags, command: Command<Io>): Promise<Io> {
  const { platform, env } = self;
  const home = self.homeFolder();
  const homes = homesOf(flags);
  const data = dataFolderOf(flags, home);
  const { loadConfiguration } = await import("../config/load.ts");
  const file = configFileOf(flags, home);
  const given = { file, variables: env, flags, nearest };
  const nothing = { file: { path: "" }, variables: {}, flags: {}, nearest };
  const stop = self.stopSignals((signal) => self.exitNow(EXIT[signal]));
  const out = self.terminal(1);
  return {
    stdout,
    log,
    environment: environmentOf(homes.paths, { platform, home, variables: env }),
    commands: commands as readonly Command[],
    configuration: loadConfiguration(command.ignoresConfiguration ? nothing : given),
    dataDir: data.path,
    placedBy: { home: homes.by, data_dir: data.by },
    columns: out.isTTY ? out.columns : Number.POSITIVE_INFINITY,
    color: colorOn(1, flags.color),
    stopSignal: stop.received,
    rest: stop.rest,
    stopping: stop.stopping,
  };
}

async function main(): Promise<number> {
  const parsed = parseArguments(self.argv, commands);
  if (parsed.kind === "version") {
    stdout.write(`weir ${version}\n`);
    return EXIT.done;
  }
  if (parsed.kind === "help") {
    const options = { color: colorOn(1, parsed.color ?? "auto"), columns: self.terminal(1).columns };
    stdout.write(parsed.command ? commandHelp(parsed.command, options) : programHelp(program, options));
    return EXIT.done;
  }
  if (parsed.kind === "nothing") {
    tellPeople(programOverview(program, { color: colorOn(2, "auto"), columns: self.terminal(2).columns }));
    return EXIT.usage;
  }
  const flags = parsed.args as unknown as Flags;
  log = logFor(flags);
  const io = await ioFor(flags, parsed.command);
  for (const variable of io.configuration.unread) log.warn(variable);
  const module = await parsed.command.load();
  return module.run(parsed.args, io);
}

let log = logFor({ color: "auto", quiet: false, verbose: false, debug: false });

function failed(error: unknown): number {
  log.progressEnd();
  if (error instanceof Interrupted) return EXIT[error.signal];
  const { code, message, hint } = toldOf(error);
  log.error(message, hint);
  for (let at = error; at instanceof Error; at = at.cause) log.debug(at.stack ?? "");
  return code;
}

/** Runs the command that the arguments name and sets the exit code; throws nothing. */
export async function run(): Promise<void> {
  self.restrictNewFiles();
  try {
    const code = await main();
    stdout.flush();
    self.setExitCode(code);
  } catch (error) {
    self.setExitCode(failed(error));
  }
}
