/** Owns `weir export` in the formats that show sessions as trees: OTLP files and text for a terminal. */
import { resolve } from "node:path";
import { familiesOf } from "../archive/families.ts";
import { resourceAttributes, signalsOf } from "../export/destination.ts";
import type { Filter } from "../export/filter.ts";
import { Resources } from "../export/otel.ts";
import type { Signal } from "../export/otlp.ts";
import { OtlpFiles } from "../export/otlp-file.ts";
import { fileOutput, type Output, signalPath, streamOutput } from "../export/output.ts";
import { nounOf } from "../export/sender.ts";
import { treeText } from "../export/text.ts";
import type { Family } from "../export/tree.ts";
import { env } from "../system/process.ts";
import { type OptionsOf, UsageError } from "./args.ts";
import { paint } from "./color.ts";
import type { exportArgs } from "./commands.ts";
import { EXIT } from "./exit.ts";
import { sayExport } from "./export-document.ts";
import type { Io } from "./io.ts";
import { openForReading } from "./open.ts";
import { Interrupted, pauses } from "./pause.ts";
import { count, fit, show } from "./text.ts";

type Options = OptionsOf<typeof exportArgs>;

const NOTHING: Ended = { written: {}, said: "" };

interface Ended {
  readonly written: Readonly<Record<string, number>>;
  readonly said: string;
}

/** What becomes of each family; false once nobody reads any more. */
interface Sink {
  readonly outputs: readonly Output[];
  readonly files: readonly string[];
  family(family: Family): boolean;
  /** What was written, by what is counted, and in words. */
  end(): Ended | Promise<Ended>;
}

export async function runTrees(
  options: Options,
  filter: Filter,
  rankOf: (agent: string, stream: string) => number,
  io: Io,
): Promise<number> {
  const resource = resourceAttributes(env);
  const signals = signalsFor(options);
  using reader = openForReading(io);
  const sink =
    options.format === "text" ? textSink(options, filter, io) : otlpSink(options, signals, filter, resource, io);
  let open = true;
  try {
    const pause = pauses(io);
    for (const family of await familiesOf(reader.segments, rankOf, pause)) {
      await pause();
      open = sink.family(family);
      if (!open) break;
    }
    const { written, said } = open ? await sink.end() : NOTHING;
    for (const output of sink.outputs) output.finish();
    if (sink.files.length > 0) {
      sayExport(io, options.json, { format: options.format, files: sink.files, written });
      io.log.info(`wrote ${said} to ${options.output}`);
    }
  } catch (error) {
    for (const output of sink.outputs) output.abandon();
    const signal = io.stopSignal();
    if (error instanceof Interrupted && signal) return EXIT[signal];
    throw error;
  }
  return EXIT.done;
}

function signalsFor(options: Options): readonly Signal[] {
  const { output, signals, format } = options;
  const isFile = output !== undefined && output !== "-";
  const found = signalsOf(signals ?? (isFile ? "traces,metrics,logs" : "traces"));
  if (format === "otlp-json" && found.length > 1 && !isFile)
    throw new UsageError(
      "--format otlp-json writes a file for each signal: several need --output",
      "or give one of --signals",
    );
  return found;
}

function otlpSink(
  options: Options,
  signals: readonly Signal[],
  filter: Filter,
  resource: ReturnType<typeof resourceAttributes>,
  io: Io,
): Sink {
  const { output, compress = "none" } = options;
  const outputs = new Map<Signal, Output>();
  const names: string[] = [];
  for (const signal of signals) {
    if (output === undefined || output === "-")
      outputs.set(
        signal,
        streamOutput((data) => io.stdout.write(data), compress),
      );
    else {
      const name = signals.length === 1 ? output : signalPath(output, signal);
      outputs.set(signal, fileOutput(resolve(name), compress));
      names.push(name);
    }
  }
  const files = new OtlpFiles(outputs, filter, {
    resources: new Resources(resource),
    content: options.content === true,
  });
  return {
    outputs: [...outputs.values()],
    files: names,
    family: (family) => files.family(family),
    async end() {
      await files.end();
      const written = Object.fromEntries(signals.map((signal) => [signal, files.written[signal]]));
      return { written, said: signals.map((s) => `${count(files.written[s])} ${nounOf(s)}`).join(", ") };
    },
  };
}

function textSink(options: Options, filter: Filter, io: Io): Sink {
  const { output: path, compress = "none" } = options;
  const isFile = path !== undefined && path !== "-";
  const output = isFile ? fileOutput(resolve(path), compress) : streamOutput((data) => io.stdout.write(data), compress);
  const style = {
    ...paint(io.color && !isFile),
    show,
    count,
    fit,
    columns: isFile ? Number.POSITIVE_INFINITY : io.columns,
  };
  let sessions = 0;
  return {
    outputs: [output],
    files: isFile ? [path] : [],
    family(family) {
      const text = treeText(family, filter, style);
      if (text === "") return true;
      sessions++;
      return output.write(text);
    },
    end: () => ({ written: { trees: sessions }, said: `${count(sessions)} trees` }),
  };
}
