/** Owns what a command gets to work with: outputs, environment, folders, and whether it should stop. */
import type { Configuration } from "../config/load.ts";
import type { Environment } from "../read/types.ts";
import type { StopSignal } from "../system/process.ts";
import type { Command } from "./args.ts";
import type { Log } from "./log.ts";
import type { Stdout } from "./stdout.ts";

export interface Io {
  readonly stdout: Stdout;
  readonly log: Log;
  readonly environment: Environment;
  readonly configuration: Configuration;
  /** The whole table, for what is made from it. */
  readonly commands: readonly Command[];
  /** Absolute. */
  readonly dataDir: string;
  /** What the folders were set by: a flag, a variable, or `default`. */
  readonly placedBy: { readonly home: string; readonly data_dir: string };
  /** Columns of the terminal on stdout; infinite in a pipe, where nothing is cut. */
  readonly columns: number;
  /** Whether text on stdout may be coloured. */
  readonly color: boolean;
  /** The signal that asked for a stop, if one has. */
  readonly stopSignal: () => StopSignal | undefined;
  /** Sleeps, but not beyond a signal that asks for a stop. */
  readonly rest: (ms: number) => Promise<void>;
  /** Aborted by a signal that asks for a stop. */
  readonly stopping: AbortSignal;
}
