/** Owns `weir completions`: the script of one shell, made from the command table. */
import { agents } from "../agents/index.ts";
import { OPERATIONS } from "../record/operations.ts";
import { type Command, UsageError } from "./args.ts";
import { bashScript } from "./complete/bash.ts";
import { fishScript } from "./complete/fish.ts";
import { type Model, modelOf } from "./complete/model.ts";
import { powershellScript } from "./complete/powershell.ts";
import { zshScript } from "./complete/zsh.ts";
import { EXIT } from "./exit.ts";
import type { Io } from "./io.ts";

const SCRIPTS: Readonly<Record<string, (model: Model) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
  powershell: powershellScript,
};

export async function run(options: { readonly shell: string; readonly json: boolean }, io: Io): Promise<number> {
  if (options.json) throw new UsageError("--json: a completion script is no JSON", "leave it out");
  io.stdout.write(SCRIPTS[options.shell]?.(completionModel(io.commands)) ?? "");
  return EXIT.done;
}

function completionModel(commands: readonly Command[]): Model {
  return modelOf(commands, {
    agents: agents.map((agent) => agent.id),
    streams: [...new Set(agents.flatMap((agent) => agent.streams.map((stream) => stream.kind)))],
    operations: OPERATIONS,
  });
}
