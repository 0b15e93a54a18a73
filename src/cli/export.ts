/** Owns `weir export`: filters in, what counts out, to stdout or to a file that is whole or not there. */
import { agents, standingOf } from "../agents/index.ts";
import { allLines, BETWEEN_PAUSES, count, counted } from "../archive/counting.ts";
import { amountIn, DAY_MS } from "../config/units.ts";
import { csv } from "../export/csv.ts";
import { type Filter, hasContent, passes, withoutContent } from "../export/filter.ts";
import { jsonl } from "../export/jsonl.ts";
import type { Writer } from "../export/writer.ts";
import { OPERATIONS } from "../record/operations.ts";
import { sys } from "../system/system.ts";
import { type OptionsOf, UsageError } from "./args.ts";
import { known } from "./choice.ts";
import type { exportArgs } from "./commands.ts";
import { EXIT } from "./exit.ts";
import { isFile, outputOf } from "./export-output.ts";
import { tellWritten } from "./export-summary.ts";
import type { Io } from "./io.ts";
import { openForReading } from "./open.ts";
import { pauses } from "./pause.ts";

type Options = OptionsOf<typeof exportArgs>;

export async function run(options: Options, io: Io): Promise<number> {
  const filter = filterOf(options);
  checkTogether(options, filter, io);
  if (options.to !== undefined) {
    const { runTo } = await import("./export-to.ts");
    return runTo(options, filter, io);
  }
  if (options.format === "otlp-json" || options.format === "text") {
    const { runTrees } = await import("./export-trees.ts");
    return runTrees(options, filter, io);
  }
  return runRecords(options, filter, io);
}

async function writerOf(format: Options["format"]): Promise<Writer> {
  if (format === "csv") return csv();
  if (format === "parquet") return (await import("../export/parquet.ts")).parquet();
  return jsonl();
}

async function runRecords(options: Options, filter: Filter, io: Io): Promise<number> {
  using reader = openForReading(io);
  const { segments } = reader;
  const writer = await writerOf(options.format);
  const output = outputOf(options, io);
  let written = 0;
  let seen = 0;
  let open = true;
  try {
    const pause = pauses(io);
    const records = options.all ? allLines(segments) : counted(await count(segments, standingOf, pause));
    open = output.write(writer.begin());
    for (const { record, line } of open ? records : []) {
      if (++seen % BETWEEN_PAUSES === 0) await pause();
      if (!passes(record, filter)) continue;
      const isWhole = options.content || !hasContent(record);
      open = output.write(isWhole ? writer.record(record, line) : writer.record(withoutContent(record)));
      if (!open) break;
      written++;
    }
    if (open) output.write(writer.end());
    await pause();
    output.finish();
  } catch (error) {
    output.abandon();
    throw error;
  }
  const { output: file } = options;
  const told = { kind: "records", noun: "records", count: written, file };
  if (isFile(options) || (open && segments.length > 0)) tellWritten(options, filter, [told], io);
  return EXIT.done;
}

/** Options that mean nothing, or two things, together. */
function checkTogether(options: Options, { since = Number.NEGATIVE_INFINITY, until }: Filter, io: Io): void {
  const { to, format, output } = options;
  if (until !== undefined && since >= until)
    throw new UsageError("nothing lies between --since and --until", "--until must be the later one");
  if (to === undefined) {
    const lonely = (["protocol", "headers-file", "new"] as const).find((name) => options[name]);
    if (lonely) throw new UsageError(`--${lonely} needs --to`, "for example --to http://127.0.0.1:4318");
    if (options.signals !== undefined && format !== "otlp-json")
      throw new UsageError(
        "--signals needs --to or --format otlp-json",
        "jsonl, csv, parquet and text have no signals",
      );
  } else {
    if (output !== undefined) throw new UsageError("--to sends, --output writes a file", "give one of them");
    if (format !== "jsonl") throw new UsageError(`--to sends OTLP, --format ${format} is for files`, "leave it out");
  }
  if (options.all && (to !== undefined || format === "otlp-json" || format === "text"))
    throw new UsageError("--all is for jsonl, csv and parquet: a span is one fact", "leave it out");
  const isJson = format === "jsonl" || format === "otlp-json";
  if (options.json && to === undefined && !isFile(options) && !isJson)
    throw new UsageError(`--json says what was written: --format ${format} needs --output`, "or leave --json out");
  if (format === "parquet" && (options.compress ?? "none") !== "none")
    throw new UsageError("--compress: a Parquet file is compressed inside", "leave it out");
  if (options.content && (format === "csv" || format === "text"))
    throw new UsageError(`--content: ${format} has no place for texts`, "jsonl, parquet and otlp-json have");
  const isBinary = format === "parquet" || (options.compress ?? "none") !== "none";
  if (isBinary && to === undefined && !isFile(options) && io.columns < Number.POSITIVE_INFINITY)
    throw new UsageError("what is binary would spoil the terminal", "write it with -o FILE, or into a pipe");
}

function filterOf(options: Options): Filter {
  const ids = agents.map((agent) => agent.id);
  for (const name of options.agent) known("agent", name, ids);
  for (const name of options.operation) known("operation", name, OPERATIONS);
  return {
    since: options.since === undefined ? undefined : timeOf("--since", options.since),
    until: options.until === undefined ? undefined : timeOf("--until", options.until),
    agents: options.agent,
    sessions: options.session,
    models: options.model,
    operations: options.operation,
  };
}

/** JavaScript takes the 30th of February for a day of March. */
function isDay(text: string): boolean {
  const time = Date.parse(text);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

/** A date (its first moment in UTC), a date and time, or an age: `90m`, `12h`, `7d`, `4w`. */
function timeOf(flag: string, text: string): number {
  const days = text === "0" ? undefined : amountIn(text, "age", false);
  if (typeof days === "number") return sys.now() - days * DAY_MS;
  const time =
    isDay(text.slice(0, 10)) &&
    /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?$/.test(text)
      ? Date.parse(/[Zz]$|[+-]\d\d:?\d\d$|^\d{4}-\d\d-\d\d$/.test(text) ? text : `${text}Z`)
      : Number.NaN;
  if (Number.isNaN(time))
    throw new UsageError(`${flag} ${text} is no time`, "for example 2026-11-01, 2026-11-01T08:00Z, 7d or 12h");
  return time;
}
