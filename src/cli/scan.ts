/** Owns `weir scan`: what is there, and how far behind the archive is. It reads no content and writes nothing. */
import { agents } from "../agents/index.ts";
import { type KnownSource, knownSources } from "../archive/known.ts";
import { discover, type Found } from "../sync/discover.ts";
import { sidecarStamp } from "../sync/match.ts";
import type { OptionsOf } from "./args.ts";
import { choiceOf } from "./choice.ts";
import { paint } from "./color.ts";
import type { scanArgs } from "./commands.ts";
import { EXIT } from "./exit.ts";
import type { Io } from "./io.ts";
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

const UNVERIFIED = " (unverified: read by its documented format, no store of the real agent has been seen)";

export async function run(options: OptionsOf<typeof scanArgs>, io: Io): Promise<number> {
  const { found, unreadable } = discover(agents, io.environment, choiceOf(options));
  const known = new Map(knownSources(io.dataDir).map((row) => [`${row.agent}\0${row.stream}\0${row.path}`, row]));
  const sources = found.map((f) => sourceLine(f, known.get(`${f.agent.id}\0${f.stream.kind}\0${f.path}`)));
  const present = agents.filter((agent) => sources.some((s) => s.agent === agent.id));
  if (options.json) {
    const notes = present.map(({ id, title, retention, unverified }) => ({ id, title, retention, unverified }));
    io.stdout.write(jsonLine({ schema: "weir.scan", version: 1, agents: notes, sources, unreadable }));
  } else {
    const width = { width: io.columns, headerStyle: paint(io.color).bold };
    if (sources.length > 0) io.stdout.write(options.verbose ? perSource(sources, width) : perStream(sources, width));
    io.stdout.flush();
    for (const agent of present) io.log.info(`${agent.title} ${agent.retention}${agent.unverified ? UNVERIFIED : ""}`);
    if (sources.length === 0)
      io.log.info(`no agent's sessions were found under ${io.environment.homes.map((h) => h.path).join(", ")}`);
  }
  for (const { path, reason } of unreadable) io.log.warn(`cannot read ${path}: ${reason}`);
  return unreadable.length > 0 ? EXIT.incomplete : EXIT.done;
}

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
    behind: f.stream.shape === "tail" ? f.stamp.size - read : isRead ? 0 : size,
    cursor: known?.proof ? cursorOf(f, known.proof) : undefined,
    modified: new Date(f.stamp.mtime).toISOString(),
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
      { header: "SOURCES", align: right },
      { header: "SESSIONS", align: right },
      { header: "SIZE", align: right },
      { header: "BEHIND", align: right },
      { header: "NEWEST (UTC)" },
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
      { header: "CURSOR" },
      { header: "PATH" },
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
