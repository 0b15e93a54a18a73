/** Proves that spans and log records are encoded byte for byte as the official encoders do it. */
import { describe, expect, test } from "bun:test";
import {
  JsonLogsSerializer,
  JsonTraceSerializer,
  ProtobufLogsSerializer,
  ProtobufTraceSerializer,
} from "@opentelemetry/otlp-transformer";
import fc from "fast-check";
import { type Filter, select } from "../../src/export/filter.ts";
import { logsOf } from "../../src/export/logs.ts";
import {
  type Attributes,
  FRACTIONS,
  type OtelLog,
  OtelSpan,
  type Resource,
  Resources,
  SCOPE,
  type Time,
} from "../../src/export/otel.ts";
import { encode } from "../../src/export/otlp.ts";
import { spanOf } from "../../src/export/spans.ts";
import { treeOf } from "../../src/export/tree.ts";
import { familiesOfArchive, syncInto } from "../support/archive.ts";
import { fixtureHomes } from "../support/fixtures.ts";
import { scratch } from "../support/home.ts";

/** The official encoders name their own interfaces; ours have all that they read. */
const OFFICIAL = {
  traces: { protobuf: ProtobufTraceSerializer, json: JsonTraceSerializer },
  logs: { protobuf: ProtobufLogsSerializer, json: JsonLogsSerializer },
} as const;

/** Gives every number with a fraction one: a whole one the official encoders take for an integer, and ours do not. */
function withFractions<
  T extends { readonly attributes: Record<string, unknown>; readonly events?: OtelSpan["events"] },
>(items: readonly T[]): readonly T[] {
  const fill = (attributes: Record<string, unknown> = {}): void => {
    for (const name of FRACTIONS)
      if (Number.isInteger(attributes[name])) attributes[name] = Number(attributes[name]) + 0.5;
  };
  for (const { attributes, events = [] } of items) {
    fill(attributes);
    for (const event of events) fill(event.attributes);
  }
  return items;
}

function expectEqual(signal: "traces" | "logs", items: readonly OtelSpan[] | readonly OtelLog[]): void {
  for (const encoding of ["protobuf", "json"] as const) {
    const official = OFFICIAL[signal][encoding].serializeRequest(items as never) as Uint8Array;
    const ours = encode(signal, encoding, items as OtelSpan[]);
    if (Buffer.compare(ours, official) !== 0)
      expect(Buffer.from(ours).toString("latin1")).toBe(Buffer.from(official).toString("latin1"));
  }
}

const ALL: Filter = { agents: [], sessions: [], models: [], operations: [] };

