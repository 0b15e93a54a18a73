/** Owns which fixture homes there are: every `home` folder below an agent's folder, and what was planted in it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const folder = join(import.meta.dir, "../../fixtures/agents");

export interface FixtureHome {
  /** `codex`, or `copilot-vscode/remote` where an agent has more than one. */
  readonly name: string;
  readonly agent: string;
  readonly path: string;
  /** Texts that must not be found in an archive of metadata. */
  readonly markers: readonly string[];
}

function markersIn(expected: string): string[] {
  if (!existsSync(expected)) return [];
  const { content_markers, on_disk } = JSON.parse(readFileSync(expected, "utf8"));
  return [...(content_markers ?? []), ...(on_disk?.content_markers ?? [])];
}

function homeAt(agent: string, path: string): FixtureHome[] {
  if (!existsSync(path)) return [];
  const above = dirname(path);
  return [{ name: above.slice(folder.length + 1), agent, path, markers: markersIn(join(above, "expected.json")) }];
}

/** The agents that have a folder of fixtures. */
export const fixtureAgents: readonly string[] = readdirSync(folder).sort();

/** All fixture homes, by agent and name. */
export const fixtureHomes: readonly FixtureHome[] = fixtureAgents.flatMap((agent) => [
  ...homeAt(agent, join(folder, agent, "home")),
  ...readdirSync(join(folder, agent), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== "home")
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => homeAt(agent, join(folder, agent, entry.name, "home"))),
]);
