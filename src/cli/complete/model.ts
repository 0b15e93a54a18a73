/** Owns what can be completed, taken from the command table: the same for every shell. */
import type { ArgSpec, ArgTable, Command } from "../args.ts";
import { answerArgs, globalArgs } from "../args.ts";
import { firstSentence } from "../help.ts";

/** What follows an option: nothing, a path, one of some words, or something that nobody can guess. */
export type Value =
  | { readonly kind: "none" | "file" | "folder" | "free" }
  | { readonly kind: "words"; readonly words: readonly string[]; readonly isList: boolean };

export interface Completion {
  /** `--format`; a switch that is on by default is completed as `--no-wait`. */
  readonly option: string;
  /** `-o`. */
  readonly letter?: string;
  readonly description: string;
  readonly value: Value;
  /** It may be given again. */
  readonly repeats: boolean;
  readonly hint: string;
}

export interface CompletedCommand {
  readonly name: string;
  readonly summary: string;
  /** Its own, then those of every command. */
  readonly options: readonly Completion[];
  /** What the command's one argument may be. */
  readonly words: readonly string[];
}

export interface Model {
  readonly commands: readonly CompletedCommand[];
  /** Before the command's name. */
  readonly options: readonly Completion[];
}

/** The names that `names` in the command table stands for. */
export type Names = Readonly<Record<"agents" | "streams" | "operations", readonly string[]>>;

export function modelOf(commands: readonly Command[], names: Names): Model {
  const shared: ArgTable = { ...globalArgs, ...answerArgs };
  const options = (table: ArgTable): Completion[] =>
    Object.entries(table).flatMap(([name, spec]) => completionsOf(name, spec, names));
  const help = {
    name: "help",
    summary: "Show help on a command",
    options: options(shared),
    words: commands.map(({ name }) => name),
  };
  const own = commands.map(({ name, summary, args, positional }) => ({
    name,
    summary: firstSentence(summary).replace(/\.$/, ""),
    options: options({ ...args, ...shared }),
    words: positional?.options ?? [],
  }));
  return { options: options(shared), commands: [...own, help] };
}

function completionsOf(name: string, spec: ArgSpec, names: Names): Completion[] {
  const { alias, description } = spec;
  const letter = alias === undefined ? undefined : `-${alias}`;
  const repeats = spec.type !== "boolean" && Boolean(spec.repeatable);
  const hint = spec.type === "boolean" ? "" : (spec.valueHint ?? name);
  const one = { letter, description, value: valueAfter(spec, names), repeats, hint };
  if (spec.type !== "boolean" || !spec.negatable) return [{ ...one, option: `--${name}` }];
  const both = [`--${name}`, `--no-${name}`].map((option) => ({ ...one, option }));
  return spec.default ? both.slice(1) : both;
}

function valueAfter(spec: ArgSpec, names: Names): Value {
  if (spec.type === "boolean") return { kind: "none" };
  const isList = spec.repeatable === true;
  if (spec.type === "enum") return { kind: "words", words: spec.options, isList };
  if (spec.names) return { kind: "words", words: names[spec.names], isList };
  if (spec.valueHint === "FILE") return { kind: "file" };
  return { kind: spec.valueHint === "DIR" ? "folder" : "free" };
}
