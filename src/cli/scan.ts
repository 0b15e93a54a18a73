/** Owns `weir scan`: what is there, and how far behind the archive is. It reads no content and writes nothing. */
import { agents } from "../agents/index.ts";
import { type KnownSource, knownSources } from "../archive/known.ts";
import type { Agent } from "../read/types.ts";
import { type Choice, discover, type Found } from "../sync/discover.ts";
import { sidecarStamp } from "../sync/match.ts";
import { wordsFor } from "../system/errors.ts";
import type { OptionsOf } from "./args.ts";
import { choiceOf, sourcesText } from "./choice.ts";
import { paint } from "./color.ts";
import type { scanArgs } from "./commands.ts";
import { EXIT } from "./exit.ts";
import type { Io } from "./io.ts";
import { foldersOf } from "./places.ts";
import { table } from "./table.ts";
import { bytes, count, jsonLine } from "./text.ts";

interface SourceLine {
  readonly agent: string;
  readonly stream: string;
  readonly path: string;
  readonly bytes: number;
  readonly session?: string;
  /** Bytes that are not archived yet. */
  readonly behind: number;
  /** Of a database, where its rows ended when it was last read, by the layout's name. */
  readonly cursor?: Readonly<Record<string, unknown>>;
  readonly modified: string;
}

export async function run(options: OptionsOf<typeof scanArgs>, io: Io): Promise<number> {
  const choice = choiceOf(options);
  const { found, unreadable } = discover(agents, io.environment, choice);
  const known = new Map(knownSources(io.dataDir).map((row) => [`${row.agent}\0${row.stream}\0${row.path}`, row]));
  const sources = found.map((f) => sourceLine(f, known.get(`${f.agent.id}\0${f.stream.kind}\0${f.path}`)));
  const present = agents.filter((agent) => sources.some((s) => s.agent === agent.id));
  if (options.json) {
    const notes = present.map(({ id, title, retention, unverified }) => ({ id, title, retention, unverified }));
    io.stdout.write(jsonLine({ schema: "weir.scan", version: 1, agents: notes, sources, unreadable }));
  } else {
    const width = { width: io.columns, headerStyle: paint(io.color).bold };
    if (sources.length > 0) io.stdout.write(options.verbose ? perSource(sources, width) : perStream(sources, width));
    tellNotes(present, sources, options.verbose, io);
    tellAbsent(present, choice, options.verbose, io);
  }
  for (const { path, reason } of unreadable) io.log.warn(`cannot read ${path}: ${wordsFor(reason)}`);
  return unreadable.length > 0 ? EXIT.incomplete : EXIT.done;
}

/** What an agent says that has nothing to be hurried about. */
const KEEPS_ALL = "deletes nothing by itself";

/** What will be deleted, what weir knows least about, and what is behind. */
function tellNotes(present: readonly Agent[], sources: readonly SourceLine[], verbose: boolean, { log }: Io): void {
  for (const { title, retention } of present)
    if (verbose || !retention.startsWith(KEEPS_ALL)) log.info(`${title} ${retention}`);
  const unverified = present.filter((agent) => agent.unverified).map(({ title }) => title);
  if (unverified.length > 0) log.info(`unverified, built from documents of their format: ${unverified.join(", ")}`);
  const behind = sources.reduce((sum, source) => sum + source.behind, 0);
  if (behind > 0) log.info(`${bytes(behind)} not archived yet; weir sync archives it`);
}

/** Where nothing was found, and what to do about it; of stores that were named by hand, only they were looked at. */
function tellAbsent(present: readonly Agent[], choice: Choice, verbose: boolean, io: Io): void {
  const { log, environment } = io;
  if (choice.sources.length > 0) {
    if (present.length === 0) log.info(`no sessions were found in ${sourcesText(choice)}`);
    return;
  }
  const { agents: chosen } = choice;
  const absent = agents.filter(({ id }) => !present.some((a) => a.id === id) && (!chosen[0] || chosen.includes(id)));
  for (const agent of absent) log.verbose(`${agent.title}: nothing in ${foldersText(agent, chosen.length > 0, io)}`);
  if (present.length > 0) return;
  log.info(`no agent's sessions were found under ${environment.homes.map((home) => home.path).join(", ")}`);
  if (verbose) return;
  log.info(`looked in ${absent.map((agent) => foldersOf(agent, environment)[0]).join(", ")}, and more`);
  log.info("weir scan --verbose tells where for each agent, --home DIR looks under another home folder");
}

