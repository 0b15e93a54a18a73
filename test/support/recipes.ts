/** Owns how docs/recipes.md is tried: its blocks by tool, and the files that they name, of some fixtures. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Scratch, scratch } from "./home.ts";
import { exported, runSync } from "./runs.ts";
import { weir } from "./weir.ts";

const page = join(import.meta.dir, "../../docs/recipes.md");

/** The blocks of code below a heading. */
export function blocksOf(tool: string): string[] {
  const section =
    readFileSync(page, "utf8")
      .split("\n## ")
      .find((each) => each.startsWith(`${tool}\n`)) ?? "";
  return [...section.matchAll(/^```\w+\n(.*?)\n```/gms)].map(([, block = ""]) => block);
}

/** Whose sessions the recipes are tried on: calls, sums, tools and models of several agents. */
const AGENTS = ["claude-code", "codex", "copilot-vscode", "droid", "opencode"];

export interface Kitchen extends Disposable {
  readonly place: Scratch;
  /** Tokens by model, from the export: what the first recipe of every tool must give. */
  readonly tokens: ReadonlyMap<string, number>;
}

/** A folder with an archive in `weir`, `records.jsonl` and `records.parquet`. */
export function kitchen(): Kitchen {
  const place = { ...scratch(), data: "" };
  place.data = join(place.root, "weir");
  for (const agent of AGENTS) place.copyFixture(agent);
  const runs = [
    runSync(place, ["--quiet"]),
    ...["jsonl", "parquet"].map((format) =>
      weir(["export", "--format", format, "-o", join(place.root, `records.${format}`), "--data-dir", place.data]),
    ),
  ];
  for (const { status, stderr } of runs) if (status !== 0) throw new Error(stderr);
  const tokens = new Map<string, number>();
  for (const { model = "?", usage } of exported(place))
    if (usage) tokens.set(model, (tokens.get(model) ?? 0) + (usage.input_tokens ?? 0) + (usage.output_tokens ?? 0));
  return { place, tokens, [Symbol.dispose]: () => place[Symbol.dispose]() };
}
