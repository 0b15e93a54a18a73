/** Where extensions of VS Code and of the editors made from it keep their own data. */
import type { Environment, Place } from "../../read/types.ts";
import { settingsFolders } from "../../read/types.ts";

const HOSTS = [
  ...["Code", "Code - Insiders", "Code - Exploration", "Code - OSS", "code-oss-dev", "VSCodium", "VSCodium - Insiders"],
  ...["Cursor", "Windsurf", "Windsurf - Next"],
  ...["Antigravity", "Kiro", "Positron", "Trae", "Void"],
];
/** The part of an editor that runs on the other machine: over SSH, in WSL, in a container. */
const SERVERS = [
  ...[".vscode-server", ".vscode-server-insiders", ".vscode-server-exploration", ".vscode-server-oss"],
  ...[".vscode-remote", ".vscodium-server", ".vscodium-server-insiders"],
  ...[".cursor-server", ".windsurf-server", ".antigravity-server"],
];

/** These files in the extension's folder, in each editor and each profile. */
export function extensionPlaces(
  { homes, variable }: Environment,
  extension: string,
  files: readonly string[],
): Pick<Place, "root" | "match">[] {
  const match = ["User/globalStorage", "User/profiles/*/globalStorage"].flatMap((folder) =>
    files.map((file) => `${folder}/${extension}/${file}`),
  );
  return homes.flatMap((home) => {
    const roots = settingsFolders(home, variable).flatMap((folder) => HOSTS.map((host) => `${folder}/${host}`));
    return [...roots, ...SERVERS.map((server) => `${home.path}/${server}/data`)].map((root) => ({ root, match }));
  });
}
