/** Owns running the built program on a terminal of its own: what it drew, line by line. */
import { commandLine, type RunOptions } from "./weir.ts";

export interface Screen {
  readonly status: number;
  /** All that was written, escape codes included; newlines are plain. */
  readonly raw: string;
  /** What stays to be read: without colours and without what a rewritten line held before. */
  readonly lines: readonly string[];
}

/** Runs weir to its end with both outputs on one terminal of so many columns. */
export async function onTerminal(columns: number, args: readonly string[], options: RunOptions = {}): Promise<Screen> {
  const { cmd, env } = commandLine(args, { ...options, env: { TERM: "xterm-256color", ...options.env } });
  const pieces: Uint8Array[] = [];
  const ended = Promise.withResolvers<void>();
  const child = Bun.spawn(cmd, {
    env,
    cwd: options.cwd,
    terminal: {
      cols: columns,
      rows: 40,
      data: (_, bytes) => pieces.push(bytes.slice()),
      exit: () => ended.resolve(),
    },
  });
  const status = await child.exited;
  await ended.promise; // only then all has been read
  child.terminal?.close();
  const raw = Buffer.concat(pieces).toString().replaceAll("\r\n", "\n");
  const lines = raw.split("\n").map((line) => Bun.stripANSI(line.slice(line.lastIndexOf("\r") + 1)));
  return { status, raw, lines: lines.at(-1) === "" ? lines.slice(0, -1) : lines };
}
