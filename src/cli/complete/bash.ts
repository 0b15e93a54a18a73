/** Owns the bash script: it works from bash 3.2 on, which macOS still has. */
import type { Completion, Model, Value } from "./model.ts";

const HEAD = `# Completion of weir for bash: eval "$(weir completions bash)"
_weir_words() { # WORDS, completed; behind a comma where the option takes a list
  local lead="" last="$cur"
  if [[ $2 == list && $cur == *,* ]]; then lead="\${cur%,*}," last="\${cur##*,}"; fi
  local word
  for word in $1; do [[ $word == "$last"* ]] && COMPREPLY+=("$lead$word"); done
}

_weir_either() { # WORDS OPTIONS: options behind a dash, or where there are no words
  if [[ $cur == -* || $1 == "" ]]; then _weir_words "$2"; else _weir_words "$1"; fi
}

_weir_paths() { # -f for files, -d for folders
  local path
  while IFS= read -r path; do COMPREPLY+=("$path"); done < <(compgen "$1" -- "$cur")
  type compopt &>/dev/null && compopt -o filenames 2>/dev/null
}
`;

export function bashScript({ commands, options }: Model): string {
  const names = commands.map(({ name }) => name);
  return `${HEAD}
_weir() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" before="" command="" at
  COMPREPLY=()
  # --format=csv comes as three words.
  if [[ $cur == "=" ]]; then cur="" before="\${COMP_WORDS[COMP_CWORD - 1]}"
  elif ((COMP_CWORD > 1)) && [[ \${COMP_WORDS[COMP_CWORD - 1]} == "=" ]]; then before="\${COMP_WORDS[COMP_CWORD - 2]}"
  elif ((COMP_CWORD > 0)); then before="\${COMP_WORDS[COMP_CWORD - 1]}"; fi
  for ((at = 1; at < COMP_CWORD; at++)); do
    case "\${COMP_WORDS[at]}" in
      ${patterns(options.filter(({ value }) => value.kind !== "none"))}) ((at++)); [[ \${COMP_WORDS[at]} == "=" ]] && ((at++)) ;;
      ${names.join(" | ")}) command="\${COMP_WORDS[at]}"; break ;;
    esac
  done
  case "$command $before" in
${valueCases(commands.map(({ name, options: own }) => [name, own]))
  .concat(valueCases([["", options]]))
  .join("\n")}
  esac
  case "$command" in
    "") _weir_either "${names.join(" ")}" "${optionWords(options).join(" ")}" ;;
${commands.map(({ name, options: own, words }) => `    ${name}) _weir_either "${words.join(" ")}" "${optionWords(own).join(" ")}" ;;`).join("\n")}
  esac
}
complete -F _weir weir
`;
}

function patterns(options: readonly Completion[]): string {
  return optionWords(options).join(" | ");
}

function optionWords(options: readonly Completion[]): string[] {
  return options.flatMap(({ option, letter }) => (letter === undefined ? [option] : [option, letter]));
}

/** What completes the value of each option that takes one; the same answer for many commands stands once. */
function valueCases(commands: readonly (readonly [command: string, options: readonly Completion[]])[]): string[] {
  const cases = new Map<string, string[]>();
  for (const [command, options] of commands) {
    for (const option of options.filter(({ value }) => value.kind !== "none")) {
      const action = actionOf(option.value);
      cases.set(action, [...(cases.get(action) ?? []), ...optionWords([option]).map((word) => `"${command} ${word}"`)]);
    }
  }
  return [...cases].map(([action, words]) => `    ${words.join(" | ")}) ${action}return ;;`);
}

function actionOf(value: Value): string {
  if (value.kind === "words") return `_weir_words "${value.words.join(" ")}"${value.isList ? " list" : ""}; `;
  if (value.kind === "file") return "_weir_paths -f; ";
  return value.kind === "folder" ? "_weir_paths -d; " : "";
}
