/** Owns OTLP as files: JSON messages, one a line, as the Collector's file receiver reads them. */
import { type Filter, select } from "./filter.ts";
import { logsOf } from "./logs.ts";
import { measure } from "./metrics.ts";
import type { OtelLog, OtelSpan } from "./otel.ts";
import { encode, type Signal } from "./otlp.ts";
import type { Output } from "./output.ts";
import { Meter } from "./points.ts";
import { type SpanOptions, spanOf } from "./spans.ts";
import { type Family, treeOf } from "./tree.ts";

const LINE_ITEMS = 500;
/** The Collector's file receiver takes lines up to 1 MiB unless it is told otherwise, and cuts longer ones. */
const LINE_BYTES = 1_000_000;
const NEWLINE = Uint8Array.of(10);

/** Writes families as OTLP, each signal to its own output. */
export class OtlpFiles {
  readonly #waiting = new Map<Signal, (OtelSpan | OtelLog)[]>();
  readonly #meter = new Meter();
  readonly written: Record<Signal, number> = { traces: 0, metrics: 0, logs: 0 };

  constructor(
    private readonly outputs: ReadonlyMap<Signal, Output>,
    private readonly filter: Filter,
    private readonly options: SpanOptions,
  ) {}

  /** False once nobody reads any more. */
  family(family: Family): boolean {
    const selection = select(treeOf(family), family.records, this.filter);
    let open = true;
    if (this.outputs.has("traces"))
      for (const node of selection.nodes) open &&= this.#put("traces", spanOf(node, this.options));
    if (this.outputs.has("logs"))
      for (const { log } of logsOf(selection, this.options)) open &&= this.#put("logs", log);
    if (this.outputs.has("metrics")) measure(this.#meter, selection, this.options.resources);
    return open;
  }

  async end(): Promise<void> {
    for (const signal of ["traces", "logs"] as const) this.#flush(signal);
    const output = this.outputs.get("metrics");
    if (!output) return;
    const { metricsAs } = await import("./official.ts");
    for (const message of this.#meter.messages()) {
      output.write(metricsAs("json", message));
      output.write(NEWLINE);
      for (const { metrics } of message.scopeMetrics) this.written.metrics += metrics.length;
    }
  }

  #put(signal: "traces" | "logs", item: OtelSpan | OtelLog): boolean {
    let waiting = this.#waiting.get(signal);
    if (!waiting) {
      waiting = [];
      this.#waiting.set(signal, waiting);
    }
    waiting.push(item);
    return waiting.length < LINE_ITEMS || this.#flush(signal);
  }

  #flush(signal: "traces" | "logs"): boolean {
    const items = this.#waiting.get(signal) ?? [];
    const output = this.outputs.get(signal);
    this.#waiting.delete(signal);
    if (!output || items.length === 0) return true;
    this.written[signal] += items.length;
    return writeLines(output, signal, items);
  }
}

/** Writes items as one line, or as several where that would be too long; one item is never cut. */
function writeLines(output: Output, signal: "traces" | "logs", items: readonly (OtelSpan | OtelLog)[]): boolean {
  const line = encode(signal, "json", items as readonly OtelSpan[]);
  if (line.length <= LINE_BYTES || items.length === 1) {
    output.write(line);
    return output.write(NEWLINE);
  }
  const middle = Math.ceil(items.length / 2);
  return writeLines(output, signal, items.slice(0, middle)) && writeLines(output, signal, items.slice(middle));
}