/** Of an agent with many places the first few are named, unless it is asked about by name. */
const FOLDERS = 3;

function foldersText(agent: Agent, all: boolean, { environment }: Io): string {
  const folders = foldersOf(agent, environment);
  const named = all ? folders : folders.slice(0, FOLDERS);
  const more = folders.length - named.length;
  return `${named.join(", ")}${more > 0 ? `, and ${more} more` : ""}`;
}

/** The last moment that has a date; a file's time may be set to a later one. */
const LATEST_MS = 8.64e15;

function sourceLine(f: Found, known: KnownSource | undefined): SourceLine {
  const size = f.stamp.size + f.sidecars.reduce((sum, s) => sum + s.stamp.size, 0);
  const read = known && known.ino === f.stamp.ino && known.position <= f.stamp.size ? known.position : 0;
  const isRead = known?.size === f.stamp.size && known.mtime === f.stamp.mtime && known.sidecars === sidecarStamp(f);
  return {
    agent: f.agent.id,
    stream: f.stream.kind,
    path: f.path,
    bytes: size,
    session: f.stream.session(f.inRoot),
    // Of a file that is rewritten, nobody knows how much of it is new before reading it.
    behind: known && f.stream.shape === "tail" ? f.stamp.size - read : isRead ? 0 : size,
    cursor: known?.proof ? cursorOf(f, known.proof) : undefined,
    modified: new Date(Math.min(f.stamp.mtime, LATEST_MS)).toISOString(),
  };
}

/** What a database's cursor shows: by layout the values of its last row, without those that are for weir alone. */
function cursorOf({ stream }: Found, proof: string): SourceLine["cursor"] {
  if (stream.shape !== "snapshot" || stream.groups.form !== "sqlite") return undefined;
  const ends = Object.entries(JSON.parse(proof) as Record<string, Record<string, unknown>>);
  return Object.fromEntries(
    ends.map(([name, row]) => [name, Object.fromEntries(Object.entries(row).filter(([key]) => !key.startsWith("_")))]),
  );
}

type Width = Parameters<typeof table>[2];

function perStream(sources: readonly SourceLine[], width: Width): string {
  const groups = Map.groupBy(sources, (s) => `${s.agent}\0${s.stream}`);
  const rows = [...groups.values()].map((group) => {
    const [first] = group as [SourceLine];
    const behind = group.reduce((sum, s) => sum + s.behind, 0);
    const newest = group.reduce((a, b) => (a.modified > b.modified ? a : b)).modified;
    return [
      first.agent,
      first.stream,
      count(group.length),
      sessionsOf(group),
      bytes(group.reduce((sum, s) => sum + s.bytes, 0)),
      behind === 0 ? "up to date" : bytes(behind),
      newest.slice(0, 16).replace("T", " "),
    ];
  });
  const right = "right" as const;
  return table(
    rows,
    [
      { header: "AGENT" },
      { header: "STREAM" },
      { header: "SOURCES", align: right, spare: 1 },
      { header: "SESSIONS", align: right },
      { header: "SIZE", align: right },
      { header: "BEHIND", align: right },
      { header: "NEWEST (UTC)", spare: 2 },
    ],
    width,
  );
}

/** The number of sessions, as far as paths tell; a database of many sessions tells none. */
function sessionsOf(group: readonly SourceLine[]): string {
  const sessions = new Set(group.flatMap((s) => s.session ?? []));
  return sessions.size > 0 ? count(sessions.size) : "-";
}

function perSource(sources: readonly SourceLine[], width: Width): string {
  const right = "right" as const;
  return table(
    sources.map((s) => [
      s.agent,
      s.stream,
      bytes(s.bytes),
      s.behind === 0 ? "up to date" : bytes(s.behind),
      endText(s.cursor),
      s.path,
    ]),
    [
      { header: "AGENT" },
      { header: "STREAM" },
      { header: "SIZE", align: right },
      { header: "BEHIND", align: right },
      { header: "CURSOR", spare: 1 },
      { header: "PATH", whole: true },
    ],
    width,
  );
}

/** A cursor's values, every number in full: `1774865017200.5 b5cbb82cbd98855a`. */
function endText(cursor: SourceLine["cursor"]): string {
  return Object.values(cursor ?? {})
    .map((row) => Object.values(row as object).join(" "))
    .join(", ");
}
