/** Owns what a metadata record may say of the person: home folders become `~`, addresses lose their user information. */

const HOME =
  /^(?:\/home\/[^/]+|\/Users\/[^/]+|\/root|\/mnt\/[a-z]\/Users\/[^/]+|[A-Za-z]:[\\/]Users[\\/][^\\/]+)(?=[\\/]|$)/;

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
