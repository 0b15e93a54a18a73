/** Owns how tests run a whole command of weir in their own process, as `weir` itself would: arguments in, outputs and exit code back. */
import type { Command } from "../../src/cli/args.ts";
import { parseArguments } from "../../src/cli/argv.ts";
import { commands } from "../../src/cli/commands.ts";
import { toldOf } from "../../src/cli/failure.ts";
import type { Io } from "../../src/cli/io.ts";
import { createLog } from "../../src/cli/log.ts";
import { createStdout } from "../../src/cli/stdout.ts";
import { environmentOf } from "../../src/config/environment.ts";
import { loadConfiguration } from "../../src/config/load.ts";
import { restrictNewFiles } from "../../src/system/process.ts";

export interface CommandResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

type Flags = { readonly home: readonly string[]; readonly "data-dir": string };

function ioFor(flags: Flags, variables: Readonly<Record<string, string>>, out: Buffer[], told: string[]): Io {
  const configuration = loadConfiguration({ file: { path: "" }, variables, flags, nearest: () => undefined });
  return {
    stdout: createStdout((_, bytes, from, length) => {
      out.push(Buffer.from(bytes.subarray(from, from + length)));
      return length;
    }),
    log: createLog({ level: "normal", color: false, write: (text) => void told.push(text) }),
    environment: environmentOf(flags.home, { platform: "linux", home: variables.HOME ?? "/nobody", variables: {} }),
    configuration,
    commands: commands as readonly Command[],
    dataDir: flags["data-dir"],
    placedBy: { home: "--home", data_dir: "--data-dir" },
    columns: Number.POSITIVE_INFINITY,
    color: false,
    stopSignal: () => undefined,
    rest: (ms) => Bun.sleep(ms),
    stopping: new AbortController().signal,
  };
}

/** Runs a command; `variables` are settings, and `HOME` where no `--home` is given. An error that weir does not throw on purpose is told as `unexpected`. */
export async function command(
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  const umask = process.umask();
  restrictNewFiles();
  const out: Buffer[] = [];
  const told: string[] = [];
  const result = (status: number): CommandResult => ({
    status,
    stdout: Buffer.concat(out).toString(),
    stderr: told.join(""),
  });
  try {
    const parsed = parseArguments(args, commands);
    if (parsed.kind !== "run") throw new Error("this is no command to run");
    const io = ioFor(parsed.args as unknown as Flags, variables, out, told);
    const module = await parsed.command.load();
    const status = await module.run(parsed.args, io);
    io.stdout.flush();
    return result(status);
  } catch (error) {
    const { code, message, hint } = toldOf(error);
    told.push(`error: ${message}\n  ${hint ?? ""}\n`);
    return result(code);
  } finally {
    process.umask(umask);
  }
}
