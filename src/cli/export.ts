/** Owns `weir export`: filters in, what counts out, to stdout or to a file that is whole or not there. */
import { resolve } from "node:path";
import { agents } from "../agents/index.ts";
import { allLines, BETWEEN_PAUSES, count, counted } from "../archive/counting.ts";
import { csv } from "../export/csv.ts";
import { type Filter, hasContent, passes, withoutContent } from "../export/filter.ts";
import { jsonl } from "../export/jsonl.ts";
import { fileOutput, type Output, streamOutput } from "../export/output.ts";
import type { Writer } from "../export/writer.ts";
import { OPERATIONS } from "../record/operations.ts";
import { sys } from "../system/system.ts";
import { type OptionsOf, UsageError } from "./args.ts";
import type { exportArgs } from "./commands.ts";
import { EXIT } from "./exit.ts";
import { sayExport } from "./export-document.ts";
import type { Io } from "./io.ts";
import { openForReading } from "./open.ts";
import { Interrupted, pauses } from "./pause.ts";
import { meant, plural } from "./text.ts";

type Options = OptionsOf<typeof exportArgs>;

const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

export async function run(options: Options, io: Io): Promise<number> {
  const filter = filterOf(options);
  checkTogether(options);
  if (options.to !== undefined) {
    const { runTo } = await import("./export-to.ts");
    return runTo(options, filter, isFiltered(options), rankOf, io);
  }
  if (options.format === "otlp-json" || options.format === "text") {
    const { runTrees } = await import("./export-trees.ts");
    return runTrees(options, filter, rankOf, io);
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
  try {
    const pause = pauses(io);
    const records = options.all ? allLines(segments) : counted(await count(segments, rankOf, pause));
    let open = output.write(writer.begin());
    for (const { record, line } of open ? records : []) {
      if (++seen % BETWEEN_PAUSES === 0) await pause();
      if (!passes(record, filter)) continue;
      const isWhole = options.content === true || !hasContent(record);
      open = output.write(isWhole ? writer.record(record, line) : writer.record(withoutContent(record)));
      if (!open) break;
      written++;
    }
    if (open) output.write(writer.end());
    await pause();
    output.finish();
  } catch (error) {
    output.abandon();
    const signal = io.stopSignal();
    if (error instanceof Interrupted && signal) return EXIT[signal];
    throw error;
  }
  if (options.output !== undefined && isFile(options)) {
    const { format, output: path } = options;
    sayExport(io, options.json, { format, files: [path], written: { records: written } });
    io.log.info(`wrote ${plural(written, "record")} to ${path}`);
  }
  return EXIT.done;
}

const isFile = ({ output }: Options): boolean => output !== undefined && output !== "-";

function outputOf(options: Options, io: Io): Output {
  const compression = options.compress ?? "none";
  if (isFile(options)) return fileOutput(resolve(options.output ?? ""), compression);
  return streamOutput((data) => io.stdout.write(data), compression);
}

/** Options that mean nothing, or two things, together. */
function checkTogether(options: Options): void {
  const { to, format, output } = options;
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
}

function isFiltered({ since, until, agent, session, model, operation }: Options): boolean {
  const lists = [agent, session, model, operation];
  return since !== undefined || until !== undefined || lists.some((names) => names.length > 0);
}

/** How much a stream is believed: what its agent's file says; a stream that no agent has any more is believed least. */
function rankOf(agent: string, stream: string): number {
  return agents.find((a) => a.id === agent)?.streams.find((s) => s.kind === stream)?.rank ?? 0;
}

function filterOf(options: Options): Filter {
  const known = agents.map((agent) => agent.id);
  for (const name of options.agent) {
    if (!known.includes(name)) throw new UsageError(`unknown agent ${name}`, meant(name, known));
  }
  for (const name of options.operation) {
    if (!(OPERATIONS as readonly string[]).includes(name))
      throw new UsageError(`unknown operation ${name}`, meant(name, OPERATIONS));
  }
  return {
    since: options.since === undefined ? undefined : timeOf("--since", options.since),
    until: options.until === undefined ? undefined : timeOf("--until", options.until),
    agents: options.agent,
    sessions: options.session,
    models: options.model,
    operations: options.operation,
  };
}

/** A date (its first moment in UTC), a date and time, or an age: `90m`, `12h`, `7d`, `4w`. */
function timeOf(flag: string, text: string): number {
  const age = /^(\d{1,6})([mhdw])$/.exec(text);
  if (age) return sys.now() - Number(age[1]) * (UNIT_MS[age[2] ?? ""] ?? 0);
  const time = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?$/.test(text)
    ? Date.parse(/[Zz]$|[+-]\d\d:?\d\d$|^\d{4}-\d\d-\d\d$/.test(text) ? text : `${text}Z`)
    : Number.NaN;
  if (Number.isNaN(time))
    throw new UsageError(`${flag} ${text} is no time`, "for example 2026-11-01, 2026-11-01T08:00Z, 7d or 12h");
  return time;
}
