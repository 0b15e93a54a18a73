/** Proves what metrics and log records tell of an archive, and that a repeat gives the same bytes. */
import { describe, expect, test } from "bun:test";
import { type Filter, select } from "../../src/export/filter.ts";
import { logsOf } from "../../src/export/logs.ts";
import { INSTRUMENTS, measure, SECOND_BOUNDS, TOKEN_BOUNDS } from "../../src/export/metrics.ts";
import { metricsAs } from "../../src/export/official.ts";
import { Resources } from "../../src/export/otel.ts";
import { Meter } from "../../src/export/points.ts";
import { type Family, treeOf } from "../../src/export/tree.ts";
import { familiesOfArchive, syncInto } from "../support/archive.ts";
import { scratch } from "../support/home.ts";
import { keyValues } from "../support/otlp.ts";

const ALL: Filter = { agents: [], sessions: [], models: [], operations: [] };
const OPTIONS = { resources: new Resources({}), content: false };

async function familiesIn(...agents: string[]): Promise<Family[]> {
  using place = scratch({ fast: true });
  for (const agent of agents) place.copyFixture(agent);
  await syncInto(place.data, place.home);
  return [...(await familiesOfArchive(place.data))];
}

// biome-ignore lint/suspicious/noExplicitAny: what JSON.parse gives
type Any = Record<string, any>;

/** All metrics of these families, by name, with the sum of their points. */
function metricsOf(families: Awaited<ReturnType<typeof familiesIn>>): {
  bytes: string;
  sums: Map<string, number>;
  metrics: Any[];
} {
  const resources = new Resources({});
  const meter = new Meter();
  for (const family of families) measure(meter, select(treeOf(family), family.records, ALL), resources);
  const texts = meter.messages().map((message) => new TextDecoder().decode(metricsAs("json", message)));
  const metrics: Any[] = texts.flatMap((text) => JSON.parse(text).resourceMetrics[0].scopeMetrics[0].metrics);
  const sums = new Map<string, number>();
  for (const { name, histogram, sum } of metrics)
    for (const point of (histogram ?? sum).dataPoints)
      sums.set(name, (sums.get(name) ?? 0) + (histogram ? Number(point.sum) : Number(point.asInt)));
  return { bytes: texts.join("\n"), sums, metrics };
}

