/** Owns an export to a destination: families in, spans, log records and metrics out, each batch fixed before it is sent. */
import { textKey } from "../record/identity.ts";
import type { WeirRecord } from "../record/schema.ts";
import { collectGarbage } from "../system/engine.ts";
import { WeirError } from "../system/errors.ts";
import { yieldToEvents } from "../system/process.ts";
import { sys } from "../system/system.ts";
import type { Destination, Route } from "./destination.ts";
import { type Filter, isFiltering, select } from "./filter.ts";
import { logsOf } from "./logs.ts";
import { measure } from "./metrics.ts";
import type { Attributes } from "./otel.ts";
import { type OtelLog, type OtelSpan, type Resource, Resources } from "./otel.ts";
import { encoded, type Items, type Signal } from "./otlp.ts";
import { Meter, type MetricsOfResource } from "./points.ts";
import { formOn, type NewBatch, type Outbox, packed, Sender, type Sent, Stopped, type Surroundings } from "./sender.ts";
import { settledNodes } from "./settled.ts";
import { factKey, spanOf, tellingKey } from "./spans.ts";
import { type Family, type Node, treeOf } from "./tree.ts";

/** What fits into a request: receivers that speak gRPC take 4 MiB, and a batch lost to a refusal should be small. */
const BATCH_ITEMS = 1000;
const BATCH_BYTES = 3_500_000;
/** Requests side by side: enough that the receiver's answer is not waited for, few enough for any receiver. */
const IN_FLIGHT = 4;
/** After so many of such rounds, what they left behind is collected. */
const COLLECTED_EVERY = 2;

/** What counts, a family at a time; see `archive/families.ts`. */
export interface Families {
  readonly records: number;
  [Symbol.iterator](): Iterator<Family & { readonly segments: readonly number[] }>;
}

export interface DeliverOptions {
  readonly filter: Filter;
  readonly content: boolean;
  /** Only what the destination has not had, of turns that are over. */
  readonly onlyNew: boolean;
  readonly resource: Attributes;
}

export interface Delivered {
  readonly sent: Sent;
  /** Records of turns that are still open. */
  readonly open: number;
  /** Segments, by number, that hold records which the destination has not had. */
  readonly lacking: ReadonlySet<number>;
  readonly isStopped: boolean;
  /** Why the destination has not taken it all, an `export` error. */
  readonly failure?: WeirError;
}

/** What is to be sent, and by what the destination will know that it had it; `other` is 0 where that is by one key. */
interface Entry {
  readonly item: OtelSpan | OtelLog;
  readonly key: number;
  readonly other: number;
}

/** One signal's items that are not fixed yet, by resource. */
class Queue {
  #groups = new Map<Resource, Entry[]>();
  length = 0;

  add(entry: Entry): void {
    let group = this.#groups.get(entry.item.resource);
    if (!group) {
      group = [];
      this.#groups.set(entry.item.resource, group);
    }
    group.push(entry);
    this.length++;
  }

  /** The items as the encoder will write them: one resource after the other. */
  take(): Entry[] {
    const groups = [...this.#groups.values()];
    this.#groups = new Map();
    this.length = 0;
    return groups.flat();
  }
}

/** Sends a whole archive, or what of it is new, as far as the destination takes it. */
export async function deliver(
  families: Families,
  destination: Destination,
  outbox: Outbox,
  options: DeliverOptions,
  around: Omit<Surroundings, "waiting" | "content">,
): Promise<Delivered> {
  const run = new Run(families, destination, outbox, options, around);
  return run.all();
}

class Run {
  readonly #queues = new Map<Signal, Queue>();
  readonly #sender: Sender;
  readonly #resources: Resources;
  readonly #meter = new Meter();
  readonly #lacking = new Set<number>();
  /** Encoded and not yet fixed: they are fixed together, which costs one write to the disk, and sent side by side. */
  #ready: NewBatch[] = [];
  #rounds = 0;
  #open = 0;
  #taken = 0;

