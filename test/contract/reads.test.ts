/**
 * Proves the law that every stream obeys which says what it reads, knowing no agent: lines and documents that differ from
 * what the agent writes, in the order of their keys, their keys, types and escapes, tell the same whether they are skimmed,
 * parsed whole, or read with their texts. `WEIR_LINES=100000` runs it for longer.
 */
import { test } from "bun:test";
import { readFileSync, realpathSync } from "node:fs";
import { agents } from "../../src/agents/index.ts";
import type { Agent } from "../../src/read/types.ts";
import { discover } from "../../src/sync/discover.ts";
import { EVERYTHING, environmentAt } from "../support/archive.ts";
import { fixtureHomes } from "../support/fixtures.ts";
import type { Random } from "../support/random.ts";
import { LINES, type Log, proveSame, readsOf, type Skimmed } from "../support/skimmed.ts";

/** Lines that are read one after the other. */
const RUN = 40;
/** A document is as long as so many lines. */
const DOCUMENT = 5;
const LONG = { timeout: 600_000 };

/** The sources that fixtures have of a stream, with those of their lines that are objects, or with their document. */
function logsOf(agent: Agent, stream: Skimmed): Log[] {
  const homes = fixtureHomes.filter((home) => home.agent === agent.id).map(({ path }) => realpathSync(path));
  const { found } = discover([agent], environmentAt(...homes), EVERYTHING);
  return found
    .filter((one) => one.stream === stream)
    .map(({ inRoot, path }) => ({ path: inRoot, objects: valuesIn(readFileSync(path, "utf8"), stream.shape) }))
    .filter(({ objects }) => objects.length > 0);
}

function valuesIn(text: string, shape: Skimmed["shape"]): unknown[] {
  return (shape === "tail" ? text.split("\n") : [text]).flatMap((json) => {
    try {
      const value = JSON.parse(json);
      return typeof value === "object" && value !== null ? [value] : [];
    } catch {
      return []; // what is no JSON is read by no skimmer
    }
  });
}

/** Some lines of a log in their order, mostly from its begin on. */
function someOf({ path, objects }: Log, r: Random): Log {
  const from = r.chance(0.6) ? 0 : r.int(0, objects.length - 1);
  return { path, objects: objects.slice(from, from + r.int(1, RUN)).filter((_, at) => at === 0 || !r.chance(0.1)) };
}

for (const agent of agents)
  for (const stream of agent.streams) {
    if (!readsOf(stream)) continue;
    const [count, what] = stream.shape === "tail" ? [LINES, "lines"] : [LINES / DOCUMENT, "documents"];
    test(
      `${agent.id}: ${count} varied ${what} of ${stream.kind} tell the same, skimmed, whole and with their texts`,
      () => {
        const logs = logsOf(agent, stream);
        return proveSame(stream, count, (r) => someOf(r.pick(logs), r));
      },
      LONG,
    );
  }
