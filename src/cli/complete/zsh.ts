/** Owns the zsh script: for a folder of $fpath, or to be evaluated. */
import type { Completion, Model } from "./model.ts";

export function zshScript({ commands, options }: Model): string {
  return `#compdef weir
# Completion of weir for zsh: weir completions zsh > "\${fpath[1]}/_weir"

_weir() {
  local curcontext="$curcontext" state line
  typeset -A opt_args
  _arguments -C -s \\
${specs(options)}
    '1: :->command' \\
    '*:: :->rest' && return
  case $state in
    command)
      local -a commands=(
${commands.map(({ name, summary }) => `        ${quoted(`${name}:${summary.replaceAll(":", "\\:")}`)}`).join("\n")}
      )
      _describe -t commands command commands
      ;;
    rest)
      case $line[1] in
${commands
  .map(
    ({ name, options: own, words }) => `        ${name})
          _arguments -s \\
${specs(own, "            ")}
            ${words.length > 0 ? quoted(`1:${name}:(${words.join(" ")})`) : "'*: :'"}
          ;;`,
  )
  .join("\n")}
      esac
      ;;
  esac
}

if [[ $funcstack[1] == _weir ]]; then _weir "$@"; else compdef _weir weir; fi
`;
}

function specs(options: readonly Completion[], indent = "    "): string {
  return options.map((option) => `${indent}${specOf(option)} \\`).join("\n");
}

/** `'(-o --output)'{-o+,--output=}'[write here]:FILE:_files'` */
function specOf({ option, letter, description, value, repeats, hint }: Completion): string {
  const text = `[${description.replace(/[[\]:\\]/g, "\\$&")}]`;
  const takes = value.kind !== "none";
  const tail = takes ? `${text}:${hint.replaceAll(":", "\\:")}:${actionOf(value)}` : text;
  const long = `${option}${takes ? "=" : ""}`;
  if (letter === undefined) return quoted(`${repeats ? "*" : ""}${long}${tail}`);
  const both = `{${letter}${takes ? "+" : ""},${long}}`;
  return repeats ? `'*'${both}${quoted(tail)}` : `${quoted(`(${letter} ${option})`)}${both}${quoted(tail)}`;
}

function actionOf(value: Completion["value"]): string {
  if (value.kind === "words")
    return value.isList ? `_sequence compadd - ${value.words.join(" ")}` : `(${value.words.join(" ")})`;
  if (value.kind === "file") return "_files";
  return value.kind === "folder" ? "_files -/" : "";
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
