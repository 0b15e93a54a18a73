/** Owns turning `--agent`, `--stream` and `--source` into a choice of streams; what does not exist is a usage error. */
import { resolve } from "node:path";
import { agents } from "../agents/index.ts";
import type { Agent } from "../read/types.ts";
import type { Choice } from "../sync/discover.ts";
import { UsageError } from "./args.ts";
import { meant } from "./text.ts";

/** The name itself; throws `UsageError`, saying what was meant, where it is none of these. */
export function known(kind: string, name: string, names: readonly string[]): string {
  if (names.includes(name)) return name;
  throw new UsageError(`unknown ${kind} ${name}`, meant(name, names));
}

/** Each once: an agent may keep one stream in two shapes. */
const kindsOf = (of: readonly Agent[]): readonly string[] => [
  ...new Set(of.flatMap(({ streams }) => streams.map(({ kind }) => kind))),
];

/**
 * Throws `UsageError` for a name that no agent or stream has, for a source that is not AGENT:STREAM=PATH, and for one that
 * is of no chosen agent or stream.
 */
export function choiceOf(options: {
  readonly agent: readonly string[];
  readonly stream: readonly string[];
  readonly source: readonly string[];
}): Choice {
  const ids = agents.map((agent) => agent.id);
  const chosen = options.agent.map((name) => known("agent", name, ids));
  const asked = agents.filter(({ id }) => chosen.length === 0 || chosen.includes(id));
  const whose = chosen.length > 0 ? `stream of ${chosen.join(", ")}:` : "stream";
  const streams = options.stream.map((name) => known(whose, name, kindsOf(asked)));
  return {
    agents: chosen,
    streams,
    sources: options.source.map((text) => {
      const [, agent = "", stream = "", path = ""] = /^([^:=]+):([^=]+)=(.+)$/.exec(text) ?? [];
      if (path === "")
        throw new UsageError(
          `--source ${text} is not AGENT:STREAM=PATH`,
          "for example codex:transcript=/mnt/old/rollout.jsonl",
        );
      const owner = agents.filter(({ id }) => id === known("agent", agent, ids));
      const source = { agent, stream: known(`stream of ${agent}:`, stream, kindsOf(owner)), path: resolve(path) };
      checkChosen("agent", agent, chosen);
      checkChosen("stream", stream, streams);
      return source;
    }),
  };
}

/** A source that the other options leave out would be dropped without a word. */
function checkChosen(option: "agent" | "stream", name: string, chosen: readonly string[]): void {
  if (chosen.length > 0 && !chosen.includes(name))
    throw new UsageError(
      `--source names the ${option} ${name}, --${option} ${chosen.join(",")} leaves it out`,
      `give --source without --${option}`,
    );
}

/** The stores that were named by hand, for people: `/mnt/old (codex:transcript)`. */
export function sourcesText({ sources }: Choice): string {
  return sources.map(({ agent, stream, path }) => `${path} (${agent}:${stream})`).join(", ");
}
