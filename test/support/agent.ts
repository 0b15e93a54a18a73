/** Owns how agents are tested: a made-up home is synced into a scratch archive, and what counts comes back. */
import { appendFileSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { JsonObject } from "../../src/record/json.ts";
import type { WeirRecord } from "../../src/record/schema.ts";
import type { Summary } from "../../src/sync/summary.ts";
import { archived, counting, syncInto } from "./archive.ts";
import { scratch } from "./home.ts";

/** Files by their path below the home; a list is JSON Lines. */
export type Files = Readonly<Record<string, string | readonly JsonObject[]>>;

export interface Told {
  /** What counts, in the archive's order. */
  readonly records: readonly WeirRecord[];
  /** The last revision of every record. */
  readonly all: readonly WeirRecord[];
  readonly summary: Summary;
}

/** The text of a list of objects as JSON Lines. */
export function lines(objects: readonly JsonObject[]): string {
  return objects.map((o) => `${JSON.stringify(o)}\n`).join("");
}

/** Syncs what an agent left in `home` (another home than this machine's) into the archive in `data`, with texts at a level. */
export async function syncHome(agent: string, home: string, data: string, level?: "content" | "raw"): Promise<Summary> {
  const choice = { agents: [agent], streams: [], sources: [] };
  return await syncInto(data, home, { choice, capture: level && { level, limit: 64 << 10 } });
}

/** What an archive holds, and what of it counts. */
export function toldIn(data: string, summary: Summary): Told {
  const latest = new Map<string, WeirRecord>();
  for (const record of archived(data))
    if ((latest.get(record.id)?.rev ?? -1) <= record.rev) latest.set(record.id, record);
  return { records: counting(data), all: [...latest.values()], summary };
}

/** Appends each set of files to what the home holds, and syncs after each. */
export function tellOf(agent: string, ...steps: readonly Files[]): Promise<Told> {
  return grown(agent, steps);
}

/** The same at capture level raw. */
export function tellTextsOf(agent: string, ...steps: readonly Files[]): Promise<Told> {
  return grown(agent, steps, "raw");
}

async function grown(agent: string, steps: readonly Files[], level?: "raw"): Promise<Told> {
  using place = scratch();
  let summary: Summary | undefined;
  for (const files of steps) {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(place.home, path)), { recursive: true });
      appendFileSync(join(place.home, path), typeof content === "string" ? content : lines(content));
    }
    summary = await syncHome(agent, place.home, place.data, level);
  }
  if (!summary) throw new Error("nothing was synced");
  return toldIn(place.data, summary);
}

/** Calls and tokens by model, tool calls and sessions, as an `expected.json` states them. */
export function figuresOf(records: readonly WeirRecord[], usageOn = "chat"): JsonObject {
  const models: Record<string, Record<string, number>> = {};
  for (const { operation, usage, model, request_model } of records) {
    if (operation !== usageOn || !usage) continue;
    const name = model ?? request_model ?? "?";
    const sums = models[name] ?? { calls: 0 };
    models[name] = sums;
    sums.calls = (sums.calls ?? 0) + 1;
    for (const [field, count] of Object.entries(usage)) sums[field] = (sums[field] ?? 0) + (count ?? 0);
  }
  return {
    by_model: models,
    tool_calls: records.filter((r) => r.operation === "execute_tool").length,
    sessions: [...new Set(records.flatMap((r) => r.session_id ?? []))].sort(),
  };
}

/** Every file below a folder whose name ends so, with its text. */
export function textsBelow(folder: string, ending: string): { path: string; text: string }[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(ending))
    .map((path) => ({ path: path.replaceAll("\\", "/"), text: readFileSync(join(folder, path), "utf8") }));
}
