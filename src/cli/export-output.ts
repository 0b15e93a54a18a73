/** Owns where an export goes: to standard output, or to the file that `--output` names. */
import { resolve } from "node:path";
import { type Compression, fileOutput, type Output, streamOutput } from "../export/output.ts";
import type { Io } from "./io.ts";

interface Options {
  readonly output?: string;
  readonly compress?: Compression;
}

/** Whether an export goes to a file, not to standard output. */
export function isFile({ output }: Pick<Options, "output">): boolean {
  return output !== undefined && output !== "-";
}

/** Begins the output; throws `write` where the file cannot be made. */
export function outputOf(options: Options, io: Io): Output {
  const { output = "", compress = "none" } = options;
  if (isFile(options)) return fileOutput(resolve(output), compress);
  return streamOutput((data) => io.stdout.write(data), compress);
}
