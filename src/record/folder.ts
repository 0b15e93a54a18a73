/** Owns folders that are told as addresses (`file://`): the path they stand for. */

/** A folder's path, on every platform; a text that is no address is a path already, one that is broken is nothing. */
export function folderOf(uri: string | undefined): string | undefined {
  if (!uri?.startsWith("file://")) return uri;
  try {
    return decodeURIComponent(uri.slice("file://".length)).replace(/^\/(?=[A-Za-z]:)/, "");
  } catch {
    return undefined;
  }
}
