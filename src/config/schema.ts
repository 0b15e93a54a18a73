/** Owns the settings: one table of key, type, floor, default and meaning, and how a value is read. It reads no file. */
import * as v from "valibot";
import { type Amount, amountIn, textOf } from "./units.ts";

interface Described {
  readonly meaning: string;
  /** The environment variable that sets it. */
  readonly variable: string;
  /** The long option that sets it, where a command has one. */
  readonly flag?: string;
}

export interface AmountSetting extends Described {
  readonly type: Amount;
  readonly floor: number;
  readonly ceiling?: number;
  readonly default?: number;
}

export interface ChoiceSetting extends Described {
  readonly type: "choice";
  readonly options: readonly string[];
  readonly default: string;
}

export type Setting = AmountSetting | ChoiceSetting;

const KIB = 1024;

/** Every setting by its key in the file, in the order in which they are shown; each amount in the unit that its key names. */
export const SETTINGS = {
  segment_max_bytes: {
    type: "size",
    floor: 4 * KIB,
    default: 5 * KIB * KIB,
    variable: "WEIR_SEGMENT_MAX_BYTES",
    meaning: "a segment of the archive that would grow beyond this is sealed, and the next one begun",
  },
  max_age_days: {
    type: "age",
    floor: 1,
    variable: "WEIR_MAX_AGE_DAYS",
    flag: "max-age",
    meaning: "prune removes segments that were last written longer ago; without it, age removes nothing",
  },
  max_total_bytes: {
    type: "size",
    floor: 4 * KIB,
    variable: "WEIR_MAX_TOTAL_BYTES",
    flag: "max-size",
    meaning: "prune removes the oldest segments until no more than this is left; without it, size removes nothing",
  },
  content_limit_bytes: {
    type: "size",
    floor: 0,
    default: 64 * KIB,
    variable: "WEIR_CONTENT_LIMIT_BYTES",
    meaning: "each captured value is cut, inside its structure, to this size; 0 cuts none",
  },
  watch_interval_ms: {
    type: "duration",
    floor: 1000,
    ceiling: 86_400_000,
    default: 15_000,
    variable: "WEIR_WATCH_INTERVAL_MS",
    meaning: "how long sync --watch rests between the end of a round and the start of the next",
  },
  capture: {
    type: "choice",
    options: ["metadata", "content", "raw"],
    default: "metadata",
    variable: "WEIR_CAPTURE",
    flag: "capture",
    meaning:
      "how much of a session is archived: metadata holds no text that anybody wrote; content also what was said; raw also each item as its store has it; a change holds for new records",
  },
} as const satisfies Readonly<Record<string, Setting>>;

export type SettingKey = keyof typeof SETTINGS;

export const SETTING_KEYS: readonly SettingKey[] = Object.keys(SETTINGS) as SettingKey[];

type ValueOf<S extends Setting> = S extends { readonly options: readonly (infer Option)[] }
  ? Option
  : S extends { readonly default: number }
    ? number
    : number | undefined;

/** The value of every setting; sizes in bytes, ages in days, durations in milliseconds. */
export type Settings = { readonly [Key in SettingKey]: ValueOf<(typeof SETTINGS)[Key]> };

export const settingOf = (key: SettingKey): Setting => SETTINGS[key];

/** What only flags and variables set, because it says where to look. */
export const PLACES: Readonly<
  Record<string, { readonly flag: string; readonly variable: string; readonly meaning: string }>
> = {
  home: {
    flag: "home",
    variable: "WEIR_HOME",
    meaning: "the home folders to look under; several are separated as in PATH",
  },
  data_dir: { flag: "data-dir", variable: "WEIR_DATA_DIR", meaning: "where the archive and its state are kept" },
};

export type Read = { readonly value: number | string } | { readonly problem: string };

/**
 * Reads a value as a file, a variable or a flag gives it, or says what is wrong with it. `unitInName`: the name it was
 * given under ends with the unit (`max_age_days`), so that a bare number has one.
 */
export function readSetting(setting: Setting, given: unknown, unitInName: boolean): Read {
  const found = v.safeParse(schemaOf(setting, unitInName), given, { abortEarly: true });
  return found.success ? { value: found.output } : { problem: found.issues[0].message };
}

function schemaOf(setting: Setting, unitInName: boolean): v.GenericSchema<unknown, number | string> {
  if (setting.type === "choice") return v.picklist(setting.options, `must be one of ${setting.options.join(", ")}`);
  const { type, floor, ceiling = Number.MAX_SAFE_INTEGER } = setting;
  return v.pipe(
    v.union([v.number(), v.string()], `must be ${WANTED[type]}`),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const amount = amountIn(dataset.value, type, unitInName);
      if (typeof amount === "number") return amount;
      addIssue({ message: amount.problem });
      return NEVER;
    }),
    v.minValue(floor, `is below its floor of ${textOf(type, floor)}`),
    v.maxValue(ceiling, `is above its ceiling of ${textOf(type, ceiling)}`),
  );
}

const WANTED: Readonly<Record<Amount, string>> = {
  size: "a size, for example 5MiB",
  age: "an age, for example 30d",
  duration: "a duration, for example 15s",
};

/** A value as its reader wrote or could have written it. */
export function shownValue(setting: Setting, value: number | string | undefined): string {
  if (value === undefined) return "none";
  return setting.type === "choice" ? String(value) : textOf(setting.type, Number(value));
}

/** A bound of a setting's values; empty where there is none. */
export function boundText(setting: Setting, bound: "floor" | "ceiling"): string {
  const value = setting.type === "choice" ? undefined : setting[bound];
  return value === undefined ? "" : shownValue(setting, value);
}

/** `floor 1s, ceiling 24h, default 15s`: what every message about a setting ends with. */
export function boundsOf(setting: Setting): string {
  const bounds = (["floor", "ceiling"] as const).flatMap((bound) => {
    const text = boundText(setting, bound);
    return text === "" ? [] : [`${bound} ${text}`];
  });
  return [...bounds, `default ${shownValue(setting, setting.default)}`].join(", ");
}
