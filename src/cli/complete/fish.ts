/** Owns the fish script. */
import type { Completion, Model } from "./model.ts";

export function fishScript({ commands, options }: Model): string {
  const isFirst = `not __fish_seen_subcommand_from ${commands.map(({ name }) => name).join(" ")}`;
  const shared = new Set(options.map(({ option }) => option));
  const lines = [
    "# Completion of weir for fish: weir completions fish > ~/.config/fish/completions/weir.fish",
    "complete -c weir -f",
    ...commands.map(({ name, summary }) => `complete -c weir -n ${quoted(isFirst)} -a ${name} -d ${quoted(summary)}`),
    ...options.map((option) => `complete -c weir ${optionOf(option)}`),
    ...commands.flatMap(({ name, options: own, words }) => {
      const isThis = `-n ${quoted(`__fish_seen_subcommand_from ${name}`)}`;
      return [
        ...own
          .filter(({ option }) => !shared.has(option))
          .map((option) => `complete -c weir ${isThis} ${optionOf(option)}`),
        ...(words.length > 0 ? [`complete -c weir ${isThis} -a ${quoted(words.join(" "))}`] : []),
      ];
    }),
  ];
  return `${lines.join("\n")}\n`;
}

function optionOf({ option, letter, description, value }: Completion): string {
  const names = `-l ${option.slice(2)}${letter === undefined ? "" : ` -s ${letter.slice(1)}`}`;
  return `${names}${actionOf(value)} -d ${quoted(description)}`;
}

function actionOf(value: Completion["value"]): string {
  if (value.kind === "none") return "";
  if (value.kind === "file") return " -r -F";
  if (value.kind === "folder") return " -x -a '(__fish_complete_directories)'";
  if (value.kind !== "words") return " -x";
  const words = value.words.join(" ");
  return value.isList ? ` -x -a '(__fish_append , ${words})'` : ` -x -a ${quoted(words)}`;
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
