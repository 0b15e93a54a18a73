/** Owns `weir export`: filters in, what counts out, to stdout or to a file that is whole or not there. */
import { resolve } from "node:path";
import { agents } from "../agents/index.ts";
import { allRecords, countingRecords } from "../archive/counting.ts";
import { openReader } from "../archive/read.ts";
import { csv } from "../export/csv.ts";
import { wholeFile } from "../export/file.ts";
import { type Filter, passes, withoutContent } from "../export/filter.ts";
import { jsonl } from "../export/jsonl.ts";
import type { Writer } from "../export/writer.ts";
import { OPERATIONS } from "../record/operations.ts";
import { sys } from "../system/system.ts";
import { nearest, type OptionsOf, UsageError } from "./argv.ts";
import type { exportArgs } from "./commands.ts";
import { EXIT } from "./exit.ts";
import type { Io } from "./io.ts";
import { plural } from "./text.ts";

type Options = OptionsOf<typeof exportArgs>;

const WRITERS: Readonly<Record<Options["format"], () => Writer>> = { jsonl, csv };
const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

export async function run(options: Options, io: Io): Promise<number> {
  const filter = filterOf(options);
  using reader = openReader(io.dataDir);
  const { segments } = reader;
  const writer = WRITERS[options.format]();
  const file = options.output && options.output !== "-" ? wholeFile(resolve(options.output)) : undefined;
  const put = (text: string): boolean => {
    if (!file) return io.stdout.write(text);
    file.write(text);
    return true;
  };
  const records = options.all ? allRecords(segments) : countingRecords(segments, rankOf);
  let written = 0;
  try {
    let open = put(writer.begin());
    for (const record of open ? records : []) {
      if (io.stopSignal()) break;
      if (!passes(record, filter)) continue;
      open = put(writer.record(options.content ? record : withoutContent(record)));
      if (!open) break;
      written++;
    }
    if (open) put(writer.end());
    const signal = io.stopSignal();
    if (signal) {
      file?.abandon();
      return EXIT[signal];
    }
    file?.finish();
  } catch (error) {
    file?.abandon();
    throw error;
  }
  if (file) io.log.info(`wrote ${plural(written, "record")} to ${options.output}`);
  return EXIT.done;
}

/** How much a stream is believed: what its agent's file says; a stream that no agent has any more is believed least. */
function rankOf(agent: string, stream: string): number {
  return agents.find((a) => a.id === agent)?.streams.find((s) => s.kind === stream)?.rank ?? 0;
}

function filterOf(options: Options): Filter {
  const known = agents.map((agent) => agent.id);
  for (const name of options.agent) {
    if (!known.includes(name)) throw new UsageError(`unknown agent ${name}`, hint(name, known));
  }
  for (const name of options.operation) {
    if (!(OPERATIONS as readonly string[]).includes(name))
      throw new UsageError(`unknown operation ${name}`, hint(name, OPERATIONS));
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

function hint(name: string, names: readonly string[]): string {
  const near = nearest(name, names);
  return near ? `did you mean ${near}?` : `one of: ${names.join(", ")}`;
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
