/** Owns how help looks. What it says stands in the command table; it must not print. */

import type { ArgSpec, ArgTable, Command, Example, Positional } from "./args.ts";
import { answerArgs, globalArgs } from "./args.ts";
import type { Paint } from "./color.ts";
import { paint } from "./color.ts";

/** The whole program, for `weir --help`. */
export interface Program {
  readonly summary: string;
  readonly commands: readonly Command[];
  readonly examples: readonly Example[];
  readonly exitCodes: readonly (readonly [code: string, meaning: string])[];
}

export interface HelpOptions {
  /** Decided for the stream that help goes to; headings become bold, nothing else changes. */
  readonly color: boolean;
}

/** No line of help is wider. */
export const HELP_COLUMNS = 100;

const INDENT = "  ";
/** The left column is at most this wide; what is longer gets a line of its own. */
const WIDEST_LABEL = 44;

type Row = readonly [label: string, text: string];

/** `weir --help`: the commands, the options of all of them, examples, exit codes. Ends with a newline. */
export function programHelp(program: Program, { color }: HelpOptions): string {
  const style = paint(color);
  const commands = program.commands.map(({ name, summary }): Row => [name, summary]);
  return join([
    wrap(program.summary, HELP_COLUMNS),
    usage("weir COMMAND [OPTIONS]", style),
    section("Commands", rows(commands), style),
    section("Options of every command", rows(optionRows({ ...globalArgs, ...answerArgs })), style),
    section("Examples", rows(exampleRows(program.examples)), style),
    section("Exit codes", rows(program.exitCodes), style),
    ["weir COMMAND --help tells more about one command."],
  ]);
}

/** `weir sync --help`: what one command does, its options with their defaults, examples. Ends with a newline. */
export function commandHelp(command: Command, { color }: HelpOptions): string {
  const style = paint(color);
  const { name, summary, args, positional } = command;
  const label = positional ? ` ${positional.required ? wordLabel(positional) : `[${wordLabel(positional)}]`}` : "";
  const word: readonly Row[] = positional ? [[wordLabel(positional), wordText(positional)]] : [];
  return join([
    wrap(summary, HELP_COLUMNS),
    usage(`weir ${name}${label} [OPTIONS]`, style),
    section("Argument", rows(word), style),
    section("Options", rows(optionRows(args)), style),
    section("Options of every command", rows(optionRows({ ...globalArgs, ...answerArgs })), style),
    section("Examples", rows(exampleRows(command.examples)), style),
  ]);
}

function join(sections: readonly (readonly string[])[]): string {
  const shown = sections.filter((lines) => lines.length > 0).map((lines) => lines.join("\n"));
  return `${shown.join("\n\n")}\n`;
}

function usage(line: string, style: Paint): readonly string[] {
  return [`${style.bold("Usage:")} ${line}`];
}

function section(heading: string, lines: readonly string[], style: Paint): readonly string[] {
  return lines.length === 0 ? [] : [style.bold(heading), ...lines];
}

function exampleRows(examples: readonly Example[]): readonly Row[] {
  return examples.map(({ line, does }): Row => [line, does]);
}

function wordLabel({ name }: Positional): string {
  return name.toUpperCase();
}

function wordText({ description, options }: Positional): string {
  return options ? `${description} (one of ${options.join(", ")})` : description;
}

function optionRows(table: ArgTable): readonly Row[] {
  return Object.entries(table).map(([name, spec]): Row => [optionLabel(name, spec), optionText(spec)]);
}

/** `-o, --out FILE`; a switch that is on by default shows the form that changes something: `--no-wait`. */
function optionLabel(name: string, spec: ArgSpec): string {
  const letter = spec.alias === undefined ? "    " : `-${spec.alias}, `;
  if (spec.type !== "boolean") return `${letter}--${name} ${valueLabel(spec)}`;
  if (!spec.negatable) return `${letter}--${name}`;
  return spec.default ? `${letter}--no-${name}` : `${letter}--[no-]${name}`;
}

function valueLabel(spec: Exclude<ArgSpec, { readonly type: "boolean" }>): string {
  if (spec.valueHint !== undefined) return spec.valueHint;
  return spec.type === "enum" ? spec.options.join("|") : "VALUE";
}

function optionText(spec: ArgSpec): string {
  const notes: string[] = [];
  if (spec.type === "enum" && spec.valueHint !== undefined) notes.push(`one of ${spec.options.join(", ")}`);
  if (spec.type !== "boolean" && spec.repeatable) notes.push("repeatable");
  const fallback = spec.defaultText ?? (typeof spec.default === "string" ? spec.default : undefined);
  if (fallback !== undefined) notes.push(`default: ${fallback}`);
  return notes.length === 0 ? spec.description : `${spec.description} (${notes.join("; ")})`;
}

/** Two aligned columns; the right one is wrapped, and starts on a line of its own where the left one is too long. */
function rows(pairs: readonly Row[]): readonly string[] {
  const short = pairs.map(([label]) => Bun.stringWidth(label)).filter((width) => width <= WIDEST_LABEL);
  const column = INDENT.length + Math.max(0, ...short) + INDENT.length;
  return pairs.flatMap(([label, text]) => {
    const room = column - INDENT.length - INDENT.length;
    const lines = wrap(text, HELP_COLUMNS - column).map((line) => " ".repeat(column) + line);
    if (Bun.stringWidth(label) > room) {
      const fits = Bun.stringWidth(label) <= HELP_COLUMNS - INDENT.length;
      const own = fits ? [label] : wrap(label, HELP_COLUMNS - INDENT.length);
      return [...own.map((line) => INDENT + line), ...lines];
    }
    const first = INDENT + label + " ".repeat(room - Bun.stringWidth(label)) + INDENT + (lines[0]?.trimStart() ?? "");
    return [first.trimEnd(), ...lines.slice(1)];
  });
}

/** Breaks at spaces; a word that is wider than the room is broken where it must be. */
function wrap(text: string, room: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ").filter((each) => each !== "")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (Bun.stringWidth(longer) <= room) {
      line = longer;
      continue;
    }
    if (line !== "") lines.push(line);
    line = "";
    for (const char of word) {
      if (Bun.stringWidth(line + char) > room) {
        lines.push(line);
        line = "";
      }
      line += char;
    }
  }
  return line === "" ? lines : [...lines, line];
}
