/** Proves that every fixture's spans keep to the conventions, and that each call, tool, hook and run that counts has one. */
import { describe, expect, test } from "bun:test";
import { SPAN_OPERATIONS } from "../../src/export/attributes.ts";
import { Resources } from "../../src/export/otel.ts";
import { encode } from "../../src/export/otlp.ts";
import { spanOf } from "../../src/export/spans.ts";
import { type Node, treeOf } from "../../src/export/tree.ts";
import type { WeirRecord } from "../../src/record/schema.ts";
import { tokensOf } from "../../src/record/usage.ts";
import { counting, familiesOfArchive, type SyncOptions, syncInto } from "../support/archive.ts";
import { fixtureHomes } from "../support/fixtures.ts";
import { scratch } from "../support/home.ts";
import { jsonSpans, protobufSpans } from "../support/otlp.ts";
import { contentViolations, violations } from "./semconv.ts";

async function nodesOf(home: string, options: SyncOptions = {}): Promise<Node[]> {
  using place = scratch({ fast: true });
  await syncInto(place.data, home, options);
  return [...(await familiesOfArchive(place.data))].flatMap((f) => treeOf(f));
}

describe("every agent's fixture, as spans", () => {
  for (const { name, path, markers } of fixtureHomes) {
    test(`${name} violates no convention, and both encodings say the same`, async () => {
      const nodes = await nodesOf(path);
      if (nodes.length === 0) return; // no agent of ours reads it yet
      const options = { resources: new Resources({}), content: false };
      const spans = nodes.map((node) => spanOf(node, options));
      const json = encode("traces", "json", spans);
      const read = jsonSpans(json);
      expect(read).toHaveLength(nodes.length);
      expect(read.flatMap(violations)).toEqual([]);
      expect(protobufSpans(encode("traces", "protobuf", spans))).toEqual(read);
      expect(new Set(read.map((span) => `${span.traceId}${span.spanId}`)).size).toBe(read.length);
      const text = new TextDecoder().decode(json);
      expect(markers.filter((marker) => text.includes(marker))).toEqual([]);
    });

    test(`${name} keeps to the message schema where texts were captured`, async () => {
      const nodes = await nodesOf(path, { capture: { level: "content", limit: 65_536 } });
      const options = { resources: new Resources({}), content: true };
      const read = jsonSpans(
        encode(
          "traces",
          "json",
          nodes.map((node) => spanOf(node, options)),
        ),
      );
      expect(read.flatMap((span) => [...violations(span), ...contentViolations(span)])).toEqual([]);
    });

    test(`${name} has a span for each call, tool, hook and agent that counts`, async () => {
      using place = scratch({ fast: true });
      await syncInto(place.data, path);
      const counted = counting(place.data).filter((r) => SPAN_OPERATIONS.has(r.operation));
      const nodes = [...(await familiesOfArchive(place.data))]
        .flatMap((f) => treeOf(f))
        .filter((node) => !node.derived);
      expect(nodes.map((node) => node.record.id).sort()).toEqual(counted.map((r) => r.id).sort());
      const tokens = (records: readonly WeirRecord[]): number => records.reduce((sum, r) => sum + tokensOf(r.usage), 0);
      expect(tokens(nodes.map((node) => node.record))).toBe(tokens(counted));
    });

    test(`${name} has no span without its parent, and no circle`, async () => {
      const nodes = await nodesOf(path);
      const known = new Set(nodes);
      for (const node of nodes) {
        if (node.parent) expect(known.has(node.parent)).toBe(true);
        let steps = 0;
        for (let at: Node | undefined = node; at && steps < 100; at = at.parent) steps++;
        expect(steps).toBeLessThan(100);
        if (node.parent && !node.record.span_id) expect(node.traceId).toBe(node.parent.traceId);
      }
    });
  }
});
