/** Owns asking an agent where its stores are, on an imagined machine. */
import { agents } from "../../src/agents/index.ts";
import { environmentOf } from "../../src/config/environment.ts";
import type { Home, Place, Platform } from "../../src/read/types.ts";

/** The places of all streams of an agent, each once, for the person at `/home/dev` with these variables. */
export function agentPlaces(
  agent: string,
  variables: Readonly<Record<string, string>>,
  ...layouts: Home["layouts"]
): Place[] {
  const home: Home = { path: "/home/dev", own: true, layouts: layouts.length > 0 ? layouts : ["linux"] };
  const environment = { homes: [home], variable: (name: string) => variables[name] };
  const all = agents.find(({ id }) => id === agent)?.streams.flatMap((stream) => stream.locate(environment)) ?? [];
  const seen = new Map(all.map((place) => [JSON.stringify(place), place]));
  return [...seen.values()];
}

/** The roots of each stream of an agent, for the person whose home is `/h`, or below the homes that were given. */
export function agentRoots(
  agent: string,
  variables: Readonly<Record<string, string>>,
  { given = [], platform = "linux" }: { readonly given?: readonly string[]; readonly platform?: Platform } = {},
): string[][] {
  const environment = environmentOf(given, { platform, home: "/h", variables });
  const streams = agents.find(({ id }) => id === agent)?.streams ?? [];
  return streams.map((stream) => stream.locate(environment).map(({ root }) => root));
}
