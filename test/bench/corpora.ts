/** Owns which corpora the bench makes, and the measuring of weir on one of them beside the program that reads it too. */
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Figure, Pairing, Result } from "./figures.ts";
import type { Manifest } from "./gen-corpus.ts";
import { type Command, type Comparison, compare } from "./measure.ts";
import { ENV, generate, NOWHERE } from "./peers.ts";
import { type Agent, checkCcusage, checkWeir } from "./totals.ts";

export interface Corpus {
  readonly name: string;
  readonly agent: Agent;
  /** Arguments of the generator. */
  readonly make: readonly string[];
  /** The figure that its first sync gives, where it gives one. */
  readonly cold?: Figure;
  /** It differs in size alone from others whose memory is compared with its own. */
  readonly isSized?: boolean;
  /** A sync with nothing new; with the figure that it gives, where it gives one. */
  readonly nothingNew?: Figure | "beside";
  /** Megabytes that it grows by before each sync. */
  readonly appendMb?: number;
  /** The most pairs that it is worth. */
  readonly mostPairs?: number;
  /** Whether it gives the figure of the archive's size. */
  readonly isWeighed?: boolean;
}

const claude = (mb: number, more: Partial<Corpus>): Corpus => ({
  name: `Claude Code, ${mb >= 1000 ? `${mb / 1000} GB` : `${mb} MB`}`,
  agent: "claude",
  make: ["--claude-mb", String(mb), "--seed", String(mb)],
  isSized: true,
  ...more,
});

/** All corpora, the smallest of Claude Code's first. `scale` makes them smaller; `isFull` asks more of them. */
export function corpora(scale: number, isFull: boolean): Corpus[] {
  const mb = (full: number): number => Math.max(1, Math.round(full * scale));
  const files = Math.max(10, Math.round(10_000 * scale));
  const spans = Math.max(100, Math.round(100_000 * scale));
  const more = isFull ? "beside" : undefined;
  return [
    claude(mb(100), { nothingNew: more, isWeighed: isFull }),
    claude(mb(1000), { cold: "cold", nothingNew: more, appendMb: mb(1000) / 100, isWeighed: true }),
    claude(mb(4000), { cold: "cold", isWeighed: isFull, mostPairs: isFull ? undefined : 3 }),
    {
      name: `Claude Code, ${files.toLocaleString("en-US")} files of ${mb(200)} MB`,
      agent: "claude",
      make: ["--claude-mb", String(mb(200)), "--claude-files", String(files)],
      cold: "files",
      nothingNew: "nothingNew",
    },
    {
      name: `Codex, ${mb(112)} MB`,
      agent: "codex",
      make: ["--codex-mb", String(mb(112))],
      cold: "codex",
      nothingNew: more,
    },
    {
      name: `agent-traces.db, ${spans.toLocaleString("en-US")} spans`,
      agent: "copilot",
      make: ["--copilot-spans", String(spans)],
      cold: "spans",
    },
  ];
}

export interface Programs {
  readonly weir: string;
  readonly ccusage: string;
  readonly pairs: number;
  /** A folder for all that is made. */
  readonly work: string;
}

export interface Measured {
  readonly results: readonly Result[];
  readonly pairings: readonly Pairing[];
  /** Peak memory of the first sync, in MiB. */
  readonly peakMiB: number;
}

const DATABASE = ".config/Code/User/globalStorage/github.copilot-chat/agent-traces.db";
export const DUMP = "select span_id,key,value from span_attributes order by span_id";

/** Makes a corpus, measures, and removes it; throws `WrongTotal` as soon as a run of either program is not exact. */
export async function measureCorpus(
  corpus: Corpus,
  programs: Programs,
  say: (text: string) => void,
): Promise<Measured> {
  const home = join(programs.work, "home");
  const data = join(programs.work, "data");
  try {
    say(`${corpus.name}: making it`);
    generate(home, corpus.make);
    return await measured(corpus, programs, home, data, say);
  } finally {
    rmSync(home, { recursive: true, force: true });
    rmSync(data, { recursive: true, force: true });
  }
}

async function measured(
  { name, agent, cold, nothingNew, appendMb, isWeighed, mostPairs = Number.POSITIVE_INFINITY }: Corpus,
  { weir, ccusage, pairs }: Programs,
  home: string,
  data: string,
  say: (text: string) => void,
): Promise<Measured> {
  const truth = (): Manifest => JSON.parse(readFileSync(join(home, "manifest.json"), "utf8")) as Manifest;
  const env = { ...ENV, HOME: NOWHERE };
  const sync: Command = {
    cmd: [weir, "sync", "--quiet", "--home", home, "--data-dir", data],
    env,
    after: () => checkWeir(weir, data, env, agent, truth()[agent]),
  };
  const theirs = agent === "copilot" ? dump(home) : ccusageOn(ccusage, agent, home, truth);
  const results: Result[] = [];
  const pairings: Pairing[] = [];
  const beside = async (
    when: "cold" | "nothing new" | "after a 1 % append",
    ours: Command,
    figure?: Figure,
  ): Promise<Comparison> => {
    say(`${name}: ${when}`);
    const result = await compare(ours, theirs, Math.min(pairs, mostPairs), when === "cold" ? "long" : "short");
    pairings.push({ title: `${name}, ${when}`, result });
    if (figure) results.push({ figure, of: name, value: result.cpuRatio });
    return result;
  };
  const first = await beside("cold", { ...sync, before: () => rmSync(data, { recursive: true, force: true }) }, cold);
  if (isWeighed) results.push({ figure: "bytes", of: name, value: archived(data) / truth()[agent].bytes });
  if (nothingNew) await beside("nothing new", sync, nothingNew === "beside" ? undefined : nothingNew);
  if (appendMb !== undefined) {
    const grow = (): void => generate(home, ["--append-mb", String(appendMb), "--append-files", "8"]);
    await beside("after a 1 % append", { ...sync, before: grow }, "append");
  }
  return { results, pairings, peakMiB: first.ours.peakMiB.median };
}

function ccusageOn(ccusage: string, agent: Agent, home: string, truth: () => Manifest): Command {
  return {
    cmd: [ccusage, agent, "daily", "--json", "--offline"],
    env: { ...ENV, HOME: home },
    isRead: true,
    after: (printed) => checkCcusage(printed, agent, truth()[agent]),
  };
}

/** What reads all attributes in their order and no more. */
function dump(home: string): Command {
  return { cmd: ["sqlite3", "-readonly", join(home, DATABASE), DUMP], env: { ...ENV, HOME: NOWHERE } };
}

function archived(data: string): number {
  const folder = join(data, "archive");
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}
