/** Owns `weir export` in the formats that show sessions as trees: OTLP files and text for a terminal. */
import { standingOf } from "../agents/index.ts";
import { familiesOf } from "../archive/families.ts";
import { resourceAttributes, signalsOf } from "../export/destination.ts";
import type { Filter } from "../export/filter.ts";
import { Resources } from "../export/otel.ts";
import type { Signal } from "../export/otlp.ts";
import { OtlpFiles } from "../export/otlp-file.ts";
import { type Output, signalPath } from "../export/output.ts";
import { nounOf } from "../export/sender.ts";
import { treeText } from "../export/text.ts";
import type { Family } from "../export/tree.ts";
import { env } from "../system/process.ts";
import { type OptionsOf, UsageError } from "./args.ts";
import { paint } from "./color.ts";
import type { exportArgs } from "./commands.ts";
import { EXIT } from "./exit.ts";
import { isFile, outputOf } from "./export-output.ts";
import { tellWritten, type Written } from "./export-summary.ts";
import type { Io } from "./io.ts";
import { openForReading } from "./open.ts";
import { pauses } from "./pause.ts";
import { count, fit, show } from "./text.ts";

type Options = OptionsOf<typeof exportArgs>;

/** Begins an output, which is abandoned if anything goes wrong later. */
type Begin = (output: string | undefined) => Output;

/** What becomes of each family; false once nobody reads any more. */
interface Sink {
  family(family: Family): boolean;
  /** Writes what comes last; tells how many of each kind there are in all. */
  end(): Promise<readonly Written[]>;
}

export async function runTrees(options: Options, filter: Filter, io: Io): Promise<number> {
  const resource = resourceAttributes(env);
  const signals = signalsFor(options);
  using reader = openForReading(io);
  const outputs: Output[] = [];
  const begin: Begin = (output) => {
    const begun = outputOf({ ...options, output }, io);
    outputs.push(begun);
    return begun;
  };
  let open = true;
  try {
    const sink =
      options.format === "text"
        ? textSink(options, filter, io, begin)
        : otlpSink(options, signals, filter, resource, begin);
    const pause = pauses(io);
    for (const family of await familiesOf(reader.segments, standingOf, pause)) {
      await pause();
      open = sink.family(family);
      if (!open) break;
    }
    const written = open ? await sink.end() : [];
    for (const output of outputs) output.finish();
    if (isFile(options) || (open && reader.segments.length > 0)) tellWritten(options, filter, written, io);
  } catch (error) {
    for (const output of outputs) output.abandon();
    throw error;
  }
  return EXIT.done;
}

function signalsFor(options: Options): readonly Signal[] {
  const { signals, format } = options;
  const toFile = isFile(options);
  const found = signalsOf(signals ?? (toFile ? "traces,metrics,logs" : "traces"));
  if (format === "otlp-json" && found.length > 1 && !toFile)
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
  begin: Begin,
): Sink {
  const { output } = options;
  const fileOf = (signal: Signal): string | undefined =>
    signals.length === 1 || output === undefined ? output : signalPath(output, signal);
  const outputs = new Map(signals.map((signal) => [signal, begin(fileOf(signal))]));
  const files = new OtlpFiles(outputs, filter, {
    resources: new Resources(resource),
    content: options.content,
  });
  return {
    family: (family) => files.family(family),
    async end() {
      await files.end();
      return signals.map((signal) => ({
        kind: signal,
        noun: nounOf(signal),
        count: files.written[signal],
        file: fileOf(signal),
      }));
    },
  };
}

function textSink(options: Options, filter: Filter, io: Io, begin: Begin): Sink {
  const { output: path = "" } = options;
  const output = begin(options.output);
  const style = {
    ...paint(io.color && !isFile(options)),
    show,
    count,
    fit,
    columns: isFile(options) ? Number.POSITIVE_INFINITY : io.columns,
  };
  let sessions = 0;
  return {
    family(family) {
      const text = treeText(family, filter, style);
      if (text === "") return true;
      sessions++;
      return output.write(text);
    },
    end: async () => [{ kind: "trees", noun: "trees", count: sessions, file: path }],
  };
}
