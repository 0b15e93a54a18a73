/** Owns the shapes that OTLP is made from: spans, log records, resources, scope and times, as the official encoder wants them. */
import type { Scalars, WeirRecord } from "../record/schema.ts";
import { type Instant, instantOf } from "../record/time.ts";
import { version } from "../system/version.ts";

export type Value = string | number | boolean | readonly (string | number | boolean)[];
export type Attributes = Record<string, Value>;
export type Time = Instant;

/** The conventions that names and values follow: the last core release that defines GenAI. */
const SCHEMA_URL = "https://opentelemetry.io/schemas/1.41.1";

export interface Resource {
  readonly attributes: Attributes;
  readonly schemaUrl?: string;
}

export interface SpanEvent {
  readonly name: string;
  readonly time: Time;
  readonly attributes?: Attributes;
  readonly droppedAttributesCount: number;
}

export interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
}

/** In the flags of all that is exported: it was sampled. */
export const SAMPLED = 1;

export const INTERNAL = 0;
export const CLIENT = 2;

/** In a span's flags: it is known whether the parent is remote. It never is. */
export const HAS_IS_REMOTE = 0x100;

const NONE: readonly never[] = [];

/**
 * Attributes that are numbers with fractions, also where the fraction is nothing: a backend takes the type of a name from
 * the first value that it sees, and one that took a whole number cuts all later ones.
 */
export const FRACTIONS: ReadonlySet<string> = new Set([
  "gen_ai.request.temperature",
  "gen_ai.request.top_p",
  "gen_ai.request.top_k",
  "gen_ai.request.frequency_penalty",
  "gen_ai.request.presence_penalty",
  "gen_ai.response.time_to_first_chunk",
  "weir.cost_usd",
  "weir.duration_ms",
  "duration_ms",
  "amp.credits",
  "copilot_chat.total_cost_usd",
  "copilot_cli.copilotCredits",
  "copilot_vscode.copilotCredits",
  "github.copilot.aiu",
  "github.copilot.cost",
  "github.copilot.hook.duration",
  "github.copilot.server_duration",
]);

/** The scope that all spans and log records name. */
export const SCOPE = {
  name: "weir",
  version,
  schemaUrl: SCHEMA_URL,
};

/** A span as the official encoder reads it. */
export class OtelSpan {
  readonly links: readonly never[] = NONE;
  readonly instrumentationScope = SCOPE;
  readonly droppedAttributesCount = 0;
  readonly droppedEventsCount = 0;
  readonly droppedLinksCount = 0;

  constructor(
    readonly traceId: string,
    readonly spanId: string,
    readonly parentSpanId: string | undefined,
    readonly name: string,
    readonly kind: number,
    readonly startTime: Time,
    readonly endTime: Time,
    readonly attributes: Attributes,
    readonly events: readonly SpanEvent[],
    readonly status: { readonly code: number; readonly message?: string },
    readonly resource: Resource,
  ) {}

  /** As the official encoder asks for it. */
  spanContext(): SpanContext {
    return { traceId: this.traceId, spanId: this.spanId, traceFlags: SAMPLED };
  }

  /** As the official encoder asks for it. */
  get parentSpanContext(): SpanContext | undefined {
    return this.parentSpanId === undefined ? undefined : { ...this.spanContext(), spanId: this.parentSpanId };
  }
}

export interface OtelLog {
  readonly hrTime: Time;
  readonly hrTimeObserved: Time;
  readonly severityNumber: number;
  readonly severityText: string;
  readonly body: string;
  readonly eventName: string;
  readonly attributes: Record<string, unknown>;
  readonly droppedAttributesCount: 0;
  readonly spanContext: SpanContext | undefined;
  readonly resource: Resource;
  readonly instrumentationScope: typeof SCOPE;
}

/** A time and so many milliseconds more. */
export function later(time: Time, ms: number): Time {
  const all = time[1] + Math.round(ms * 1e6);
  return [time[0] + Math.floor(all / 1e9), all - Math.floor(all / 1e9) * 1e9];
}

export const isBefore = (a: Time, b: Time): boolean => a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
export const millisOf = (at: Time): number => at[0] * 1000 + at[1] / 1e6;

export interface Times {
  readonly start: Time;
  readonly end: Time;
}

/** Start and end of a record; undefined when it has no time. */
export function timesOf(record: WeirRecord): Times | undefined {
  const { time, end_time, duration_ms } = record;
  const given = time ?? end_time;
  if (given === undefined) return undefined;
  const start = instantOf(given);
  if (end_time === given) return { start, end: start };
  if (end_time === undefined) return { start, end: duration_ms === undefined ? start : later(start, duration_ms) };
  const end = instantOf(end_time);
  return { start, end: isBefore(end, start) ? start : end };
}

/** Resources, one object for each that differs, so that the encoder groups what belongs together. */
export class Resources {
  /** By what records say of theirs. */
  readonly #known = new Map<string, Resource>();
  /** By their attributes: where the user's own stand over those of records, several become one. */
  readonly #made = new Map<string, Resource>();
  /** The last one that was asked for, which is mostly asked for again. */
  #last: { readonly agent: string; readonly name: unknown; readonly version: unknown; readonly host: string } & {
    readonly made: Resource;
  } = { agent: "", name: "", version: "", host: "", made: { attributes: {} } };

  /** `given` comes from the user's environment and is stronger than what the record says. */
  constructor(private readonly given: Attributes) {}

  of(record: WeirRecord): Resource {
    const { agent, agent_version, host, resource } = record;
    const name = resource?.["service.name"] ?? agent;
    const version = resource?.["service.version"] ?? agent_version ?? "";
    const last = this.#last;
    if (last.agent === agent && last.name === name && last.version === version && last.host === host) return last.made;
    const key = `${agent}\0${name}\0${version}\0${host}`;
    const made = this.#known.get(key) ?? this.#resource(this.#attributes(agent, name, version, host));
    this.#known.set(key, made);
    this.#last = { agent, name, version, host, made };
    return made;
  }

  #resource(attributes: Attributes): Resource {
    const key = JSON.stringify(attributes);
    const made = this.#made.get(key) ?? { attributes, schemaUrl: SCHEMA_URL };
    this.#made.set(key, made);
    return made;
  }

  /** In an order that does not depend on which of them the record tells. */
  #attributes(agent: string, name: Scalars[string], version: Scalars[string], host: string): Attributes {
    const own = { "service.name": String(name), "service.version": String(version), "host.id": host };
    const all = Object.entries({ ...own, "weir.agent": agent, ...this.given });
    return Object.fromEntries(all.filter(([key, value]) => value !== "" || key in this.given));
  }
}
