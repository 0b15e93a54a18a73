/** Owns docs/weir.1: the manual page, from the same tables as the help. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type ArgSpec, type ArgTable, answerArgs, type Command, globalArgs } from "../src/cli/args.ts";
import { optionText } from "../src/cli/help.ts";
import { program } from "../src/cli/program.ts";
import { SETTING_KEYS, settingOf } from "../src/config/schema.ts";

const { version } = JSON.parse(readFileSync(join(import.meta.dir, "../package.json"), "utf8")) as { version: string };

/** Where they are when nothing moves them. */
const FILES: readonly (readonly [path: string, meaning: string])[] = [
  ["~/.config/weir/config.toml", "the settings; weir config shows which hold"],
  ["~/.local/share/weir/archive/weir-*.jsonl", "the archive: plain JSON Lines, one record a line"],
  ["~/.local/share/weir/state.db", "how far each source has been read; rebuilt from the archive when it is lost"],
];

export function manualPage(): string {
  const { summary, commands, examples, exitCodes } = program;
  const shared = optionList({ ...globalArgs, ...answerArgs });
  return `${[
    `.\\" Made by npm run docs from the command table.`,
    `.TH WEIR 1 "" "weir ${version}" "User Commands"`,
    ".SH NAME",
    "weir \\- one archive of every AI coding agent's sessions",
    ".SH SYNOPSIS",
    ".B weir",
    ".I COMMAND",
    "[\\fIOPTIONS\\fR]",
    ".SH DESCRIPTION",
    text(summary),
    ".SH COMMANDS",
    ...commands.flatMap(commandPart),
    ".SH OPTIONS OF EVERY COMMAND",
    ...shared,
    ".SH ENVIRONMENT",
    ...environment(),
    ".SH FILES",
    ...FILES.flatMap(([path, meaning]) => term(`.I ${text(path)}`, meaning)),
    ".SH EXIT STATUS",
    ...exitCodes.flatMap(([code, meaning]) => term(`.B ${text(code)}`, meaning)),
    ".SH EXAMPLES",
    ...examples.flatMap(({ line, does }) => term(`.B ${text(line)}`, does)),
  ].join("\n")}\n`;
}

function commandPart({ name, summary, args, positional, examples }: Command): string[] {
  const word = positional ? ` \\fI${positional.name.toUpperCase()}\\fR` : "";
  return [
    `.SS weir ${name}${word}`,
    text(summary),
    ...(positional?.options
      ? term(`.I ${positional.name.toUpperCase()}`, `one of ${positional.options.join(", ")}`)
      : []),
    ...optionList(args),
    ...examples.flatMap(({ line, does }) => term(`.B ${text(line)}`, does)),
  ];
}

function optionList(table: ArgTable): string[] {
  return Object.entries(table).flatMap(([name, spec]) => term(optionHead(name, spec), optionText(spec)));
}

function optionHead(name: string, spec: ArgSpec): string {
  const letter = spec.alias === undefined ? "" : `\\fB\\-${spec.alias}\\fR, `;
  if (spec.type !== "boolean") {
    const hint = spec.valueHint ?? (spec.type === "enum" ? spec.options.join("|") : "VALUE");
    return `${letter}\\fB\\-\\-${text(name)}\\fR \\fI${text(hint)}\\fR`;
  }
  return `${letter}\\fB\\-\\-${text(spec.negatable && spec.default ? `no-${name}` : name)}\\fR`;
}

function environment(): string[] {
  return [
    ...term(".B WEIR_CONFIG", "the configuration file, as --config"),
    ...term(".B WEIR_DATA_DIR", "the data folder, as --data-dir"),
    ...term(".B WEIR_HOME", "home folders to look under, separated as in PATH, as --home"),
    ...SETTING_KEYS.flatMap((key) => term(`.B ${settingOf(key).variable}`, settingOf(key).meaning)),
    ...term(
      ".B OTEL_EXPORTER_OTLP_*, OTEL_RESOURCE_ATTRIBUTES, OTEL_SDK_DISABLED",
      "for export --to, as OpenTelemetry says",
    ),
    ...term(".B NO_COLOR, FORCE_COLOR", "no colour, or colour also where there is no terminal"),
  ];
}

function term(head: string, description: string): string[] {
  return [".TP", head, text(description)];
}

/** Text that the formatter takes as it is: no escape, no hyphen that becomes another character, no request. */
function text(plain: string): string {
  return plain
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/^([.'])/, "\\&$1");
}
