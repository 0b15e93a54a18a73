/** Owns what a finished export says: how much was written or sent, or that nothing fits. */
import { type Filter, isFiltering } from "../export/filter.ts";
import { isFile } from "./export-output.ts";
import type { Io } from "./io.ts";
import { jsonLine, plural } from "./text.ts";

interface Asked {
  readonly format: string;
  readonly output?: string;
  readonly json: boolean;
}

/** What `--json` says of an export into files; of several, each signal has its own. */
interface IntoFiles {
  readonly format: string;
  readonly files: readonly string[];
  /** By kind: records, trees, or the items of each signal. */
  readonly written: Readonly<Record<string, number>>;
}

/** What `--json` says of what a destination did with what it was sent. */
export interface SentOff {
  /** Scheme, host and port. */
  readonly destination: string;
  /** Items by signal. */
  readonly accepted: Readonly<Record<string, number>>;
  readonly rejected: number;
  readonly refused: number;
  readonly batches: number;
  readonly bytes: number;
  /** Spans of turns that are not over, which `--new` leaves for a later run. */
  readonly open: number;
  readonly stopped: boolean;
  /** OTEL_SDK_DISABLED said so: nothing was sent. */
  readonly disabled: boolean;
}

/** So many of a kind, in a file where they were written to one. */
export interface Written {
  /** `records`, `trees`, or a signal. */
  readonly kind: string;
  /** What there are so many of, in the plural. */
  readonly noun: string;
  readonly count: number;
  readonly file?: string;
}

/** Writes the document to stdout where it was asked for. */
export function sayExport(io: Io, isAsked: boolean | undefined, document: IntoFiles | SentOff): void {
  if (isAsked) io.stdout.write(jsonLine({ schema: "weir.export", version: 1, ...document }));
}

/** Tells what was written, and where that is nothing, that it was the filters. */
export function tellWritten(asked: Asked, filter: Filter, all: readonly Written[], io: Io): void {
  if (isFile(asked)) {
    const files = all.flatMap(({ file }) => file ?? []);
    const written = Object.fromEntries(all.map(({ kind, count }) => [kind, count]));
    sayExport(io, asked.json, { format: asked.format, files, written });
    const parts = all.map(({ noun, count, file }) => `${plural(count, noun.slice(0, -1))} to ${file}`);
    io.log.info(`wrote ${parts.join(", ")}`);
  }
  if (!isFiltering(filter) || all.some(({ count }) => count > 0)) return;
  const whole = filter.sessions.length + filter.models.length > 0 ? "; --session and --model take whole names" : "";
  io.log.info(`no record fits the filters${whole}`);
}
