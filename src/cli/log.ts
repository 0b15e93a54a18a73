/** Owns messages for people, on stderr. It must never carry data, and never write to stdout. */
import { UsageError } from "./args.ts";
import { paint } from "./color.ts";
import { escapeControls, fit, wrap } from "./text.ts";

export type LogLevel = "quiet" | "normal" | "verbose" | "debug";

export interface Log {
  /** Always shown. The hint, on a line of its own, says what to do. */
  error(message: string, hint?: string): void;
  warn(message: string, hint?: string): void;
  info(message: string): void;
  verbose(message: string): void;
  /** The only message that may have several lines (a stack). */
  debug(message: string): void;
  /** Shows what is being done on one line that is rewritten in place; nothing is made of it where or while it is not wanted. */
  progress(text: () => string): void;
  progressEnd(): void;
}

export interface LogOptions {
  readonly level: LogLevel;
  /** Decided for stderr. */
  readonly color: boolean;
  /** From `wantsProgress`. */
  readonly progress?: boolean;
  /** Columns of the terminal, where there is one: messages are wrapped to it. Elsewhere each is one line. */
  readonly columns?: number;
  /** Milliseconds, monotonic: rewrites the progress line at most ten times a second. */
  readonly now?: () => number;
  readonly write: (text: string) => void;
}

const LEVELS = { quiet: 0, normal: 1, verbose: 2, debug: 3 } as const satisfies Record<LogLevel, number>;
const REDRAW_MS = 100;
const CLEAR_LINE = "\r\x1b[K";

/** The level the global flags ask for: `--debug` is stronger than the others. Throws `UsageError` where these contradict each other. */
export function levelOf(flags: {
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly debug: boolean;
}): LogLevel {
  if (flags.quiet && flags.verbose) throw new UsageError("--quiet says less, --verbose says more", "give one of them");
  if (flags.debug) return "debug";
  if (flags.verbose) return "verbose";
  return flags.quiet ? "quiet" : "normal";
}

/** Progress is for a person who watches: stderr is a terminal that can rewrite a line, no CI, not quiet. */
export function wantsProgress(input: {
  readonly isTTY: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly level: LogLevel;
}): boolean {
  const ci = input.env.CI;
  const inCI = ci !== undefined && ci !== "" && ci !== "0" && ci !== "false";
  return input.isTTY && !inCI && input.env.TERM !== "dumb" && input.level !== "quiet";
}

const INDENT = "  ";

/** Lines no wider than a terminal, where words allow it; those after the first are indented. */
function wrapped(text: string, columns: number, indent = ""): readonly string[] {
  const [first = "", ...rest] = wrap(text, columns - indent.length);
  if (rest.length === 0) return [indent + first];
  return [indent + first, ...wrap(rest.join(" "), columns - INDENT.length).map((line) => INDENT + line)];
}

/**
 * A log whose every message is one line (but debug, and what a terminal is too narrow for), free of control characters
 * whatever it quotes, and clears the progress line first. A stderr that cannot be written is given up: an archive must
 * not fail because nobody listens.
 */
export function createLog(options: LogOptions): Log {
  const { level, color, progress: progressWanted = false, columns = Number.POSITIVE_INFINITY, now } = options;
  const style = paint(color);
  let drawn = "";
  let drawnAt = Number.NEGATIVE_INFINITY;
  let broken = false;

  const put = (text: string): void => {
    if (broken) return;
    try {
      options.write(text);
    } catch {
      broken = true;
    }
  };
  const clear = (): string => {
    const before = drawn === "" ? "" : CLEAR_LINE;
    drawn = "";
    drawnAt = Number.NEGATIVE_INFINITY;
    return before;
  };
  const say = (least: LogLevel | "always", prefix: string, message: string, hint?: string): void => {
    if (least !== "always" && LEVELS[level] < LEVELS[least]) return;
    const lines = [...wrapped(prefix + escapeControls(message), columns)];
    if (hint !== undefined) lines.push(...wrapped(escapeControls(hint), columns, INDENT));
    put(`${clear()}${lines.join("\n")}\n`);
  };

  return {
    error: (message, hint) => say("always", `${style.red("error:")} `, message, hint),
    warn: (message, hint) => say("normal", `${style.yellow("warning:")} `, message, hint),
    info: (message) => say("normal", "", message),
    verbose: (message) => say("verbose", "", message),
    debug: (message) => {
      for (const line of message.split("\n")) say("debug", `${style.dim("debug:")} `, line);
    },
    progress: (text) => {
      if (!progressWanted) return;
      const time = now?.() ?? Number.POSITIVE_INFINITY;
      if (time - drawnAt < REDRAW_MS) return;
      const line = fit(escapeControls(text()), Math.max(1, columns - 1));
      if (line === drawn) return;
      put(`${CLEAR_LINE}${line}`);
      drawn = line;
      drawnAt = time;
    },
    progressEnd: () => {
      const sequence = clear();
      if (sequence !== "") put(sequence);
    },
  };
}