  constructor(
    private readonly families: Families,
    private readonly destination: Destination,
    private readonly outbox: Outbox,
    private readonly options: DeliverOptions,
    private readonly around: Omit<Surroundings, "waiting" | "content">,
  ) {
    this.#resources = new Resources(options.resource);
    // How much of the rest the destination has had is known only when it is taken.
    const waiting = (): number => (options.onlyNew ? 0 : families.records - this.#taken) + this.#queued();
    this.#sender = new Sender(destination, outbox, { ...around, content: options.content, waiting });
    for (const { signal } of destination.routes) this.#queues.set(signal, new Queue());
  }

  /** Items that were taken from the archive and that the destination has not had. */
  #queued(): number {
    let queued = 0;
    for (const { keys } of [...this.outbox.waiting(), ...this.#ready]) queued += keys.length;
    for (const { length } of this.#queues.values()) queued += length;
    return queued;
  }

  async all(): Promise<Delivered> {
    try {
      await this.#sender.resume();
      for (const family of this.families) {
        await yieldToEvents();
        if (this.around.stopped()) throw new Stopped();
        this.#takeFamily(family, family.segments);
        this.#taken += family.records.length;
        await this.#flush(BATCH_ITEMS);
      }
      await this.#flush(1);
      await this.#sendMetrics();
      await this.#sendReady();
      await this.#sender.settled();
      return this.#result(false);
    } catch (error) {
      if (error instanceof Stopped) {
        await this.#sender.halted();
        return this.#result(true);
      }
      if (error instanceof WeirError && error.failure === "export") return this.#result(false, error);
      throw error;
    }
  }

  #result(isStopped: boolean, failure?: WeirError): Delivered {
    return { sent: this.#sender.sent, open: this.#open, lacking: this.#lacking, isStopped, failure };
  }

  #takeFamily(family: Family, segments: readonly number[]): void {
    const { filter, content, onlyNew } = this.options;
    const { records } = family;
    const nodes = treeOf(family);
    const settled = onlyNew ? settledNodes(nodes, records, sys.now()) : undefined;
    const selection = select(nodes, records, filter);
    const given = { resources: this.#resources, content };
    const isReady = (node: Node): boolean => settled === undefined || settled.has(node);
    for (const node of this.#queues.has("traces") ? selection.nodes : [])
      if (isReady(node)) this.#offer("traces", node.record, factKey(node.record), () => spanOf(node, given));
    if (this.#queues.has("logs"))
      for (const { log, record, node } of logsOf(selection, given))
        if (isReady(node)) this.#offer("logs", record, factKey(record, "log\0"), () => log);
    if (this.#queues.has("metrics"))
      measure(this.#meter, { ...selection, nodes: selection.nodes.filter(isReady) }, this.#resources);
    const waiting = selection.nodes.filter((node) => !isReady(node)).length;
    this.#open += waiting;
    if (waiting > 0) for (const segment of segments) this.#lacking.add(segment);
  }

  #offer(signal: Signal, record: WeirRecord, key: number, item: () => OtelSpan | OtelLog): void {
    if (this.options.onlyNew && this.#hasHad(signal, record, key)) return;
    this.#queues.get(signal)?.add({ item: item(), key, other: record.open ? tellingKey(record) : 0 });
  }

  /** Only what was told before may have gone out under another fact. */
  #hasHad(signal: Signal, record: WeirRecord, key: number): boolean {
    return this.outbox.has(signal, key) || (record.rev > 0 && this.outbox.has(signal, tellingKey(record)));
  }

  async #flush(least: number): Promise<void> {
    for (const route of this.destination.routes) {
      const queue = this.#queues.get(route.signal);
      if (!queue || queue.length < least) continue;
      const entries = queue.take();
      let from = 0;
      for (; entries.length - from >= least; from += BATCH_ITEMS)
        await this.#sendEntries(route, entries.slice(from, from + BATCH_ITEMS));
      for (; from < entries.length; from++) queue.add(entries[from] as Entry);
    }
  }

  async #sendEntries(route: Route, entries: readonly Entry[]): Promise<void> {
    const batch = batchOf(route, entries, this.options.content);
    if (batch) return this.#send(batch);
    const middle = Math.ceil(entries.length / 2);
    await this.#sendEntries(route, entries.slice(0, middle));
    await this.#sendEntries(route, entries.slice(middle));
  }

  /** The first batch goes alone: whether the destination takes anything at all is not asked several times at once. */
  async #send(batch: NewBatch): Promise<void> {
    this.#ready.push(batch);
    if (this.#ready.length >= (this.#sender.sent.batches === 0 ? 1 : IN_FLIGHT)) await this.#sendReady();
  }

  async #sendReady(): Promise<void> {
    const ready = this.#ready;
    this.#ready = [];
    await this.#sender.send(ready);
    if (++this.#rounds % COLLECTED_EVERY === 0) collectGarbage();
  }

  /** Metrics are running sums of the whole archive: sent when they have changed, the same points again otherwise. */
  async #sendMetrics(): Promise<void> {
    const route = this.destination.routes.find((r) => r.signal === "metrics");
    if (!route) return;
    const { metricsAs } = await import("./official.ts");
    // Those of a part take the place of the whole's, which then must go out again although they have not changed.
    if (isFiltering(this.options.filter)) this.outbox.forget("metrics");
    for (const message of this.#meter.messages()) {
      const keys = keysOf(message);
      if (this.options.onlyNew && keys.every((key) => this.outbox.has("metrics", key))) continue;
      const form = formOn(route);
      const body = packed(metricsAs(route.encoding, message), form.isPacked);
      await this.#send({
        signal: route.signal,
        form: form.name,
        content: false,
        body,
        keys,
        others: new Float64Array(keys.length),
      });
    }
  }
}

/** A batch as it is fixed; undefined where its bytes, before they are compressed, do not fit. */
function batchOf(route: Route, entries: readonly Entry[], content: boolean): NewBatch | undefined {
  const { signal, encoding } = route;
  const items = entries.map(({ item }) => item) as Items;
  if (signal === "metrics") throw new Error("metrics are no items");
  const form = formOn(route);
  const fits = (bytes: Uint8Array): boolean => bytes.length <= BATCH_BYTES || items.length === 1;
  const body = encoded(signal, encoding, items, (bytes) => (fits(bytes) ? packed(bytes, form.isPacked) : undefined));
  return body && { signal, form: form.name, content, body, ...keysIn(entries) };
}

function keysIn(entries: readonly Entry[]): Pick<NewBatch, "keys" | "others"> {
  return {
    keys: new Float64Array(entries.map(({ key }) => key)),
    others: new Float64Array(entries.map(({ other }) => other)),
  };
}

/** One key a metric, made from its points: a changed metric is a new one. */
function keysOf({ resource, scopeMetrics }: MetricsOfResource): Float64Array {
  const about = JSON.stringify(resource.attributes);
  const metrics = scopeMetrics.flatMap((scope) => scope.metrics);
  return Float64Array.from(metrics, (metric) => textKey(`${about}${JSON.stringify(metric)}`));
}
