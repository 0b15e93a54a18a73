/** Owns turning `--agent`, `--stream` and `--source` into a choice of streams; what does not exist is a usage error. */
import { resolve } from "node:path";
import { agents } from "../agents/index.ts";
import type { Choice } from "../sync/discover.ts";
import { UsageError } from "./args.ts";
import { meant } from "./text.ts";

function known(kind: string, name: string, names: readonly string[]): string {
  if (names.includes(name)) return name;
  throw new UsageError(`unknown ${kind} ${name}`, meant(name, names));
}

/** Throws `UsageError` for a name that no agent or stream has, or a source that is not AGENT:STREAM=PATH. */
export function choiceOf(options: {
  readonly agent: readonly string[];
  readonly stream: readonly string[];
  readonly source: readonly string[];
}): Choice {
  const ids = agents.map((agent) => agent.id);
  const kinds = [...new Set(agents.flatMap((agent) => agent.streams.map((stream) => stream.kind)))];
  return {
    agents: options.agent.map((name) => known("agent", name, ids)),
    streams: options.stream.map((name) => known("stream", name, kinds)),
    sources: options.source.map((text) => {
      const [, agent = "", stream = "", path = ""] = /^([^:=]+):([^=]+)=(.+)$/.exec(text) ?? [];
      if (path === "")
        throw new UsageError(
          `--source ${text} is not AGENT:STREAM=PATH`,
          "for example codex:transcript=/mnt/old/rollout.jsonl",
        );
      const owner = agents.find((a) => a.id === known("agent", agent, ids));
      return { agent, stream: known("stream", stream, owner?.streams.map((s) => s.kind) ?? []), path: resolve(path) };
    }),
  };
}
