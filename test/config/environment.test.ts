/** Proves where agents are looked for: below the account's home as its variables say, or below the homes that were given. */
import { expect, test } from "bun:test";
import { agents } from "../../src/agents/index.ts";
import { environmentOf } from "../../src/config/environment.ts";

test("homes that were given may be anybody's: no variable of this process moves what is looked for below them", () => {
  const variables = new Proxy({}, { get: () => "/elsewhere" }) as Record<string, string>;
  const given = environmentOf(["/backup"], { platform: "linux", home: "/home/me", variables });
  const own = environmentOf([], { platform: "linux", home: "/home/me", variables });
  for (const { id, streams } of agents) {
    const roots = (environment: typeof given): string[] =>
      streams.flatMap((stream) => stream.locate(environment)).map(({ root }) => root);
    expect([id, roots(given).filter((root) => !root.startsWith("/backup"))]).toEqual([id, []]);
    expect([id, roots(own).some((root) => root.startsWith("/elsewhere"))]).toEqual([id, true]);
  }
});
