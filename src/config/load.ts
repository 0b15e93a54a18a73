/** Owns where a setting's value comes from: flag, then variable, then config.toml, then default. Only this reads the file. */
import { systemReason, WeirError } from "../system/errors.ts";
import { isAbsent, readSmallFile, sys } from "../system/system.ts";
import {
  boundsOf,
  PLACES,
  readSetting,
  SETTING_KEYS,
  type Setting,
  type SettingKey,
  type Settings,
  settingOf,
  shownValue,
} from "./schema.ts";

export interface ConfigFile {
  /** Absolute. */
  readonly path: string;
  /** The flag or variable that names it; it must then be there. */
  readonly namedBy?: string;
}

export interface LoadOptions {
  readonly file: ConfigFile;
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Long options without their dashes; those that were not given are undefined. */
  readonly flags: Readonly<Record<string, unknown>>;
  /** The name that was probably meant. */
  readonly nearest: (name: string, names: readonly string[]) => string | undefined;
}

export interface Configuration {
  readonly settings: Settings;
  /** Where each value comes from: `default`, a flag, a variable, or the file's path. */
  readonly origins: Readonly<Record<SettingKey, string>>;
  readonly file: string;
  readonly isFileThere: boolean;
  /** Settings that defeat each other. */
  readonly conflicts: readonly string[];
  /** Variables that look like a setting's, misspelt: nobody reads them. */
  readonly unread: readonly string[];
}

const LARGEST_FILE = 1 << 20;

/** Reads and checks every setting; throws `usage` for whatever cannot be meant, wherever it stands. */
export function loadConfiguration(options: LoadOptions): Configuration {
  const { file, variables, flags } = options;
  const text = fileText(file);
  const table = text === undefined ? {} : parsed(text, file.path);
  checkKeys(table, options);
  const settings: Record<string, number | string | undefined> = {};
  const origins: Record<string, string> = {};
  for (const key of SETTING_KEYS) {
    const setting = settingOf(key);
    settings[key] = setting.default;
    origins[key] = "default";
    // All of them are read, so that a wrong one is told even where another overrides it.
    for (const { value, origin, unitInName } of givenFor(key, setting, table, file.path, variables, flags)) {
      const read = readSetting(setting, value, unitInName);
      if ("problem" in read) throw wrong(origin, key, setting, value, read.problem);
      settings[key] = read.value;
      origins[key] = origin;
    }
  }
  const values = settings as unknown as Settings;
  return {
    settings: values,
    origins: origins as Record<SettingKey, string>,
    file: file.path,
    isFileThere: text !== undefined,
    conflicts: conflictsIn(values),
    unread: unreadIn(options),
  };
}

/** The variables that say what weir does. */
const VARIABLES = [
  ...SETTING_KEYS.map((key) => settingOf(key).variable),
  ...Object.values(PLACES).map(({ variable }) => variable),
  "WEIR_CONFIG",
];

function unreadIn({ variables, nearest }: LoadOptions): string[] {
  const unknown = Object.keys(variables).filter((name) => name.startsWith("WEIR_") && !VARIABLES.includes(name));
  return unknown.flatMap((name) => {
    const near = nearest(name, VARIABLES);
    return near ? [`the variable ${name} is not read; did you mean ${near}?`] : [];
  });
}

interface Given {
  readonly value: unknown;
  readonly origin: string;
  readonly unitInName: boolean;
}

/** What was given for a setting, the weakest first. */
function givenFor(
  key: SettingKey,
  { variable, flag }: Setting,
  table: Readonly<Record<string, unknown>>,
  path: string,
  variables: LoadOptions["variables"],
  flags: LoadOptions["flags"],
): Given[] {
  const given: Given[] = [];
  if (Object.hasOwn(table, key)) given.push({ value: table[key], origin: path, unitInName: true });
  if (variables[variable]) given.push({ value: variables[variable], origin: variable, unitInName: true });
  const value = flag === undefined ? undefined : flags[flag];
  if (value !== undefined) given.push({ value, origin: `--${flag}`, unitInName: false });
  return given;
}

function fileText({ path, namedBy }: ConfigFile): string | undefined {
  const refuse = (reason: string, cause: unknown): WeirError => {
    const by = namedBy === undefined ? "" : ` (from ${namedBy})`;
    return new WeirError("usage", `cannot read the configuration ${path}${by}: ${reason}`, undefined, { cause });
  };
  let bytes: Uint8Array;
  try {
    bytes = readSmallFile(sys.realpath(path), LARGEST_FILE);
  } catch (error) {
    if (isAbsent(error) && namedBy === undefined) return undefined;
    throw refuse(isAbsent(error) ? "there is no such file" : systemReason(error), error);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw refuse("it is not UTF-8", error);
  }
}

function parsed(text: string, path: string): Readonly<Record<string, unknown>> {
  try {
    return Bun.TOML.parse(text) as Record<string, unknown>;
  } catch (cause) {
    const reason = (cause as Error).message.replace(/^TOML Parse error: /, "");
    throw new WeirError("usage", `${path} is no TOML: ${reason}`, 'for example: segment_max_bytes = "5MiB"', {
      cause,
    });
  }
}

function checkKeys(table: Readonly<Record<string, unknown>>, { file, nearest }: LoadOptions): void {
  for (const key of Object.keys(table)) {
    if ((SETTING_KEYS as readonly string[]).includes(key)) continue;
    const place = Object.hasOwn(PLACES, key) ? PLACES[key] : undefined;
    if (place)
      throw new WeirError(
        "usage",
        `${file.path}: ${key} cannot be set in a file`,
        `give --${place.flag}, or set ${place.variable}`,
      );
    const near = nearest(key, SETTING_KEYS) as SettingKey | undefined;
    const hint = near ? `did you mean ${near} (${boundsOf(settingOf(near))})?` : `one of ${SETTING_KEYS.join(", ")}`;
    throw new WeirError("usage", `${file.path}: unknown key ${JSON.stringify(key)}`, hint);
  }
}

function wrong(origin: string, key: SettingKey, setting: Setting, value: unknown, problem: string): WeirError {
  const hint = `${key}: ${boundsOf(setting)}`;
  if (typeof value !== "string" && typeof value !== "number")
    return new WeirError("usage", `${origin}: ${key} ${problem}, not a ${kindOf(value)}`, hint);
  const text = JSON.stringify(value);
  const given = origin.startsWith("--")
    ? `${origin} ${value}`
    : origin === setting.variable
      ? `${origin}=${value}`
      : `${origin}: ${key} = ${text}`;
  return new WeirError("usage", `${given} ${problem}`, hint);
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "list";
  if (typeof value === "boolean") return "boolean";
  const name = Object.getPrototypeOf(value ?? {})?.constructor?.name;
  return name === undefined || name === "Object" ? "table" : "date or time";
}

function conflictsIn(settings: Settings): string[] {
  const { max_total_bytes: total, segment_max_bytes: segment } = settings;
  if (total === undefined || total >= 2 * segment) return [];
  const size = (key: SettingKey): string => `${key} (${shownValue(settingOf(key), settings[key])})`;
  return [
    `${size("max_total_bytes")} is below two segments of ${size("segment_max_bytes")}: pruning can only remove whole segments`,
  ];
}
