/** Owns how an agent's places are written for people: patterns that differ in one part become one line. */
import type { Platform, Stream } from "../src/read/types.ts";

/** The patterns of a stream on a platform, and the variables that were asked for. */
export interface Located {
  readonly platform: Platform;
  readonly patterns: readonly string[];
  readonly variables: readonly string[];
}

const CONFIG: Readonly<Record<Platform, string>> = {
  linux: "~/.config/",
  darwin: "~/Library/Application Support/",
  win32: "~/AppData/Roaming/",
};
const TITLES: Readonly<Record<Platform, string>> = { linux: "Linux", darwin: "macOS", win32: "Windows" };
/** These say where the system's own folders are, not where the agent's are. */
const OF_THE_SYSTEM: ReadonlySet<string> = new Set(["APPDATA", "LOCALAPPDATA", "TEMP", "TMPDIR"]);

/** Where streams look below the own home of a platform when no variable is set. */
export function locatedOn(platform: Platform, streams: readonly Stream[]): Located {
  const variables = new Set<string>();
  const places = streams.flatMap((stream) =>
    stream.locate({
      homes: [{ path: "~", own: true, layouts: [platform] }],
      variable(name) {
        variables.add(name);
        return undefined;
      },
      settings: () => undefined,
    }),
  );
  const patterns = [...new Set(places.flatMap(({ root, match }) => match.map((name) => `${root}/${name}`)))];
  return { platform, patterns, variables: [...variables].filter((name) => !OF_THE_SYSTEM.has(name)) };
}

/** One line for each pattern that is the same everywhere, then those of each platform. */
export function placeLines(located: readonly Located[]): string[] {
  const inAll = (lists: readonly (readonly string[])[]): Set<string> =>
    new Set(lists[0]?.filter((pattern) => lists.every((list) => list.includes(pattern))));
  const plain = inAll(located.map(({ patterns }) => patterns));
  const named = inAll(located.map((each) => each.patterns.map((pattern) => withName(pattern, each))));
  const [first] = located;
  const everywhere = first?.patterns.flatMap((pattern) => {
    if (plain.has(pattern)) return [pattern];
    return named.has(withName(pattern, first)) ? [withName(pattern, first)] : [];
  });
  const lines = merged(everywhere ?? []).map(code);
  for (const each of located) {
    const own = each.patterns.filter((pattern) => !plain.has(pattern) && !named.has(withName(pattern, each)));
    lines.push(...merged(own).map((pattern) => `${TITLES[each.platform]}: ${code(pattern)}`));
  }
  return lines;
}

/** Where a platform keeps settings has another name on each; to a reader it is one place. */
function withName(pattern: string, { platform }: Located): string {
  return pattern.startsWith(CONFIG[platform]) ? `CONFIG/${pattern.slice(CONFIG[platform].length)}` : pattern;
}

const code = (text: string): string => `\`${text}\``;

/** Patterns that differ in one part only, written as one: `~/{a,b}/c`. */
export function merged(patterns: readonly string[]): string[] {
  let rows = patterns.map((pattern) => pattern.split("/"));
  const longest = Math.max(0, ...rows.map((row) => row.length));
  for (let at = 0; at < longest; at++) {
    const others = (row: readonly string[]): string =>
      JSON.stringify([row.length, row.slice(0, at), row.slice(at + 1)]);
    rows = [...Map.groupBy(rows, others).values()].map((group) => {
      const [row = []] = group;
      const parts = [...new Set(group.map((each) => each[at]))];
      return parts.length > 1 ? row.with(at, `{${parts.join(",")}}`) : row;
    });
  }
  return rows.map((row) => row.join("/"));
}
