/** Owns how agents that rewrite their stores are tested: whole files are put in the place of those before, sync after sync. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { lines, syncHome, type Told, toldIn } from "./agent.ts";
import { scratch } from "./home.ts";

/** Files by their path below the home: a text as it is, a list under `.jsonl` as JSON Lines, null for none, else JSON. */
export type Documents = Readonly<Record<string, unknown>>;

function textOf(path: string, content: unknown): string {
  if (typeof content === "string") return content;
  return path.endsWith(".jsonl") ? lines(content as Parameters<typeof lines>[0]) : JSON.stringify(content);
}

/** Puts each set of files into the home, in the place of those of the same path, and syncs after each. */
export function tellOfDocuments(agent: string, ...steps: readonly Documents[]): Promise<Told> {
  return replaced(agent, steps);
}

/** The same at capture level raw. */
export function tellTextsOfDocuments(agent: string, ...steps: readonly Documents[]): Promise<Told> {
  return replaced(agent, steps, "raw");
}

async function replaced(agent: string, steps: readonly Documents[], level?: "raw"): Promise<Told> {
  using place = scratch();
  let summary: Told["summary"] | undefined;
  for (const documents of steps) {
    for (const [path, content] of Object.entries(documents)) {
      const file = join(place.home, path);
      mkdirSync(dirname(file), { recursive: true });
      if (content === null) rmSync(file);
      else writeFileSync(file, textOf(path, content));
    }
    summary = await syncHome(agent, place.home, place.data, level);
  }
  if (!summary) throw new Error("nothing was synced");
  return toldIn(place.data, summary);
}

/** What counts of one operation. */
export function operationsOf(told: Told, operation: string): Told["records"] {
  return told.records.filter((record) => record.operation === operation);
}

/** The sums of all tokens that count, of calls and of sums. */
export function tokensOf(told: Told): { input: number; output: number } {
  const of = (field: "input_tokens" | "output_tokens"): number =>
    told.records.reduce((sum, { usage }) => sum + (usage?.[field] ?? 0), 0);
  return { input: of("input_tokens"), output: of("output_tokens") };
}
