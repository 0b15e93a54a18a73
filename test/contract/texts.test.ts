/**
 * Proves that texts are captured from every stream that has them: of each operation that its fixtures tell, at level
 * content at least one record carries what it is for. What a store has no text of stands in a list, with the reason.
 */
import { describe, expect, test } from "bun:test";
import { agents } from "../../src/agents/index.ts";
import type { Content, WeirRecord } from "../../src/record/schema.ts";
import { archived, syncInto } from "../support/archive.ts";
import { fixtureHomes } from "../support/fixtures.ts";
import { scratch } from "../support/home.ts";

type Operation = WeirRecord["operation"];

/** Where the texts of an operation stand. */
const PLACES: Partial<Record<Operation, readonly (keyof Content)[]>> = {
  user_message: ["input_messages"],
  chat: ["output_messages", "error_message"],
  execute_tool: ["tool_arguments", "tool_result"],
};

/** `agent/stream operation`: why its store has no text of it. */
const WITHOUT_TEXTS: Readonly<Record<string, string>> = {
  "copilot-cli/session_store chat": "its rows hold the tokens of calls; what was said stands in the session's events",
};

const has = ({ content }: WeirRecord, places: readonly (keyof Content)[]): boolean =>
  places.some((place) => content?.[place] !== undefined);

describe.each(agents.map((agent) => [agent.id, agent] as const))("%s", (id, agent) => {
  const told = (async () => {
    using place = scratch({ fast: true });
    const homes = fixtureHomes.filter((home) => home.agent === id).map((home) => home.path);
    for (const home of homes)
      await syncInto(place.data, home, { agents: [agent], capture: { level: "content", limit: 0 } });
    return archived(place.data);
  })();

  for (const { kind } of agent.streams)
    test(`${kind} tells its texts`, async () => {
      const records = (await told).filter(({ stream }) => stream === kind);
      const wanting = Object.entries(PLACES).flatMap(([operation, places]) => {
        const those = records.filter((record) => record.operation === operation);
        if (those.length === 0 || those.some((record) => has(record, places))) return [];
        return [`${id}/${kind} ${operation}`];
      });
      expect(wanting).toEqual(Object.keys(WITHOUT_TEXTS).filter((name) => name.startsWith(`${id}/${kind} `)));
    });
});

test("no reason stands for a stream that is not there", () => {
  const names = agents.flatMap(({ id, streams }) =>
    streams.flatMap(({ kind }) => Object.keys(PLACES).map((operation) => `${id}/${kind} ${operation}`)),
  );
  expect(Object.keys(WITHOUT_TEXTS).filter((name) => !names.includes(name))).toEqual([]);
});
