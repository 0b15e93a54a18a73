/** Owns what `weir export --json` says of an export whose data goes elsewhere: to a receiver or into files. */
import type { Io } from "./io.ts";
import { jsonLine } from "./text.ts";

/** What was written into files; of several, each signal has its own. */
export interface Written {
  readonly format: string;
  readonly files: readonly string[];
  /** By what was counted: records, trees, or the items of each signal. */
  readonly written: Readonly<Record<string, number>>;
}

/** What a destination did with what it was sent. */
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

/** Writes the document to stdout where it was asked for. */
export function sayExport(io: Io, isAsked: boolean | undefined, document: Written | SentOff): void {
  if (isAsked) io.stdout.write(jsonLine({ schema: "weir.export", version: 1, ...document }));
}
