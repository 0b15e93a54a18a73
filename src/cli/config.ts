/** Owns `weir config`: what every setting is, what it may be, and where its value comes from. */
import { basename } from "node:path";
import { boundText, PLACES, SETTING_KEYS, settingOf, shownValue } from "../config/schema.ts";
import { paint } from "./color.ts";
import { EXIT } from "./exit.ts";
import type { Io } from "./io.ts";
import { table } from "./table.ts";
import { jsonLine } from "./text.ts";

export async function run(options: { readonly json: boolean }, io: Io): Promise<number> {
  const { settings, origins, file, isFileThere, conflicts } = io.configuration;
  for (const conflict of conflicts) io.log.warn(conflict);
  const rows = SETTING_KEYS.map((key) => {
    const setting = settingOf(key);
    const { type, default: fallback, variable, flag, meaning } = setting;
    const bounds =
      setting.type === "choice" ? { options: setting.options } : { floor: setting.floor, ceiling: setting.ceiling };
    return {
      key,
      type,
      ...bounds,
      default: fallback,
      value: settings[key],
      origin: origins[key],
      variable,
      flag,
      meaning,
    };
  });
  const places = [
    { key: "home", value: io.environment.homes.map((home) => home.path), origin: io.placedBy.home, ...PLACES.home },
    { key: "data_dir", value: io.dataDir, origin: io.placedBy.data_dir, ...PLACES.data_dir },
  ];
  if (options.json) {
    const document = { schema: "weir.config", version: 1, file, file_exists: isFileThere, settings: rows, places };
    io.stdout.write(jsonLine(document));
    return EXIT.done;
  }
  // The last line names it in full.
  const originOf = (origin: string): string => (origin === file ? basename(file) : origin);
  const lines = [
    ...rows.map(({ key, type, value, origin }) => {
      const setting = settingOf(key);
      const bounds = [boundText(setting, "floor"), boundText(setting, "ceiling")];
      return [key, type, ...bounds, shownValue(setting, setting.default), shownValue(setting, value), originOf(origin)];
    }),
    ...places.map(({ key, value, origin }) => [key, "folder", "", "", "", [value].flat().join(", "), origin]),
  ];
  io.stdout.write(
    table(
      lines,
      [
        { header: "SETTING" },
        { header: "TYPE", spare: 4 },
        { header: "FLOOR", align: "right", spare: 2 },
        { header: "CEILING", align: "right", spare: 3 },
        { header: "DEFAULT", align: "right", spare: 1 },
        { header: "VALUE" },
        { header: "ORIGIN" },
      ],
      { width: io.columns, headerStyle: paint(io.color).bold },
    ),
  );
  io.log.info(`configuration file: ${file}${isFileThere ? "" : " (not there)"}`);
  return EXIT.done;
}
