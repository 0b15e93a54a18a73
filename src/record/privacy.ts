/**
 * Owns what a metadata record may say of the person: home folders become `~`, addresses lose their user information,
 * names that others gave lose what looks like a secret.
 */
import { secretsIn, withoutSecrets } from "./secrets.ts";

/** Home folders on Linux, on macOS, on Windows and between it and WSL, as the systems spell them or people type them. */
const HOME = new RegExp(
  `^(?:${[
    /(?:\/var)?\/home\/[^/]+|\/root/,
    /(?:\/System\/Volumes\/Data)?\/Users\/[^/]+/,
    /(?:\/mnt\/[a-z]|[A-Za-z]:)[\\/][Uu]sers[\\/][^\\/]+/,
    /[\\/]{2}[Ww][Ss][Ll](?:\.localhost|\$)[\\/][^\\/]+[\\/](?:home[\\/][^\\/]+|root)/,
  ]
    .map(({ source }) => source)
    .join("|")})(?=[\\\\/]|$)`,
);

/** A path whose home folder is written as `~`: the given homes first, then every platform's usual places. */
export function withoutHome(path: string, homes: readonly string[]): string {
  for (const home of homes) {
    if (
      home.length > 1 &&
      path.startsWith(home) &&
      (path.length === home.length || /[\\/]/.test(path[home.length] ?? ""))
    )
      return `~${path.slice(home.length)}`;
  }
  return path.replace(HOME, "~");
}

/** An address without user information, query or fragment: no name, password or token stays in it. */
export function withoutCredentials(url: string): string {
  const bare = url.replace(/[?#].*$/s, "");
  return bare.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/]*@/i, "$1").replace(/^[^/@:]+:[^/@]+@/, "");
}

/** Names come again and again: so many are remembered with what became of them. */
const MOST_NAMES = 1024;
const SHORTEST = 12;
/** As long as a path may be; records repeat these names, so that a longer one is cut. */
const LONGEST = 4096;
const names = new Map<string, string>();

/** A name that somebody gave (of a tool, a branch, an error), without what looks like a secret. */
export function safeName<T extends string | undefined>(name: T): T {
  if (name === undefined || name.length < SHORTEST) return name;
  if (name.length > LONGEST) return withoutSecrets(name.slice(0, 2 * LONGEST), () => {}).slice(0, LONGEST) as T;
  let safe = names.get(name);
  if (safe === undefined) {
    safe = withoutSecrets(name, () => {});
    if (names.size >= MOST_NAMES) names.clear();
    names.set(name, safe);
  }
  return safe as T;
}

/** The same JSON, without what looks like a secret in any of its texts; names of fields are as they were. */
export function safeJson(json: string): string {
  if (secretsIn(json).length === 0) return json;
  return JSON.stringify(JSON.parse(json), (_, value: unknown) =>
    typeof value === "string" ? withoutSecrets(value, () => {}) : value,
  );
}
