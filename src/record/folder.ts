/** Owns folders that are told as addresses (`file://`, `vscode-remote://`): the path they stand for. */

/** How an address begins; what stands for another machine is no part of the path there. */
const ADDRESS = /^(?:file:\/\/|vscode-remote:\/\/[^/]*)/;

/** A folder's path, on every platform; a text that is no such address is told as it is, one that is broken is nothing. */
export function folderOf(uri: string | undefined): string | undefined {
  const [address] = ADDRESS.exec(uri ?? "") ?? [];
  if (uri === undefined || address === undefined) return uri;
  try {
    return decodeURIComponent(uri.slice(address.length)).replace(/^\/(?=[A-Za-z]:)/, "") || undefined;
  } catch {
    return undefined;
  }
}
