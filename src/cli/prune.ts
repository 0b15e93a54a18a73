/** Owns `weir prune`: limits in, the plan shown, retention carried out. */
import { noArchive } from "../archive/folder.ts";
import type { PruneResult, Removal } from "../archive/prune.ts";
import type { Limits } from "../archive/retention.ts";
import { DAY_MS } from "../config/units.ts";
import { WeirError } from "../system/errors.ts";
import { ifPresent, sys } from "../system/system.ts";
import { type OptionsOf, UsageError } from "./args.ts";
import { paint } from "./color.ts";
import type { pruneArgs } from "./commands.ts";
import { EXIT } from "./exit.ts";
import type { Io } from "./io.ts";
import { openForWriting } from "./open.ts";
import { table } from "./table.ts";
import { bytes, count, jsonLine, plural } from "./text.ts";

export async function run(options: OptionsOf<typeof pruneArgs>, io: Io): Promise<number> {
  const limits = limitsOf(io, options.force);
  for (const conflict of io.configuration.conflicts) io.log.warn(conflict);
  if (!ifPresent(() => sys.stat(io.dataDir))) throw noArchive(io.dataDir);
  const dryRun = options["dry-run"];
  const archive = await openForWriting(io, { wait: true, segmentMaxBytes: 0, dryRun });
  let result: PruneResult | undefined;
  try {
    result = archive.prune(limits);
  } finally {
    archive.close(result && { pruned: result.plan.prune.length });
  }
  if (options.json) io.stdout.write(jsonLine(documentOf(result, dryRun)));
  else if (result.plan.prune.length > 0 && !options.quiet) io.stdout.write(planTable(result, io));
  tellPruned(result, dryRun, io);
  for (const name of result.foreign) io.log.info(`not this installation's, left alone: ${name}`);
  if (result.plan.refused !== undefined) throw refusal(result.plan.refused);
  return result.failed.length > 0 ? EXIT.write : EXIT.done;
}

/** The limits that are set; throws `usage` when none is. */
export function limitsOf({ configuration }: Io, force: boolean): Limits {
  const { max_age_days: days, max_total_bytes: maxTotalBytes } = configuration.settings;
  if (days === undefined && maxTotalBytes === undefined)
    throw new UsageError(
      "retention is off: no limit is set",
      "give --max-age 30d or --max-size 100MB, or set max_age_days or max_total_bytes",
    );
  return { maxAgeMs: days === undefined ? undefined : days * DAY_MS, maxTotalBytes, force };
}

/** Says what retention did, for people; the plan itself is the command's output. */
export function tellPruned({ plan, ...removal }: PruneResult, dryRun: boolean, { log }: Io): void {
  const size = bytes(plan.prune.reduce((sum, segment) => sum + segment.bytes, 0));
  const rest = `${plural(plan.kept.segments, "segment")} (${bytes(plan.kept.bytes)}) kept`;
  if (plan.prune.length > 0)
    log.info(`${dryRun ? "would prune" : "pruned"} ${plural(plan.prune.length, "segment")} (${size}), ${rest}`);
  else if (plan.refused === undefined) log.info(`nothing to prune, ${rest}`);
  for (const [destination, n] of Object.entries(plan.held))
    log.warn(`${plural(n, "segment")} kept: ${destination} has not had them yet`, "--force prunes them all the same");
  tellRemoval(removal, log);
}

/** Says which files of pruned segments are still there. */
export function tellRemoval({ waiting, failed }: Removal, log: Io["log"]): void {
  if (waiting.length > 0) log.info(`${plural(waiting.length, "file")} still being read; the next run removes them`);
  for (const { path, reason } of failed)
    log.warn(`cannot remove ${path}: ${reason}`, "it no longer belongs to the archive; the next run tries again");
}

export function refusal(reason: string): WeirError {
  const hint = "check the clock; the next run prunes if it stays so, --force prunes now";
  return new WeirError("failed", `nothing was pruned by age: ${reason}`, hint);
}

/** What `--json` says of it. */
export function documentOf({ plan, foreign, removed, waiting, failed }: PruneResult, dryRun: boolean): object {
  const pruned = plan.prune.map(({ name, bytes: size, records, written, reason }) => {
    return { name, bytes: size, records, written: new Date(written).toISOString(), reason };
  });
  const { kept, held, refused } = plan;
  return {
    schema: "weir.prune",
    version: 1,
    dry_run: dryRun,
    pruned,
    kept,
    held,
    refused,
    foreign,
    removed,
    waiting,
    failed,
  };
}

function planTable({ plan }: PruneResult, io: Io): string {
  const right = "right" as const;
  return table(
    plan.prune.map((s) => [
      s.name,
      bytes(s.bytes),
      count(s.records),
      new Date(s.written).toISOString().slice(0, 16),
      s.reason,
    ]),
    [
      { header: "SEGMENT" },
      { header: "SIZE", align: right },
      { header: "RECORDS", align: right },
      { header: "WRITTEN (UTC)" },
      { header: "BECAUSE OF" },
    ],
    { width: io.columns, headerStyle: paint(io.color).bold },
  );
}
