/** Owns sending fixed batches to one destination until each is answered for good; it knows nothing of what is in them. */
import { fingerprint } from "../record/identity.ts";
import { WeirError } from "../system/errors.ts";
import { noAnswer, post } from "../system/network.ts";
import { uptime } from "../system/process.ts";
import { sys } from "../system/system.ts";
import { version } from "../system/version.ts";
import type { Destination, Route } from "./destination.ts";
import { halve } from "./halve.ts";
import type { Encoding, Signal } from "./otlp.ts";
import { type Outcome, outcomeOf } from "./outcome.ts";

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;
const TOLD_EVERY_MS = 60_000;
/** After a stop signal what is on its way may still be answered for so long: what was accepted is then not sent again. */
const LAST_WAIT_MS = 1000;
/** So many single items refused one after the other, and it is not the items. */
const REFUSED_IN_A_ROW = 100;

/** A batch as the state keeps it. */
export interface Fixed {
  readonly id: number;
  readonly signal: string;
  readonly form: string;
  /** It was made with texts, which only a run that is asked for them may send. */
  readonly content: boolean;
  readonly body: Uint8Array;
  readonly keys: Float64Array;
  /** In the same order what an item is also known by; 0 where that is nothing. */
  readonly others: Float64Array;
}

export type NewBatch = Omit<Fixed, "id">;

/** A batch that waits no more: the destination has it, or its items wait in others, or to be encoded again. */
export interface Ended {
  readonly batch: Fixed;
  readonly isSent: boolean;
}

/** The state of one destination; see `archive/delivery.ts`. */
export interface Outbox {
  waiting(): Fixed[];
  has(signal: string, key: number): boolean;
  forget(signal: string): void;
  move(ended: readonly Ended[], fixed: readonly NewBatch[]): Fixed[];
}

export interface Surroundings {
  readonly rest: (ms: number) => Promise<void>;
  readonly stopped: () => boolean;
  /** Aborted by a stop signal. */
  readonly stopping: AbortSignal;
  readonly info: (message: string) => void;
  readonly warn: (message: string) => void;
  /** Items that are still to be sent. */
  readonly waiting: () => number;
  /** How long one batch is tried again without success. */
  readonly retryForMs: number;
  /** Texts may be sent. */
  readonly content: boolean;
}

export interface Sent {
  /** Items that the destination accepted, by signal. */
  readonly accepted: Record<Signal, number>;
  /** Items that it accepted the request of, but not them. */
  rejected: number;
  /** Single items that it refused. */
  refused: number;
  batches: number;
  bytes: number;
}

export function newSent(): Sent {
  return { accepted: { traces: 0, metrics: 0, logs: 0 }, rejected: 0, refused: 0, batches: 0, bytes: 0 };
}

/** A stop signal came: what is fixed stays fixed. */
export class Stopped extends Error {}

export class Sender {
  readonly sent = newSent();
  #refusedInARow = 0;
  #told = Number.NEGATIVE_INFINITY;
  #toldPartial = false;
  /** By number, batches that may have arrived without an answer: they must not come a second time in other bytes. */
  readonly #unsure = new Set<number>();
  readonly #cut = new AbortController();
  /** Answered for good, and not yet noted in the state: that is done when the next ones are fixed. */
  #ended: Ended[] = [];
  /** The batches that are on their way. */
  #flight: Promise<readonly PromiseSettledResult<void>[]> = Promise.resolve([]);

