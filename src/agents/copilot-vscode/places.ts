/** Where VS Code keeps its user data, in all its editions, and where the extension's stores lie below it. */
import type { Environment, Home, Place } from "../../read/types.ts";
import { isAbsolute, placeOf, settingsFolders } from "../../read/types.ts";
import { list, object, text } from "../../record/json.ts";

const PRODUCTS = [
  "Code",
  "Code - Insiders",
  "Code - Exploration",
  "Code - OSS",
  "code-oss-dev",
  "VSCodium",
  "VSCodium - Insiders",
];
const FLATPAKS = [
  "com.visualstudio.code",
  "com.visualstudio.code.insiders",
  "com.visualstudio.code-oss",
  "com.vscodium.codium",
  "com.vscodium.codium-insiders",
];
/** Folders of the part that runs on the other machine: over SSH, in WSL, in a container. */
const SERVERS = [
  ".vscode-server",
  ".vscode-server-insiders",
  ".vscode-server-exploration",
  ".vscode-server-oss",
  ".vscode-remote",
  ".vscodium-server",
  ".vscodium-server-insiders",
];
/** Folders of a home in which people unpack a portable edition. */
const UNPACKED = ["", "/Applications", "/apps", "/opt", "/tools", "/scoop/persist", "/AppData/Local/Programs"];
const PORTABLE = ["*ode*/data/user-data", "*odium*/data/user-data", "*-portable-data/user-data"];

/** The extension's folder: lower case below globalStorage, as its publisher writes it below workspaceStorage. */
const EXTENSION = ["github.copilot-chat", "GitHub.copilot-chat"];

const inEach = (folder: string, files: readonly string[]): string[] =>
  EXTENSION.flatMap((extension) => files.map((file) => `User/${folder}/${extension}/${file}`));

export const traces: readonly string[] = [
  ...inEach("globalStorage", ["agent-traces.db", "otel/spans.db"]),
  "agent-host/otel/agent-host-traces.db",
];
export const transcripts: readonly string[] = inEach("workspaceStorage/*", ["transcripts/*.jsonl"]);
export const debugLogs: readonly string[] = inEach("workspaceStorage/*", [
  "debug-logs/*/*.jsonl",
  "debug-logs/*.jsonl",
]);

/** The chat sessions that end so. */
export function chatSessions(ending: string): string[] {
  return [
    "User/workspaceStorage/*/chatSessions",
    "User/globalStorage/emptyWindowChatSessions",
    "User/globalStorage/transferredChatSessions",
  ].map((folder) => `${folder}/*${ending}`);
}

/** These files below every user data folder. */
export function below(environment: Environment, match: readonly string[]): Place[] {
  return environment.homes.flatMap((home) => [
    ...userData(home, environment).map((root) => ({ root, match })),
    ...UNPACKED.map((folder) => ({
      root: `${home.path}${folder}`,
      match: PORTABLE.flatMap((portable) => match.map((file) => `${portable}/${file}`)),
    })),
  ]);
}

/** The databases; the one that is kept with temporary files too, where these are the user's own. */
export function traceDatabases(environment: Environment): Place[] {
  const temporary = environment.variable("TMPDIR") ?? environment.variable("TEMP");
  const fallback = temporary ? [{ root: temporary, match: ["copilot-agent-traces.db"] }] : [];
  return [...below(environment, traces), ...fallback];
}

/** The file exporter's files: where the environment says, and where the settings of each edition and profile say. */
export function otelFiles(environment: Environment): Place[] {
  return environment.homes.flatMap((home) => {
    const named = environment.variable("COPILOT_OTEL_FILE_EXPORTER_PATH");
    const outfiles = userData(home, environment).flatMap((root) => outfilesOf(root, environment));
    return [...(named ? [named] : []), ...outfiles].flatMap((path) => placesAt(path, home));
  });
}

/** The user data folders of all editions; of those that are always in one place only the ones that are there. */
function userData(home: Home, { variable, names }: Environment): string[] {
  const within = (parent: string, folders: readonly string[]): string[] =>
    folders.filter((name) => names?.(parent)?.has(name) ?? true).map((name) => `${parent}/${name}`);
  const parents: string[] = [];
  const replaced = variable("VSCODE_APPDATA");
  if (replaced) parents.push(replaced);
  parents.push(...settingsFolders(home, variable));
  if (home.layouts.includes("linux"))
    parents.push(...within(`${home.path}/.var/app`, FLATPAKS).map((app) => `${app}/config`));
  const portable = variable("VSCODE_PORTABLE");
  const server = variable("VSCODE_AGENT_FOLDER");
  return [
    ...parents.flatMap((parent) => within(parent, PRODUCTS)),
    ...within(home.path, SERVERS).map((folder) => `${folder}/data`),
    ...(portable ? [`${portable}/user-data`] : []),
    ...(server ? [`${server}/data`] : []),
  ];
}

function outfilesOf(root: string, { settings }: Environment): string[] {
  const read = (path: string): ReturnType<typeof object> => object(settings?.(`${root}/${path}`));
  const profiles = list(read("User/globalStorage/storage.json")?.userDataProfiles).flatMap((profile) => {
    const location = object(profile)?.location; // the folder's name, in older editions its address
    return (text(location) ?? text(object(location)?.path))?.split("/").at(-1) ?? [];
  });
  const files = ["User", "Machine", ...profiles.map((profile) => `User/profiles/${profile}`)];
  return files.flatMap((folder) => text(read(`${folder}/settings.json`)?.["github.copilot.chat.otel.outfile"]) ?? []);
}

/** A file by its absolute path; in a copy of a home also where that path lies in the copy. */
function placesAt(path: string, home: Home): Place[] {
  const slashed = path.replaceAll("\\", "/");
  const inHome = /^(?:\/home\/[^/]+|\/Users\/[^/]+|\/root|[A-Za-z]:\/Users\/[^/]+)(\/.+)$/.exec(slashed)?.[1];
  const paths = home.own || inHome === undefined ? [slashed] : [slashed, home.path + inHome];
  return paths.filter(isAbsolute).map(placeOf);
}
