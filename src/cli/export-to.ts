/** Owns `weir export --to`: checks the destination before anything is read, sends, and says what became of it. */
import { standingOf } from "../agents/index.ts";
import { Delivery } from "../archive/delivery.ts";
import { familiesOf } from "../archive/families.ts";
import { amountIn } from "../config/units.ts";
import { type Delivered, deliver } from "../export/deliver.ts";
import { type Destination, destinationOf, resourceAttributes, signalsOf } from "../export/destination.ts";
import { type Filter, isFiltering } from "../export/filter.ts";
import type { Signal } from "../export/otlp.ts";
import { newSent, nounOf, type Sent } from "../export/sender.ts";
import { env } from "../system/process.ts";
import { type OptionsOf, UsageError } from "./args.ts";
import type { exportArgs } from "./commands.ts";
import { EXIT } from "./exit.ts";
import { type SentOff, sayExport } from "./export-summary.ts";
import type { Io } from "./io.ts";
import { openForReading } from "./open.ts";
import { lockedOrInterrupted, pauses } from "./pause.ts";
import { plural } from "./text.ts";

type Options = OptionsOf<typeof exportArgs>;

export async function runTo(options: Options, filter: Filter, io: Io): Promise<number> {
  const destination = destinationFor(options);
  const retryForMs = durationOf(options["retry-for"]);
  const resource = resourceAttributes(env);
  if (/^true$/i.test(env.OTEL_SDK_DISABLED ?? "")) {
    io.log.warn("OTEL_SDK_DISABLED is true: nothing is sent");
    sayExport(io, options.json, documentOf(destination, { sent: newSent(), open: 0, isStopped: false }, true));
    return EXIT.done;
  }
  const withheld = new Set(destination.routes.flatMap((route) => route.withheld));
  if (withheld.size > 0)
    io.log.warn(
      `the environment's headers (${[...withheld].join(", ")}) are for the endpoint that it names, not for ${destination.origin}: they are not sent`,
      "--headers-file gives others",
    );
  if (isFiltering(filter) && destination.routes.some(({ signal }) => signal === "metrics"))
    io.log.warn(
      "metrics of a part of the archive take the place of those of the whole",
      "the next run of metrics without filters puts them right",
    );
  using reader = openForReading(io);
  io.log.verbose(`sending to ${destination.origin}`);
  const stopped = (): boolean => io.stopSignal() !== undefined;
  const opening = Delivery.open(io.dataDir, destination.id, destination.origin, stopped);
  const delivery = await lockedOrInterrupted(io, opening);
  try {
    const families = await familiesOf(reader.segments, standingOf, pauses(io));
    const asked = { filter, content: options.content, onlyNew: options.new, resource };
    const around = {
      rest: io.rest,
      stopping: io.stopping,
      stopped,
      info: io.log.info,
      warn: io.log.warn,
      retryForMs,
    };
    const delivered = await deliver(families, destination, delivery, asked, around);
    const { sent, open, lacking, isStopped, failure } = delivered;
    sayExport(io, options.json, documentOf(destination, delivered, false));
    if (failure) throw failure;
    const signal = io.stopSignal();
    if (isStopped && signal) return EXIT[signal];
    if (options.new && !isFiltering(filter)) {
      const read = new Map(reader.segments.map(({ name, bytes }) => [name, bytes]));
      const names = [...read.keys()];
      const signals = destination.routes.map(({ signal }) => signal);
      delivery.register(signals, read, new Set([...lacking].map((at) => names[at] ?? "")));
    }
    io.log.info(summary(destination, sent, open, options.new));
    return sent.rejected + sent.refused > 0 ? EXIT.export : EXIT.done;
  } finally {
    delivery.close();
    if (destination.routes.some((route) => route.protocol === "grpc")) (await import("../system/grpc.ts")).hangUp();
  }
}

function documentOf(
  { origin, routes }: Destination,
  { sent: { accepted, ...sent }, open, isStopped }: Pick<Delivered, "sent" | "open" | "isStopped">,
  disabled: boolean,
): SentOff {
  const asked = Object.fromEntries(routes.map(({ signal }) => [signal, accepted[signal]]));
  return { destination: origin, accepted: asked, ...sent, open, stopped: isStopped, disabled };
}

function destinationFor(options: Options): Destination {
  const { to = "", protocol, compress } = options;
  if (compress === "zstd") throw new UsageError("--compress zstd is for files", "OTLP receivers take gzip");
  return destinationOf(
    {
      to,
      protocol,
      signals: signalsOf(options.signals ?? "traces"),
      compress,
      headersFile: options["headers-file"],
    },
    env,
  );
}

function summary(
  { origin, routes }: Destination,
  { accepted, rejected, refused, batches }: Sent,
  open: number,
  onlyNew: boolean,
): string {
  const what = routes.map(({ signal }) => plural(accepted[signal], ...wordsFor(signal))).join(", ");
  const lost = rejected + refused > 0 ? `; ${plural(rejected + refused, "item")} not taken` : "";
  const later = open > 0 ? `; ${plural(open, "span")} of open turns wait` : "";
  if (batches === 0) return `nothing ${onlyNew ? "new for" : "to send to"} ${origin}${later}`;
  return `${origin} accepted ${what} in ${plural(batches, "batch", "batches")}${lost}${later}`;
}

function wordsFor(signal: Signal): [one: string, many: string] {
  const many = nounOf(signal);
  return [many.slice(0, -1), many];
}

function durationOf(text: string): number {
  const duration = amountIn(text, "duration", false);
  if (typeof duration === "number") return duration;
  throw new UsageError(`--retry-for ${text} ${duration.problem}`, "for example 30s, 5m or 1h");
}
