/** Owns docs/agents.md and the README's table: what the registry says of each agent, and what its fixtures prove. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { agents } from "../src/agents/index.ts";
import type { Agent, Platform, Stream } from "../src/read/types.ts";
import type { WeirRecord } from "../src/record/schema.ts";
import { syncHome, toldIn } from "../test/support/agent.ts";
import { type FixtureHome, fixtureHomes } from "../test/support/fixtures.ts";
import { scratch } from "../test/support/home.ts";
import { markdownTable } from "./markdown.ts";
import { type Located, locatedOn, placeLines } from "./places.ts";

const README = join(import.meta.dir, "../README.md");
const BEGIN = "<!-- agents: made by `npm run docs` -->";
const END = "<!-- /agents -->";
const PLATFORMS: readonly Platform[] = ["linux", "darwin", "win32"];

/** What a stream was seen to tell. */
interface Told {
  readonly operations: Set<string>;
  calls: boolean;
  sums: boolean;
  cost: boolean;
}

let told: Promise<ReadonlyMap<string, Told>> | undefined;

/** What every stream tells of its agent's fixtures, by agent and stream; all of them are read once. */
function toldByStream(): Promise<ReadonlyMap<string, Told>> {
  told ??= (async () => {
    const streams = new Map<string, Told>();
    for (const { agent, path } of fixtureHomes) {
      using place = scratch({ fast: true });
      const { all } = toldIn(place.data, await syncHome(agent, path, place.data));
      for (const record of all) note(record, streams);
    }
    return streams;
  })();
  return told;
}

function note(record: WeirRecord, streams: Map<string, Told>): void {
  const key = `${record.agent}/${record.stream}`;
  const stream = streams.get(key) ?? { operations: new Set(), calls: false, sums: false, cost: false };
  streams.set(key, stream);
  stream.operations.add(record.operation);
  if (record.usage && record.aggregate) stream.sums = true;
  else if (record.usage) stream.calls = true;
  if (record.cost_usd !== undefined) stream.cost = true;
}

/** Streams of one name are two forms of one store. */
function kindsOf({ streams }: Agent): [string, Stream[]][] {
  return [...Map.groupBy(streams, ({ kind }) => kind)];
}

const tokensText = (one: { calls: boolean; sums: boolean } | undefined): string =>
  one?.calls ? "each call" : one?.sums ? "sums only" : "none";

function tokensOf(agent: Agent, seen: ReadonlyMap<string, Told>): string {
  const of = agent.streams.flatMap(({ kind }) => seen.get(`${agent.id}/${kind}`) ?? []);
  return tokensText({ calls: of.some(({ calls }) => calls), sums: of.some(({ sums }) => sums) });
}

export async function agentsPage(): Promise<string> {
  const seen = await toldByStream();
  return `# Agents

<!-- Made by \`npm run docs\` from src/agents/index.ts and fixtures/agents. -->

${markdownTable(
  ["agent", "id", "tokens", "confidence"],
  agents.map((agent) => [
    `[${agent.title}](#${anchorOf(agent)})`,
    `\`${agent.id}\``,
    tokensOf(agent, seen),
    agent.unverified ? "unverified" : "tested on stores that it wrote",
  ]),
)}

- **tokens**: \`each call\` where the store tells the tokens of every call, \`sums only\` where it tells those of a session
  or a run, \`none\` where it tells none. weir estimates nothing.
- **unverified**: built from documents of the format; no store that the agent itself wrote has been tried.
- **rank**: where several streams tell one fact, the one of the highest rank is believed.
- **tells** is what the fixtures of this repository give: what an agent can write and they do not hold is not listed.
- Places are shown for your own home, \`*\` within a name, \`**\` across folders. \`CONFIG\` is \`~/.config\` on Linux,
  \`~/Library/Application Support\` on macOS and \`%APPDATA%\` on Windows. With \`--home DIR\` the places of all three are
  looked at below it, and no variable applies.

[Which agents are not supported, and why](unsupported-agents.md).

${agents.map((agent) => section(agent, seen)).join("\n\n")}
`;
}