describe("spans and log records are encoded byte for byte as the official encoders do it", () => {
  for (const { name, path } of fixtureHomes) {
    test(`${name}`, async () => {
      using place = scratch({ fast: true });
      await syncInto(place.data, path);
      for (const content of [false, true]) {
        const options = { resources: new Resources({ "deployment.environment.name": "tést" }), content };
        for (const family of await familiesOfArchive(place.data)) {
          const nodes = treeOf(family);
          expectEqual("traces", withFractions(nodes.map((node) => spanOf(node, options))));
          expectEqual("logs", withFractions(logsOf(select(nodes, family.records, ALL), options).map(({ log }) => log)));
        }
      }
    });
  }

  const hex = (length: number): fc.Arbitrary<string> =>
    fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: length, maxLength: length });
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 300 }),
    fc.string({ maxLength: 20 }),
    fc.constantFrom("\ud800", "a\udc00b", "\u2028", "\u0000\u0007\u007f", '"\\', "é".repeat(50), "x".repeat(127)),
    fc.nat(6000).map((n) => "ü".repeat(n)),
  );
  const number = fc.oneof(
    fc.integer(),
    fc.double(),
    fc.maxSafeInteger(),
    fc.constantFrom(0, -0, -1, 127, 128, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 63, -(2 ** 63), 1e300, 0.1),
  );
  const value: fc.Arbitrary<unknown> = fc.letrec((again) => ({
    any: fc.oneof(
      { depthSize: "small" },
      text,
      number,
      fc.boolean(),
      fc.constant(null),
      fc.array(again("any"), { maxLength: 4 }),
      fc.dictionary(text, again("any"), { maxKeys: 4 }),
    ),
  })).any;
  const attributes = fc.dictionary(text, value, { maxKeys: 6 }) as fc.Arbitrary<Attributes>;
  const time = fc.tuple(fc.integer({ min: 0, max: 2 ** 34 }), fc.nat(999_999_999)) as fc.Arbitrary<Time>;
  const resource: fc.Arbitrary<Resource> = fc.record({ attributes, schemaUrl: text }, { requiredKeys: ["attributes"] });
  const event = fc.record(
    { name: text, time, attributes, droppedAttributesCount: fc.constant(0) },
    { requiredKeys: ["name", "time", "droppedAttributesCount"] },
  );
  const status = fc.record({ code: fc.nat(2), message: text }, { requiredKeys: ["code"] });

  const spanFrom = (resources: readonly Resource[]): fc.Arbitrary<OtelSpan> =>
    fc
      .tuple(
        hex(32),
        hex(16),
        fc.option(hex(16), { nil: undefined }),
        text,
        fc.constantFrom(0, 2),
        time,
        time,
        attributes,
        fc.array(event, { maxLength: 3 }),
        status,
        fc.constantFrom(...resources),
      )
      .map((given) => new OtelSpan(...given));

  const logFrom = (resources: readonly Resource[]): fc.Arbitrary<OtelLog> =>
    fc.record({
      hrTime: time,
      hrTimeObserved: time,
      severityNumber: fc.constant(9),
      severityText: fc.constant("INFO"),
      body: text,
      eventName: fc.string({ minLength: 1 }),
      attributes,
      droppedAttributesCount: fc.constant(0 as const),
      spanContext: fc.option(fc.record({ traceId: hex(32), spanId: hex(16), traceFlags: fc.constant(1) }), {
        nil: undefined,
      }),
      resource: fc.constantFrom(...resources),
      instrumentationScope: fc.constant(SCOPE),
    });

  const several = fc.array(resource, { minLength: 1, maxLength: 3 });

  test("spans of any names, values and lengths", () => {
    const given = several.chain((resources) => fc.array(spanFrom(resources), { maxLength: 8 }));
    fc.assert(
      fc.property(given, (spans) => expectEqual("traces", spans)),
      { numRuns: 150 },
    );
  });

  test("log records of any names, values and lengths", () => {
    const given = several.chain((resources) => fc.array(logFrom(resources), { maxLength: 8 }));
    fc.assert(
      fc.property(given, (logs) => expectEqual("logs", logs)),
      { numRuns: 150 },
    );
  });
});

test("a number that may have a fraction is a double, whether it has one or not", () => {
  const made = (attributes: Attributes): OtelSpan =>
    new OtelSpan(
      "1".repeat(32),
      "1".repeat(16),
      undefined,
      "chat",
      2,
      [1, 0],
      [2, 0],
      attributes,
      [],
      { code: 0 },
      {
        attributes: {},
      },
    );
  const names = [...FRACTIONS];
  for (const value of [0, 1, 2.5, -1, 1e21]) {
    const span = made(Object.fromEntries([...names, "gen_ai.usage.input_tokens"].map((name) => [name, value])));
    const json = JSON.parse(new TextDecoder().decode(encode("traces", "json", [span])));
    const told = json.resourceSpans[0].scopeSpans[0].spans[0].attributes as { key: string; value: object }[];
    expect(told.slice(0, names.length)).toEqual(names.map((key) => ({ key, value: { doubleValue: value } })));
    const bytes = Buffer.from(encode("traces", "protobuf", [span]));
    const double = Buffer.alloc(9);
    double[0] = (4 << 3) | 1;
    double.writeDoubleLE(value, 1);
    for (const name of names) {
      const at = bytes.indexOf(Buffer.concat([Buffer.from([name.length]), Buffer.from(name)])) + name.length + 1;
      expect(bytes.subarray(at, at + 11)).toEqual(Buffer.concat([Buffer.from([(2 << 3) | 2, 9]), double]));
    }
  }
});