  constructor(
    private readonly destination: Destination,
    private readonly outbox: Outbox,
    private readonly around: Surroundings,
  ) {
    around.stopping.addEventListener("abort", () => setTimeout(() => this.#cut.abort(), LAST_WAIT_MS).unref());
  }

  /**
   * Sends what an earlier run fixed and could not finish. What this run would not send as it is gives its items back, to
   * be encoded again.
   */
  async resume(): Promise<void> {
    const unfit = this.outbox.waiting().filter((batch) => this.#isUnfit(batch));
    if (unfit.length > 0)
      this.#move(
        [],
        unfit.map((batch) => ({ batch, isSent: false })),
      );
    for (const batch of this.outbox.waiting()) {
      if (!this.#routeOf(batch)) continue;
      this.#unsure.add(batch.id);
      this.#flight = Promise.allSettled([this.#deliver(batch)]);
      await this.settled();
    }
  }

  /**
   * Fixes batches and begins to send them, once those before have been answered for good; throws what became of one of
   * those: `export` when the destination does not take it, or `Stopped`.
   */
  async send(batches: readonly NewBatch[]): Promise<void> {
    await this.#landed();
    const fixed = this.#move(batches);
    if (this.around.stopped()) throw new Stopped();
    this.#flight = Promise.allSettled(fixed.map((batch) => this.#deliver(batch)));
  }

  /** Waits until all that was sent has been answered for good, and notes that; throws as `send` does. */
  async settled(): Promise<void> {
    await this.#landed();
    this.#note();
  }

  /** The same after a stop signal, whatever became of it. */
  async halted(): Promise<void> {
    await this.#flight;
    this.#note();
  }

  #note(): void {
    if (this.#ended.length > 0) this.#move([]);
  }

  async #landed(): Promise<void> {
    const failed = (await this.#flight).find((result) => result.status === "rejected");
    if (!failed) return;
    this.#flight = Promise.resolve([]);
    this.#move([]);
    throw failed.reason;
  }

  #move(fixed: readonly NewBatch[], ended: readonly Ended[] = []): Fixed[] {
    const all = [...this.#ended, ...ended];
    this.#ended = [];
    return this.outbox.move(all, fixed);
  }

  /**
   * Sends a batch that was fixed, in halves where it must be; throws `export` when the destination does not take it. What
   * was only ever refused is then not kept as it is: the next run may know better how to send its items.
   */
  async #deliver(batch: Fixed): Promise<void> {
    const route = this.#routeOf(batch);
    if (!route) throw new WeirError("export", `${this.destination.origin}: ${batch.signal} are not asked for`);
    const outcome = await this.#settled(route, batch);
    if (outcome.kind === "accepted") return this.#accept(route, batch, outcome.rejected, outcome.message);
    if (outcome.kind === "stop" && !this.#unsure.has(batch.id)) this.#ended.push({ batch, isSent: false });
    if (outcome.kind !== "halve") throw this.#failed(route, outcome.reason);
    if (batch.keys.length > 1) {
      for (const half of this.#move(halvesOf(batch), [{ batch, isSent: false }])) await this.#deliver(half);
      return;
    }
    this.#ended.push({ batch, isSent: true });
    this.sent.refused++;
    if (++this.#refusedInARow >= REFUSED_IN_A_ROW)
      throw this.#failed(route, `${outcome.reason} to each of ${REFUSED_IN_A_ROW} single items`);
  }

  #isUnfit(batch: Fixed): boolean {
    const route = this.#routeOf(batch);
    const isForm = route === undefined || formOn(route).name === batch.form;
    return !isForm || (batch.content && !this.around.content);
  }

  #routeOf = ({ signal }: Fixed): Route | undefined => this.destination.routes.find((r) => r.signal === signal);

  #accept({ origin }: Route, batch: Fixed, rejected: number, message: string): void {
    const items = batch.keys.length;
    const first = this.sent.batches === 0;
    this.#ended.push({ batch, isSent: true });
    this.#refusedInARow = 0;
    this.sent.batches++;
    this.sent.bytes += batch.body.length;
    // A metric has many points: of how many metrics some were rejected nobody tells.
    const isPoints = batch.signal === "metrics";
    const lost = isPoints ? rejected : Math.min(rejected, items);
    this.sent.rejected += lost;
    this.sent.accepted[batch.signal as Signal] += isPoints ? items : items - lost;
    if (first) this.around.info(`${origin} accepted the first batch (${items} ${nounOf(batch.signal)})`);
    if ((rejected > 0 || message !== "") && !this.#toldPartial) {
      this.#toldPartial = true;
      const points = isPoints ? "points of " : "of ";
      const what = rejected > 0 ? `rejected ${rejected} ${points}${items} ${nounOf(batch.signal)}` : "warns";
      this.around.warn(`${origin} ${what}${message === "" ? "" : `: ${message.slice(0, 200)}`}`);
    }
  }

  /** Tries until there is an answer for good, or no more time. */
  async #settled(route: Route, batch: Fixed): Promise<Outcome> {
    const deadline = uptime() + this.around.retryForMs;
    let longest = FIRST_WAIT_MS;
    for (;;) {
      const outcome = await attempt(route, batch, this.#cut.signal);
      if (outcome.kind !== "again") return outcome;
      this.#unsure.add(batch.id);
      // A receiver that asks to wait no time at all is not asked without a pause.
      const wait = outcome.afterMs || jitter(longest);
      longest = Math.min(longest * 2, LONGEST_WAIT_MS);
      if (this.around.stopped()) throw new Stopped();
      if (uptime() + wait > deadline) {
        const asked = outcome.afterMs === undefined ? "" : ` and asks to wait ${Math.ceil(outcome.afterMs / 1000)} s`;
        return { kind: "stop", reason: `${outcome.reason}${asked}` };
      }
      this.#tell(route, outcome.reason);
      await this.around.rest(wait);
      if (this.around.stopped()) throw new Stopped();
    }
  }

  #tell({ origin }: Route, reason: string): void {
    if (uptime() - this.#told < TOLD_EVERY_MS) return;
    this.#told = uptime();
    this.around.warn(`${origin}: ${reason}; ${this.around.waiting()} waiting, trying again`);
  }

  #failed({ origin }: Route, reason: string): WeirError {
    return new WeirError(
      "export",
      `${origin}: ${reason}; ${this.around.waiting()} waiting`,
      "what was accepted is remembered: the same command with --new goes on from there",
    );
  }
}

const NOUNS: Readonly<Record<string, string>> = { traces: "spans", metrics: "metrics", logs: "log records" };
export const nounOf = (signal: string): string => NOUNS[signal] ?? signal;

function jitter(longest: number): number {
  const [byte = 0, more = 0] = sys.random(2);
  return ((byte * 256 + more) / 65_535) * longest;
}

/** How a body for this route is written: its encoding, and whether it is compressed. gRPC compresses by itself. */
export function formOn({ encoding, gzip, protocol }: Route): { readonly name: string; readonly isPacked: boolean } {
  const isPacked = gzip && protocol !== "grpc";
  return { name: isPacked ? `${encoding}+gzip` : encoding, isPacked };
}

/** A body as it is sent, in memory of its own; level 1 takes a third of the time of level 6 and is as good for spans (measured). */
export function packed(body: Uint8Array, gzip: boolean): Uint8Array {
  return gzip ? Bun.gzipSync(body as Uint8Array<ArrayBuffer>, { level: 1 }) : body.slice();
}

function unpacked({ form, body }: Fixed): Uint8Array {
  return form.endsWith("+gzip") ? Bun.gunzipSync(body as Uint8Array<ArrayBuffer>) : body;
}

const encodingOf = ({ form }: Fixed): Encoding => (form.startsWith("json") ? "json" : "protobuf");

function halvesOf(batch: Fixed): NewBatch[] {
  const { signal, form, content, keys, others } = batch;
  const middle = Math.ceil(keys.length / 2);
  const gzip = form.endsWith("+gzip");
  const [a, b] = halve(unpacked(batch), encodingOf(batch), middle);
  return [
    { signal, form, content, body: packed(a, gzip), keys: keys.slice(0, middle), others: others.slice(0, middle) },
    { signal, form, content, body: packed(b, gzip), keys: keys.slice(middle), others: others.slice(middle) },
  ];
}

async function attempt(route: Route, batch: Fixed, cut: AbortSignal): Promise<Outcome> {
  const { timeoutMs, certificates, url } = route;
  const own = {
    "user-agent": `weir/${version}`,
    "idempotency-key": fingerprint([batch.signal, Bun.hash(batch.body).toString(16)]),
  };
  if (route.protocol === "grpc") {
    const { call } = await import("./grpc.ts");
    const headers = { ...own, ...route.headers.reveal() };
    return call({
      signal: batch.signal as Signal,
      url,
      headers,
      body: unpacked(batch),
      gzip: route.gzip,
      timeoutMs,
      cut,
      certificates,
    });
  }
  const headers: Record<string, string> = {
    ...own,
    ...route.headers.reveal(),
    "content-type": encodingOf(batch) === "json" ? "application/json" : "application/x-protobuf",
  };
  if (batch.form.endsWith("+gzip")) headers["content-encoding"] = "gzip";
  const answer = await post({ url, headers, body: batch.body, timeoutMs, cut, certificates }).catch(noAnswer);
  if (typeof answer === "string") return { kind: "again", reason: answer };
  return outcomeOf(batch.signal as Signal, encodingOf(batch), answer, sys.now());
}
