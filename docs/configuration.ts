/** Owns docs/configuration.md: every setting of the table, how it is written and which wins. */
import { boundText, PLACES, SETTING_KEYS, type Setting, settingOf, shownValue } from "../src/config/schema.ts";
import { markdownTable } from "./markdown.ts";

export function configurationPage(): string {
  return `# Configuration

<!-- Made by \`npm run docs\` from src/config/schema.ts. -->

weir works without any configuration. \`weir config\` shows every setting with its floor, ceiling, default, value and origin.

## Where it stands

A flag is believed before a variable, a variable before \`config.toml\`, that before the default.

${markdownTable(
  ["", "Linux, macOS", "Windows"],
  [
    [
      "configuration",
      "`$XDG_CONFIG_HOME/weir/config.toml` or `~/.config/weir/config.toml`",
      "`%APPDATA%\\weir\\config.toml`",
    ],
  ],
)}

\`--config FILE\` or \`WEIR_CONFIG\` names another file, which must then be there. Nothing is ever loaded from the working
directory: no project configuration, no \`.env\`.

\`\`\`toml
segment_max_bytes = "5MiB"
max_age_days = 30
max_total_bytes = "100MB"
\`\`\`

## Settings

${markdownTable(
  ["key", "type", "floor", "ceiling", "default", "variable", "flag"],
  SETTING_KEYS.map((key) => {
    const setting = settingOf(key);
    const bounds = (["floor", "ceiling"] as const).map((bound) => code(boundText(setting, bound)));
    return [code(key), setting.type, ...bounds, code(shownValue(setting, setting.default)), ...names(setting)];
  }),
)}

${SETTING_KEYS.map((key) => `- \`${key}\`: ${settingOf(key).meaning}.${choices(settingOf(key))}`).join("\n")}

What says where to look is set by flags and variables only:

${markdownTable(
  ["", "flag", "variable", "meaning"],
  Object.entries(PLACES).map(([key, { flag, variable, meaning }]) => [
    code(key),
    code(`--${flag}`),
    code(variable),
    meaning,
  ]),
)}

## How values are written

- Sizes: \`100MB\`, \`64KiB\`, \`4096B\`; kB, MB, GB, TB are decimal, KiB, MiB, GiB, TiB binary.
- Ages: \`30d\`, \`36h\`, \`2w\`. Durations: \`15s\`, \`2m\`, \`1500ms\`.
- A flag's amount needs its unit. A key and its variable end with one (\`max_age_days = 30\`, \`WEIR_SEGMENT_MAX_BYTES=65536\`),
  so a bare number counts in that; with a unit written beside it, that one holds.

A wrong type, an unknown key, a value below the floor, above the ceiling or without a unit ends the command with exit code 2 before anything
is done, and names where it was given, the key, its bounds and its default. That holds for a value that another one
overrides, too.

Settings that defeat each other are warned of once a run: a \`max_total_bytes\` below two segments, since only whole
segments are ever pruned, and never the one that is being written.
`;
}

/** An empty text stays one. */
function code(text: string): string {
  return text && `\`${text}\``;
}

function names({ variable, flag }: Setting): string[] {
  return [code(variable), flag === undefined ? "" : code(`--${flag}`)];
}

function choices(setting: Setting): string {
  return setting.type === "choice" ? ` One of ${setting.options.map(code).join(", ")}.` : "";
}
