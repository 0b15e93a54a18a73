/** Owns how help looks. What it says stands in the command table; it must not print. */

import type { ArgSpec, ArgTable, Command, Example, Positional } from "./args.ts";
import { answerArgs, globalArgs } from "./args.ts";
import type { Paint } from "./color.ts";
import { paint } from "./color.ts";
import { wrap } from "./text.ts";

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
  /** Of the terminal, if there is one. Help is never wider than `HELP_COLUMNS`, and never made for fewer than 40. */
  readonly columns?: number;
}

/** No line of help is wider, unless a single word is. */
export const HELP_COLUMNS = 100;
const LEAST_COLUMNS = 40;

const INDENT = "  ";
/** The left column takes at most this share of the width; what is longer gets a line of its own. */
const WIDEST_LABEL = 0.48;

type Row = readonly [label: string, text: string];

/** `weir --help`: the commands, the options of all of them, examples, exit codes. Ends with a newline. */
export function programHelp(program: Program, options: HelpOptions): string {
  const page = new Page(options);
  return page.text([
    page.lines(program.summary),
    page.usage("weir COMMAND [OPTIONS]"),
    page.section("Commands", commandRows(program)),
    page.section("Options of every command", optionRows({ ...globalArgs, ...answerArgs })),
    page.section("Examples", exampleRows(program.examples)),
    page.section("Exit codes", program.exitCodes),
    page.lines("weir COMMAND --help tells more about one command."),
  ]);
}

/** What `weir` alone is answered with: what it is, and its commands. Ends with a newline. */
export function programOverview(program: Program, options: HelpOptions): string {
  const page = new Page(options);
  return page.text([
    page.lines(program.summary),
    page.usage("weir COMMAND [OPTIONS]"),
    page.section("Commands", commandRows(program)),
    page.lines("weir --help tells more, weir COMMAND --help all about one command."),
  ]);
}

/** `weir sync --help`: what one command does, its options with their defaults, examples. Ends with a newline. */
export function commandHelp(command: Command, options: HelpOptions): string {
  const page = new Page(options);
  const { name, summary, args, positional } = command;
  const label = positional ? ` ${positional.required ? wordLabel(positional) : `[${wordLabel(positional)}]`}` : "";
  const word: readonly Row[] = positional ? [[wordLabel(positional), wordText(positional)]] : [];
  return page.text([
    page.lines(summary),
    page.usage(`weir ${name}${label} [OPTIONS]`),
    page.section("Argument", word),
    page.section("Options", optionRows(args)),
    page.section("Options of every command", optionRows({ ...globalArgs, ...answerArgs })),
    page.section("Examples", exampleRows(command.examples)),
  ]);
}

/** The first sentence of what a command does; the others are for its own help. */
export function firstSentence(summary: string): string {
  return summary.replace(/\. .*$/s, ".");
}

function commandRows({ commands }: Program): readonly Row[] {
  return commands.map(({ name, summary }): Row => [name, firstSentence(summary)]);
}

/** One width and one style for all parts of a text. */
class Page {
  readonly #columns: number;
  readonly #style: Paint;

  constructor({ color, columns = HELP_COLUMNS }: HelpOptions) {
    this.#columns = Math.max(LEAST_COLUMNS, Math.min(HELP_COLUMNS, columns));
    this.#style = paint(color);
  }

  text(sections: readonly (readonly string[])[]): string {
    const shown = sections.filter((lines) => lines.length > 0).map((lines) => lines.join("\n"));
    return `${shown.join("\n\n")}\n`;
  }

  lines(text: string): readonly string[] {
    return wrap(text, this.#columns);
  }

  usage(line: string): readonly string[] {
    return [`${this.#style.bold("Usage:")} ${line}`];
  }

  section(heading: string, rows: readonly Row[]): readonly string[] {
    return rows.length === 0 ? [] : [this.#style.bold(heading), ...this.#rows(rows)];
  }

  /** Two aligned columns; the right one is wrapped, and starts on a line of its own where the left one is too long. */
  #rows(pairs: readonly Row[]): readonly string[] {
    const widest = Math.floor(this.#columns * WIDEST_LABEL);
    const short = pairs.map(([label]) => Bun.stringWidth(label)).filter((width) => width <= widest);
    const column = INDENT.length + Math.max(0, ...short) + INDENT.length;
    return pairs.flatMap(([label, text]) => {
      const room = column - INDENT.length - INDENT.length;
      const lines = wrap(text, this.#columns - column).map((line) => (" ".repeat(column) + line).trimEnd());
      if (Bun.stringWidth(label) > room) {
        const fits = Bun.stringWidth(label) <= this.#columns - INDENT.length;
        const own = fits ? [label] : wrap(label, this.#columns - INDENT.length);
        return [...own.map((line) => INDENT + line), ...lines];
      }
      const first = INDENT + label + " ".repeat(room - Bun.stringWidth(label)) + INDENT + (lines[0]?.trimStart() ?? "");
      return [first.trimEnd(), ...lines.slice(1)];
    });
  }
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

/** What an option does, with its choices and its default: for the help and the manual page. */
export function optionText(spec: ArgSpec): string {
  const notes: string[] = [];
  if (spec.type === "enum" && spec.valueHint !== undefined) notes.push(`one of ${spec.options.join(", ")}`);
  if (spec.type !== "boolean" && spec.repeatable) notes.push("repeatable");
  const fallback = spec.defaultText ?? (typeof spec.default === "string" ? spec.default : undefined);
  if (fallback !== undefined) notes.push(`default: ${fallback}`);
  return notes.length === 0 ? spec.description : `${spec.description} (${notes.join("; ")})`;
}
