/** Owns where weir keeps what is its own: the data folder and the configuration file, by platform (design section 8). */
import { isAbsolute } from "node:path";
import type { Platform } from "../read/types.ts";

type Variables = Readonly<Record<string, string | undefined>>;

/** A variable that holds an absolute path; anything else is ignored, as the XDG specification says. */
function folder(variables: Variables, name: string): string | undefined {
  const value = variables[name];
  return value && isAbsolute(value) ? value : undefined;
}

/** `$XDG_DATA_HOME/weir`, else the platform's usual place. */
export function defaultDataFolder(platform: Platform, home: string, variables: Variables): string {
  const xdg = folder(variables, "XDG_DATA_HOME");
  if (xdg) return `${xdg}/weir`;
  if (platform === "darwin") return `${home}/Library/Application Support/weir`;
  if (platform === "win32") return `${folder(variables, "LOCALAPPDATA") ?? `${home}/AppData/Local`}/weir`;
  return `${home}/.local/share/weir`;
}

/** `$XDG_CONFIG_HOME/weir/config.toml`, else the platform's usual place. */
export function defaultConfigFile(platform: Platform, home: string, variables: Variables): string {
  const xdg = folder(variables, "XDG_CONFIG_HOME");
  if (xdg) return `${xdg}/weir/config.toml`;
  if (platform === "win32") return `${folder(variables, "APPDATA") ?? `${home}/AppData/Roaming`}/weir/config.toml`;
  return `${home}/.config/weir/config.toml`;
}
