/** Owns what a finished export says: how much was written, or that nothing fits. */
import type { Io } from "./io.ts";
import { jsonLine, plural } from "./text.ts";

interface Asked {
  readonly output?: string;
  readonly json: boolean;
  readonly session: readonly string[];
  readonly model: readonly string[];
}

/** Whether an export goes to a file, not to standard output. */
export function isFile({ output }: Pick<Asked, "output">): boolean {
  return output !== undefined && output !== "-";
}

/** So many of a kind (`records`, `spans`, ...), in a file where they were written to one. */
export interface Written {
  readonly what: string;
  readonly count: number;
  readonly file?: string;
}

/** Tells what was written of an archive that is not empty. */
export function tellWritten(asked: Asked, written: readonly Written[], { log, stdout }: Io): void {
  if (isFile(asked)) {
    if (asked.json) stdout.write(jsonLine({ schema: "weir.export", version: 1, written }));
    const parts = written.map(({ what, count, file }) => `${plural(count, what.slice(0, -1))} to ${file}`);
    log.info(`wrote ${parts.join(", ")}`);
  }
  if (written.some(({ count }) => count > 0)) return;
  const whole = asked.session.length + asked.model.length > 0 ? "; --session and --model take whole names" : "";
  log.info(`no record fits the filters${whole}`);
}