describe("metrics", () => {
  test("are one series where the user's own attributes make several resources one", async () => {
    const families = await familiesIn("codex", "claude-code", "kimi-code");
    const given = { "service.name": "mine", "service.version": "1", "weir.agent": "any" };
    const resources = new Resources(given);
    const meter = new Meter();
    for (const family of families) measure(meter, select(treeOf(family), family.records, ALL), resources);
    const messages = meter.messages();
    expect(messages.map(({ resource }) => resource.attributes)).toEqual([
      { ...given, "host.id": families[0]!.records[0]!.host },
    ]);
  });

  test("hold the tokens, tool calls and sessions of the archive", async () => {
    const families = await familiesIn("codex");
    const records = families.flatMap((f) => f.records);
    const { sums, metrics } = metricsOf(families);
    const tokens = records.reduce(
      (sum, { operation, usage: u }) =>
        sum + (operation === "chat" ? (u?.input_tokens ?? 0) + (u?.output_tokens ?? 0) : 0),
      0,
    );
    expect(sums.get("gen_ai.client.token.usage")).toBe(tokens);
    expect(sums.get("weir.tool.call.count")).toBe(records.filter((r) => r.operation === "execute_tool").length);
    const top = records.filter((r) => r.operation === "session" && !r.parent_session_id && !r.subagent);
    expect(sums.get("weir.session.count")).toBe(top.length);
    for (const { name, unit, histogram, sum } of metrics) {
      expect((histogram ?? sum).aggregationTemporality).toBe(2);
      const { unit: wanted } = Object.values(INSTRUMENTS).find((i) => i.name === name) as { unit: string };
      expect(unit).toBe(wanted);
      for (const point of histogram?.dataPoints ?? []) {
        expect(point.bucketCounts.reduce((a: number, b: number) => a + b, 0)).toBe(point.count);
        expect(BigInt(point.startTimeUnixNano)).toBeLessThan(BigInt(point.timeUnixNano));
        if (!name.startsWith("gen_ai.")) continue;
        expect(point.explicitBounds).toEqual(name.endsWith("token.usage") ? TOKEN_BOUNDS : SECOND_BOUNDS);
        const attributes = keyValues(point.attributes);
        expect(attributes["gen_ai.operation.name"]).toBe("chat");
        expect(attributes["gen_ai.provider.name"]).toBeString();
        if (name.endsWith("token.usage"))
          expect(["input", "output"]).toContain(attributes["gen_ai.token.type"] as string);
      }
    }
  });

  test("count the sums of an agent that tells no single calls", async () => {
    const families = await familiesIn("droid");
    const usage = families.flatMap((f) => f.records).map((r) => r.usage);
    const tokens = usage.reduce((sum, u) => sum + (u?.input_tokens ?? 0) + (u?.output_tokens ?? 0), 0);
    expect(tokens).toBeGreaterThan(0);
    expect(metricsOf(families).sums.get("gen_ai.client.token.usage")).toBe(tokens);
  });

  test("are the same bytes again, in whatever order the sessions come", async () => {
    const once = await familiesIn("claude-code", "codex", "pi");
    const again = await familiesIn("claude-code", "codex", "pi");
    const anonymous = (text: string): string => text.replace(/"host\.id","value":\{"stringValue":"[0-9a-f]+"/g, "");
    const { bytes } = metricsOf(once);
    expect(anonymous(metricsOf(again.toReversed()).bytes)).toBe(anonymous(bytes));
  });

  test("have the conventions' buckets", () => {
    expect(TOKEN_BOUNDS).toEqual([
      1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864,
    ]);
    expect(SECOND_BOUNDS).toEqual([
      0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
    ]);
  });
});

describe("log records", () => {
  test("tell calls, tool calls, turns and top-level sessions, each with its span", async () => {
    const families = await familiesIn("codex");
    for (const family of families) {
      const { records } = family;
      const nodes = treeOf(family);
      const logs = logsOf(select(nodes, records, ALL), OPTIONS).map((told) => told.log);
      const of = (name: string) => logs.filter((log) => log.eventName === name);
      const count = (operation: string): number => nodes.filter((n) => n.record.operation === operation).length;
      expect(of("gen_ai.client.inference.operation.details")).toHaveLength(count("chat") + count("embeddings"));
      expect(of("weir.tool.call")).toHaveLength(count("execute_tool"));
      expect(of("weir.agent.turn")).toHaveLength(count("invoke_agent"));
      expect(of("weir.session.start").length).toBeLessThanOrEqual(1);
      const spans = new Set(nodes.map((n) => `${n.traceId}${n.spanId}`));
      for (const { attributes, eventName, spanContext } of logs) {
        expect(attributes["event.name"]).toBe(eventName);
        expect(attributes["gen_ai.conversation.id"]).toBeString();
        expect(spans.has(`${spanContext?.traceId}${spanContext?.spanId}`)).toBe(true);
      }
      const turn = of("weir.agent.turn")[0]?.attributes;
      expect(turn?.["turn.index"]).toBeNumber();
      expect(turn?.tool_call_count).toBeNumber();
    }
  });

  test("of turns tell their place in the session, and tokens only where they are known", async () => {
    const turnsOf = async (agent: string, filter = ALL): Promise<Any[]> =>
      (await familiesIn(agent)).flatMap((family) =>
        logsOf(select(treeOf(family), family.records, filter), OPTIONS)
          .map(({ log }) => log)
          .filter((log) => log.eventName === "weir.agent.turn")
          .map(({ attributes }) => attributes as Any),
      );
    const sum = (turns: Any[], key: string): number => turns.reduce((total, turn) => total + (turn[key] ?? 0), 0);
    // Its spans know no turn: they are numbered by their time.
    const copilot = await turnsOf("copilot-vscode");
    const nameOf = (turn: Any): string => `${turn["session.id"]} ${turn["gen_ai.agent.name"]}`;
    for (const turns of Map.groupBy(copilot, nameOf).values())
      expect(turns.map((turn) => turn["turn.index"]).sort()).toEqual(turns.map((_, index) => index));
    expect(Math.max(...copilot.map((turn) => turn["turn.index"]))).toBeGreaterThan(0);
    // A turn whose request failed has no call.
    const claude = await turnsOf("claude-code");
    expect(claude.filter((turn) => !("gen_ai.usage.input_tokens" in turn)).length).toBeGreaterThan(0);
    expect(claude.filter((turn) => turn["gen_ai.usage.input_tokens"] === 0)).toEqual([]);
    // What is left out of an export does not change what is in it.
    expect(await turnsOf("claude-code", { ...ALL, operations: ["invoke_agent"] })).toEqual(claude);
    // Droid tells sums only.
    expect(sum(await turnsOf("droid"), "gen_ai.usage.input_tokens")).toBeGreaterThan(0);
  });

  test("of sessions are there when only they are asked for", async () => {
    const families = await familiesIn("codex");
    const told = families.flatMap((family) =>
      logsOf(select(treeOf(family), family.records, { ...ALL, operations: ["session"] }), OPTIONS),
    );
    expect(new Set(told.map(({ log }) => log.eventName))).toEqual(new Set(["weir.session.start"]));
  });
});