/** As the usual renderers of Markdown make it from a heading. */
function anchorOf({ title }: Agent): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");
}

function section(agent: Agent, seen: ReadonlyMap<string, Told>): string {
  const kinds = kindsOf(agent);
  return `## ${agent.title}

\`${agent.id}\`${agent.unverified ? ", unverified" : ""}. It ${agent.retention}.

${markdownTable(
  ["stream", "store", "rank", "tokens", "tells"],
  kinds.map(([kind, streams]) => {
    const one = seen.get(`${agent.id}/${kind}`);
    const forms = [...new Set(streams.map(storeText))].join(", ");
    const ranks = [...new Set(streams.map(({ rank }) => String(rank)))].join(", ");
    return [`\`${kind}\``, forms, ranks, tokensText(one), tellsText(one)];
  }),
)}

${kinds.map(([kind, streams]) => placesText(kind, streams)).join("\n")}

${fixturesText(agent)}`;
}

function storeText(stream: Stream): string {
  if (stream.shape === "tail") return "JSON Lines that are appended to";
  const texts = { sqlite: "SQLite", json: "JSON documents", jsonl: "JSON Lines that are rewritten" };
  return texts[stream.groups.form];
}

function tellsText(one: Told | undefined): string {
  if (!one) return "";
  return [...[...one.operations].sort().map((name) => `\`${name}\``), ...(one.cost ? ["cost"] : [])].join(", ");
}

function placesText(kind: string, streams: readonly Stream[]): string {
  const located = PLATFORMS.map((platform) => locatedOn(platform, streams));
  const variables = [...new Set(located.flatMap((each) => each.variables))];
  const asked = variables.map((name) => `\`${name}\``).join(", ");
  if (located.every(({ patterns }) => patterns.length === 0))
    return `- \`${kind}\`: where the agent's settings${asked ? ` or ${asked} say` : " say"}`;
  const lines = placeLines(located as [Located, Located, Located]).map((line) => `  - ${line}`);
  return [`- \`${kind}\`${asked ? `, moved by ${asked}` : ""}`, ...lines].join("\n");
}

/** What the folders of fixtures say of who wrote them. */
function fixturesText({ id }: Agent): string {
  const homes = fixtureHomes.filter(({ agent }) => agent === id);
  const notes = homes.flatMap(noteOf);
  return notes.length === 0 ? "No fixture." : notes.join("\n\n");
}

function noteOf({ name, path }: FixtureHome): string[] {
  const file = join(path, "../README.md");
  if (!existsSync(file)) return [];
  return [`Fixture \`${name}\`: ${readFileSync(file, "utf8").trim().replaceAll("\n", " ")}`];
}

/** The README with its table of agents as it should be now. */
export async function readmePage(): Promise<string> {
  const text = readFileSync(README, "utf8");
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin === -1 || end < begin) throw new Error(`README.md has no place for its table of agents: ${BEGIN} ${END}`);
  return `${text.slice(0, begin + BEGIN.length)}\n\n${await readmeTable()}\n\n${text.slice(end)}`;
}

async function readmeTable(): Promise<string> {
  const seen = await toldByStream();
  return markdownTable(
    ["agent", "keeps its sessions in (Linux)", "tokens", "what it deletes"],
    agents.map((agent) => [
      agent.unverified ? `${agent.title} (unverified)` : agent.title,
      `\`${firstPlace(agent)}\``,
      tokensOf(agent, seen),
      agent.retention,
    ]),
  );
}

/** The folder or database of the first stream: where one would look first. */
function firstPlace({ streams }: Agent): string {
  const first = streams[0]?.locate({
    homes: [{ path: "~", own: true, layouts: ["linux"] }],
    variable: () => undefined,
  })[0];
  const name = first?.match[0];
  return [first?.root, ...(name && !name.includes("*") ? [name] : [])].join("/");
}
