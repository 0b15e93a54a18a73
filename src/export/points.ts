/** Owns metric points: histograms and sums gathered from records, the same points whenever the same records are there. */
import { type Attributes, isBefore, type Resource, SCOPE, type Time } from "./otel.ts";

/** Cumulative points need a start that never changes; no agent is older. */
const START: Time = [1577836800, 0]; // 2020-01-01
const CUMULATIVE = 1;
const HISTOGRAM = 0;
const SUM = 3;
const INT = 0;
const DOUBLE = 1;

export interface Instrument {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  /** Bounds of a histogram; without them it is a sum that only grows. */
  readonly bounds?: readonly number[];
  readonly whole: boolean;
}

/** What the official encoder takes: one resource's metrics. */
export interface MetricsOfResource {
  readonly resource: Resource;
  readonly scopeMetrics: readonly { readonly scope: typeof SCOPE; readonly metrics: readonly unknown[] }[];
}

interface Point {
  readonly attributes: Attributes;
  count: number;
  sum: number;
  min: number;
  max: number;
  readonly buckets: number[];
  last: Time;
}

/** All series of one instrument for one resource, by their attributes. */
class Series {
  readonly #points = new Map<string, Point>();

  constructor(readonly instrument: Instrument) {}

  add(value: number, attributes: Attributes, time: Time): void {
    const key = JSON.stringify(attributes);
    const { bounds } = this.instrument;
    let point = this.#points.get(key);
    if (!point) {
      const buckets = bounds ? new Array(bounds.length + 1).fill(0) : [];
      point = { attributes, count: 0, sum: 0, min: value, max: value, buckets, last: time };
      this.#points.set(key, point);
    }
    point.count++;
    point.sum += value;
    point.min = Math.min(point.min, value);
    point.max = Math.max(point.max, value);
    if (isBefore(point.last, time)) point.last = time;
    if (!bounds) return;
    let bucket = bounds.findIndex((bound) => value <= bound);
    if (bucket < 0) bucket = bounds.length;
    point.buckets[bucket] = (point.buckets[bucket] ?? 0) + 1;
  }

  /** Sorted, so that the order of records does not matter. */
  data(): unknown {
    const { name, description, unit, bounds, whole } = this.instrument;
    const points = [...this.#points].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, point]) => point);
    return {
      descriptor: { name, description, unit, valueType: whole ? INT : DOUBLE },
      aggregationTemporality: CUMULATIVE,
      dataPointType: bounds ? HISTOGRAM : SUM,
      isMonotonic: bounds ? undefined : true,
      dataPoints: points.map((p) => ({
        attributes: p.attributes,
        startTime: START,
        endTime: p.last,
        value: bounds
          ? {
              buckets: { boundaries: bounds, counts: p.buckets },
              count: p.count,
              sum: rounded(p.sum),
              min: p.min,
              max: p.max,
            }
          : p.sum,
      })),
    };
  }
}

/** Sums of fractions depend on the order of adding only beyond the microsecond. */
function rounded(sum: number): number {
  return Math.round(sum * 1e6) / 1e6;
}

/** Every instrument's series, by resource. */
export class Meter {
  readonly #resources = new Map<Resource, Map<Instrument, Series>>();

  add(resource: Resource, instrument: Instrument, value: number, attributes: Attributes, time: Time): void {
    let all = this.#resources.get(resource);
    if (!all) {
      all = new Map();
      this.#resources.set(resource, all);
    }
    let series = all.get(instrument);
    if (!series) {
      series = new Series(instrument);
      all.set(instrument, series);
    }
    series.add(value, attributes, time);
  }

  /** One message a resource, in a fixed order. */
  messages(): MetricsOfResource[] {
    const named = [...this.#resources].map(
      ([resource, all]) => [JSON.stringify(resource.attributes), resource, all] as const,
    );
    named.sort(([a], [b]) => (a < b ? -1 : 1));
    return named.map(([, resource, all]) => {
      const metrics = [...all.values()].sort((a, b) => (a.instrument.name < b.instrument.name ? -1 : 1));
      return { resource, scopeMetrics: [{ scope: SCOPE, metrics: metrics.map((series) => series.data()) }] };
    });
  }
}
