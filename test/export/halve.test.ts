/** Proves that the halves of a request hold what it held, in its order, byte for byte as if each had been encoded alone. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { halve } from "../../src/export/halve.ts";
import { OtelSpan, type Resource } from "../../src/export/otel.ts";
import { encode } from "../../src/export/otlp.ts";
import { jsonSpans, protobufSpans } from "../support/otlp.ts";

const resources: Resource[] = ["a", "b", "c"].map((name) => ({ attributes: { "service.name": name }, schemaUrl: "s" }));

function spans(groups: readonly number[]): OtelSpan[] {
  let number = 0;
  return groups.flatMap((size, at) =>
    Array.from({ length: size }, () => {
      const id = (++number).toString(16).padStart(16, "0");
      const attributes = {
        n: number,
        half: number / 2,
        text: `é${"x".repeat(number * 7)}`,
        list: ["a", "b"],
        yes: true,
      };
      const resource = resources[at % 3]!;
      return new OtelSpan(
        "1".repeat(32),
        id,
        undefined,
        `span ${number}`,
        0,
        [1, 2],
        [3, 4],
        attributes,
        [],
        { code: 0 },
        resource,
      );
    }),
  );
}

for (const [encoding, read] of [
  ["protobuf", protobufSpans],
  ["json", jsonSpans],
] as const) {
  test(`two halves of a ${encoding} request hold what it held, in its order`, () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 3 }),
        fc.nat(27),
        (groups, at) => {
          const all = spans(groups);
          fc.pre(all.length > 1);
          const first = 1 + (at % (all.length - 1));
          const whole = encode("traces", encoding, all);
          const [a, b] = halve(whole, encoding, first);
          expect(read(a)).toHaveLength(first);
          expect([...read(a), ...read(b)]).toEqual(read(whole));
        },
      ),
    );
  });

  test(`a half of a ${encoding} request is as if only its spans had been encoded`, () => {
    const all = spans([5]);
    const [a, b] = halve(encode("traces", encoding, all), encoding, 3);
    expect(Buffer.from(a)).toEqual(Buffer.from(encode("traces", encoding, all.slice(0, 3))));
    expect(Buffer.from(b)).toEqual(Buffer.from(encode("traces", encoding, all.slice(3))));
  });
}
